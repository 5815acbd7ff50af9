//! What sources bring.

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::seldom::Seldom;
use crate::signal::catalog::{SOURCE_REQUESTS, SOURCE_TROUBLE};

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
