//! An alert that is pending, firing or over, with the numbers behind it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Course, Happened};
use crate::event::{ConnectionId, Timestamp};

/// The alert of a sink that does not do its work.
pub const SINK_FAILING: &str = "SinkFailing";

/// The alert of a tier that says that requests fail, and not whom it hits.
pub const EDGE_ERRORS: &str = "EdgeErrors";

/// The alert of a tier that refuses requests with 429.
pub const EDGE_RATE_LIMITED: &str = "EdgeRateLimited";

/// Trouble of the edge and of sign-ins that began within this time of each other is told together.
pub const TOGETHER_SECONDS: i64 = 15 * 60;

/// The same of two alerts of the edge. Requests come so often there that a beginning is known to a minute; what begins later
/// has a cause of its own.
const TOGETHER_AT_EDGE_SECONDS: i64 = 2 * 60;

/// One stretch of trouble that one alert describes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Incident {
    /// Unique: a hash like the fingerprint, a dash and the second at which it began.
    pub id: Box<str>,
    /// 16 hex digits of a hash of the `alertname` and scope with which it began: the dedup key at every receiver, unique among what is
    /// open.
    pub fingerprint: Box<str>,
    /// e.g. `SsoConnectionFailing`, or the name of an operator's rule.
    pub alertname: Box<str>,
    /// How urgent.
    pub severity: Severity,
    /// Who is hit.
    pub scope: Scope,
    /// `alertname`, `severity`, `scope` and what the scope names; the same for as long as the incident lives, but for
    /// `severity`, which may change.
    pub labels: BTreeMap<Box<str>, Box<str>>,
    /// Where it stands.
    pub state: State,
    /// When the trouble is believed to have begun.
    pub started_at: Timestamp,
    /// When it began to fire; `None` while pending.
    pub fired_at: Option<Timestamp>,
    /// When it was resolved.
    pub resolved_at: Option<Timestamp>,
    /// One line: who, what, how many of how many, since when.
    pub summary: String,
    /// A few sentences: what is usual, causes, connections.
    pub description: String,
    /// The numbers behind the words.
    pub evidence: Evidence,
    /// How far it went, and what happened when.
    pub course: Course,
    /// Alerts with the same cause that fired later and are told with it. Filled in by [`super::joined`], kept nowhere.
    #[serde(skip)]
    pub parts: Vec<std::sync::Arc<Incident>>,
    /// The incident that this one is part of; as `parts`.
    #[serde(skip)]
    pub part_of: Option<Box<str>>,
}

/// Where an incident stands. Pending ones are shown and counted, and told to nobody.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The condition holds, not yet for long enough.
    Pending,
    /// Receivers are told.
    Firing,
    /// Over.
    Resolved,
}

/// How urgent. The label `severity`.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing to do: `Watchdog`.
    None,
    /// Someone looks at it in working hours.
    Ticket,
    /// Someone gets up.
    Page,
}

/// Who is hit. The label `scope` and the labels that name the thing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Scope {
    /// One connection; `None` is the unknown bucket.
    Connection(Option<ConnectionId>),
    /// All connections of one identity provider.
    ConnectionType(Box<str>),
    /// Everything.
    Fleet,
    /// A source of events.
    Source(Box<str>),
    /// A sink.
    Sink(Box<str>),
    /// A tier of the edge.
    Tier(Box<str>),
    /// A declared rate limit.
    Limit(Box<str>),
    /// Nobody: `Watchdog`.
    None,
}

/// The numbers behind an incident; what an alert does not use is absent from its JSON.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// Finished sign-ins that were looked at.
    pub attempts: u64,
    /// How many of them were bad (failed, timed out, …).
    pub bad: u64,
    /// Distinct people among the bad, where they can be told apart.
    pub users: Option<u64>,
    /// The measured value of the rule's metric.
    pub value: Option<f64>,
    /// The value that it was compared with.
    pub threshold: Option<f64>,
    /// What is usual here.
    pub usual: Option<f64>,
    /// Length of the window, in seconds.
    pub window_seconds: Option<u32>,
    /// Strength of the evidence against chance, in nats (natural logarithm of a likelihood ratio).
    pub nats: Option<f64>,
    /// By chance alone there would be evidence like this once in so many days.
    pub chance_days: Option<f64>,
    /// The bad by cause, most frequent first; at most 5.
    pub causes: Vec<(Box<str>, u64)>,
    /// The connections that carry it, worst first, with their bad; at most 10.
    pub connections: Vec<(Box<str>, u64)>,
    /// The callers behind it at the edge, busiest first, with their requests; at most 10.
    pub callers: Vec<(Box<str>, u64)>,
}

/// An incident began to fire or was resolved: what `replay` prints and receivers are told.
#[derive(Clone, PartialEq, Debug)]
pub struct Transition {
    /// The engine's time.
    pub at: Timestamp,
    /// The incident as it was then.
    pub incident: std::sync::Arc<Incident>,
}

impl Incident {
    /// It goes on as part of what the alert `wider` says, since `at`.
    pub fn join(&mut self, wider: &str, at: Timestamp) {
        self.summary.push_str(". It goes on as part of ");
        self.summary.push_str(wider);
        self.course.add(at, Happened::Joined(wider.into()));
    }

    /// Whether one cause may be behind both, so that whoever was told of one need not be told of the other: see [`Scope::began_with`].
    /// Trouble at two tiers has two owners, unless one of them refuses what the other one needs.
    #[must_use]
    pub fn began_with(&self, other: &Self) -> bool {
        let limits = |one: &Self| &*one.alertname == EDGE_RATE_LIMITED;
        let apart = match (&self.scope, &other.scope) {
            (Scope::Tier(a), Scope::Tier(b)) => a != b && !limits(self) && !limits(other),
            _ => false,
        };
        self.id != other.id
            && !apart
            && self.scope.began_with(self.started_at, &other.scope, other.started_at)
    }
}

impl Severity {
    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Ticket => "ticket",
            Self::Page => "page",
        }
    }
}

impl State {
    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

impl Scope {
    /// Whether it is about requests rather than sign-ins.
    #[must_use]
    pub fn is_of_edge(&self) -> bool {
        matches!(self, Self::Tier(_) | Self::Limit(_))
    }

    /// Whether trouble here that began at `since`, and other trouble there, of which one at least is of the edge, began at
    /// about the same time: one cause may be behind them. Which sign-ins have one cause the detection knows better.
    #[must_use]
    pub fn began_with(&self, since: Timestamp, other: &Self, other_since: Timestamp) -> bool {
        let within = match (self.is_of_edge(), other.is_of_edge()) {
            (true, true) => TOGETHER_AT_EDGE_SECONDS,
            (true, false) if other.is_of_sign_ins() => TOGETHER_SECONDS,
            (false, true) if self.is_of_sign_ins() => TOGETHER_SECONDS,
            _ => return false,
        };
        since.seconds().abs_diff(other_since.seconds()) <= within.unsigned_abs()
    }

    /// Whether it is about people who sign in.
    #[must_use]
    pub fn is_of_sign_ins(&self) -> bool {
        matches!(self, Self::Connection(_) | Self::ConnectionType(_) | Self::Fleet)
    }

    /// Whether it is about the sign-ins of more than one connection.
    #[must_use]
    pub fn is_of_many_sign_ins(&self) -> bool {
        matches!(self, Self::ConnectionType(_) | Self::Fleet)
    }

    /// What its evidence counts.
    #[must_use]
    pub fn counted(&self) -> &'static str {
        if self.is_of_edge() { "request" } else { "sign-in" }
    }

    /// All values of the label `scope`.
    pub const NAMES: [&'static str; 8] =
        ["connection", "connection_type", "fleet", "source", "sink", "tier", "limit", "none"];

    /// The value of the label `scope`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Connection(_) => "connection",
            Self::ConnectionType(_) => "connection_type",
            Self::Fleet => "fleet",
            Self::Source(_) => "source",
            Self::Sink(_) => "sink",
            Self::Tier(_) => "tier",
            Self::Limit(_) => "limit",
            Self::None => "none",
        }
    }
}
