//! The journal, the checkpoint and the archive.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::seldom::Seldom;
use super::time::time_ahead;
use crate::signal::catalog::{
    ARCHIVE_WAITING, DAMAGE_FOUND, INTAKE_WAITING, JOURNAL_BYTES, JOURNAL_FAILURES, JOURNAL_OWNER,
    TAKEOVERS,
};

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

/// Entries that something still had to read were removed; `by` is furthest behind. The state has them.
pub fn journal_gave_up(entries: u64, by: &'static str) {
    tracing::error!(
        entries,
        by,
        "Journal was larger than `journal.embedded.max_bytes`; the oldest entries went, though not everything that reads it had them. \
         Totals and incidents have them."
    );
}

/// A standby missed so many entries that are gone from the journal; the newest checkpoint has them.
pub fn journal_hole_passed(entries: u64) {
    tracing::warn!(
        entries,
        "The journal no longer holds what comes next here; it goes on from the newest checkpoint, which knows it."
    );
}

/// A checkpoint could not be written.
pub fn checkpoint_failed(error: &dyn Display) {
    tracing::error!(
        %error,
        "Checkpoint cannot be written; a restart will read more of the journal. On a disk nothing of it goes before one can be; NATS drops the oldest at `journal.nats.max_bytes`."
    );
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

/// What was acknowledged is gone: `what` as for [`damage_found`], `journal_gap` or `journal_frame`.
pub fn entries_lost(what: &'static str, entries: u64, detail: &dyn Display) {
    metrics::counter!(DAMAGE_FOUND.name, "what" => what).increment(1);
    tracing::error!(what, entries, %detail, "Entries that were acknowledged are lost.");
}

/// `what` was found broken: `journal_tail`, `journal_behind`, `checkpoint`, `sign_ins` or `intake`.
pub fn damage_found(what: &'static str, detail: &dyn Display) {
    metrics::counter!(DAMAGE_FOUND.name, "what" => what).increment(1);
    tracing::warn!(what, %detail, "Something that was kept is broken; it is done without.");
}
