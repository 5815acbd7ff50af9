//! Items that are encoded already, packed into compressed request bodies within a service's limits.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// What a service takes in one request, and what stands around the items.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope {
    /// Before the first item.
    pub(crate) before: &'static str,
    /// After the last.
    pub(crate) after: &'static str,
    /// Items at most.
    pub(crate) items_max: usize,
    /// Bytes at most, decompressed.
    pub(crate) bytes_max: usize,
    /// Bytes at most, as they go over the wire.
    pub(crate) wire_bytes_max: usize,
}

/// The body of one request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Batch {
    items: Vec<Box<str>>,
    /// Compressed with gzip; the same items give the same bytes.
    pub(crate) body: Bytes,
}

impl Envelope {
    /// Packs `items` in their order into as few bodies as the limits allow. An item that is over the limits alone has a body
    /// of its own: the service says what it thinks of it.
    pub(crate) fn pack(&self, items: Vec<Box<str>>) -> Vec<Batch> {
        let mut batches = Vec::new();
        let mut part = Vec::new();
        let around = self.before.len() + self.after.len();
        let mut bytes = around;
        for item in items {
            // A comma stands between two items.
            let more = item.len() + 1;
            if !part.is_empty() && (part.len() == self.items_max || bytes + more > self.bytes_max) {
                self.seal(std::mem::take(&mut part), &mut batches);
                bytes = around;
            }
            bytes += more;
            part.push(item);
        }
        if !part.is_empty() {
            self.seal(part, &mut batches);
        }
        batches
    }

    /// The two halves of `batch`, or itself when it is one item.
    pub(crate) fn split(&self, mut batch: Batch) -> Result<[Batch; 2], Batch> {
        if batch.items.len() < 2 {
            return Err(batch);
        }
        let second = batch.items.split_off(batch.items.len() / 2);
        Ok([batch.items, second].map(|items| self.batch(items)))
    }

    fn seal(&self, items: Vec<Box<str>>, batches: &mut Vec<Batch>) {
        let batch = self.batch(items);
        if batch.body.len() <= self.wire_bytes_max || batch.items.len() == 1 {
            batches.push(batch);
            return;
        }
        let Batch { items: mut first, .. } = batch;
        let second = first.split_off(first.len() / 2);
        self.seal(first, batches);
        self.seal(second, batches);
    }

    fn batch(&self, items: Vec<Box<str>>) -> Batch {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let mut write = |text: &str| {
            encoder.write_all(text.as_bytes()).expect("memory grows as needed");
        };
        write(self.before);
        for (place, item) in items.iter().enumerate() {
            write(if place == 0 { "" } else { "," });
            write(item);
        }
        write(self.after);
        let body = encoder.finish().expect("memory grows as needed").into();
        Batch { items, body }
    }
}

impl Batch {
    /// How many items it holds.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// Its items.
    pub(crate) fn into_items(self) -> Vec<Box<str>> {
        self.items
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Read;

    use super::*;

    /// What a service reads after decompression.
    pub(crate) fn text(body: &Bytes) -> String {
        let mut text = String::new();
        flate2::read::GzDecoder::new(&**body).read_to_string(&mut text).unwrap();
        text
    }

    const ENVELOPE: Envelope = Envelope {
        before: "[",
        after: "]",
        items_max: 3,
        bytes_max: 20,
        wire_bytes_max: usize::MAX,
    };

    fn texts(envelope: Envelope, items: &[&str]) -> Vec<String> {
        let items = items.iter().map(|item| (*item).into()).collect();
        envelope.pack(items).iter().map(|batch| text(&batch.body)).collect()
    }

    #[test]
    fn items_are_packed_in_order_up_to_each_limit() {
        let cases: [(&[&str], &[&str]); 4] = [
            (&[], &[]),
            (&["1", "2", "3", "4"], &["[1,2,3]", "[4]"]),
            (&["11111111", "22222222", "33333333"], &["[11111111,22222222]", "[33333333]"]),
            (
                &["1", "222222222222222222222222", "3"],
                &["[1]", "[222222222222222222222222]", "[3]"],
            ),
        ];
        for (items, want) in cases {
            assert_eq!(texts(ENVELOPE, items), want, "{items:?}");
        }
        assert!(texts(ENVELOPE, &["11111111", "22222222"])[0].len() <= ENVELOPE.bytes_max);
    }

    #[test]
    fn a_body_that_does_not_compress_enough_is_halved_until_it_fits() {
        let items: Vec<Box<str>> = (0..1000u64)
            .map(|n| format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).into())
            .collect();
        let limits = Envelope {
            items_max: usize::MAX,
            bytes_max: usize::MAX,
            wire_bytes_max: 3000,
            ..ENVELOPE
        };
        let batches = limits.pack(items.clone());
        assert!(batches.iter().all(|batch| batch.body.len() <= 3000), "within the limit");
        assert!(batches.len() < 12, "and no smaller than needed: {}", batches.len());
        let packed: Vec<Box<str>> = batches.into_iter().flat_map(|batch| batch.items).collect();
        assert_eq!(packed, items);
    }

    #[test]
    fn a_batch_splits_into_halves_until_it_is_one_item() {
        let batch = ENVELOPE.pack(vec!["1".into(), "2".into(), "3".into()]).remove(0);
        let [first, second] = ENVELOPE.split(batch).unwrap();
        assert_eq!((text(&first.body), text(&second.body)), ("[1]".into(), "[2,3]".into()));
        assert_eq!(ENVELOPE.split(first.clone()), Err(first));
    }

    #[test]
    fn the_same_items_give_the_same_bytes() {
        let pack = || ENVELOPE.pack(vec!["1".into(), "2".into()]);
        assert_eq!(pack(), pack());
    }
}
