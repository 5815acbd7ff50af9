//! What the journal and the checkpoint ask of a file system, so that tests can put one in its place that fails, tears and
//! forgets what was never synced.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// A file system. What a method says is durable survives a power cut; nothing else need.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Makes a folder and those above it, unless they are there.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;

    /// Names of the files in a folder, in no order.
    fn names(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// Takes a lock that no other process, and nobody else in this one, has: [`io::ErrorKind::WouldBlock`] when somebody
    /// has. It ends with the value or with the process.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>>;

    /// Its length in bytes.
    fn length(&self, path: &Path) -> io::Result<u64>;

    /// Reads from `offset` on.
    fn read(&self, path: &Path, offset: u64) -> io::Result<Box<dyn Read + Send>>;

    /// An empty file, made or emptied. Its name is durable after [`Disk::sync_folder`].
    fn create(&self, path: &Path) -> io::Result<Box<dyn Append>>;

    /// An existing file, to write at its end.
    fn append(&self, path: &Path) -> io::Result<Box<dyn Append>>;

    /// Gives a file the place of another in one step. Durable after [`Disk::sync_folder`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names of a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// A file that grows at its end.
pub trait Append: fmt::Debug + Send {
    /// Writes at the end; on an error a part may be there.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes what was written durable.
    fn sync(&mut self) -> io::Result<()>;

    /// Shortens the file to `length` bytes.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

/// A lock that is held for as long as it lives.
pub trait Lock: fmt::Debug + Send {}

/// The operating system's.
#[derive(Debug)]
pub(super) struct OperatingSystem;

impl Disk for OperatingSystem {
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let names = fs::read_dir(folder)?.map(|item| item.map(|item| item.file_name()));
        // Names that are no text are none of ours.
        names.filter_map(|name| name.map(|name| name.into_string().ok()).transpose()).collect()
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        let file = File::create(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(file)),
            Err(fs::TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        fs::metadata(path).map(|metadata| metadata.len())
    }

    fn read(&self, path: &Path, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Box::new(file))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        Ok(Box::new(File::create(path)?))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        Ok(Box::new(OpenOptions::new().append(true).open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

impl Append for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

impl Lock for File {}
