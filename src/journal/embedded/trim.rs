//! What goes from the journal, and what stays.

use super::Journal;
use crate::event::Timestamp;
use crate::journal::JournalError;

impl Journal {
    /// Removes whole segments that are older than the retention, or over the size, as far as the newest checkpoint has them: it
    /// reaches to `saved` now, or could not be written. Entries from `needed` on are kept, unless the size leaves no choice; the
    /// number of needed entries that were given up is returned.
    pub fn trim(
        &mut self,
        saved: Option<u64>,
        needed: u64,
        now: Timestamp,
    ) -> Result<u64, JournalError> {
        self.folded = self.folded.max(saved.unwrap_or(0));
        let oldest = now.plus_millis(-self.config.retention.millis());
        let mut given_up = 0;
        // What is folded whole may go as soon as another one is begun: where nothing comes any more, and where it is over a size
        // that was lowered, on a disk that takes nothing before there is room.
        let last = self.last();
        let (folded, unneeded) =
            (last.next_position() <= self.folded, last.next_position() <= needed);
        let old = last.newest < oldest && unneeded;
        if last.entries > 0 && folded && (old || last.bytes > self.config.max_bytes.bytes()) {
            // The older ones go whether or not there is room for another.
            self.rotate_with_room()?;
        }
        while self.segments.len() > 1 {
            let first = &self.segments[0];
            let folded = first.next_position() <= self.folded;
            let unneeded = first.next_position() <= needed;
            if !(folded && (self.is_over() || (unneeded && first.newest < oldest))) {
                break;
            }
            if !unneeded {
                given_up += first.next_position() - needed.max(first.first);
            }
            let first = self.segments.remove(0);
            self.disk
                .remove(&first.path)
                .map_err(|error| JournalError::io("remove", &first.path, error))?;
        }
        let unfolded = self.segments[0].next_position() > self.folded;
        self.full = saved.is_none() && unfolded && self.is_over();
        Ok(given_up)
    }

    fn is_over(&self) -> bool {
        self.bytes() > self.config.max_bytes.bytes()
    }
}
