//! What one attempt says for or against a shift, looked up instead of computed.
//!
//! A shift θ turns the usual probability p of a bad attempt into p + θ(1 − p). A bad attempt then counts
//! ln(1 + θ(1 − p)/p) nats for the shift, a good one ln(1 − θ). Probabilities are rounded up to one of 512 steps of their
//! log-odds (3 % each), so that an attempt costs no logarithm but one, and the same input gives the same bits everywhere.

use std::sync::OnceLock;

/// The shifts that are looked for, from two in a thousand to nearly all.
pub(super) const SHIFTS: [f64; 8] = [0.002, 0.006, 0.02, 0.05, 0.12, 0.3, 0.6, 0.95];

/// How many.
pub(super) const SHIFTS_LEN: usize = SHIFTS.len();

/// Shifts that raise the odds by less than this factor are left out: they cannot be told from a baseline that is a little off.
const ODDS_RISE_MIN: f64 = 0.5;

/// How much of the last step over the threshold is overshoot on average, so that it need not be waited for.
const OVERSHOOT: f64 = 0.65;

const STEPS: usize = 512;
const LOG_ODDS_MIN: f64 = -8.6;
const LOG_ODDS_STEP: f64 = 17.2 / 511.0;

/// Evidence at one usual probability.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The probability.
    #[cfg(test)]
    usual: f64,
    /// Nats that a bad attempt counts for each shift.
    pub(super) gain: [f64; SHIFTS_LEN],
    /// Logarithm of the nats that an attempt brings on average under each shift.
    log_drift: [f64; SHIFTS_LEN],
    /// Where the shifts begin that are worth looking for.
    pub(super) first: usize,
}

struct Table {
    rows: Vec<Row>,
    loss: [f64; SHIFTS_LEN],
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| Table {
        rows: (0..STEPS).map(row_at).collect(),
        loss: SHIFTS.map(|shift| libm::log1p(-shift)),
    })
}

/// Nats (below zero) that a good attempt counts for each shift.
pub(super) fn loss() -> &'static [f64; SHIFTS_LEN] {
    &table().loss
}

/// The evidence where `usual` is the probability of a bad attempt.
pub(super) fn row(usual: f64) -> &'static Row {
    let usual = usual.clamp(1e-6, 1.0 - 1e-6);
    let step = (libm::log(usual / (1.0 - usual)) - LOG_ODDS_MIN) / LOG_ODDS_STEP;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the table"
    )]
    let step = libm::ceil(step).clamp(0.0, 511.0) as usize;
    &table().rows[step]
}

#[expect(clippy::cast_precision_loss, reason = "a table of 512 rows")]
fn row_at(step: usize) -> Row {
    let log_odds = LOG_ODDS_MIN + LOG_ODDS_STEP * step as f64;
    let usual = 1.0 / (1.0 + libm::exp(-log_odds));
    let odds_against = (1.0 - usual) / usual;
    let gain = SHIFTS.map(|shift| libm::log1p(shift * odds_against));
    let mut log_drift = [0.0; SHIFTS_LEN];
    for ((drift, shift), gain) in log_drift.iter_mut().zip(SHIFTS).zip(gain) {
        let shifted = usual + shift * (1.0 - usual);
        *drift = libm::log(shifted * gain + (1.0 - shifted) * libm::log1p(-shift));
    }
    let worth = |shift: &f64| shift * odds_against >= ODDS_RISE_MIN;
    let first = SHIFTS.iter().position(worth).unwrap_or(SHIFTS_LEN);
    Row {
        #[cfg(test)]
        usual,
        gain,
        log_drift,
        first,
    }
}

impl Row {
    /// What the threshold may be lowered by (as a number below zero) or must be raised by for the shift at `index`, so that
    /// the false-alarm rate is the same for all: the average drift and the overshoot count. `tempering` below 1 makes each
    /// attempt count less, where failures come in bunches.
    pub(super) fn correction(&self, index: usize, tempering: f64) -> f64 {
        let shift = SHIFTS[index];
        let correction =
            libm::log(tempering) + self.log_drift[index] - OVERSHOOT * self.gain[index] * tempering;
        // Large shifts are found within a few attempts, where the theory of long runs gives too much away.
        if correction < 0.0 { correction * (1.0 - shift * shift) } else { correction }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_round_up_and_hold_the_formula() {
        for usual in [0.0005, 0.004, 0.012, 0.1, 0.5, 0.75, 0.99] {
            let row = row(usual);
            assert!(row.usual >= usual * 0.999_999 && row.usual < usual * 1.04, "{usual}");
            for (index, shift) in SHIFTS.iter().enumerate() {
                let want = (1.0 + shift * (1.0 - row.usual) / row.usual).ln();
                assert!((row.gain[index] - want).abs() < 1e-12, "{usual} {shift}");
            }
        }
        assert!(row(0.0).usual < 0.000_25 && row(1.0).usual > 0.999);
    }

    #[test]
    fn shifts_that_nobody_could_tell_from_the_baseline_are_left_out() {
        for (usual, first) in [(0.002, 0), (0.012, 2), (0.1, 4)] {
            assert_eq!(row(usual).first, first, "{usual}");
        }
    }
}
