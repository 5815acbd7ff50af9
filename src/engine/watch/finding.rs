//! What the alert of a rule says: since when, how much of what, and how bad it was.

use super::labels;
use crate::engine::alert::{Finding, Key};
use crate::engine::calendar::Place;
use crate::engine::causes::CAUSES_MAX;
use crate::engine::people::Trouble;
use crate::engine::place::CONNECTIONS_MAX;
use crate::engine::rule::{Condition, Metric, Rule};
use crate::engine::worst::Worst;
use crate::engine::{Engine, words};
use crate::event::{ConnectionId, Timestamp};
use crate::signal::{Counts, Evidence, Stretch};

impl Engine {
    /// When the trouble is believed to have begun: for too much, where the window's worst part begins; for too little, where
    /// the window begins.
    fn onset(&self, rule: &Rule, at: &Condition, place: Place) -> Timestamp {
        let window = self.window(at.window_seconds, place);
        if rule.op.looks_for_little() {
            return window.since(self.memory.now);
        }
        // Half of the threshold lies between what is usual and what is bad.
        let usual = if rule.metric.is_ratio() { at.value / 2.0 } else { 0.0 };
        #[expect(clippy::cast_precision_loss, reason = "counts in a window are far below 2^52")]
        let badness = |counts: &Counts| {
            rule.metric.bad(counts) as f64 - usual * rule.metric.whole(counts) as f64
        };
        window.onset(badness).unwrap_or(self.memory.now)
    }

    pub(super) fn finding(
        &self,
        rule: &Rule,
        at: &Condition,
        place: Place,
        key: &Key,
        value: f64,
    ) -> Finding {
        // The words name the same beginning for as long as the incident lives.
        let known = self.memory.alerts.started_at(key);
        let started_at = known.unwrap_or_else(|| self.onset(rule, at, place));
        let carriers = self.carriers(rule, at.window_seconds, place);
        let evidence = self.evidence(rule, at, place, value, &carriers);
        let named = self.named(place, carriers.iter().copied());
        let connection = match place {
            Place::Connection(index) => Some(&self.memory.connections[index as usize]),
            Place::Provider(_) | Place::Fleet => None,
        };
        Finding {
            severity: rule.severity,
            labels: labels(key, rule.severity, &rule.labels, connection),
            started_at,
            summary: words::summary(
                rule,
                at,
                &self.who(place),
                &evidence,
                (started_at, self.memory.now),
            ),
            description: words::description(rule, at, &evidence, &named),
            evidence,
            reach: self.reach(place, carriers.into_iter().map(|(index, _)| index)),
            worst: self.worst(rule.metric, place, started_at),
        }
    }

    fn evidence(
        &self,
        rule: &Rule,
        at: &Condition,
        place: Place,
        value: f64,
        carriers: &[(u32, u64)],
    ) -> Evidence {
        let window = self.window(at.window_seconds, place);
        let counts = window.sum();
        let mut causes: Vec<(Box<str>, u64)> = Vec::new();
        if rule.metric.trouble() == Some(Trouble::Failed) {
            causes
                .extend(window.causes().into_iter().map(|(name, count)| ((&**name).into(), count)));
            causes.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
            causes.truncate(CAUSES_MAX);
        }
        let above = !matches!(place, Place::Connection(_));
        let named = carriers.iter().take(if above { CONNECTIONS_MAX } else { 0 });
        let connections = named.map(|(index, bad)| {
            let id = self.memory.connections[*index as usize].id.as_ref();
            (id.map_or("unknown", ConnectionId::as_str).into(), *bad)
        });
        Evidence {
            attempts: rule.metric.whole(&counts),
            bad: rule.metric.bad(&counts),
            users: Some(self.users(rule, at.window_seconds, carriers)).filter(|users| *users > 0),
            value: Some(value),
            threshold: Some(at.value),
            usual: None,
            nats: None,
            chance_days: None,
            window_seconds: Some(at.window_seconds),
            causes,
            connections: connections.collect(),
            callers: Vec::new(),
        }
    }

    /// The worst stretch since `began` of what a rule counts.
    fn worst(&self, metric: Metric, place: Place, began: Timestamp) -> Worst {
        let Some(trouble) = metric.trouble() else { return Worst::Unknown };
        let minutes = self.memory.tally(place).windows[1].minutes().map(|minute| {
            let bad = match trouble {
                Trouble::Failed => minute.failed,
                Trouble::TimedOut => minute.timed_out,
            };
            (minute.start_seconds, minute.ended.into(), bad.into())
        });
        Worst::Of(Stretch::worst(minutes, began, self.memory.now))
    }
}
