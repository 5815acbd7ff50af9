//! What the lines of files are, and what becomes of them.

use std::fmt::Debug;

use crate::event::decode::{Rejection, check_time, decode};
use crate::event::{AuthEvent, Privacy, Source, Timestamp};
use crate::journal::Delivery;

/// Lines of one kind.
pub trait Content: Debug + Send + 'static {
    /// What a good line gives.
    type Taken: Send + 'static;

    /// The source: its entries in the configuration, its label, its cursors.
    const SOURCE: Source;

    /// Whether a line says by itself where it ends, so that one without its line end may be whole.
    const LINES_END_THEMSELVES: bool;

    /// Reads a line of a file of the entry with this number.
    fn read(&mut self, entry: usize, line: &[u8], now: Timestamp)
    -> Result<Self::Taken, Rejection>;

    /// What the good lines since the last call give to the journal.
    fn deliver(&mut self, taken: Vec<Self::Taken>) -> Delivery;
}

/// Recorded events.
#[derive(Debug)]
pub struct Events {
    /// What happens to personal data.
    pub privacy: Privacy,
}

impl Content for Events {
    type Taken = AuthEvent;

    const SOURCE: Source = Source::Files;
    const LINES_END_THEMSELVES: bool = true;

    fn read(&mut self, _: usize, line: &[u8], now: Timestamp) -> Result<AuthEvent, Rejection> {
        let event = decode(line, &self.privacy)?;
        check_time(&event, now).map(|()| event)
    }

    fn deliver(&mut self, taken: Vec<AuthEvent>) -> Delivery {
        let events = taken.into_iter().map(|event| (Self::SOURCE, event)).collect();
        Delivery { events, ..Delivery::default() }
    }
}
