//! Error codes of the whole fleet: one that was rare and now comes from many connections is evidence of its own, and needs far
//! fewer failures than all codes together.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::config::{Config, SHARE_SPREADING, WAIT_SECONDS};
use super::group::GroupStream;
use super::numbers::Numbers;
use super::stream::UNEASY_A_DAY;
use super::toll::{self, Toll, worst_first};
use super::wander;

/// Codes that are followed; the rarest makes room for a new one.
const CODES_MAX: usize = 32;

/// Failures of a code that are remembered for the question who carries it.
const HITS_MAX: usize = 64;

/// Attempts that must have been learned before any code counts as rare.
const LEARNED_MIN: f64 = 500.0;

/// Shifts that are looked for: a code's usual share is far smaller than that of all failures.
const SHIFTS: [f64; 8] = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.9];

/// Independent streams that the threshold must cover: the dozen codes of an ordinary fleet give fewer false alarms than so many
/// would at the nominal rate, for their usual shares are lifted and three failures are the least that spreads. A test holds it.
const STREAMS: f64 = 4.0;

/// The usual share of a code lies between these.
const USUAL_MIN: f64 = 2e-5;
const USUAL_MAX: f64 = 0.3;

/// A single failure with a rare code is a large step, and how far it carries over the threshold depends on where that lies: no more
/// than this much of the overshoot is taken credit for, and of a code below this share no more in all. With what the usual share is
/// lifted by, false alarms stay below the budget at every share, which a test holds.
const LATTICE_OVERSHOOT: f64 = 2.0;
const LATTICE_USUAL: f64 = 0.002;

/// A code pages when it has this share of what pages for the fleet, for its own share is an estimate from a few; and when all failures
/// since it began to spread are so much likelier with it on top of the usual ones than without, in nats.
const FELT_SHARE: f64 = 0.5;
const ON_TOP_NATS: f64 = 1.0;

/// Below this share of its threshold the rest without the worst connection is no evidence.
const REST_SHARE: f64 = 0.4;

/// All codes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Spreading {
    codes: Vec<Code>,
    /// Attempts that were looked at.
    attempts: f64,
    learned: f64,
    fresh: f64,
    entered_at: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Code {
    id: u64,
    name: Box<str>,
    learned: f64,
    fresh: f64,
    /// `Spreading::attempts` at its last failure.
    last: f64,
    runs: [Run; SHIFTS.len()],
    hits: VecDeque<(u32, u32)>,
    alarm: Option<CodeAlarm>,
    /// While the alarm is up. Stands behind all else in a checkpoint.
    #[serde(skip)]
    toll: Toll,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Run {
    weight: f64,
    since: u32,
    /// `Spreading::attempts` when it began.
    began: f64,
    bad: u32,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct CodeAlarm {
    raised_at: u32,
    since: u32,
    attempts: u64,
    bad: u64,
    last_bad: u32,
    nats: f64,
    chance_days: f64,
    usual: f64,
    during: f64,
    relief: f64,
}

/// What is known of the fleet besides.
pub(super) struct Around<'a> {
    /// All its failures.
    pub(super) stream: &'a GroupStream,
    /// Whether a connection's trouble is told by itself, or its provider's, and has been for a while.
    pub(super) is_told: &'a dyn Fn(u32) -> bool,
}

/// What changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum News {
    Spreads(u64),
    Over(u64),
}

impl Spreading {
    /// A finished attempt of somebody who did not fail lately, on a connection that is known well; and whether that one has an alarm of
    /// its own: where it has most of the last failures as well, it does not say whether a code spreads on.
    pub(super) fn attempt(
        &mut self,
        failure: Option<(&str, u64)>,
        (connection, has_own): (u32, bool),
        second: u32,
        fleet: &Around<'_>,
        config: &Config,
    ) -> Vec<News> {
        self.attempts += 1.0;
        self.fresh += 1.0;
        if second.saturating_sub(self.entered_at) > WAIT_SECONDS {
            self.enter(second);
        }
        let mut news =
            self.relieve(failure.map(|(_, id)| id), has_own.then_some(connection), second);
        if let Some((name, id)) = failure
            && let Some(place) = self.place(name, id)
        {
            let spreads = self.failure(place, connection, second, fleet, config);
            news.extend(spreads.then_some(News::Spreads(id)));
        }
        news
    }

    /// Decays with the baselines, once a day.
    pub(super) fn decay(&mut self, left: f64) {
        self.learned *= left;
        for code in &mut self.codes {
            code.learned *= left;
        }
    }

    /// The share of a code among failures, `failures` of which were learned in all: of one that was never seen, small.
    pub(super) fn share(&self, code: u64) -> f64 {
        let all: f64 = self.codes.iter().map(|code| code.learned).sum();
        let known = self.codes.iter().find(|known| known.id == code);
        let learned = known.map_or(0.0, |code| code.learned);
        ((learned + 1.0 + libm::sqrt(learned + 1.0)) / (all + 20.0)).clamp(0.01, 1.0)
    }

    /// The connections that a code spreads over, worst first.
    pub(super) fn carriers(&self, id: u64) -> Vec<(u32, u32)> {
        let Some(code) = self.codes.iter().find(|code| code.id == id) else { return Vec::new() };
        if code.alarm.is_some() {
            return code.toll.carriers();
        }
        let mut counts = code.counts(0);
        worst_first(&mut counts);
        counts
    }

    /// Whom the alarms on codes have hit: a part of the state that older builds did not have.
    pub(super) fn tolls(&self) -> Vec<Toll> {
        self.codes.iter().map(|code| code.toll.clone()).collect()
    }

    /// Counts on from what is remembered, for a state without tolls.
    pub(super) fn begin_tolls(&mut self) {
        for code in &mut self.codes {
            if let Some(since) = code.alarm.map(|alarm| alarm.since) {
                code.toll = Toll::begin(code.counts(since));
            }
        }
    }

    /// Takes over [`Spreading::tolls`].
    pub(super) fn know_tolls(&mut self, tolls: Vec<Toll>) {
        for (code, toll) in self.codes.iter_mut().zip(tolls) {
            code.toll = toll;
        }
    }

    /// The numbers behind the alarm on a code.
    pub(super) fn numbers(&self, id: u64) -> Option<Numbers> {
        let code = self.codes.iter().find(|code| code.id == id)?;
        let alarm = code.alarm.as_ref()?;
        Some(Numbers {
            since: alarm.since,
            attempts: alarm.attempts,
            bad: alarm.bad,
            people: alarm.bad,
            repeats: 0,
            last_bad: alarm.last_bad,
            usual: alarm.usual,
            nats: alarm.nats,
            chance_days: alarm.chance_days,
            code: Some(code.name.clone()),
        })
    }

    /// The share of the failures with a code that was due anyway since it began to spread.
    #[expect(clippy::cast_precision_loss, reason = "attempts are far below 2^52")]
    pub(super) fn due(&self, id: u64) -> f64 {
        let code = self.codes.iter().find(|code| code.id == id);
        let alarm = code.and_then(|code| code.alarm.as_ref());
        alarm.map_or(0.0, |alarm| alarm.usual * alarm.attempts as f64 / alarm.bad.max(1) as f64)
    }

    /// Ends the alarm on a code.
    pub(super) fn dismiss(&mut self, id: u64) {
        for code in self.codes.iter_mut().filter(|code| code.id == id) {
            code.alarm = None;
            code.runs = Default::default();
        }
    }

    /// Whether a code is on its way to an alarm: further than chance brings one every quarter of an hour, and over connections. A
    /// single failure with a rare code is much evidence.
    pub(super) fn is_uneasy(&self, per_day: f64, config: &Config) -> bool {
        let enough = libm::log(per_day.max(100.0) * STREAMS / UNEASY_A_DAY);
        let on_its_way = |code: &Code| {
            let (nats, since) = code.nats(code.usual(self.learned), self.attempts);
            nats >= enough && code.carried(since).0 >= config.min_connections
        };
        self.learned >= LEARNED_MIN && self.codes.iter().any(on_its_way)
    }

    fn enter(&mut self, second: u32) {
        if self.entered_at > 0 {
            for code in &mut self.codes {
                if code.alarm.is_none() {
                    code.learned += code.fresh;
                }
                code.fresh = 0.0;
            }
            self.learned += self.fresh;
        }
        self.fresh = 0.0;
        self.entered_at = second;
    }

    fn relieve(&mut self, failed_with: Option<u64>, own: Option<u32>, second: u32) -> Vec<News> {
        let learned = self.learned;
        let mut news = Vec::new();
        for code in &mut self.codes {
            let Some(alarm) = &mut code.alarm else { continue };
            let usual = ((1.25 * code.learned + 3.0) / (learned + 100.0)).min(USUAL_MAX);
            let usual = (usual * 1.1).min(alarm.during * 0.5);
            alarm.attempts += 1;
            if failed_with == Some(code.id) {
                alarm.bad += 1;
                alarm.last_bad = second;
                alarm.during = during(alarm.bad, alarm.attempts, alarm.usual);
            }
            let hits = code.hits.iter().map(|(_, connection)| *connection);
            if own.is_some_and(|own| toll::is_mostly(hits, own)) {
                continue;
            }
            alarm.relief += if failed_with == Some(code.id) {
                libm::log(usual / alarm.during)
            } else {
                libm::log((1.0 - usual) / (1.0 - alarm.during))
            };
            alarm.relief = alarm.relief.max(0.0);
            if alarm.relief >= 5.3 && second.saturating_sub(alarm.raised_at) >= 300 {
                code.alarm = None;
                code.runs = Default::default();
                news.push(News::Over(code.id));
            }
        }
        news
    }

    /// Where a code is followed. A new one takes the place of the rarest one without an alarm: what is told of must be able to end.
    fn place(&mut self, name: &str, id: u64) -> Option<usize> {
        if let Some(place) = self.codes.iter().position(|code| code.id == id) {
            return Some(place);
        }
        let new = Code {
            id,
            name: name.into(),
            learned: 0.0,
            fresh: 0.0,
            last: self.attempts,
            runs: Default::default(),
            hits: VecDeque::new(),
            alarm: None,
            toll: Toll::default(),
        };
        if self.codes.len() < CODES_MAX {
            self.codes.push(new);
            return Some(self.codes.len() - 1);
        }
        let known = |place: usize| self.codes[place].learned + self.codes[place].fresh;
        let rarest = (0..CODES_MAX)
            .filter(|place| self.codes[*place].alarm.is_none())
            .min_by(|a, b| known(*a).total_cmp(&known(*b)))?;
        self.codes[rarest] = new;
        Some(rarest)
    }

    fn failure(
        &mut self,
        place: usize,
        connection: u32,
        second: u32,
        fleet: &Around<'_>,
        config: &Config,
    ) -> bool {
        let (attempts, learned) = (self.attempts, self.learned);
        let code = &mut self.codes[place];
        code.fresh += 1.0;
        if code.hits.len() >= HITS_MAX {
            code.hits.pop_front();
        }
        code.hits.push_back((second, connection));
        if code.alarm.is_some() {
            code.toll.hit(connection);
            return false;
        }
        code.take_out(fleet.is_told);
        let usual = code.usual(learned);
        let good = (attempts - code.last - 1.0).max(0.0);
        code.last = attempts;
        let Some((index, nats)) = code.weigh(usual, good, attempts, second) else { return false };
        let (per_day, wander) = (fleet.stream.stream.per_day(), fleet.stream.wander());
        let threshold = threshold(per_day, config);
        if nats < threshold || learned < LEARNED_MIN {
            return false;
        }
        let run = code.runs[index];
        let since_began = (attempts - run.began).max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive count"
        )]
        let looked_at = since_began as u32;
        let nats = nats - wander::explained(run.bad, looked_at, usual, wander);
        if nats < threshold {
            return false;
        }
        let (connections, largest, total) = code.carried(run.since);
        let gain = libm::log1p(SHIFTS[index] * (1.0 - usual) / usual);
        let broad = connections >= config.min_connections
            && largest * 2 <= total
            && nats - f64::from(largest) * gain >= REST_SHARE * threshold;
        if !broad {
            if nats >= threshold + 3.0 {
                for run in &mut code.runs {
                    run.weight *= 0.5;
                }
            }
            return false;
        }
        if !is_felt(run.bad, looked_at, run.since, fleet.stream, config) {
            return false;
        }
        code.alarm = Some(CodeAlarm {
            raised_at: second,
            since: run.since,
            attempts: looked_at.into(),
            bad: run.bad.into(),
            last_bad: second,
            nats,
            chance_days: libm::exp(nats.min(60.0)) / (per_day * STREAMS),
            usual,
            during: during(run.bad.into(), looked_at.into(), usual),
            relief: 0.0,
        });
        code.toll = Toll::begin(code.counts(run.since));
        code.runs = Default::default();
        true
    }
}

impl Code {
    /// Its share of attempts, lifted: it is an estimate.
    fn usual(&self, learned: f64) -> f64 {
        let bad = 1.25 * self.learned + 1.0 + 2.0 * libm::sqrt(self.learned + 1.0);
        (bad / (learned + 100.0)).clamp(USUAL_MIN, USUAL_MAX)
    }

    /// The strongest evidence now, with the good attempts since the last failure, and since when it gathers.
    fn nats(&self, usual: f64, attempts: f64) -> (f64, u32) {
        let good = (attempts - self.last).max(0.0);
        let runs = self.runs.iter().zip(SHIFTS).filter(|(run, _)| run.weight > 0.0);
        let nats = runs.map(|(run, shift)| {
            (run.weight + good * libm::log1p(-shift) - correction(usual, shift), run.since)
        });
        nats.fold((0.0, 0), |most, one| if one.0 > most.0 { one } else { most })
    }

    /// The strongest evidence after another failure and the `good` attempts before it.
    fn weigh(&mut self, usual: f64, good: f64, attempts: f64, second: u32) -> Option<(usize, f64)> {
        let odds_against = (1.0 - usual) / usual;
        let mut best: Option<(usize, f64)> = None;
        for (index, (run, shift)) in self.runs.iter_mut().zip(SHIFTS).enumerate() {
            if shift * odds_against < 1.0 {
                run.weight = 0.0;
                continue;
            }
            let loss = libm::log1p(-shift);
            run.weight += good * loss;
            if run.weight <= 0.0 {
                *run = Run { weight: 0.0, since: second, began: attempts - 1.0, bad: 0 };
            }
            let gain = libm::log1p(shift * odds_against);
            run.weight += gain;
            run.bad += 1;
            let nats = run.weight - correction(usual, shift);
            if best.is_none_or(|(_, most)| nats > most) {
                best = Some((index, nats));
            }
        }
        best
    }

    /// Connections hit since then, failures of the worst, all failures.
    fn carried(&self, since: u32) -> (usize, u32, u32) {
        let counts = self.counts(since);
        let largest = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
        (counts.len(), largest, counts.iter().map(|(_, count)| count).sum())
    }

    /// Takes out the failures of connections whose trouble is told by itself, and their part of the evidence.
    fn take_out(&mut self, is_told: &dyn Fn(u32) -> bool) {
        let all = self.hits.len();
        self.hits.retain(|(_, connection)| !is_told(*connection));
        let left = self.hits.len();
        if left < all {
            #[expect(clippy::cast_precision_loss, reason = "few are remembered")]
            let left = left as f64 / all as f64;
            self.runs.iter_mut().for_each(|run| run.weight *= left);
        }
    }

    /// Failures by connection since then.
    fn counts(&self, since: u32) -> Vec<(u32, u32)> {
        let mut counts: Vec<(u32, u32)> = Vec::new();
        for (_, connection) in self.hits.iter().filter(|(at, _)| *at >= since) {
            match counts.iter_mut().find(|(known, _)| known == connection) {
                Some((_, count)) => *count += 1,
                None => counts.push((*connection, 1)),
            }
        }
        counts
    }
}

/// Whether people feel that a code spreads: about as many of them as page for the fleet fail with it, and it rather comes on top of
/// the usual failures than in the place of some, as when a code is renamed, which makes nothing worse.
fn is_felt(bad: u32, attempts: u32, since: u32, fleet: &GroupStream, config: &Config) -> bool {
    let (bad, attempts) = (f64::from(bad), f64::from(attempts));
    // The last one is not among those that the fleet remembers yet.
    let all: u32 = fleet.carriers(since).iter().map(|(_, count)| count).sum();
    let all = libm::fmax(bad, f64::from(all + 1));
    let expected = attempts * fleet.stream.usual;
    let on_top = all * libm::log((expected + bad) / expected) - bad;
    bad >= FELT_SHARE * config.fleet_failing * attempts && on_top >= ON_TOP_NATS
}

/// Nats that an alarm on a code needs.
fn threshold(per_day: f64, config: &Config) -> f64 {
    let days = config.false_alarm_days(SHARE_SPREADING);
    libm::log(days * per_day.max(100.0) * STREAMS)
}

/// What makes the evidence for different shifts comparable: how far, on average, the last failure carries over the threshold.
fn correction(usual: f64, shift: f64) -> f64 {
    let (gain, loss) = (libm::log1p(shift * (1.0 - usual) / usual), libm::log1p(-shift));
    let shifted = usual + shift * (1.0 - usual);
    let mut correction =
        libm::log(shifted * gain + (1.0 - shifted) * loss) - (0.65 * gain).min(LATTICE_OVERSHOOT);
    if correction < 0.0 {
        correction *= 1.0 - shift * shift;
    }
    if usual < LATTICE_USUAL { correction.max(-LATTICE_OVERSHOOT) } else { correction }
}

/// The share of attempts that fail with a code while it spreads, by what was seen up to the last of them.
#[expect(clippy::cast_precision_loss, reason = "counts of an outage")]
fn during(bad: u64, attempts: u64, usual: f64) -> f64 {
    (0.8 * bad as f64 / attempts.max(1) as f64).max(2.0 * usual).min(0.95)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attempts between false alarms on one code that the test accepts.
    const GAMMA: f64 = 1e6;

    fn code(learned: f64) -> Code {
        Code {
            id: 1,
            name: "x".into(),
            learned,
            fresh: 0.0,
            last: 0.0,
            runs: Default::default(),
            hits: VecDeque::new(),
            alarm: None,
            toll: Toll::default(),
        }
    }

    #[test]
    fn a_code_with_an_alarm_keeps_its_place_however_many_others_come() {
        let alarm = CodeAlarm {
            raised_at: 0,
            since: 0,
            attempts: 9,
            bad: 9,
            last_bad: 0,
            nats: 20.0,
            chance_days: 1e3,
            usual: 0.01,
            during: 0.5,
            relief: 0.0,
        };
        let told = Code { alarm: Some(alarm), ..code(0.0) };
        let mut spreading = Spreading { codes: vec![told], ..Spreading::default() };
        for id in 2..100 {
            let place = spreading.place("y", id).expect("others make room");
            spreading.codes[place].learned = 5.0;
        }
        assert_eq!((spreading.codes[0].id, spreading.codes.len()), (1, CODES_MAX));
        for code in &mut spreading.codes {
            code.alarm = Some(alarm);
        }
        assert_eq!(spreading.place("z", 100), None);
    }

    #[test]
    fn a_code_gives_no_more_false_alarms_than_are_accepted_however_rare_it_is() {
        let learned = 500_000.0;
        for share in [2e-5, 1e-4, 2e-4, 3e-4, 5e-4, 1e-3, 2e-3, 3e-3, 5e-3, 1e-2] {
            let mut code = code(share * learned);
            let usual = code.usual(learned);
            let mut random = fastrand::Rng::with_seed(3);
            let (mut attempts, mut alarms) = (0.0, 0u32);
            for _ in 0..150_000 {
                // Attempts until the next one that fails with it.
                let good = libm::floor(libm::log(1.0 - random.f64()) / libm::log1p(-share));
                attempts += good + 1.0;
                let nats = code.weigh(usual, good, attempts, 0).map_or(0.0, |(_, nats)| nats);
                if nats >= libm::log(GAMMA) {
                    alarms += 1;
                    code.runs = Default::default();
                }
            }
            let due = attempts / GAMMA;
            assert!(f64::from(alarms) <= due + 3.0, "{share}: {alarms} false alarms, {due:.0} due");
        }
    }

    #[test]
    fn all_codes_of_an_ordinary_fleet_give_no_more_false_alarms_than_the_threshold_covers() {
        let (learned, failing) = (500_000.0, 0.012);
        let shares = [40.0, 20.0, 12.0, 8.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.5, 1.0, 0.5];
        let most = 2e8;
        let mut alarms = 0u32;
        for share in shares.map(|share| share / 100.0 * failing) {
            let mut code = code(share * learned);
            let usual = code.usual(learned);
            let mut random = fastrand::Rng::with_seed(4);
            let mut attempts = 0.0;
            while attempts < most {
                let good = libm::floor(libm::log(1.0 - random.f64()) / libm::log1p(-share));
                attempts += good + 1.0;
                let found = code.weigh(usual, good, attempts, 0);
                let Some((index, nats)) = found else { continue };
                if nats >= libm::log(GAMMA) && code.runs[index].bad >= 3 {
                    alarms += 1;
                    code.runs = Default::default();
                }
            }
        }
        let due = most / GAMMA;
        // Half of what the threshold covers at most: in a fleet odds swing by the hour and differ by connection as well.
        assert!(
            f64::from(alarms) <= 0.5 * STREAMS * due,
            "{alarms} false alarms, {due:.0} for one stream"
        );
    }

    #[test]
    fn a_code_spreads_over_others_however_often_it_comes_from_one_that_is_told() {
        let failures: Vec<u32> = [vec![0; 20], vec![1, 2, 3]].concat();
        let spreads = |told: Option<u32>| {
            let mut spreading = Spreading { learned: 10_000.0, ..Spreading::default() };
            let (config, stream) = (Config::default(), GroupStream::default());
            let mut spreads = false;
            for (minute, connection) in (0..).zip(&failures) {
                let is_told = |one: u32| minute >= 20 && Some(one) == told;
                let fleet = Around { stream: &stream, is_told: &is_told };
                let mut attempt = |failure, connection: u32| {
                    spreading.attempt(failure, (connection, false), minute * 60, &fleet, &config)
                };
                attempt(None, 4);
                spreads |= !attempt(Some(("x", 7)), *connection).is_empty();
            }
            spreads
        };
        assert!(spreads(Some(0)) && !spreads(None));
    }

    #[test]
    fn evidence_fades_with_the_attempts_after_the_last_failure() {
        let mut code = code(100.0);
        let usual = code.usual(500_000.0);
        for failure in 1..5u8 {
            let attempts = f64::from(failure) * 20.0;
            code.weigh(usual, 19.0, attempts, 0);
            code.last = attempts;
        }
        let nats = |attempts: f64| code.nats(usual, attempts).0;
        assert!(nats(80.0) > 15.0, "{}", nats(80.0));
        assert!(nats(80.0) > nats(200.0) && nats(200.0) > nats(2_000.0));
        assert!(nats(1e9) < 1.0);
    }
}
