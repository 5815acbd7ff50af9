//! One frame: length, checksum, and the entries of one append.
//!
//! `length: u32 | crc32: u32 | first position: u64 | newest received_at: i64 | count: u32 | entries (postcard)`, little
//! endian; length and checksum are of all that follows them.

use crate::event::{Entry, Timestamp};

/// Bytes before the checksummed part.
pub(super) const HEAD_BYTES: usize = 8;

/// Largest frame: the largest body that is accepted, several times over. A length above it is damage.
pub(super) const FRAME_BYTES_MAX: u32 = 1 << 30;

/// Entries for which room is set aside at once: those of a full body. A count may be damage, and is not believed.
const RESERVED_ENTRIES_MAX: usize = 100_000;

/// The fixed part behind the head.
const META_BYTES: u32 = 20;

/// A frame that was read.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) first: u64,
    pub(super) newest: Timestamp,
    pub(super) count: u32,
    bytes: Vec<u8>,
}

pub(super) fn encode(first: u64, entries: &[Entry]) -> Vec<u8> {
    let newest = entries.last().map_or(0, |entry| entry.received_at.millis());
    let count = u32::try_from(entries.len()).expect("a batch is far below 2^32 entries");
    let mut frame = vec![0; HEAD_BYTES];
    frame.extend_from_slice(&first.to_le_bytes());
    frame.extend_from_slice(&newest.to_le_bytes());
    frame.extend_from_slice(&count.to_le_bytes());
    for entry in entries {
        frame = postcard::to_extend(entry, frame).expect("every entry can be encoded");
    }
    let length = u32::try_from(frame.len() - HEAD_BYTES).expect("a batch is far below 1 GiB");
    let crc = crc32fast::hash(&frame[HEAD_BYTES..]);
    frame[..4].copy_from_slice(&length.to_le_bytes());
    frame[4..8].copy_from_slice(&crc.to_le_bytes());
    frame
}

/// The length of what follows the head, when it can be one.
pub(super) fn length(head: [u8; HEAD_BYTES]) -> Option<u32> {
    let length = u32::from_le_bytes(head[..4].try_into().expect("four bytes"));
    (META_BYTES..=FRAME_BYTES_MAX).contains(&length).then_some(length)
}

/// `bytes` as a frame, if they are one.
pub(super) fn check(bytes: Vec<u8>) -> Result<Frame, Vec<u8>> {
    let Some((head, body)) = bytes.split_first_chunk::<HEAD_BYTES>() else { return Err(bytes) };
    let crc = u32::from_le_bytes(head[4..].try_into().expect("four bytes"));
    if length(*head).is_none_or(|length| body.len() != length as usize)
        || crc32fast::hash(body) != crc
    {
        return Err(bytes);
    }
    let first = u64::from_le_bytes(body[..8].try_into().expect("eight bytes"));
    let newest = i64::from_le_bytes(body[8..16].try_into().expect("eight bytes"));
    let count = u32::from_le_bytes(body[16..20].try_into().expect("four bytes"));
    Ok(Frame { first, newest: Timestamp::from_millis(newest), count, bytes })
}

/// The first whole frame in `bytes`, which begin with a broken one that had the position `next`, and where it begins. The broken
/// one says where it ends; where that is what is broken, each place is tried.
pub(super) fn find(bytes: &[u8], next: u64) -> Option<(usize, Frame)> {
    let head = bytes.first_chunk().copied();
    let end = head.and_then(length).map(|length| HEAD_BYTES + length as usize);
    end.into_iter().chain(1..bytes.len()).find_map(|at| Some((at, whole_at(bytes, at, next)?)))
}

/// The frame that begins at `at`. It is believed if it can follow: some entries are missing, and none was smaller than a byte.
fn whole_at(bytes: &[u8], at: usize, next: u64) -> Option<Frame> {
    let (head, rest) = bytes.get(at..)?.split_first_chunk()?;
    let missing = u64::from_le_bytes(*rest.first_chunk()?).checked_sub(next)?;
    if missing == 0 || missing > at as u64 {
        return None;
    }
    let length = HEAD_BYTES + length(*head)? as usize;
    check(bytes.get(at..at + length)?.to_vec()).ok()
}

impl Frame {
    /// All of it, with its head.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// See [`Frame::bytes`].
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Its entries; `None` when they were written by a build that knew more.
    pub(super) fn entries(&self) -> Option<Vec<Entry>> {
        let mut rest = &self.bytes[HEAD_BYTES + META_BYTES as usize..];
        let mut entries = Vec::with_capacity(RESERVED_ENTRIES_MAX.min(self.count as usize));
        for _ in 0..self.count {
            let (entry, tail) = postcard::take_from_bytes(rest).ok()?;
            entries.push(entry);
            rest = tail;
        }
        Some(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_the_bytes_cannot_hold_sets_no_memory_aside() {
        let mut frame = encode(0, &[]);
        frame[HEAD_BYTES + 16..HEAD_BYTES + 20].copy_from_slice(&u32::MAX.to_le_bytes());
        let crc = crc32fast::hash(&frame[HEAD_BYTES..]);
        frame[4..8].copy_from_slice(&crc.to_le_bytes());
        let frame = check(frame).unwrap();
        assert_eq!(frame.count, u32::MAX);
        assert!(frame.entries().is_none());
    }
}
