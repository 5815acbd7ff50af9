//! What tells the troubles of two scopes apart: their causes, and how much worse one is.

use std::cmp::Reverse;
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
        let Memory { outbreaks, detection, connections, .. } = &mut self.memory;
        let began = |(place, signal)| detection.numbers(place, signal).map(|own| own.since);
        let apart =
            outbreaks.split(began, |alarm, wide| stands_out(detection, connections, alarm, wide));
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

/// Whether the troubles of two connections have the same cause: the most frequent one of the last hour where failures have
/// causes, else the provider.
pub(super) fn akin(signal: Signal, one: &Connection, other: &Connection) -> bool {
    if !matches!(kind_of(signal), Some(Kind::Failing | Kind::Denied)) {
        return one.provider == other.provider;
    }
    has_cause_of(&one.tally, other)
}

/// Whether the most frequent cause of the failures of the last hour is the same on a connection as in another scope.
pub(super) fn has_cause_of(scope: &Tally, connection: &Connection) -> bool {
    let cause = main_cause(scope);
    cause.is_some() && cause == main_cause(&connection.tally)
}

/// The most frequent cause of a scope's failures in the last hour.
fn main_cause(scope: &Tally) -> Option<&Arc<str>> {
    let causes = scope.windows[1].causes().into_iter();
    causes.max_by_key(|(name, count)| (*count, Reverse(*name))).map(|(name, _)| name)
}
