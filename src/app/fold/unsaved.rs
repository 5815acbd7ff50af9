//! How much of the journal no checkpoint has yet: where the journal drops its oldest by itself, that must not reach so far.

use crate::journal::Journal;

/// What was written into the journal, and what of it stood there when the last checkpoint was begun.
#[derive(Clone, Copy, Debug)]
pub(in crate::app) struct Unsaved {
    written: u64,
    saved: u64,
    /// From so much on a checkpoint is due.
    max: u64,
}

impl Unsaved {
    /// Of a state that is the fold of all of `journal`.
    pub(in crate::app) fn of(journal: &Journal) -> Self {
        Self {
            written: journal.written(),
            saved: journal.written(),
            max: journal.checkpoint_bytes(),
        }
    }

    /// The state is the fold of all of `journal`.
    pub(super) fn reach(&mut self, journal: &Journal) {
        self.written = journal.written();
    }

    /// A checkpoint of the state is begun. One that fails is tried again by the time, or when as much was written once more.
    pub(super) fn begin(&mut self) {
        self.saved = self.written;
    }

    /// Whether a checkpoint is due, whatever the time.
    pub(super) fn is_much(self) -> bool {
        self.written - self.saved >= self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_due_when_as_much_was_written_since_the_last_was_begun() {
        let mut unsaved = Unsaved { written: 10, saved: 10, max: 4 };
        for (written, due) in [(13, false), (14, true), (17, true)] {
            unsaved.written = written;
            assert_eq!(unsaved.is_much(), due, "{written}");
        }
        unsaved.begin();
        for (written, due) in [(17, false), (20, false), (21, true)] {
            unsaved.written = written;
            assert_eq!(unsaved.is_much(), due, "{written}");
        }
    }
}
