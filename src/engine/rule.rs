//! Thresholds: the operator's own, and the simple built-in ones, as data.

mod raw;
mod slo;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::raw::RawRule;
use super::people::Trouble;
use crate::event::Timestamp;
use crate::signal::{Counts, Evidence, Severity};

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

impl Rule {
    /// Whether `evidence` was compared with what the rule says now.
    pub(super) fn compares(&self, evidence: &Evidence) -> bool {
        let compared = (evidence.threshold, evidence.window_seconds);
        self.conditions.iter().any(|at| (Some(at.value), Some(at.window_seconds)) == compared)
    }
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
        assert!(with(r#"{"metric":"starts","op":"<=","value":0}"#).is_ok(), "silence");
        let cases = [
            (r#"{"name":"no spaces"}"#, "not a name"),
            (r#"{"window":"30s"}"#, "`window` must be 1m to 24h"),
            (r#"{"value":30}"#, "`value` is compared with a ratio"),
            (r#"{"op":">=","value":0}"#, "`value` makes a condition that always holds"),
            (r#"{"op":"<=","value":1}"#, "`value` makes a condition that always holds"),
            (r#"{"op":"<","value":0}"#, "`value` makes a condition that never holds"),
            (r#"{"value":1}"#, "`value` makes a condition that never holds"),
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
