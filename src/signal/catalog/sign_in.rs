//! Sign-ins, connections and incidents.

use super::{Kind, Metric};

/// Sign-ins that started.
pub const SESSIONS_STARTED: Metric = Metric {
    name: "sso_sessions_started_total",
    kind: Kind::Counter,
    unit: "session",
    help: "Sign-ins that started.",
    labels: &["connection_id"],
};

/// Sign-ins that came to an end, by outcome: `succeeded`, `failed`, `timed_out`.
pub const SESSIONS_FINISHED: Metric = Metric {
    name: "sso_sessions_finished_total",
    kind: Kind::Counter,
    unit: "session",
    help: "Sign-ins that came to an end, by outcome: succeeded, failed, timed_out.",
    labels: &["connection_id", "outcome"],
};

/// Sign-ins without an end sessions.timeout + 60 s after their start.
pub const SESSIONS_STALLED: Metric = Metric {
    name: "sso_sessions_stalled_total",
    kind: Kind::Counter,
    unit: "session",
    help: "Sign-ins without an end sessions.timeout + 60 s after their start.",
    labels: &["connection_id"],
};

/// Failed sign-ins by cause, a class of error.code.
pub const SESSION_FAILURES: Metric = Metric {
    name: "sso_session_failures_total",
    kind: Kind::Counter,
    unit: "session",
    help: "Failed sign-ins by cause, a class of error.code.",
    labels: &["connection_id", "cause"],
};

/// Sign-ins that have started and not ended.
pub const SESSIONS_IN_PROGRESS: Metric = Metric {
    name: "sso_sessions_in_progress",
    kind: Kind::Gauge,
    unit: "session",
    help: "Sign-ins that have started and not ended.",
    labels: &["connection_id"],
};

/// Failed of all finished sign-ins in the window, 0 to 1.
pub const FAILURE_RATIO: Metric = Metric {
    name: "sso_failure_ratio",
    kind: Kind::Gauge,
    unit: "ratio",
    help: "Failed of all finished sign-ins in the window, 0 to 1.",
    labels: &["connection_id", "window"],
};

/// Timed-out of all finished sign-ins in the window, 0 to 1.
pub const TIMEOUT_RATIO: Metric = Metric {
    name: "sso_timeout_ratio",
    kind: Kind::Gauge,
    unit: "ratio",
    help: "Timed-out of all finished sign-ins in the window, 0 to 1.",
    labels: &["connection_id", "window"],
};

/// Failed of all finished sign-ins of the fleet in the window, 0 to 1.
pub const FLEET_FAILURE_RATIO: Metric = Metric {
    name: "sso_fleet_failure_ratio",
    kind: Kind::Gauge,
    unit: "ratio",
    help: "Failed of all finished sign-ins of the fleet in the window, 0 to 1.",
    labels: &["window"],
};

/// Timed-out of all finished sign-ins of the fleet in the window, 0 to 1.
pub const FLEET_TIMEOUT_RATIO: Metric = Metric {
    name: "sso_fleet_timeout_ratio",
    kind: Kind::Gauge,
    unit: "ratio",
    help: "Timed-out of all finished sign-ins of the fleet in the window, 0 to 1.",
    labels: &["window"],
};

/// Time from the start to the success or failure of a sign-in.
pub const SESSION_DURATION: Metric = Metric {
    name: "sso_session_duration_seconds",
    kind: Kind::Histogram,
    unit: "second",
    help: "Time from the start to the success or failure of a sign-in.",
    labels: &["connection_type"],
};

/// Names, type and state of a connection; always 1.
pub const CONNECTION_INFO: Metric = Metric {
    name: "sso_connection_info",
    kind: Kind::Gauge,
    unit: "1",
    help: "Names, type and state of a connection; always 1.",
    labels: &[
        "connection_id",
        "connection_name",
        "connection_type",
        "organization_id",
        "organization_name",
        "state",
    ],
};

/// When a certificate of the connection expires, in seconds since the epoch; none of a connection that was removed.
pub const CERTIFICATE_EXPIRY: Metric = Metric {
    name: "sso_connection_certificate_expiry_timestamp_seconds",
    kind: Kind::Gauge,
    unit: "second",
    help: "When a certificate of the connection expires, in seconds since the epoch, for as long as the connection is in use.",
    labels: &["connection_id", "certificate_type"],
};

/// Events by their WorkOS name.
pub const AUTHENTICATION_EVENTS: Metric = Metric {
    name: "sso_authentication_events_total",
    kind: Kind::Counter,
    unit: "event",
    help: "Events by their WorkOS name.",
    labels: &["type"],
};

/// What this version does not know of events, each time that it comes: type, field, value.
pub const EVENTS_NOVEL: Metric = Metric {
    name: "ssowatch_events_novel_total",
    kind: Kind::Counter,
    unit: "event",
    help: "Types, fields and values of events that this version does not know, each time that one comes, by kind.",
    labels: &["kind"],
};

/// Incidents that are pending or firing.
pub const INCIDENTS: Metric = Metric {
    name: "ssowatch_incidents",
    kind: Kind::Gauge,
    unit: "incident",
    help: "Incidents that are pending or firing.",
    labels: &["alertname", "severity", "state"],
};
