//! How long is slow: the duration that one sign-in in twenty exceeds, learned as they come.

use serde::{Deserialize, Serialize};

/// Share of sign-ins that are slower, once the mark stands where it should: less is never usual.
pub(super) const SHARE: f64 = 0.05;

/// So little above the mark, as a logarithm, is not slow: where all take as long, the mark comes down to less in steps that are smaller.
const MARGIN: f32 = 0.01;

/// The longest of so many is about what one in twenty exceeds.
const FIRST: u32 = 20;

/// Steps are this large divided by the observations so far, but not smaller than [`STEP_MIN`]: then three hundred slow ones
/// would double what counts as slow.
const STEP: f64 = 6.0;
const STEP_OFFSET: f64 = 20.0;
const STEP_MIN: f64 = 0.005;

/// Where nothing is known, in seconds: people type passwords and pick up phones.
const START_SECONDS: f64 = 50.0;

/// The mark.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct SlowMark {
    /// Logarithm of seconds.
    log_seconds: f32,
    observations: u32,
}

impl SlowMark {
    pub(super) fn is_new(self) -> bool {
        self.observations == 0
    }

    /// Another mark that starts where this one stands.
    pub(super) fn as_start(self) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "a logarithm of seconds is small")]
        let log_seconds =
            if self.is_new() { libm::log(START_SECONDS) as f32 } else { self.log_seconds };
        Self { log_seconds, observations: 1 }
    }

    /// Whether `millis` is slow.
    pub(super) fn is_slower(self, millis: u64) -> bool {
        log_seconds(millis) > self.log_seconds + MARGIN
    }

    /// Moves towards the mark that [`SHARE`] of all exceed.
    pub(super) fn learn(&mut self, millis: u64) {
        if self.observations < FIRST {
            let longest = if self.is_new() { f32::MIN } else { self.log_seconds };
            let log_seconds = longest.max(log_seconds(millis));
            *self = Self { log_seconds, observations: self.observations + 1 };
            return;
        }
        let step = (STEP / (f64::from(self.observations) + STEP_OFFSET)).max(STEP_MIN);
        let exceeds = log_seconds(millis) > self.log_seconds;
        let up = if exceeds { 1.0 - SHARE } else { -SHARE };
        #[expect(clippy::cast_possible_truncation, reason = "a logarithm of seconds is small")]
        let moved = (f64::from(self.log_seconds) + step * up) as f32;
        self.log_seconds = moved;
        self.observations = self.observations.saturating_add(1);
    }
}

/// As exact as the mark, so that the same duration is never slower than itself.
#[expect(clippy::cast_precision_loss, reason = "a duration is far below 2^52 milliseconds")]
#[expect(clippy::cast_possible_truncation, reason = "a logarithm of seconds is small")]
fn log_seconds(millis: u64) -> f32 {
    libm::log(millis.max(1) as f64 / 1000.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_one_in_twenty_is_slow_whatever_the_scale() {
        let mut random = fastrand::Rng::with_seed(1);
        for scale in [100.0, 10_000.0, 100_000.0] {
            let mut mark = SlowMark::default();
            let mut slow = 0;
            for attempt in 0..20_000 {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "small and positive"
                )]
                let millis = (scale * libm::exp(3.0 * random.f64())) as u64;
                slow += u32::from(attempt >= 10_000 && mark.is_slower(millis));
                mark.learn(millis);
            }
            assert!((300..550).contains(&slow), "{scale}: {slow} of 10000");
        }
    }

    #[test]
    fn the_longest_of_the_first_is_a_mark_whatever_the_scale() {
        for scale in [40, 3_000, 90_000] {
            let mut mark = SlowMark::default();
            for attempt in 1..=u64::from(FIRST) {
                mark.learn(scale * (1 + attempt * 7 % 20));
            }
            assert!(mark.is_slower(scale * 21) && !mark.is_slower(scale * 20), "{scale}");
        }
    }

    #[test]
    fn what_always_takes_as_long_is_never_slow() {
        let mut mark = SlowMark::default();
        for _ in 0..10_000 {
            mark.learn(5_000);
            assert!(!mark.is_slower(5_000));
        }
        assert!(mark.is_slower(6_000));
    }
}
