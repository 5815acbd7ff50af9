//! What the file system says of files.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Names a file on this machine for as long as it exists or is held open.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) struct Node {
    pub(super) device: u64,
    pub(super) inode: u64,
}

/// The state of a file. As long as it is the same, so is the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Stat {
    pub(super) node: Node,
    pub(super) bytes: u64,
    /// Nanoseconds since the epoch.
    pub(super) modified: i64,
}

/// A file that a look found.
#[derive(Clone, Debug)]
pub(super) struct Sighting {
    pub(super) path: PathBuf,
    pub(super) stat: Stat,
    /// The number of the entry that stands for it.
    pub(super) entry: usize,
    /// Whether it is read on when it grows.
    pub(super) follow: bool,
}

impl Stat {
    /// What `metadata` says.
    pub(super) fn of(metadata: &Metadata) -> Self {
        let nanos = metadata.mtime().saturating_mul(1_000_000_000);
        Self {
            node: Node { device: metadata.dev(), inode: metadata.ino() },
            bytes: metadata.size(),
            modified: nanos.saturating_add(metadata.mtime_nsec()),
        }
    }
}
