//! Marked work, and which incidents began with it.

use std::fmt::Write;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::words::clock;
use crate::event::{Covers, Marker, Timestamp};
use crate::signal::{Happened, Incident, Scope};

/// Markers that are remembered at most: fifty deploys a day for a week and more.
const MARKERS_MAX: usize = 500;

/// How long one is remembered after its end.
const AGE_MILLIS: i64 = 7 * 86_400_000;

/// How long after the beginning of work, or during it, trouble begins that is told with it; and how long before, because the
/// beginning of trouble is estimated.
const AFTER_MILLIS: i64 = 15 * 60_000;
const BEFORE_MILLIS: i64 = 2 * 60_000;

/// Markers that an incident names at most: the last ones before it began.
const NAMED_MAX: usize = 3;

/// All that are remembered, in order of their beginning.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Markers(Vec<Arc<Marker>>);

impl Markers {
    /// Takes one over; the ones that ended longest ago make room.
    pub(super) fn take(&mut self, marker: &Marker, now: Timestamp) {
        let oldest = now.plus_millis(-AGE_MILLIS);
        let end = |known: &Marker| known.work.until.max(known.work.from);
        self.0.retain(|known| known.work.id != marker.work.id && end(known) >= oldest);
        if self.0.len() >= MARKERS_MAX {
            let ended = self.0.iter().enumerate().min_by_key(|(_, known)| end(known));
            if let Some((index, _)) = ended {
                self.0.remove(index);
            }
        }
        let place = self.0.partition_point(|known| known.work.from <= marker.work.from);
        self.0.insert(place, Arc::new(marker.clone()));
    }

    /// Adds to an incident's words and timeline what was marked about when it began.
    pub(super) fn explain(&self, incident: &mut Incident) {
        let near: Vec<_> = self.0.iter().rev().filter(|marker| is_near(marker, incident)).collect();
        let mut words = String::new();
        for marker in near.iter().take(NAMED_MAX) {
            let (work, gap) = (&marker.work, if words.is_empty() { "" } else { "; " });
            write!(
                words,
                "{gap}{} at {} ({})",
                work.note,
                clock(work.from, incident.started_at),
                marker.author
            )
            .expect("memory grows");
            let what = Happened::Marked { note: work.note.clone(), by: marker.author.clone() };
            if !incident.course.steps.iter().any(|step| step.what == what) {
                incident.course.add(work.from, what);
            }
        }
        if !words.is_empty() {
            let sentence = format!("It began about when work was marked: {words}.");
            if !incident.description.contains(&sentence) {
                incident.description = format!("{sentence} {}", incident.description);
            }
        }
    }

    /// All of them.
    pub(super) fn list(&self) -> Vec<Arc<Marker>> {
        self.0.clone()
    }
}

fn is_near(marker: &Marker, incident: &Incident) -> bool {
    let (began, work) = (incident.started_at, &marker.work);
    let last = work.until.max(work.from.plus_millis(AFTER_MILLIS));
    work.from.plus_millis(-BEFORE_MILLIS) <= began
        && began <= last
        && concerns(&work.covers, incident)
}

/// Whether the incident may have to do with what was worked on.
fn concerns(covers: &Covers, incident: &Incident) -> bool {
    let carries = |id: &str| incident.evidence.connections.iter().any(|(one, _)| **one == *id);
    match (covers, &incident.scope) {
        // ssowatch's own health, and what has no connections.
        (_, Scope::Source(_) | Scope::Sink(_) | Scope::None)
        | (Covers::Connections(_), Scope::Tier(_) | Scope::Limit(_)) => false,
        (Covers::All, _) => true,
        (Covers::Tier(name), Scope::Tier(own))
        | (Covers::ConnectionType(name), Scope::ConnectionType(own)) => name == own,
        (Covers::Tier(_), _) => false,
        (Covers::ConnectionType(name), _) => {
            incident.labels.get("connection_type").is_some_and(|own| own == name)
        }
        (Covers::Connections(ids), Scope::Connection(own)) => {
            own.as_ref().is_some_and(|own| ids.contains(own))
        }
        (Covers::Connections(ids), Scope::Fleet | Scope::ConnectionType(_)) => {
            ids.iter().any(|id| carries(id.as_str()))
        }
    }
}
