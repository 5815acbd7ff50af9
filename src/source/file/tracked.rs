//! One file that is being read, or has been.

use std::path::PathBuf;

use crate::event::Timestamp;

use super::mark::Mark;
use super::stat::{Sighting, Stat};

/// How long a file must be unchanged until what is odd at its end counts as final: the last line of
/// a file that is gone or compressed, a compressed file that breaks off, a file that is the
/// beginning of one that was read. Longer than tools that copy and compress pause, and than writers
/// take to open a new file after a rotation.
pub(super) const QUIET_MILLIS: i64 = 10_000;

/// Names a file within this process.
pub(super) type Serial = u64;

/// A file.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub(super) struct Tracked {
    pub(super) path: PathBuf,
    pub(super) stat: Stat,
    /// The number of the first entry that stands, or stood, for it.
    pub(super) entry: usize,
    pub(super) mark: Mark,
    /// The name of its cursor.
    pub(super) key: u64,
    pub(super) phase: Phase,
    /// It changed since its content was last held against its mark.
    pub(super) unverified: bool,
    /// The last look found it changed.
    pub(super) growing: bool,
    /// Some pattern still stands for it.
    pub(super) here: bool,
    /// The last look that saw it, by number.
    pub(super) looked: u64,
    /// What was wrong when it was last read, so that it is said once.
    pub(super) trouble: Option<String>,
    /// Rejected lines that were named in the log.
    pub(super) named: usize,
    follow: bool,
    changed_at: Timestamp,
}

/// What there is to do with a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// It has something to read, as far as is known.
    Due,
    /// It has been read to its end; a change makes it due.
    Read,
    /// Something at its end counts when it has been quiet for [`QUIET_MILLIS`].
    Unsettled,
    /// It is compressed and grows: due when a look finds it as the look before did.
    Growing,
    /// It has the content of another file that is not read to its end yet.
    Behind(Serial),
    /// It could not be read; the next look makes it due.
    Failed,
}

impl Tracked {
    /// A file that is seen for the first time, in the look number `looked`. Its key is still to be
    /// given.
    pub(super) fn new(sighting: Sighting, looked: u64, now: Timestamp) -> Self {
        let Sighting { path, stat, entry, follow } = sighting;
        let modified = Timestamp::from_millis(stat.modified / 1_000_000);
        Self {
            path,
            stat,
            entry,
            mark: Mark::default(),
            key: 0,
            phase: Phase::Due,
            unverified: false,
            growing: now.millis_since(modified) < QUIET_MILLIS,
            here: true,
            looked,
            trouble: None,
            named: 0,
            follow,
            changed_at: modified.min(now),
        }
    }

    /// It is seen again, perhaps under another name.
    pub(super) fn see(&mut self, sighting: Sighting, now: Timestamp) {
        self.here = true;
        self.path = sighting.path;
        self.entry = sighting.entry;
        self.follow = sighting.follow;
        self.show(sighting.stat, now);
    }

    /// Another pattern stands for it too: it is followed if one of them says so.
    pub(super) fn see_twice(&mut self, follow: bool) {
        self.follow |= follow;
    }

    /// No pattern stands for it any more.
    pub(super) fn lose(&mut self, now: Timestamp) {
        self.here = false;
        // Its writer may not know yet: the quiet begins now. At its end something is left to
        // decide.
        self.changed_at = now;
        if self.phase == Phase::Read {
            self.phase = Phase::Unsettled;
        }
    }

    /// Takes in what the file system says of it now.
    pub(super) fn show(&mut self, stat: Stat, now: Timestamp) {
        self.growing = stat != self.stat;
        if !self.growing {
            return;
        }
        self.stat = stat;
        self.changed_at = now;
        // A file that is read once is done with.
        if self.follow || self.phase != Phase::Read {
            self.phase = Phase::Due;
            self.unverified = true;
        }
    }

    /// Makes it due if what it waits for has come. `busy` says which files are not read to their
    /// ends.
    pub(super) fn wake(&mut self, busy: impl Fn(Serial) -> bool, now: Timestamp) {
        // The clock may have been set back.
        self.changed_at = self.changed_at.min(now);
        let due = match self.phase {
            Phase::Due | Phase::Failed => true,
            Phase::Read => false,
            Phase::Unsettled => self.settled(now),
            Phase::Growing => !self.growing || self.settled(now),
            Phase::Behind(owner) => !busy(owner),
        };
        if due {
            self.phase = Phase::Due;
        }
    }

    /// Whether it has been unchanged for so long that nothing more is expected now.
    pub(super) fn settled(&self, now: Timestamp) -> bool {
        !self.follow || now.millis_since(self.changed_at) >= QUIET_MILLIS
    }

    /// Whether its end is the end, lines without a line end included.
    pub(super) fn is_final(&self, packed: bool, now: Timestamp) -> bool {
        self.settled(now) && (packed || !self.here || !self.follow)
    }

    /// Whether more of it is to be read before anything that continues it.
    pub(super) fn busy(&self) -> bool {
        matches!(self.phase, Phase::Due | Phase::Growing | Phase::Failed)
    }

    /// Whether it can be opened again by its path, and nothing is left to read.
    pub(super) fn at_rest(&self) -> bool {
        self.here && self.phase == Phase::Read
    }
}
