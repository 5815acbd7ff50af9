//! Rules as they are written, and what they mean.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Condition, Hold, Metric, Op, Rule, ScopeKind, slo};
use crate::engine::built_in_alerts;
use crate::setting::Period;
use crate::signal::Severity;

/// A rule, as it is written.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    /// `threshold`, or `slo`: how fast an error budget of 30 days is used up, over a long window and a short one. Default `threshold`.
    #[serde(default)]
    kind: Kind,
    /// The `alertname`: letters, digits and `_`.
    name: String,
    /// What is compared; of an `slo` a ratio, by default `failure_ratio`.
    pub(super) metric: Option<Metric>,
    /// How: `>`, `>=`, `<` or `<=`. A rule with `<` or `<=` looks only at scopes that had `min_attempts`, and at least
    /// one, in the last hour or in `window` if that is longer.
    pub(super) op: Option<Op>,
    /// With what. Ratios are 0 to 1.
    pub(super) value: Option<f64>,
    /// Over how long, 1m to 24h.
    pub(super) window: Option<Period>,
    /// Of an `slo`: the share of sign-ins that is to be well, 0.9 to 0.9999. With `severity: page` it fires when 2 % of the budget of 30
    /// days went in an hour or 5 % in six (14.4 and 6 times too fast), with `ticket` when 10 % went in a day or in three.
    pub(super) objective: Option<f64>,
    /// Finished sign-ins (for `stalled_ratio`: started ones) in the window below which a ratio says nothing. Default 10, of an
    /// `slo` 100. This and the two below are asked for before a rule with `>` or `>=` fires. While it fires the value alone decides, of however few: it
    /// ends when the value is no longer met, or the window is empty, for `keep_firing_for`; its words keep the numbers of the last time that there was enough.
    pub(super) min_attempts: Option<u64>,
    /// Distinct people among the failures and time-outs below which it is one person's trouble. Default 1.
    #[serde(default = "one")]
    min_users: u64,
    /// Connections that must carry it, none of them more than half, for scopes above a connection. Default 1.
    #[serde(default = "one")]
    min_connections: u64,
    /// How long the condition must hold before it fires, at most 24h. Default 0s.
    #[serde(default = "zero", rename = "for")]
    hold: Period,
    /// How long the condition must be gone, or the window empty, before it is resolved, at most 24h. Default 5m. For customers with pauses longer than
    /// `window`, choose one that outlasts them.
    #[serde(default = "default_keep_firing_for")]
    keep_firing_for: Period,
    /// `page` or `ticket`. Default `page`.
    #[serde(default = "page")]
    pub(super) severity: Severity,
    /// `connection`, `connection_type` or `fleet`. Default `connection`, of an `slo` `fleet`.
    pub(super) scope: Option<ScopeKind>,
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
        if built_in_alerts().any(|built_in| built_in == *name) {
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
pub(super) struct Kinded {
    pub(super) metric: Metric,
    pub(super) op: Op,
    pub(super) conditions: Vec<Condition>,
    pub(super) min_attempts: u64,
    pub(super) scope: ScopeKind,
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
    // A ratio is 0 to 1, a count 0 or more: at its ends some comparisons say nothing of the traffic.
    let (least, most) = (value <= 0.0, ratio && value >= 1.0);
    let useless = match op {
        Op::AtLeast => least.then_some("always"),
        Op::AtMost => most.then_some("always"),
        Op::Below => least.then_some("never"),
        Op::Above => most.then_some("never"),
    };
    if let Some(when) = useless {
        return Err(format!("`value` makes a condition that {when} holds; choose another"));
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

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && text.len() <= 100
}
