//! Room on the disk that is kept for the checkpoint.
//!
//! On a full disk nothing of the journal may go before a checkpoint has it. With the room it can be written all the same.

use std::io;
use std::path::Path;

use crate::journal::{Append, Disk};

/// Its name in a folder.
const FILE: &str = "room";

/// How much is kept besides: what a checkpoint grows by until the next one, with 250,000 ids of 30 bytes in a minute.
const BYTES_MIN: u64 = 8 * 1024 * 1024;

/// How much is left to others where there is less than that: a restart makes small files.
const LEFT_BYTES: u64 = 64 * 1024;

/// How much is written at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// Keeps room in `folder` for a checkpoint of `bytes`, and for what it may grow by; on a disk that has less, what there is.
pub(super) fn keep(disk: &dyn Disk, folder: &Path, bytes: u64) {
    let path = folder.join(FILE);
    let kept = disk.length(&path).unwrap_or(0);
    if kept >= BYTES_MIN + bytes + bytes / 4 {
        return;
    }
    let file = if kept > 0 { disk.append(&path) } else { disk.create(&path) };
    let Ok(mut file) = file else { return };
    if grow(&mut *file, BYTES_MIN + bytes + bytes / 2 - kept).is_err() {
        let length = disk.length(&path).unwrap_or(kept);
        drop(file.cut(length.saturating_sub(LEFT_BYTES).max(kept)));
    }
}

fn grow(file: &mut dyn Append, mut bytes: u64) -> io::Result<()> {
    let chunk = vec![0; CHUNK_BYTES];
    while bytes > 0 {
        let part = bytes.min(CHUNK_BYTES as u64);
        file.write(&chunk[..usize::try_from(part).expect("at most a chunk")])?;
        bytes -= part;
    }
    file.sync()
}

/// Gives the room of `folder` free, as far as there is any.
pub(super) fn give(disk: &dyn Disk, folder: &Path) {
    drop(disk.remove(&folder.join(FILE)));
}
