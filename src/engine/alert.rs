//! Alerts that are pending or firing, and the incidents that they leave.

mod ending;
mod growing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::causes::Causes;
use super::identity::{dedup_key, dedup_key_of, identity};
use super::marker::Markers;
use super::rule::Phase;
use super::silence::Silences;
use super::window::Sliding;
use super::worst::{Progress, Worst};
use crate::event::{Marker, Silence, Timestamp, Told};
use crate::signal::{
    Course, Evidence, Happened, Incident, Reach, Scope, Severity, State, Transition,
};

/// Alerts that are pending or firing at most, so that a broken rule cannot fill the memory.
const OPEN_MAX: usize = 10_000;

/// What an alert is about: the alert's name and its scope.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) alertname: Box<str>,
    pub(super) scope: Scope,
}

/// What an alert says now.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    pub(super) labels: BTreeMap<Box<str>, Box<str>>,
    pub(super) started_at: Timestamp,
    pub(super) summary: String,
    pub(super) description: String,
    pub(super) evidence: Evidence,
    pub(super) reach: Reach,
    /// How bad it was at its worst.
    pub(super) worst: Worst,
}

/// All of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Alerts {
    open: BTreeMap<Key, Alert>,
    /// Those of the open ones that move on by themselves, and when.
    deadlines: BTreeSet<(Timestamp, Key)>,
    /// Pending, firing and resolved ones, by id.
    incidents: BTreeMap<Box<str>, Arc<Incident>>,
    silences: Silences,
    markers: Markers,
    #[serde(skip)]
    transitions: Vec<Transition>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Alert {
    phase: Phase,
    deadline: Option<Timestamp>,
    incident: Box<str>,
    progress: Progress,
    /// Stands behind all else in a checkpoint.
    #[serde(skip)]
    causes: Causes,
}

impl Alerts {
    /// Where the alert stands.
    pub(super) fn phase(&self, key: &Key) -> Phase {
        self.open.get(key).map_or(Phase::Inactive, |alert| alert.phase)
    }

    /// When the trouble began that the alert is pending or firing for.
    pub(super) fn started_at(&self, key: &Key) -> Option<Timestamp> {
        let alert = self.open.get(key)?;
        self.incidents.get(&alert.incident).map(|incident| incident.started_at)
    }

    /// What is settled of why sign-ins failed since an open alert's trouble began.
    pub(super) fn causes(&self, key: &Key) -> Option<&Causes> {
        self.open.get(key).map(|alert| &alert.causes)
    }

    /// Settles that further.
    pub(super) fn settle_causes(&mut self, key: &Key, hour: &Sliding, now: Timestamp) {
        let Some(began) = self.started_at(key) else { return };
        if let Some(alert) = self.open.get_mut(key) {
            alert.causes.settle(hour, began, now);
        }
    }

    /// The same of every open alert.
    pub(super) fn causes_of_all(&self) -> Vec<(&Key, &Causes)> {
        let all = self.open.iter().map(|(key, alert)| (key, &alert.causes));
        all.filter(|(_, causes)| **causes != Causes::default()).collect()
    }

    /// Takes over [`Alerts::causes_of_all`].
    pub(super) fn know_causes(&mut self, known: Vec<(Key, Causes)>) {
        for (key, causes) in known {
            if let Some(alert) = self.open.get_mut(&key) {
                alert.causes = causes;
            }
        }
    }

    /// Pending and firing ones.
    pub(super) fn open(&self) -> impl Iterator<Item = &Key> {
        self.open.keys()
    }

    /// When the next one moves on by itself.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Those that move on by themselves at `now`.
    pub(super) fn due(&self, now: Timestamp) -> Vec<Scope> {
        let due = self.deadlines.iter().take_while(|(deadline, _)| *deadline <= now);
        due.map(|(_, key)| key.scope.clone()).collect()
    }

    /// Moves the alert to `phase`, in which it stays until `deadline` at most if nothing happens; `finding` is what it says
    /// while the condition holds.
    pub(super) fn move_to(
        &mut self,
        key: Key,
        phase: Phase,
        deadline: Option<Timestamp>,
        finding: Option<Finding>,
        now: Timestamp,
    ) {
        let open = self.open.get(&key);
        match (phase, open) {
            (Phase::Inactive, None) => {}
            (Phase::Inactive, Some(_)) => self.end(&key, now),
            (Phase::Pending { .. } | Phase::Firing { .. }, _) => {
                self.hold(key, phase, deadline, finding, now);
            }
        }
    }

    fn hold(
        &mut self,
        key: Key,
        phase: Phase,
        deadline: Option<Timestamp>,
        finding: Option<Finding>,
        now: Timestamp,
    ) {
        let known = self.open.get(&key);
        if known.is_none() && self.open.len() >= OPEN_MAX {
            return;
        }
        let id = known.map_or_else(|| identity(&key, now), |alert| alert.incident.clone());
        let mut progress = known.map(|alert| alert.progress.clone()).unwrap_or_default();
        let causes = known.map(|alert| alert.causes.clone()).unwrap_or_default();
        let before = self.incidents.get(&id);
        let mut incident = match (before, &finding) {
            (Some(before), _) => Incident::clone(before),
            (None, Some(finding)) => begin(&key, &id, self.fingerprint(&key, now), finding),
            (None, None) => return,
        };
        let mut rises = false;
        if let Some(finding) = finding {
            rises = finding.severity > incident.severity;
            if rises {
                // A page's numbers are those since its own onset, and not since that of a small trouble before it.
                incident.started_at = finding.started_at;
            }
            let fired = incident.fired_at.is_some();
            if fired && finding.severity != incident.severity {
                incident.course.add(now, Happened::Became(finding.severity));
            }
            let worst = progress.take(finding.worst, incident.started_at, now);
            let people = finding.evidence.users.unwrap_or(0);
            incident.course.reaches(finding.reach, people, worst);
            incident.severity = finding.severity;
            // What is learned of a connection meanwhile changes no label: receivers know an alert by its labels.
            let severity = finding.severity.as_str().into();
            incident.labels.insert("severity".into(), severity);
            incident.summary = finding.summary;
            incident.description = finding.description;
            incident.evidence = finding.evidence;
            self.markers.explain(&mut incident);
        }
        let fires = matches!(phase, Phase::Firing { .. });
        let first = fires && incident.fired_at.is_none();
        if first {
            incident.fired_at = Some(now);
            incident.state = State::Firing;
            incident.course.add(now, Happened::Known(incident.severity));
            self.silences.note(&mut incident, now);
        }
        if before.is_none_or(|before| **before != incident) {
            let incident = Arc::new(incident);
            if first || (rises && fires) {
                self.transitions.push(Transition { at: now, incident: Arc::clone(&incident) });
            }
            self.incidents.insert(id.clone(), incident);
        }
        let alert = Alert { phase, deadline, incident: id, progress, causes };
        let before = self.open.insert(key.clone(), alert);
        self.plan(key, before.and_then(|alert| alert.deadline), deadline);
    }

    /// By which receivers know a new incident. One that began under this name and goes on under another has its fingerprint still.
    fn fingerprint(&self, key: &Key, now: Timestamp) -> Box<str> {
        let own = dedup_key(key);
        let of = |alert: &Alert| self.incidents.get(&alert.incident);
        let mut open = self.open.values().filter_map(of);
        let taken = open.any(|incident| *incident.fingerprint == *own);
        if taken { dedup_key_of(key, now) } else { own.into() }
    }

    fn plan(&mut self, key: Key, before: Option<Timestamp>, after: Option<Timestamp>) {
        if before == after {
            return;
        }
        if let Some(at) = before {
            self.deadlines.remove(&(at, key.clone()));
        }
        if let Some(at) = after {
            self.deadlines.insert((at, key));
        }
    }

    /// What an open alert says, if it says anything.
    pub(super) fn incident(&self, key: &Key) -> Option<&Incident> {
        let alert = self.open.get(key)?;
        self.incidents.get(&alert.incident).map(AsRef::as_ref)
    }

    /// A receiver was told of the newest incident with that fingerprint; an end, of the newest that is over: the next one may fire already.
    pub(super) fn told(&mut self, told: &Told) {
        let named = self.incidents.values_mut();
        let named = named.filter(|incident| incident.fingerprint == told.fingerprint);
        let rank = |incident: &&mut Arc<Incident>| {
            let is_over = incident.state == State::Resolved;
            (!told.open && is_over, incident.fired_at)
        };
        let Some(incident) = named.max_by_key(rank) else { return };
        let receiver = told.receiver.clone();
        let what =
            if told.open { Happened::ToldOpen(receiver) } else { Happened::ToldOver(receiver) };
        Arc::make_mut(incident).course.add(told.at, what);
    }

    /// Takes over a silence, or its end, and notes it with the incidents that fire.
    pub(super) fn silence(&mut self, silence: &Silence, now: Timestamp) {
        if !self.silences.take(silence, now) {
            return;
        }
        for incident in self.firing().filter(|incident| silence.covers(&incident.labels)) {
            let what = if silence.lasts(now) {
                super::silence::step(silence)
            } else {
                Happened::Unsilenced
            };
            Arc::make_mut(incident).course.add(now, what);
        }
    }

    /// Takes over marked work, and tells it with the incidents that fire.
    pub(super) fn mark(&mut self, marker: &Marker, now: Timestamp) {
        self.markers.take(marker, now);
        let Self { open, incidents, markers, .. } = self;
        for alert in open.values() {
            if let Some(incident) = incidents.get_mut(&alert.incident) {
                markers.explain(Arc::make_mut(incident));
            }
        }
    }

    fn firing(&mut self) -> impl Iterator<Item = &mut Arc<Incident>> {
        self.incidents.values_mut().filter(|incident| incident.state == State::Firing)
    }

    /// Silences, in order of their beginning.
    pub(super) fn silences(&self) -> Vec<Arc<Silence>> {
        self.silences.list()
    }

    /// Marked work, in order of its beginning.
    pub(super) fn markers(&self) -> Vec<Arc<Marker>> {
        self.markers.list()
    }

    /// What began to fire, became more urgent or was resolved since the last call.
    pub(super) fn transitions(&mut self) -> Vec<Transition> {
        std::mem::take(&mut self.transitions)
    }

    /// All incidents, in order of their beginning.
    pub(super) fn incidents(&self) -> Vec<Arc<Incident>> {
        let mut incidents: Vec<_> = self.incidents.values().cloned().collect();
        incidents.sort_by(|a, b| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)));
        incidents
    }
}

fn begin(key: &Key, id: &str, fingerprint: Box<str>, finding: &Finding) -> Incident {
    Incident {
        id: id.into(),
        fingerprint,
        alertname: key.alertname.clone(),
        severity: finding.severity,
        scope: key.scope.clone(),
        labels: finding.labels.clone(),
        state: State::Pending,
        started_at: finding.started_at,
        fired_at: None,
        resolved_at: None,
        summary: String::new(),
        description: String::new(),
        evidence: Evidence::default(),
        course: Course::default(),
        parts: Vec::new(),
        part_of: None,
    }
}
