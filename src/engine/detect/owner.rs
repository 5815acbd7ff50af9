//! Whose trouble it is: the fleet's, or one provider's that carries nearly all of it.

use std::collections::BTreeMap;

use super::config::{Config, Kind};
use super::outbreak::Alarm;
use super::{Detection, Signal, binomial};
use crate::engine::calendar::Place;

/// A provider owns trouble when it has this share of those who carry it, and less of all attempts by so many nats: once in 1,100
/// by chance.
const OWN_SHARE: f64 = 0.9;

/// Or this share of those beyond what was due anyway, and so many nats in any case.
const OWN_SHARE_BEYOND: f64 = 0.8;
pub(in crate::engine) const OWN_NATS: f64 = 7.0;

/// A provider with less than this share of all attempts needs no such test: the few who carry the first evidence say enough.
pub(super) const FLEET_SHARE: f64 = 0.6;

impl Detection {
    /// The narrowest group that holds the carriers: a provider when nearly all of them are its own, or nearly all beyond the share that
    /// was `due` anyway, and it is not nearly all of the fleet.
    pub(super) fn narrow(&self, carriers: &[(u32, u32)], kind: Kind, due: f64) -> Place {
        let mut by_provider: BTreeMap<u32, u32> = BTreeMap::new();
        for (connection, count) in carriers {
            *by_provider.entry(self.connections[*connection as usize].provider).or_default() +=
                count;
        }
        let total: f64 = by_provider.values().copied().map(f64::from).sum();
        let Some((provider, most)) = by_provider.into_iter().max_by_key(|(_, count)| *count) else {
            return Place::Fleet;
        };
        let share = self.share_of(provider, kind);
        let most = f64::from(most);
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
        let Place::Provider(provider) = self.narrow(&carriers, kind, due) else { return None };
        let is_its_own =
            |(one, _): &&(u32, u32)| self.connections[*one as usize].provider == provider;
        let count = |carriers: &mut dyn Iterator<Item = &(u32, u32)>| -> f64 {
            carriers.map(|(_, count)| f64::from(*count)).sum()
        };
        let (own, all) =
            (count(&mut carriers.iter().filter(is_its_own)), count(&mut carriers.iter()));
        let owner = (Place::Provider(provider), Signal::Stream(kind));
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
