//! How an alert ends: resolved, no longer watched, or settled before anybody was told; and how long its end is remembered.

use std::sync::Arc;
use std::time::Duration;

use super::{Alerts, Key};
use crate::engine::rule::Phase;
use crate::event::Timestamp;
use crate::setting::Period;
use crate::signal::{Happened, Incident, Scope, State, Transition, Unwatched};

/// Resolved incidents that are remembered at most, 2 KiB each: fifty a day for ninety days, 10 MB of each checkpoint.
const RESOLVED_MAX: usize = 5_000;

impl Alerts {
    /// Ends the alert: a firing one is resolved and remembered, a pending one never was.
    pub(in crate::engine) fn end(&mut self, key: &Key, now: Timestamp) {
        self.close(key, now, Happened::Resolved);
    }

    /// What fires is over, but for what flares up within `keep`: it ends then ([`Alerts::calm_tiers`]), if it does not fire again.
    pub(in crate::engine) fn calm(&mut self, key: &Key, keep: Period, now: Timestamp) {
        if self.phase(key) == (Phase::Firing { clear_since: None }) {
            let keep = i64::try_from(keep.seconds().saturating_mul(1_000)).unwrap_or(i64::MAX);
            let calm = Phase::Firing { clear_since: Some(now) };
            self.move_to(key.clone(), calm, Some(now.plus_millis(keep)), None, now);
        }
    }

    /// The alerts about tiers that have been calm for long enough.
    pub(in crate::engine) fn calm_tiers(&self, now: Timestamp) -> Vec<Key> {
        let due = self.deadlines.iter().take_while(|(deadline, _)| *deadline <= now);
        let tiers = due.filter(|(_, key)| matches!(key.scope, Scope::Tier(_)));
        tiers.map(|(_, key)| key.clone()).collect()
    }

    /// The same of an alert that the configuration does not watch for any more: that it is over is not said of the trouble.
    pub(in crate::engine) fn unwatch(&mut self, key: &Key, why: Unwatched, now: Timestamp) {
        self.close(key, now, Happened::Unwatched(why));
    }

    /// The same of one that a wider alert tells of from now on.
    pub(in crate::engine) fn join(&mut self, key: &Key, wider: &str, now: Timestamp) {
        self.close(key, now, Happened::Joined(wider.into()));
    }

    fn close(&mut self, key: &Key, now: Timestamp, how: Happened) {
        let Some(alert) = self.open.remove(key) else { return };
        self.plan(key.clone(), alert.deadline, None);
        let Some(incident) = self.incidents.get_mut(&alert.incident) else { return };
        if incident.state == State::Pending {
            self.incidents.remove(&alert.incident);
            return;
        }
        let incident = Arc::make_mut(incident);
        incident.state = State::Resolved;
        incident.resolved_at = Some(now);
        if let Happened::Joined(wider) = &how {
            incident.join(wider, now);
        } else {
            if let Happened::Unwatched(why) = how {
                incident.summary.push_str(". No longer watched: ");
                incident.summary.push_str(why.words());
                incident.summary.push_str("; the trouble may go on");
            }
            incident.course.add(now, how);
        }
        let incident = Arc::new(incident.clone());
        self.transitions.push(Transition { at: now, incident });
    }

    /// Ends an alert that nobody was told of and keeps it in the record; one that fires is left alone.
    pub(in crate::engine) fn settle(&mut self, key: &Key, now: Timestamp) {
        let Some(alert) = self.open.get(key) else { return };
        let Some(incident) = self.incidents.get_mut(&alert.incident) else { return };
        if incident.state != State::Pending {
            return;
        }
        let incident = Arc::make_mut(incident);
        incident.state = State::Resolved;
        incident.resolved_at = Some(now);
        incident.course.add(now, Happened::Resolved);
        let deadline = alert.deadline;
        self.open.remove(key);
        self.plan(key.clone(), deadline, None);
    }

    /// Something happened to an open alert.
    pub(in crate::engine) fn note(&mut self, key: &Key, what: Happened, now: Timestamp) {
        let Some(alert) = self.open.get(key) else { return };
        if let Some(incident) = self.incidents.get_mut(&alert.incident) {
            Arc::make_mut(incident).course.add(now, what);
        }
    }

    /// The trouble is believed to have ended at `at`.
    pub(in crate::engine) fn ended(&mut self, key: &Key, at: Option<Timestamp>) {
        let Some(alert) = self.open.get(key) else { return };
        if let Some(incident) = self.incidents.get_mut(&alert.incident) {
            Arc::make_mut(incident).course.ended_at = at;
        }
    }

    /// Forgets resolved incidents that are too old or too many.
    pub(in crate::engine) fn forget(&mut self, now: Timestamp, age: Duration) {
        let resolved = |incident: &Incident| incident.resolved_at;
        let old = now.plus_millis(-i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        self.incidents.retain(|_, incident| resolved(incident).is_none_or(|at| at >= old));
        let mut ends: Vec<_> =
            self.incidents.values().filter_map(|incident| resolved(incident)).collect();
        if ends.len() > RESOLVED_MAX {
            ends.sort_unstable();
            let keep = ends[ends.len() - RESOLVED_MAX];
            self.incidents.retain(|_, incident| resolved(incident).is_none_or(|at| at >= keep));
        }
    }
}
