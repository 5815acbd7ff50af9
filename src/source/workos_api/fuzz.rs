//! Fuzzing: see `crate::fuzz`.

use super::page::{Follows, Page};
use super::place::Place;
use crate::event::{Privacy, Timestamp, Treatment};

/// 2026-01-15T12:00:00Z.
const NOW: Timestamp = Timestamp::from_millis(1_768_478_400_000);

/// A cursor up to the first line feed, then the answer to a request from there. A cursor is read as it was written; a page never
/// leads back in time or ahead of the clock, and where it says that another follows there is a way to ask for it.
pub(crate) fn events_api(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (cursor, answer) = text.split_once('\n').unwrap_or(("", &text));
    let from = Place::parse(cursor).unwrap_or_else(|| Place::recent(NOW));
    assert_eq!(Place::parse(&from.to_string()).as_ref(), Some(&from), "{from}");
    assert!(!from.query("a".into(), NOW).parameters().is_empty());
    let privacy = Privacy::new(Treatment::Hash, b"key");
    let Ok(page) = Page::read(answer, &from, &privacy, NOW) else { return };
    assert!(page.next.at >= from.at && page.next.at <= from.at.max(NOW));
    if page.follows == Follows::Page {
        assert!(page.next.id.is_some() && page.next.id != from.id);
    }
    assert_eq!(Place::parse(&page.next.to_string()), Some(page.next));
}
