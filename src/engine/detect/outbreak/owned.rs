//! An outbreak of the fleet that turns out to be one provider's.

use super::super::symptom::{covers, level};
use super::{Alarm, Flares, Outbreak, Outbreaks};
use crate::engine::calendar::Place;

/// What became of it.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Owned {
    /// Its lead before.
    pub(in crate::engine) before: Alarm,
    /// What it is now.
    pub(in crate::engine) outbreak: Outbreak,
    /// The fleet's alarms: they say nothing that the provider's does not.
    pub(in crate::engine) spent: Vec<Alarm>,
    /// Alarms of others, which are no part of it.
    pub(in crate::engine) apart: Vec<Alarm>,
}

impl Outbreaks {
    /// Gives outbreaks of the fleet to the provider that is the `owner` of all its alarms, where that one's own alarm is part of it.
    pub(in crate::engine) fn own(
        &mut self,
        owner: impl Fn(Alarm) -> Option<Alarm>,
        provider_of: impl Fn(u32) -> u32,
    ) -> Vec<Owned> {
        let mut given = Vec::new();
        for index in 0..self.0.len() {
            let one = &self.0[index];
            let Some(lead) = one.owner(&owner) else { continue };
            // Its alerts have one name, whatever people meet.
            let has_another = |other: &Outbreak| other.lead.0 == lead.0;
            if !self.0.iter().any(has_another) {
                given.push(self.0[index].hand_over(lead, &provider_of));
            }
        }
        given
    }
}

impl Outbreak {
    fn owner(&self, owner: impl Fn(Alarm) -> Option<Alarm>) -> Option<Alarm> {
        let mut owners =
            self.alarms.iter().filter(|alarm| level(alarm.0) == 2).map(|alarm| owner(*alarm));
        let first = owners.next()??;
        let is_all = owners.all(|other| other.is_some_and(|other| other.0 == first.0));
        (is_all && self.alarms.contains(&first)).then_some(first)
    }

    fn hand_over(&mut self, lead: Alarm, provider_of: impl Fn(u32) -> u32) -> Owned {
        let within = [lead.0].into();
        let is_within = |place: Place| covers(&within, place, &provider_of);
        let before = std::mem::replace(&mut self.lead, lead);
        let (spent, apart) = self
            .alarms
            .extract_if(.., |(place, _)| !is_within(*place))
            .partition(|(place, _)| level(*place) == 2);
        self.places.retain(|place| is_within(*place));
        self.wide.retain(|(place, _), _| is_within(*place));
        self.flares = Flares::default();
        Owned { before, outbreak: self.clone(), spent, apart }
    }
}
