//! Reads pieces of a file's content, whether it is plain or compressed.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::os::unix::fs::FileExt;

use crate::event::batch::{Packing, Unpacked};

/// A piece of content, and what follows it.
#[derive(Debug)]
pub(super) struct Piece<'a> {
    pub(super) content: &'a [u8],
    pub(super) after: After,
}

/// What follows a piece.
#[derive(Debug)]
pub(super) enum After {
    /// More; the piece is as large as was asked for.
    More,
    /// The end of the file.
    End,
    /// Damage: the compressed file is cut off here, still being written, or broken.
    Damage(io::Error),
}

/// How the open `file` is compressed.
pub(super) fn packing(file: &File) -> io::Result<Packing> {
    let mut head = Vec::new();
    fill(file, 0, Packing::MAGIC_BYTES, &mut head)?;
    Ok(Packing::of(&head))
}

/// Reads up to `max` bytes of a plain file from `offset`, into `buffer`.
pub(super) fn plain<'a>(
    file: &File,
    offset: u64,
    max: usize,
    buffer: &'a mut Vec<u8>,
) -> io::Result<Piece<'a>> {
    fill(file, offset, max, buffer)?;
    let after = if buffer.len() < max { After::End } else { After::More };
    Ok(Piece { content: buffer, after })
}

fn fill(file: &File, offset: u64, max: usize, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.resize(max, 0);
    let mut filled = 0;
    while filled < max {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(filled);
    Ok(())
}

/// A compressed file, read from front to back. Going back further than the last piece begins anew.
#[derive(Debug)]
pub(super) struct Packed {
    file: File,
    packing: Packing,
    decoder: Unpacked<BufReader<File>>,
    /// Content from offset `start` on, as far as it is still wanted.
    kept: Vec<u8>,
    start: u64,
    /// A decoder that has failed may go on as if the content had ended.
    damaged: bool,
}

impl Packed {
    /// Reads `file` from its beginning. The position of `file` is moved.
    pub(super) fn new(file: &File, packing: Packing) -> io::Result<Self> {
        let file = file.try_clone()?;
        let decoder = decoder(&file, packing)?;
        Ok(Self { file, packing, decoder, kept: Vec::new(), start: 0, damaged: false })
    }

    /// Reads up to `max` bytes of content from `offset`.
    pub(super) fn read(&mut self, offset: u64, max: usize) -> io::Result<Piece<'_>> {
        if offset < self.start || self.damaged {
            *self = Self::new(&self.file, self.packing)?;
        }
        let after = loop {
            self.forget_before(offset);
            let missing =
                if self.start < offset { SKIP_BYTES } else { max.saturating_sub(self.kept.len()) };
            if missing == 0 {
                break After::More;
            }
            let held = self.kept.len();
            self.kept.resize(held + missing, 0);
            let outcome = self.decoder.read(&mut self.kept[held..]);
            self.kept.truncate(held + outcome.as_ref().map_or(0, |count| *count));
            match outcome {
                Ok(0) => break After::End,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.damaged = true;
                    break After::Damage(error);
                }
            }
        };
        self.forget_before(offset);
        let content =
            if self.start < offset { &[] } else { &self.kept[..self.kept.len().min(max)] };
        let after = if content.len() == max { After::More } else { after };
        Ok(Piece { content, after })
    }

    fn forget_before(&mut self, offset: u64) {
        let passed = usize::try_from(offset.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let passed = passed.min(self.kept.len());
        self.kept.drain(..passed);
        self.start += passed as u64;
    }
}

/// Content that is passed over at a time.
const SKIP_BYTES: usize = 64 * 1024;

fn decoder(file: &File, packing: Packing) -> io::Result<Unpacked<BufReader<File>>> {
    let mut input = file.try_clone()?;
    input.rewind()?;
    packing.unpack(BufReader::with_capacity(64 * 1024, input))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn content() -> Vec<u8> {
        // Two large primes: nothing repeats, so that compression does not leave just one block.
        (0..300_000u32).flat_map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
    }

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn pieces_are_the_same_whether_a_file_is_compressed_or_not() {
        let content = content();
        let ways = [content.clone(), gzip(&content), zstd::encode_all(&content[..], 1).unwrap()];
        for bytes in ways {
            let file = file(&bytes);
            let packing = packing(&file).unwrap();
            let mut packed = Packed::new(&file, packing).unwrap();
            let mut buffer = Vec::new();
            // On, on with an overlap, far on, back, at the end, behind the end.
            for (offset, max) in
                [(0, 10), (5, 100_000), (900_000, 1000), (3, 4), (1_199_990, 20), (2_000_000, 5)]
            {
                let piece = match packing {
                    Packing::Plain => plain(&file, offset, max, &mut buffer).unwrap(),
                    Packing::Gzip | Packing::Zstd => packed.read(offset, max).unwrap(),
                };
                let from = usize::try_from(offset).unwrap().min(content.len());
                let until = (from + max).min(content.len());
                assert_eq!(piece.content, &content[from..until], "{packing:?} {offset}");
                assert_eq!(
                    matches!(piece.after, After::More),
                    until == from + max,
                    "{packing:?} {offset}"
                );
                assert!(!matches!(piece.after, After::Damage(_)), "{packing:?} {offset}");
            }
        }
    }

    #[test]
    fn a_compressed_file_that_is_cut_off_gives_what_it_has_and_says_so() {
        let content = content();
        for bytes in [gzip(&content), zstd::encode_all(&content[..], 1).unwrap()] {
            let file = file(&bytes[..bytes.len() / 2]);
            let mut packed = Packed::new(&file, packing(&file).unwrap()).unwrap();
            let piece = packed.read(100, content.len()).unwrap();
            assert!(matches!(piece.after, After::Damage(_)), "{:?}", piece.after);
            assert!(piece.content.len() > 1000 && content[100..].starts_with(piece.content));
        }
    }
}
