//! `EdgeLimitNear`: someone comes near a declared limit, before the first refusal.

use std::collections::BTreeMap;

use super::limit::{Limit, Shadow};
use super::words;
use crate::engine::Engine;
use crate::engine::alert::{Finding, Key};
use crate::engine::rule::Hold;
use crate::engine::watch::labels;
use crate::engine::worst::Worst;
use crate::event::{Personal, Timestamp};
use crate::signal::{Evidence, Reach, Scope};

pub(in crate::engine) const ALERTNAME: &str = "EdgeLimitNear";

/// The alert fires at once, and until nobody has been near for five minutes.
const HOLD: Hold = Hold { for_millis: 0, keep_firing_for_millis: 300_000 };

/// Keys that an alert names.
pub(super) const NAMED_MAX: usize = 5;

impl Engine {
    /// Looks at every declared limit.
    pub(in crate::engine) fn look_at_limits(&mut self) {
        if !self.config.edge.alerts {
            return;
        }
        let now = self.memory.now;
        for limit in &self.config.edge.limits {
            let key = Key { alertname: ALERTNAME.into(), scope: Scope::Limit(limit.name.clone()) };
            let before = self.memory.alerts.phase(&key);
            let shadow = self.memory.edge.shadows.get(&limit.name);
            let near = shadow.map(|shadow| shadow.near(now));
            let near = near.unwrap_or_default();
            let phase = before.next(!near.is_empty(), now, HOLD);
            let finding = shadow.filter(|_| !near.is_empty()).map(|shadow| {
                let since = self.memory.alerts.started_at(&key).unwrap_or(now);
                finding(limit, shadow, &near, &key, (since, now))
            });
            self.memory.alerts.move_to(key, phase, phase.deadline(HOLD), finding, now);
        }
    }
}

fn finding(
    limit: &Limit,
    shadow: &Shadow,
    near: &[(&Personal, f64)],
    key: &Key,
    (since, now): (Timestamp, Timestamp),
) -> Finding {
    let named = near.iter().take(NAMED_MAX);
    Finding {
        severity: limit.severity,
        labels: labels(key, limit.severity, &BTreeMap::new(), None),
        started_at: since,
        summary: words::near_summary(limit, near, since, now),
        description: words::near_description(limit, shadow, near, now),
        evidence: Evidence {
            attempts: shadow.requests(),
            bad: shadow.exceeded(),
            value: near.first().map(|(_, used)| *used),
            threshold: Some(limit.near),
            callers: named
                .map(|(name, _)| (name.as_str().into(), shadow.requests_of(name)))
                .collect(),
            ..Evidence::default()
        },
        reach: Reach::default(),
        worst: Worst::Unknown,
    }
}
