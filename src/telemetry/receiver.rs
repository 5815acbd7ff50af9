//! What receivers are told.

use std::fmt::Display;

use crate::signal::catalog::NOTIFICATIONS;
use crate::signal::{Severity, State, Transition};

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

/// A receiver is not configured any more, and so many incidents are open there.
pub fn receiver_gone(receiver: &str, open: usize) {
    tracing::error!(
        receiver,
        open,
        "Receiver is not configured any more. What it was told stays open there until somebody resolves it by hand, or it forgets it; under the same name again, it hears the end."
    );
}

/// What a receiver was told could not be recorded.
pub fn notification_unrecorded(receiver: &str, detail: &dyn Display) {
    tracing::warn!(receiver, %detail, "What a receiver was told is not recorded yet; a restart now may tell it again.");
}
