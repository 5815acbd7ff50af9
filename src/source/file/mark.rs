//! Where the reading of a file stands, and enough of its content to know the file again.
//!
//! Names and inodes are no identity: files are renamed, copied, compressed and cut, and an inode is
//! used again as soon as its file is gone. What stays is the content, so a mark has a fingerprint
//! of its beginning and one of what lies right before the position. A file that has both in these
//! places is the one that was read, whatever it is called now.
//!
//! Offsets are of the content, that is, after decompression.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::stat::Stat;

/// Bytes under each fingerprint. An event has about 700 bytes and an id that no other has, so two
/// files that agree in a kilobyte agree in whole events.
pub(super) const EDGE_BYTES: usize = 1024;

/// How far a file has been read.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Bytes of content that are done with.
    pub(super) offset: u64,
    /// Lines that are done with.
    pub(super) lines: u64,
    /// The line at `offset` is one of them: what is left of it is passed over. Lines over the limit
    /// end like this, and an event whose line end had not been written yet.
    pub(super) inside: bool,
    /// The file is damaged behind `offset`, and that has been counted.
    pub(super) damaged: bool,
    /// The state of the compressed file that was read to its end: as long as it is in it, it need
    /// not be decompressed to see that nothing is new.
    pub(super) sealed: Option<Stat>,
    head: Print,
    tail: Print,
}

/// The beginning of a file, held against many marks.
#[derive(Debug)]
pub(super) struct Head<'a> {
    bytes: &'a [u8],
    /// Fingerprints so far, by length: nearly all marks have the same.
    prints: BTreeMap<u16, Print>,
}

/// A fingerprint of some bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Print {
    bytes: u16,
    hash: u64,
}

impl Mark {
    /// Whether a file that begins with `head` may be the one that was read. Nothing read yet fits
    /// nothing.
    pub(super) fn head_fits(&self, head: &mut Head) -> bool {
        self.offset > 0 && head.print(self.head.bytes) == Some(self.head)
    }

    /// From which offset [`Mark::tail_fits`] and [`Mark::advance`] want the content.
    pub(super) fn tail_from(&self) -> u64 {
        self.offset - u64::from(self.tail.bytes)
    }

    /// Bytes from [`Mark::tail_from`] to `offset`.
    pub(super) fn tail_bytes(&self) -> usize {
        self.tail.bytes.into()
    }

    /// Whether `content`, which begins at [`Mark::tail_from`], is what was read up to `offset`.
    pub(super) fn tail_fits(&self, content: &[u8]) -> bool {
        content.get(..self.tail_bytes()).is_some_and(|tail| Print::of(tail) == self.tail)
    }

    /// The mark at the end of `content`, which begins at [`Mark::tail_from`]; `lines` more are done
    /// with.
    pub(super) fn advance(&self, content: &[u8], lines: u64, inside: bool) -> Self {
        let read = (content.len() - self.tail_bytes()) as u64;
        // As long as the head is short, the tail reaches back to the beginning.
        let head = if usize::from(self.head.bytes) < EDGE_BYTES {
            Print::of(&content[..content.len().min(EDGE_BYTES)])
        } else {
            self.head
        };
        Self {
            offset: self.offset + read,
            lines: self.lines + lines,
            inside,
            damaged: self.damaged && read == 0,
            sealed: self.sealed.filter(|_| read == 0),
            head,
            tail: Print::of(&content[content.len().saturating_sub(EDGE_BYTES)..]),
        }
    }
}

impl<'a> Head<'a> {
    /// `bytes` are the first [`EDGE_BYTES`] of a file, or all of it.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, prints: BTreeMap::new() }
    }

    /// The fingerprint of the first `bytes`; `None` when the file is shorter.
    fn print(&mut self, bytes: u16) -> Option<Print> {
        let begin = self.bytes.get(..usize::from(bytes))?;
        Some(*self.prints.entry(bytes).or_insert_with(|| Print::of(begin)))
    }
}

impl Default for Print {
    fn default() -> Self {
        Self::of(&[])
    }
}

impl Print {
    /// At most [`EDGE_BYTES`].
    fn of(bytes: &[u8]) -> Self {
        let digest = Sha256::digest(bytes);
        let (first, _) = digest.split_first_chunk().expect("SHA-256 has 32 bytes");
        Self {
            bytes: u16::try_from(bytes.len()).expect("an edge is short"),
            hash: u64::from_be_bytes(*first),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark_at(content: &[u8], steps: &[usize]) -> Mark {
        let (mut mark, mut at) = (Mark::default(), 0);
        for step in steps {
            at += step;
            let from = usize::try_from(mark.tail_from()).unwrap();
            mark = mark.advance(&content[from..at], 1, false);
        }
        mark
    }

    fn content(len: usize) -> Vec<u8> {
        (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect()
    }

    #[test]
    fn a_mark_is_the_same_however_the_file_was_read() {
        let content = content(5000);
        for end in [1, 700, 1024, 1025, 5000] {
            let whole = mark_at(&content, &[end]);
            assert_eq!((whole.offset, whole.lines), (end as u64, 1));
            for first in [1, 500, 1023] {
                if first < end {
                    let parts = mark_at(&content, &[first, end - first]);
                    assert_eq!(Mark { lines: 1, ..parts }, whole, "{end} in two steps");
                }
            }
        }
    }

    #[test]
    fn a_file_is_known_by_its_beginning_and_by_what_lies_before_the_position() {
        let content = content(5000);
        let changed = |at: usize| {
            let mut other = content.clone();
            other[at] ^= 1;
            other
        };
        let mark = mark_at(&content, &[4000]);
        let cases = [
            ("the same, longer", content.clone(), true),
            ("exactly what was read", content[..4000].to_vec(), true),
            ("shorter", content[..3999].to_vec(), false),
            ("another beginning", changed(0), false),
            ("another end of the beginning", changed(1023), false),
            ("another line before the position", changed(3999), false),
            ("another line a kilobyte before", changed(2976), false),
            ("other content behind the position", changed(4000), true),
        ];
        for (name, file, want) in cases {
            let mut head = Head::new(&file[..file.len().min(EDGE_BYTES)]);
            let tail = &file[usize::try_from(mark.tail_from()).unwrap()..];
            assert_eq!(mark.head_fits(&mut head) && mark.tail_fits(tail), want, "{name}");
        }
        assert!(!Mark::default().head_fits(&mut Head::new(&content)), "nothing read fits nothing");
        assert!(Mark::default().tail_fits(&content), "nothing lies before the beginning");
    }
}
