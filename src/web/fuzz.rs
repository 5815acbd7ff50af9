//! Fuzzing: see `crate::fuzz`.

use std::path::PathBuf;

use axum::extract::Query;
use axum::http::Uri;

use super::api::{Asked as Gate, Listing, Which};
use super::decision::fuzz::{marker, silence};
use super::sessions::{Asked, Sessions};
use super::{gate, page, sample};
use crate::event::{Privacy, Timestamp, Treatment};

/// 2026-01-15T12:00:00Z.
const NOW: Timestamp = Timestamp::from_millis(1_768_478_400_000);

/// What follows the `?` of every route that takes anything, and the bodies of what people decide. What is said of a mistake
/// repeats nothing that a browser would take for markup.
pub(crate) fn query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    silence(&text, NOW);
    marker(&text, NOW);
    let shown = page::html::Escaped(&*text).to_string();
    assert!(!shown.contains(['<', '>', '"']), "{shown}");
    let Ok(uri) = Uri::try_from(format!("/x?{text}")) else { return };
    drop(Query::<Listing>::try_from_uri(&uri));
    drop(Query::<Which>::try_from_uri(&uri));
    if let Ok(Query(asked)) = Query::<Gate>::try_from_uri(&uri)
        && let (Some(about), Some(since)) =
            (gate::About::parse(&asked.scope), Timestamp::parse(&asked.since))
    {
        let snapshot = sample::snapshot();
        let answer = gate::judge(&snapshot, &about, since);
        assert!(!answer.reasons.is_empty());
        // Nothing passes of which nothing is known.
        let known = match &about {
            gate::About::All | gate::About::Fleet => true,
            gate::About::Connection(id) => {
                snapshot.connections.iter().any(|view| view.label() == id)
            }
            gate::About::Tier(name) => snapshot.tiers.iter().any(|tier| *tier.tier == **name),
        };
        let may_pass = known && since <= snapshot.now;
        assert!(may_pass || answer.verdict == gate::Verdict::Hold, "{about:?} {answer:?}");
    }
    if let Ok(Query(asked)) = Query::<Asked>::try_from_uri(&uri) {
        let privacy = Privacy::new(Treatment::Hash, b"key");
        drop(Sessions::new(PathBuf::new(), privacy, 360_000).read(&asked, NOW));
    }
}
