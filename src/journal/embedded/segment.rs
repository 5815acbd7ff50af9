//! One segment file: a header, then frames. Named after the position of its first entry.

use std::fmt;
use std::io::{self, BufReader, Read};
use std::ops::Range;
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
    /// What is broken in it, before its last good frame.
    pub(super) broken: Vec<Broken>,
}

/// Entries whose frames are broken, before a good one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    /// Their positions.
    pub entries: Range<u64>,
    /// The segment's file.
    pub path: PathBuf,
    /// Where in the file they were.
    pub bytes: Range<u64>,
    /// Where a copy of that is, if there was room for one.
    pub aside: Option<PathBuf>,
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
            broken: Vec::new(),
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
        let (oldest, newest, broken) = Default::default();
        let bytes = HEADER_BYTES;
        Ok(Self { path, first, entries: 0, bytes, oldest, newest, sound: true, broken })
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

    /// Counts what it holds, frame by frame, up to the last good one. Broken ones before it count: their positions are not
    /// given again.
    fn measure(&mut self, disk: &dyn Disk) -> Result<(), JournalError> {
        let io = |error| JournalError::io("read", &self.path, error);
        let mut frames = Frames::open(disk, &self.path, self.first)?;
        let (mut newest, mut oldest) = (Timestamp::default(), None);
        while let Some(frame) = frames.next_frame().map_err(io)? {
            newest = frame.newest;
            oldest.get_or_insert(newest);
        }
        (self.entries, self.newest, self.bytes) = (frames.next - self.first, newest, frames.offset);
        self.broken = frames
            .broken
            .into_iter()
            .map(|(entries, bytes)| Broken { entries, path: self.path.clone(), bytes, aside: None })
            .collect();
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
            self.keep_aside(disk, 0..length, &self.path.with_extension("corrupt")).map_err(io)?;
            let folder = self.path.parent().expect("a segment lies in a folder").to_owned();
            *self = Self::create(disk, &folder, self.first)?;
            return Ok(length);
        }
        for at in 0..self.broken.len() {
            let bytes = self.broken[at].bytes.clone();
            let aside = self.path.with_extension(format!("{}.corrupt", bytes.start));
            match self.keep_aside(disk, bytes, &aside) {
                Ok(()) => self.broken[at].aside = Some(aside),
                // It is still in the file, for as long as that is kept.
                Err(error) if error.kind() == io::ErrorKind::StorageFull => {}
                Err(error) => return Err(io(error)),
            }
        }
        let broken = length - self.bytes;
        if broken == 0 {
            return Ok(0);
        }
        let cut = || -> io::Result<()> {
            self.keep_aside(disk, self.bytes..length, &self.path.with_extension("corrupt"))?;
            let mut file = disk.append(&self.path)?;
            file.cut(self.bytes)?;
            file.sync()
        };
        cut().map_err(io)?;
        Ok(broken)
    }

    /// Copies `bytes` of it to `aside`.
    fn keep_aside(&self, disk: &dyn Disk, bytes: Range<u64>, aside: &Path) -> io::Result<()> {
        let mut part = disk.read(&self.path, bytes.start)?.take(bytes.end - bytes.start);
        let mut aside = disk.create(aside)?;
        let mut chunk = vec![0; COPY_BYTES];
        loop {
            let count = part.read(&mut chunk)?;
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
    /// What was stepped over: positions, and bytes.
    broken: Vec<(Range<u64>, Range<u64>)>,
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
        Ok(Self { file, offset: HEADER_BYTES, sound, next: first, broken: Vec::new() })
    }

    /// The next frame; `None` at the end. One that is broken, or does not follow the one before, is stepped over if there is a
    /// good one behind it.
    pub(super) fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        let mut bytes = Vec::new();
        (&mut self.file).take(HEAD_BYTES as u64).read_to_end(&mut bytes)?;
        if let Some(length) = bytes.first_chunk().and_then(|head| frame::length(*head)) {
            (&mut self.file).take(u64::from(length)).read_to_end(&mut bytes)?;
        }
        let mut bytes = match frame::check(bytes) {
            Ok(frame) if frame.first == self.next => {
                self.offset += frame.bytes().len() as u64;
                self.next += u64::from(frame.count);
                return Ok(Some(frame));
            }
            Ok(frame) => frame.into_bytes(),
            Err(bytes) => bytes,
        };
        if bytes.is_empty() {
            return Ok(None);
        }
        self.file.read_to_end(&mut bytes)?;
        let Some((at, frame)) = frame::find(&bytes, self.next) else { return Ok(None) };
        let end = at + frame.bytes().len();
        self.broken.push((self.next..frame.first, self.offset..self.offset + at as u64));
        self.offset += end as u64;
        self.next = frame.first + u64::from(frame.count);
        // What was read too far is read again, before what the file has grown by since.
        let rest = io::Cursor::new(bytes.split_off(end));
        let file = std::mem::replace(&mut self.file, BufReader::new(Box::new(io::empty())));
        self.file = BufReader::new(Box::new(rest.chain(file)));
        Ok(Some(frame))
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
