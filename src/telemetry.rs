//! The daemon's word about itself: each event of note is logged and counted in the same place, with a constant sentence, fields
//! and bounded labels.

mod journal;
mod own;
mod process;
mod receiver;
mod seldom;
mod sink;
mod source;
mod time;

use std::fmt::Display;

pub use self::journal::{
    archive_failed, archive_waits, checkpoint_failed, damage_found, entries_lost, intake_waits,
    journal_away, journal_bytes, journal_failed, journal_gave_up, journal_hole_passed, owns,
};
pub use self::own::{Sample, samples};
pub use self::process::measure;
pub use self::receiver::{
    notification_failed, notification_unrecorded, notified, receiver_begins, receiver_gone,
    receiver_moved, transition,
};
pub use self::sink::{
    sink_backlog, sink_begins, sink_dropped, sink_ends, sink_request, sink_unreadable,
    sink_unrecorded,
};
pub use self::source::{
    directory_read, line_rejected, secret_unreadable, signature_refused, source_behind,
    source_caught_up, source_rejected, source_request, source_trouble, source_without,
};
pub use self::time::{clock_doubted, ticked, time_ahead, time_goes_on, time_stands};

use crate::event::Timestamp;
use crate::signal::catalog::{
    ARCHIVE_WAITING, CONFIG_RELOAD_SUCCESSFUL, CONFIG_RELOAD_TIMESTAMP, CONNECTIONS_BROKEN, CPU,
    DAMAGE_FOUND, INLET_WAITING, INTAKE_WAITING, JOURNAL_BYTES, JOURNAL_FAILURES, JOURNAL_OWNER,
    Kind, MEMORY, Metric, NOTIFICATIONS, OPEN_FILES, REQUESTS_REFUSED, SINK_BACKLOG, SINK_DROPPED,
    SINK_REQUESTS, SOURCE_REQUESTS, SOURCE_TROUBLE, TAKEOVERS, TICK_DURATION, TIME_AHEAD,
};

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
