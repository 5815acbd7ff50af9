//! One append in the messages of a stream: as many as it needs, of which a reader believes all or none.
//!
//! `version: u8 | kind: u8 | writer: u64 | first position: u64 | newest stamp: i64 | part: u32 | parts: u32 | bytes`, little
//! endian. Who finds an append without its last part and then another one knows that its writer came no further.

use std::io::Read;

use bytes::Bytes;

use crate::event::Timestamp;

/// Version of the format.
const VERSION: u8 = 1;

/// Bytes before those of the append.
const HEAD_BYTES: usize = 34;

/// Bytes of an append in one message: half of the largest message that a NATS server takes by default.
pub(super) const PART_BYTES_MAX: usize = 512 * 1024;

/// Largest append: that of a frame.
const WHOLE_BYTES_MAX: usize = 1 << 30;

/// What an append is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Entries, in a frame.
    Batch,
    /// An instance owns the journal from here on; its name, for people who look.
    Claim,
    /// The owner gives the journal back.
    Release,
    /// The owner is there.
    Beat,
    /// A checkpoint.
    Checkpoint,
}

/// What stands before the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub(super) kind: Kind,
    /// Tells writers apart: of two who write at once, one is refused, and knows its own by this.
    pub(super) writer: u64,
    /// The position of the first entry, or that the next one will have.
    pub(super) first: u64,
    pub(super) newest: Timestamp,
    pub(super) part: u32,
    pub(super) parts: u32,
}

/// An append whose parts are all there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Whole {
    pub(super) head: Head,
    pub(super) bytes: Vec<u8>,
}

/// Joins parts that come in order.
#[derive(Debug, Default)]
pub(super) struct Joiner(Option<Whole>);

impl Kind {
    const ALL: [Self; 5] = [Self::Batch, Self::Claim, Self::Release, Self::Beat, Self::Checkpoint];
}

/// The messages of an append of `bytes`.
pub(super) fn split(
    kind: Kind,
    writer: u64,
    first: u64,
    newest: Timestamp,
    bytes: &[u8],
) -> Vec<Bytes> {
    let pieces: Vec<&[u8]> =
        if bytes.is_empty() { vec![bytes] } else { bytes.chunks(PART_BYTES_MAX).collect() };
    let parts = u32::try_from(pieces.len()).expect("an append is far below 2^32 parts");
    let message = |(part, piece): (u32, &[u8])| {
        let mut message = Vec::with_capacity(HEAD_BYTES + piece.len());
        message.extend([VERSION, kind as u8]);
        message.extend(writer.to_le_bytes());
        message.extend(first.to_le_bytes());
        message.extend(newest.millis().to_le_bytes());
        message.extend(part.to_le_bytes());
        message.extend(parts.to_le_bytes());
        message.extend(piece);
        Bytes::from(message)
    };
    (0..parts).zip(pieces).map(message).collect()
}

/// Head and bytes of a message; `None` when it is none of ours.
pub(super) fn read(message: &[u8]) -> Option<(Head, &[u8])> {
    let (mut head, bytes) = message.split_at_checked(HEAD_BYTES)?;
    let [version, kind] = take(&mut head)?;
    let kind = Kind::ALL.into_iter().find(|known| *known as u8 == kind)?;
    let head = Head {
        kind,
        writer: u64::from_le_bytes(take(&mut head)?),
        first: u64::from_le_bytes(take(&mut head)?),
        newest: Timestamp::from_millis(i64::from_le_bytes(take(&mut head)?)),
        part: u32::from_le_bytes(take(&mut head)?),
        parts: u32::from_le_bytes(take(&mut head)?),
    };
    (version == VERSION && head.part < head.parts).then_some((head, bytes))
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let mut taken = [0; N];
    bytes.read_exact(&mut taken).ok()?;
    Some(taken)
}

impl Joiner {
    /// Takes the next message; the append when it is its last part. A message that is none of ours ends what was begun.
    pub(super) fn take(&mut self, message: &[u8]) -> Option<Whole> {
        let begun = self.0.take();
        let (head, bytes) = read(message)?;
        let whole = match begun {
            _ if head.part == 0 => Whole { head, bytes: bytes.to_vec() },
            Some(mut begun)
                if Head { part: begun.head.part + 1, ..begun.head } == head
                    && begun.bytes.len() + bytes.len() <= WHOLE_BYTES_MAX =>
            {
                begun.bytes.extend(bytes);
                Whole { head, bytes: begun.bytes }
            }
            // Its beginning is gone.
            _ => return None,
        };
        if head.part + 1 == head.parts {
            return Some(whole);
        }
        self.0 = Some(whole);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(writer: u64, length: usize) -> Vec<Bytes> {
        let bytes: Vec<u8> = (0..length).map(|n| n.to_le_bytes()[0]).collect();
        split(Kind::Batch, writer, 7, Timestamp::from_millis(9), &bytes)
    }

    fn joined(messages: &[Bytes]) -> Vec<(u64, usize)> {
        let mut joiner = Joiner::default();
        let whole = messages.iter().filter_map(|message| joiner.take(message));
        whole.map(|whole| (whole.head.writer, whole.bytes.len())).collect()
    }

    #[test]
    fn an_append_of_any_size_comes_back_whole() {
        for length in [0, 1, PART_BYTES_MAX, PART_BYTES_MAX + 1, 3 * PART_BYTES_MAX] {
            let all = messages(1, length);
            assert_eq!(all.len(), length.div_ceil(PART_BYTES_MAX).max(1), "{length}");
            let mut joiner = Joiner::default();
            let whole = all.iter().filter_map(|message| joiner.take(message)).last().unwrap();
            assert_eq!(whole.bytes.len(), length);
            assert!(whole.bytes.iter().enumerate().all(|(n, byte)| n.to_le_bytes()[0] == *byte));
            assert_eq!((whole.head.first, whole.head.newest.millis()), (7, 9));
        }
    }

    #[test]
    fn an_append_without_its_end_or_its_beginning_is_none() {
        let (torn, good) = (messages(1, 2 * PART_BYTES_MAX), messages(2, 2 * PART_BYTES_MAX));
        let with = |first: &[Bytes], then: &[Bytes]| joined(&[first, then].concat());
        assert_eq!(with(&torn[..1], &good), [(2, 2 * PART_BYTES_MAX)]);
        assert_eq!(with(&torn[1..], &good), [(2, 2 * PART_BYTES_MAX)]);
        // The second part of another writer is not that of this one.
        assert_eq!(with(&torn[..1], &good[1..]), []);
        assert_eq!(with(&[&torn[..1], &[Bytes::from_static(b"?")]].concat(), &torn[1..]), []);
    }

    #[test]
    fn what_is_none_of_ours_is_told() {
        let message = messages(1, 3).remove(0);
        assert!(read(&message).is_some());
        for (place, byte) in [(0, 9), (1, 9), (26, 1)] {
            let mut other = message.to_vec();
            other[place] = byte;
            assert!(read(&other).is_none(), "byte {place}");
        }
        for end in 0..HEAD_BYTES {
            assert!(read(&message[..end]).is_none(), "{end} bytes");
        }
    }
}
