//! What tells the troubles of two scopes apart: their causes, and how much worse one is.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::Engine;
use super::calendar::Place;
use super::detect::{Alarm, Change, Detection, Kind, Owned, Rise, Signal, What, Wide};
use super::memory::Memory;
use super::page::kind_of;
use super::tally::{Connection, Tally};

/// What narrower trouble that began later stands out from a wider one by, so that it is told by itself: once in 160,000 by
/// chance.
pub(super) const STANDS_OUT_NATS: f64 = 12.0;

impl Engine {
    /// Gives an incident of the fleet to the provider whose trouble it turns out to be.
    pub(super) fn own(&mut self, now: u32) {
        let Memory { outbreaks, detection, connections, .. } = &mut self.memory;
        let provider_of = |index: u32| connections[index as usize].provider;
        let owned = outbreaks.own(|alarm| detection.owner(alarm), provider_of);
        for Owned { before, outbreak, spent, .. } in &owned {
            self.rename(*before, outbreak);
            for alarm in spent {
                self.memory.detection.dismiss(*alarm);
            }
        }
        for (place, signal) in owned.into_iter().flat_map(|owned| owned.apart) {
            self.raised(Change { second: now, place, signal, what: What::Raised }, now, false);
        }
    }

    /// Gives what a wider alarm does not explain an incident of its own.
    pub(super) fn split(&mut self, now: u32) {
        let mut outbreaks = std::mem::take(&mut self.memory.outbreaks);
        let memory = &self.memory;
        let Memory { detection, connections, .. } = memory;
        let began = |(place, signal)| detection.numbers(place, signal).map(|own| own.since);
        let has_another_cause = |lead: Alarm, alarm: Alarm| {
            let [scope, part] = [lead.0, alarm.0].map(|place| memory.tally(place));
            let began = began(alarm).filter(|_| has_causes(alarm.1));
            began.is_some_and(|began| has_another_cause(scope, part, began))
        };
        let stands_out = |alarm, wide: &Wide| stands_out(detection, connections, alarm, wide);
        let apart = outbreaks.split(began, stands_out, has_another_cause);
        self.memory.outbreaks = outbreaks;
        for (place, signal) in apart {
            self.raised(Change { second: now, place, signal, what: What::Raised }, now, true);
        }
    }
}

/// Whether those whom an alarm is about are hit by more than what wider alarms of the same kind say of all, since they began or
/// lately. One that is over says it of what began while it was up.
pub(super) fn stands_out(
    detection: &Detection,
    connections: &[Connection],
    (place, signal): Alarm,
    wide: &Wide,
) -> bool {
    let Some(own) = detection.numbers(place, signal) else { return false };
    let around = |other: Place| match (place, other) {
        (_, Place::Fleet) => true,
        (Place::Connection(index), Place::Provider(provider)) => {
            connections[index as usize].provider == provider
        }
        _ => false,
    };
    let mut share = own.usual;
    for ((place, other), seen) in wide {
        if !around(*place) || kind_of(*other) != kind_of(signal) {
            continue;
        }
        match seen.over_at {
            Some(over_at) if own.since >= over_at => {}
            Some(_) => share = share.max(seen.share),
            None => {
                let numbers = detection.numbers(*place, *other);
                share = share.max(numbers.map_or(0.0, |numbers| numbers.share()));
                if let Some(kind) = kind_of(*other) {
                    share = share.max(detection.share_lately(*place, kind));
                    share = share.max(detection.rise(*place, kind).map_or(0.0, Rise::share));
                }
            }
        }
    }
    own.nats_against(share) >= STANDS_OUT_NATS
}

/// Whether the trouble of a connection has the same cause as that of another one, or of a provider: the most frequent one of the last
/// hour where failures have causes, else the provider.
pub(super) fn akin(
    signal: Signal,
    (provider, tally): (u32, &Tally),
    connection: &Connection,
) -> bool {
    if !has_causes(signal) {
        return provider == connection.provider;
    }
    let cause = main_cause(tally);
    cause.is_some() && cause == main_cause(&connection.tally)
}

/// Whether causes are known of what a signal is about: what hangs or does not come has none.
fn has_causes(signal: Signal) -> bool {
    matches!(kind_of(signal), Some(Kind::Failing | Kind::Denied))
}

/// Whether the most frequent cause of a part's failures since `began` is another one than that of all others in its scope in the last
/// hour.
fn has_another_cause(scope: &Tally, part: &Tally, began: u32) -> bool {
    let (mut others, hour) = (scope.windows[1].causes(), &part.windows[1]);
    for (name, count) in hour.causes() {
        others.entry(name).and_modify(|all| *all = all.saturating_sub(count));
    }
    others.retain(|_, count| *count > 0);
    let minute = i64::from(began) / 60 * 60;
    let mut own = BTreeMap::new();
    for (name, count) in hour.causes_between(minute, i64::MAX) {
        *own.entry(name).or_default() += count;
    }
    most(own).zip(most(others)).is_some_and(|(own, other)| own != other)
}

/// The most frequent cause of a scope's failures in the last hour.
fn main_cause(scope: &Tally) -> Option<&Arc<str>> {
    most(scope.windows[1].causes())
}

fn most(causes: BTreeMap<&Arc<str>, u64>) -> Option<&Arc<str>> {
    let causes = causes.into_iter();
    causes.max_by_key(|(name, count)| (*count, Reverse(*name))).map(|(name, _)| name)
}
