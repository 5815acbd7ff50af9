//! `SsoOutageWorse`: an open incident has got much worse. Whoever was paged for a small one is paged again; receivers that know
//! an incident by its key would show no more than another number.

use std::collections::{BTreeMap, BTreeSet};

use super::alert::{Finding, Key};
use super::apart::STANDS_OUT_NATS;
use super::calendar::Place;
use super::detect::{GROW_SECONDS, Kind, Outbreak, Rise, Signal, is_much_worse};
use super::page::{STILL_SECONDS, second_of};
use super::place::CONNECTIONS_MAX;
use super::rule::Phase;
use super::watch::labels;
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
        let rises: BTreeMap<Place, (Signal, Rise)> = self
            .memory
            .outbreaks
            .iter()
            .filter_map(|outbreak| Some((outbreak.lead.0, self.worst_rise(outbreak)?)))
            .collect();
        for (place, (signal, rise)) in rises {
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

    /// How the alarms of the lead's scope have got worse, by that which most people met.
    fn worst_rise(&self, outbreak: &Outbreak) -> Option<(Signal, Rise)> {
        let place = outbreak.lead.0;
        let own = KINDS.into_iter().filter_map(|kind| {
            Some((Signal::Stream(kind), self.memory.detection.rise(place, kind)?))
        });
        let beside = outbreak.beside();
        let beside = beside.filter_map(|signal| Some((signal, self.other(outbreak, signal)?)));
        own.chain(beside).chain(self.flared(outbreak)).max_by_key(|(_, rise)| rise.bad)
    }

    /// How the lead's alarm, which was over, has come back much worse.
    fn flared(&self, outbreak: &Outbreak) -> Option<(Signal, Rise)> {
        let (place, signal) = outbreak.lead;
        let (began, before) = outbreak.flares.before()?;
        let detection = &self.memory.detection;
        let own = detection.numbers(place, signal).filter(|_| detection.is_up(place, signal))?;
        let judged = matches!(signal, Signal::Code(_))
            || KINDS.into_iter().any(|kind| signal == Signal::Stream(kind));
        let told = self.is_told_worse(place);
        let later = own.since.saturating_sub(began) >= GROW_SECONDS;
        let worse = judged && later && is_much_worse(&own, before, told);
        worse.then(|| (signal, Rise { before, ..Rise::first_met(&own) }))
    }

    fn is_told_worse(&self, place: Place) -> bool {
        let known = Key { alertname: ALERTNAME.into(), scope: self.scope(place) };
        self.memory.alerts.incident(&known).is_some()
    }

    /// An alarm beside the lead, well after it, of which nobody would hear: an error code that spreads to more people than the lead
    /// explains, or what people of a provider meet for the first time, whose alerts have one name whatever they meet.
    fn other(&self, outbreak: &Outbreak, signal: Signal) -> Option<Rise> {
        let (place, lead) = outbreak.lead;
        let detection = &self.memory.detection;
        let own = detection.numbers(place, signal)?;
        if own.since.saturating_sub(outbreak.since) < GROW_SECONDS {
            return None;
        }
        let hangs = |signal: Signal| signal == Signal::Stream(Kind::Hanging);
        let before = match signal {
            // What flares up again while the lead is over is the same trouble.
            Signal::Code(_) if !detection.is_up(place, lead) => None,
            // All failures beside one code: much more than came before them. A provider's are not counted among the same sign-ins.
            Signal::Stream(Kind::Failing)
                if place == Place::Fleet && matches!(lead, Signal::Code(_)) =>
            {
                let before = detection.numbers(place, lead)?.share_without(&own);
                is_much_worse(&own, before, self.is_told_worse(place)).then_some(before)
            }
            Signal::Code(_) => {
                let before = detection.numbers(place, lead)?.share();
                (own.nats_against(before) >= STANDS_OUT_NATS).then_some(before)
            }
            _ => (matches!(place, Place::Provider(_)) && hangs(signal) != hangs(lead))
                .then_some(own.usual),
        };
        Some(Rise { before: before?, ..Rise::first_met(&own) })
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
        // What the incident had when it got worse, also when that has mixed with what came since.
        let told = self.memory.alerts.incident(key).and_then(|told| told.evidence.usual);
        let evidence = Evidence {
            attempts: rise.attempts.into(),
            bad: rise.bad.into(),
            users: Some(rise.bad.into()),
            value: Some(rise.share()),
            usual: Some(told.unwrap_or(rise.before)),
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
