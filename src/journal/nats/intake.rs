//! What standbys took, on its way to the owner: a stream of its own, from which the owner removes what is in the journal.
//!
//! A message is `version: u8 | crc32: u32 | items (postcard)`. The owner's cursor, how far it has read, is a record in the
//! same append as what it read, so that the next owner goes on there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::error::NatsError;
use super::journal::fresh_id;
use super::part::PART_BYTES_MAX;
use super::stream::Stream;
use crate::bus::BusError;
use crate::event::{AuthEvent, Novel, Record, Source};
use crate::journal::Delivery;

/// Version of the format.
const VERSION: u8 = 1;

pub(super) const HEAD_BYTES: usize = 5;

/// How long it is tried to make a delivery durable: twice the longest election that was seen (5.6 s), and less than senders
/// wait.
const TRY_FOR: Duration = Duration::from_secs(12);

/// The stream. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Intake {
    stream: Stream,
    aside: Stream,
    writer: u64,
    sent: Arc<AtomicU64>,
}

/// One thing that was taken.
#[derive(Debug, Serialize, Deserialize)]
enum Item {
    /// With what this version does not know of it, which is no part of the event's own encoding.
    Event(Source, AuthEvent, Vec<(Novel, Box<str>)>),
    Record(Record),
}

/// What the owner reads at once.
#[derive(Debug)]
pub struct Taken {
    /// All of it.
    pub delivery: Delivery,
    /// Where to go on.
    pub cursor: String,
    /// Messages that could not be read and were put aside.
    pub bad: u64,
    /// The sequence of the next message, for [`Intake::remove`].
    pub next: u64,
    /// Messages that wait behind these.
    pub waiting: u64,
}

impl Intake {
    pub(super) fn new(stream: Stream, aside: Stream) -> Self {
        Self { stream, aside, writer: fresh_id(), sent: Arc::default() }
    }

    /// The stream, and that for what could not be read.
    pub(super) fn streams(&self) -> [Stream; 2] {
        [self.stream.clone(), self.aside.clone()]
    }

    /// Makes deliveries durable, in as few messages as they fit in. After an error some may be: who sends them again is
    /// counted once, by the ids of events.
    pub async fn send(&self, deliveries: Vec<Delivery>) -> Result<(), NatsError> {
        let end = Instant::now() + TRY_FOR;
        for message in pack(deliveries) {
            let number = self.sent.fetch_add(1, Ordering::Relaxed);
            let id = format!("{:016x}-{number}", self.writer);
            self.stream.publish(&id, &message, end).await?;
        }
        Ok(())
    }

    /// Tries once whether there is a way, and room: a message that holds nothing gets through, and another of the largest size
    /// could follow.
    pub async fn knock(&self) -> Result<(), NatsError> {
        let mut message = vec![0; HEAD_BYTES];
        seal(&mut message);
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:016x}-{number}", self.writer);
        self.stream.publish(&id, &message.into(), Instant::now()).await?;
        let room = self.stream.info().await?.room;
        if room < 2 * PART_BYTES_MAX as u64 {
            let (what, error) = (self.stream.name.clone(), "the stream is full".to_owned());
            return Err(BusError::Away { what, error }.into());
        }
        Ok(())
    }

    /// What comes behind `cursor`, which an earlier call gave; `None` when there is nothing.
    pub async fn take(&self, cursor: Option<&str>) -> Result<Option<Taken>, NatsError> {
        let info = self.stream.info().await?;
        // A stream that was made anew begins anew.
        let known = cursor.and_then(|cursor| cursor.rsplit_once(' '));
        let known = known.filter(|(created, _)| *created == info.created);
        let next = known.and_then(|(_, next)| next.parse().ok()).unwrap_or(1).max(info.first);
        if next > info.last {
            return Ok(None);
        }
        let (messages, next) = self.stream.read(next, info.last).await?;
        let (mut delivery, mut bad) = (Delivery::default(), 0);
        for message in messages {
            if !unpack(&message, &mut delivery) {
                let id =
                    format!("{:016x}-{}", self.writer, self.sent.fetch_add(1, Ordering::Relaxed));
                self.aside.publish(&id, &message, Instant::now() + TRY_FOR).await?;
                bad += 1;
            }
        }
        let cursor = format!("{} {next}", info.created);
        Ok(Some(Taken { delivery, cursor, bad, next, waiting: info.last + 1 - next }))
    }

    /// Removes what the journal has.
    pub async fn remove(&self, next: u64) -> Result<(), NatsError> {
        Ok(self.stream.purge(next).await?)
    }
}

fn pack(deliveries: Vec<Delivery>) -> Vec<Bytes> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let mut piece = Vec::new();
    for delivery in deliveries {
        let events = delivery.events.into_iter().map(|(source, mut event)| {
            let novel = std::mem::take(&mut event.novel);
            Item::Event(source, event, novel)
        });
        for item in events.chain(delivery.records.into_iter().map(Item::Record)) {
            piece = postcard::to_extend(&item, piece).expect("every item can be encoded");
            match messages.last_mut() {
                Some(last) if last.len() + piece.len() <= PART_BYTES_MAX => last.append(&mut piece),
                _ => {
                    let mut message = vec![0; HEAD_BYTES];
                    message.append(&mut piece);
                    messages.push(message);
                }
            }
        }
    }
    let sealed = messages.into_iter().map(|mut message| {
        seal(&mut message);
        Bytes::from(message)
    });
    sealed.collect()
}

/// Writes version and checksum.
pub(super) fn seal(message: &mut [u8]) {
    let (head, items) = message.split_at_mut(HEAD_BYTES);
    head[0] = VERSION;
    head[1..].copy_from_slice(&crc32fast::hash(items).to_le_bytes());
}

/// Adds what a message holds; all of it, or nothing when it cannot be read.
pub(super) fn unpack(message: &[u8], delivery: &mut Delivery) -> bool {
    let (events, records) = (delivery.events.len(), delivery.records.len());
    let mut read = || -> Option<()> {
        let ([version, crc @ ..], mut rest) = message.split_first_chunk::<HEAD_BYTES>()?;
        if *version != VERSION || crc32fast::hash(rest) != u32::from_le_bytes(*crc) {
            return None;
        }
        while !rest.is_empty() {
            let item;
            (item, rest) = postcard::take_from_bytes(rest).ok()?;
            match item {
                Item::Event(source, event, novel) => {
                    delivery.events.push((source, AuthEvent { novel, ..event }));
                }
                Item::Record(record) => delivery.records.push(record),
            }
        }
        Some(())
    };
    let done = read().is_some();
    if !done {
        delivery.events.truncate(events);
        delivery.records.truncate(records);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Body, EventId, Timestamp};

    fn event(n: usize) -> (Source, AuthEvent) {
        let event = AuthEvent {
            id: EventId::new(&format!("event_{n}")),
            at: Timestamp::from_millis(7),
            name: "user.created".into(),
            body: Body::Other,
            novel: vec![(Novel::Type, "user.created".into())],
        };
        (Source::WorkosWebhook, event)
    }

    fn taken(messages: &[Bytes]) -> Delivery {
        let mut delivery = Delivery::default();
        for message in messages {
            assert!(message.len() <= PART_BYTES_MAX && unpack(message, &mut delivery));
        }
        delivery
    }

    #[test]
    fn deliveries_come_out_as_they_went_in_however_large_they_are() {
        for count in [1, 30_000] {
            let events: Vec<_> = (0..count).map(event).collect();
            let one = Delivery { events: events.clone(), records: Vec::new() };
            let other = Delivery { events: Vec::new(), records: vec![Record::Resumed] };
            let delivery = taken(&pack(vec![one, other]));
            assert_eq!((delivery.events, delivery.records), (events, vec![Record::Resumed]));
        }
    }

    #[test]
    fn a_message_that_is_broken_anywhere_gives_nothing() {
        let whole = &pack(vec![Delivery { events: vec![event(1)], records: Vec::new() }])[0];
        for place in 0..whole.len() {
            let mut flipped = whole.to_vec();
            flipped[place] ^= 0x40;
            for broken in [&whole[..place], &flipped[..]] {
                let mut delivery = Delivery { events: vec![event(2)], records: Vec::new() };
                // A head alone is a message with nothing in it.
                let is_empty = broken.len() == HEAD_BYTES && broken[1..] == [0; 4];
                assert_eq!(unpack(broken, &mut delivery), is_empty, "byte {place}");
                assert_eq!(delivery.events.len(), 1);
            }
        }
    }
}
