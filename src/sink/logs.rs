//! A logs sink: sends each event of the journal as a log, from where it has come to.
//!
//! No service can tell that a log is the same as another, so after a crash the logs of one request may be there twice: with
//! the same event id. What is too old for the service is passed over and counted.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::Endpoint;
use super::batch::{Envelope, Item};
use super::courier::Courier;
use super::ledger::Ledger;
use super::tail::{Piece, Tail};
use crate::clock::Clock;
use crate::event::{AuthEvent, Timestamp};
use crate::journal::{Inlet, Reader};
use crate::offload::offload;
use crate::outbound::Transport;
use crate::signal::Snapshot;
use crate::telemetry;

/// When the journal is read again after it could not be.
const READ_PAUSE: Duration = Duration::from_secs(30);

/// How many entries are passed over before that is recorded: the record is an entry, too, and must not call for the next.
const PASSED_MAX: u64 = 10_000;

/// Logs that became too old for the service while they waited: the label `reason`.
const TOO_OLD: &str = "too_old";

/// Logs that were too old when they came.
const BACKFILLED: &str = "backfilled";

/// Entries that the journal no longer had: it was at its size, or is damaged.
const JOURNAL: &str = "journal";

/// What logs are like at a service.
pub(crate) struct Format {
    /// What it takes in one request.
    pub(crate) envelope: Envelope,
    /// Events that are read in one go, at most.
    pub(crate) events_max: usize,
    /// The age from which on it takes an event no more; `None`: it takes any.
    pub(crate) age_millis_max: Option<i64>,
    /// The logs of some events, in their order. One item for each event where there is a limit to the age.
    pub(crate) encode: Encode,
}

/// See [`Format`].
pub(crate) type Encode = Box<dyn Fn(&[AuthEvent]) -> Vec<Item> + Send + Sync>;

impl Format {
    /// Whether the service would not take an event that happened `at`.
    pub(super) fn is_too_old(&self, at: Timestamp, now: Timestamp) -> bool {
        self.age_millis_max.is_some_and(|most| now.millis_since(at) > most)
    }
}

/// The sink.
pub struct Logs<T> {
    sink: &'static str,
    format: Arc<Format>,
    /// `None` while it is being read.
    tail: Option<Tail>,
    interval: Duration,
    courier: Courier<T>,
    ledger: Ledger,
    clock: Clock,
    /// Everything before this position has been taken or given up.
    mark: u64,
    /// The mark that was last recorded.
    noted: u64,
    job: Option<Job>,
    /// When the journal is read again.
    read_at: Instant,
}

/// What the courier carries.
struct Job {
    until: u64,
    /// When the events of its logs happened; those of the first may have been taken.
    times: Vec<Timestamp>,
    waiting_since: Timestamp,
}

impl<T: Transport> Logs<T> {
    /// A sink that reads the journal every `interval`. `reader` stands at the position to go on from, which is in the journal:
    /// from there on it keeps what is not sent.
    pub(super) fn new(
        endpoint: Endpoint,
        format: Format,
        interval: Duration,
        reader: Reader,
        transport: T,
        inlet: Inlet,
        clock: Clock,
    ) -> Self {
        let (sink, format, mark) = (endpoint.sink, Arc::new(format), reader.position());
        let ledger = Ledger::new(sink, inlet);
        Self {
            sink,
            tail: Some(Tail::new(reader, Arc::clone(&format))),
            interval,
            courier: Courier::new(endpoint, format.envelope, transport),
            format,
            ledger,
            clock,
            mark,
            noted: mark,
            job: None,
            read_at: Instant::now(),
        }
    }

    /// Sends until `stop`, or until nobody publishes any more.
    pub async fn run(
        mut self,
        mut snapshots: watch::Receiver<Arc<Snapshot>>,
        mut stop: watch::Receiver<bool>,
    ) {
        while !*stop.borrow() {
            let snapshot = Arc::clone(&snapshots.borrow_and_update());
            self.turn(&mut stop).await;
            if let Some(condition) = self.courier.news(self.clock.now(), &snapshot) {
                self.ledger.note_health(condition);
            }
            self.ledger.record().await;
            let wake = if self.job.is_some() { self.courier.free_at() } else { self.read_at };
            tokio::select! {
                biased;
                // An error means that the daemon is gone: stop as well.
                _ = stop.wait_for(|stop| *stop) => break,
                changed = snapshots.changed() => if changed.is_err() { break },
                () = sleep_until(wake) => {}
            }
        }
        self.ledger.close().await;
    }

    /// Does one thing.
    async fn turn(&mut self, stop: &mut watch::Receiver<bool>) {
        let now = self.clock.now();
        let is_too_old = |at: &Timestamp| self.format.is_too_old(*at, now);
        if self.job.as_ref().is_some_and(|job| job.times.iter().any(is_too_old)) {
            self.give_up(now);
        }
        if self.job.is_none() && Instant::now() >= self.read_at {
            self.read(now).await;
        }
        self.courier.step(now, stop).await;
        if let Some(job) = self.job.take_if(|_| self.courier.is_idle()) {
            self.advance(job.until, true);
        }
        let waiting_since = self.job.as_ref().map(|job| job.waiting_since);
        let age = waiting_since.map_or(0.0, |since| now.since(since).as_secs_f64());
        telemetry::sink_backlog(self.sink, age);
    }

    /// Takes out of the job what has become too old.
    fn give_up(&mut self, now: Timestamp) {
        let Some(job) = &mut self.job else { return };
        let logs = self.courier.unload();
        let times = job.times.split_off(job.times.len() - logs.len());
        let all = logs.len();
        let young = times.into_iter().zip(logs).filter(|(at, _)| !self.format.is_too_old(*at, now));
        let (times, logs): (Vec<_>, Vec<_>) = young.unzip();
        self.courier.give_up(now, TOO_OLD, (all - times.len()) as u64);
        job.times = times;
        self.courier.load(self.format.envelope.pack(logs));
    }

    /// Reads the next piece of the journal, and makes a job of it if there is any log in it.
    async fn read(&mut self, now: Timestamp) {
        let mut tail = self.tail.take().expect("it is only away while it is read");
        let format = Arc::clone(&self.format);
        let read = offload(move || {
            let read = tail.read(now).map(|piece| {
                let batches = format.envelope.pack((format.encode)(&piece.events));
                (piece, batches)
            });
            (tail, read)
        });
        let (tail, read) = read.await.expect("reading does not panic");
        let tail = self.tail.insert(tail);
        let (piece, batches) = match read {
            Ok(read) => read,
            Err(error) => {
                tail.rewind(self.mark);
                self.read_at = Instant::now() + READ_PAUSE;
                telemetry::sink_unreadable(self.sink, &error);
                return;
            }
        };
        let pause = if piece.more { Duration::ZERO } else { self.interval };
        self.read_at = Instant::now() + pause;
        self.courier.give_up(now, TOO_OLD, piece.too_old);
        self.courier.give_up(now, JOURNAL, piece.lost);
        if piece.backfilled > 0 {
            // Nothing that anybody could have sent in time: no alarm.
            telemetry::sink_dropped(self.sink, BACKFILLED, piece.backfilled);
        }
        let Piece { until, events, waiting_since, .. } = piece;
        if let Some(waiting_since) = waiting_since {
            self.courier.load(batches);
            let times = events.iter().map(|event| event.at).collect();
            self.job = Some(Job { until, times, waiting_since });
        } else {
            self.advance(until, false);
        }
    }

    fn advance(&mut self, until: u64, taken: bool) {
        self.mark = until;
        if taken || until - self.noted >= PASSED_MAX {
            self.noted = until;
            self.ledger.note(until);
        }
    }
}

impl<T> fmt::Debug for Logs<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logs").field("mark", &self.mark).finish_non_exhaustive()
    }
}
