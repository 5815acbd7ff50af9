//! Quickest detection of a change for the worse: sequential evidence against a learned baseline, per connection, provider and
//! fleet.
//!
//! Every attempt is a yes or no on one of four streams (failing, hanging, denied, slow). [`grid`] weighs it for shifts of
//! several sizes at once; the threshold follows from how many false pages a month are accepted, the attempts a day and the
//! number of scopes, so that more connections do not mean more false pages. `docs/detection.md` explains the method.

mod config;
mod drought;
mod grid;
mod group;
mod outbreak;
mod people;
mod slow;
mod spreading;
mod stream;
mod table;
mod takeover;
#[cfg(test)]
mod theory;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::config::Config;
pub(super) use self::config::Kind;
use self::config::{Level, SHARE_DROUGHT, SHARE_TAKEOVER};
use self::drought::{Flow, Weather};
use self::grid::Strongest;
use self::group::{Carried, Group, GroupStream, Hit};
pub(super) use self::outbreak::{Outbreak, Outbreaks, Step};
use self::people::{Addresses, Unlucky};
use self::slow::SlowMark;
use self::spreading::{News, Spreading};
pub(super) use self::stream::Numbers;
use self::stream::{Attempt, Bar, Found, Stream, Verdict};
use self::takeover::Takeover;
use super::calendar::Place;
use super::dedup::fingerprint;

/// What a connection of which nothing is known is thought to do, by kind: the shares of an ordinary fleet.
const PRIOR_MEANS: [f64; 4] = [0.012, 0.125, 0.011, 0.05];

/// Attempts that the prior of the fleet, and that of a connection, are worth.
const POPULATION_PRIOR: f64 = 500.0;
const CONNECTION_PRIOR: f64 = 60.0;

/// The usual of a connection is lifted by this share and one standard deviation: its baseline is an estimate.
const LIFT: f64 = 1.1;
const USUAL_MIN: f64 = 0.004;
const USUAL_MAX: f64 = 0.6;

/// An alarm on a connection takes its attempts out of the group's evidence after this time; until then both may be the first
/// to see the same trouble.
const CARVE_OUT_SECONDS: u32 = 600;

/// Below this share of the threshold the rest without the worst connection is no evidence against a group.
const REST_SHARE: f64 = 0.4;

/// What is older than this when it comes is late: nobody is paged for it.
pub(super) const LATE_SECONDS: u32 = 600;

/// Connections that are heard of within this time of the first one are not new.
const BEGINNING_SECONDS: u32 = 21_600;

/// A provider owns trouble when it has this share of those who carry it, and less than that of all attempts.
const OWN_SHARE: f64 = 0.9;
const FLEET_SHARE: f64 = 0.6;

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
    #[serde(skip)]
    changes: Vec<Change>,
}

/// What is watched on one connection.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Watch {
    streams: [Stream; Kind::ALL.len()],
    /// Second of its first attempt; 0: none yet.
    first_at: u32,
    successes: u32,
    /// Finished attempts of people who did not fail lately.
    attempts: u32,
    provider: u32,
    unlucky: Unlucky,
    addresses: Addresses,
    slow: SlowMark,
    takeover: Option<Box<Takeover>>,
    takeover_day: u32,
}

/// One attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial<'a> {
    pub(super) second: u32,
    pub(super) kind: Kind,
    pub(super) bad: bool,
    pub(super) connection: u32,
    pub(super) provider: u32,
    pub(super) person: u64,
    /// Whether `person` names somebody, or only this sign-in.
    pub(super) known: bool,
    /// Where it comes from.
    pub(super) address: Option<u64>,
    /// Error code of a failure.
    pub(super) code: Option<&'a str>,
}

/// A stream of evidence at one scope.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) enum Signal {
    Stream(Kind),
    /// A code that spreads, by its hash.
    Code(u64),
    /// Arrivals that stop.
    Drought(Arrival),
}

/// What arrives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) enum Arrival {
    Start,
    Success,
}

/// Something began or ended.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Change {
    pub(super) second: u32,
    pub(super) place: Place,
    pub(super) signal: Signal,
    pub(super) what: What,
}

/// What began or ended.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub(super) enum What {
    Raised,
    Over,
    Ticket,
    TicketOver,
}

/// What a connection expects of an attempt.
#[derive(Clone, Copy, Debug)]
struct Expectation {
    mean: f64,
    usual: f64,
}

impl Watch {
    /// Whether it is known well enough to be judged. A connection that was there from the beginning is new to us, not to its
    /// customer.
    fn is_established(&self, kind: Kind, second: u32, began: u32, config: &Config) -> bool {
        let old = self.first_at <= began.saturating_add(BEGINNING_SECONDS);
        let learned = &self.streams[kind as usize].learned;
        learned.attempts + learned.fresh_attempts >= f64::from(config.min_attempts)
            && self.successes >= config.min_successes
            && (old || u64::from(second.saturating_sub(self.first_at)) >= config.min_age.seconds())
    }

    /// The posterior of a bad attempt: the population's prior and what was learned here.
    fn expectation(&self, kind: Kind, prior: f64) -> Expectation {
        let learned = &self.streams[kind as usize].learned;
        let bad = CONNECTION_PRIOR * prior + learned.bad;
        let good = (CONNECTION_PRIOR * (1.0 - prior) + learned.attempts - learned.bad).max(1.0);
        let mean = bad / (bad + good);
        let deviation = libm::sqrt(mean * (1.0 - mean) / (bad + good + 1.0));
        Expectation { mean, usual: (mean * LIFT + deviation).clamp(USUAL_MIN, USUAL_MAX) }
    }
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
        let attempt = Attempt {
            second,
            bad,
            first: bad && fresh,
            fresh,
            usual: expectation.usual,
            expected: people::expected(failures),
            weight: 1.0,
        };
        let takeover = if kind == Kind::Failing {
            self.code(trial, fresh, established, expectation, config)
        } else {
            None
        };
        self.on_connection(trial, &attempt, takeover, established, config);
        if established {
            for place in [Place::Provider(trial.provider), Place::Fleet] {
                self.on_group(place, trial, &attempt, expectation.mean, config);
            }
        }
    }

    /// Counts an attempt of long ago: it enters the baselines without being judged.
    fn learn(&mut self, trial: &Trial<'_>, now: u32, config: &Config) {
        self.make_room(trial);
        let age_days = f64::from(now.saturating_sub(trial.second)) / f64::from(DAY);
        let bar = config.bar(Level::Connection, trial.kind);
        let weight = libm::pow(bar.daily_decay, age_days);
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

    /// What began or ended since the last call.
    pub(super) fn changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Whether what comes now is about the present.
    pub(super) fn is_live(&self) -> bool {
        self.live
    }

    /// An event about `at` came at `now`. After a silence, late ones are history that is told in order.
    pub(super) fn heard(&mut self, at: u32, now: u32) {
        let late = |second: u32| now.saturating_sub(second) > LATE_SECONDS;
        if late(at) && late(self.newest) {
            self.live = false;
        } else if !late(at) {
            self.live = true;
        }
        if !self.live || !late(at) {
            self.newest = self.newest.max(at.min(now));
        }
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
                .map(|group| group.stream(kind).carriers(since))
                .unwrap_or_default(),
            Signal::Code(code) => self.spreading.carriers(code),
            Signal::Drought(_) => Vec::new(),
        }
    }

    /// The narrowest group that holds the carriers: a provider when nearly all of them are its own and it is not nearly all of
    /// the fleet.
    fn narrow(&self, carriers: &[(u32, u32)], kind: Kind) -> Place {
        let mut by_provider: BTreeMap<u32, u32> = BTreeMap::new();
        for (connection, count) in carriers {
            *by_provider.entry(self.connections[*connection as usize].provider).or_default() +=
                count;
        }
        let total: u32 = by_provider.values().sum();
        let Some((provider, most)) = by_provider.into_iter().max_by_key(|(_, count)| *count) else {
            return Place::Fleet;
        };
        let per_day = |group: &Group| group.stream(kind).stream.per_day();
        let share = per_day(&self.providers[provider as usize]) / per_day(&self.fleet);
        let narrow = f64::from(most) >= OWN_SHARE * f64::from(total) && share < FLEET_SHARE;
        if narrow { Place::Provider(provider) } else { Place::Fleet }
    }

    fn group(&self, place: Place) -> Option<&Group> {
        match place {
            Place::Provider(index) => self.providers.get(index as usize),
            Place::Fleet => Some(&self.fleet),
            Place::Connection(_) => None,
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
        let daily = config.bar(Level::Fleet, Kind::Failing).daily_decay;
        let left = libm::pow(daily, f64::from(day - self.day));
        self.day = day;
        self.spreading.decay(left);
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

    /// Follows the error codes of the fleet and of the connection.
    fn code(
        &mut self,
        trial: &Trial<'_>,
        fresh: bool,
        established: bool,
        expectation: Expectation,
        config: &Config,
    ) -> Option<Found> {
        if !fresh {
            return None;
        }
        let second = trial.second;
        let name = trial.code.filter(|_| trial.bad);
        let code = name.map(code_id);
        if established {
            let per_day = self.fleet.stream(Kind::Failing).stream.per_day();
            let failure = name.zip(code);
            for news in self.spreading.attempt(failure, trial.connection, second, per_day, config) {
                let (code, place, what) = match news {
                    News::Spreads(code) => {
                        let place = self.narrow(&self.spreading.carriers(code), Kind::Failing);
                        self.spread.insert(code, place);
                        (code, place, What::Raised)
                    }
                    News::Over(code) => {
                        (code, self.spread.remove(&code).unwrap_or(Place::Fleet), What::Over)
                    }
                };
                self.changes.push(Change { second, place, signal: Signal::Code(code), what });
            }
        }
        let watch = &mut self.connections[trial.connection as usize];
        watch.attempts = watch.attempts.saturating_add(1);
        let code = code?;
        let usual = (expectation.usual * self.spreading.share(code) * 2.0).min(1.0);
        let learned = watch.streams[Kind::Failing as usize].learned.attempts;
        let takeover = watch.takeover.get_or_insert_default();
        let days = (second / DAY).saturating_sub(watch.takeover_day);
        if days > 0 {
            let daily = config.bar(Level::Connection, Kind::Failing).daily_decay;
            takeover.decay(libm::pow(daily, f64::from(days)));
            watch.takeover_day = second / DAY;
        }
        takeover.failure(code, watch.attempts, learned, usual, second)
    }

    fn on_connection(
        &mut self,
        trial: &Trial<'_>,
        attempt: &Attempt,
        takeover: Option<Found>,
        established: bool,
        config: &Config,
    ) {
        let (kind, second) = (trial.kind, trial.second);
        let scopes = f64::from(self.known.max(1));
        let bar = Bar { scopes, established, ..config.bar(Level::Connection, kind) };
        let watch = &mut self.connections[trial.connection as usize];
        let stream = &mut watch.streams[kind as usize];
        let (verdict, _) = stream.attempt(attempt, &bar);
        let mut tell = |what| {
            let place = Place::Connection(trial.connection);
            self.changes.push(Change { second, place, signal: Signal::Stream(kind), what });
        };
        match verdict {
            Verdict::Nothing => {}
            Verdict::Ticket => tell(What::Ticket),
            Verdict::TicketOver => tell(What::TicketOver),
            Verdict::Over => tell(What::Over),
            Verdict::Page(strongest) => {
                let enough = config.min_users + u32::from(kind == Kind::Denied);
                if stream.run(strongest).people >= enough {
                    stream.raise(strongest, stream.run(strongest), second, &bar);
                    return tell(What::Raised);
                }
            }
        }
        let Some(found) = takeover.filter(|_| established && stream.alarm.is_none()) else {
            return;
        };
        let days = config.false_alarm_days(SHARE_TAKEOVER);
        let threshold = libm::log(days * stream.per_day() * scopes * takeover::STREAMS);
        if found.nats >= threshold && found.shift >= bar.shift_min && found.bad >= config.min_users
        {
            stream.raise_on(found, second, &bar);
            if let Some(takeover) = &mut watch.takeover {
                takeover.forget();
            }
            tell(What::Raised);
        }
    }

    fn on_group(
        &mut self,
        place: Place,
        trial: &Trial<'_>,
        attempt: &Attempt,
        mean: f64,
        config: &Config,
    ) {
        let (kind, second) = (trial.kind, trial.second);
        let explained = self.is_explained(place, trial);
        let (group, level, scopes) = match place {
            Place::Provider(index) => {
                let scopes = self.providers.len().max(1);
                (&mut self.providers[index as usize], Level::Provider, scopes)
            }
            Place::Fleet | Place::Connection(_) => (&mut self.fleet, Level::Fleet, 1),
        };
        let group = group.stream_mut(kind);
        if explained && group.stream.alarm.is_none() {
            return;
        }
        let (expected, usual) = group.expect(mean, second);
        if attempt.fresh {
            group.measure(attempt.bad, expected, second);
        }
        if attempt.bad {
            let first = attempt.first;
            group.hit(Hit { at: second, connection: trial.connection, first });
        }
        #[expect(clippy::cast_precision_loss, reason = "scopes are bounded")]
        let scopes = scopes as f64;
        let bar = Bar {
            scopes,
            tempering: group.tempering(),
            established: group.is_established(),
            ..config.bar(level, kind)
        };
        let attempt = Attempt { usual, weight: mean, ..*attempt };
        let (verdict, entered) = group.stream.attempt(&attempt, &bar);
        group.entered(entered, second);
        let what = match verdict {
            Verdict::Nothing => return,
            Verdict::Ticket => What::Ticket,
            Verdict::TicketOver => What::TicketOver,
            Verdict::Over => What::Over,
            Verdict::Page(strongest) => {
                if !is_broad(group, strongest, &bar, config) {
                    // One connection explains it: the evidence is that connection's.
                    return group.stream.hand_over();
                }
                return self.raise(place, kind, strongest, second, &bar);
            }
        };
        self.changes.push(Change { second, place, signal: Signal::Stream(kind), what });
    }
}

impl Detection {
    /// Whether a narrower alarm has explained an attempt for a while.
    fn is_explained(&self, place: Place, trial: &Trial<'_>) -> bool {
        let kind = trial.kind;
        let old = |stream: &Stream| {
            let known = stream.known_since();
            known.is_some_and(|since| trial.second.saturating_sub(since) > CARVE_OUT_SECONDS)
        };
        let provider = &self.providers[trial.provider as usize].stream(kind).stream;
        old(&self.connections[trial.connection as usize].streams[kind as usize])
            || (place == Place::Fleet && old(provider))
    }

    /// Raises the alarm of a group, or of the provider that owns the fleet's trouble.
    fn raise(&mut self, place: Place, kind: Kind, strongest: Strongest, second: u32, bar: &Bar) {
        let group = self.group(place).expect("a group").stream(kind);
        let run = group.stream.run(strongest);
        let place = match self.narrow(&group.carriers(run.since), kind) {
            owner @ Place::Provider(_) if place == Place::Fleet => {
                self.fleet.stream_mut(kind).stream.hand_over();
                owner
            }
            Place::Provider(_) | Place::Fleet | Place::Connection(_) => place,
        };
        let stream = match place {
            Place::Provider(index) => &mut self.providers[index as usize].stream_mut(kind).stream,
            Place::Fleet | Place::Connection(_) => &mut self.fleet.stream_mut(kind).stream,
        };
        if stream.alarm.is_some() {
            return;
        }
        stream.raise(strongest, run, second, bar);
        self.changes.push(Change {
            second,
            place,
            signal: Signal::Stream(kind),
            what: What::Raised,
        });
    }
}

/// Whether enough connections carry the evidence, none too much of it.
fn is_broad(group: &GroupStream, strongest: Strongest, bar: &Bar, config: &Config) -> bool {
    let run = group.stream.run(strongest);
    let Carried { total, connections, largest } = group.carried(run.since);
    let gain = table::row(group.stream.usual).gain[strongest.index] * bar.tempering;
    let rest = strongest.nats - f64::from(largest) * gain;
    total > 0
        && connections >= config.min_connections
        && largest * 2 <= total
        && rest >= REST_SHARE * group.stream.threshold(bar)
}

/// An error code, folded.
fn code_id(code: &str) -> u64 {
    let hash = fingerprint(code);
    #[expect(clippy::cast_possible_truncation, reason = "folds 128 bits into 64")]
    let folded = (hash >> 64) as u64 ^ hash as u64;
    folded
}
