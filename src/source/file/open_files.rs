//! The files that are held open: a file that is held can be read to its end after it was renamed or
//! removed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;

use crate::event::batch::Packing;

use super::reader::{self, Packed, Piece};
use super::stat::{Node, Stat};
use super::tracked::Serial;

/// Open files by their serials.
#[derive(Debug, Default)]
pub(super) struct OpenFiles {
    files: BTreeMap<Serial, File>,
    /// The one compressed file that is being read: a decoder may hold megabytes.
    packed: Option<(Serial, Packed)>,
    buffer: Vec<u8>,
}

impl OpenFiles {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether `serial` is open.
    pub(super) fn has(&self, serial: Serial) -> bool {
        self.files.contains_key(&serial)
    }

    /// Opens the file at `path`, which must still be `node`; says whether it was.
    pub(super) fn open(&mut self, serial: Serial, path: &Path, node: Node) -> io::Result<bool> {
        let file = File::open(path)?;
        let same = Stat::of(&file.metadata()?).node == node;
        if same {
            self.files.insert(serial, file);
        }
        Ok(same)
    }

    /// What the file system says of an open file now.
    pub(super) fn stat(&self, serial: Serial) -> Option<Stat> {
        self.files.get(&serial)?.metadata().ok().map(|metadata| Stat::of(&metadata))
    }

    /// Closes the files that are not `wanted`.
    pub(super) fn keep(&mut self, wanted: impl Fn(Serial) -> bool) {
        self.files.retain(|serial, _| wanted(*serial));
        self.packed.take_if(|(serial, _)| !wanted(*serial));
    }

    /// Closes a file.
    pub(super) fn close(&mut self, serial: Serial) {
        self.rewind(serial);
        self.files.remove(&serial);
    }

    /// Forgets how far a compressed file was decompressed: it has changed.
    pub(super) fn rewind(&mut self, serial: Serial) {
        self.packed.take_if(|(other, _)| *other == serial);
    }

    /// How an open file is compressed.
    pub(super) fn packing(&self, serial: Serial) -> io::Result<Packing> {
        reader::packing(&self.files[&serial])
    }

    /// Up to `max` bytes of the content of an open file, from `offset`.
    pub(super) fn piece(
        &mut self,
        serial: Serial,
        packing: Packing,
        offset: u64,
        max: usize,
    ) -> io::Result<Piece<'_>> {
        let file = &self.files[&serial];
        if packing == Packing::Plain {
            return reader::plain(file, offset, max, &mut self.buffer);
        }
        self.packed.take_if(|(other, _)| *other != serial);
        let (_, packed) = match &mut self.packed {
            Some(packed) => packed,
            empty => empty.insert((serial, Packed::new(file, packing)?)),
        };
        packed.read(offset, max)
    }
}
