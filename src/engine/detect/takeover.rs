//! Error codes of one connection: one that is rare there and among all failures, and takes the connection over, needs fewer
//! failures than all codes together.

use serde::{Deserialize, Serialize};

use super::alarm::Found;

/// Codes followed on a connection; the rarest makes room.
const CODES_MAX: usize = 4;

/// Shifts that are looked for.
const SHIFTS: [f64; 3] = [0.12, 0.4, 0.95];

/// Streams that the threshold must cover: codes times shifts.
pub(super) const STREAMS: f64 = 12.0;

/// No code is thought rarer than this.
const USUAL_MIN: f64 = 1e-4;

/// Codes of one connection.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Takeover {
    codes: Vec<Code>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Code {
    id: u64,
    learned: f64,
    /// Attempts on the connection at its last failure.
    last: u32,
    runs: [Run; SHIFTS.len()],
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Run {
    weight: f64,
    since: u32,
    began: u32,
    bad: u32,
}

impl Takeover {
    /// A failure with `code` after `attempts` attempts on the connection, of which `learned` made its baseline; `usual` is how
    /// often this code is expected here by what is known of all connections.
    pub(super) fn failure(
        &mut self,
        code: u64,
        attempts: u32,
        learned: f64,
        usual: f64,
        second: u32,
    ) -> Option<Found> {
        let code = self.place(code, attempts);
        let own = (code.learned + 0.5) / (learned + 200.0) * 1.25;
        let usual = usual.max(own).max(USUAL_MIN);
        let odds_against = (1.0 - usual) / usual;
        let good = f64::from(attempts.saturating_sub(code.last).saturating_sub(1));
        code.last = attempts;
        code.learned += 1.0;
        let mut best: Option<Found> = None;
        for (run, shift) in code.runs.iter_mut().zip(SHIFTS) {
            run.weight += good * libm::log1p(-shift);
            if run.weight <= 0.0 {
                *run =
                    Run { weight: 0.0, since: second, began: attempts.saturating_sub(1), bad: 0 };
            }
            run.weight += libm::log1p(shift * odds_against);
            run.bad += 1;
            if best.is_none_or(|best| run.weight > best.nats) {
                best = Some(Found {
                    nats: run.weight,
                    since: run.since,
                    attempts: attempts.saturating_sub(run.began),
                    bad: run.bad,
                    shift,
                });
            }
        }
        best
    }

    /// Forgets the evidence: what it was of is over.
    pub(super) fn forget(&mut self) {
        for code in &mut self.codes {
            code.runs = Default::default();
        }
    }

    /// Decays with the baseline.
    pub(super) fn decay(&mut self, left: f64) {
        for code in &mut self.codes {
            code.learned *= left;
        }
    }

    fn place(&mut self, id: u64, attempts: u32) -> &mut Code {
        let known = self.codes.iter().position(|code| code.id == id);
        let place = known.unwrap_or_else(|| {
            let new = Code { id, learned: 0.0, last: attempts, runs: Default::default() };
            if self.codes.len() < CODES_MAX {
                self.codes.push(new);
                return self.codes.len() - 1;
            }
            let rarest = (0..CODES_MAX)
                .min_by(|a, b| self.codes[*a].learned.total_cmp(&self.codes[*b].learned))
                .expect("there are codes");
            self.codes[rarest] = new;
            rarest
        });
        &mut self.codes[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_everyday_failures_take_a_connection_over_far_less_often_than_is_accepted() {
        // One false alarm in so many attempts.
        let gamma = 1e5;
        let threshold = libm::log(gamma * STREAMS);
        let shares = [40.0, 20.0, 12.0, 8.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.5, 1.0, 0.5];
        for failing in [0.004, 0.012, 0.04] {
            let mut random = fastrand::Rng::with_seed(5);
            let mut takeover = Takeover::default();
            let (mut attempts, mut alarms) = (0u32, 0u32);
            for _ in 0..100_000 {
                let good = libm::floor(libm::log(1.0 - random.f64()) / libm::log1p(-failing));
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a positive count"
                )]
                let good = good as u32;
                attempts += good + 1;
                let mut left = random.f64() * 100.0;
                let code = shares.iter().position(|share| {
                    left -= share;
                    left < 0.0
                });
                let code = code.unwrap_or(0);
                // As it is asked: the usual is lifted, and what a code is expected to be of it.
                let usual = failing * 1.15 * shares[code] / 100.0 * 2.0;
                let learned = f64::from(attempts);
                let found = takeover.failure(code as u64, attempts, learned, usual, attempts);
                if found.is_some_and(|found| found.nats >= threshold && found.bad >= 3) {
                    alarms += 1;
                    takeover.forget();
                }
            }
            let due = f64::from(attempts) / gamma;
            assert!(f64::from(alarms) <= 0.1 * due, "{failing}: {alarms} alarms, {due:.0} due");
        }
    }
}
