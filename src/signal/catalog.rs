//! Every metric once: name, kind, unit, help and labels. The exposition, Datadog, OTLP, the boards, the rules and the
//! reference are all made from this list, so that nothing can drift.

mod edge;
mod itself;
mod passage;
mod sign_in;

pub use self::edge::*;
pub use self::itself::*;
pub use self::passage::*;
pub use self::sign_in::*;

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

/// How the names begin of what is counted from the journal, or judged by it. Its owner alone shows that, so that it is one series
/// whoever owns the journal; all others are of a process.
const OF_THE_JOURNAL: [&str; 5] =
    ["sso_", "edge_", "ssowatch_events_", INCIDENTS.name, "ssowatch_source_la"];

/// Whether the series `name` is of the journal, not of the process that shows it.
#[must_use]
pub fn is_of_the_journal(name: &str) -> bool {
    OF_THE_JOURNAL.iter().any(|beginning| name.starts_with(beginning))
}

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
