//! What an outbreak says, in words and numbers.

use std::collections::BTreeMap;

use super::alert::{Finding, Key};
use super::calendar::Place;
use super::detect::{Kind, Numbers, Outbreak, Signal};
use super::page::kind_of;
use super::place::CONNECTIONS_MAX;
use super::watch::labels;
use super::worst::Worst;
use super::{Engine, words};
use crate::event::{ConnectionId, Timestamp};
use crate::signal::{Evidence, Severity};

/// What a customer's silence may be.
const OTHERS_COME: &str = " Others sign in. Can this customer's people reach your sign-in page, or did they move to another \
    connection? Half a holiday looks the same.";

impl Engine {
    /// What an outbreak says now; `None` when its widest alarm is over.
    pub(super) fn explain(&self, outbreak: &Outbreak) -> Option<Finding> {
        let (place, signal) = outbreak.lead;
        if !self.memory.detection.is_up(place, signal) {
            return None;
        }
        let mut numbers = self.memory.detection.numbers(place, signal)?;
        let key = self.key(outbreak.lead);
        // Each silence has numbers of its own.
        let again = outbreak.flares.again().filter(|_| !matches!(signal, Signal::Drought(_)));
        if again.is_some() {
            numbers = outbreak.flares.whole(&numbers);
        }
        let mut finding = self.finding_of(place, signal, &numbers, &key, Severity::Page);
        if let Some((times, since)) = again {
            let since = Timestamp::from_millis(i64::from(since) * 1000);
            words::again(&mut finding.summary, times, &words::clock(since, self.memory.now));
        }
        if matches!(place, Place::Connection(_)) {
            let others = outbreak.places.iter().filter(|other| **other != place);
            let named: Vec<String> =
                others.take(words::OTHERS_MAX).map(|other| self.who(*other)).collect();
            words::others(&mut finding.summary, &named, outbreak.places.len().saturating_sub(1));
        }
        Some(finding)
    }

    pub(super) fn finding_of(
        &self,
        place: Place,
        signal: Signal,
        numbers: &Numbers,
        key: &Key,
        severity: Severity,
    ) -> Finding {
        let known = self.memory.alerts.started_at(key);
        let started_at = known.unwrap_or_else(|| self.began(signal, numbers));
        let connection = match place {
            Place::Connection(index) => Some(&self.memory.connections[index as usize]),
            Place::Provider(_) | Place::Fleet => None,
        };
        let carriers = self.memory.detection.carriers(place, signal, numbers.since);
        let evidence = self.proof((place, signal), numbers, &carriers, key, started_at);
        let code = numbers.code.as_deref();
        let part = code.is_some() && matches!(place, Place::Provider(_));
        let counted = (code, if part { "the fleet's " } else { "" });
        let named =
            self.named(place, carriers.iter().map(|(index, bad)| (*index, u64::from(*bad))));
        let mut description = words::proof(&evidence, &named, numbers.code.as_deref());
        if matches!(signal, Signal::Drought(_)) {
            description.push_str(match place {
                Place::Connection(_) => OTHERS_COME,
                Place::Provider(_) | Place::Fleet => self.witness(),
            });
        }
        let now = self.memory.now;
        words::together(&mut description, &self.together(started_at, key), now);
        // Each silence of an incident has numbers of its own.
        let dry = matches!(signal, Signal::Drought(_));
        let since = if dry { self.began(signal, numbers) } else { started_at };
        let mut summary = words::found(signal, &self.who(place), &evidence, counted, (since, now));
        let reach = self.reach(place, carriers.iter().map(|(index, _)| *index));
        if connection.is_none() && kind_of(signal).is_some() {
            // Each flare counts anew whom it hits.
            let mut outbreaks = self.memory.outbreaks.iter();
            let came_back =
                outbreaks.any(|one| one.lead == (place, signal) && one.flares.again().is_some());
            let known = self.memory.alerts.incident(key).filter(|_| came_back);
            let before = known.map_or(0, |known| known.course.reach.connections);
            words::hit(&mut summary, reach.connections.max(before));
        }
        Finding {
            severity,
            labels: labels(key, severity, &BTreeMap::new(), connection),
            started_at,
            summary,
            description,
            evidence,
            reach,
            // Who failed tries again, and fails again: people are counted, not tries.
            worst: kind_of(signal).map_or(Worst::Unknown, |_| Worst::Among {
                since: Timestamp::from_millis(i64::from(numbers.since) * 1000),
                attempts: numbers.attempts.saturating_sub(numbers.repeats),
                bad: numbers.people,
            }),
        }
    }

    /// When trouble is believed to have begun. A sign-in hangs from its start on, which is judged when its end is due.
    pub(super) fn began(&self, signal: Signal, numbers: &Numbers) -> Timestamp {
        let millis = i64::from(numbers.since) * 1000;
        let hangs = kind_of(signal) == Some(Kind::Hanging);
        let config = self.config.detection.as_ref().filter(|_| hangs);
        let before = config.map_or(0, |config| config.hanging_after.millis());
        Timestamp::from_millis(millis - before)
    }

    pub(super) fn proof(
        &self,
        (place, signal): (Place, Signal),
        numbers: &Numbers,
        carriers: &[(u32, u32)],
        key: &Key,
        started_at: Timestamp,
    ) -> Evidence {
        let kind = kind_of(signal);
        let causes = if matches!(kind, Some(Kind::Failing | Kind::Denied)) {
            let settled = self.memory.alerts.causes(key).cloned().unwrap_or_default();
            settled.counted(&self.memory.tally(place).windows[1], started_at)
        } else {
            Vec::new()
        };
        let connections = carriers.iter().take(CONNECTIONS_MAX).map(|(index, bad)| {
            let id = self.memory.connections[*index as usize].id.as_ref();
            (id.map_or("unknown", ConnectionId::as_str).into(), u64::from(*bad))
        });
        Evidence {
            attempts: numbers.attempts,
            bad: numbers.bad,
            users: Some(numbers.people).filter(|people| *people > 0),
            value: kind.map(|_| ratio(numbers.bad, numbers.attempts)),
            usual: Some(numbers.usual),
            causes,
            connections: connections.collect(),
            nats: Some(numbers.nats),
            chance_days: Some(numbers.chance_days),
            ..Evidence::default()
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}
