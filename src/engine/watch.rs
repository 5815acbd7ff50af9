//! Looks at thresholds: for the scopes that changed, and for the alerts that are pending or firing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::alert::{Finding, Key};
use super::certificate;
use super::rule::{Phase, Rule, ScopeKind};
use super::tally::{Bad, Connection, Tally};
use super::{Engine, is_failure, words};
use crate::event::{ConnectionId, Timestamp};
use crate::signal::{Counts, Evidence, Scope, Severity};

/// The alert that always fires: its absence means that ssowatch is down.
pub(super) const WATCHDOG: &str = "Watchdog";

/// Causes and connections that an alert names.
const CAUSES_MAX: usize = 5;
const CONNECTIONS_MAX: usize = 10;

/// A scope by its place in memory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Connection(u32),
    Provider(u32),
    Fleet,
}

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
        };
        self.memory.alerts.move_to(key, Phase::Firing { last_true: now }, Some(finding), now);
    }

    /// Whether an alert waits for time to pass.
    pub(super) fn has_thresholds_open(&self) -> bool {
        self.memory.alerts.open().any(|key| self.rule(key).is_some())
    }

    /// Ends alerts that no rule stands behind any more.
    pub(super) fn drop_unknown_alerts(&mut self) {
        let built_in = [WATCHDOG, certificate::ALERTNAME];
        let gone: Vec<Key> = self
            .memory
            .alerts
            .open()
            .filter(|key| self.rule(key).is_none() && !built_in.contains(&&*key.alertname))
            .cloned()
            .collect();
        for key in gone {
            self.memory.alerts.end(&key, self.memory.now);
        }
    }

    fn rule(&self, key: &Key) -> Option<&Rule> {
        let kind = kind(&key.scope)?;
        self.config.rules.iter().find(|rule| rule.name == key.alertname && rule.scope == kind)
    }

    /// Looks at every scope that changed since the last look, and at every alert that is pending or firing.
    pub(super) fn look(&mut self) {
        let dirty = self.dirty.drain();
        let fleet = std::mem::take(&mut self.fleet_dirty);
        let open = self.has_thresholds_open();
        if dirty.is_empty() && !fleet && !open {
            return;
        }
        let mut places: BTreeSet<Place> = BTreeSet::new();
        for index in dirty {
            places.insert(Place::Connection(index));
            places.insert(Place::Provider(self.memory.connections[index as usize].provider));
        }
        if fleet {
            places.insert(Place::Fleet);
        }
        if open {
            let keys: Vec<Scope> = self.memory.alerts.open().map(|key| key.scope.clone()).collect();
            places.extend(keys.into_iter().filter_map(|scope| self.place(&scope)));
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
        let value = self.value(rule, place);
        let holds = value.is_some_and(|value| rule.op.holds(value, rule.value))
            && self.is_broad(rule, place);
        let key = Key { alertname: rule.name.clone(), scope: self.scope(place) };
        let before = self.memory.alerts.phase(&key);
        let phase = before.next(holds, now, rule.hold);
        if phase == Phase::Inactive && before == Phase::Inactive {
            return;
        }
        let finding = value.filter(|_| holds).map(|value| self.finding(rule, place, &key, value));
        self.memory.alerts.move_to(key, phase, finding, now);
    }

    fn value(&self, rule: &Rule, place: Place) -> Option<f64> {
        let tally = self.tally(place);
        if rule.op.looks_for_little() {
            // Without traffic in the last hour (or in the rule's window, if that is longer) there is nothing to miss.
            let hour = tally.windows[1].sum().finished();
            let traffic = hour.max(self.counts(rule, place).finished());
            if traffic < rule.min_attempts.max(1) {
                return None;
            }
        }
        rule.metric.of(&self.counts(rule, place), rule.min_attempts)
    }

    fn counts(&self, rule: &Rule, place: Place) -> Counts {
        let window = self.lengths.iter().position(|seconds| *seconds == rule.window_seconds);
        self.tally(place).windows[window.expect("every rule has its window")].sum()
    }

    /// Whether enough people, and enough connections, carry it.
    fn is_broad(&self, rule: &Rule, place: Place) -> bool {
        if rule.min_users > 1 && self.users(rule, place) < rule.min_users {
            return false;
        }
        if rule.min_connections <= 1 {
            return true;
        }
        let carriers = self.carriers(rule, place);
        let total: u64 = carriers.iter().map(|(_, bad)| bad).sum();
        let largest = carriers.first().map_or(0, |(_, bad)| *bad);
        carriers.len() >= rule.min_connections && largest * 2 <= total
    }

    /// The connections with anything bad in the rule's window, worst first.
    fn carriers(&self, rule: &Rule, place: Place) -> Vec<(u32, u64)> {
        let members: Vec<u32> = match place {
            Place::Connection(index) => vec![index],
            Place::Provider(_) | Place::Fleet => self.memory.active.clone(),
        };
        let mut carriers: Vec<(u32, u64)> = members
            .into_iter()
            .filter(|index| match place {
                Place::Provider(provider) => {
                    self.memory.connections[*index as usize].provider == provider
                }
                Place::Connection(_) | Place::Fleet => true,
            })
            .map(|index| (index, rule.metric.bad(&self.counts(rule, Place::Connection(index)))))
            .filter(|(_, bad)| *bad > 0)
            .collect();
        carriers.sort_by_key(|(index, bad)| (std::cmp::Reverse(*bad), *index));
        carriers
    }

    /// Recent failures (time-outs) in the rule's window.
    fn recent<'a>(
        &'a self,
        rule: &Rule,
        connection: &'a Connection,
    ) -> impl Iterator<Item = &'a Bad> {
        let since = self.memory.now.plus_millis(-i64::from(rule.window_seconds) * 1000);
        let failure = is_failure(rule.metric);
        connection.recent.iter().filter(move |bad| bad.at > since && bad.cause.is_some() == failure)
    }

    /// Distinct people among the bad. Someone without a name counts as one person each time: a failed sign-in often ends
    /// before anybody is known.
    fn users(&self, rule: &Rule, place: Place) -> u64 {
        let mut known = BTreeSet::new();
        let mut nameless = 0;
        for (index, _) in self.carriers(rule, place) {
            for bad in self.recent(rule, &self.memory.connections[index as usize]) {
                match bad.user {
                    Some(user) => drop(known.insert(user)),
                    None => nameless += 1,
                }
            }
        }
        known.len() as u64 + nameless
    }

    fn finding(&self, rule: &Rule, place: Place, key: &Key, value: f64) -> Finding {
        let counts = self.counts(rule, place);
        let carriers = self.carriers(rule, place);
        let mut causes: BTreeMap<&Arc<str>, u64> = BTreeMap::new();
        let mut started_at = self.memory.now;
        for (index, _) in &carriers {
            for bad in self.recent(rule, &self.memory.connections[*index as usize]) {
                started_at = started_at.min(bad.at);
                if let Some(cause) = &bad.cause {
                    *causes.entry(cause).or_default() += 1;
                }
            }
        }
        let mut causes: Vec<_> =
            causes.into_iter().map(|(cause, count)| ((&**cause).into(), count)).collect();
        causes.sort_by(|a: &(Box<str>, u64), b| (b.1, &a.0).cmp(&(a.1, &b.0)));
        causes.truncate(CAUSES_MAX);
        let above = !matches!(place, Place::Connection(_));
        let carriers = carriers.iter().take(if above { CONNECTIONS_MAX } else { 0 });
        let connections = carriers.map(|(index, bad)| {
            let id = self.memory.connections[*index as usize].id.as_ref();
            (id.map_or("unknown", ConnectionId::as_str).into(), *bad)
        });
        // The words name the same beginning for as long as the incident lives.
        let started_at = self.memory.alerts.started_at(key).unwrap_or(started_at);
        let stalls = matches!(rule.metric, super::Metric::StalledRatio);
        let evidence = Evidence {
            attempts: if stalls { counts.started } else { counts.finished() },
            bad: rule.metric.bad(&counts),
            users: Some(self.users(rule, place)).filter(|users| *users > 0),
            value: Some(value),
            threshold: Some(rule.value),
            usual: None,
            window_seconds: Some(rule.window_seconds),
            causes,
            connections: connections.collect(),
        };
        let connection = match place {
            Place::Connection(index) => Some(&self.memory.connections[index as usize]),
            Place::Provider(_) | Place::Fleet => None,
        };
        Finding {
            severity: rule.severity,
            labels: labels(key, rule.severity, &rule.labels, connection),
            started_at,
            summary: words::summary(rule, &self.who(place), &evidence, started_at),
            description: words::description(rule, &evidence),
            evidence,
        }
    }

    fn tally(&self, place: Place) -> &Tally {
        match place {
            Place::Connection(index) => &self.memory.connections[index as usize].tally,
            Place::Provider(index) => &self.memory.providers[index as usize].tally,
            Place::Fleet => &self.memory.fleet,
        }
    }

    fn scope(&self, place: Place) -> Scope {
        match place {
            Place::Connection(index) => {
                Scope::Connection(self.memory.connections[index as usize].id.clone())
            }
            Place::Provider(index) => Scope::ConnectionType(
                (&*self.memory.providers[index as usize].connection_type).into(),
            ),
            Place::Fleet => Scope::Fleet,
        }
    }

    fn place(&mut self, scope: &Scope) -> Option<Place> {
        match scope {
            Scope::Connection(id) => Some(Place::Connection(self.memory.connection(id.as_ref()))),
            Scope::ConnectionType(name) => Some(Place::Provider(self.memory.provider(name))),
            Scope::Fleet => Some(Place::Fleet),
            Scope::Source(_) | Scope::Sink(_) | Scope::None => None,
        }
    }

    fn who(&self, place: Place) -> String {
        match place {
            Place::Connection(index) => who(&self.memory.connections[index as usize]),
            Place::Provider(index) => {
                format!("All {} connections", self.memory.providers[index as usize].connection_type)
            }
            Place::Fleet => "All connections".into(),
        }
    }
}

impl Place {
    fn kind(self) -> ScopeKind {
        match self {
            Self::Connection(_) => ScopeKind::Connection,
            Self::Provider(_) => ScopeKind::ConnectionType,
            Self::Fleet => ScopeKind::Fleet,
        }
    }
}

/// The kind of scope that a rule may look at; `None` for what no rule looks at.
fn kind(scope: &Scope) -> Option<ScopeKind> {
    match scope {
        Scope::Connection(_) => Some(ScopeKind::Connection),
        Scope::ConnectionType(_) => Some(ScopeKind::ConnectionType),
        Scope::Fleet => Some(ScopeKind::Fleet),
        Scope::Source(_) | Scope::Sink(_) | Scope::None => None,
    }
}

/// A connection as people call it.
pub(super) fn who(connection: &Connection) -> String {
    let id = connection.id.as_ref().map_or("sign-ins without a connection", ConnectionId::as_str);
    let info = connection.info.as_deref();
    let name = info.and_then(|info| info.organization_name.as_deref().or(info.name.as_deref()));
    name.map_or_else(|| id.to_owned(), |name| format!("{name} ({id})"))
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
        Scope::Fleet | Scope::None => {}
    }
    labels
}

/// The moment, in words for a description.
pub(super) fn day(at: Timestamp) -> String {
    at.to_rfc3339_seconds().replace('T', " ").replace('Z', " UTC")
}
