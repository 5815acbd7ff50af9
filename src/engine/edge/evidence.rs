//! Sequential evidence that a share of requests has risen, in bins of a few seconds.
//!
//! The nats, thresholds and corrections are those of sign-ins ([`crate::engine::detect`]). A tier has thousands of requests
//! where a connection has one, so shifts may be smaller, and requests are weighed by the bin: the sum is the same, the cost
//! does not grow with the traffic. Two things differ. No bin counts for more than a share of the threshold, since requests of
//! one moment fail together; and a rise must have shown in several bins, so that a restart of twenty seconds gets nobody up.

use serde::{Deserialize, Serialize};

use super::stream::BIN_SECONDS;

/// The shifts that are looked for, from one in two thousand to nearly all.
const SHIFTS: [f64; 8] = [0.000_5, 0.001_5, 0.005, 0.015, 0.05, 0.15, 0.4, 0.8];
const SHIFTS_LEN: usize = SHIFTS.len();

/// A shift from which on nobody mistakes it.
pub(super) const GROSS_SHIFT: f64 = 0.15;

/// Shifts that raise the odds by less than this factor cannot be told from a usual that is a little off.
const ODDS_RISE_MIN: f64 = 0.5;

/// How much of the last step over the threshold is overshoot on average, so that it need not be waited for.
const OVERSHOOT: f64 = 0.65;

/// Bins in which a rise must have shown: a restart of twenty seconds touches five.
pub(super) const BINS: u32 = 6;

/// Share of the threshold that one bin counts at most.
pub(super) const CAP: f64 = 0.2;

/// While it is not known whether what goes wrong lasts, it pages only if there were so many nats before it.
const BEFORE_MIN: f64 = 4.0;

/// Nats that something brought to the evidence of each shift.
pub(super) type Brought = [f64; SHIFTS_LEN];

/// What requests say for or against each shift where a share is usual.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// Nats of a bad request, and (below zero) of a good one.
    gain: [f64; SHIFTS_LEN],
    loss: [f64; SHIFTS_LEN],
    /// What is taken from the evidence of a shift, so that the false-alarm rate is the same for all.
    correction: [f64; SHIFTS_LEN],
    /// Where the shifts begin that are worth looking for.
    first: usize,
    tempering: f64,
}

/// The evidence of one stream.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Weights {
    runs: [Run; SHIFTS_LEN],
}

/// The evidence for one shift.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Run {
    weight: f64,
    /// When it last left zero, in seconds.
    pub(super) since: i64,
    /// Bins that spoke for it.
    bins: u32,
    pub(super) requests: u64,
    pub(super) bad: u64,
}

/// The strongest evidence.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Strongest {
    /// Nats, comparable between shifts.
    pub(super) nats: f64,
    pub(super) run: Run,
}

/// Requests of a few seconds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Bin {
    /// Its beginning.
    pub(super) second: i64,
    pub(super) requests: u64,
    pub(super) bad: u64,
}

impl Scale {
    /// Where `usual` is the share of bad requests, each of which counts `tempering` of its nats.
    pub(super) fn new(usual: f64, tempering: f64) -> Self {
        let usual = usual.clamp(1e-6, 0.9);
        let odds_against = (1.0 - usual) / usual;
        let gain = SHIFTS.map(|shift| libm::log1p(shift * odds_against));
        let loss = SHIFTS.map(|shift| libm::log1p(-shift));
        let correction = std::array::from_fn(|index| {
            let shift = SHIFTS[index];
            let shifted = usual + shift * (1.0 - usual);
            let drift = shifted * gain[index] + (1.0 - shifted) * loss[index];
            let overshoot = OVERSHOOT * gain[index] * tempering;
            (libm::log(tempering * drift) - overshoot).min(0.0)
        });
        let worth = |shift: &f64| shift * odds_against >= ODDS_RISE_MIN;
        let first = SHIFTS.iter().position(worth).unwrap_or(SHIFTS_LEN);
        Self { gain, loss, correction, first, tempering }
    }
}

impl Strongest {
    /// By how much what was seen is more than `usual`, as a shift.
    pub(super) fn rise(&self, usual: f64) -> f64 {
        (self.run.share() - usual) / (1.0 - usual).max(0.1)
    }
}

impl Bin {
    pub(super) fn share(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "requests of a few seconds")]
        let share = self.bad as f64 / self.requests.max(1) as f64;
        share
    }
}

impl Run {
    pub(super) fn share(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
        let share = self.bad as f64 / self.requests.max(1) as f64;
        share
    }
}

impl Weights {
    /// Weighs a bin; what it brought.
    pub(super) fn weigh(&mut self, bin: Bin, scale: &Scale, threshold: f64) -> Brought {
        let mut brought = Brought::default();
        #[expect(clippy::cast_precision_loss, reason = "requests of a few seconds")]
        let (bad, good) = (bin.bad as f64, bin.requests.saturating_sub(bin.bad) as f64);
        for (index, run) in self.runs.iter_mut().enumerate() {
            let nats = scale.tempering * (bad * scale.gain[index] + good * scale.loss[index]);
            if index < scale.first || (run.weight <= 0.0 && nats <= 0.0) {
                *run = Run::default();
                continue;
            }
            if run.weight <= 0.0 {
                *run = Run { since: bin.second, ..Run::default() };
            }
            brought[index] = nats.min(CAP * threshold);
            run.weight += brought[index];
            if nats > 0.0 {
                run.bins += 1;
                // What comes late may show that it began before.
                run.since = run.since.min(bin.second);
            }
            run.requests += bin.requests;
            run.bad += bin.bad;
        }
        brought
    }

    /// Takes back what was brought before.
    pub(super) fn take_back(&mut self, brought: &Brought) {
        for (run, nats) in self.runs.iter_mut().zip(brought) {
            run.weight -= nats;
            if run.weight <= 0.0 {
                *run = Run::default();
            }
        }
    }

    /// The strongest evidence for a shift of at least `shift_min` that has shown in so many bins up to the one that begins at `second`;
    /// `undecided` of it may be a moment's.
    pub(super) fn strongest(
        &self,
        scale: &Scale,
        shift_min: f64,
        bins: u32,
        second: i64,
        undecided: Option<&Brought>,
    ) -> Option<Strongest> {
        // Parts of a bin that come at other times count as bins; together they are no longer than it is.
        let shown = |index: &usize| {
            let run = &self.runs[*index];
            let lasted = (second - run.since) / BIN_SECONDS + 1;
            let lasts = undecided.is_none_or(|brought| run.weight - brought[*index] >= BEFORE_MIN);
            SHIFTS[*index] >= shift_min && run.bins >= bins && lasted >= i64::from(bins) && lasts
        };
        let all = (scale.first..SHIFTS_LEN).filter(shown).map(|index| {
            let run = self.runs[index];
            let nats = run.weight.max(0.0) - scale.correction[index];
            Strongest { nats, run }
        });
        all.max_by(|a, b| a.nats.total_cmp(&b.nats))
    }

    /// Forgets everything: something else explains it.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
