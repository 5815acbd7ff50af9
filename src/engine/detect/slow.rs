//! How long is slow: the duration that one sign-in in twenty exceeds, learned as they come.

use serde::{Deserialize, Serialize};

/// Share of sign-ins that are slower.
const SHARE: f64 = 0.05;

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
        log_seconds(millis) > f64::from(self.log_seconds)
    }

    /// Moves towards the mark that [`SHARE`] of all exceed.
    pub(super) fn learn(&mut self, millis: u64) {
        if self.is_new() {
            *self = self.as_start();
        }
        let step = (STEP / (f64::from(self.observations) + STEP_OFFSET)).max(STEP_MIN);
        let up = if self.is_slower(millis) { 1.0 - SHARE } else { -SHARE };
        #[expect(clippy::cast_possible_truncation, reason = "a logarithm of seconds is small")]
        let moved = (f64::from(self.log_seconds) + step * up) as f32;
        self.log_seconds = moved;
        self.observations = self.observations.saturating_add(1);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a duration is far below 2^52 milliseconds")]
fn log_seconds(millis: u64) -> f64 {
    libm::log(millis.max(1) as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_twenty_is_slow_whatever_the_scale() {
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
            assert!((350..650).contains(&slow), "{scale}: {slow} of 10000");
        }
    }
}
