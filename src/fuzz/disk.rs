//! A disk in memory, whose files can be damaged.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::journal::{Append, Disk, Lock};

/// What is on it, by path.
pub(super) type Files = BTreeMap<PathBuf, Vec<u8>>;

/// All who have it see the same files.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory(Arc<Mutex<Files>>);

#[derive(Debug)]
struct Handle(Memory, PathBuf);

#[derive(Debug)]
struct Unlocked;

impl Memory {
    pub(super) fn files(&self) -> MutexGuard<'_, Files> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn content<T>(&self, path: &Path, with: impl FnOnce(&mut Vec<u8>) -> T) -> io::Result<T> {
        self.files().get_mut(path).map(with).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for Memory {
    fn make_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let files = self.files();
        let inside = files.keys().filter(|path| path.parent() == Some(folder));
        let names = inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
        Ok(names.collect())
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn Lock>> {
        Ok(Box::new(Unlocked))
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        self.content(path, |bytes| bytes.len() as u64)
    }

    fn read(&self, path: &Path, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let content = self.content(path, |bytes| bytes.clone())?;
        let mut cursor = Cursor::new(content);
        cursor.set_position(offset);
        Ok(Box::new(cursor))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        self.files().insert(path.to_owned(), Vec::new());
        self.append(path)
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        self.content(path, |_| ())?;
        Ok(Box::new(Handle(self.clone(), path.to_owned())))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut files = self.files();
        let content = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), content);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.files().remove(path).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

impl Append for Handle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.content(&self.1, |content| content.extend_from_slice(bytes))
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.0.content(&self.1, |content| content.truncate(length))
    }
}

impl Lock for Unlocked {}
