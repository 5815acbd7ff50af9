//! Thresholds: the operator's own, and the simple built-in ones, as data.

mod slo;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::certificate::ALERTNAME as CERTIFICATE;
use super::delivery::SOURCE_STALLED;
use super::drift;
use super::edge::near;
use super::edge::sign::Sign;
use super::page;
use super::people::Trouble;
use super::watch::WATCHDOG;
use crate::event::Timestamp;
use crate::setting::Period;
use crate::signal::{Counts, SINK_FAILING, Severity};

/// Rules at most: each is looked at for every connection that changed, every second.
pub const RULES_MAX: usize = 64;

/// Thresholds on one metric of every scope of one kind.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "RawRule")]
#[schemars(with = "RawRule")]
pub struct Rule {
    pub(crate) name: Box<str>,
    pub(crate) metric: Metric,
    pub(crate) op: Op,
    /// One of them is enough.
    pub(crate) conditions: Vec<Condition>,
    pub(crate) min_attempts: u64,
    pub(crate) min_users: u64,
    pub(crate) min_connections: usize,
    pub(crate) hold: Hold,
    pub(crate) severity: Severity,
    pub(crate) scope: ScopeKind,
    pub(crate) labels: BTreeMap<Box<str>, Box<str>>,
    pub(crate) summary: Option<Box<str>>,
}

/// What a metric is compared with, and over how long.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Condition {
    pub(crate) value: f64,
    pub(crate) window_seconds: u32,
    /// A shorter window in which it must hold as well: the trouble goes on.
    pub(crate) short_seconds: Option<u32>,
}

/// How long a condition must hold before it fires, and must be gone before it is resolved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Hold {
    pub(crate) for_millis: i64,
    pub(crate) keep_firing_for_millis: i64,
}

/// What is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Metric {
    /// Failed of all finished, 0 to 1.
    FailureRatio,
    /// Timed out of all finished, 0 to 1.
    TimeoutRatio,
    /// Stalled of all started, 0 to 1.
    StalledRatio,
    /// Failed sign-ins.
    Failures,
    /// Timed-out sign-ins.
    Timeouts,
    /// Finished sign-ins.
    Attempts,
    /// Started sign-ins.
    Starts,
    /// Successful sign-ins.
    Successes,
}

/// How it is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
pub(crate) enum Op {
    /// Above.
    #[serde(rename = ">")]
    Above,
    /// At or above.
    #[serde(rename = ">=")]
    AtLeast,
    /// Below.
    #[serde(rename = "<")]
    Below,
    /// At or below.
    #[serde(rename = "<=")]
    AtMost,
}

/// Which scopes it looks at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ScopeKind {
    /// Each connection by itself.
    Connection,
    /// Each identity provider: all connections of one type.
    ConnectionType,
    /// All together.
    Fleet,
}

/// A rule, as it is written.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawRule {
    /// `threshold`, or `slo`: how fast an error budget of 30 days is used up, over a long window and a short one. Default `threshold`.
    #[serde(default)]
    kind: Kind,
    /// The `alertname`: letters, digits and `_`.
    name: String,
    /// What is compared; of an `slo` a ratio, by default `failure_ratio`.
    metric: Option<Metric>,
    /// How: `>`, `>=`, `<` or `<=`. A rule with `<` or `<=` looks only at scopes that had `min_attempts`, and at least
    /// one, in the last hour or in `window` if that is longer.
    op: Option<Op>,
    /// With what. Ratios are 0 to 1.
    value: Option<f64>,
    /// Over how long, 1m to 24h.
    window: Option<Period>,
    /// Of an `slo`: the share of sign-ins that is to be well, 0.9 to 0.9999. With `severity: page` it fires when 2 % of the budget of 30
    /// days went in an hour or 5 % in six (14.4 and 6 times too fast), with `ticket` when 10 % went in a day or in three.
    objective: Option<f64>,
    /// Finished sign-ins (for `stalled_ratio`: started ones) in the window below which a ratio says nothing. Default 10, of an
    /// `slo` 100.
    min_attempts: Option<u64>,
    /// Distinct people among the failures and time-outs below which it is one person's trouble. Default 1.
    #[serde(default = "one")]
    min_users: u64,
    /// Connections that must carry it, none of them more than half, for scopes above a connection. Default 1.
    #[serde(default = "one")]
    min_connections: u64,
    /// How long the condition must hold before it fires, at most 24h. Default 0s.
    #[serde(default = "zero", rename = "for")]
    hold: Period,
    /// How long the condition must be gone before it is resolved, at most 24h. Default 5m.
    #[serde(default = "default_keep_firing_for")]
    keep_firing_for: Period,
    /// `page` or `ticket`. Default `page`.
    #[serde(default = "page")]
    severity: Severity,
    /// `connection`, `connection_type` or `fleet`. Default `connection`, of an `slo` `fleet`.
    scope: Option<ScopeKind>,
    /// Labels that the alert carries besides its own.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// A sentence that stands before the numbers.
    summary: Option<String>,
}

fn one() -> u64 {
    1
}

fn zero() -> Period {
    Period::from_secs(0)
}

fn default_keep_firing_for() -> Period {
    Period::from_secs(300)
}

fn page() -> Severity {
    Severity::Page
}

/// What a rule is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Threshold,
    Slo,
}

const DAY_SECONDS: u64 = 86_400;
const RESERVED_LABELS: [&str; 6] =
    ["alertname", "severity", "scope", "connection_id", "organization_id", "connection_type"];

impl TryFrom<RawRule> for Rule {
    type Error = String;

    fn try_from(raw: RawRule) -> Result<Self, String> {
        let RawRule { ref name, ref labels, severity, .. } = raw;
        let of = |key: &str, problem: &str| Err(format!("rule `{name}`: `{key}` {problem}"));
        if !is_name(name) {
            return Err(format!(
                "`{name}` is not a name for a rule; use letters, digits and _, e.g. LoginsFailing"
            ));
        }
        let of_edge = Sign::ALL.iter().any(|sign| sign.alertname() == *name);
        if of_edge
            || RESERVED_NAMES.contains(&name.as_str())
            || page::ALERTNAMES.contains(&name.as_str())
        {
            return Err(format!("`{name}` is the name of a built-in alert; choose another"));
        }
        let Kinded { metric, op, conditions, min_attempts, scope } = match raw.kind {
            Kind::Threshold => threshold(&raw),
            Kind::Slo => slo::conditions(&raw),
        }
        .map_err(|problem| format!("rule `{name}`: {problem}"))?;
        if (raw.min_users > 1 || raw.min_connections > 1) && metric.trouble().is_none() {
            return of(
                "metric",
                "counts nothing that people suffer from, so `min_users` and `min_connections` must stay 1",
            );
        }
        if raw.min_connections > 1 && scope == ScopeKind::Connection {
            return of("min_connections", "must stay 1 where `scope` is one connection");
        }
        for (key, period) in [("for", raw.hold), ("keep_firing_for", raw.keep_firing_for)] {
            if period.seconds() > DAY_SECONDS {
                return of(key, "must be at most 24h");
            }
        }
        if severity == Severity::None {
            return of("severity", "must be page or ticket");
        }
        if let Some(bad) =
            labels.keys().find(|key| !is_name(key) || RESERVED_LABELS.contains(&key.as_str()))
        {
            return of("labels", &format!("has `{bad}`, which is reserved or not a label name"));
        }
        Ok(Self {
            metric,
            op,
            conditions,
            min_attempts,
            min_users: raw.min_users,
            min_connections: usize::try_from(raw.min_connections).unwrap_or(usize::MAX),
            hold: Hold {
                for_millis: raw.hold.millis(),
                keep_firing_for_millis: raw.keep_firing_for.millis(),
            },
            severity,
            scope,
            labels: raw.labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
            summary: raw.summary.map(Into::into),
            name: raw.name.into(),
        })
    }
}

/// What a rule of each kind says in its own way.
struct Kinded {
    metric: Metric,
    op: Op,
    conditions: Vec<Condition>,
    min_attempts: u64,
    scope: ScopeKind,
}

fn threshold(raw: &RawRule) -> Result<Kinded, String> {
    let missing = |key: &str| format!("the key `{key}` is missing; add it");
    let metric = raw.metric.ok_or_else(|| missing("metric"))?;
    let op = raw.op.ok_or_else(|| missing("op"))?;
    let value = raw.value.ok_or_else(|| missing("value"))?;
    let window = raw.window.ok_or_else(|| missing("window"))?;
    if raw.objective.is_some() {
        return Err("`objective` is that of an slo; add `kind: slo`, or remove it".into());
    }
    if !(60..=DAY_SECONDS).contains(&window.seconds()) {
        return Err("`window` must be 1m to 24h".into());
    }
    let ratio = metric.is_ratio();
    if !value.is_finite() || value < 0.0 || (ratio && value > 1.0) {
        let range = if ratio { "is compared with a ratio: 0 to 1" } else { "must be 0 or more" };
        return Err(format!("`value` {range}"));
    }
    let window_seconds = u32::try_from(window.seconds()).expect("at most a day");
    Ok(Kinded {
        metric,
        op,
        conditions: vec![Condition { value, window_seconds, short_seconds: None }],
        min_attempts: raw.min_attempts.unwrap_or(10),
        scope: raw.scope.unwrap_or(ScopeKind::Connection),
    })
}

/// Alerts that no threshold makes.
const RESERVED_NAMES: [&str; 6] =
    [WATCHDOG, CERTIFICATE, SINK_FAILING, SOURCE_STALLED, near::ALERTNAME, drift::ALERTNAME];

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && text.len() <= 100
}

impl Metric {
    /// Its value; `None` when there is too little to say.
    #[expect(clippy::cast_precision_loss, reason = "counts in a window are far below 2^52")]
    pub(crate) fn of(self, counts: &Counts, min_attempts: u64) -> Option<f64> {
        let enough = |whole: u64| whole >= min_attempts.max(1);
        match self {
            Self::FailureRatio => counts.failure_ratio().filter(|_| enough(counts.finished())),
            Self::TimeoutRatio => counts.timeout_ratio().filter(|_| enough(counts.finished())),
            Self::StalledRatio => {
                // A session is stalled minutes after its start, so the window may hold more of them than starts.
                let ratio = counts.stalled as f64 / counts.started.max(1) as f64;
                enough(counts.started).then_some(ratio.min(1.0))
            }
            Self::Failures => Some(counts.failed as f64),
            Self::Timeouts => Some(counts.timed_out as f64),
            Self::Attempts => Some(counts.finished() as f64),
            Self::Starts => Some(counts.started as f64),
            Self::Successes => Some(counts.succeeded as f64),
        }
    }

    /// What went wrong in its eyes, where we know with whom.
    pub(super) fn trouble(self) -> Option<Trouble> {
        match self {
            Self::FailureRatio | Self::Failures => Some(Trouble::Failed),
            Self::TimeoutRatio | Self::Timeouts => Some(Trouble::TimedOut),
            Self::StalledRatio | Self::Attempts | Self::Starts | Self::Successes => None,
        }
    }

    /// Whether it is a part of a whole, 0 to 1.
    pub(crate) fn is_ratio(self) -> bool {
        matches!(self, Self::FailureRatio | Self::TimeoutRatio | Self::StalledRatio)
    }

    /// The sign-ins of which the bad ones are a part.
    pub(crate) fn whole(self, counts: &Counts) -> u64 {
        match self {
            Self::StalledRatio | Self::Starts => counts.started,
            Self::FailureRatio
            | Self::TimeoutRatio
            | Self::Failures
            | Self::Timeouts
            | Self::Attempts
            | Self::Successes => counts.finished(),
        }
    }

    /// The sign-ins that are bad in the eyes of this metric.
    pub(crate) fn bad(self, counts: &Counts) -> u64 {
        match self {
            Self::FailureRatio | Self::Failures => counts.failed,
            Self::TimeoutRatio | Self::Timeouts => counts.timed_out,
            Self::StalledRatio => counts.stalled,
            Self::Attempts | Self::Starts | Self::Successes => 0,
        }
    }
}

impl Op {
    pub(crate) fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Above => left > right,
            Self::AtLeast => left >= right,
            Self::Below => left < right,
            Self::AtMost => left <= right,
        }
    }

    pub(crate) fn looks_for_little(self) -> bool {
        matches!(self, Self::Below | Self::AtMost)
    }
}

/// Where one rule stands on one scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// The condition does not hold.
    Inactive,
    /// It holds, not yet for long enough.
    Pending {
        /// Since when.
        since: Timestamp,
    },
    /// It fires.
    Firing {
        /// Since when the condition no longer holds; `None` while it does.
        clear_since: Option<Timestamp>,
    },
}

impl Phase {
    /// Where it stands after `now` found the condition to hold, or not.
    #[must_use]
    pub(crate) fn next(self, holds: bool, now: Timestamp, hold: Hold) -> Self {
        match (self, holds) {
            (Self::Inactive, true) => Self::Pending { since: now }.promote(now, hold),
            (Self::Inactive | Self::Pending { .. }, false) => Self::Inactive,
            (pending @ Self::Pending { .. }, true) => pending.promote(now, hold),
            (Self::Firing { .. }, true) => Self::Firing { clear_since: None },
            (Self::Firing { clear_since }, false) => {
                let since = clear_since.unwrap_or(now);
                if now.millis_since(since) < hold.keep_firing_for_millis {
                    Self::Firing { clear_since: Some(since) }
                } else {
                    Self::Inactive
                }
            }
        }
    }

    /// When it moves on by itself, if the condition stays as it is.
    #[must_use]
    pub(crate) fn deadline(self, hold: Hold) -> Option<Timestamp> {
        match self {
            Self::Inactive | Self::Firing { clear_since: None } => None,
            Self::Pending { since } => Some(since.plus_millis(hold.for_millis)),
            Self::Firing { clear_since: Some(since) } => {
                Some(since.plus_millis(hold.keep_firing_for_millis))
            }
        }
    }

    fn promote(self, now: Timestamp, hold: Hold) -> Self {
        match self {
            Self::Pending { since } if now.millis_since(since) >= hold.for_millis => {
                Self::Firing { clear_since: None }
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_fires_after_its_hold_and_is_resolved_after_its_keep() {
        let hold = Hold { for_millis: 2_000, keep_firing_for_millis: 3_000 };
        let at = |second: i64| Timestamp::from_millis(second * 1000);
        let (pending, firing) =
            (|s| Phase::Pending { since: at(s) }, Phase::Firing { clear_since: None });
        let clear = |s| Phase::Firing { clear_since: Some(at(s)) };
        let steps = [
            (0, false, Phase::Inactive),
            (1, true, pending(1)),
            (2, false, Phase::Inactive),
            (3, true, pending(3)),
            (4, true, pending(3)),
            (5, true, firing),
            (6, false, clear(6)),
            (7, true, firing),
            (9, false, clear(9)),
            (11, false, clear(9)),
            (12, false, Phase::Inactive),
        ];
        assert_eq!(pending(3).deadline(hold), Some(at(5)));
        assert_eq!(clear(9).deadline(hold), Some(at(12)));
        assert_eq!(firing.deadline(hold), None);
        let mut phase = Phase::Inactive;
        for (second, holds, want) in steps {
            phase = phase.next(holds, at(second), hold);
            assert_eq!(phase, want, "second {second}");
        }
        let at_once = Hold { for_millis: 0, ..hold };
        assert_eq!(Phase::Inactive.next(true, at(1), at_once), firing);
    }

    #[test]
    fn a_rule_out_of_range_is_refused_with_its_key() {
        let with = |change: &str| {
            let text =
                r#"{"name":"A","metric":"failure_ratio","op":">","value":0.5,"window":"5m"}"#;
            let mut rule: serde_json::Value = serde_json::from_str(text).unwrap();
            let change: serde_json::Value = serde_json::from_str(change).unwrap();
            for (key, value) in change.as_object().unwrap() {
                rule[key] = value.clone();
            }
            serde_json::from_value::<Rule>(rule).map_err(|error| error.to_string())
        };
        assert!(with("{}").is_ok());
        let cases = [
            (r#"{"name":"no spaces"}"#, "not a name"),
            (r#"{"window":"30s"}"#, "`window` must be 1m to 24h"),
            (r#"{"value":30}"#, "`value` is compared with a ratio"),
            (r#"{"for":"2d"}"#, "`for` must be at most 24h"),
            (r#"{"severity":"none"}"#, "`severity` must be page or ticket"),
            (r#"{"labels":{"scope":"x"}}"#, "`scope`, which is reserved"),
            (r#"{"thresold":1}"#, "thresold"),
            (r#"{"name":"Watchdog"}"#, "name of a built-in alert"),
            (r#"{"name":"EdgeErrors"}"#, "name of a built-in alert"),
            (r#"{"name":"EdgeLimitNear"}"#, "name of a built-in alert"),
            (r#"{"objective":0.99}"#, "`objective` is that of an slo"),
            (r#"{"window":null}"#, "the key `window` is missing"),
            (r#"{"metric":"starts","min_users":2}"#, "`metric` counts nothing that people"),
            (r#"{"min_connections":3}"#, "`min_connections` must stay 1"),
        ];
        for (change, want) in cases {
            let error = with(change).unwrap_err();
            assert!(error.contains(want), "{error}");
        }
    }
}
