//! Reads the journal for logs: from where the last ones were taken, a bounded piece at a time.

use super::Identity;
use super::log::{ENVELOPE, log};
use crate::event::{Entry, Record, Timestamp};
use crate::journal::{JournalError, Reader};

/// Datadog takes logs of the last 18 hours; ten minutes are left for the way and for clocks that differ.
const AGE_MILLIS_MAX: i64 = (18 * 60 - 10) * 60_000;

/// Entries that are looked at in one go: bounds the time until a stop is heard where there is much to pass over.
const ENTRIES_MAX: usize = 50_000;

/// The end of the journal that has not been sent.
#[derive(Debug)]
pub(super) struct Tail {
    reader: Reader,
    identity: Identity,
    ddtags: String,
    /// What was read and not looked at: the rest of one append.
    pending: std::vec::IntoIter<(u64, Entry)>,
}

/// A piece of it.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// At most as many as fit into one request.
    pub(super) logs: Vec<Box<str>>,
    /// The position after the piece.
    pub(super) until: u64,
    /// When their events happened.
    pub(super) times: Vec<Timestamp>,
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

/// Whether Datadog would not take an event that happened `at`.
pub(super) fn is_too_old(at: Timestamp, now: Timestamp) -> bool {
    now.millis_since(at) > AGE_MILLIS_MAX
}

impl Tail {
    pub(super) fn new(reader: Reader, identity: Identity) -> Self {
        let ddtags = identity.tags.joined();
        Self { reader, identity, ddtags, pending: Vec::new().into_iter() }
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
            if piece.logs.len() == ENVELOPE.items_max {
                piece.more = true;
                return Ok(piece);
            }
            let Some((position, entry)) = self.next(&mut piece)? else { return Ok(piece) };
            piece.until = position + 1;
            self.look(&entry, now, &mut piece);
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

    fn look(&self, entry: &Entry, now: Timestamp, piece: &mut Piece) {
        let Record::Event { event, .. } = &entry.record else { return };
        if is_too_old(event.at, now) {
            if is_too_old(event.at, entry.received_at) {
                piece.backfilled += 1;
            } else {
                piece.too_old += 1;
            }
            return;
        }
        piece.logs.push(log(event, &self.identity, &self.ddtags));
        piece.times.push(event.at);
        piece.waiting_since.get_or_insert(entry.received_at);
    }
}
