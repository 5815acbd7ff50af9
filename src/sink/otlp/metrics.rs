//! The metrics sink: pushes the latest totals from time to time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until, timeout};

use super::histogram::histograms;
use super::instrument::export;
use super::payload::{ENVELOPE, pieces};
use super::{Config, METRICS, endpoint, refused_points, scrape};
use crate::clock::Clock;
use crate::event::Timestamp;
use crate::journal::Inlet;
use crate::outbound::Transport;
use crate::signal::Snapshot;
use crate::sink::batch::Item;
use crate::sink::courier::Courier;
use crate::sink::ledger::Ledger;
use crate::telemetry;

/// How long the last push may take when the daemon stops.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Totals that could not be encoded: the label `reason`.
const NOT_ENCODED: &str = "not_encoded";

/// What a scrape would answer now.
pub type Exposition = Arc<dyn Fn() -> String + Send + Sync>;

/// The sink.
pub struct Metrics<T> {
    courier: Courier<T>,
    ledger: Ledger,
    clock: Clock,
    exposition: Exposition,
    resource: Resource,
    interval: Duration,
    /// When the next totals are read.
    due_at: Instant,
    /// When the receiver last had the latest totals, or the sink was made.
    told_at: Timestamp,
}

impl<T: Transport> Metrics<T> {
    /// The sink that `config` asks for, if it does. It pushes what `exposition` gives.
    pub fn new(
        config: &Config,
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
            resource: resource(config),
            interval: config.interval.duration(),
            due_at: Instant::now(),
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
            self.load(now).await;
        }
        let had = !self.courier.is_idle();
        self.courier.step(now, stop).await;
        if had && self.courier.is_idle() {
            self.told_at = now;
        }
        let late = if self.courier.is_idle() { 0.0 } else { now.since(self.told_at).as_secs_f64() };
        telemetry::sink_backlog(METRICS, late);
    }

    /// Puts the latest totals in the place of what is left of older ones.
    async fn load(&mut self, now: Timestamp) {
        let (exposition, resource) = (Arc::clone(&self.exposition), self.resource.clone());
        // Of 20,000 connections this takes a while, and the SDK waits for a thread of its own.
        let encoded = spawn_blocking(move || {
            encode(&exposition(), resource, now).map(|items| ENVELOPE.pack(items))
        });
        match encoded.await.expect("encoding does not panic") {
            Ok(batches) => {
                self.courier.unload();
                self.courier.load(batches);
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
        self.load(now).await;
        while !self.courier.is_idle() && Instant::now() >= self.courier.free_at() {
            self.courier.step(now, stop).await;
        }
    }
}

/// The pieces of a push of what the exposition `text` shows.
pub(super) fn encode(text: &str, resource: Resource, now: Timestamp) -> Result<Vec<Item>, String> {
    let scrape = Arc::new(scrape::parse(text));
    Ok(pieces(export(&scrape, resource)?, histograms(&scrape), now))
}

/// Who pushes. `OTEL_RESOURCE_ATTRIBUTES` of the environment adds to it.
pub(super) fn resource(config: &Config) -> Resource {
    Resource::builder()
        .with_service_name("ssowatch")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("service.instance.id", config.instance()))
        .build()
}

impl<T> fmt::Debug for Metrics<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("due_at", &self.due_at).finish_non_exhaustive()
    }
}
