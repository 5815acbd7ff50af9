//! One error code: how often it comes, and the evidence that it comes more often.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::toll::Toll;

/// Shifts that are looked for: a code's usual share is far smaller than that of all failures.
pub(super) const SHIFTS: [f64; 8] = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.9];

/// The usual share of a code lies between these.
pub(super) const USUAL_MIN: f64 = 2e-5;
pub(super) const USUAL_MAX: f64 = 0.3;

/// A single failure with a rare code is a large step, and how far it carries over the threshold depends on where that lies: no more
/// than this much of the overshoot is taken credit for, and of a code below this share no more in all. With what the usual share is
/// lifted by, false alarms stay below the budget at every share, which a test holds.
pub(super) const LATTICE_OVERSHOOT: f64 = 2.0;
pub(super) const LATTICE_USUAL: f64 = 0.002;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Code {
    pub(super) id: u64,
    pub(super) name: Box<str>,
    pub(super) learned: f64,
    pub(super) fresh: f64,
    /// `Spreading::attempts` at its last failure.
    pub(super) last: f64,
    pub(super) runs: [Run; SHIFTS.len()],
    pub(super) hits: VecDeque<(u32, u32)>,
    pub(super) alarm: Option<CodeAlarm>,
    /// While the alarm is up. Stands behind all else in a checkpoint.
    #[serde(skip)]
    pub(super) toll: Toll,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) weight: f64,
    pub(super) since: u32,
    /// `Spreading::attempts` when it began.
    pub(super) began: f64,
    pub(super) bad: u32,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct CodeAlarm {
    pub(super) raised_at: u32,
    pub(super) since: u32,
    pub(super) attempts: u64,
    pub(super) bad: u64,
    pub(super) last_bad: u32,
    pub(super) nats: f64,
    pub(super) chance_days: f64,
    pub(super) usual: f64,
    pub(super) during: f64,
    pub(super) relief: f64,
}

impl Code {
    /// Its share of attempts, lifted: it is an estimate.
    pub(super) fn usual(&self, learned: f64) -> f64 {
        let bad = 1.25 * self.learned + 1.0 + 2.0 * libm::sqrt(self.learned + 1.0);
        (bad / (learned + 100.0)).clamp(USUAL_MIN, USUAL_MAX)
    }

    /// The strongest evidence now, with the good attempts since the last failure, and since when it gathers.
    pub(super) fn nats(&self, usual: f64, attempts: f64) -> (f64, u32) {
        let good = (attempts - self.last).max(0.0);
        let runs = self.runs.iter().zip(SHIFTS).filter(|(run, _)| run.weight > 0.0);
        let nats = runs.map(|(run, shift)| {
            (run.weight + good * libm::log1p(-shift) - correction(usual, shift), run.since)
        });
        nats.fold((0.0, 0), |most, one| if one.0 > most.0 { one } else { most })
    }

    /// The strongest evidence after another failure and the `good` attempts before it.
    pub(super) fn weigh(
        &mut self,
        usual: f64,
        good: f64,
        attempts: f64,
        second: u32,
    ) -> Option<(usize, f64)> {
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
    pub(super) fn carried(&self, since: u32) -> (usize, u32, u32) {
        let counts = self.counts(since);
        let largest = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
        (counts.len(), largest, counts.iter().map(|(_, count)| count).sum())
    }

    /// Takes out the failures of connections whose trouble is told by itself, and their part of the evidence: they are not counted
    /// here as well.
    pub(super) fn take_out(&mut self, is_told: &dyn Fn(u32) -> bool) {
        if !self.hits.iter().any(|(_, connection)| is_told(*connection)) {
            return;
        }
        let since = |hits: &VecDeque<(u32, u32)>, since| {
            hits.iter().filter(|(at, _)| *at >= since).count().max(1)
        };
        let before = self.runs.map(|run| since(&self.hits, run.since));
        self.hits.retain(|(_, connection)| !is_told(*connection));
        for (run, before) in self.runs.iter_mut().zip(before) {
            let left = self.hits.iter().filter(|(at, _)| *at >= run.since).count();
            #[expect(clippy::cast_precision_loss, reason = "few are remembered")]
            let left = left as f64 / before as f64;
            run.weight *= left;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "no more than before"
            )]
            let bad = libm::round(f64::from(run.bad) * left) as u32;
            // They are no attempts of others either.
            run.began += f64::from(run.bad - bad);
            run.bad = bad;
        }
    }

    /// Failures by connection since then.
    pub(super) fn counts(&self, since: u32) -> Vec<(u32, u32)> {
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

/// What makes the evidence for different shifts comparable: how far, on average, the last failure carries over the threshold.
pub(super) fn correction(usual: f64, shift: f64) -> f64 {
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
pub(super) fn during(bad: u64, attempts: u64, usual: f64) -> f64 {
    (0.8 * bad as f64 / attempts.max(1) as f64).max(2.0 * usual).min(0.95)
}
