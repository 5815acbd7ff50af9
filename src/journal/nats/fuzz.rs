//! For fuzzing: messages of the streams.

use super::intake::{HEAD_BYTES, seal, unpack};
use super::part::{Joiner, PART_BYTES_MAX, read};
use super::reader::entries;
use crate::event::Record;
use crate::journal::Delivery;

/// A message of a standby, as it is and with the checksum that it should have. What cannot be read gives nothing, and takes
/// nothing from what came before it.
pub(crate) fn intake(message: &[u8]) {
    let mut sealed = message.to_vec();
    if sealed.len() >= HEAD_BYTES {
        seal(&mut sealed);
    }
    for message in [message, &sealed] {
        let mut delivery = Delivery { events: Vec::new(), records: vec![Record::Resumed] };
        let read = unpack(message, &mut delivery);
        let more = delivery.records.len() - 1 + delivery.events.len();
        assert!(delivery.records[0] == Record::Resumed);
        assert!(read || more == 0);
        // An item has a byte at least.
        assert!(more <= message.len());
    }
}

/// Messages, each behind its length in two bytes. None of them makes more of itself than it is, and what is whole is read or
/// passed over.
pub(crate) fn parts(bytes: &[u8]) {
    let (mut joiner, mut rest, mut taken) = (Joiner::default(), bytes, 0);
    while let Some((length, tail)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes(*length)).min(tail.len()).min(PART_BYTES_MAX);
        let (message, tail) = tail.split_at(length);
        rest = tail;
        if let Some((head, bytes)) = read(message) {
            assert!(head.part < head.parts, "{head:?}");
            taken += bytes.len();
        }
        if let Some(whole) = joiner.take(message) {
            assert!(whole.bytes.len() <= taken);
            drop(entries(&whole));
        }
    }
}
