//! Looks at thresholds: for the scopes that changed, and for the alerts that are pending or firing.

mod finding;

use std::collections::{BTreeMap, BTreeSet};

use super::alert::{Finding, Key};
use super::calendar::Place;
use super::certificate;
use super::drift;
use super::edge::Edge;
use super::place::kind;
use super::rule::{Condition, Phase, Rule};
use super::tally::Connection;
use super::window::Sliding;
use super::worst::Worst;
use super::{Engine, page};
use crate::event::{ConnectionId, Timestamp};
use crate::signal::{Counts, Evidence, Reach, Scope, Severity, Unwatched};

/// The alert that always fires: its absence means that ssowatch is down.
pub(super) const WATCHDOG: &str = "Watchdog";

impl Engine {
    /// What holds from the first moment.
    pub(super) fn begin(&mut self) {
        let now = self.memory.now;
        let key = Key { alertname: WATCHDOG.into(), scope: Scope::None };
        let finding = Finding {
            severity: Severity::None,
            labels: labels(&key, Severity::None, &BTreeMap::new(), None),
            started_at: now,
            summary: "ssowatch is alive.".into(),
            description: "This alert always fires. When it stops arriving, ssowatch is down or cannot reach you.".into(),
            evidence: Evidence::default(),
            reach: Reach::default(),
            worst: Worst::Unknown,
        };
        let phase = Phase::Firing { clear_since: None };
        self.memory.alerts.move_to(key, phase, None, Some(finding), now);
    }

    /// Ends alerts that no rule stands behind any more.
    pub(super) fn drop_unknown_alerts(&mut self) {
        let gone: Vec<Key> =
            self.memory.alerts.open().filter(|key| !self.stands(key)).cloned().collect();
        for key in gone {
            self.memory.alerts.unwatch(&key, Unwatched::Removed, self.memory.now);
        }
    }

    /// Whether something of the configuration stands behind an alert.
    fn stands(&self, key: &Key) -> bool {
        let built_in = |name: &str| {
            let detected = self.config.detection.is_some() && page::ALERTNAMES.contains(&name);
            detected
                || name == WATCHDOG
                || [certificate::ALERTNAME, drift::ALERTNAME].contains(&name)
        };
        match &key.scope {
            Scope::Limit(limit) => Edge::declares(&self.config.edge, limit),
            Scope::Tier(_) => self.config.detection.is_some(),
            Scope::Sink(sink) => self.config.sinks.contains(sink),
            Scope::Source(source) => {
                self.config.sources.iter().any(|known| *known.as_str() == **source)
            }
            _ => self.rule(key).is_some() || built_in(&key.alertname),
        }
    }

    fn rule(&self, key: &Key) -> Option<&Rule> {
        let kind = kind(&key.scope)?;
        self.config.rules.iter().find(|rule| rule.name == key.alertname && rule.scope == kind)
    }

    /// Looks at every scope that changed since the last look, and at every alert that moves on by itself.
    pub(super) fn look(&mut self) {
        self.stirred = false;
        let mut places = std::mem::take(&mut self.dirty);
        let due = self.memory.alerts.due(self.memory.now);
        places.extend(due.iter().filter_map(|scope| self.place(scope)));
        if places.is_empty() {
            return;
        }
        let rules = std::mem::take(&mut self.config.rules);
        for place in places {
            for rule in rules.iter().filter(|rule| rule.scope == place.kind()) {
                self.look_at(rule, place);
            }
        }
        self.config.rules = rules;
    }

    fn look_at(&mut self, rule: &Rule, place: Place) {
        let now = self.memory.now;
        let key = Key { alertname: rule.name.clone(), scope: self.scope(place) };
        let before = self.memory.alerts.phase(&key);
        let meets = |at, fires| Some((at, self.meets(rule, at, place, fires)?));
        let met = rule.conditions.iter().find_map(|at| meets(at, false));
        // What is too little to say that there is trouble is too little to say that it is over. The words stay those of enough.
        let fires = matches!(before, Phase::Firing { .. }) && !rule.op.looks_for_little();
        let goes_on = || fires && rule.conditions.iter().any(|at| meets(at, true).is_some());
        let holds = met.is_some() || goes_on();
        let mut phase = before.next(holds, now, rule.hold);
        // What did not arrive while nobody listened ends nothing: it is clear from when somebody listens again.
        if let (false, Phase::Firing { .. }, Some(until)) = (holds, before, self.unheard_until) {
            phase = Phase::Firing { clear_since: Some(until) };
        }
        let begins =
            matches!(phase, Phase::Firing { .. }) && !matches!(before, Phase::Firing { .. });
        let held = begins && met.is_some_and(|(at, _)| self.is_held(rule, at, place));
        if held {
            phase = if before == Phase::Inactive { Phase::Pending { since: now } } else { before };
        }
        if phase == Phase::Inactive && before == Phase::Inactive {
            return;
        }
        let said = self.memory.alerts.incident(&key).map(|incident| &incident.evidence);
        if phase == Phase::Inactive && said.is_some_and(|evidence| !rule.compares(evidence)) {
            return self.memory.alerts.unwatch(&key, Unwatched::Changed, now);
        }
        self.note_course(rule, place, &key, (before, phase));
        let finding = met.map(|(at, value)| self.finding(rule, at, place, &key, value));
        // What is announced is looked at again until its window ends.
        let deadline = if held { Some(now.plus_millis(1_000)) } else { phase.deadline(rule.hold) };
        self.memory.alerts.move_to(key, phase, deadline, finding, now);
    }

    /// Whether nobody is to be paged, for the trouble was announced.
    fn is_held(&self, rule: &Rule, at: &Condition, place: Place) -> bool {
        let carriers = self.carriers(rule, at.window_seconds, place).into_iter();
        let carriers = carriers.map(|(index, bad)| (index, u32::try_from(bad).unwrap_or(u32::MAX)));
        rule.severity == Severity::Page && self.is_expected(place, &carriers.collect::<Vec<_>>())
    }

    /// The value with which a condition of the rule is met: with all its minimums, unless it `fires`.
    fn meets(&self, rule: &Rule, at: &Condition, place: Place, fires: bool) -> Option<f64> {
        let value = if fires {
            rule.metric.of(&self.counts(at.window_seconds, place), 1)
        } else {
            self.value(rule, at, place)
        };
        let value = value.filter(|value| rule.op.holds(*value, at.value))?;
        let goes_on = at.short_seconds.is_none_or(|seconds| {
            let short = rule.metric.of(&self.counts(seconds, place), 1);
            short.is_some_and(|value| rule.op.holds(value, at.value))
        });
        (goes_on && (fires || self.is_broad(rule, at.window_seconds, place))).then_some(value)
    }

    fn value(&self, rule: &Rule, at: &Condition, place: Place) -> Option<f64> {
        let counts = self.counts(at.window_seconds, place);
        let tally = self.memory.tally(place);
        if rule.op.looks_for_little() {
            // Without traffic in the last hour (or in the rule's window, if that is longer) there is nothing to miss.
            let hour = tally.windows[1].sum().finished();
            let traffic = hour.max(counts.finished());
            if traffic < rule.min_attempts.max(1) {
                return None;
            }
        }
        rule.metric.of(&counts, rule.min_attempts)
    }

    fn window(&self, seconds: u32, place: Place) -> &Sliding {
        let window = self.lengths.iter().position(|length| *length == seconds);
        &self.memory.tally(place).windows[window.expect("every rule has its windows")]
    }

    fn counts(&self, seconds: u32, place: Place) -> Counts {
        self.window(seconds, place).sum()
    }

    /// Whether enough people, and enough connections, carry it in a window of so many seconds.
    fn is_broad(&self, rule: &Rule, seconds: u32, place: Place) -> bool {
        if rule.min_users <= 1 && rule.min_connections <= 1 {
            return true;
        }
        let carriers = self.carriers(rule, seconds, place);
        if rule.min_users > 1 && self.users(rule, seconds, &carriers) < rule.min_users {
            return false;
        }
        if rule.min_connections <= 1 {
            return true;
        }
        let total: u64 = carriers.iter().map(|(_, bad)| bad).sum();
        let largest = carriers.first().map_or(0, |(_, bad)| *bad);
        carriers.len() >= rule.min_connections && largest * 2 <= total
    }

    /// The connections with anything bad in the window, worst first.
    fn carriers(&self, rule: &Rule, seconds: u32, place: Place) -> Vec<(u32, u64)> {
        let members: Vec<u32> = match place {
            Place::Connection(index) => vec![index],
            Place::Provider(_) | Place::Fleet => self.memory.connection_indices().collect(),
        };
        let mut carriers: Vec<(u32, u64)> = members
            .into_iter()
            .filter(|index| match place {
                Place::Provider(provider) => {
                    self.memory.connections[*index as usize].provider == provider
                }
                Place::Connection(_) | Place::Fleet => true,
            })
            .map(|index| (index, rule.metric.bad(&self.counts(seconds, Place::Connection(index)))))
            .filter(|(_, bad)| *bad > 0)
            .collect();
        carriers.sort_by_key(|(index, bad)| (std::cmp::Reverse(*bad), *index));
        carriers
    }

    /// Distinct people among the bad of these connections.
    fn users(&self, rule: &Rule, seconds: u32, carriers: &[(u32, u64)]) -> u64 {
        let Some(trouble) = rule.metric.trouble() else { return 0 };
        let since = self.window(seconds, Place::Fleet).since(self.memory.now);
        let connections =
            carriers.iter().map(|(index, _)| &self.memory.connections[*index as usize]);
        let people: BTreeSet<_> =
            connections.flat_map(|connection| connection.people.since(trouble, since)).collect();
        people.len() as u64
    }
}

/// The labels of an alert: its own, what its scope names, and the operator's.
pub(super) fn labels(
    key: &Key,
    severity: Severity,
    own: &BTreeMap<Box<str>, Box<str>>,
    connection: Option<&Connection>,
) -> BTreeMap<Box<str>, Box<str>> {
    let mut labels = own.clone();
    let mut set = |name: &str, value: &str| drop(labels.insert(name.into(), value.into()));
    set("alertname", &key.alertname);
    set("severity", severity.as_str());
    set("scope", key.scope.as_str());
    match &key.scope {
        Scope::Connection(id) => {
            set("connection_id", id.as_ref().map_or("unknown", ConnectionId::as_str));
            let info = connection.and_then(|connection| connection.info.as_deref());
            if let Some(organization) = info.and_then(|info| info.organization_id.as_ref()) {
                set("organization_id", organization.as_str());
            }
            if let Some(kind) = info.and_then(|info| info.connection_type.as_deref()) {
                set("connection_type", kind);
            }
        }
        Scope::ConnectionType(kind) => set("connection_type", kind),
        Scope::Source(source) => set("source", source),
        Scope::Sink(sink) => set("sink", sink),
        Scope::Tier(tier) => set("tier", tier),
        Scope::Limit(limit) => set("limit", limit),
        Scope::Fleet | Scope::None => {}
    }
    labels
}

/// The moment, in words for a description.
pub(super) fn day(at: Timestamp) -> String {
    at.to_rfc3339_seconds().replace('T', " ").replace('Z', " UTC")
}
