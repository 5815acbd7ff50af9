//! The disk as a process sees it, until it dies.

use std::io::{self, Read};
use std::path::Path;

use super::{Node, Platter, Renamed};
use crate::journal::{Append, Disk, Lock};

/// What a process sees of it.
#[derive(Debug)]
pub(super) struct Mounted {
    pub(super) platter: Platter,
    pub(super) mount: u64,
}

#[derive(Debug)]
struct Handle {
    platter: Platter,
    mount: u64,
    node: usize,
}

/// A file that is read, and may grow meanwhile.
struct Reading {
    platter: Platter,
    node: usize,
    at: usize,
}

#[derive(Debug)]
struct Held(Platter, u64);

impl Disk for Mounted {
    fn make_folder(&self, _: &Path) -> io::Result<()> {
        self.platter.state().alive(self.mount)
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.platter.state();
        state.alive(self.mount)?;
        let inside = state.names.keys().filter(|path| path.parent() == Some(folder));
        Ok(inside.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect())
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn Lock>> {
        let mut state = self.platter.state();
        state.alive(self.mount)?;
        if std::mem::replace(&mut state.locked, true) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(Held(self.platter.clone(), self.mount)))
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        let state = self.platter.state();
        state.alive(self.mount)?;
        Ok(state.nodes[state.node(path)?].bytes.len() as u64)
    }

    fn read(&self, path: &Path, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let state = self.platter.state();
        state.alive(self.mount)?;
        let (node, at) = (state.node(path)?, usize::try_from(offset).unwrap());
        Ok(Box::new(Reading { platter: self.platter.clone(), node, at }))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        let mut state = self.platter.change(self.mount)?;
        let node = if let Ok(node) = state.node(path) {
            state.nodes[node].cut(0);
            node
        } else {
            state.nodes.push(Node::default());
            let node = state.nodes.len() - 1;
            state.rename(Renamed::Made(path.to_owned(), node));
            node
        };
        Ok(Box::new(Handle { platter: self.platter.clone(), mount: self.mount, node }))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        let state = self.platter.state();
        state.alive(self.mount)?;
        let node = state.node(path)?;
        Ok(Box::new(Handle { platter: self.platter.clone(), mount: self.mount, node }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.platter.change(self.mount)?;
        state.node(from)?;
        state.rename(Renamed::Moved(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.platter.change(self.mount)?;
        state.node(path)?;
        state.rename(Renamed::Gone(path.to_owned()));
        Ok(())
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        let mut state = self.platter.change(self.mount)?;
        state.renamed.clear();
        let names = state.names.clone();
        state.durable_names = names;
        Ok(())
    }
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let state = self.platter.state();
        let rest = state.nodes[self.node].bytes.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

impl Append for Handle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.platter.state();
        state.alive(self.mount)?;
        let room = state.trouble.room.map_or(usize::MAX, |room| room.saturating_sub(state.bytes()));
        let dies = state.dies();
        let fits = if dies { state.random.usize(..=bytes.len()) } else { bytes.len().min(room) };
        state.nodes[self.node].bytes.extend_from_slice(&bytes[..fits]);
        if dies {
            self.platter.died.notify_one();
            return Err(io::Error::other("the machine died"));
        }
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.platter.change(self.mount)?;
        let failing = state.trouble.failing_syncs;
        if failing.is_some_and(|one_of| state.random.u32(..one_of) == 0) {
            return Err(io::Error::other("input/output error"));
        }
        state.nodes[self.node].sync();
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let mut state = self.platter.change(self.mount)?;
        state.nodes[self.node].cut(usize::try_from(length).unwrap());
        Ok(())
    }
}

impl Lock for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if state.mount == self.1 {
            state.locked = false;
        }
    }
}
