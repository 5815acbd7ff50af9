//! The metrics sink: sends each closed window once it is complete, and the gauges from time to time.
//!
//! A window is sent whole or, after a crash, whole again: Datadog keeps the last value of a series and a second, so the same
//! bytes twice are as good as once. Nothing is ever sent under another time than its own, and what is too old for Datadog is
//! given up and counted.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::sleep_until;

use super::gauge::{Told, gauges};
use super::series::{ENVELOPE, Style, counts};
use super::{Config, METRICS, edge, endpoint};
use crate::clock::Clock;
use crate::event::Timestamp;
use crate::journal::Inlet;
use crate::offload::offload;
use crate::outbound::Transport;
use crate::setting::Secret;
use crate::signal::{ClosedWindow, Snapshot, WINDOW_SECONDS};
use crate::sink::batch::Batch;
use crate::sink::courier::Courier;
use crate::sink::ledger::Ledger;
use crate::telemetry::{self, Sample};

/// Datadog takes points of the last hour; a minute is left for the way and for clocks that differ.
const AGE_SECONDS_MAX: i64 = 3600 - 60;

/// Points that would be older than Datadog takes: the label `reason`.
const TOO_OLD: &str = "too_old";

/// Gives the exposition of the daemon's own telemetry.
pub type Own = Arc<dyn Fn() -> String + Send + Sync>;

/// What the sink is told once.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) url: String,
    pub(crate) api_key: Secret,
    pub(crate) style: Style,
    pub(crate) interval_seconds: i64,
    pub(crate) gauges_seconds: i64,
}

/// The sink.
pub struct Metrics<T> {
    style: Arc<Style>,
    interval: i64,
    gauges_interval: i64,
    courier: Courier<T>,
    ledger: Ledger,
    clock: Clock,
    own: Own,
    /// Every window that starts before this second has been taken or given up.
    mark: i64,
    job: Option<Job>,
    told: Told,
    /// Whether a snapshot was seen.
    begun: bool,
    /// Which of the gauges' intervals was the last to be sent.
    gauged: i64,
}

/// What the courier carries.
struct Job {
    /// The second of its points.
    at: i64,
    what: What,
}

enum What {
    /// All windows up to this second.
    Counts { until: i64 },
    /// A snapshot's gauges, with the daemon's own telemetry and the edge's.
    Gauges { own: Vec<Sample> },
}

impl<T: Transport> Metrics<T> {
    /// The sink that `config` asks for, if it does. `mark` is how far it has come before.
    pub fn new(
        config: &Config,
        mark: Option<u64>,
        transport: T,
        inlet: Inlet,
        clock: Clock,
        own: Own,
    ) -> Result<Option<Self>, String> {
        let Some(settings) = config.metrics()? else { return Ok(None) };
        let endpoint = endpoint(METRICS, settings.url, settings.api_key);
        Ok(Some(Self {
            style: Arc::new(settings.style),
            interval: settings.interval_seconds,
            gauges_interval: settings.gauges_seconds,
            courier: Courier::new(endpoint, ENVELOPE, transport),
            ledger: Ledger::new(METRICS, inlet),
            clock,
            own,
            mark: mark.map_or(0, |mark| i64::try_from(mark).unwrap_or(i64::MAX)),
            job: None,
            told: Told::default(),
            begun: false,
            gauged: i64::MIN,
        }))
    }

    /// Sends until `stop`, or until nobody publishes any more.
    pub async fn run(
        mut self,
        mut snapshots: watch::Receiver<Arc<Snapshot>>,
        mut stop: watch::Receiver<bool>,
    ) {
        while !*stop.borrow() {
            let snapshot = Arc::clone(&snapshots.borrow_and_update());
            let busy = self.turn(&snapshot, &mut stop).await;
            if let Some(condition) = self.courier.news(self.clock.now(), &snapshot) {
                self.ledger.note_health(condition);
            }
            self.ledger.record().await;
            tokio::select! {
                biased;
                // An error means that the daemon is gone: stop as well.
                _ = stop.wait_for(|stop| *stop) => break,
                changed = snapshots.changed() => if changed.is_err() { break },
                () = sleep_until(self.courier.free_at()), if busy => {}
            }
        }
        self.ledger.close().await;
    }

    /// Does one thing; whether there may be more to do.
    async fn turn(&mut self, snapshot: &Snapshot, stop: &mut watch::Receiver<bool>) -> bool {
        let now = self.clock.now();
        if self.job.is_none() {
            self.begin(snapshot, now).await;
        }
        let Some(job) = &self.job else {
            self.report(snapshot, now);
            return false;
        };
        if now.seconds() - job.at > AGE_SECONDS_MAX {
            let given_up = self.courier.unload().len();
            self.courier.give_up(now, TOO_OLD, given_up as u64);
        } else {
            self.courier.step(now, stop).await;
        }
        if self.courier.is_idle() {
            self.end();
        }
        self.report(snapshot, now);
        true
    }

    /// Begins with the oldest complete windows, or else with the gauges if they are due.
    async fn begin(&mut self, snapshot: &Snapshot, now: Timestamp) {
        // Before the engine has spoken nothing is known.
        if snapshot.now == Timestamp::default() {
            return;
        }
        // What the edge counted before this process is in its totals, and was told by the one before.
        if !std::mem::replace(&mut self.begun, true) {
            self.told.note(edge::samples(snapshot));
        }
        if let Some(group) = group(snapshot, self.mark, self.interval) {
            let (style, interval, at) = (Arc::clone(&self.style), self.interval, group.at);
            let windows = group.windows;
            let batches = pack(move || counts(&windows, at, interval, &style)).await;
            self.courier.load(batches);
            self.job = Some(Job { at, what: What::Counts { until: group.until } });
            return;
        }
        let due = now.seconds().div_euclid(self.gauges_interval);
        if due != self.gauged {
            self.gauged = due;
            let mut own = telemetry::samples(&(self.own)());
            own.extend(edge::samples(snapshot));
            let news = self.told.news(&own);
            let (style, interval, at) =
                (Arc::clone(&self.style), self.gauges_interval, now.seconds());
            let snapshot = snapshot.clone();
            let batches = pack(move || gauges(&snapshot, &news, at, interval, &style)).await;
            self.courier.load(batches);
            self.job = Some(Job { at, what: What::Gauges { own } });
        }
    }

    fn end(&mut self) {
        match self.job.take().map(|job| job.what) {
            Some(What::Counts { until }) => {
                self.mark = until;
                self.ledger.note(u64::try_from(until).unwrap_or_default());
            }
            Some(What::Gauges { own }) => self.told.note(own),
            None => {}
        }
    }

    fn report(&self, snapshot: &Snapshot, now: Timestamp) {
        let oldest = snapshot.windows.iter().find(|window| window.start_seconds >= self.mark);
        let ended = oldest.map(|window| window.start_seconds + i64::from(WINDOW_SECONDS));
        let age = ended.map_or(0, |ended| (now.seconds() - ended).max(0));
        #[expect(clippy::cast_precision_loss, reason = "an age in seconds is far below 2^52")]
        telemetry::sink_backlog(METRICS, age as f64);
    }
}

impl<T> fmt::Debug for Metrics<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("mark", &self.mark).finish_non_exhaustive()
    }
}

/// Encodes where nobody waits for it: 50,000 series take a while.
async fn pack(encode: impl FnOnce() -> Vec<Box<str>> + Send + 'static) -> Vec<Batch> {
    let packed = offload(move || ENVELOPE.pack(encode()));
    packed.await.expect("encoding does not panic")
}

/// Windows that are sent as one point.
#[derive(Debug, PartialEq)]
struct Group {
    at: i64,
    until: i64,
    windows: Vec<Arc<ClosedWindow>>,
}

/// The oldest windows from `mark` on that make up an interval, once all of it is closed. Intervals begin at multiples of their
/// length, but never before the mark: when the length was changed, a second that has been sent must not be sent again.
fn group(snapshot: &Snapshot, mark: i64, interval: i64) -> Option<Group> {
    let waiting = || snapshot.windows.iter().skip_while(|window| window.start_seconds < mark);
    let first = waiting().next()?.start_seconds;
    let start = first.div_euclid(interval) * interval;
    let until = start + interval;
    (until <= snapshot.closed_until_seconds).then(|| Group {
        at: start.max(mark),
        until,
        windows: waiting().take_while(|window| window.start_seconds < until).cloned().collect(),
    })
}

#[cfg(test)]
mod tests;
