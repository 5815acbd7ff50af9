//! What came of a checkpoint.

use crate::journal::JournalError;
use crate::telemetry;

/// What came of a checkpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::app) enum Saved {
    /// It has everything up to there.
    UpTo(u64),
    /// There was no room for it on the disk, but for the room that is kept.
    NoRoom,
    /// It could not be written.
    Failed,
}

impl Saved {
    /// What came of one up to `position`.
    pub(super) fn new(position: u64, written: Result<(), JournalError>) -> Self {
        match written {
            Err(error @ JournalError::Io { .. }) if error.is_full() => Self::NoRoom,
            written => Self::at_last(position, written),
        }
    }

    /// What came of one that is not tried again.
    pub(super) fn at_last(position: u64, written: Result<(), JournalError>) -> Self {
        match written {
            Ok(()) => Self::UpTo(position),
            Err(error) => {
                telemetry::checkpoint_failed(&error);
                Self::Failed
            }
        }
    }

    /// Up to where the newest checkpoint has everything; `None` when it could not be written.
    pub(super) fn position(self) -> Option<u64> {
        match self {
            Self::UpTo(position) => Some(position),
            Self::NoRoom | Self::Failed => None,
        }
    }
}
