//! Faults and nuisances of one seed: moments resolved, connections picked.

use super::attempt::{Attempt, Cause, Key, Origin, Outcome};
use super::fleet::Fleet;
use super::random::{NormalStream, Stream};
use super::scenario::{self, NuisanceKind, NuisanceOutcome, Per, Scenario};
use crate::event::Timestamp;

/// A fault, ready to be asked about attempts. Times are seconds after the start.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) begin: f64,
    pub(super) end: f64,
    pub(super) hit: Vec<bool>,
    pub(super) effect: scenario::Effect,
    /// Of the failures: one of the everyday codes, or its own.
    pub(super) cause: Cause,
    ramp: f64,
    on: f64,
    off: f64,
    per: Per,
    by_user: Stream,
    by_attempt: Stream,
    dropped: Stream,
    unfinished: Stream,
    slowed: Stream,
}

/// What one fault does to one attempt.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Harm {
    pub(super) outcome: Option<Outcome>,
    pub(super) dropped: bool,
    pub(super) unfinished: bool,
    pub(super) slow: Option<f64>,
}

/// Moments that `jitter` moves: all of a seed's by the same share of their jitter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    start: Timestamp,
    late: f64,
}

impl Moments {
    pub(super) fn new(start: Timestamp, seed: u64) -> Self {
        Self { start, late: Stream::new(seed, "jit").uniform(&[0]) }
    }

    pub(super) fn of(&self, at: scenario::When, jitter: scenario::Span) -> f64 {
        at.seconds_after(self.start) + jitter.0 * self.late
    }
}

impl Fault {
    pub(super) fn all(
        scenario: &Scenario,
        seed: u64,
        fleet: &Fleet,
        moments: Moments,
    ) -> Vec<Self> {
        let one = |(index, fault): (usize, &scenario::Fault)| {
            let begin = moments.of(fault.at, fault.jitter);
            let salt = fault.salt.unwrap_or(index as u64);
            let stream = |seed, name: &str| Stream::new(seed, &format!("{name}{salt}"));
            let code = fault.effect.code.as_deref();
            Self {
                begin,
                end: begin + fault.duration.0,
                hit: fleet.select(&fault.select, scenario),
                effect: fault.effect.clone(),
                cause: code.and_then(Cause::everyday).unwrap_or(Cause::Fault(index)),
                ramp: fault.ramp.0,
                on: fault.on.0,
                off: fault.off.0,
                per: fault.per,
                by_user: stream(fleet.seed, "fu"),
                by_attempt: stream(seed, "fa"),
                dropped: stream(seed, "fd"),
                unfinished: stream(seed, "ft"),
                slowed: stream(seed, "fl"),
            }
        };
        scenario.faults.iter().enumerate().map(one).collect()
    }

    /// What it does to this attempt, if it reaches it.
    pub(super) fn harm(
        &self,
        seconds: f64,
        connection: usize,
        user: u64,
        key: [u64; 2],
    ) -> Option<Harm> {
        let age = seconds - self.begin;
        let away = self.on > 0.0 && age.rem_euclid(self.on + self.off) >= self.on;
        if !self.hit[connection] || seconds < self.begin || seconds >= self.end || away {
            return None;
        }
        let grown = if self.ramp > 0.0 { (age / self.ramp).min(1.0) } else { 1.0 };
        let chance = match self.per {
            Per::User => self.by_user.uniform(&[connection as u64, user]),
            Per::Attempt => self.by_attempt.uniform(&key),
        };
        let effect = &self.effect;
        let (failed, timed_out, denied) = (effect.hard_fail, effect.timeout, effect.denied);
        let outcome = if chance < failed * grown {
            Some(Outcome::Failed)
        } else if chance < (failed + timed_out) * grown {
            Some(Outcome::TimedOut)
        } else if chance < (failed + timed_out + denied) * grown {
            Some(Outcome::Denied)
        } else {
            None
        };
        let happens =
            |share: f64, stream: Stream| share > 0.0 && stream.happens(share * grown, &key);
        let slow = (effect.slow.to_bits() != 1.0f64.to_bits()
            && self.slowed.happens(effect.slow_fraction, &key))
        .then_some(1.0 + (effect.slow - 1.0) * grown);
        let harm = Harm {
            outcome,
            dropped: happens(effect.drop_start, self.dropped),
            unfinished: happens(effect.drop_terminal, self.unfinished),
            slow,
        };
        (harm != Harm::default()).then_some(harm)
    }
}

/// When nuisances of the kind `onboarding` let ordinary traffic on their connection.
pub(super) fn go_live(scenario: &Scenario, moments: Moments) -> Vec<(usize, f64)> {
    let onboarding = |nuisance: &&scenario::Nuisance| nuisance.kind == NuisanceKind::Onboarding;
    let live = |nuisance: &scenario::Nuisance| {
        let over = nuisance.over.map_or(3.0 * 3600.0, |over| over.0);
        (nuisance.rank - 1, moments.of(nuisance.at, nuisance.jitter) + over)
    };
    scenario.nuisance.iter().filter(onboarding).map(live).collect()
}

/// The sign-ins of a scenario's nuisance number `index`.
pub(super) fn nuisance(
    scenario: &Scenario,
    index: usize,
    seed: u64,
    moments: Moments,
) -> Vec<Attempt> {
    let nuisance = &scenario.nuisance[index];
    let stream = |name: &str| Stream::new(seed, &format!("{name}{index}"));
    let (time, user, fails) = (stream("nu"), stream("nuu"), stream("nuf"));
    let latency = NormalStream::new(seed, &format!("nul{index}"));
    let count = nuisance.attempts.unwrap_or(20);
    let over = nuisance.over.map_or(600.0, |over| over.0);
    let begin = moments.of(nuisance.at, nuisance.jitter);
    let mut times: Vec<f64> = (0..count).map(|number| time.uniform(&[number.into()])).collect();
    times.sort_by(f64::total_cmp);
    let setting_up = nuisance.kind == NuisanceKind::Onboarding;
    let failing = f64::from(count) * nuisance.fail_until.unwrap_or(0.8);
    let one = |(place, time): (u32, f64)| {
        let number = u64::from(place);
        let bad = if setting_up {
            f64::from(place) < failing
        } else {
            fails.happens(nuisance.fail.unwrap_or(1.0), &[number])
        };
        let outcome = match (bad, nuisance.outcome) {
            (false, _) => Outcome::Succeeded,
            (true, NuisanceOutcome::Hard) => Outcome::Failed,
            (true, NuisanceOutcome::Denied) => Outcome::Denied,
            (true, NuisanceOutcome::Timeout) => Outcome::TimedOut,
        };
        let begin = begin + over * time;
        let lasts = if outcome == Outcome::TimedOut {
            300.0
        } else {
            4.0 * libm::exp(0.6 * latency.normal(&[number]))
        };
        Attempt {
            key: Key { origin: Origin::Nuisance(index), number, round: 0 },
            connection: nuisance.rank - 1,
            user: FIRST_TESTER + user.bits(&[number]) % nuisance.users.unwrap_or(1),
            begin,
            end: begin + lasts,
            outcome,
            cause: if outcome == Outcome::Failed { Cause::Nuisance(index) } else { Cause::None },
            dropped: false,
            unfinished: false,
            faults: 0,
        }
    };
    (0..count).zip(times).map(one).collect()
}

/// People of nuisances are nobody else: above every number of people that a connection has.
const FIRST_TESTER: u64 = 1_000_000;
