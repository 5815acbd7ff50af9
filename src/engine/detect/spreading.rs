//! Error codes of the whole fleet: one that was rare and now comes from many connections is evidence of its own, and needs far
//! fewer failures than all codes together.

mod saved;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::code::{Code, CodeAlarm, SHIFTS, USUAL_MAX, during};
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

/// Independent streams that the threshold must cover: the dozen codes of an ordinary fleet give fewer false alarms than so many
/// would at the nominal rate, for their usual shares are lifted and three failures are the least that spreads. A test holds it.
const STREAMS: f64 = 4.0;

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

#[cfg(test)]
mod tests;
