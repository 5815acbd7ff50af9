//! What messages hold.

use std::collections::{BTreeMap, VecDeque};

use super::consumer::Item;
use crate::event::batch::{self, Shape};
use crate::event::decode::{Rejection, check_time};
use crate::event::{AuthEvent, Privacy, Reason, Source, Timestamp};

/// What a compressed message may become, as with pushed bodies.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Messages behind so much are another piece: each of many may be compressed.
const BYTES_ENOUGH: usize = 16 * 1024 * 1024;

/// Messages that become durable together.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) events: Vec<(Source, AuthEvent)>,
    pub(super) rejected: BTreeMap<Reason, u64>,
    /// The first that is no event, in words.
    pub(super) first: Option<String>,
    /// The sequence of the last message.
    pub(super) last: u64,
    /// Messages that wait behind it.
    pub(super) pending: u64,
    bytes: usize,
}

impl Piece {
    /// Takes from the front of `items` what goes together; `None` when there are none. A message is what a pushed body is: one
    /// event, several, or an array.
    pub(super) fn take(
        items: &mut VecDeque<Item>,
        privacy: &Privacy,
        now: Timestamp,
    ) -> Option<Self> {
        let mut piece = Self {
            events: Vec::new(),
            rejected: BTreeMap::new(),
            first: None,
            last: items.front()?.sequence,
            pending: 0,
            bytes: 0,
        };
        while piece.bytes < BYTES_ENOUGH
            && let Some(item) = items.pop_front()
        {
            piece.add(&item, privacy, now);
        }
        Some(piece)
    }

    fn add(&mut self, item: &Item, privacy: &Privacy, now: Timestamp) {
        (self.last, self.pending) = (item.sequence, item.pending);
        let encoding = item.encoding.as_deref();
        let body = match batch::decompress(&item.payload, encoding, BODY_BYTES_MAX) {
            Ok(body) => body,
            Err(rejection) => return self.reject(1, &rejection),
        };
        self.bytes += body.len();
        batch::each(&body, Shape::Events, privacy, |place, event| {
            let event = event.and_then(|event| check_time(&event, now).map(|()| event));
            match event {
                Ok(event) => self.events.push((Source::Nats, event)),
                Err(rejection) => self.reject(place, &rejection),
            }
        });
    }

    fn reject(&mut self, place: u64, rejection: &Rejection) {
        *self.rejected.entry(rejection.reason).or_default() += 1;
        let message = self.last;
        self.first.get_or_insert_with(|| format!("message {message}, line {place}: {rejection}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Treatment;

    fn item(sequence: u64, payload: String) -> Item {
        Item { sequence, pending: 10 - sequence, payload: payload.into(), encoding: None }
    }

    fn event(id: u64) -> String {
        format!(r#"{{"id":"e{id}","event":"x.y","created_at":"2026-01-15T12:00:00Z"}}"#)
    }

    #[test]
    fn large_messages_are_pieces_of_their_own_and_the_bad_ones_are_named() {
        let privacy = Privacy::new(Treatment::Hash, b"key");
        let now = Timestamp::parse("2026-01-15T12:00:01Z").unwrap();
        let blank = " ".repeat(BYTES_ENOUGH);
        let items = [
            item(1, event(1)),
            item(2, format!("{}\nrubbish\n{}", event(2), event(3))),
            item(4, format!("{}{blank}", event(4))),
            item(5, event(5).replace("2026", "2027")),
            item(7, String::new()),
        ];
        let mut items = VecDeque::from(items);
        let one = Piece::take(&mut items, &privacy, now).unwrap();
        assert_eq!((one.events.len(), one.last, one.pending), (4, 4, 6));
        assert_eq!(one.rejected, BTreeMap::from([(Reason::NotJson, 1)]));
        assert!(one.first.unwrap().starts_with("message 2, line 2: "));
        let two = Piece::take(&mut items, &privacy, now).unwrap();
        assert_eq!((two.events.len(), two.last, two.pending), (0, 7, 3));
        assert_eq!(two.rejected, BTreeMap::from([(Reason::FutureTimestamp, 1)]));
        assert!(Piece::take(&mut items, &privacy, now).is_none());
    }
}
