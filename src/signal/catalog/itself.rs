//! ssowatch itself: its journal, its listeners, what it takes of the machine.

use super::{Kind, Metric};

/// Size of the journal.
pub const JOURNAL_BYTES: Metric = Metric {
    name: "ssowatch_journal_bytes",
    kind: Kind::Gauge,
    unit: "byte",
    help: "Size of the journal.",
    labels: &[],
};

/// Whether the configuration that was loaded last is in force.
pub const CONFIG_RELOAD_SUCCESSFUL: Metric = Metric {
    name: "ssowatch_config_last_reload_successful",
    kind: Kind::Gauge,
    unit: "1",
    help: "1 when the configuration that was loaded last is in force, 0 when it cannot be used.",
    labels: &[],
};

/// When the configuration in force was loaded.
pub const CONFIG_RELOAD_TIMESTAMP: Metric = Metric {
    name: "ssowatch_config_last_reload_success_timestamp_seconds",
    kind: Kind::Gauge,
    unit: "second",
    help: "When the configuration that is in force was loaded.",
    labels: &[],
};

/// Batches that the journal did not take.
pub const JOURNAL_FAILURES: Metric = Metric {
    name: "ssowatch_journal_failures_total",
    kind: Kind::Counter,
    unit: "batch",
    help: "Batches of events and records that the journal did not take; nothing in them was acknowledged.",
    labels: &["reason"],
};

/// Whether this instance owns the journal.
pub const JOURNAL_OWNER: Metric = Metric {
    name: "ssowatch_journal_owner",
    kind: Kind::Gauge,
    unit: "instance",
    help: "1: this instance owns the journal, judges, pages, and shows every series; 0: it is a standby. Of the instances that share a journal, one at a time.",
    labels: &[],
};

/// Times that this process became the owner of the journal.
pub const TAKEOVERS: Metric = Metric {
    name: "ssowatch_journal_takeovers_total",
    kind: Kind::Counter,
    unit: "takeover",
    help: "Times that this process became the owner of the journal, its start included.",
    labels: &[],
};

/// What standbys took and the owner has not read.
pub const INTAKE_WAITING: Metric = Metric {
    name: "ssowatch_intake_waiting",
    kind: Kind::Gauge,
    unit: "message",
    help: "Messages of standbys in the stream of the intake that the owner has not read; the owner shows it.",
    labels: &[],
};

/// Requests to a listener that were answered with an error, by status.
pub const REQUESTS_REFUSED: Metric = Metric {
    name: "ssowatch_requests_refused_total",
    kind: Kind::Counter,
    unit: "request",
    help: "Requests to a listener that were answered with an error, by status.",
    labels: &["listener", "status"],
};

/// Connections to a listener that came to nothing: `slow`, `not_http`, `no_tls`, `cut`.
pub const CONNECTIONS_BROKEN: Metric = Metric {
    name: "ssowatch_connections_broken_total",
    kind: Kind::Counter,
    unit: "connection",
    help: "Connections to a listener that came to nothing: slow (no request in time), not_http (or headers over the limit), no_tls, cut.",
    labels: &["listener", "reason"],
};

/// What a start found broken in the data directory, by what it was.
pub const DAMAGE_FOUND: Metric = Metric {
    name: "ssowatch_damage_found_total",
    kind: Kind::Counter,
    unit: "file",
    help: "What was found broken in the data directory or in NATS and done without: journal_tail, journal_behind, journal_gap, journal_frame, checkpoint, sign_ins, intake. The log says what is lost.",
    labels: &["what"],
};

/// Deliveries that wait for the disk.
pub const INLET_WAITING: Metric = Metric {
    name: "ssowatch_inlet_waiting",
    kind: Kind::Gauge,
    unit: "delivery",
    help: "Deliveries that wait for the disk. At 1,024 requests are answered 503.",
    labels: &[],
};

/// Entries that the search for sign-ins does not know.
pub const ARCHIVE_WAITING: Metric = Metric {
    name: "ssowatch_archive_waiting",
    kind: Kind::Gauge,
    unit: "entry",
    help: "Entries of the journal that the archive of sign-ins does not have yet: the search misses them.",
    labels: &[],
};

/// The longest tick of the last minute.
pub const TICK_DURATION: Metric = Metric {
    name: "ssowatch_tick_seconds",
    kind: Kind::Gauge,
    unit: "second",
    help: "The longest tick of the engine since the minute before began. Alerts are late by that much.",
    labels: &[],
};

/// How far time has run ahead of the clock.
pub const TIME_AHEAD: Metric = Metric {
    name: "ssowatch_time_ahead_seconds",
    kind: Kind::Gauge,
    unit: "second",
    help: "How far the engine's time is ahead of the machine's clock, because that was set back: for so long nothing is judged. Usually 0.",
    labels: &[],
};

/// Resident memory.
pub const MEMORY: Metric = Metric {
    name: "ssowatch_memory_bytes",
    kind: Kind::Gauge,
    unit: "byte",
    help: "Memory of the daemon in use (resident).",
    labels: &[],
};

/// Open files and connections.
pub const OPEN_FILES: Metric = Metric {
    name: "ssowatch_open_files",
    kind: Kind::Gauge,
    unit: "file",
    help: "Open files and connections of the daemon.",
    labels: &[],
};

/// Processor time.
pub const CPU: Metric = Metric {
    name: "ssowatch_cpu_seconds_total",
    kind: Kind::Counter,
    unit: "second",
    help: "Processor time that the daemon took, user and system.",
    labels: &[],
};

/// Version of the daemon; always 1.
pub const BUILD_INFO: Metric = Metric {
    name: "ssowatch_build_info",
    kind: Kind::Gauge,
    unit: "1",
    help: "Version of the daemon; always 1.",
    labels: &["version"],
};
