//! Quickest detection of a change for the worse: sequential evidence against a learned baseline, per connection, provider and
//! fleet.
//!
//! Every attempt is a yes or no on one of four streams (failing, hanging, denied, slow). [`grid`] weighs it for shifts of
//! several sizes at once; the threshold follows from how many false pages a month are accepted, the attempts a day and the
//! number of scopes, so that more connections do not mean more false pages. `docs/detection.md` explains the method.

mod afresh;
mod alarm;
mod bar;
mod binomial;
mod busy;
mod change;
mod config;
mod crowd;
mod drought;
mod flares;
mod grid;
mod group;
mod judge;
mod learned;
mod numbers;
mod outbreak;
mod owner;
mod pace;
mod people;
mod slow;
mod spreading;
mod stream;
mod table;
mod takeover;
#[cfg(test)]
mod theory;
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
use self::config::{Level, SHARE_DROUGHT};
use self::crowd::Crowd;
use self::drought::{Flow, Weather};
use self::group::Group;
pub(super) use self::judge::is_shared;
pub(super) use self::numbers::Numbers;
pub(super) use self::outbreak::{
    Alarm, Explained, GROW_SECONDS, Kin, Outbreak, Outbreaks, Owned, Step,
};
pub(super) use self::owner::OWN_NATS;
use self::slow::SlowMark;
use self::spreading::Spreading;
use self::stream::{Attempt, Stream};
use self::toll::Toll;
use self::wander::{Gauge, Wander};
use self::watch::Watch;
pub(super) use self::wide::Wide;
use self::worse::Worse;
pub(super) use self::worse::{Rise, is_much_worse};
#[cfg(test)]
pub(super) use self::{outbreak::Counted, wide::Seen};
use super::calendar::Place;
use crate::signal::{CrowdView, Share};

/// What a connection of which nothing is known is thought to do, by kind: the shares of an ordinary fleet.
const PRIOR_MEANS: [f64; 4] = [0.012, 0.125, 0.011, 0.05];

/// Attempts that the prior of the fleet is worth.
const POPULATION_PRIOR: f64 = 500.0;

/// What is older than this when it comes is late: nobody is paged for it.
pub(super) const LATE_SECONDS: u32 = 600;

const DAY: u32 = 86_400;

/// How the odds of groups wander, by kind.
pub(super) type Wandering = Vec<[Wander; Kind::ALL.len()]>;

/// The same of busy connections: what is known of all, and by connection what is being measured.
pub(super) type BusyWandering = (Busy, Vec<(u32, Box<[Gauge; Kind::ALL.len()]>)>);

/// Whom alarms have hit: by kind of the providers and last of the fleet, and by code.
pub(super) type Tolls = (Vec<[Toll; Kind::ALL.len()]>, Vec<Toll>);

/// Which alarms get worse.
pub(super) type Worsening = Vec<(Place, Kind, Worse)>;

/// How strong evidence was.
pub(super) type PeaksOfAll = Vec<(Place, Kind, grid::Peaks)>;

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
    slow: SlowMark,
    /// Connections and providers whose trouble is told as theirs, and of which kind. Follows from the outbreaks.
    #[serde(skip)]
    told: BTreeSet<(Place, Kind)>,
    #[serde(skip)]
    busy: Busy,
    #[serde(skip)]
    changes: Vec<Change>,
}

impl Detection {
    /// Takes one attempt at `now`. What comes late while others come in time is learned from and not judged; after a
    /// silence, late ones are judged in their order.
    pub(super) fn take(&mut self, trial: &Trial<'_>, now: u32, config: &Config) {
        if self.live && now.saturating_sub(trial.second) > LATE_SECONDS {
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
        if fresh {
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
        let (attempts, bads) = &mut self.population[trial.kind as usize];
        *attempts += weight;
        *bads += bad;
    }

    /// Fetches what is watched on a connection.
    pub(super) fn look(&self, connection: usize) -> usize {
        self.connections.get(connection).map_or(0, Watch::look)
    }

    /// Fetches what that leads to.
    pub(super) fn look_inside(&self, connection: usize) -> usize {
        self.connections.get(connection).map_or(0, Watch::look_inside)
    }

    /// Takes over what outbreaks are told as.
    pub(super) fn know_told(&mut self, alarms: impl Iterator<Item = Alarm>) {
        self.told = alarms
            .filter_map(|(place, signal)| match (place, signal) {
                (Place::Fleet, _) | (_, Signal::Drought(_)) => None,
                (_, Signal::Stream(kind)) => Some((place, kind)),
                (_, Signal::Code(_)) => Some((place, Kind::Failing)),
            })
            .collect();
    }

    /// An outbreak is over: what was seen in it is no evidence of another one.
    pub(super) fn forget(&mut self, places: &BTreeSet<Place>) {
        for place in places {
            if let Place::Connection(index) = place
                && let Some(watch) = self.connections.get_mut(*index as usize)
                && let Some(takeover) = &mut watch.takeover
            {
                takeover.forget();
            }
        }
    }

    /// What began or ended since the last call.
    pub(super) fn changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// How odds wander, of the providers and last of the fleet.
    pub(super) fn wandering(&self) -> Wandering {
        self.providers.iter().chain([&self.fleet]).map(Group::wanders).collect()
    }

    /// Takes over [`Detection::wandering`].
    pub(super) fn wander_as(&mut self, known: Wandering) {
        for (group, known) in self.providers.iter_mut().chain([&mut self.fleet]).zip(known) {
            for (wander, known) in group.wander_mut().into_iter().zip(known) {
                *wander = known;
            }
        }
    }

    /// How the odds of busy connections wander.
    pub(super) fn busy_wandering(&self) -> BusyWandering {
        let connections = (0..).zip(&self.connections);
        let gauges = connections.filter_map(|(index, watch)| Some((index, watch.gauges.clone()?)));
        (self.busy.clone(), gauges.collect())
    }

    /// Takes over [`Detection::busy_wandering`].
    pub(super) fn busy_wander_as(&mut self, (busy, gauges): BusyWandering) {
        self.busy = busy;
        for (connection, gauges) in gauges {
            if let Some(watch) = self.connections.get_mut(connection as usize) {
                watch.gauges = Some(gauges);
            }
        }
    }

    /// Whom the alarms of providers, of the fleet and on codes have hit since their trouble began.
    pub(super) fn tolls(&self) -> Tolls {
        let groups = self.providers.iter().chain([&self.fleet]);
        (groups.map(Group::tolls).collect(), self.spreading.tolls())
    }

    /// Counts on whom alarms hit from what is remembered, for a state of a build that did not count it.
    pub(super) fn begin_tolls(&mut self) {
        let groups = self.providers.iter_mut().chain([&mut self.fleet]);
        groups.for_each(Group::begin_tolls);
        self.spreading.begin_tolls();
    }

    /// Takes over [`Detection::tolls`].
    pub(super) fn know_tolls(&mut self, (groups, codes): Tolls) {
        for (group, tolls) in self.providers.iter_mut().chain([&mut self.fleet]).zip(groups) {
            group.know_tolls(tolls);
        }
        self.spreading.know_tolls(codes);
    }

    /// All streams, by place and kind.
    fn streams(&self) -> impl Iterator<Item = (Place, Kind, &Stream)> {
        let connections = (0..).zip(&self.connections).map(|(index, _)| Place::Connection(index));
        let providers = (0..).zip(&self.providers).map(|(index, _)| Place::Provider(index));
        let places = connections.chain(providers).chain([Place::Fleet]);
        let streams = places.flat_map(|place| Kind::ALL.map(|kind| (place, kind)));
        streams.filter_map(|(place, kind)| Some((place, kind, self.stream(place, kind)?)))
    }

    /// Which alarms get worse.
    pub(super) fn worsening(&self) -> Worsening {
        let worse = self.streams().filter_map(|(place, kind, stream)| {
            let alarm = stream.alarm.as_ref()?;
            alarm.worse.is_any().then_some((place, kind, alarm.worse))
        });
        worse.collect()
    }

    /// How strong the evidence of each stream was.
    pub(super) fn peaks(&self) -> PeaksOfAll {
        let peaks = self
            .streams()
            .filter_map(|(place, kind, stream)| Some((place, kind, stream.grid.as_ref()?.peaks())));
        peaks.collect()
    }

    /// Takes over [`Detection::peaks`].
    pub(super) fn know_peaks(&mut self, known: PeaksOfAll) {
        for (place, kind, peaks) in known {
            let stream = self.stream_mut(place, kind);
            if let Some(grid) = stream.and_then(|stream| stream.grid.as_mut()) {
                grid.know_peaks(peaks);
            }
        }
    }

    /// Takes over [`Detection::worsening`].
    pub(super) fn know_worsening(&mut self, known: Worsening) {
        for (place, kind, worse) in known {
            let stream = self.stream_mut(place, kind);
            if let Some(alarm) = stream.and_then(|stream| stream.alarm.as_mut()) {
                alarm.worse = worse;
            }
        }
    }

    /// How an alarm has got much worse, if it has.
    pub(super) fn rise(&self, place: Place, kind: Kind) -> Option<Rise> {
        self.stream(place, kind)?.alarm.as_ref()?.worse.rise()
    }

    /// The share of all sign-ins that those of these places are, where they do not overlap.
    pub(super) fn share_of_all(&self, places: &BTreeSet<Place>) -> f64 {
        let kind = Kind::Failing;
        let per_day = |place: &Place| self.stream(*place, kind).map_or(0.0, Stream::per_day);
        places.iter().map(per_day).sum::<f64>() / self.fleet.stream(kind).stream.per_day()
    }

    /// What usually happens on a connection, in a day.
    pub(super) fn attempts_a_day(&self, connection: u32) -> f64 {
        self.stream(Place::Connection(connection), Kind::Failing).map_or(0.0, Stream::per_day)
    }

    /// The share of those hit lately, of an alarm that is up.
    pub(super) fn share_lately(&self, place: Place, kind: Kind) -> f64 {
        let alarm = self.stream(place, kind).and_then(|stream| stream.alarm.as_ref());
        alarm.map_or(0.0, |alarm| alarm.worse.lately())
    }

    /// The fleet's people of the last hour, and what is usual of them.
    pub(super) fn crowd(&self) -> CrowdView {
        let share = |kind: Kind| {
            let (all, bad) = self.population[kind as usize];
            Share { all, bad }
        };
        let (failing, hanging) = (share(Kind::Failing), share(Kind::Hanging));
        CrowdView { minutes: self.crowd.minutes(), failing, hanging }
    }

    /// Whether what comes now is about the present.
    pub(super) fn is_live(&self) -> bool {
        self.live
    }

    /// An event about `at` came at `now`; whether history ends with it. After a silence, late ones are history that is told in
    /// order.
    pub(super) fn heard(&mut self, at: u32, now: u32) -> bool {
        let late = |second: u32| now.saturating_sub(second) > LATE_SECONDS;
        let was_live = self.live;
        if late(at) && late(self.newest) {
            self.live = false;
        } else if !late(at) {
            self.live = true;
        }
        if !self.live || !late(at) {
            self.newest = self.newest.max(at.min(now));
        }
        self.live && !was_live
    }

    /// The time for judgements: the present, or while history is told the time of its newest event.
    pub(super) fn time(&self, now: u32) -> u32 {
        if self.live { now } else { self.newest }
    }

    /// A start or a success about `at` came at `now`.
    pub(super) fn arrived(&mut self, arrival: Arrival, at: u32, now: u32, config: &Config) {
        if self.live && now.saturating_sub(at) > LATE_SECONDS {
            return;
        }
        self.look_at_flows(self.time(now), config);
        self.flow_mut(arrival).arrival();
    }

    /// Nobody listened until `second`: counting arrivals begins anew.
    pub(super) fn resume(&mut self, second: u32) {
        self.starts.resume(second);
        self.successes.resume(second);
    }

    /// Looks at what should have arrived by `second`.
    pub(super) fn look_at_flows(&mut self, second: u32, config: &Config) {
        let bins_a_day = f64::from(DAY / drought::BIN_SECONDS);
        let days = config.false_alarm_days(SHARE_DROUGHT);
        let threshold = libm::log(days * bins_a_day * 2.0);
        for arrival in [Arrival::Start, Arrival::Success] {
            while let Some(weather) = self.flow_mut(arrival).advance(second, threshold) {
                let what = match weather {
                    Weather::Same => continue,
                    Weather::Drought => What::Raised,
                    Weather::Rain => What::Over,
                };
                let signal = Signal::Drought(arrival);
                self.changes.push(Change { second, place: Place::Fleet, signal, what });
            }
        }
    }

    /// When [`Detection::look_at_flows`] finds something new.
    pub(super) fn next_look_at_flows(&self) -> Option<u32> {
        self.starts.bin_ends().into_iter().chain(self.successes.bin_ends()).min()
    }

    fn flow_mut(&mut self, arrival: Arrival) -> &mut Flow {
        match arrival {
            Arrival::Start => &mut self.starts,
            Arrival::Success => &mut self.successes,
        }
    }

    /// Nats by which those of the fleet who are not `told` are hit more than is usual, of a trouble that began at `since`.
    pub(super) fn rest_nats(&self, kind: Kind, since: u32, told: impl Fn(u32) -> bool) -> f64 {
        let Some(own) = self.numbers(Place::Fleet, Signal::Stream(kind)) else { return 0.0 };
        let per_day = |stream: &Stream| stream.per_day();
        let all = (0..).zip(&self.connections);
        let told_per_day: f64 = all
            .filter(|(index, _)| told(*index))
            .map(|(_, watch)| per_day(&watch.streams[kind as usize]))
            .sum();
        let fleet = &self.fleet.stream(kind).stream;
        let rest = (1.0 - told_per_day / per_day(fleet)).max(0.0);
        // Only the last hits are remembered by connection.
        let carriers = self.carriers(Place::Fleet, Signal::Stream(kind), since);
        let count =
            |hit: &mut dyn Iterator<Item = &(u32, u32)>| -> u32 { hit.map(|(_, bad)| *bad).sum() };
        let known = f64::from(count(&mut carriers.iter()));
        let others = f64::from(count(&mut carriers.iter().filter(|(index, _)| !told(*index))));
        let (bad, all) = own.hit_of();
        let bad = bad * others / known.max(1.0);
        binomial::nats(bad, (all * rest).max(bad), own.usual)
    }

    /// The numbers behind an alarm or a ticket.
    pub(super) fn numbers(&self, place: Place, signal: Signal) -> Option<Numbers> {
        match signal {
            Signal::Code(code) => self.spreading.numbers(code),
            Signal::Stream(kind) => self.stream(place, kind)?.numbers(),
            Signal::Drought(Arrival::Start) => self.starts.numbers(),
            Signal::Drought(Arrival::Success) => self.successes.numbers(),
        }
    }

    /// Whether the alarm is up.
    pub(super) fn is_up(&self, place: Place, signal: Signal) -> bool {
        match signal {
            Signal::Stream(kind) => {
                self.stream(place, kind).is_some_and(|stream| stream.alarm.is_some())
            }
            Signal::Code(_) | Signal::Drought(_) => self.numbers(place, signal).is_some(),
        }
    }

    /// Whether the evidence for a ticket is still there.
    pub(super) fn has_ticket(&self, place: Place, signal: Signal) -> bool {
        match signal {
            Signal::Stream(kind) => {
                self.stream(place, kind).is_some_and(|stream| stream.known_since().is_some())
            }
            Signal::Code(_) | Signal::Drought(_) => false,
        }
    }

    fn stream(&self, place: Place, kind: Kind) -> Option<&Stream> {
        match place {
            Place::Connection(index) => {
                Some(&self.connections.get(index as usize)?.streams[kind as usize])
            }
            Place::Provider(_) | Place::Fleet => Some(&self.group(place)?.stream(kind).stream),
        }
    }

    /// The connections that carry what a group's alarm is about, worst first.
    pub(super) fn carriers(&self, place: Place, signal: Signal, since: u32) -> Vec<(u32, u32)> {
        match signal {
            Signal::Stream(kind) => self
                .group(place)
                .map(|group| group.stream(kind).hit_since(since))
                .unwrap_or_default(),
            Signal::Code(code) => self.spreading.carriers(code),
            Signal::Drought(_) => Vec::new(),
        }
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
