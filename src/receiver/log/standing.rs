//! How one incident stands with a receiver, and what is owed for it: one decision, whatever else the receiver was told.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::Timestamp;
use crate::receiver::Repeat;
use crate::signal::{Course, Evidence, Incident, Scope, Severity, State};

/// What goes on as another alert is told so long after it was told last at the earliest: a customer's trouble that turns out to be a
/// provider's is that of all some seconds later.
const SETTLE_MILLIS: i64 = 60_000;

/// Why something is said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reason {
    /// It fires.
    Opened,
    /// It became more urgent.
    Escalated,
    /// It goes on as another alert: wider as a rule, or a part that explains the whole.
    Grew,
    /// It is over.
    Closed,
    /// Nothing has changed; the receiver forgets what it does not hear again.
    StillOpen,
}

impl Reason {
    /// As a word of the webhook's body.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Escalated => "escalated",
            Self::Grew => "grew",
            Self::Closed => "closed",
            Self::StillOpen => "still_open",
        }
    }
}

/// How an incident stands with a receiver.
#[derive(Clone, PartialEq, Debug)]
pub enum Standing {
    /// It was told that it is open, and knew it last as this incident.
    Open {
        /// When it was told last.
        at: Timestamp,
        /// When the incident that it was told of began to fire, or, after a restart, when it was told: what fires later is
        /// another one.
        since: Timestamp,
        /// What it was told; not known after a restart until the incident is seen.
        told: Option<Form>,
        /// The incident as it was told, with its last numbers; not known after a restart until it is seen so.
        incident: Option<Arc<Incident>>,
    },
    /// It may have been told that it is open: no good answer came.
    Unsure,
    /// It was told that it is over.
    Closed {
        /// When it was told last.
        at: Timestamp,
        /// What was told; not known after a restart.
        end: Option<Arc<Incident>>,
    },
    /// It refused to hear of the incident with this id.
    Refused {
        /// Its id.
        incident: Box<str>,
    },
}

/// What was told of an incident that goes on: of which alert, and how urgent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Form {
    /// Name and scope; `None`: of another one than it is now.
    pub(super) alert: Option<(Box<str>, Scope)>,
    pub(super) severity: Severity,
}

impl Form {
    /// As it is now.
    pub(super) fn of(incident: &Incident) -> Self {
        let alert = (incident.alertname.clone(), incident.scope.clone());
        Self { alert: Some(alert), severity: incident.severity }
    }

    /// Whether it is of the alert that the incident is now.
    pub(super) fn is_of(&self, incident: &Incident) -> bool {
        let alert = self.alert.as_ref();
        alert.is_some_and(|(name, scope)| *name == incident.alertname && *scope == incident.scope)
    }

    /// As it was when somebody was told at `at`.
    pub(super) fn at(incident: &Incident, at: Timestamp) -> Self {
        let now = Self::of(incident);
        Self {
            alert: now.alert.filter(|_| !incident.course.renamed_since(at)),
            severity: incident.course.severity_at(at).unwrap_or(incident.severity),
        }
    }
}

/// Something that is owed.
#[derive(Clone, PartialEq, Debug)]
pub struct Owed {
    /// About what. One that is not known any more has its fingerprint and not much else.
    pub incident: Arc<Incident>,
    /// Why.
    pub reason: Reason,
}

/// What is owed for one incident.
#[must_use]
pub fn owes(
    standing: Option<&Standing>,
    incident: &Incident,
    now: Timestamp,
    repeat: Option<Repeat>,
) -> Option<Reason> {
    let due = |at: Timestamp| repeat.is_some_and(|repeat| is_due(at, now, repeat.every_millis));
    match (incident.state, standing) {
        (State::Pending, _) | (State::Resolved, None | Some(Standing::Refused { .. })) => None,
        (State::Firing, None | Some(Standing::Closed { .. } | Standing::Unsure)) => {
            Some(Reason::Opened)
        }
        (State::Firing, Some(Standing::Refused { incident: refused })) => {
            (*refused != incident.id).then_some(Reason::Opened)
        }
        (State::Firing, Some(Standing::Open { since, .. })) if is_later(incident, *since) => {
            Some(Reason::Opened)
        }
        (State::Firing, Some(Standing::Open { at, told, .. })) => {
            if told.as_ref().is_some_and(|told| told.severity < incident.severity) {
                return Some(Reason::Escalated);
            }
            let other = told.as_ref().is_some_and(|told| !told.is_of(incident));
            if other && is_due(*at, now, SETTLE_MILLIS) {
                return Some(Reason::Grew);
            }
            due(*at).then_some(Reason::StillOpen)
        }
        (State::Resolved, Some(Standing::Open { .. } | Standing::Unsure)) => Some(Reason::Closed),
        (State::Resolved, Some(Standing::Closed { at, .. })) => {
            let closed_for = repeat.map_or(0, |repeat| repeat.closed_for_millis);
            let fresh = |end: Timestamp| now.millis_since(end) < closed_for;
            (incident.resolved_at.is_some_and(fresh) && due(*at)).then_some(Reason::Closed)
        }
    }
}

/// What is due of what is open while its news is held back: a receiver that forgets would say that the trouble is over.
pub(super) fn reminder(
    standing: Option<&Standing>,
    now: Timestamp,
    repeat: Option<Repeat>,
) -> Option<Reason> {
    let Some(Standing::Open { at, .. }) = standing else { return None };
    let due = repeat.is_some_and(|repeat| is_due(*at, now, repeat.every_millis));
    due.then_some(Reason::StillOpen)
}

/// Whether `incident` began to fire after the one that began at `since`.
pub(super) fn is_later(incident: &Incident, since: Timestamp) -> bool {
    incident.fired_at.is_some_and(|fired| fired > since)
}

/// Whether something that was told at `at` is to be told again. A clock that was set back must not keep it
/// waiting.
fn is_due(at: Timestamp, now: Timestamp, every_millis: i64) -> bool {
    !(0..every_millis).contains(&now.millis_since(at))
}

impl Standing {
    /// Whether what it was told is of another alert than the incident is now.
    fn is_of_another(&self, incident: &Incident) -> bool {
        match self {
            Self::Open { told, .. } => told.as_ref().is_some_and(|told| !told.is_of(incident)),
            Self::Closed { end, .. } => end.as_ref().is_some_and(|end| {
                (&end.alertname, &end.scope) != (&incident.alertname, &incident.scope)
            }),
            Self::Unsure | Self::Refused { .. } => false,
        }
    }

    /// Whether what is open is known, and another incident.
    pub(super) fn is_of_other_than(&self, incident: &Incident) -> bool {
        matches!(self, Self::Open { incident: Some(known), .. } if known.id != incident.id)
    }

    /// Whether what it was told is less urgent than the incident is now.
    fn is_less_than(&self, incident: &Incident) -> bool {
        let Self::Open { told: Some(told), .. } = self else { return false };
        told.severity < incident.severity
    }

    /// `incident` in the words of what it was told: for a reminder, or an end. Nobody hears of what the incident has become, and
    /// what they were not told of. `None`: those are not known any more.
    pub(super) fn in_its_words(
        &self,
        incident: &Arc<Incident>,
        wanted: bool,
        now: Timestamp,
    ) -> Option<Arc<Incident>> {
        let firing = incident.state == State::Firing;
        let is_so = !self.is_of_another(incident);
        if is_so && (!firing || !self.is_less_than(incident)) {
            return Some(Arc::clone(incident));
        }
        let (Self::Open { incident: known, .. } | Self::Closed { end: known, .. }) = self else {
            return Some(Arc::clone(incident));
        };
        if firing || matches!(self, Self::Closed { .. }) {
            return known.clone();
        }
        if known.is_none() && wanted {
            return Some(Arc::clone(incident));
        }
        let mut end = forgotten(&incident.fingerprint, known.as_deref(), now);
        end.resolved_at = incident.resolved_at;
        if let Some(wider) = incident.course.joined() {
            end.join(wider, incident.resolved_at.unwrap_or(now));
        }
        Some(Arc::new(end))
    }

    /// The end of what was told as open, where `owed` is a later beginning that is not told.
    pub(super) fn end_before(&self, owed: &Owed, now: Timestamp) -> Option<Owed> {
        let Self::Open { incident, .. } = self else { return None };
        let ended = || forgotten(&owed.incident.fingerprint, incident.as_deref(), now);
        (owed.reason == Reason::Opened)
            .then(|| Owed { incident: Arc::new(ended()), reason: Reason::Closed })
    }
}

/// What can be said of the end of an incident that is not known any more.
pub(super) fn forgotten(fingerprint: &str, last: Option<&Incident>, now: Timestamp) -> Incident {
    let mut incident = last.cloned().unwrap_or_else(|| Incident {
        id: fingerprint.into(),
        fingerprint: fingerprint.into(),
        alertname: "Forgotten".into(),
        severity: Severity::None,
        scope: Scope::None,
        labels: BTreeMap::new(),
        state: State::Resolved,
        started_at: now,
        fired_at: None,
        resolved_at: None,
        summary: format!("The incident {fingerprint} is not known any more and counts as over."),
        description: String::new(),
        evidence: Evidence::default(),
        course: Course::default(),
        parts: Vec::new(),
        part_of: None,
    });
    incident.state = State::Resolved;
    incident.resolved_at = incident.resolved_at.or(Some(now));
    incident
}
