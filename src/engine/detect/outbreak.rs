//! Alarms that share a cause are one outbreak: one page, at the scope that explains the most.
//!
//! A new alarm joins an outbreak that covers its scope, that lies within its scope and began at about the same time, or that is
//! the same trouble, of the same cause, on another connection at about the same time. What a wider alarm cannot explain, because
//! it began later and is much worse or of another kind, is taken out again: it is an outbreak of its own; so is what people of the
//! same scope meet later and have not met before. When the alarms of its widest kind of scope are over, the
//! narrower ones are too: the alarm of a connection with a sign-in an hour would take hours to be over by itself. An outbreak
//! ends when it has been quiet for a while; one that flares up again takes longer to be believed.

mod owned;
mod saved;
mod silent;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub(in crate::engine) use self::owned::Owned;
#[cfg(test)]
pub(in crate::engine) use self::saved::Counted;
use super::flares::Flares;
use super::kin::Kin;
use super::symptom::{covers, level, symptom};
use super::wide::{self, Wide};
use super::{Change, Numbers, Signal, What};
use crate::engine::calendar::Place;

/// A wider alarm takes a narrower one over unless it began so long after it; a narrower one that began so long after the wider
/// one has to be explained by it.
pub(in crate::engine) const GROW_SECONDS: u32 = 1_200;

/// Narrower trouble that stands out is told by itself when it began so long after the wider one.
const APART_SECONDS: u32 = 600;

/// Connections that an outbreak names at most; of wider scopes there are few.
const PLACES_MAX: usize = 1_000;

/// The longest that an outbreak which flares up again and again must be quiet, in seconds.
const QUIET_SECONDS_MAX: u32 = 2_400;

/// How many of its longest pause an outbreak that flared up again must be quiet besides: the next flare may be too small to see.
const PAUSES: u32 = 4;

/// All outbreaks that are not over.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Outbreaks(Vec<Outbreak>);

/// One of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::engine) struct Outbreak {
    /// The widest scope that has an alarm, and which.
    pub(in crate::engine) lead: (Place, Signal),
    /// When the trouble is believed to have begun.
    pub(in crate::engine) since: u32,
    /// Every scope that had an alarm.
    pub(in crate::engine) places: BTreeSet<Place>,
    /// When the last alarm of the lead's kind of scope was over, while none is up.
    pub(in crate::engine) quiet_since: Option<u32>,
    pub(super) raised_at: u32,
    /// The longest that it was quiet before it flared up again, in seconds.
    pause: u32,
    pub(super) alarms: BTreeSet<(Place, Signal)>,
    /// Alarms of providers and the fleet that it ever had. Stands behind all else in a checkpoint.
    #[serde(skip)]
    pub(super) wide: Wide,
    /// What its lead's alarms have counted. Stands behind all else in a checkpoint.
    #[serde(skip)]
    pub(in crate::engine) flares: Flares,
}

/// What an outbreak has explained when the alarms of its widest kind of scope are over: the narrower evidence. It is spent: the same counts say
/// nothing more, and whoever suffers on is found anew.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::engine) struct Explained {
    /// Narrower alarms that are up still.
    pub(super) alarms: BTreeSet<(Place, Signal)>,
    /// When the trouble is believed to have begun.
    pub(super) since: u32,
    lead: Alarm,
    pub(super) places: BTreeSet<Place>,
}

/// A scope and what is wrong with it.
pub(in crate::engine) type Alarm = (Place, Signal);

/// What an alarm did to the outbreaks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(in crate::engine) enum Step {
    /// A new outbreak, by its index.
    Began(usize),
    /// The outbreak has a wider lead than the one given.
    Grew(usize, (Place, Signal)),
    /// The same, long after it was told of: whoever looks after one customer does not hear that it is all.
    Outgrew(usize, (Place, Signal)),
    /// Nothing that a new page is owed for.
    Joined,
}

impl Outbreaks {
    /// All of them.
    pub(in crate::engine) fn iter(&self) -> impl Iterator<Item = &Outbreak> {
        self.0.iter()
    }

    /// One of them.
    pub(in crate::engine) fn get(&self, index: usize) -> &Outbreak {
        &self.0[index]
    }

    /// An alarm was raised on trouble that began at `since`; `alone`: no wider alarm explains it. Gives what it did, and the leads
    /// of further outbreaks that turned out to be the same one: their incidents are over.
    pub(in crate::engine) fn raised(
        &mut self,
        change: &Change,
        since: u32,
        alone: bool,
        kin: Kin<'_>,
    ) -> (Step, Vec<(Place, Signal)>) {
        debug_assert_eq!(change.what, What::Raised);
        let (place, signal) = (change.place, change.signal);
        let may = |outbreak: &Outbreak| {
            (!alone || level(outbreak.lead.0) <= level(place))
                && !outbreak.is_new_to((place, signal), since)
        };
        // Of several, that of the same symptom explains it.
        let first = |fits: &dyn Fn(&Outbreak) -> bool| {
            let same = |one: &Outbreak| symptom(one.lead) == symptom((place, signal));
            let found = self.0.iter().position(|one| may(one) && fits(one) && same(one));
            found.or_else(|| self.0.iter().position(|one| may(one) && fits(one)))
        };
        let takes = |one: &Outbreak| one.takes(place, signal, since, change.second, kin);
        let holds = first(&|one| one.places.contains(&place));
        let Some(index) = holds.or_else(|| first(&takes)) else {
            self.0.push(Outbreak {
                lead: (place, signal),
                since,
                places: BTreeSet::from([place]),
                quiet_since: None,
                raised_at: change.second,
                pause: 0,
                alarms: BTreeSet::from([(place, signal)]),
                wide: wide::of((place, signal)),
                flares: Flares::default(),
            });
            return (Step::Began(self.0.len() - 1), Vec::new());
        };
        let (index, absorbed) = self.absorb(index, change, since, kin);
        let outbreak = &mut self.0[index];
        outbreak.alarms.insert((place, signal));
        outbreak.wide.extend(wide::of((place, signal)));
        if outbreak.places.len() < PLACES_MAX || level(place) > 0 {
            outbreak.places.insert(place);
        }
        if level(place) < level(outbreak.lead.0) && outbreak.quiet_since.is_some() {
            // Who suffers on alone does not keep the wider trouble open, and is told when that has ended.
            return (Step::Joined, absorbed);
        }
        let told_at = (kin.told_at)(outbreak.lead);
        let told_long_ago =
            told_at.is_some_and(|at| change.second.saturating_sub(at) >= GROW_SECONDS);
        if let Some(quiet_since) = outbreak.quiet_since.take() {
            outbreak.pause = outbreak.pause.max(change.second.saturating_sub(quiet_since));
            // What flares up with it shares its cause, however long ago it first did; what was before is spent.
            (outbreak.since, outbreak.raised_at) = (since, change.second);
        }
        if place > outbreak.lead.0 && level(place) > level(outbreak.lead.0) {
            let before = std::mem::replace(&mut outbreak.lead, (place, signal));
            outbreak.flares = Flares::default();
            if told_long_ago {
                (outbreak.since, outbreak.raised_at) = (since, change.second);
                return (Step::Outgrew(index, before), absorbed);
            }
            outbreak.since = outbreak.since.min(since);
            return (Step::Grew(index, before), absorbed);
        }
        (Step::Joined, absorbed)
    }

    /// Joins to the outbreak at `index` all narrower ones that the alarm explains as well. Gives its place afterwards.
    fn absorb(
        &mut self,
        index: usize,
        change: &Change,
        since: u32,
        kin: Kin<'_>,
    ) -> (usize, Vec<(Place, Signal)>) {
        let (place, signal) = (change.place, change.signal);
        let keeper = self.0[index].lead;
        let level_of_it = level(place);
        let mut wide = self.0[index].wide.clone();
        wide.extend(wide::of((place, signal)));
        let explained = |outbreak: &mut Outbreak| {
            let later = outbreak.since.saturating_sub(since) >= GROW_SECONDS;
            outbreak.lead != keeper
                && level(outbreak.lead.0) < level_of_it
                && outbreak.takes(place, signal, since, change.second, kin)
                && !(later && (kin.stands_out)(outbreak.lead, &wide))
        };
        let others: Vec<Outbreak> = self.0.extract_if(.., explained).collect();
        let index = self.0.iter().position(|outbreak| outbreak.lead == keeper);
        let index = index.expect("the keeper stays");
        let keeper = &mut self.0[index];
        for other in &others {
            keeper.places.extend(&other.places);
            keeper.alarms.extend(&other.alarms);
            keeper.wide.extend(&other.wide);
            keeper.since = keeper.since.min(other.since);
            keeper.pause = keeper.pause.max(other.pause);
        }
        (index, others.iter().map(|other| other.lead).collect())
    }

    /// Takes out of each outbreak what its wider alarms do not explain: narrower trouble that began well after it, by `began`, and
    /// that `stands_out` among them. Of what is quiet it may be a flare, unless it `has_another_cause`. Gives their alarms.
    pub(in crate::engine) fn split(
        &mut self,
        began: impl Fn(Alarm) -> Option<u32>,
        stands_out: impl Fn(Alarm, &Wide) -> bool,
        has_another_cause: impl Fn(Alarm, Alarm) -> bool,
    ) -> Vec<Alarm> {
        let mut apart = Vec::new();
        let all: Wide = self.0.iter().flat_map(|outbreak| outbreak.wide.clone()).collect();
        for outbreak in &mut self.0 {
            let Outbreak { lead, since, places, alarms, quiet_since, .. } = outbreak;
            let is_new = |alarm| quiet_since.is_none() || has_another_cause(*lead, alarm);
            let later = |alarm: Alarm| {
                began(alarm).is_some_and(|began| began.saturating_sub(*since) >= APART_SECONDS)
            };
            let narrow = alarms.iter().filter(|(place, _)| level(*place) < level(lead.0));
            let strange = narrow
                .filter(|alarm| later(**alarm) && is_new(**alarm) && stands_out(**alarm, &all));
            for place in strange.map(|(place, _)| *place).collect::<BTreeSet<_>>() {
                places.remove(&place);
                apart.extend(alarms.extract_if(.., |(other, _)| *other == place));
            }
        }
        apart
    }

    /// Looks at the numbers of the leads, and of all wide alarms, that are up.
    pub(in crate::engine) fn note(&mut self, numbers: impl Fn(Alarm) -> Option<Numbers>) {
        for outbreak in &mut self.0 {
            wide::note(&mut outbreak.wide, &numbers);
            if let Some(own) = numbers(outbreak.lead) {
                outbreak.flares.note(&own);
            }
        }
    }

    /// An alarm is over. When it was the last one of the lead's kind of scope, gives what the outbreak has explained.
    pub(in crate::engine) fn over(&mut self, change: &Change) -> Option<Explained> {
        let alarm = (change.place, change.signal);
        let outbreak = self.0.iter_mut().find(|outbreak| outbreak.alarms.contains(&alarm))?;
        outbreak.alarms.remove(&alarm);
        outbreak.wide.entry(alarm).and_modify(|seen| seen.over_at = Some(change.second));
        let lead = level(outbreak.lead.0);
        if outbreak.quiet_since.is_some()
            || outbreak.alarms.iter().any(|(place, _)| level(*place) >= lead)
        {
            return None;
        }
        outbreak.quiet_since = Some(change.second);
        Some(Explained {
            alarms: std::mem::take(&mut outbreak.alarms),
            places: outbreak.places.clone(),
            lead: outbreak.lead,
            since: outbreak.since,
        })
    }

    /// Takes out those that have been quiet for long enough: longer when they flared up before, by the pauses that they made, and
    /// while their lead is `uneasy` again. What flares up within minutes is no news.
    pub(in crate::engine) fn ended(
        &mut self,
        now: u32,
        quiet_seconds: u32,
        uneasy: impl Fn((Place, Signal)) -> bool,
    ) -> Vec<Outbreak> {
        let longest = QUIET_SECONDS_MAX.max(quiet_seconds);
        let is_over = |outbreak: &mut Outbreak| {
            let Some(since) = outbreak.quiet_since else { return false };
            let flares = quiet_seconds.saturating_add(PAUSES.saturating_mul(outbreak.pause));
            // Of a silence one arrival may be all that came: it has to stay away for longest.
            let dry = matches!(outbreak.lead.1, Signal::Drought(_));
            let needed = if dry { longest } else { flares };
            let quiet = now.saturating_sub(since);
            quiet >= longest || (quiet >= needed && !uneasy(outbreak.lead))
        };
        self.0.extract_if(.., is_over).collect()
    }

    /// The lead of the outbreak whose widest scope is that of an alarm: where there are several, of the same symptom.
    pub(in crate::engine) fn lead_at(&self, alarm: Alarm) -> Option<Alarm> {
        let leads = || self.0.iter().map(|one| one.lead).filter(|lead| lead.0 == alarm.0);
        leads().find(|lead| symptom(*lead) == symptom(alarm)).or_else(|| leads().next())
    }

    /// The lead of the outbreak that an alarm belongs to.
    pub(in crate::engine) fn holding(&self, alarm: Alarm) -> Option<Alarm> {
        let mut holding = self.0.iter().filter(|outbreak| outbreak.alarms.contains(&alarm));
        holding.next().map(|outbreak| outbreak.lead)
    }

    /// Whether what happens at `place` is told by one that goes on.
    pub(in crate::engine) fn cover(&self, place: Place, provider_of: impl Fn(u32) -> u32) -> bool {
        self.0.iter().any(|outbreak| covers(&outbreak.places, place, &provider_of))
    }
}

impl Explained {
    /// Whether it was a provider's trouble.
    pub(super) fn is_of_provider(&self) -> bool {
        level(self.lead.0) == 1
    }

    /// Whether it explains what happened at `place`: that lies within, and is narrower than what was paged for. What is as wide
    /// says itself whether the trouble is back.
    pub(super) fn covers(&self, place: Place, provider_of: impl Fn(u32) -> u32) -> bool {
        level(place) < level(self.lead.0) && covers(&self.places, place, provider_of)
    }
}

impl Outbreak {
    /// Narrower alarms that are up when it has ended, the widest first: they began when those of the lead's kind of scope were over.
    pub(in crate::engine) fn left(&self) -> impl Iterator<Item = Alarm> {
        self.alarms.iter().rev().copied()
    }

    /// Alarms of its lead's scope that are up beside the lead.
    pub(in crate::engine) fn beside(&self) -> impl Iterator<Item = Signal> {
        let beside = self.alarms.iter().filter(|alarm| alarm.0 == self.lead.0);
        beside.filter(|alarm| **alarm != self.lead).map(|alarm| alarm.1)
    }

    /// The lead, and what is beside it: what is told of its scope.
    pub(in crate::engine) fn widest(&self) -> impl Iterator<Item = Alarm> {
        let beside = self.beside().map(|signal| (self.lead.0, signal));
        std::iter::once(self.lead).chain(beside)
    }
}

#[cfg(test)]
mod tests;
