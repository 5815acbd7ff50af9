//! Which alarms share a cause with an outbreak.

use super::Signal;
use super::outbreak::{Alarm, GROW_SECONDS, Outbreak};
use super::symptom::{Symptom, level, symptom};
use super::wide::Wide;
use crate::engine::calendar::Place;

/// Trouble on two connections is the same if it began within this time of each other and is found within [`JOIN_SECONDS`].
const SIBLING_SECONDS: u32 = 1_800;

/// After this time an outbreak takes over no more than what it covers.
const JOIN_SECONDS: u32 = 3_600;

/// What is known of alarms and connections besides.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Kin<'a> {
    /// The provider of a connection.
    pub(in crate::engine) provider_of: &'a dyn Fn(u32) -> u32,
    /// Whether the troubles of two connections have the same cause, as far as can be told.
    pub(in crate::engine) akin: &'a dyn Fn(u32, u32) -> bool,
    /// Whether the trouble of a connection or provider has the same cause as that of most connections that carry the alarm.
    pub(in crate::engine) like_most: &'a dyn Fn(Place) -> bool,
    /// When somebody was woken for an outbreak with this lead.
    pub(in crate::engine) told_at: &'a dyn Fn(Alarm) -> Option<u32>,
    /// Whether an alarm stands out among wider ones, which do not explain it.
    pub(in crate::engine) stands_out: &'a dyn Fn(Alarm, &Wide) -> bool,
}

impl Outbreak {
    /// Whether an alarm at a scope as wide as the lead's is no part of it, although it is at the same place: people meet something
    /// else since well after it began.
    pub(super) fn is_new_to(&self, alarm: Alarm, since: u32) -> bool {
        let known = self.alarms.iter().chain(self.wide.keys()).chain([&self.lead]);
        let met = symptom(alarm) == Symptom::Slow
            || known.into_iter().any(|known| symptom(*known) == symptom(alarm));
        level(alarm.0) >= level(self.lead.0)
            && self.places.contains(&alarm.0)
            && since.saturating_sub(self.since) >= GROW_SECONDS
            && !met
    }

    pub(super) fn takes(
        &self,
        place: Place,
        signal: Signal,
        since: u32,
        second: u32,
        kin: Kin<'_>,
    ) -> bool {
        if self.places.contains(&Place::Fleet) {
            return true;
        }
        let apart = since.abs_diff(self.since);
        // Evidence that reaches further back explains this, too.
        let explains = since.saturating_sub(self.since) < GROW_SECONDS;
        let young = second.saturating_sub(self.raised_at) < JOIN_SECONDS;
        // What is over names nobody any more.
        let goes_on = self.quiet_since.is_none();
        let within = |provider: u32| {
            self.places.iter().any(|place| match place {
                Place::Connection(index) => (kin.provider_of)(*index) == provider,
                Place::Provider(_) | Place::Fleet => false,
            })
        };
        match place {
            Place::Connection(index) => {
                let covered = self.places.contains(&Place::Provider((kin.provider_of)(index)));
                let (lead, of_what) = self.lead;
                let akin = |lead| of_what == signal && (kin.akin)(lead, index);
                let sibling = matches!(lead, Place::Connection(lead) if akin(lead));
                covered || (sibling && apart < SIBLING_SECONDS && young && goes_on)
            }
            // While a connection of it still fails, the provider explains that, too.
            Place::Provider(provider) => within(provider) && young && (explains || goes_on),
            // Trouble of one that others have as well now, however long ago it began there.
            Place::Fleet => {
                let (lead, of_what) = self.lead;
                let same = symptom((place, of_what)) == symptom((place, signal));
                (explains && young) || (goes_on && same && (kin.like_most)(lead))
            }
        }
    }
}
