//! The daemon's word about itself: each event of note is logged and counted in the same place, with a constant sentence, fields
//! and bounded labels.

use std::fmt::Display;

use crate::signal::catalog::{
    JOURNAL_BYTES, NOTIFICATIONS, SINK_BACKLOG, SINK_DROPPED, SINK_REQUESTS,
};
use crate::signal::{Severity, State, Transition};

/// Gives the recorder the help texts of the catalogue for what is counted here.
pub fn describe() {
    for metric in [SINK_REQUESTS, SINK_DROPPED, NOTIFICATIONS] {
        metrics::describe_counter!(metric.name, metric.help);
    }
    for metric in [SINK_BACKLOG, JOURNAL_BYTES] {
        metrics::describe_gauge!(metric.name, metric.help);
    }
}

/// The journal refused a batch.
pub fn journal_failed(error: &dyn Display) {
    tracing::error!(%error, "Journal cannot be written; nothing is accepted until it can.");
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

/// Age of the oldest thing that a sink has not accepted.
pub fn sink_backlog(sink: &'static str, seconds: f64) {
    metrics::gauge!(SINK_BACKLOG.name, "sink" => sink).set(seconds);
}

/// A receiver answered. `result` is `accepted`, `retried`, `held` or `dropped`.
pub fn notification(receiver: &str, result: &'static str, detail: &dyn Display) {
    metrics::counter!(NOTIFICATIONS.name, "receiver" => receiver.to_owned(), "result" => result)
        .increment(1);
    match result {
        "accepted" => tracing::info!(receiver, %detail, "Receiver took a notification."),
        "retried" => {
            tracing::warn!(receiver, %detail, "Receiver did not take a notification; it is tried again.");
        }
        _ => tracing::error!(receiver, result, %detail, "Receiver refused a notification."),
    }
}

/// A source has trouble and goes on trying.
pub fn source_trouble(source: &'static str, detail: &dyn Display) {
    tracing::warn!(source, %detail, "Source has trouble; it goes on trying.");
}
