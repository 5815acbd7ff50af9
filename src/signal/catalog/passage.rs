//! What comes in and goes out: sources, sinks, receivers.

use super::{Kind, Metric};

/// Events taken, duplicates not included.
pub const EVENTS_RECEIVED: Metric = Metric {
    name: "ssowatch_events_received_total",
    kind: Kind::Counter,
    unit: "event",
    help: "Events taken, duplicates not included.",
    labels: &["source"],
};

/// Events that had been seen before.
pub const EVENTS_DUPLICATE: Metric = Metric {
    name: "ssowatch_events_duplicate_total",
    kind: Kind::Counter,
    unit: "event",
    help: "Events that had been seen before.",
    labels: &["source"],
};

/// Events whose windows were all closed when they came.
pub const EVENTS_LATE: Metric = Metric {
    name: "ssowatch_events_late_total",
    kind: Kind::Counter,
    unit: "event",
    help: "Events whose windows were all closed when they came.",
    labels: &["source"],
};

/// Events that the Events API had and the webhook did not bring.
pub const EVENTS_MISSING: Metric = Metric {
    name: "ssowatch_events_missing_total",
    kind: Kind::Counter,
    unit: "event",
    help: "Events that the Events API had and this source did not bring within ten minutes.",
    labels: &["source"],
};

/// Input that was rejected, by reason.
pub const EVENTS_REJECTED: Metric = Metric {
    name: "ssowatch_events_rejected_total",
    kind: Kind::Counter,
    unit: "event",
    help: "Input that was rejected, by reason.",
    labels: &["source", "reason"],
};

/// Age of the newest event when it was delivered.
pub const SOURCE_LAG: Metric = Metric {
    name: "ssowatch_source_lag_seconds",
    kind: Kind::Gauge,
    unit: "second",
    help: "Age of the newest event when it was delivered.",
    labels: &["source"],
};

/// `created_at` of the newest event, in seconds since the epoch.
pub const SOURCE_LAST_EVENT: Metric = Metric {
    name: "ssowatch_source_last_event_timestamp_seconds",
    kind: Kind::Gauge,
    unit: "second",
    help: "created_at of the newest event, in seconds since the epoch.",
    labels: &["source"],
};

/// Requests of a pulled source by result: `accepted`, `retried`, `held`, `refused`.
pub const SOURCE_REQUESTS: Metric = Metric {
    name: "ssowatch_source_requests_total",
    kind: Kind::Counter,
    unit: "request",
    help: "Requests of a pulled source by result: accepted, retried, held, refused.",
    labels: &["source", "result"],
};

/// Requests to a sink by result: accepted, retried, held, split, dropped.
pub const SINK_REQUESTS: Metric = Metric {
    name: "ssowatch_sink_requests_total",
    kind: Kind::Counter,
    unit: "request",
    help: "Requests to a sink by result: accepted, retried, held, split, dropped.",
    labels: &["sink", "result"],
};

/// Points or logs that were given up, by reason.
pub const SINK_DROPPED: Metric = Metric {
    name: "ssowatch_sink_dropped_total",
    kind: Kind::Counter,
    unit: "item",
    help: "Points or logs that were given up, by reason.",
    labels: &["sink", "reason"],
};

/// Age of the oldest thing that the sink has not accepted.
pub const SINK_BACKLOG: Metric = Metric {
    name: "ssowatch_sink_backlog_seconds",
    kind: Kind::Gauge,
    unit: "second",
    help: "Age of the oldest thing that the sink has not accepted.",
    labels: &["sink"],
};

/// Notifications to a receiver by result: accepted, retried, held, dropped.
pub const NOTIFICATIONS: Metric = Metric {
    name: "ssowatch_notifications_total",
    kind: Kind::Counter,
    unit: "notification",
    help: "Notifications to a receiver by result: accepted, retried, held, dropped.",
    labels: &["receiver", "result"],
};

/// A source could not do something and goes on trying.
pub const SOURCE_TROUBLE: Metric = Metric {
    name: "ssowatch_source_trouble_total",
    kind: Kind::Counter,
    unit: "problem",
    help: "What a source could not do: a file it cannot read, a journal that does not take what it has. The log names it.",
    labels: &["source"],
};
