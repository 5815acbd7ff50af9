//! Whether bad requests stand where good ones used to come. What strangers add to a tier's requests, such as a scan of random paths,
//! may be most of them, and hits nobody; and where people sleep, the share of what does not is large.

use serde::{Deserialize, Serialize};

use super::evidence::Bin;
use super::stream::BIN_SECONDS;

/// Bins over which it is known what came before, at most: half an hour. So many where much of what comes is bad, so that it is what came
/// before that; else so many times those of what comes now: what came an hour ago, a batch or a peak, is not what is missing now.
const BEFORE_BINS: f64 = 360.0;
const BEFORE_TIMES: f64 = 3.0;

/// Bins over which it is known what comes now, at least, and how many good requests were due in them.
const LATELY_BINS: f64 = 6.0;
const LATELY_DUE: f64 = 40.0;

/// Good requests have turned into bad ones when so much is left of them, and bad ones are so many times as many, and more by so much
/// of what is missing.
const LEFT: f64 = 0.5;
const RISE: f64 = 2.0;
const INSTEAD: f64 = 0.3;

/// Good and bad requests a bin, before and lately.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Turn {
    before: Pace,
    lately: Pace,
    bins: f64,
    last_second: i64,
}

#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
struct Pace {
    good: f64,
    bad: f64,
}

impl Pace {
    /// Takes a bin behind so many without requests.
    fn take(&mut self, bin: Bin, empty: f64, bins: f64) {
        let weight = 1.0 / bins;
        let left = libm::pow(1.0 - weight, empty);
        #[expect(clippy::cast_precision_loss, reason = "requests of a few seconds")]
        let (good, bad) = (bin.requests.saturating_sub(bin.bad) as f64, bin.bad as f64);
        self.good = self.good * left * (1.0 - weight) + good * weight;
        self.bad = self.bad * left * (1.0 - weight) + bad * weight;
    }
}

impl Turn {
    /// Takes a bin; what comes while an alarm is up is not what came before.
    pub(super) fn take(&mut self, bin: Bin, is_alarmed: bool) {
        let passed = (bin.second - self.last_second) / BIN_SECONDS;
        #[expect(clippy::cast_precision_loss, reason = "bins of some days")]
        let empty = if self.last_second == 0 { 0.0 } else { (passed - 1).max(0) as f64 };
        self.last_second = self.last_second.max(bin.second);
        let due = LATELY_DUE / self.before.good.max(1e-3);
        let lately = due.clamp(LATELY_BINS, BEFORE_BINS / BEFORE_TIMES);
        self.lately.take(bin, empty, lately);
        if !is_alarmed {
            let is_bad = RISE * self.lately.bad >= self.lately.good;
            let most = if is_bad { BEFORE_BINS } else { BEFORE_TIMES * lately };
            self.bins = (self.bins + 1.0 + empty).min(BEFORE_BINS);
            self.before.take(bin, empty.min(self.bins - 1.0), self.bins.min(most));
        }
    }

    /// Whether bad requests stand where good ones used to come.
    pub(super) fn is_turned(&self) -> bool {
        let Self { before, lately, .. } = self;
        lately.good < LEFT * before.good
            && lately.bad > RISE * before.bad
            && lately.bad - before.bad > INSTEAD * (before.good - lately.good)
    }
}
