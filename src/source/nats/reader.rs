//! The loop: connects, reads what there is, hands it over with the place behind it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::consumer::{Consumer, Item};
use super::piece::Piece;
use super::place::Place;
use super::{CURSOR, Nats, connect};
use crate::bus::BusError;
use crate::event::{Record, Source};
use crate::journal::{Delivery, InletError};
use crate::outbound::Backoff;
use crate::source::health::Health;
use crate::telemetry;

/// Shortest and longest wait after a failure: someone may be waiting for a page, and it is told in time how it goes.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(15)];

/// How often the log says how far it is while there is more to read.
const PROGRESS: Duration = Duration::from_secs(10);

/// Reads events.
#[derive(Debug)]
pub(super) struct Reader {
    nats: Nats,
    /// Where it goes on; `None` at the first start, until something was read.
    place: Option<Place>,
    health: Health,
    backoff: Backoff,
    /// New events since it last had read everything; `None` once it has.
    behind: Option<u64>,
    /// When the log is told next how far it is.
    tell: Instant,
}

/// Why it does not go on as it did.
enum Interruption {
    Bus(BusError),
    Inlet(InletError),
}

impl Reader {
    pub(super) fn new(nats: Nats, place: Option<Place>) -> Self {
        Self {
            nats,
            place,
            health: Health::new(),
            backoff: Backoff::new(WAITS[0], WAITS[1], None),
            behind: Some(0),
            tell: Instant::now() + PROGRESS,
        }
    }

    /// Reads until nobody takes deliveries any more.
    pub(super) async fn run(mut self) {
        loop {
            let Err(interruption) = self.read().await;
            match interruption {
                Interruption::Inlet(InletError::Closed) => return,
                Interruption::Inlet(error) => telemetry::source_trouble(CURSOR, &error),
                Interruption::Bus(error) => {
                    let refused = matches!(
                        error,
                        BusError::Settings { .. }
                            | BusError::Refused { .. }
                            | BusError::Forbidden { .. }
                    );
                    let result = if refused { "refused" } else { "retried" };
                    telemetry::source_request(CURSOR, result, &error);
                    self.health.failed(self.nats.clock.now(), refused, &error.to_string());
                }
            }
            self.tell_health().await;
            sleep(self.backoff.next_wait(None)).await;
        }
    }

    /// Reads until something is wrong. Everything is made anew after that: the connection, too, for what lets one in may have
    /// been replaced.
    async fn read(&mut self) -> Result<Infallible, Interruption> {
        let link = connect(&self.nats.settings).await?;
        let now = self.nats.clock.now();
        let (mut consumer, created) =
            Consumer::open(&link, &self.nats.settings, self.place.as_ref(), now).await?;
        loop {
            let items = consumer.next().await?;
            self.works().await;
            if items.is_empty() {
                self.caught_up();
            }
            self.take(items, &created).await?;
        }
    }

    async fn works(&mut self) {
        self.backoff.reset();
        self.health.works();
        self.tell_health().await;
    }

    /// Hands over what messages hold, piece by piece, and goes on behind each once it is durable.
    async fn take(&mut self, items: Vec<Item>, created: &str) -> Result<(), Interruption> {
        let mut items = VecDeque::from(items);
        loop {
            let (privacy, now) = (self.nats.privacy.clone(), self.nats.clock.now());
            let unpack = move || {
                let piece = Piece::take(&mut items, &privacy, now);
                (items, piece)
            };
            let piece;
            // A large one takes its time.
            (items, piece) = spawn_blocking(unpack).await.expect("to decode does not panic");
            let Some(piece) = piece else { return Ok(()) };
            self.deliver(piece, created).await?;
        }
    }

    async fn deliver(&mut self, piece: Piece, created: &str) -> Result<(), Interruption> {
        let Piece { events, rejected, first, last, pending, .. } = piece;
        let next = Place { created: created.to_owned(), next: last + 1 };
        let mut records =
            vec![Record::Cursor { key: CURSOR.into(), value: next.to_string().into() }];
        if !rejected.is_empty() {
            // Not counted by the inlet: with the place, so that a restart counts none of them twice.
            let rejected = rejected.iter().map(|(reason, count)| (*reason, *count)).collect();
            records.push(Record::Refused { source: Source::Nats, duplicates: 0, rejected });
        }
        let reached = events.last().map(|(_, event)| event.at);
        let receipt = self.nats.inlet.deliver(Delivery { events, records }).await?;
        telemetry::source_request(CURSOR, "accepted", &next);
        if let Some(first) = &first {
            let count = rejected.values().sum::<u64>();
            telemetry::source_rejected(CURSOR, usize::try_from(count).unwrap_or(usize::MAX), first);
        }
        self.place = Some(next);
        if let Some(behind) = &mut self.behind {
            *behind += receipt.accepted;
        }
        if pending == 0 {
            self.caught_up();
        } else if let (Some(events), Some(reached)) = (self.behind, reached)
            && Instant::now() >= self.tell
        {
            self.tell = Instant::now() + PROGRESS;
            telemetry::source_behind(CURSOR, &reached, events);
        }
        Ok(())
    }

    /// There is nothing more to read for now.
    fn caught_up(&mut self) {
        if let Some(events) = self.behind.take() {
            telemetry::source_caught_up(CURSOR, events);
        }
    }

    /// Tells the engine how it goes, where that has changed. What could not be told is told next time.
    async fn tell_health(&mut self) {
        let Some(trouble) = self.health.news(self.nats.clock.now()) else { return };
        let record = Record::SourceHealth { source: Source::Nats, trouble: trouble.clone() };
        let delivery = Delivery { events: Vec::new(), records: vec![record] };
        if self.nats.inlet.deliver(delivery).await.is_ok() {
            self.health.recorded(trouble.as_ref());
        }
    }
}

impl From<BusError> for Interruption {
    fn from(error: BusError) -> Self {
        Self::Bus(error)
    }
}

impl From<InletError> for Interruption {
    fn from(error: InletError) -> Self {
        Self::Inlet(error)
    }
}
