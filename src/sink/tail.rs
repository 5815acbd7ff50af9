//! Reads the journal for logs: from where the last ones were taken, a bounded piece at a time.

use std::sync::Arc;

use super::logs::Format;
use crate::event::{AuthEvent, Entry, Record, Timestamp};
use crate::journal::{JournalError, Reader};

/// Entries that are looked at in one go: bounds the time until a stop is heard where there is much to pass over.
const ENTRIES_MAX: usize = 50_000;

/// The end of the journal that has not been sent.
pub(super) struct Tail {
    reader: Reader,
    format: Arc<Format>,
    /// What was read and not looked at: the rest of one append.
    pending: std::vec::IntoIter<(u64, Entry)>,
}

/// A piece of it.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// At most as many as go into one request.
    pub(super) events: Vec<AuthEvent>,
    /// The position after the piece.
    pub(super) until: u64,
    /// When the first of them came.
    pub(super) waiting_since: Option<Timestamp>,
    /// Events that became too old while they waited.
    pub(super) too_old: u64,
    /// Events that were too old when they came: WorkOS was asked for what was long ago.
    pub(super) backfilled: u64,
    /// Entries that are gone from the journal.
    pub(super) lost: u64,
    /// Whether there is more.
    pub(super) more: bool,
}

impl Tail {
    pub(super) fn new(reader: Reader, format: Arc<Format>) -> Self {
        Self { reader, format, pending: Vec::new().into_iter() }
    }

    /// Goes back to `position`.
    pub(super) fn rewind(&mut self, position: u64) {
        self.pending = Vec::new().into_iter();
        self.reader.seek(position);
    }

    /// The next piece, as it is to be sent at `now`.
    pub(super) fn read(&mut self, now: Timestamp) -> Result<Piece, JournalError> {
        let mut piece = Piece { until: self.reader.position(), ..Piece::default() };
        for _ in 0..ENTRIES_MAX {
            if piece.events.len() == self.format.events_max {
                piece.more = true;
                return Ok(piece);
            }
            let Some((position, entry)) = self.next(&mut piece)? else { return Ok(piece) };
            piece.until = position + 1;
            self.look(entry, now, &mut piece);
        }
        piece.more = true;
        Ok(piece)
    }

    fn next(&mut self, piece: &mut Piece) -> Result<Option<(u64, Entry)>, JournalError> {
        if self.pending.len() == 0 {
            self.pending = self.reader.next_batch()?.into_iter();
            piece.lost += self.reader.take_skipped();
        }
        Ok(self.pending.next())
    }

    fn look(&self, entry: Entry, now: Timestamp, piece: &mut Piece) {
        let Record::Event { event, .. } = entry.record else { return };
        if self.format.is_too_old(event.at, now) {
            if self.format.is_too_old(event.at, entry.received_at) {
                piece.backfilled += 1;
            } else {
                piece.too_old += 1;
            }
            return;
        }
        piece.events.push(event);
        piece.waiting_since.get_or_insert(entry.received_at);
    }
}
