//! Sequential evidence that a stream of attempts has become worse: one CUSUM for each shift of the table.
//!
//! Each keeps W ← max(0, W) + the attempt's nats, and since it last left zero the time (the estimated onset), the attempts,
//! the bad ones and the people behind them. The cost is eight additions an attempt; a stream without evidence has no grid.

use serde::{Deserialize, Serialize};

use super::table::{self, Row, SHIFTS, SHIFTS_LEN};

/// Nats that a run falls by from its peak when what it saw is over, as those that end an alarm: what comes afterwards is trouble
/// of its own, or none.
const OVER_NATS: f64 = 5.3;

/// The evidence of one stream.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Grid {
    runs: [Run; SHIFTS_LEN],
}

/// The most that the evidence for each shift was.
pub(in crate::engine) type Peaks = [f64; SHIFTS_LEN];

/// The evidence for one shift.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Run {
    weight: f64,
    /// The most that it was since it last left zero. Stands behind all else in a checkpoint.
    #[serde(skip)]
    peak: f64,
    /// When it last left zero, in seconds.
    pub(super) since: u32,
    /// Attempts since then.
    pub(super) attempts: u32,
    /// Bad ones among them.
    pub(super) bad: u32,
    /// People among the bad ones whose first it was in a while.
    pub(super) people: u32,
}

/// The strongest evidence in a grid.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Strongest {
    /// Nats, comparable between shifts.
    pub(super) nats: f64,
    /// Which shift.
    pub(super) index: usize,
}

impl Run {
    /// Attempts of people who had not failed lately, about: of the others, every other one fails.
    pub(super) fn fresh(&self) -> u32 {
        let repeats = self.bad.saturating_sub(self.people);
        self.attempts.saturating_sub(2 * repeats).max(self.people)
    }
}

impl Grid {
    /// A good attempt. Whether any evidence is left.
    pub(super) fn good(&mut self, tempering: f64) -> bool {
        let mut any = false;
        for (run, loss) in self.runs.iter_mut().zip(table::loss()) {
            if run.weight > 0.0 {
                run.weight += tempering * loss;
                run.attempts += 1;
                if run.weight <= run.peak - OVER_NATS {
                    run.weight = 0.0;
                }
                any |= run.weight > 0.0;
            }
        }
        any
    }

    /// A bad attempt at `second`, where `expected` is the evidence of this attempt and `usual` that of the stream; `first`
    /// when it is the person's first in a while.
    pub(super) fn bad(
        &mut self,
        expected: &Row,
        usual: &Row,
        tempering: f64,
        first: bool,
        second: u32,
    ) {
        for (index, run) in self.runs.iter_mut().enumerate() {
            if index < usual.first {
                run.weight = 0.0;
                continue;
            }
            if run.weight <= 0.0 {
                *run = Run { since: second, ..Run::default() };
            }
            run.weight += tempering * expected.gain[index];
            run.peak = run.peak.max(run.weight);
            run.attempts += 1;
            run.bad += 1;
            run.people += u32::from(first);
        }
    }

    /// The strongest evidence for a shift of at least `shift_min`, less what `explained` says of the nats and the run behind them;
    /// `None` when no such shift is looked for.
    pub(super) fn strongest(
        &self,
        usual: &Row,
        tempering: f64,
        shift_min: f64,
        explained: impl Fn(f64, &Run) -> f64,
    ) -> Option<Strongest> {
        let mut best: Option<Strongest> = None;
        for (index, shift) in SHIFTS.iter().enumerate().skip(usual.first) {
            if *shift < shift_min {
                continue;
            }
            let run = &self.runs[index];
            let nats = run.weight.max(0.0) - usual.correction(index, tempering);
            let nats = nats - explained(nats, run);
            if best.is_none_or(|best| nats > best.nats) {
                best = Some(Strongest { nats, index });
            }
        }
        best
    }

    /// The most that the evidence for each shift was.
    pub(super) fn peaks(&self) -> Peaks {
        self.runs.map(|run| run.peak)
    }

    /// Takes over [`Grid::peaks`].
    pub(super) fn know_peaks(&mut self, peaks: Peaks) {
        for (run, peak) in self.runs.iter_mut().zip(peaks) {
            run.peak = peak;
        }
    }

    /// The run behind the strongest evidence.
    pub(super) fn run(&self, index: usize) -> Run {
        self.runs[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_counts_no_further() {
        let usual = table::row(0.02);
        let after = |goods: u32| {
            let mut grid = Grid::default();
            for second in 0..4 {
                grid.bad(usual, usual, 1.0, true, second);
            }
            for _ in 0..goods {
                grid.good(1.0);
            }
            // The next everyday failure.
            grid.bad(usual, usual, 1.0, true, 1_000);
            grid.run(5)
        };
        // A shift of 0.3 loses 0.36 nats by each good attempt: 5.3 by fifteen.
        let (before, over) = (after(14), after(15));
        assert_eq!((before.since, before.bad), (0, 5), "the trouble may go on");
        assert_eq!(
            (over.since, over.bad),
            (1_000, 1),
            "it begins anew, though the sum had not reached zero"
        );
    }
}
