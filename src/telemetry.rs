//! The daemon's word about itself: each event of note is logged and counted in the same place, with a constant sentence, fields
//! and bounded labels.

mod own;
mod process;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use own::{Sample, samples};
pub use process::measure;
use tokio::time::Instant;

use crate::event::Timestamp;
use crate::signal::catalog::{
    ARCHIVE_WAITING, CONFIG_RELOAD_SUCCESSFUL, CONFIG_RELOAD_TIMESTAMP, CONNECTIONS_BROKEN, CPU,
    DAMAGE_FOUND, INLET_WAITING, INTAKE_WAITING, JOURNAL_BYTES, JOURNAL_FAILURES, JOURNAL_OWNER,
    Kind, MEMORY, Metric, NOTIFICATIONS, OPEN_FILES, REQUESTS_REFUSED, SINK_BACKLOG, SINK_DROPPED,
    SINK_REQUESTS, SOURCE_REQUESTS, SOURCE_TROUBLE, TAKEOVERS, TICK_DURATION, TIME_AHEAD,
};
use crate::signal::{Severity, State, Transition};

/// How often something is said that each request could cause.
const SAY_EVERY: Duration = Duration::from_mins(1);

/// What is counted here.
const OWN: [Metric; 23] = [
    SOURCE_REQUESTS,
    SOURCE_TROUBLE,
    SINK_REQUESTS,
    SINK_DROPPED,
    SINK_BACKLOG,
    NOTIFICATIONS,
    JOURNAL_BYTES,
    JOURNAL_FAILURES,
    JOURNAL_OWNER,
    TAKEOVERS,
    INTAKE_WAITING,
    DAMAGE_FOUND,
    CONFIG_RELOAD_SUCCESSFUL,
    CONFIG_RELOAD_TIMESTAMP,
    REQUESTS_REFUSED,
    CONNECTIONS_BROKEN,
    ARCHIVE_WAITING,
    INLET_WAITING,
    TICK_DURATION,
    TIME_AHEAD,
    MEMORY,
    OPEN_FILES,
    CPU,
];

/// Gives the recorder the help texts of the catalogue for what is counted here.
pub fn describe() {
    for metric in OWN {
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, metric.help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
            Kind::Histogram => metrics::describe_histogram!(metric.name, metric.help),
        }
    }
}

/// The configuration was loaded at `now` and takes over, or stays out for the reason given.
#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 need 31 bits")]
pub fn reloaded(outcome: &Result<(), String>, now: Timestamp) {
    let good = metrics::gauge!(CONFIG_RELOAD_SUCCESSFUL.name);
    match outcome {
        Ok(()) => {
            good.set(1.0);
            metrics::gauge!(CONFIG_RELOAD_TIMESTAMP.name).set((now.millis() / 1000) as f64);
            tracing::info!("Configuration loaded.");
        }
        Err(error) => {
            good.set(0.0);
            tracing::error!(%error, "Configuration cannot be used; the one before stays in force.");
        }
    }
}

/// The journal refused a batch. `reason` is that of `JournalError::reason`. It is tried every second, and said once a minute for
/// each reason: the log may lie on the same disk.
pub fn journal_failed(reason: &'static str, error: &dyn Display) {
    static SAID: Mutex<BTreeMap<&str, Seldom>> = Mutex::new(BTreeMap::new());
    metrics::counter!(JOURNAL_FAILURES.name, "reason" => reason).increment(1);
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(count) = said.entry(reason).or_insert(Seldom::NEVER).due(Instant::now()) {
        tracing::error!(count, %error, "Journal cannot be written; nothing is accepted until it can.");
    }
}

/// How far the engine's time is ahead of the clock.
#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge of milliseconds needs no more than 52 bits"
)]
pub fn time_ahead(millis: i64) {
    metrics::gauge!(TIME_AHEAD.name).set(millis as f64 / 1000.0);
}

/// Nothing is judged until then, in so many milliseconds.
pub fn time_stands(until: Timestamp, millis: i64) {
    let (until, seconds) = (until.to_rfc3339_seconds(), millis / 1000);
    tracing::error!(%until, seconds, "Clock was set back; nothing is judged until it has caught up. A restart does not help; see docs/troubleshooting.md.");
}

/// The clock has caught up with the engine's time.
pub fn time_goes_on() {
    tracing::info!("Clock has caught up; the present is judged again.");
}

/// The clock has stepped ahead by so many milliseconds, and time does not follow yet.
pub fn clock_doubted(millis: i64) {
    let seconds = millis / 1000;
    tracing::error!(
        seconds,
        "Clock stepped ahead; that is followed when it has lasted for a minute. Look at the time service of this machine."
    );
}

/// This process became the owner of the journal, or ceased to be.
pub fn owns(owner: bool) {
    metrics::gauge!(JOURNAL_OWNER.name).set(if owner { 1.0 } else { 0.0 });
    metrics::counter!(TAKEOVERS.name).increment(u64::from(owner));
    if !owner {
        intake_waits(0);
        time_ahead(0);
    }
}

/// So many messages of standbys wait for the owner.
#[expect(clippy::cast_precision_loss, reason = "a gauge of messages needs no more than 52 bits")]
pub fn intake_waits(messages: u64) {
    metrics::gauge!(INTAKE_WAITING.name).set(messages as f64);
}

/// A standby cannot read the journal.
pub fn journal_away(error: &dyn Display) {
    metrics::counter!(JOURNAL_FAILURES.name, "reason" => "unread").increment(1);
    tracing::warn!(%error, "Journal cannot be read; it is tried again.");
}

/// The journal's size changed.
#[expect(clippy::cast_precision_loss, reason = "a gauge in bytes needs no more than 52 bits")]
pub fn journal_bytes(bytes: u64) {
    metrics::gauge!(JOURNAL_BYTES.name).set(bytes as f64);
}

/// Entries that something still needed were removed.
pub fn journal_gave_up(entries: u64) {
    tracing::error!(entries, "Journal is full; entries that a sink still needs were removed.");
}

/// A checkpoint could not be written.
pub fn checkpoint_failed(error: &dyn Display) {
    tracing::error!(%error, "Checkpoint cannot be written; a restart will read more of the journal.");
}

/// The archive of sign-ins is not up with the journal.
pub fn archive_failed(error: &dyn Display) {
    tracing::error!(%error, "Archive of sign-ins cannot be written; the search misses the newest ones until it can.");
}

/// The archive of sign-ins has yet to read so many entries.
#[expect(clippy::cast_precision_loss, reason = "entries of a journal are far below 2^52")]
pub fn archive_waits(entries: u64) {
    metrics::gauge!(ARCHIVE_WAITING.name).set(entries as f64);
}

/// `what` was found broken: `journal_tail`, `journal_behind`, `checkpoint`, `sign_ins` or `intake`.
pub fn damage_found(what: &'static str, detail: &dyn Display) {
    metrics::counter!(DAMAGE_FOUND.name, "what" => what).increment(1);
    tracing::warn!(what, %detail, "Something that was kept is broken; it is done without.");
}

/// A request to a listener was answered with an error. Not logged: whoever floods must not fill the disk.
pub fn request_refused(listener: &'static str, status: u16) {
    metrics::counter!(REQUESTS_REFUSED.name, "listener" => listener, "status" => status.to_string())
        .increment(1);
}

/// A connection to a listener came to nothing. `reason` is `slow`, `not_http`, `no_tls` or `cut`.
pub fn connection_broken(listener: &'static str, reason: &'static str, detail: &dyn Display) {
    metrics::counter!(CONNECTIONS_BROKEN.name, "listener" => listener, "reason" => reason)
        .increment(1);
    tracing::debug!(listener, reason, %detail, "Connection came to nothing.");
}

/// The engine ticked; `longest` is that of the last minute, in seconds.
#[expect(clippy::cast_precision_loss, reason = "a queue has at most some thousand places")]
pub fn ticked(longest: f64, waiting: usize) {
    metrics::gauge!(TICK_DURATION.name).set(longest);
    metrics::gauge!(INLET_WAITING.name).set(waiting as f64);
}

/// An incident began to fire or was resolved.
pub fn transition(transition: &Transition) {
    let incident = &transition.incident;
    if incident.severity == Severity::None {
        return;
    }
    let (alertname, summary, id) = (&*incident.alertname, &incident.summary, &*incident.id);
    let severity = incident.severity.as_str();
    if incident.state == State::Resolved {
        tracing::info!(alertname, severity, id, summary, "Incident resolved.");
    } else {
        tracing::warn!(alertname, severity, id, summary, "Incident firing.");
    }
}

/// What the answer to a sink's request may come to.
const REQUEST_RESULTS: [&str; 5] = ["accepted", "retried", "held", "split", "dropped"];

/// A sink sends from now on. Its counters are there from zero, so that the first of each result is an increase, too.
pub fn sink_begins(sink: &'static str) {
    for result in REQUEST_RESULTS {
        metrics::counter!(SINK_REQUESTS.name, "sink" => sink, "result" => result).increment(0);
    }
}

/// A sink's request was answered. `result` is `accepted`, `retried`, `held`, `split` or `dropped`.
pub fn sink_request(sink: &'static str, result: &'static str, detail: &dyn Display) {
    metrics::counter!(SINK_REQUESTS.name, "sink" => sink, "result" => result).increment(1);
    match result {
        "accepted" => tracing::debug!(sink, "Sink accepted a request."),
        "retried" => {
            tracing::info!(sink, %detail, "Sink did not take a request; it is tried again.");
        }
        _ => tracing::warn!(sink, result, %detail, "Sink refused a request."),
    }
}

/// Points or logs were given up.
pub fn sink_dropped(sink: &'static str, reason: &'static str, count: u64) {
    metrics::counter!(SINK_DROPPED.name, "sink" => sink, "reason" => reason).increment(count);
    tracing::warn!(sink, reason, count, "Sink gave up items.");
}

/// A sink that reads the journal could not.
pub fn sink_unreadable(sink: &'static str, detail: &dyn Display) {
    tracing::error!(sink, %detail, "Sink cannot read the journal; it goes on trying.");
}

/// How far a sink has come could not be recorded.
pub fn sink_unrecorded(sink: &'static str, detail: &dyn Display) {
    tracing::warn!(sink, %detail, "How far a sink has come is not recorded yet; a restart now would send some things again.");
}

/// Age of the oldest thing that a sink has not accepted.
pub fn sink_backlog(sink: &'static str, seconds: f64) {
    metrics::gauge!(SINK_BACKLOG.name, "sink" => sink).set(seconds);
}

/// A sink that sent is no longer sent by this process: its last backlog must not stand for ever.
pub fn sink_ends(sink: &str) {
    metrics::gauge!(SINK_BACKLOG.name, "sink" => sink.to_owned()).set(0.0);
}

/// What a receiver's answer may come to.
const NOTIFICATION_RESULTS: [&str; 4] = ["accepted", "retried", "held", "dropped"];

/// A receiver is told from now on. Its counters are there from zero, so that the first of each result is an increase, too.
pub fn receiver_begins(receiver: &str) {
    for result in NOTIFICATION_RESULTS {
        notifications(receiver, result, 0);
    }
}

/// A receiver took `count` notifications; `news` unless all of them only say what it knows.
pub fn notified(receiver: &str, count: usize, news: bool, detail: &dyn Display) {
    notifications(receiver, "accepted", count);
    if news {
        tracing::info!(receiver, count, %detail, "Receiver took notifications.");
    } else {
        tracing::debug!(receiver, count, %detail, "Receiver was reminded.");
    }
}

/// A receiver did not take `count` notifications. `result` is `retried`, `held` or `dropped`.
pub fn notification_failed(
    receiver: &str,
    result: &'static str,
    count: usize,
    detail: &dyn Display,
) {
    notifications(receiver, result, count);
    if result == "retried" {
        tracing::warn!(receiver, count, %detail, "Receiver did not take notifications; they are tried again.");
    } else {
        tracing::error!(receiver, result, count, %detail, "Receiver refused notifications.");
    }
}

fn notifications(receiver: &str, result: &'static str, count: usize) {
    metrics::counter!(NOTIFICATIONS.name, "receiver" => receiver.to_owned(), "result" => result)
        .increment(count as u64);
}

/// A receiver's key is that of another place, and so many incidents are open at the one before.
pub fn receiver_moved(receiver: &str, open: usize) {
    tracing::error!(
        receiver,
        open,
        "Receiver has the key of another place. What is open is told there; at the one before it stays open until somebody resolves it by hand."
    );
}

/// What a receiver was told could not be recorded.
pub fn notification_unrecorded(receiver: &str, detail: &dyn Display) {
    tracing::warn!(receiver, %detail, "What a receiver was told is not recorded yet; a restart now may tell it again.");
}

/// A source has trouble and goes on trying.
pub fn source_trouble(source: &'static str, detail: &dyn Display) {
    metrics::counter!(SOURCE_TROUBLE.name, "source" => source).increment(1);
    tracing::warn!(source, %detail, "Source has trouble; it goes on trying.");
}

/// A secret that requests are held against cannot be read. Counted for each request, and said once a minute: whoever floods must
/// not fill the disk.
pub fn secret_unreadable(source: &'static str, detail: &dyn Display) {
    static SAID: Mutex<Seldom> = Mutex::new(Seldom::NEVER);
    metrics::counter!(SOURCE_TROUBLE.name, "source" => source).increment(1);
    let due = SAID.lock().unwrap_or_else(PoisonError::into_inner).due(Instant::now());
    if due.is_some() {
        tracing::error!(source, %detail, "Secret cannot be read; nothing is taken that needs it.");
    }
}

/// A request has a signature that is none of ours. Counted elsewhere; said once a minute with how many there were, because a
/// secret that is wrong refuses everything, and whoever floods must not fill the disk.
pub fn signature_refused(source: &'static str, detail: &dyn Display) {
    static SAID: Mutex<Seldom> = Mutex::new(Seldom::NEVER);
    let due = SAID.lock().unwrap_or_else(PoisonError::into_inner).due(Instant::now());
    if let Some(count) = due {
        tracing::warn!(source, count, %detail, "Signed requests are refused.");
    }
}

/// Something that each request could cause, and that is said once in [`SAY_EVERY`].
struct Seldom {
    said: Option<Instant>,
    /// How often it was caused since.
    count: u64,
}

impl Seldom {
    const NEVER: Self = Self { said: None, count: 0 };

    /// It was caused once more; how often since it was said last, when it is time to say it.
    fn due(&mut self, now: Instant) -> Option<u64> {
        self.count += 1;
        let silent = self.said.is_none_or(|said| now.duration_since(said) >= SAY_EVERY);
        silent.then(|| {
            self.said = Some(now);
            std::mem::take(&mut self.count)
        })
    }
}

/// A request of a pulled source was answered. `result` is `accepted`, `retried`, `held` or `refused`.
pub fn source_request(source: &'static str, result: &'static str, detail: &dyn Display) {
    metrics::counter!(SOURCE_REQUESTS.name, "source" => source, "result" => result).increment(1);
    match result {
        "accepted" => tracing::debug!(source, %detail, "Source answered."),
        "held" => {
            tracing::error!(source, %detail, "Source refuses the credentials; it is asked again.");
        }
        _ => tracing::warn!(source, result, %detail, "Source's request failed; it goes on trying."),
    }
}

/// A pulled source reads what it has missed. `reached` is the time of the newest event so far.
pub fn source_behind(source: &'static str, reached: &dyn Display, events: u64) {
    tracing::info!(source, %reached, events, "Source is catching up.");
}

/// A pulled source has read everything there is.
pub fn source_caught_up(source: &'static str, events: u64) {
    tracing::info!(source, events, "Source has caught up.");
}

/// A pulled source does without something that it may not have.
pub fn source_without(source: &'static str, what: &dyn Display, detail: &dyn Display) {
    tracing::warn!(source, %what, %detail, "Source goes on without a part of it.");
}

/// Items of a page are no events; the reading goes on behind them.
pub fn source_rejected(source: &'static str, count: usize, first: &dyn Display) {
    tracing::warn!(source, count, %first, "Source gave items that are no events; they are passed.");
}

/// Names and states of connections were read.
pub fn directory_read(
    source: &'static str,
    connections: usize,
    organizations: usize,
    changed: usize,
) {
    if changed > 0 {
        tracing::info!(source, connections, organizations, changed, "Directory read.");
    } else {
        tracing::debug!(source, connections, organizations, "Directory read; nothing changed.");
    }
}

/// A line of a file was rejected. It is counted in the journal, with the position behind it.
pub fn line_rejected(path: &dyn Display, line: u64, reason: &'static str, problem: &str) {
    tracing::warn!(%path, line, reason, problem, "Line rejected; the first ten of a file are named, all are counted.");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_request_could_cause_is_said_once_a_minute_with_its_number() {
        let start = Instant::now();
        let mut seldom = Seldom::NEVER;
        let mut due = |seconds| seldom.due(start + Duration::from_secs(seconds));
        let said = [0, 1, 59, 60, 61, 200].map(&mut due);
        assert_eq!(said, [Some(1), None, None, Some(3), None, Some(2)]);
    }
}
