//! Whose trouble it is: the fleet's, or one provider's that carries nearly all of it.

use std::collections::BTreeMap;

use super::alarm::Alarm as Raised;
use super::change::Trial;
use super::config::{Config, Kind};
use super::group::Group;
use super::outbreak::Alarm;
use super::stream::Stream;
use super::{Detection, Signal, binomial};
use crate::engine::calendar::Place;

/// A provider owns trouble when it has this share of those who carry it, and less of all attempts by so many nats: once in 1,100
/// by chance.
const OWN_SHARE: f64 = 0.9;

/// Or this share of those beyond what was due anyway, and so many nats in any case.
const OWN_SHARE_BEYOND: f64 = 0.8;
pub(in crate::engine) const OWN_NATS: f64 = 7.0;

/// A provider with less than this share of all attempts needs no such test: the few who carry the first evidence say enough.
const FLEET_SHARE: f64 = 0.6;

/// An alarm on a connection takes its attempts out of the group's evidence after this time; until then both may be the first
/// to see the same trouble.
const CARVE_OUT_SECONDS: u32 = 600;

impl Detection {
    /// Whether a narrower alarm has explained for a while what happens on a connection.
    pub(super) fn is_explained(
        &self,
        place: Place,
        connection: u32,
        kind: Kind,
        second: u32,
    ) -> bool {
        let old = |stream: &Stream| {
            let known = stream.known_since();
            known.is_some_and(|since| second.saturating_sub(since) > CARVE_OUT_SECONDS)
        };
        let watch = &self.connections[connection as usize];
        old(&watch.streams[kind as usize])
            || (place == Place::Fleet
                && (old(&self.providers[watch.provider as usize].stream(kind).stream)
                    || self.is_of_told_provider(connection, kind)))
    }

    /// Whether what happens on a connection is explained and told without the fleet, and not by a code: that one is counted on, also
    /// when it was over and comes back.
    pub(super) fn is_apart(&self, connection: u32, kind: Kind, second: u32) -> bool {
        let provider = Place::Provider(self.connections[connection as usize].provider);
        self.is_told(Place::Fleet, connection, kind)
            && !self.told_by_code.contains(&provider)
            && self.is_explained(Place::Fleet, connection, kind, second)
    }

    /// Whether the connection's own alarm has explained an attempt for a while.
    pub(super) fn has_own(&self, trial: &Trial<'_>, kind: Kind) -> bool {
        let own = &self.connections[trial.connection as usize].streams[kind as usize].alarm;
        let lasted = |own: &Raised| trial.second.saturating_sub(own.raised_at);
        own.as_ref().is_some_and(|own| lasted(own) > CARVE_OUT_SECONDS)
    }

    /// Whether the connection's trouble is told by itself, or its provider's.
    pub(super) fn is_told(&self, place: Place, connection: u32, kind: Kind) -> bool {
        self.told.contains(&(Place::Connection(connection), kind))
            || (place == Place::Fleet && self.is_of_told_provider(connection, kind))
    }

    /// Whether a connection's provider has an alarm and is told of it as the one whose trouble it is, and is not most of the fleet
    /// itself.
    pub(super) fn is_of_told_provider(&self, connection: u32, kind: Kind) -> bool {
        let provider = self.connections[connection as usize].provider;
        self.told.contains(&(Place::Provider(provider), kind))
            && self.providers[provider as usize].stream(kind).stream.alarm.is_some()
            && self.share_of(provider, kind) < FLEET_SHARE
    }

    /// The provider's share of all attempts.
    pub(super) fn share_of(&self, provider: u32, kind: Kind) -> f64 {
        let per_day = |group: &Group| group.stream(kind).stream.per_day();
        per_day(&self.providers[provider as usize]) / per_day(&self.fleet)
    }

    /// The provider that most of the carriers are of, those of them, and all.
    fn foremost(&self, carriers: &[(u32, u32)]) -> Option<(u32, f64, f64)> {
        let mut by_provider: BTreeMap<u32, u32> = BTreeMap::new();
        for (connection, count) in carriers {
            *by_provider.entry(self.connections[*connection as usize].provider).or_default() +=
                count;
        }
        let all = by_provider.values().copied().map(f64::from).sum();
        let (provider, most) = by_provider.into_iter().max_by_key(|(_, count)| *count)?;
        Some((provider, f64::from(most), all))
    }

    /// The narrowest group that holds the carriers: a provider when nearly all of them are its own, or nearly all beyond the share that
    /// was `due` anyway, and it is not nearly all of the fleet.
    pub(super) fn narrow(&self, carriers: &[(u32, u32)], kind: Kind, due: f64) -> Place {
        let Some((provider, most, total)) = self.foremost(carriers) else { return Place::Fleet };
        let share = self.share_of(provider, kind);
        let stands_out = || binomial::nats(most, total, share) >= OWN_NATS;
        let due = due.min(1.0) * total;
        let beyond = most - due * share >= OWN_SHARE_BEYOND * (total - due);
        // Where its own trouble is known already, that is likely enough, unless it is most of the fleet.
        let known = share < OWN_SHARE_BEYOND
            && (self.told.contains(&(Place::Provider(provider), kind))
                || self.providers[provider as usize].stream(kind).stream.alarm.is_some());
        let own = most >= OWN_SHARE * total || (beyond && (known || stands_out()));
        let narrow = own && (share < FLEET_SHARE || known || stands_out());
        if narrow { Place::Provider(provider) } else { Place::Fleet }
    }

    /// The alarm of the provider whose trouble an alarm of the fleet turns out to be, by all whom it has hit: the first few may have
    /// been others' by chance.
    pub(in crate::engine) fn owner(&self, (place, signal): Alarm) -> Option<Alarm> {
        let numbers = self.numbers(place, signal)?;
        let (kind, due) = match signal {
            Signal::Stream(kind) => {
                let (people, all) = numbers.hit_of();
                (kind, numbers.usual * all / people.max(1.0))
            }
            Signal::Code(code) => (Kind::Failing, self.spreading.due(code)),
            Signal::Drought(_) => return None,
        };
        let carriers = self.carriers(place, signal, numbers.since);
        let place @ Place::Provider(_) = self.narrow(&carriers, kind, due) else { return None };
        let (provider, own, all) = self.foremost(&carriers)?;
        let owner = (place, Signal::Stream(kind));
        let surely = binomial::nats(own, all, self.share_of(provider, kind)) >= OWN_NATS;
        (surely && self.is_up(owner.0, owner.1)).then_some(owner)
    }
}

/// Whether so many bad attempts, most hit first, come from enough connections, and from none too many.
pub(in crate::engine) fn is_shared(carriers: &[(u32, u32)], config: &Config) -> bool {
    let total: u32 = carriers.iter().map(|(_, count)| count).sum();
    let largest = carriers.first().map_or(0, |(_, count)| *count);
    total > 0 && carriers.len() >= config.min_connections && largest * 2 <= total
}

#[cfg(test)]
mod tests {
    use super::super::DAY;
    use super::super::alarm::Found;
    use super::super::config::Level;
    use super::super::group::Hit;
    use super::*;

    /// Whether a provider with a quarter of all attempts, whose alarm is up, owns an alarm of the fleet that so many of its own and
    /// of others carry.
    fn is_owner(own: u32, others: u32) -> bool {
        let (day, mut detection) = (20_000, Detection::default());
        detection.connections.resize_with(2, Default::default);
        detection.providers.resize_with(2, Default::default);
        detection.connections[1].provider = 1;
        let bar = Config::default().bar(Level::Provider, Kind::Failing);
        let begun = day * DAY;
        let found = Found { nats: 20.0, since: begun, attempts: 9, bad: 9, shift: 0.9 };
        let groups = detection.providers.iter_mut().chain([&mut detection.fleet]);
        for (group, daily) in groups.zip([1e3, 3e3, 4e3]) {
            group.stream_mut(Kind::Failing).stream.at_pace(day, daily);
        }
        let fleet = detection.fleet.stream_mut(Kind::Failing);
        for (connection, count) in [(0, own), (1, others)] {
            for _ in 0..count {
                fleet.hit(Hit { at: begun, connection, first: true });
            }
        }
        for place in [Place::Provider(0), Place::Fleet] {
            let group = detection.group_mut(place).stream_mut(Kind::Failing);
            group.stream.raise_on(found, begun, &bar);
        }
        let fleet = detection.fleet.stream_mut(Kind::Failing);
        fleet.begin_toll(begun);
        let owner = detection.owner((Place::Fleet, Signal::Stream(Kind::Failing)));
        owner == Some((Place::Provider(0), Signal::Stream(Kind::Failing)))
    }

    #[test]
    fn a_provider_owns_the_fleets_alarm_when_it_is_surely_nobody_elses() {
        assert!(is_owner(20, 0) && is_owner(19, 1));
        assert!(!is_owner(12, 8), "others have too much of it");
        assert!(!is_owner(4, 0), "it may be chance");
    }

    #[test]
    fn a_provider_that_is_told_is_apart_from_the_codes_of_the_fleet_unless_a_code_tells_it() {
        let (day, mut detection) = (20_000, Detection::default());
        detection.connections.resize_with(1, Default::default);
        detection.providers.resize_with(1, Default::default);
        detection.fleet.stream_mut(Kind::Failing).stream.at_pace(day, 100.0);
        let bar = Config::default().bar(Level::Provider, Kind::Failing);
        let begun = day * DAY;
        let found = Found { nats: 20.0, since: begun, attempts: 9, bad: 9, shift: 0.9 };
        detection.providers[0].stream_mut(Kind::Failing).stream.raise_on(found, begun, &bar);
        for (signal, apart) in [(Signal::Stream(Kind::Failing), true), (Signal::Code(7), false)] {
            detection.know_told([(Place::Provider(0), signal)].into_iter());
            let later = begun + CARVE_OUT_SECONDS + 1;
            assert_eq!(detection.is_apart(0, Kind::Failing, later), apart, "{signal:?}");
        }
    }
}
