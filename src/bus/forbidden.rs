//! What the login may not publish to. NATS answers such a message with nothing: it says so beside, on the connection.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_nats::{Event, ServerError};
use tokio::time::Instant;

/// Subjects that are remembered: ssowatch has a handful of its own, and those of the API hold names of streams.
const SUBJECTS_MAX: usize = 64;

/// When the server last refused a message, by subject.
#[derive(Debug, Default)]
pub(super) struct Forbidden(Mutex<BTreeMap<String, Instant>>);

impl Forbidden {
    /// Hears what happens on the connection.
    pub(super) fn hear(&self, event: &Event) {
        let Event::ServerError(ServerError::Other(words)) = event else { return };
        let Some(subject) = subject(words) else { return };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < SUBJECTS_MAX || known.contains_key(subject) {
            known.insert(subject.to_owned(), Instant::now());
        }
    }

    /// Whether a message to `subject` was refused since then.
    pub(super) fn since(&self, subject: &str, then: Instant) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(subject).is_some_and(|at| *at >= then)
    }
}

/// The subject of `Permissions Violation for Publish to "ssowatch.journal"`; newer servers write more behind it.
fn subject(words: &str) -> Option<&str> {
    let begin = "permissions violation for publish to \"";
    let words = words.trim_start_matches('\'');
    let rest = words.get(begin.len()..).filter(|_| {
        words.get(..begin.len()).is_some_and(|head| head.eq_ignore_ascii_case(begin))
    })?;
    rest.split_once('"').map(|(subject, _)| subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_known_by_its_subject_and_its_time() {
        let (forbidden, before) = (Forbidden::default(), Instant::now());
        let hear = |words: &str| {
            forbidden.hear(&Event::ServerError(ServerError::Other(words.to_owned())));
        };
        hear("Permissions Violation for Publish to \"kk.journal\"");
        hear("'Permissions Violation for Publish to \"kk.intake\" using reply'");
        hear("Permissions Violation for Subscription to \"kk.other\"");
        hear("maximum payload exceeded");
        for (subject, refused) in [("kk.journal", true), ("kk.intake", true), ("kk.other", false)] {
            assert_eq!(forbidden.since(subject, before), refused, "{subject}");
        }
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        assert!(!forbidden.since("kk.journal", Instant::now()), "it may have been allowed since");
    }
}
