//! What one receiver was told, and what it is owed. Pure.
//!
//! Nothing is queued: what is owed follows from the difference between what fires and what was told, so that
//! nothing is forgotten in a restart, nothing is said twice, and a receiver that was down hears how things
//! stand, not how they went.
//!
//! - What fires and was not told is owed as opened; what was told as open and is over, as closed.
//! - Pending incidents are told to nobody, and neither is what was over before it could be told.
//! - What was told as open and is not known any more is closed.
//! - What may have been told (no answer came, or the daemon died before it wrote the answer down) and is over is closed
//!   where an end of nothing does no harm: nobody else would ever close it.
//! - What a receiver refused for good is not offered again, and its end is not told.
//! - What fires again before its end could be told is owed as opened once more: an end that was not answered may have been
//!   acted on. The end before is then not told, unless nobody wants to hear of the new beginning, or it would be taken for more
//!   of the same.
//! - What is part of another incident that it is told of is told with that one.
//! - While a silence covers it, neither a beginning nor a rise is told; what still fires when the silence ends is.
//! - A ticket that becomes a page is told again, and so is what goes on as another alert. What was told is kept in memory; after a
//!   restart the incident's own story says how it was when it was told.
//! - Who wanted to hear of what an incident was, and not of what it has become, hears its end in the words of what it was.

mod standing;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::standing::{Form, forgotten, is_later, reminder};
pub use self::standing::{Owed, Reason, Standing, owes};
use super::{Audience, Repeat};
use crate::event::{Silence, Timestamp};
use crate::signal::{Incident, State};

/// How long after its end an incident may still be open with a receiver that was told by a process that died: less than what
/// was told is remembered, so that an end which was told is not told again.
const RECALL_MILLIS: i64 = 23 * 3600 * 1000;

/// What one receiver was told, by fingerprint. Holds no more than is open or known to the snapshot.
#[derive(Clone, Debug, Default)]
pub struct Log(BTreeMap<Box<str>, Standing>);

impl Log {
    /// What was told before a restart: by fingerprint, whether it is open, and when.
    #[must_use]
    pub fn new(told: &BTreeMap<Box<str>, (bool, Timestamp)>) -> Self {
        // Earlier builds had the mark of PagerDuty's key here.
        let told = told.iter().filter(|(name, _)| !name.starts_with("destination:"));
        let standing = |(open, at): (bool, Timestamp)| {
            if open {
                Standing::Open { at, since: at, told: None, incident: None }
            } else {
                Standing::Closed { at, end: None }
            }
        };
        Self(told.map(|(name, told)| (name.clone(), standing(*told))).collect())
    }

    /// How many incidents it was told are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.0.values().filter(|standing| matches!(standing, Standing::Open { .. })).count()
    }

    /// Whether nothing that it was told, or offered, can still be open.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.0.values().all(|standing| matches!(standing, Standing::Closed { .. }))
    }

    /// Another place is told from now on, which knows of nothing: what fires is owed to it as opened, and of what is over
    /// nothing.
    pub fn leave(&mut self, now: Timestamp) {
        for standing in self.0.values_mut() {
            if !matches!(standing, Standing::Closed { .. }) {
                *standing = Standing::Closed { at: now, end: None };
            }
        }
    }

    /// All that is owed now, most urgent first. Also notes how the incidents are that were told, and forgets
    /// those that nobody speaks of any more.
    pub fn owed(
        &mut self,
        incidents: &[Arc<Incident>],
        audience: &Audience,
        silences: &[Arc<Silence>],
        now: Timestamp,
        repeat: Option<Repeat>,
    ) -> Vec<Owed> {
        let newest = newest(incidents);
        let gone = self.observe(&newest, now);
        let mut owed: Vec<Owed> = newest
            .values()
            .filter_map(|incident| {
                let standing = self.0.get(&incident.fingerprint);
                let reason = owes(standing, incident, now, repeat)?;
                let owed = Owed { incident: Arc::clone(incident), reason };
                // What it was told of, it hears the end of, whatever it wants to hear now. And one that forgets what it does
                // not hear again is reminded in spite of a silence: it would say that the trouble is over.
                let is_news = matches!(reason, Reason::Opened | Reason::Escalated | Reason::Grew);
                let is_told = incident.part_of.is_none()
                    && audience.wants(incident)
                    && !is_quiet(incident, silences, now);
                if !is_news {
                    let wanted = audience.wants(incident);
                    return as_told(standing, incident, reason, wanted, now);
                }
                if is_told {
                    return Some(owed);
                }
                let end = standing.and_then(|standing| standing.end_before(&owed, now));
                end.or_else(|| {
                    let reason = reminder(standing, now, repeat)?;
                    as_told(standing, incident, reason, false, now)
                })
            })
            .chain(gone)
            .collect();
        if let Some(repeat) = repeat.filter(|_| !owed.is_empty()) {
            self.join_early(&newest, audience, now, repeat, &mut owed);
        }
        owed.sort_by(|a, b| {
            let urgency = |owed: &Owed| (owed.reason, Reverse(owed.incident.severity));
            (urgency(a), a.incident.fired_at, &a.incident.fingerprint).cmp(&(
                urgency(b),
                b.incident.fired_at,
                &b.incident.fingerprint,
            ))
        });
        owed
    }

    /// What is said before `owed` where it would be taken for what was told as open: the end of that.
    #[must_use]
    pub fn end_first(&self, owed: Owed, now: Timestamp) -> Owed {
        let standing = self.0.get(&owed.incident.fingerprint);
        // After a restart it is not known which one is open: a clock that was set back would make the same one ring twice.
        let other = standing.filter(|standing| standing.is_of_other_than(&owed.incident));
        other.and_then(|standing| standing.end_before(&owed, now)).unwrap_or(owed)
    }

    /// It was told, or (an end that nobody wants to hear) need not be.
    pub fn told(&mut self, owed: &Owed, now: Timestamp) {
        let standing = if owed.reason == Reason::Closed {
            Standing::Closed { at: now, end: Some(Arc::clone(&owed.incident)) }
        } else {
            let (told, incident) =
                (Some(Form::of(&owed.incident)), Some(Arc::clone(&owed.incident)));
            let since = owed.incident.fired_at.unwrap_or(now);
            Standing::Open { at: now, since, told, incident }
        };
        self.0.insert(owed.incident.fingerprint.clone(), standing);
    }

    /// The beginning of `incident` was refused for good: it is not offered again, and its end is not told.
    pub fn refused(&mut self, incident: &Incident) {
        let standing = Standing::Refused { incident: incident.id.clone() };
        self.0.insert(incident.fingerprint.clone(), standing);
    }

    /// Whether it was told of the beginning of `incident` is not known.
    pub fn unsure(&mut self, incident: &Incident) {
        let standing = self.0.entry(incident.fingerprint.clone()).or_insert(Standing::Unsure);
        // The one before it is open there for certain.
        if !matches!(standing, Standing::Open { .. }) {
            *standing = Standing::Unsure;
        }
    }

    /// After a start: of what is over and was not told, or only of an end before its own, a process that died before it could
    /// write that down may have told the beginning.
    pub fn recall(&mut self, incidents: &[Arc<Incident>], audience: &Audience, now: Timestamp) {
        for incident in newest(incidents).into_values() {
            let Some(end) = incident.resolved_at.filter(|_| incident.state == State::Resolved)
            else {
                continue;
            };
            let untold = match self.0.get(&incident.fingerprint) {
                None => true,
                Some(Standing::Closed { at, .. }) => *at < end,
                Some(_) => false,
            };
            if untold && now.millis_since(end) < RECALL_MILLIS && audience.wants(incident) {
                self.unsure(incident);
            }
        }
    }

    /// How an incident stands.
    #[must_use]
    pub fn standing(&self, fingerprint: &str) -> Option<&Standing> {
        self.0.get(fingerprint)
    }

    /// Notes the newest form of what is open; gives what is open and gone, and forgets what is over and gone.
    fn observe(&mut self, newest: &BTreeMap<&str, &Arc<Incident>>, now: Timestamp) -> Vec<Owed> {
        let mut gone = Vec::new();
        self.0.retain(|fingerprint, standing| {
            let seen = newest.get(&**fingerprint);
            let Standing::Open { at, since, told, incident } = standing else {
                return seen.is_some();
            };
            if let Some(seen) = seen {
                if is_later(seen, *since) {
                    return true;
                }
                let told = told.get_or_insert_with(|| Form::at(seen, *at));
                // What it has become is not what was told.
                if told.is_of(seen) && seen.severity <= told.severity {
                    *incident = Some(Arc::clone(seen));
                }
            } else {
                let incident = Arc::new(forgotten(fingerprint, incident.as_deref(), now));
                gone.push(Owed { incident, reason: Reason::Closed });
            }
            true
        });
        gone
    }

    /// When something is sent anyway, what is due soon goes along, so that all repeats fall into one request
    /// a minute.
    fn join_early(
        &self,
        newest: &BTreeMap<&str, &Arc<Incident>>,
        audience: &Audience,
        now: Timestamp,
        repeat: Repeat,
        owed: &mut Vec<Owed>,
    ) {
        let already: BTreeSet<Box<str>> =
            owed.iter().map(|owed| owed.incident.fingerprint.clone()).collect();
        let soon = Repeat { every_millis: repeat.every_millis / 2, ..repeat };
        for incident in newest.values().filter(|one| !already.contains(&one.fingerprint)) {
            let standing = self.0.get(&incident.fingerprint);
            let reason = owes(standing, incident, now, Some(soon));
            if let Some(reason @ (Reason::StillOpen | Reason::Closed)) = reason {
                owed.extend(as_told(standing, incident, reason, audience.wants(incident), now));
            }
        }
    }
}

/// A reminder, or an end, in the words of what was told.
fn as_told(
    standing: Option<&Standing>,
    incident: &Arc<Incident>,
    reason: Reason,
    wanted: bool,
    now: Timestamp,
) -> Option<Owed> {
    let own = standing.map(|standing| standing.in_its_words(incident, wanted, now));
    let incident = own.unwrap_or_else(|| Some(Arc::clone(incident)))?;
    Some(Owed { incident, reason })
}

/// Whether a silence covers `incident` at `now`.
pub(super) fn is_quiet(incident: &Incident, silences: &[Arc<Silence>], now: Timestamp) -> bool {
    silences.iter().any(|one| one.lasts(now) && one.covers(&incident.labels))
}

/// Of several incidents with one fingerprint: the one that fires, else the one that was resolved last.
fn newest(incidents: &[Arc<Incident>]) -> BTreeMap<&str, &Arc<Incident>> {
    let mut newest: BTreeMap<&str, &Arc<Incident>> = BTreeMap::new();
    let rank = |incident: &Incident| (incident.state == State::Firing, incident.resolved_at);
    for incident in incidents.iter().filter(|incident| incident.state != State::Pending) {
        let best = newest.entry(&incident.fingerprint).or_insert(incident);
        if rank(incident) >= rank(best) {
            *best = incident;
        }
    }
    newest
}

#[cfg(test)]
mod tests;
