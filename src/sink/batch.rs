//! Items that are encoded already, packed into request bodies within a service's limits.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// One item, encoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Item {
    pub(crate) bytes: Box<[u8]>,
    /// How many points or logs it holds.
    pub(crate) count: usize,
}

impl From<Box<str>> for Item {
    fn from(text: Box<str>) -> Self {
        Self { bytes: text.into(), count: 1 }
    }
}

/// Why writing into memory does not fail.
const MEMORY: &str = "memory grows as needed";

/// What a service takes in one request, and what stands around the items.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope {
    /// Before the first item.
    pub(crate) before: &'static str,
    /// Between two items.
    pub(crate) between: &'static str,
    /// After the last.
    pub(crate) after: &'static str,
    /// Whether bodies are compressed with gzip.
    pub(crate) gzip: bool,
    /// Items at most.
    pub(crate) items_max: usize,
    /// Bytes at most, decompressed.
    pub(crate) bytes_max: usize,
    /// Bytes at most, as they go over the wire.
    pub(crate) wire_bytes_max: usize,
    /// The two halves of an item; `None` when it holds one thing.
    pub(crate) halve: fn(&Item) -> Option<[Item; 2]>,
}

/// Of items that hold one thing each.
pub(crate) fn whole(_: &Item) -> Option<[Item; 2]> {
    None
}

/// The body of one request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Batch {
    items: Vec<Item>,
    /// The same items give the same bytes.
    pub(crate) body: Bytes,
}

impl Envelope {
    /// Packs `items` in their order into as few bodies as the limits allow. An item that is over the limits alone has a body
    /// of its own: the service says what it thinks of it.
    pub(crate) fn pack<I: Into<Item>>(&self, items: Vec<I>) -> Vec<Batch> {
        let mut batches = Vec::new();
        let mut part = Vec::new();
        let around = self.before.len() + self.after.len();
        let mut bytes = around;
        for item in items {
            let item = item.into();
            let more = item.bytes.len() + self.between.len();
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

    /// The two halves of `batch`, or itself when it is one thing.
    pub(crate) fn split(&self, mut batch: Batch) -> Result<[Batch; 2], Batch> {
        if let [item] = &*batch.items {
            let halves = (self.halve)(item).ok_or(batch)?;
            return Ok(halves.map(|half| self.batch(vec![half])));
        }
        let second = batch.items.split_off(batch.items.len() / 2);
        Ok([batch.items, second].map(|items| self.batch(items)))
    }

    fn seal(&self, items: Vec<Item>, batches: &mut Vec<Batch>) {
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

    fn batch(&self, items: Vec<Item>) -> Batch {
        let body = if self.gzip {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            self.write(&items, &mut encoder).expect(MEMORY);
            encoder.finish().expect(MEMORY)
        } else {
            let mut body = Vec::new();
            self.write(&items, &mut body).expect(MEMORY);
            body
        };
        Batch { items, body: body.into() }
    }

    fn write(&self, items: &[Item], to: &mut impl Write) -> io::Result<()> {
        to.write_all(self.before.as_bytes())?;
        for (place, item) in items.iter().enumerate() {
            to.write_all(if place == 0 { b"" } else { self.between.as_bytes() })?;
            to.write_all(&item.bytes)?;
        }
        to.write_all(self.after.as_bytes())
    }
}

impl Batch {
    /// How many points or logs it holds.
    pub(crate) fn count(&self) -> usize {
        self.items.iter().map(|item| item.count).sum()
    }

    /// Its items.
    pub(crate) fn into_items(self) -> Vec<Item> {
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
        between: ",",
        after: "]",
        gzip: true,
        items_max: 3,
        bytes_max: 20,
        wire_bytes_max: usize::MAX,
        halve: whole,
    };

    fn items(texts: &[&str]) -> Vec<Box<str>> {
        texts.iter().map(|text| (*text).into()).collect()
    }

    fn texts(envelope: Envelope, texts: &[&str]) -> Vec<String> {
        envelope.pack(items(texts)).iter().map(|batch| text(&batch.body)).collect()
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
        let items: Vec<Item> = (0..1000u64)
            .map(|n| {
                format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).into_boxed_str().into()
            })
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
        let packed: Vec<Item> = batches.into_iter().flat_map(|batch| batch.items).collect();
        assert_eq!(packed, items);
    }

    #[test]
    fn a_batch_splits_into_halves_until_it_is_one_item() {
        let batch = ENVELOPE.pack(items(&["1", "2", "3"])).remove(0);
        let [first, second] = ENVELOPE.split(batch).unwrap();
        assert_eq!((text(&first.body), text(&second.body)), ("[1]".into(), "[2,3]".into()));
        assert_eq!(ENVELOPE.split(first.clone()), Err(first));
    }

    #[test]
    fn an_item_of_several_things_splits_into_halves_too() {
        let halve = |item: &Item| {
            let (first, second) = item.bytes.split_at(item.bytes.len() / 2);
            let half = |bytes: &[u8]| Item { bytes: bytes.into(), count: bytes.len() };
            (item.count > 1).then(|| [half(first), half(second)])
        };
        let envelope = Envelope { halve, ..ENVELOPE };
        let batch = envelope.pack(vec![Item { bytes: b"abc".as_slice().into(), count: 3 }]);
        let [first, second] = envelope.split(batch.into_iter().next().unwrap()).unwrap();
        assert_eq!((text(&first.body), text(&second.body)), ("[a]".into(), "[bc]".into()));
        assert_eq!(envelope.split(first.clone()), Err(first));
    }

    #[test]
    fn the_same_items_give_the_same_bytes() {
        let pack = || ENVELOPE.pack(items(&["1", "2"]));
        assert_eq!(pack(), pack());
    }
}
