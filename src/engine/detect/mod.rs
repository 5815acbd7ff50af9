//! Quickest detection of a change for the worse: sequential evidence against a learned baseline, per connection, provider and
//! fleet.
//!
//! Every attempt is a yes or no on one of four streams (failing, hanging, denied, slow). [`grid`] weighs it for shifts of
//! several sizes at once; the threshold follows from how many false pages a month are accepted, the attempts a day and the
//! number of scopes, so that more connections do not mean more false pages. `docs/detection.md` explains the method.

mod afresh;
mod alarm;
mod arrivals;
mod bar;
mod binomial;
mod busy;
mod change;
mod code;
mod config;
mod crowd;
mod drought;
mod flares;
mod found;
mod grid;
mod group;
mod judge;
mod kin;
mod learned;
mod numbers;
mod outbreak;
mod owner;
mod pace;
mod people;
mod rhythm;
mod rhythms;
mod saved;
mod slow;
mod spreading;
mod stream;
mod symptom;
mod table;
mod takeover;
#[cfg(test)]
mod theory;
mod told;
mod toll;
mod wander;
mod watch;
mod wide;
mod worse;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use self::busy::Busy;
pub(super) use self::change::{Arrival, Change, Signal, Telling, Trial, What};
pub use self::config::Config;
pub(super) use self::config::Kind;
use self::config::Level;
use self::crowd::Crowd;
use self::drought::Flow;
use self::group::Group;
pub(super) use self::kin::Kin;
pub(super) use self::numbers::Numbers;
pub(super) use self::outbreak::{Alarm, Explained, GROW_SECONDS, Outbreak, Outbreaks, Owned, Step};
pub(super) use self::owner::{OWN_NATS, is_shared};
use self::rhythms::Rhythms;
use self::slow::SlowMark;
use self::spreading::Spreading;
use self::stream::{Attempt, Stream};
use self::watch::Watch;
pub(super) use self::wide::Wide;
pub(super) use self::worse::{Rise, as_before, is_much_worse};
#[cfg(test)]
pub(super) use self::{
    outbreak::Counted,
    saved::{PeaksOfAll, Tolls, Worsening},
    wide::Seen,
};
use super::calendar::Place;

/// What a connection of which nothing is known is thought to do, by kind: the shares of an ordinary fleet.
const PRIOR_MEANS: [f64; 4] = [0.012, 0.125, 0.011, 0.05];

/// Attempts that the prior of the fleet is worth.
const POPULATION_PRIOR: f64 = 500.0;

/// What is older than this when it comes is late: nobody is paged for it.
pub(super) const LATE_SECONDS: u32 = 600;

const DAY: u32 = 86_400;

/// All evidence and all baselines.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Detection {
    connections: Vec<Watch>,
    providers: Vec<Group>,
    fleet: Group,
    spreading: Spreading,
    /// By kind: attempts and bad ones of people who did not fail lately, decaying.
    population: [(f64, f64); Kind::ALL.len()],
    crowd: Crowd,
    day: u32,
    /// Where the codes spread that do.
    spread: BTreeMap<u64, Place>,
    /// Connections that were ever heard of.
    known: u32,
    /// Second of the first attempt of all.
    began: u32,
    /// Newest second of an event.
    newest: u32,
    /// Newest second of an attempt.
    judged: u32,
    /// Whether events come in time.
    live: bool,
    starts: Flow,
    successes: Flow,
    #[serde(skip)]
    rhythms: Rhythms,
    slow: SlowMark,
    /// Connections and providers whose trouble is told as theirs, and of which kind. Follows from the outbreaks.
    #[serde(skip)]
    told: BTreeSet<(Place, Kind)>,
    /// Those among them that are told by an error code.
    #[serde(skip)]
    told_by_code: BTreeSet<Place>,
    #[serde(skip)]
    busy: Busy,
    #[serde(skip)]
    changes: Vec<Change>,
}

impl Detection {
    /// Takes one attempt at `now`. What comes late while others come in time is learned from and not judged; after a
    /// silence, late ones are judged in their order.
    pub(super) fn take(&mut self, trial: &Trial<'_>, now: u32, config: &Config) {
        if trial.beside || self.live && now.saturating_sub(trial.second) > LATE_SECONDS {
            return self.learn(trial, now, config);
        }
        let second = trial.second.min(now).max(self.judged);
        self.judged = second;
        self.attempt(&Trial { second, ..*trial }, config);
    }

    /// Whom a sign-in that has not ended counts for: whoever comes from its address, where that says anything.
    pub(super) fn who_waits(&self, trial: &Trial<'_>) -> u64 {
        let watch = self.connections.get(trial.connection as usize);
        let apart = watch.is_none_or(|watch| watch.addresses.tell_people_apart());
        trial.address.filter(|_| apart && !trial.known).unwrap_or(trial.person)
    }

    /// A success took `millis`.
    pub(super) fn duration(&mut self, trial: &Trial<'_>, millis: u64, now: u32, config: &Config) {
        self.make_room(trial);
        let watch = &mut self.connections[trial.connection as usize];
        if watch.slow.is_new() {
            watch.slow = self.slow.as_start();
        }
        let bad = watch.slow.is_slower(millis);
        let alarmed = watch.streams[Kind::Slow as usize].alarm.is_some()
            || self.fleet.stream(Kind::Slow).stream.alarm.is_some();
        if !alarmed {
            watch.slow.learn(millis);
            self.slow.learn(millis);
        }
        self.take(&Trial { kind: Kind::Slow, bad, ..*trial }, now, config);
    }

    fn attempt(&mut self, trial: &Trial<'_>, config: &Config) {
        self.roll(trial.second, config);
        self.make_room(trial);
        if self.began == 0 {
            self.began = trial.second.max(1);
        }
        let Trial { second, kind, bad, person, .. } = *trial;
        let prior = self.prior(kind);
        let watch = &mut self.connections[trial.connection as usize];
        watch.provider = trial.provider;
        if watch.first_at == 0 {
            watch.first_at = second.max(1);
            self.known += 1;
        }
        if kind == Kind::Failing && !bad {
            watch.successes = watch.successes.saturating_add(1);
            if let Some(address) = trial.address.filter(|_| trial.known) {
                watch.addresses.note(address, person);
            }
        }
        let established = watch.is_established(kind, second, self.began, config);
        let failures = watch.unlucky.failures(kind, person, second);
        let fresh = failures == 0;
        if bad {
            watch.unlucky.note(kind, person, second);
        }
        let alarmed = watch.streams[kind as usize].alarm.is_some()
            || self.fleet.stream(kind).stream.alarm.is_some();
        if fresh && watch.works(config) && !alarmed {
            let (attempts, bads) = &mut self.population[kind as usize];
            *attempts += 1.0;
            *bads += f64::from(u8::from(bad));
        }
        let expectation = watch.expectation(kind, prior);
        if established && fresh {
            self.busy.measure(watch, kind, bad, expectation.mean, second);
        }
        let attempt = Attempt {
            second,
            bad,
            first: bad && fresh,
            fresh,
            usual: expectation.usual,
            expected: people::expected(failures),
            weight: 1.0,
            explained: false,
        };
        let takeover = if kind == Kind::Failing {
            self.code(trial, fresh, established, expectation, config)
        } else {
            None
        };
        self.on_connection(trial, &attempt, takeover, established, config);
        if established {
            if fresh {
                self.crowd.note(kind, second, bad);
            }
            let wider = [
                (Telling::Provider, Place::Provider(trial.provider)),
                (Telling::Fleet, Place::Fleet),
            ];
            for (_, place) in wider.into_iter().filter(|(level, _)| *level <= trial.telling) {
                self.on_group(place, trial, &attempt, expectation.mean, config);
            }
        }
    }

    /// Counts an attempt of long ago: it enters the baselines without being judged.
    fn learn(&mut self, trial: &Trial<'_>, now: u32, config: &Config) {
        self.make_room(trial);
        let age_days = f64::from(now.saturating_sub(trial.second)) / f64::from(DAY);
        let bar = config.bar(Level::Connection, trial.kind);
        let weight = bar.left_after(age_days);
        if self.began == 0 || self.began > trial.second {
            self.began = trial.second.max(1);
        }
        let watch = &mut self.connections[trial.connection as usize];
        if watch.first_at == 0 {
            self.known += 1;
        }
        if watch.first_at == 0 || watch.first_at > trial.second {
            watch.first_at = trial.second.max(1);
        }
        if trial.kind == Kind::Failing && !trial.bad {
            watch.successes = watch.successes.saturating_add(1);
        }
        let bad = weight * f64::from(u8::from(trial.bad));
        watch.streams[trial.kind as usize].learn(weight, bad);
        if watch.works(config) {
            let (attempts, bads) = &mut self.population[trial.kind as usize];
            *attempts += weight;
            *bads += bad;
        }
    }

    /// Fetches what is watched on a connection.
    pub(super) fn look(&self, connection: usize) -> usize {
        self.connections.get(connection).map_or(0, Watch::look)
    }

    /// Fetches what that leads to.
    pub(super) fn look_inside(&self, connection: usize) -> usize {
        self.connections.get(connection).map_or(0, Watch::look_inside)
    }

    /// What began or ended since the last call.
    pub(super) fn changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    fn group(&self, place: Place) -> Option<&Group> {
        match place {
            Place::Provider(index) => self.providers.get(index as usize),
            Place::Fleet => Some(&self.fleet),
            Place::Connection(_) => None,
        }
    }

    fn group_mut(&mut self, place: Place) -> &mut Group {
        match place {
            Place::Provider(index) => &mut self.providers[index as usize],
            Place::Fleet | Place::Connection(_) => &mut self.fleet,
        }
    }

    fn roll(&mut self, second: u32, config: &Config) {
        let day = second / DAY;
        if self.day == 0 {
            self.day = day;
        }
        if day <= self.day {
            return;
        }
        let bar = config.bar(Level::Fleet, Kind::Failing);
        let left = bar.left_after(f64::from(day - self.day));
        self.day = day;
        self.spreading.decay(left);
        self.busy.decay(left);
        for group in self.providers.iter_mut().chain([&mut self.fleet]) {
            group.decay(left);
        }
        for (attempts, bad) in &mut self.population {
            *attempts *= left;
            *bad *= left;
        }
    }

    fn make_room(&mut self, trial: &Trial<'_>) {
        let connection = trial.connection as usize;
        if self.connections.len() <= connection {
            self.connections.resize_with(connection + 1, Watch::default);
        }
        let provider = trial.provider as usize;
        if self.providers.len() <= provider {
            self.providers.resize_with(provider + 1, Group::default);
        }
    }

    fn prior(&self, kind: Kind) -> f64 {
        let (attempts, bad) = self.population[kind as usize];
        let mean = PRIOR_MEANS[kind as usize];
        (bad + POPULATION_PRIOR * mean) / (attempts + POPULATION_PRIOR)
    }
}
