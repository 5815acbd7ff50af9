//! Every metric once: name, kind, unit, help and labels. The exposition, Datadog, OTLP, the boards, the rules and the
//! reference are all made from this list, so that nothing can drift.

/// A metric family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Metric {
    /// Prometheus's name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it counts or measures, in the singular.
    pub unit: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Label names, in the order in which they are written.
    pub labels: &'static [&'static str],
}

/// What a metric is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A cumulative total that never goes backwards.
    Counter,
    /// A value that goes up and down.
    Gauge,
    /// Observations in buckets.
    Histogram,
}

impl Metric {
    /// The name in Datadog and OTLP: without `_total`, its first `_` a dot.
    #[must_use]
    pub fn dotted(&self) -> String {
        self.name.strip_suffix("_total").unwrap_or(self.name).replacen('_', ".", 1)
    }
}

impl Kind {
    /// Prometheus's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

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

/// Requests at the edge; traffic is internal or external.
pub const EDGE_REQUESTS: Metric = Metric {
    name: "edge_requests_total",
    kind: Kind::Counter,
    unit: "request",
    help: "Requests at the edge; traffic is internal or external.",
    labels: &["tier", "route", "method", "code", "traffic"],
};

/// How long requests at the edge took, as their log says.
pub const EDGE_DURATION: Metric = Metric {
    name: "edge_request_duration_seconds",
    kind: Kind::Histogram,
    unit: "second",
    help: "How long requests at the edge took, as their log says.",
    labels: &["tier"],
};

/// How long the URIs of requests at the edge were.
pub const EDGE_URI_BYTES: Metric = Metric {
    name: "edge_request_uri_bytes",
    kind: Kind::Histogram,
    unit: "byte",
    help: "How long the URIs of requests at the edge were.",
    labels: &["tier"],
};

/// The busiest key's highest use of a declared rate limit in the last minute, 0 to 1 and above.
pub const EDGE_LIMIT_UTILIZATION: Metric = Metric {
    name: "edge_limit_utilization_ratio",
    kind: Kind::Gauge,
    unit: "ratio",
    help: "The busiest key's highest use of a declared rate limit in the last minute, 0 to 1 and above.",
    labels: &["limit"],
};

/// Requests that the declared limit would have refused.
pub const EDGE_LIMIT_EXCEEDED: Metric = Metric {
    name: "edge_limit_exceeded_total",
    kind: Kind::Counter,
    unit: "request",
    help: "Requests that the declared limit would have refused.",
    labels: &["limit"],
};

/// Incidents that are pending or firing.
pub const INCIDENTS: Metric = Metric {
    name: "ssowatch_incidents",
    kind: Kind::Gauge,
    unit: "incident",
    help: "Incidents that are pending or firing.",
    labels: &["alertname", "severity", "state"],
};

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

/// A source could not do something and goes on trying.
pub const SOURCE_TROUBLE: Metric = Metric {
    name: "ssowatch_source_trouble_total",
    kind: Kind::Counter,
    unit: "problem",
    help: "What a source could not do: a file it cannot read, a journal that does not take what it has. The log names it.",
    labels: &["source"],
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
    help: "What was found broken in the data directory or in NATS and done without: journal_tail, journal_behind, checkpoint, sign_ins, intake. The log says what is lost.",
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

/// The whole catalogue, in the order of the exposition.
pub const ALL: [Metric; 51] = [
    SESSIONS_STARTED,
    SESSIONS_FINISHED,
    SESSIONS_STALLED,
    SESSION_FAILURES,
    SESSIONS_IN_PROGRESS,
    FAILURE_RATIO,
    TIMEOUT_RATIO,
    FLEET_FAILURE_RATIO,
    FLEET_TIMEOUT_RATIO,
    SESSION_DURATION,
    CONNECTION_INFO,
    CERTIFICATE_EXPIRY,
    AUTHENTICATION_EVENTS,
    EVENTS_NOVEL,
    EDGE_REQUESTS,
    EDGE_DURATION,
    EDGE_URI_BYTES,
    EDGE_LIMIT_UTILIZATION,
    EDGE_LIMIT_EXCEEDED,
    INCIDENTS,
    EVENTS_RECEIVED,
    EVENTS_DUPLICATE,
    EVENTS_LATE,
    EVENTS_MISSING,
    EVENTS_REJECTED,
    SOURCE_LAG,
    SOURCE_LAST_EVENT,
    SOURCE_REQUESTS,
    SINK_REQUESTS,
    SINK_DROPPED,
    SINK_BACKLOG,
    NOTIFICATIONS,
    JOURNAL_BYTES,
    CONFIG_RELOAD_SUCCESSFUL,
    CONFIG_RELOAD_TIMESTAMP,
    JOURNAL_FAILURES,
    JOURNAL_OWNER,
    TAKEOVERS,
    INTAKE_WAITING,
    DAMAGE_FOUND,
    SOURCE_TROUBLE,
    REQUESTS_REFUSED,
    CONNECTIONS_BROKEN,
    INLET_WAITING,
    ARCHIVE_WAITING,
    TICK_DURATION,
    TIME_AHEAD,
    MEMORY,
    OPEN_FILES,
    CPU,
    BUILD_INFO,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions() {
        for metric in ALL {
            assert_eq!(
                metric.name.ends_with("_total"),
                metric.kind == Kind::Counter,
                "{}",
                metric.name
            );
            assert!(metric.help.ends_with('.'), "{}", metric.name);
        }
        assert_eq!(SESSIONS_FINISHED.dotted(), "sso.sessions_finished");
        assert_eq!(FLEET_FAILURE_RATIO.dotted(), "sso.fleet_failure_ratio");
        assert_eq!(EVENTS_RECEIVED.dotted(), "ssowatch.events_received");
    }
}
