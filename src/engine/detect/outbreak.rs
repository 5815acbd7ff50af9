//! Alarms that share a cause are one outbreak: one page, at the scope that explains the most.
//!
//! A new alarm joins an outbreak that covers its scope, that lies within its scope and began at about the same time, or that is
//! the same trouble, of the same cause, on another connection at about the same time. What a wider alarm cannot explain, because
//! it began later and is much worse or of another kind, is taken out again: it is an outbreak of its own; so is what people of the
//! same scope meet later and have not met before. When the alarms of its widest kind of scope are over, the
//! narrower ones are too: the alarm of a connection with a sign-in an hour would take hours to be over by itself. An outbreak
//! ends when it has been quiet for a while; one that flares up again takes longer to be believed.

mod owned;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub(in crate::engine) use self::owned::Owned;
use super::flares::Flares;
use super::wide::{self, Wide};
use super::{Arrival, Change, Kind, Numbers, Signal, What};
use crate::engine::calendar::Place;

/// Trouble on two connections is the same if it began within this time of each other and is found within [`JOIN_SECONDS`].
const SIBLING_SECONDS: u32 = 1_800;

/// A wider alarm takes a narrower one over unless it began so long after it; a narrower one that began so long after the wider
/// one has to be explained by it.
pub(in crate::engine) const GROW_SECONDS: u32 = 1_200;

/// After this time an outbreak takes over no more than what it covers.
const JOIN_SECONDS: u32 = 3_600;

/// Trouble of so large a share of all sign-ins is why successes of all do not come.
const SILENT_SHARE: f64 = 0.5;

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
    raised_at: u32,
    /// The longest that it was quiet before it flared up again, in seconds.
    pause: u32,
    alarms: BTreeSet<(Place, Signal)>,
    /// Alarms of providers and the fleet that it ever had. Stands behind all else in a checkpoint.
    #[serde(skip)]
    wide: Wide,
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
    lead: Place,
    places: BTreeSet<Place>,
}

/// What outbreaks have counted.
pub(in crate::engine) type Counted = Vec<(Flares, Vec<f64>)>;

/// A scope and what is wrong with it.
pub(in crate::engine) type Alarm = (Place, Signal);

/// What is known of alarms and connections besides.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Kin<'a> {
    /// The provider of a connection.
    pub(in crate::engine) provider_of: &'a dyn Fn(u32) -> u32,
    /// Whether the troubles of two connections have the same cause, as far as can be told.
    pub(in crate::engine) akin: &'a dyn Fn(u32, u32) -> bool,
    /// Whether the trouble of a connection or provider has the same cause as that of most connections that carry the alarm.
    pub(in crate::engine) like_most: &'a dyn Fn(Place) -> bool,
    /// Whether an alarm stands out among wider ones, which do not explain it.
    pub(in crate::engine) stands_out: &'a dyn Fn(Alarm, &Wide) -> bool,
}

/// What an alarm did to the outbreaks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(in crate::engine) enum Step {
    /// A new outbreak, by its index.
    Began(usize),
    /// The outbreak has a wider lead than the one given.
    Grew(usize, (Place, Signal)),
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
        if let Some(quiet_since) = outbreak.quiet_since.take() {
            outbreak.pause = outbreak.pause.max(change.second.saturating_sub(quiet_since));
            // What flares up with it shares its cause, however long ago it first did; what was before is spent.
            (outbreak.since, outbreak.raised_at) = (since, change.second);
        }
        if place > outbreak.lead.0 && level(place) > level(outbreak.lead.0) {
            let before = std::mem::replace(&mut outbreak.lead, (place, signal));
            outbreak.flares = Flares::default();
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

    /// Takes out of each outbreak what its wider alarms do not explain: connections whose trouble began well after it, by `began`,
    /// and that `stands_out` among them. Gives their alarms.
    pub(in crate::engine) fn split(
        &mut self,
        began: impl Fn(Alarm) -> Option<u32>,
        stands_out: impl Fn(Alarm, &Wide) -> bool,
    ) -> Vec<Alarm> {
        let mut apart = Vec::new();
        let all: Wide = self.0.iter().flat_map(|outbreak| outbreak.wide.clone()).collect();
        for outbreak in self.0.iter_mut().filter(|outbreak| outbreak.quiet_since.is_none()) {
            let Outbreak { lead, since, places, alarms, .. } = outbreak;
            let later = |alarm: Alarm| {
                began(alarm).is_some_and(|began| began.saturating_sub(*since) >= GROW_SECONDS)
            };
            let narrow = alarms.iter().filter(|(place, _)| level(*place) < level(lead.0));
            let strange = narrow.filter(|alarm| later(**alarm) && stands_out(**alarm, &all));
            for place in strange.map(|(place, _)| *place).collect::<BTreeSet<_>>() {
                places.remove(&place);
                apart.extend(alarms.extract_if(.., |(other, _)| *other == place));
            }
        }
        apart
    }

    /// For each of them, which alarms of providers and the fleet it ever had.
    pub(in crate::engine) fn wide(&self) -> Vec<BTreeMap<Alarm, Option<u32>>> {
        self.0.iter().map(|outbreak| wide::over(&outbreak.wide)).collect()
    }

    /// Takes over [`Outbreaks::wide`].
    pub(in crate::engine) fn know_wide(&mut self, over: Vec<BTreeMap<Alarm, Option<u32>>>) {
        for (outbreak, over) in self.0.iter_mut().zip(over) {
            outbreak.wide = wide::known(over);
        }
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

    /// For each of them, what its lead's alarms have counted, and the shares that its wide alarms said.
    pub(in crate::engine) fn counted(&self) -> Counted {
        let shares = |wide: &Wide| wide.values().map(|seen| seen.share).collect();
        self.0.iter().map(|one| (one.flares.clone(), shares(&one.wide))).collect()
    }

    /// Takes over [`Outbreaks::counted`].
    pub(in crate::engine) fn know_counted(&mut self, counted: Counted) {
        for (outbreak, (flares, shares)) in self.0.iter_mut().zip(counted) {
            outbreak.flares = flares;
            for (seen, share) in outbreak.wide.values_mut().zip(shares) {
                seen.share = share;
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
            lead: outbreak.lead.0,
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

    /// Whether a silence of all is no more than what narrower trouble that goes on explains, by the share of all sign-ins that it covers.
    pub(in crate::engine) fn explain_silence(
        &self,
        signal: Signal,
        share_of_all: impl Fn(&BTreeSet<Place>) -> f64,
    ) -> bool {
        // Whoever fails starts all the same.
        signal == Signal::Drought(Arrival::Success)
            && self.0.iter().any(|one| {
                level(one.lead.0) < 2
                    && one.quiet_since.is_none()
                    && matches!(symptom(one.lead), Symptom::Refused | Symptom::Waiting)
                    && share_of_all(&one.places) >= SILENT_SHARE
            })
    }

    /// The lead of the outbreak whose widest scope is that of an alarm: where there are several, of the same symptom.
    pub(in crate::engine) fn lead_at(&self, alarm: Alarm) -> Option<Alarm> {
        let leads = || self.0.iter().map(|one| one.lead).filter(|lead| lead.0 == alarm.0);
        leads().find(|lead| symptom(*lead) == symptom(alarm)).or_else(|| leads().next())
    }

    /// Whether what happens at `place` is told by one that goes on.
    pub(in crate::engine) fn cover(&self, place: Place, provider_of: impl Fn(u32) -> u32) -> bool {
        self.0.iter().any(|outbreak| covers(&outbreak.places, place, &provider_of))
    }
}

impl Explained {
    /// Whether it was a provider's trouble.
    pub(super) fn is_of_provider(&self) -> bool {
        level(self.lead) == 1
    }

    /// Whether it explains what happened at `place`: that lies within, and is narrower than what was paged for. What is as wide
    /// says itself whether the trouble is back.
    pub(super) fn covers(&self, place: Place, provider_of: impl Fn(u32) -> u32) -> bool {
        level(place) < level(self.lead) && covers(&self.places, place, provider_of)
    }
}

impl Outbreak {
    /// Narrower alarms that are up when it has ended: they began when those of the lead's kind of scope were over.
    pub(in crate::engine) fn left(&self) -> impl Iterator<Item = Alarm> {
        self.alarms.iter().copied()
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

    /// Whether an alarm at a scope as wide as the lead's is no part of it, although it is at the same place: people meet something
    /// else since well after it began.
    fn is_new_to(&self, alarm: Alarm, since: u32) -> bool {
        let known = self.alarms.iter().chain(self.wide.keys()).chain([&self.lead]);
        let met = symptom(alarm) == Symptom::Slow
            || known.into_iter().any(|known| symptom(*known) == symptom(alarm));
        level(alarm.0) >= level(self.lead.0)
            && self.places.contains(&alarm.0)
            && since.saturating_sub(self.since) >= GROW_SECONDS
            && !met
    }

    fn takes(&self, place: Place, signal: Signal, since: u32, second: u32, kin: Kin<'_>) -> bool {
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

/// What people meet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Symptom {
    /// Their sign-ins fail, or those of a provider do not succeed in any way.
    Refused,
    /// They wait.
    Waiting,
    /// Nobody comes, or nobody gets through.
    Silence,
    /// They wait a little, which comes with any of the others.
    Slow,
}

fn symptom((place, signal): Alarm) -> Symptom {
    match (place, signal) {
        (_, Signal::Drought(_)) => Symptom::Silence,
        (_, Signal::Stream(Kind::Slow)) => Symptom::Slow,
        (Place::Connection(_) | Place::Fleet, Signal::Stream(Kind::Hanging)) => Symptom::Waiting,
        (_, Signal::Stream(_) | Signal::Code(_)) => Symptom::Refused,
    }
}

pub(super) fn level(place: Place) -> u8 {
    match place {
        Place::Connection(_) => 0,
        Place::Provider(_) => 1,
        Place::Fleet => 2,
    }
}

/// Whether `place` lies within one of `places`.
fn covers(places: &BTreeSet<Place>, place: Place, provider_of: impl Fn(u32) -> u32) -> bool {
    let around = match place {
        Place::Connection(index) => Place::Provider(provider_of(index)),
        Place::Provider(_) | Place::Fleet => place,
    };
    [place, around, Place::Fleet].iter().any(|place| places.contains(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILING: Signal = Signal::Stream(Kind::Failing);
    const HANGING: Signal = Signal::Stream(Kind::Hanging);

    /// Three connections of one provider, and one of another.
    fn provider_of(connection: u32) -> u32 {
        connection / 3
    }

    fn raise(
        outbreaks: &mut Outbreaks,
        second: u32,
        place: Place,
        signal: Signal,
    ) -> (Step, usize) {
        let change = Change { second, place, signal, what: What::Raised };
        let kin = Kin {
            provider_of: &provider_of,
            akin: &|one, other| one / 4 == other / 4,
            like_most: &|_| false,
            stands_out: &|_, _| false,
        };
        let (step, absorbed) = outbreaks.raised(&change, second - 60, false, kin);
        (step, absorbed.len())
    }

    fn over(outbreaks: &mut Outbreaks, second: u32, place: Place, signal: Signal) {
        outbreaks.over(&Change { second, place, signal, what: What::Over });
    }

    #[test]
    fn a_wider_alarm_takes_over_all_that_it_explains_and_nothing_else() {
        let mut outbreaks = Outbreaks::default();
        let [first, second, third, far] = [0, 1, 2, 3].map(Place::Connection);
        assert_eq!(raise(&mut outbreaks, 10_000, far, FAILING).0, Step::Began(0));
        assert_eq!(raise(&mut outbreaks, 14_000, first, FAILING).0, Step::Began(1));
        assert_eq!(raise(&mut outbreaks, 14_060, second, HANGING).0, Step::Began(2));
        assert_eq!(raise(&mut outbreaks, 14_060, third, FAILING).0, Step::Joined);
        let grown = raise(&mut outbreaks, 14_120, Place::Provider(0), FAILING);
        assert_eq!(grown, (Step::Grew(1, (first, FAILING)), 1));
        assert_eq!(outbreaks.0.len(), 2);
        assert_eq!(outbreaks.get(1).places.len(), 4);
        // The alarms of those that were taken over end with it.
        for place in [first, third] {
            over(&mut outbreaks, 15_000, place, FAILING);
        }
        over(&mut outbreaks, 15_000, second, HANGING);
        assert_eq!(outbreaks.get(1).quiet_since, None);
        over(&mut outbreaks, 15_000, Place::Provider(0), FAILING);
        assert_eq!(outbreaks.get(1).quiet_since, Some(15_000));
        assert_eq!(outbreaks.ended(15_600, 600, |_| true).len(), 0, "it may come back");
        assert_eq!(outbreaks.ended(15_600, 600, |_| false).len(), 1);
    }

    #[test]
    fn who_suffers_on_alone_does_not_keep_the_wider_trouble_open_and_is_left_when_it_ends() {
        let mut outbreaks = Outbreaks::default();
        let connection = Place::Connection(0);
        assert_eq!(raise(&mut outbreaks, 10_000, Place::Fleet, FAILING).0, Step::Began(0));
        over(&mut outbreaks, 11_000, Place::Fleet, FAILING);
        assert_eq!(raise(&mut outbreaks, 11_200, connection, FAILING).0, Step::Joined);
        assert_eq!(outbreaks.ended(11_599, 600, |_| false).len(), 0);
        let mut flared = outbreaks.clone();
        let ended = outbreaks.ended(11_600, 600, |_| false);
        let left: Vec<Alarm> = ended.iter().flat_map(Outbreak::left).collect();
        assert_eq!(left, [(connection, FAILING)]);
        // Unless all suffer again meanwhile.
        assert_eq!(raise(&mut flared, 11_300, Place::Fleet, FAILING).0, Step::Joined);
        over(&mut flared, 11_500, connection, FAILING);
        assert_eq!(flared.get(0).quiet_since, None);
    }

    #[test]
    fn another_cause_is_another_outbreak_however_close() {
        let mut outbreaks = Outbreaks::default();
        let [first, akin, other] = [0, 3, 4].map(Place::Connection);
        assert_eq!(raise(&mut outbreaks, 10_000, first, FAILING).0, Step::Began(0));
        assert_eq!(raise(&mut outbreaks, 10_600, other, FAILING).0, Step::Began(1));
        assert_eq!(raise(&mut outbreaks, 10_600, akin, FAILING).0, Step::Joined);
        assert_eq!(outbreaks.get(0).places.len(), 2);
    }

    #[test]
    fn what_the_wider_alarm_does_not_explain_is_taken_out_and_stays_alone() {
        let mut outbreaks = Outbreaks::default();
        let [early, late, same] = [0, 1, 2].map(Place::Connection);
        raise(&mut outbreaks, 10_000, Place::Fleet, FAILING);
        for (second, place) in [(10_600, early), (14_000, late), (14_000, same)] {
            assert_eq!(raise(&mut outbreaks, second, place, FAILING).0, Step::Joined);
        }
        let began = |(place, _)| Some(if place == early { 10_540 } else { 13_940 });
        // Two are worse than all together, and one of these was with them from the beginning.
        let worse = |(place, _): Alarm, wide: &Wide| {
            *wide == wide::of((Place::Fleet, FAILING)) && place != same
        };
        assert_eq!(outbreaks.split(began, worse), [(late, FAILING)]);
        assert_eq!(outbreaks.split(began, worse), [], "once");
        let change = Change { second: 14_010, place: late, signal: FAILING, what: What::Raised };
        let kin = Kin {
            provider_of: &provider_of,
            akin: &|_, _| true,
            like_most: &|_| false,
            stands_out: &|_, _| true,
        };
        assert_eq!(outbreaks.raised(&change, 13_940, true, kin).0, Step::Began(1));
        let again =
            Change { second: 14_020, place: Place::Fleet, signal: HANGING, what: What::Raised };
        assert_eq!(outbreaks.raised(&again, 9_900, false, kin), (Step::Joined, vec![]));
        over(&mut outbreaks, 14_900, Place::Fleet, HANGING);
        over(&mut outbreaks, 15_000, Place::Fleet, FAILING);
        assert_eq!(
            (outbreaks.get(0).quiet_since, outbreaks.get(1).quiet_since),
            (Some(15_000), None)
        );
    }

    #[test]
    fn a_providers_trouble_that_others_have_as_well_now_is_the_fleets_however_late() {
        for (alike, want) in
            [(true, Step::Grew(0, (Place::Provider(0), FAILING))), (false, Step::Began(1))]
        {
            let mut outbreaks = Outbreaks::default();
            raise(&mut outbreaks, 10_000, Place::Provider(0), FAILING);
            let kin = Kin {
                provider_of: &provider_of,
                akin: &|_, _| false,
                like_most: &|lead| alike && lead == Place::Provider(0),
                stands_out: &|_, _| false,
            };
            let (second, place) = (16_000, Place::Fleet);
            let change = Change { second, place, signal: FAILING, what: What::Raised };
            assert_eq!(outbreaks.raised(&change, 15_000, false, kin).0, want);
        }
    }

    #[test]
    fn a_night_of_silence_is_one_outbreak_however_often_one_arrives() {
        let mut outbreaks = Outbreaks::default();
        let drought = Signal::Drought(Arrival::Start);
        for flare in 0..10 {
            let second = 10_000 + flare * 3_600;
            let want = if flare == 0 { Step::Began(0) } else { Step::Joined };
            assert_eq!(raise(&mut outbreaks, second, Place::Fleet, drought).0, want);
            over(&mut outbreaks, second + 1_500, Place::Fleet, drought);
            assert_eq!(outbreaks.ended(second + 3_599, 600, |_| false).len(), 0);
        }
        assert_eq!(outbreaks.ended(10_000 + 9 * 3_600 + 1_500 + 2_400, 600, |_| false).len(), 1);
    }

    #[test]
    fn what_people_meet_later_for_the_first_time_is_an_outbreak_of_its_own() {
        let mut outbreaks = Outbreaks::default();
        let (fleet, connection) = (Place::Fleet, Place::Connection(0));
        let silence = Signal::Drought(Arrival::Success);
        let slow = Signal::Stream(Kind::Slow);
        assert_eq!(raise(&mut outbreaks, 10_000, fleet, FAILING).0, Step::Began(0));
        // At about the same time it is the same trouble; slowness comes with any.
        assert_eq!(raise(&mut outbreaks, 10_300, fleet, silence).0, Step::Joined);
        assert_eq!(raise(&mut outbreaks, 14_000, fleet, slow).0, Step::Joined);
        assert_eq!(raise(&mut outbreaks, 14_000, fleet, HANGING).0, Step::Began(1));
        assert_eq!(raise(&mut outbreaks, 14_100, connection, HANGING).0, Step::Joined);
        assert!(outbreaks.get(1).places.contains(&connection), "with what it is a part of");
        assert_eq!(outbreaks.lead_at((fleet, HANGING)), Some((fleet, HANGING)));
        over(&mut outbreaks, 15_000, fleet, HANGING);
        assert_eq!(raise(&mut outbreaks, 16_000, fleet, HANGING).0, Step::Joined);
        assert_eq!(raise(&mut outbreaks, 16_100, fleet, silence).0, Step::Joined);
    }

    #[test]
    fn what_flares_up_again_is_as_young_as_its_last_flare() {
        let mut outbreaks = Outbreaks::default();
        let provider = Place::Provider(0);
        for flare in 0..8 {
            let second = 10_000 + flare * 480;
            let want = if flare == 0 { Step::Began(0) } else { Step::Joined };
            assert_eq!(raise(&mut outbreaks, second, provider, FAILING).0, want);
            over(&mut outbreaks, second + 300, provider, FAILING);
        }
        // An hour after it began, other connections fail with it.
        let grown = raise(&mut outbreaks, 13_900, Place::Fleet, FAILING).0;
        assert_eq!(grown, Step::Grew(0, (provider, FAILING)));
    }
}
