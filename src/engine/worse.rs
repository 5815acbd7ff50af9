//! `SsoOutageWorse`: an open incident has got much worse. Whoever was paged for a small one is paged again; receivers that know
//! an incident by its key would show no more than another number.

use std::collections::{BTreeMap, BTreeSet};

use super::alert::{Finding, Key};
use super::calendar::Place;
use super::detect::{GROW_SECONDS, Kind, Rise, Signal};
use super::page::{STILL_SECONDS, kind_of, second_of};
use super::rule::Phase;
use super::watch::{CONNECTIONS_MAX, labels};
use super::worst::Worst;
use super::{Engine, words};
use crate::event::{ConnectionId, Timestamp};
use crate::signal::{Evidence, Severity};

pub(super) const ALERTNAME: &str = "SsoOutageWorse";

/// What gets worse; slow sign-ins do not.
const KINDS: [Kind; 3] = [Kind::Failing, Kind::Hanging, Kind::Denied];

impl Engine {
    /// Tells which incidents have got much worse, and which are as before.
    pub(super) fn tell_worse(&mut self) {
        let mut told = BTreeSet::new();
        let leads: BTreeMap<Place, (Signal, u32)> = self
            .memory
            .outbreaks
            .iter()
            .map(|outbreak| (outbreak.lead.0, (outbreak.lead.1, outbreak.since)))
            .collect();
        for (place, (lead, since)) in leads {
            let rises = KINDS.into_iter().filter_map(|kind| {
                let rise = self.memory.detection.rise(place, kind);
                Some((kind, rise.or_else(|| self.other(place, kind, lead, since))?))
            });
            let Some((kind, rise)) = rises.max_by_key(|(_, rise)| rise.bad) else { continue };
            let signal = Signal::Stream(kind);
            let carriers = self.memory.detection.carriers(place, signal, rise.since);
            let now = second_of(self.memory.now);
            let known = Key { alertname: ALERTNAME.into(), scope: self.scope(place) };
            let fires = self.memory.alerts.incident(&known).is_some();
            // Nobody is paged for what is over, nor for what was announced.
            let late = now.saturating_sub(rise.last_bad) > STILL_SECONDS;
            if !fires && (late || self.is_expected(place, &carriers)) {
                continue;
            }
            let finding = self.worsened(place, signal, rise, &carriers, &known);
            let phase = Phase::Firing { clear_since: None };
            self.memory.alerts.move_to(known.clone(), phase, None, Some(finding), self.memory.now);
            told.insert(known);
        }
        let open = self.memory.alerts.open().filter(|key| &*key.alertname == ALERTNAME);
        let over: Vec<Key> = open.filter(|key| !told.contains(*key)).cloned().collect();
        for key in over {
            self.memory.alerts.end(&key, self.memory.now);
        }
    }

    /// What people of a provider meet later for the first time: its alerts have one name whatever they meet, so its open incident
    /// would only change its words.
    fn other(&self, place: Place, kind: Kind, lead: Signal, since: u32) -> Option<Rise> {
        let waits = |kind: Kind| kind == Kind::Hanging;
        let met = kind_of(lead).is_none_or(|met| waits(met) == waits(kind));
        let signal = Signal::Stream(kind);
        let detection = &self.memory.detection;
        if met || !matches!(place, Place::Provider(_)) || !detection.is_up(place, signal) {
            return None;
        }
        let own = detection.numbers(place, signal)?;
        let later = own.since.saturating_sub(since) >= GROW_SECONDS;
        later.then(|| Rise::first_met(&own))
    }

    fn worsened(
        &self,
        place: Place,
        signal: Signal,
        rise: Rise,
        carriers: &[(u32, u32)],
        key: &Key,
    ) -> Finding {
        let connection = match place {
            Place::Connection(index) => Some(&self.memory.connections[index as usize]),
            Place::Provider(_) | Place::Fleet => None,
        };
        let since = Timestamp::from_millis(i64::from(rise.since) * 1000);
        let clock = words::clock(since, self.memory.now);
        let connections = carriers.iter().take(CONNECTIONS_MAX).map(|(index, bad)| {
            let id = self.memory.connections[*index as usize].id.as_ref();
            (id.map_or("unknown", ConnectionId::as_str).into(), u64::from(*bad))
        });
        let evidence = Evidence {
            attempts: rise.attempts.into(),
            bad: rise.bad.into(),
            users: Some(rise.bad.into()),
            value: Some(rise.share()),
            usual: Some(rise.before),
            connections: connections.collect(),
            ..Evidence::default()
        };
        let named =
            self.named(place, carriers.iter().map(|(index, bad)| (*index, u64::from(*bad))));
        Finding {
            severity: Severity::Page,
            labels: labels(key, Severity::Page, &BTreeMap::new(), connection),
            started_at: self.memory.alerts.started_at(key).unwrap_or(since),
            summary: words::worse(signal, &self.who(place), &evidence, &clock),
            description: words::proof(&evidence, &named, None),
            evidence,
            reach: self.reach(place, carriers.iter().map(|(index, _)| *index)),
            worst: Worst::Unknown,
        }
    }
}
