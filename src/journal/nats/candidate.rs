//! An instance that does not own the journal: reads what the owner writes, and claims the journal when there is none.

use std::cmp::Ordering::{Equal, Greater, Less};

use tokio::time::Instant;

use super::error::NatsError;
use super::journal::Journal;
use super::lease::Patience;
use super::reader::{Holder, Reader};
use crate::event::{Entry, Timestamp};

/// Reads along, and may become the owner.
#[derive(Debug)]
pub struct Candidate {
    journal: Journal,
    reader: Reader,
    patience: Patience,
    /// When the journal was asked last.
    asked: Option<Instant>,
}

impl Candidate {
    /// Reads from the beginning.
    pub(super) fn new(journal: Journal) -> Self {
        let reader = journal.reader(0);
        Self { journal, reader, patience: Patience::default(), asked: None }
    }

    /// Asks whether there is more to read. When there is less than was read, and stays so, it must be read anew.
    pub fn look(&mut self) -> Result<(), NatsError> {
        let asked = Instant::now();
        match self.journal.look()? {
            Less if self.patience.is_over(asked) => return Err(NatsError::Shrunk),
            // A server that is behind the others says nothing.
            Less => return Ok(()),
            Equal => {}
            Greater => self.patience.hear(asked),
        }
        self.asked = Some(asked);
        Ok(())
    }

    /// Whether nothing was ever written into the journal, as far as it was asked.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.journal.is_empty()
    }

    /// The entries of the next append with their positions; empty when there are no more for now.
    pub fn next_batch(&mut self) -> Result<Vec<(u64, Entry)>, NatsError> {
        self.reader.next_batch()
    }

    /// Entries that were wanted and are gone, since the last call.
    pub fn take_skipped(&mut self) -> u64 {
        self.reader.take_skipped()
    }

    /// Goes to `position`, forwards or back.
    pub fn seek(&mut self, position: u64) {
        self.reader.seek(position);
    }

    /// The journal for those who read as far as this one knows it. It takes no appends.
    #[must_use]
    pub fn journal(&self) -> Journal {
        self.journal.read_only()
    }

    /// Claims the journal as `name` if it is anybody's; whether this is the owner now. Everything that was there must have been
    /// read; `next` is the position of the next entry.
    pub fn claim(&mut self, name: &str, now: Timestamp, next: u64) -> Result<bool, NatsError> {
        let Some(asked) = self.asked.take() else { return Ok(false) };
        let free = self.journal.is_empty() || self.reader.holder == Holder::Nobody;
        if !(self.patience.is_over(asked) || free) {
            return Ok(false);
        }
        let claimed = self.journal.claim(name, now, next.max(self.reader.position()))?;
        if !claimed {
            self.patience.hear(Instant::now());
        }
        Ok(claimed)
    }

    /// What the owner writes with.
    #[must_use]
    pub fn into_journal(self) -> Journal {
        self.journal
    }
}
