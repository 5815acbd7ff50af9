//! What sinks send.

use std::fmt::Display;

use crate::signal::catalog::{SINK_BACKLOG, SINK_DROPPED, SINK_REQUESTS};

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
