//! Why the journal cannot be used, whichever it is.

use std::io;
use std::path::{Path, PathBuf};

use super::nats::NatsError;

/// The journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Somebody else has it.
    #[error("{0} is in use by another ssowatch; stop it, or give this one its own `data_dir`")]
    InUse(PathBuf),
    /// The operating system refused.
    #[error("cannot {action} {path}: {error}{}", remedy(.error))]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What came back.
        error: io::Error,
    },
    /// It is as large as it may be, and nothing of it may go.
    #[error(
        "the journal in {0} is larger than `journal.embedded.max_bytes`, and what it has no checkpoint has: nothing of it goes before \
         one can be written (see \"Checkpoint cannot be written\"); then it goes on within a minute"
    )]
    Full(PathBuf),
    /// Written by another version.
    #[error(
        "{path} has format version {version}, this build reads {}; use the build that wrote it",
        super::embedded::segment::VERSION
    )]
    Version {
        /// Which file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// NATS does not do what it was asked.
    #[error(transparent)]
    Nats(#[from] NatsError),
}

impl JournalError {
    /// The label `reason` of `ssowatch_journal_failures_total`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::InUse(_) => "in_use",
            Self::Full(_) => "full",
            Self::Version { .. } => "version",
            Self::Nats(error) => error.reason(),
            Self::Io { error, .. } => match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "disk_full",
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "read_only",
                _ => "io",
            },
        }
    }

    /// Whether there is no room.
    pub(crate) fn is_full(&self) -> bool {
        self.reason() == "disk_full"
    }

    pub(crate) fn io(action: &'static str, path: &Path, error: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), error }
    }
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free some space: in `data_dir` the journal takes up to `journal.embedded.max_bytes`, the search for sign-ins up to \
             `sessions.max_bytes`, and a lower limit counts a minute after a reload"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; give the user that runs ssowatch write access to `data_dir`"
        }
        _ => "",
    }
}
