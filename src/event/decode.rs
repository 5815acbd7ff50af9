//! WorkOS's JSON into [`AuthEvent`](super::AuthEvent).
//!
//! Lenient where WorkOS is loose (a missing `object`, null or missing `sso` fields, numbers where text is
//! expected, a key that is there twice, types and fields that nobody knew yet), strict where an event would
//! be meaningless (no id, no name, no time). Text is borrowed from the input until the event is built; fields
//! that are not used are skipped without being built, and `data` is read in one pass wherever `event` stands.
//! Personal data is treated before anything else sees it.

mod build;
mod datadog;
mod known;
mod lenient;
mod memo;
mod message;
mod quick;
mod quotes;
mod raw;
pub(super) mod scan;

use super::{AuthEvent, ConnectionInfo, OrganizationId, Privacy, Reason, Timestamp};

pub use datadog::decode_datadog_log;
use memo::Memo;
pub use message::{CODE_BYTES_MAX, MESSAGE_BYTES_MAX};
use quotes::Quotes;

/// Deepest nesting of objects and arrays that is read. WorkOS's events nest five deep; what is skipped is
/// skipped without recursion, so the limit is about rubbish, not about the stack.
pub const DEPTH_MAX: usize = 128;

/// How far `created_at` may lie ahead of our clock: more than clocks differ, and what Datadog accepts.
pub const FUTURE_MILLIS_MAX: i64 = 10 * 60 * 1000;

/// Longest event name. WorkOS's longest has 50 bytes; names become label values. A longer one is refused
/// rather than cut: two names cut to the same text would be counted as one.
pub const NAME_BYTES_MAX: usize = 100;

/// Input that is not an event. Says where and what to do, and repeats nothing of the input but field names.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{problem}")]
pub struct Rejection {
    /// The label under which it is counted.
    pub reason: Reason,
    /// A sentence for whoever sent it.
    pub problem: String,
}

impl Rejection {
    /// A rejection for `reason`, in words.
    #[must_use]
    pub fn new(reason: Reason, problem: impl Into<String>) -> Self {
        Self { reason, problem: problem.into() }
    }
}

/// Decodes one event: one JSON object, as webhooks and the Events API give it.
pub fn decode(bytes: &[u8], privacy: &Privacy) -> Result<AuthEvent, Rejection> {
    Decoder::for_one(privacy).decode(bytes)
}

/// As [`decode`], without the reader of what is ordinary: what the two say must be the same.
#[cfg(any(test, fuzzing))]
pub(crate) fn decode_with_care(bytes: &[u8], privacy: &Privacy) -> Result<AuthEvent, Rejection> {
    Decoder::for_one(privacy).decode_text(scan::text(bytes)?)
}

/// Decodes many events, which have names, ids and user agents in common.
#[derive(Debug)]
pub struct Decoder<'p> {
    privacy: &'p Privacy,
    memo: Memo,
    quotes: Quotes,
}

impl<'p> Decoder<'p> {
    fn for_one(privacy: &'p Privacy) -> Self {
        Self { privacy, memo: Memo::default(), quotes: Quotes::default() }
    }

    /// Treats personal data by `privacy`.
    #[must_use]
    pub fn new(privacy: &'p Privacy) -> Self {
        Self { privacy, memo: Memo::for_many(), quotes: Quotes::default() }
    }

    /// For a recording: many more connections come again than in a body.
    #[must_use]
    pub fn for_recording(privacy: &'p Privacy) -> Self {
        Self { privacy, memo: Memo::for_recording(), quotes: Quotes::default() }
    }

    /// As [`decode`].
    pub fn decode(&mut self, bytes: &[u8]) -> Result<AuthEvent, Rejection> {
        let text = scan::text(bytes)?;
        let mut raw = lenient::Object::default();
        if quick::parse(text, &mut self.quotes, &mut raw) {
            return build::event(&raw, self.privacy, &mut self.memo);
        }
        self.decode_text(text)
    }

    /// Whatever is out of the ordinary.
    fn decode_text(&mut self, text: &str) -> Result<AuthEvent, Rejection> {
        scan::check_depth(text)?;
        match lenient::parse(text) {
            Ok(raw) => build::event(&raw, self.privacy, &mut self.memo),
            Err(rejection) => {
                let repaired = lenient::with_pairs_repaired(text).ok_or(rejection)?;
                build::event(&lenient::parse(&repaired)?, self.privacy, &mut self.memo)
            }
        }
    }
}

/// Decodes a connection, as `GET /connections` lists it.
pub fn decode_connection(text: &str) -> Result<ConnectionInfo, Rejection> {
    build::listed_connection(&lenient::parse(text)?)
}

/// Decodes the id and the name of an organization, as `GET /organizations` lists it.
pub fn decode_organization(text: &str) -> Result<(OrganizationId, Option<Box<str>>), Rejection> {
    build::listed_organization(&lenient::parse(text)?)
}

/// Refuses an event from the future: it would move windows that have not begun.
pub fn check_time(event: &AuthEvent, now: Timestamp) -> Result<(), Rejection> {
    let ahead = event.at.millis_since(now);
    if ahead <= FUTURE_MILLIS_MAX {
        return Ok(());
    }
    let problem = format!(
        "`created_at` is {} s ahead of this machine's clock; check the clocks (at most {} s are accepted)",
        ahead / 1000,
        FUTURE_MILLIS_MAX / 1000
    );
    Err(Rejection::new(Reason::FutureTimestamp, problem))
}

#[cfg(test)]
mod tests;
