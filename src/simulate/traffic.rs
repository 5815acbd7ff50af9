//! Sign-ins, minute by minute: arrivals, how each ends, and who tries again.

mod streams;

use self::streams::Streams;
use super::attempt::{Attempt, Cause, EVERYDAY_SHARES, Key, Origin, Outcome};
use super::fault::{Fault, Moments, go_live};
use super::fleet::{Fleet, RATES, cumulative, place, shape};
use super::random::{NormalStream, poisson};
use super::scenario::Scenario;
use super::span::seconds;
use crate::event::Timestamp;

/// Makes the sign-ins of a scenario.
#[derive(Debug)]
pub(super) struct Traffic<'a> {
    scenario: &'a Scenario,
    pub(super) fleet: &'a Fleet,
    pub(super) faults: Vec<Fault>,
    /// Seconds since the epoch of the scenario's start.
    epoch: f64,
    /// Nobody tries again after this moment.
    end: f64,
    streams: Streams,
    /// By rate: connections × days. Rates stay where they are after the scenario's last day.
    drift: [Vec<f64>; RATES.len()],
    days: usize,
    /// When ordinary traffic begins on connections that are being set up.
    live: Vec<f64>,
    everyday: Vec<f64>,
    regions: Vec<RegionTraffic>,
    /// Number of the next first try.
    number: u64,
}

/// Arrivals of one region.
#[derive(Debug)]
struct RegionTraffic {
    /// Its number in the scenario.
    index: u64,
    connections: Vec<usize>,
    weight: f64,
    /// The hour for which `bounds` were made.
    hour: Option<u64>,
    /// Cumulative shares of the connections in that hour.
    bounds: Vec<f64>,
}

/// A try that is about to happen.
struct Try {
    begin: f64,
    connection: usize,
    user: u64,
    number: u64,
    round: u64,
    /// How the try before ended.
    before: Option<Outcome>,
}

impl<'a> Traffic<'a> {
    /// `end` is where the recording ends, in seconds after the start; `None`: never.
    pub(super) fn new(
        scenario: &'a Scenario,
        fleet: &'a Fleet,
        seed: u64,
        start: Timestamp,
        end: Option<f64>,
    ) -> Self {
        let moments = Moments::new(start, seed);
        let mut live = vec![-1.0; fleet.weights.len()];
        for (connection, at) in go_live(scenario, moments) {
            live[connection] = at;
        }
        let days = index(whole(scenario.seconds() / 86_400.0)) + 2;
        Self {
            scenario,
            fleet,
            faults: Fault::all(scenario, seed, fleet, moments),
            epoch: seconds(start.millis()),
            end: end.unwrap_or(f64::INFINITY),
            streams: Streams::new(seed, fleet.seed),
            drift: RATES.map(|rate| drift(scenario, seed, rate, fleet.weights.len(), days)),
            days,
            live,
            everyday: {
                let mut sum = 0.0;
                EVERYDAY_SHARES
                    .map(|share| {
                        sum += share;
                        sum
                    })
                    .to_vec()
            },
            regions: regions(scenario, fleet),
            number: 0,
        }
    }

    /// Every sign-in that begins with a first try in this minute, with its retries, in order of the first tries.
    pub(super) fn minute(&mut self, minute: u64, mut each: impl FnMut(Attempt)) {
        let mut arrivals = Vec::new();
        let mut regions = std::mem::take(&mut self.regions);
        for region in &mut regions {
            self.arrive(region, minute, &mut arrivals);
        }
        self.regions = regions;
        arrivals.sort_by(|a: &(f64, usize), b| a.0.total_cmp(&b.0));
        for (begin, connection) in arrivals {
            let number = self.number;
            self.number += 1;
            let chance = libm::pow(self.streams.user.uniform(&[number]), 1.4);
            let user = whole(self.fleet.users[connection] * chance);
            let mut next = Some(Try { begin, connection, user, number, round: 0, before: None });
            while let Some(this) = next {
                let attempt = self.attempt(&this);
                next = self.again(&this, &attempt);
                if attempt.begin >= self.live[connection] {
                    each(attempt);
                }
            }
        }
    }

    fn arrive(&self, region: &mut RegionTraffic, minute: u64, arrivals: &mut Vec<(f64, usize)>) {
        let fleet = &self.scenario.fleet;
        let begin = float(minute) * 60.0;
        let place_in_world = &fleet.regions[index(region.index)];
        let shape = shape(self.scenario, place_in_world, begin + 30.0 + self.epoch);
        let k = fleet.region_burst_k;
        let z = self.streams.region_burst.normal(&[minute / 10, region.index]) / libm::sqrt(k);
        let mean = fleet.attempts_per_day / 1440.0 * region.weight * shape * libm::exp(z - 0.5 / k);
        let mean = mean * libm::pow(fleet.growth, self.progress(begin));
        let count = poisson(mean, self.streams.arrivals.uniform(&[minute, region.index]));
        if count == 0 {
            return;
        }
        self.share_hour(region, minute / 60);
        for one in 0..u64::from(count) {
            let indices = [minute, one, region.index];
            let at = begin + 60.0 * self.streams.second.uniform(&indices);
            let chosen = place(&region.bounds, self.streams.connection.uniform(&indices));
            arrivals.push((at, region.connections[chosen]));
        }
    }

    /// How much of the time after the warm-up is over at `begin`, 0 to 1.
    fn progress(&self, begin: f64) -> f64 {
        let scenario = self.scenario;
        ((begin - scenario.warmup.0) / scenario.duration.0).clamp(0.0, 1.0)
    }

    /// Divides the region's traffic of this hour among its connections.
    fn share_hour(&self, region: &mut RegionTraffic, hour: u64) {
        if region.hour == Some(hour) {
            return;
        }
        let sd = self.scenario.fleet.burst_sd;
        let mut shares = region.connections.iter().map(|connection| {
            let burst = self.streams.burst.normal(&[hour, *connection as u64]);
            libm::exp(sd * burst - 0.5 * sd * sd) * self.fleet.weights[*connection]
        });
        region.bounds = cumulative(&mut shares);
        region.hour = Some(hour);
    }

    /// Usual rates of this connection at this time, by [`RATES`].
    fn rates(&self, connection: usize, begin: f64) -> [f64; RATES.len()] {
        let day = index(whole(begin / 86_400.0)).min(self.days - 1);
        let hour = ((begin + self.epoch) / 3600.0).rem_euclid(24.0);
        let turn = 2.0 * std::f64::consts::PI * hour / 24.0;
        let baseline = &self.scenario.baseline;
        let away = libm::log(baseline.drift) * self.progress(begin) + self.bunch(connection, begin);
        [0, 1, 2].map(|rate| {
            let swing = libm::sin(turn + self.fleet.phases[rate]);
            let logit = self.fleet.logits[rate][connection]
                + self.drift[rate][connection * self.days + day]
                + baseline.hour_effect * swing
                + away;
            1.0 / (1.0 + libm::exp(-logit))
        })
    }

    /// How far rates have wandered in these ten minutes.
    fn bunch(&self, connection: usize, begin: f64) -> f64 {
        let sd = self.scenario.baseline.bunching_logit_sd;
        if sd == 0.0 {
            return 0.0;
        }
        let bin = whole(begin / 600.0);
        let (own, all) = (&self.streams.bunch, &self.streams.bunch_all);
        sd * (own.normal(&[bin, connection as u64]) + all.normal(&[bin]))
    }

    fn attempt(&self, this: &Try) -> Attempt {
        let Try { begin, connection, user, number, round, .. } = *this;
        let baseline = &self.scenario.baseline;
        let key = [number, round];
        let mut outcome = self.usual(this);
        let mut cause = if outcome == Outcome::Failed {
            let code = self.streams.code.uniform(&key);
            Cause::Everyday(self.everyday.partition_point(|bound| *bound < code))
        } else {
            Cause::None
        };
        let (mut dropped, mut unfinished, mut slow, mut faults) = (false, false, 1.0, 0);
        for (index, fault) in self.faults.iter().enumerate() {
            let Some(harm) = fault.harm(begin, connection, user, key) else { continue };
            outcome = harm.outcome.unwrap_or(outcome);
            if harm.outcome == Some(Outcome::Failed) {
                cause = fault.cause;
            }
            dropped |= harm.dropped;
            unfinished |= harm.unfinished;
            slow = harm.slow.unwrap_or(slow);
            faults |= 1 << index;
        }
        let usual = if outcome == Outcome::Succeeded {
            baseline.success_latency()
        } else {
            baseline.fail_latency()
        };
        let spread = libm::exp(usual.sigma * self.streams.latency.normal(&key));
        let mut lasts = usual.median_s * spread * slow;
        if lasts >= baseline.timeout_s || outcome == Outcome::TimedOut {
            (outcome, lasts) = (Outcome::TimedOut, baseline.timeout_s);
        }
        Attempt {
            key: Key { origin: Origin::People, number, round },
            connection,
            user,
            begin,
            end: begin + lasts,
            outcome,
            cause,
            dropped,
            unfinished,
            faults,
        }
    }

    /// How it ends when nothing is broken.
    fn usual(&self, this: &Try) -> Outcome {
        let Try { begin, connection, user, number, round, before } = *this;
        let (streams, key) = (&self.streams, [number, round]);
        let who = [connection as u64, user];
        let chronic = streams.chronic.happens(self.scenario.baseline.chronic_users, &who);
        if chronic && streams.chronic_now.happens(0.8, &key) {
            let denied = streams.chronic_denied.happens(0.5, &who);
            return if denied { Outcome::Denied } else { Outcome::Failed };
        }
        if let Some(before) = before.filter(|before| *before != Outcome::Succeeded)
            && streams.sticky.happens(self.scenario.baseline.retry.sticky, &key)
        {
            return before;
        }
        let [hard, denied, timeout] = self.rates(connection, begin);
        let chance = streams.outcome.uniform(&key);
        if chance < hard {
            Outcome::Failed
        } else if chance < hard + denied {
            Outcome::Denied
        } else if chance < hard + denied + timeout {
            Outcome::TimedOut
        } else {
            Outcome::Succeeded
        }
    }

    /// The next try, if there is one.
    fn again(&self, this: &Try, attempt: &Attempt) -> Option<Try> {
        let retry = &self.scenario.baseline.retry;
        let key = [this.number, this.round];
        let chance = match attempt.outcome {
            // Nobody at the provider knows of it: the user waits and tries again, or not.
            _ if attempt.dropped => 0.3,
            Outcome::Succeeded => 0.0,
            Outcome::Failed | Outcome::Denied => retry.prob,
            Outcome::TimedOut => retry.prob_timeout,
        };
        if this.round >= u64::from(retry.max) || !self.streams.retry.happens(chance, &key) {
            return None;
        }
        let delay = retry.delay_median_s
            * libm::exp(retry.delay_sigma * self.streams.retry_delay.normal(&key));
        // Who hangs does not wait five minutes.
        let begin = if attempt.outcome == Outcome::TimedOut {
            this.begin + 20.0 + 3.0 * delay
        } else {
            attempt.end + delay
        };
        let next = Try { begin, round: this.round + 1, before: Some(attempt.outcome), ..*this };
        (begin < self.end).then_some(next)
    }
}

/// How far each connection's rate has wandered by each day, around 0.
fn drift(scenario: &Scenario, seed: u64, rate: &str, connections: usize, days: usize) -> Vec<f64> {
    let stream = NormalStream::new(seed, &format!("drift{rate}"));
    let mut all = Vec::with_capacity(connections * days);
    for connection in 0..connections as u64 {
        let (first, mut sum) = (all.len(), 0.0);
        for day in 0..days as u64 {
            sum += stream.normal(&[connection, day]);
            all.push(sum * scenario.baseline.drift_logit_sd_per_day);
        }
        let mean = all[first..].iter().sum::<f64>() / float(days as u64);
        all[first..].iter_mut().for_each(|value| *value -= mean);
    }
    all
}

fn regions(scenario: &Scenario, fleet: &Fleet) -> Vec<RegionTraffic> {
    let one = |index: usize| {
        let mine = |connection: &usize| fleet.regions[*connection] == index;
        let connections: Vec<usize> = (0..fleet.weights.len()).filter(mine).collect();
        let weight = connections.iter().map(|connection| fleet.weights[*connection]).sum();
        RegionTraffic { index: index as u64, connections, weight, hour: None, bounds: Vec::new() }
    };
    let all = (0..scenario.fleet.regions.len()).map(one);
    all.filter(|region| !region.connections.is_empty()).collect()
}

/// The whole part of a number that is not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, never negative"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "minutes and days are far below 2^52")]
fn float(number: u64) -> f64 {
    number as f64
}
