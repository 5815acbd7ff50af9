//! One segment file: a header, then frames. Named after the position of its first entry.

use std::fmt;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::event::Timestamp;
use crate::journal::JournalError;
use crate::journal::disk::{Append, Disk};
use crate::journal::frame::{self, Frame, HEAD_BYTES};

/// Version of the format. Goes up when frames or entries change in a way that older builds cannot read.
pub(in crate::journal) const VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"ssowjrnl";

/// Magic, version, first position.
const HEADER_BYTES: u64 = HEADER.len() as u64;

/// How much of a broken tail is copied at a time.
const COPY_BYTES: usize = 1 << 16;

/// Room for the header.
const HEADER: [u8; 20] = [0; 20];

#[derive(Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) first: u64,
    pub(super) entries: u64,
    pub(super) bytes: u64,
    /// `received_at` of the newest entry of its first frame.
    oldest: Timestamp,
    /// `received_at` of its newest entry.
    pub(super) newest: Timestamp,
    /// Whether its header is whole.
    sound: bool,
}

pub(super) fn write(file: &mut dyn Append, frame: &[u8]) -> io::Result<()> {
    file.write(frame)?;
    file.sync()
}

/// The first positions of the segments of `folder`, oldest first.
pub(super) fn firsts(disk: &dyn Disk, folder: &Path) -> Result<Vec<u64>, JournalError> {
    let names = disk.names(folder).map_err(|error| JournalError::io("list", folder, error))?;
    let first = |name: &String| name.strip_suffix(".journal").and_then(|stem| stem.parse().ok());
    let mut firsts: Vec<u64> = names.iter().filter_map(first).collect();
    firsts.sort_unstable();
    Ok(firsts)
}

/// All segments of `folder`, oldest first, measured.
pub(super) fn list(disk: &dyn Disk, folder: &Path) -> Result<Vec<Segment>, JournalError> {
    let mut segments = Vec::new();
    for first in firsts(disk, folder)? {
        let path = folder.join(format!("{first:020}.journal"));
        let mut segment = Segment {
            path,
            first,
            entries: 0,
            bytes: 0,
            oldest: Timestamp::default(),
            newest: Timestamp::default(),
            sound: true,
        };
        segment.measure(disk)?;
        segments.push(segment);
    }
    Ok(segments)
}

impl Segment {
    pub(super) fn create(disk: &dyn Disk, folder: &Path, first: u64) -> Result<Self, JournalError> {
        let path = folder.join(format!("{first:020}.journal"));
        let made = || -> io::Result<()> {
            let mut file = disk.create(&path)?;
            let parts: [&[u8]; 3] = [&MAGIC, &VERSION.to_le_bytes(), &first.to_le_bytes()];
            file.write(&parts.concat())?;
            file.sync()?;
            // The name must be durable too.
            disk.sync_folder(folder)
        };
        if let Err(error) = made() {
            drop(disk.remove(&path));
            return Err(JournalError::io("create", &path, error));
        }
        let (oldest, newest) = Default::default();
        Ok(Self { path, first, entries: 0, bytes: HEADER_BYTES, oldest, newest, sound: true })
    }

    pub(super) fn next_position(&self) -> u64 {
        self.first + self.entries
    }

    /// For how many milliseconds its entries would have come with one that comes at `newest`.
    pub(super) fn spans_millis(&self, newest: Timestamp) -> i64 {
        if self.entries == 0 { 0 } else { newest.millis_since(self.oldest) }
    }

    pub(super) fn extend(&mut self, bytes: u64, entries: u32, newest: Timestamp) {
        if self.entries == 0 {
            self.oldest = newest;
        }
        self.bytes += bytes;
        self.entries += u64::from(entries);
        self.newest = newest;
    }

    pub(super) fn append_handle(&self, disk: &dyn Disk) -> Result<Box<dyn Append>, JournalError> {
        disk.append(&self.path).map_err(|error| JournalError::io("open", &self.path, error))
    }

    /// Counts what it holds, frame by frame, up to the first that is broken.
    fn measure(&mut self, disk: &dyn Disk) -> Result<(), JournalError> {
        let io = |error| JournalError::io("read", &self.path, error);
        let mut frames = Frames::open(disk, &self.path, self.first)?;
        let (mut entries, mut newest) = (0, Timestamp::default());
        let mut oldest = None;
        while let Some(frame) = frames.next_frame().map_err(io)? {
            entries += u64::from(frame.count);
            newest = frame.newest;
            oldest.get_or_insert(newest);
        }
        (self.entries, self.newest, self.bytes) = (entries, newest, frames.offset);
        self.oldest = oldest.unwrap_or_default();
        self.sound = frames.sound;
        Ok(())
    }

    /// Cuts what follows the last good frame off and keeps it aside; its length is returned.
    pub(super) fn recover(&mut self, disk: &dyn Disk) -> Result<u64, JournalError> {
        let io = |error| JournalError::io("recover", &self.path, error);
        let length = disk.length(&self.path).map_err(io)?;
        if !self.sound && self.entries == 0 {
            // The crash came while the segment was made, and what was written then is damaged.
            self.keep_aside(disk, 0).map_err(io)?;
            let folder = self.path.parent().expect("a segment lies in a folder").to_owned();
            *self = Self::create(disk, &folder, self.first)?;
            return Ok(length);
        }
        let broken = length - self.bytes;
        if broken == 0 {
            return Ok(0);
        }
        let cut = || -> io::Result<()> {
            self.keep_aside(disk, self.bytes)?;
            let mut file = disk.append(&self.path)?;
            file.cut(self.bytes)?;
            file.sync()
        };
        cut().map_err(io)?;
        Ok(broken)
    }

    /// Copies what stands from `offset` on to a file beside it.
    fn keep_aside(&self, disk: &dyn Disk, offset: u64) -> io::Result<()> {
        let mut tail = disk.read(&self.path, offset)?;
        let mut aside = disk.create(&self.path.with_extension("corrupt"))?;
        let mut chunk = vec![0; COPY_BYTES];
        loop {
            let count = tail.read(&mut chunk)?;
            if count == 0 {
                return aside.sync();
            }
            aside.write(&chunk[..count])?;
        }
    }
}

/// Reads the frames of one segment in order.
pub(super) struct Frames {
    file: BufReader<Box<dyn Read + Send>>,
    /// Where the next frame begins.
    pub(super) offset: u64,
    /// The position that its first entry must have.
    next: u64,
    /// Whether the header is whole. Each frame has a checksum and a position of its own: a damaged header costs nothing.
    sound: bool,
}

impl Frames {
    /// From its first frame on, which has the position `first`.
    pub(super) fn open(disk: &dyn Disk, path: &Path, first: u64) -> Result<Self, JournalError> {
        let io = |error| JournalError::io("read", path, error);
        let mut file = disk.read(path, 0).map_err(io)?;
        let mut header = HEADER;
        // The position says a second time what the file's name says: a version is believed only beside it.
        let sound = filled(&mut file, &mut header).map_err(io)?
            && header[..8] == MAGIC
            && header[12..] == first.to_le_bytes();
        let version = u32::from_le_bytes(header[8..12].try_into().expect("four bytes"));
        if sound && version != VERSION {
            return Err(JournalError::Version { path: path.to_owned(), version });
        }
        let file = disk.read(path, HEADER_BYTES).map_err(io)?;
        let file = BufReader::with_capacity(1 << 18, file);
        Ok(Self { file, offset: HEADER_BYTES, sound, next: first })
    }

    /// The next frame; `None` at the end, and where a frame is broken or does not follow the one before.
    pub(super) fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        let mut head = [0; HEAD_BYTES];
        if !filled(&mut self.file, &mut head)? {
            return Ok(None);
        }
        let Some(length) = frame::length(head) else { return Ok(None) };
        let mut body = Vec::new();
        (&mut self.file).take(u64::from(length)).read_to_end(&mut body)?;
        if body.len() != length as usize {
            return Ok(None);
        }
        let frame = frame::check(head, body).filter(|frame| frame.first == self.next);
        if let Some(frame) = &frame {
            self.offset += HEAD_BYTES as u64 + u64::from(length);
            self.next += u64::from(frame.count);
        }
        Ok(frame)
    }
}

impl fmt::Debug for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frames").field("offset", &self.offset).finish_non_exhaustive()
    }
}

fn filled(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
