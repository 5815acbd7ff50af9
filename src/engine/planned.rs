//! Work that was announced: what it breaks is expected until it ends.

use serde::{Deserialize, Serialize};

use super::Engine;
use super::calendar::Place;
use super::detect::Telling;
use super::tally::Connection;
use crate::event::{Covers, Planned, Timestamp};

/// Announcements that are remembered at most.
const PLANNED_MAX: usize = 1_000;

/// How long one is remembered after its end.
const AGE_MILLIS: i64 = 7 * 86_400_000;

/// Share of those who carry trouble that must be covered for it to be expected.
const COVERED_SHARE: f64 = 0.9;

/// Every announcement that matters still.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Announced {
    list: Vec<Planned>,
    /// Until then none is under way.
    #[serde(skip)]
    calm_until: Timestamp,
}

impl Announced {
    /// Takes one over; the ones that ended longest ago make room.
    pub(super) fn announce(&mut self, planned: &Planned, now: Timestamp) {
        let oldest = now.plus_millis(-AGE_MILLIS);
        self.list.retain(|known| known.id != planned.id && known.until >= oldest);
        self.calm_until = Timestamp::default();
        if self.list.len() >= PLANNED_MAX {
            let ended = self.list.iter().enumerate().min_by_key(|(_, known)| known.until);
            if let Some((index, _)) = ended {
                self.list.remove(index);
            }
        }
        self.list.push(planned.clone());
    }

    /// Whether none is under way, which every sign-in asks.
    fn is_calm(&mut self, now: Timestamp) -> bool {
        if now < self.calm_until {
            return true;
        }
        let calm = self.under_way(now).next().is_none();
        if calm {
            let next = self.list.iter().map(|planned| planned.from).filter(|from| *from > now);
            self.calm_until = next.min().unwrap_or(Timestamp::from_millis(i64::MAX));
        }
        calm
    }

    /// Those under way.
    pub(super) fn under_way(&self, now: Timestamp) -> impl Iterator<Item = &Planned> {
        self.list.iter().filter(move |planned| planned.from <= now && now < planned.until)
    }
}

impl Engine {
    /// Whether trouble at `place`, which these connections carry, is expected now. Silence is carried by nobody: it is expected
    /// where all are covered that sign in there.
    pub(super) fn is_expected(&self, place: Place, carriers: &[(u32, u32)]) -> bool {
        let now = self.memory.now;
        if self.memory.announced.under_way(now).next().is_none() {
            return false;
        }
        let covered = |index: u32| {
            self.memory.announced.under_way(now).any(|planned| self.covers(&planned.covers, index))
        };
        if let Place::Connection(index) = place {
            return covered(index);
        }
        let share = |carriers: &mut dyn Iterator<Item = (u32, f64)>| {
            let (mut all, mut part) = (0.0, 0.0);
            for (index, weight) in carriers {
                all += weight;
                part += if covered(index) { weight } else { 0.0 };
            }
            all > 0.0 && part >= COVERED_SHARE * all
        };
        if carriers.is_empty() {
            share(&mut self.usual_traffic(place))
        } else {
            share(&mut carriers.iter().map(|(index, count)| (*index, f64::from(*count))))
        }
    }

    /// The connections of a place above them, with what usually happens there.
    fn usual_traffic(&self, place: Place) -> impl Iterator<Item = (u32, f64)> {
        let belongs = move |connection: &Connection| match place {
            Place::Provider(provider) => connection.provider == provider,
            Place::Connection(_) | Place::Fleet => true,
        };
        let there = (0..).zip(&self.memory.connections).filter(move |(_, one)| belongs(one));
        there.map(|(index, _)| (index, self.memory.detection.attempts_a_day(index)))
    }

    /// Whether trouble at the tier is expected now: only when its own name was announced, because what breaks sign-ins does not
    /// have to break the edge.
    pub(super) fn is_expected_at(&self, tier: &str) -> bool {
        let mut under_way = self.memory.announced.under_way(self.memory.now);
        under_way.any(|planned| matches!(&planned.covers, Covers::Tier(name) if **name == *tier))
    }

    /// The widest scope of which a sign-in on this connection says anything now: work on some connections is expected to break
    /// them, and must not look like trouble of all.
    pub(super) fn telling(&mut self, index: u32) -> Telling {
        let now = self.memory.now;
        if self.memory.announced.is_calm(now) {
            return Telling::Fleet;
        }
        let covering = self.memory.announced.under_way(now);
        let covering = covering.filter(|planned| self.covers(&planned.covers, index));
        let widest = covering.map(|planned| match planned.covers {
            Covers::Connections(_) => Telling::Connection,
            Covers::ConnectionType(_) => Telling::Provider,
            Covers::All | Covers::Tier(_) => Telling::Fleet,
        });
        widest.min().unwrap_or(Telling::Fleet)
    }

    fn covers(&self, covers: &Covers, index: u32) -> bool {
        let connection = &self.memory.connections[index as usize];
        match covers {
            Covers::All => true,
            Covers::ConnectionType(name) => {
                let provider = &self.memory.providers[connection.provider as usize];
                *provider.connection_type == **name
            }
            Covers::Connections(ids) => connection.id.as_ref().is_some_and(|id| ids.contains(id)),
            Covers::Tier(_) => false,
        }
    }
}
