//! The metrics sink: pushes the latest totals from time to time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until, timeout};

use super::histogram::histograms;
use super::instrument::export;
use super::payload::{ENVELOPE, pieces};
use super::{Config, Identity, METRICS, endpoint, refused_points, scrape};
use crate::clock::Clock;
use crate::event::Timestamp;
use crate::journal::Inlet;
use crate::outbound::Transport;
use crate::signal::Snapshot;
use crate::sink::batch::{Batch, Item};
use crate::sink::courier::Courier;
use crate::sink::ledger::Ledger;
use crate::telemetry;

/// How long the last push may take when the daemon stops.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Totals that could not be encoded: the label `reason`.
const NOT_ENCODED: &str = "not_encoded";

/// Text of a scrape that is encoded at once: the SDK, and what is made of its export, take forty times as much.
const TEXT_BYTES: usize = 256 * 1024;

/// Bytes for which a request is not made larger: what is encoded at once has a fifth of the rest.
const REQUEST_BYTES: usize = 3 * 1024 * 1024;

/// What a scrape would answer now.
pub type Exposition = Arc<dyn Fn() -> Parts + Send + Sync>;

/// Its text part by part. A histogram is in one part.
pub type Parts = Box<dyn Iterator<Item = String> + Send>;

/// The sink.
pub struct Metrics<T> {
    courier: Courier<T>,
    ledger: Ledger,
    clock: Clock,
    exposition: Exposition,
    identity: Identity,
    interval: Duration,
    /// What is left of the totals that are being pushed, besides what the courier has.
    push: Option<Push>,
    /// When the next totals are read.
    due_at: Instant,
    /// Whether a request of the push was taken since then: newer totals do not take the place of those that are getting through, for
    /// then the last connections would never be told.
    moves: bool,
    /// When the receiver last had the latest totals, or the sink was made.
    told_at: Timestamp,
}

/// Totals, of which the next request is made when the one before was taken: those of 20,000 connections have 50 MB, and one request
/// is in memory at a time.
struct Push {
    parts: Parts,
    now: Timestamp,
}

impl<T: Transport> Metrics<T> {
    /// The sink that `config` asks for, if it does. It pushes what `exposition` gives.
    pub fn new(
        config: &Config,
        identity: Identity,
        transport: T,
        inlet: Inlet,
        clock: Clock,
        exposition: Exposition,
    ) -> Result<Option<Self>, String> {
        if !config.metrics {
            return Ok(None);
        }
        let endpoint = endpoint(config, METRICS, "/v1/metrics", refused_points)?;
        Ok(Some(Self {
            courier: Courier::new(endpoint, ENVELOPE, transport),
            ledger: Ledger::new(METRICS, inlet),
            clock,
            exposition,
            identity,
            interval: config.interval.duration(),
            push: None,
            due_at: Instant::now(),
            moves: false,
            told_at: clock.now(),
        }))
    }

    /// Pushes until `stop`, or until nobody publishes any more; then pushes the last totals.
    pub async fn run(
        mut self,
        mut snapshots: watch::Receiver<Arc<Snapshot>>,
        mut stop: watch::Receiver<bool>,
    ) {
        while !*stop.borrow() {
            let snapshot = Arc::clone(&snapshots.borrow_and_update());
            self.turn(&snapshot, &mut stop).await;
            if let Some(condition) = self.courier.news(self.clock.now(), &snapshot) {
                self.ledger.note_health(condition);
            }
            self.ledger.record().await;
            let busy = !self.courier.is_idle();
            tokio::select! {
                // An error means that the daemon is gone: stop as well.
                _ = stop.wait_for(|stop| *stop) => break,
                changed = snapshots.changed() => if changed.is_err() { break },
                () = sleep_until(self.courier.free_at()), if busy => {}
            }
        }
        // A receiver that does not answer now has the totals of the last push.
        drop(timeout(STOP_GRACE, self.flush(&mut stop)).await);
        self.ledger.close().await;
    }

    /// Sends one body; of the latest totals when it is time for them.
    async fn turn(&mut self, snapshot: &Snapshot, stop: &mut watch::Receiver<bool>) {
        let now = self.clock.now();
        // Before the engine has spoken nothing is known.
        if Instant::now() >= self.due_at && snapshot.now != Timestamp::default() {
            self.due_at = Instant::now() + self.interval;
            let moved = std::mem::take(&mut self.moves);
            if self.courier.is_idle() || !moved {
                self.begin(now).await;
            }
        }
        let had = !self.courier.is_idle();
        self.step(now, stop).await;
        if had && self.courier.is_idle() {
            self.told_at = now;
        }
        let late = if self.courier.is_idle() { 0.0 } else { now.since(self.told_at).as_secs_f64() };
        telemetry::sink_backlog(METRICS, late);
    }

    /// Puts the latest totals in the place of what is left of older ones.
    async fn begin(&mut self, now: Timestamp) {
        self.courier.unload();
        self.push = Some(Push { parts: (self.exposition)(), now });
        self.load(now).await;
    }

    /// Sends one body, and makes the next when it was taken.
    async fn step(&mut self, now: Timestamp, stop: &mut watch::Receiver<bool>) {
        let had = !self.courier.is_idle();
        self.courier.step(now, stop).await;
        if self.courier.is_idle() {
            self.moves |= had;
            self.load(now).await;
        }
    }

    /// Makes the next request of the push, if there is any.
    async fn load(&mut self, now: Timestamp) {
        let Some(push) = self.push.take() else { return };
        let identity = self.identity.clone();
        // This takes a while, and the SDK waits for a thread of its own.
        let encoded = spawn_blocking(move || push.next(&identity));
        match encoded.await.expect("encoding does not panic") {
            Ok((batches, push)) => {
                self.courier.load(batches);
                self.push = push;
            }
            Err(problem) => {
                telemetry::sink_request(METRICS, "dropped", &problem);
                self.courier.give_up(now, NOT_ENCODED, 1);
            }
        }
    }

    /// Pushes the last totals, unless the receiver has just asked to be left alone.
    async fn flush(&mut self, stop: &mut watch::Receiver<bool>) {
        let now = self.clock.now();
        self.begin(now).await;
        while !self.courier.is_idle() && Instant::now() >= self.courier.free_at() {
            self.step(now, stop).await;
        }
    }
}

impl Push {
    /// The next request, and what is left after it. Nothing is left where it is empty.
    fn next(mut self, identity: &Identity) -> Result<(Vec<Batch>, Option<Self>), String> {
        let (mut items, mut bytes, mut more) = (Vec::new(), 0, true);
        while more && bytes < REQUEST_BYTES {
            let mut text = String::new();
            while more && text.len() < TEXT_BYTES {
                match self.parts.next() {
                    Some(part) => text.push_str(&part),
                    None => more = false,
                }
            }
            let encoded = encode(&text, identity, self.now)?;
            bytes += encoded.iter().map(|item| item.bytes.len()).sum::<usize>();
            items.extend(encoded);
        }
        Ok((ENVELOPE.pack(items), more.then_some(self)))
    }
}

/// The pieces of a push of what the exposition `text` shows.
pub(super) fn encode(text: &str, identity: &Identity, now: Timestamp) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    for (part, resource) in identity.parts(scrape::parse(text)) {
        items.extend(pieces(export(&part, resource)?, histograms(&part), now));
    }
    Ok(items)
}

impl<T> fmt::Debug for Metrics<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("due_at", &self.due_at).finish_non_exhaustive()
    }
}
