//! The embedded journal: segment files of checksummed frames in one folder, one writer, any number of readers.
//!
//! One append is one frame: one write, one sync, all or nothing. A crash can only leave a broken frame at the end of the
//! newest segment; it was never acknowledged, is cut off when the journal is opened, and is kept aside. A broken frame with a
//! good one behind it is damage: it alone is lost, and its positions are not given again. A position counts entries since the
//! journal began.

mod reader;
pub(super) mod segment;
mod trim;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use schemars::JsonSchema;
use serde::Deserialize;

pub use reader::Reader;
pub use segment::Broken;
use segment::Segment;

use super::disk::{Append, Disk, Lock};
use super::{JournalError, frame};
use crate::event::Entry;
use crate::setting::{ByteSize, Period};

/// A segment is closed at this size: large enough that few files are open, small enough that retention is fine-grained.
const SEGMENT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Whole segments go: one holds at most this part of `max_bytes`, and of `retention`, so that trimming misses neither by more.
const SEGMENTS_MIN: u32 = 4;

/// Less would make files by the second, and forget what the next restart reads.
const RETENTION_MIN: Period = Period::from_secs(60);

/// After the disk was full there must be room for what it refused, or for so much, before anything is taken: a mebibyte is
/// a thousand events.
const ROOM_BYTES_MAX: usize = 1024 * 1024;

/// `journal.embedded`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long entries are kept, and at most a quarter and a minute longer, unless a log sink or the search still has to read
    /// them. At least 1m. Default 7d.
    #[serde(deserialize_with = "retention")]
    pub retention: Period,
    /// How large the journal may be when a checkpoint has been written, once a minute; until the next it is larger by what comes.
    /// The oldest entries go first; what no checkpoint has stays, and where none can be written nothing more is taken. At least
    /// 1MiB. Default 4GiB.
    #[serde(deserialize_with = "max_bytes")]
    pub max_bytes: ByteSize,
}

impl Default for Config {
    fn default() -> Self {
        Self { retention: Period::from_secs(7 * 86_400), max_bytes: ByteSize::from_bytes(4 << 30) }
    }
}

fn retention<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    let period = Period::deserialize(deserializer)?;
    if period < RETENTION_MIN {
        return Err(serde::de::Error::custom(format!(
            "`retention` must be {RETENTION_MIN} or more"
        )));
    }
    Ok(period)
}

fn max_bytes<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<ByteSize, D::Error> {
    let size = ByteSize::deserialize(deserializer)?;
    if size.bytes() < 1 << 20 {
        return Err(serde::de::Error::custom("`max_bytes` must be at least 1MiB"));
    }
    Ok(size)
}

/// What was found when the journal was opened.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recovery {
    /// Bytes of a broken frame that were cut off and kept aside.
    pub cut_bytes: u64,
    /// The oldest position that is there.
    pub first: u64,
    /// What is broken in the newest segment, before its last good frame.
    pub broken: Vec<Broken>,
}

/// The journal's one writer.
#[derive(Debug)]
pub struct Journal {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    config: Config,
    segments: Vec<Segment>,
    writer: Box<dyn Append>,
    durable: Arc<AtomicU64>,
    /// Whether what a failed append left behind the last good frame may still be there after a crash.
    unsettled: bool,
    /// How much the disk has refused, up to [`ROOM_BYTES_MAX`]. While there is no room for that, nothing is taken: what happens to
    /// fit (small records, but no events) would make time go on, and silence of what does not fit.
    refused_bytes: usize,
    /// The newest checkpoint has everything before it. What comes behind it, this journal alone has.
    folded: u64,
    /// Whether it is over its size, and nothing may go as no checkpoint can be written: then nothing is taken.
    full: bool,
    /// Held for as long as the journal is open.
    _lock: Box<dyn Lock>,
}

impl Journal {
    /// Opens the journal in `folder`, which is made when it is missing.
    pub fn open(folder: &Path, config: Config) -> Result<(Self, Recovery), JournalError> {
        Self::open_on(super::operating_system(), folder, config)
    }

    /// [`Journal::open`] on a disk that may not be the machine's.
    pub fn open_on(
        disk: Arc<dyn Disk>,
        folder: &Path,
        config: Config,
    ) -> Result<(Self, Recovery), JournalError> {
        disk.make_folder(folder).map_err(|error| JournalError::io("create", folder, error))?;
        let lock = lock(&*disk, folder)?;
        let mut segments = segment::list(&*disk, folder)?;
        let mut recovery = Recovery::default();
        if let Some(last) = segments.last_mut() {
            recovery.cut_bytes = last.recover(&*disk)?;
            recovery.broken = std::mem::take(&mut last.broken);
        }
        if segments.is_empty() {
            segments.push(Segment::create(&*disk, folder, 0)?);
        } else {
            // A crash, or a failed sync, may have left a name that is not durable yet.
            disk.sync_folder(folder).map_err(|error| JournalError::io("sync", folder, error))?;
        }
        recovery.first = segments[0].first;
        let last = segments.last().expect("there is at least one segment");
        let writer = last.append_handle(&*disk)?;
        let durable = Arc::new(AtomicU64::new(last.next_position()));
        let folder = folder.to_owned();
        let mut journal = Self {
            disk,
            folder,
            config,
            segments,
            writer,
            durable,
            unsettled: false,
            refused_bytes: 0,
            folded: 0,
            full: false,
            _lock: lock,
        };
        if !recovery.broken.is_empty() {
            // What is damaged is read by each start, but searched and told by one alone, and older builds append behind nothing that
            // they would cut off.
            journal.rotate_with_room()?;
        }
        Ok((journal, recovery))
    }

    /// Appends `entries` as one and returns the position of the first. On return they survive a power cut. On an error none of
    /// them is there, unless the journal is [unsettled](Self::is_unsettled); with no entries that is all that it mends. What an
    /// append did not find room for there must be room for first.
    pub fn append(&mut self, entries: &[Entry]) -> Result<u64, JournalError> {
        self.settle()?;
        if self.full {
            return Err(JournalError::Full(self.folder.clone()));
        }
        if self.refused_bytes > 0 {
            self.write(&vec![0; self.refused_bytes])?;
            self.unsettled = true;
            self.settle()?;
            self.refused_bytes = 0;
        }
        let first = self.next_position();
        if entries.is_empty() {
            return Ok(first);
        }
        let newest = entries.last().expect("not empty").received_at;
        if self.last().bytes >= self.segment_bytes_max()
            || self.last().spans_millis(newest) >= self.segment_millis_max()
        {
            self.rotate()?;
        }
        let count = u32::try_from(entries.len()).expect("a batch is far below 2^32 entries");
        let frame = frame::encode(first, entries);
        self.write(&frame)?;
        let last = self.segments.last_mut().expect("there is at least one segment");
        last.extend(frame.len() as u64, count, newest);
        self.durable.store(last.next_position(), Ordering::Release);
        Ok(first)
    }

    /// Writes at the end, durably, or undoes it.
    fn write(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        let Err(error) = segment::write(&mut *self.writer, bytes) else { return Ok(()) };
        let failure = JournalError::io("append to", &self.last().path, error);
        if failure.is_full() {
            self.refused_bytes = self.refused_bytes.max(bytes.len()).min(ROOM_BYTES_MAX);
        }
        self.unsettled = true;
        // The first failure is the one to tell; when it cannot be undone now, the next append tries again.
        drop(self.settle());
        Err(failure)
    }

    /// Whether the last append failed and could not be undone: whether its entries come back with a restart, nobody knows.
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    /// Undoes what a failed append left. After a failed sync nobody knows what the disk holds behind the last good frame; once
    /// it has been cut off durably, it holds nothing.
    fn settle(&mut self) -> Result<(), JournalError> {
        if !self.unsettled {
            return Ok(());
        }
        let last = self.segments.last().expect("there is at least one segment");
        let undone = self.writer.cut(last.bytes).and_then(|()| self.writer.sync());
        undone.map_err(|error| JournalError::io("cut", &last.path, error))?;
        self.unsettled = false;
        Ok(())
    }

    /// The checkpoint has everything before `position`. The journal goes on there when its end was damaged and the checkpoint
    /// knows more: a position that was given away once must not be given to another entry. How many entries the journal has lost
    /// is returned.
    pub fn skip_to(&mut self, position: u64) -> Result<u64, JournalError> {
        self.folded = position;
        let lost = position.saturating_sub(self.next_position());
        if lost > 0 {
            self.begin_segment(position)?;
            self.durable.store(position, Ordering::Release);
        }
        Ok(lost)
    }

    /// The position that the next entry will have.
    #[must_use]
    pub fn next_position(&self) -> u64 {
        self.last().next_position()
    }

    /// The oldest position that is kept.
    #[must_use]
    pub fn first_position(&self) -> u64 {
        self.segments[0].first
    }

    /// Its size.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// A reader from `position` on, which sees what is durable.
    #[must_use]
    pub fn reader(&self, position: u64) -> Reader {
        Reader::new(
            Arc::clone(&self.disk),
            self.folder.clone(),
            position,
            Arc::clone(&self.durable),
        )
    }

    fn segment_bytes_max(&self) -> u64 {
        SEGMENT_BYTES_MAX.min(self.config.max_bytes.bytes() / u64::from(SEGMENTS_MIN))
    }

    fn segment_millis_max(&self) -> i64 {
        self.config.retention.millis() / i64::from(SEGMENTS_MIN)
    }

    fn last(&self) -> &Segment {
        self.segments.last().expect("there is at least one segment")
    }

    /// Begins another segment. A full disk may have no room for one: then it goes on in this one.
    fn rotate_with_room(&mut self) -> Result<(), JournalError> {
        self.rotate().or_else(|error| if error.is_full() { Ok(()) } else { Err(error) })
    }

    fn rotate(&mut self) -> Result<(), JournalError> {
        self.begin_segment(self.next_position())
    }

    fn begin_segment(&mut self, first: u64) -> Result<(), JournalError> {
        let segment = Segment::create(&*self.disk, &self.folder, first)?;
        self.writer = segment.append_handle(&*self.disk)?;
        self.segments.push(segment);
        Ok(())
    }
}

/// Whether nobody has the journal in `folder`, which may not be there yet.
pub fn vacant(disk: &dyn Disk, folder: &Path) -> Result<(), JournalError> {
    if !folder.exists() {
        return Ok(());
    }
    lock(disk, folder).map(drop)
}

fn lock(disk: &dyn Disk, folder: &Path) -> Result<Box<dyn Lock>, JournalError> {
    let path = folder.join("lock");
    disk.lock(&path).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => JournalError::InUse(folder.to_owned()),
        _ => JournalError::io("lock", &path, error),
    })
}

#[cfg(test)]
mod tests;
