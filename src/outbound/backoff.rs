//! How long to wait before the next try: full jitter, so that many clients do not come back together.

use std::time::Duration;

/// Waiting times that double up to a limit. What the service asks for comes first.
#[derive(Clone, Debug)]
pub struct Backoff {
    base: Duration,
    max: Duration,
    failures: u32,
    random: fastrand::Rng,
}

impl Backoff {
    /// From `base`, doubling up to `max`; `seed` makes tests repeat themselves.
    #[must_use]
    pub fn new(base: Duration, max: Duration, seed: Option<u64>) -> Self {
        let random = seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self { base, max, failures: 0, random }
    }

    /// The next wait: a random part of the doubled time, at least a quarter of it, or what the service asked for (at most an
    /// hour, so that a slip of the pen does not silence us).
    pub fn next_wait(&mut self, asked: Option<Duration>) -> Duration {
        let ceiling = self.base.saturating_mul(1 << self.failures.min(16)).min(self.max);
        self.failures = self.failures.saturating_add(1);
        let jittered = ceiling.mul_f64(0.25 + 0.75 * self.random.f64());
        asked.map_or(jittered, |asked| asked.min(Duration::from_hours(1)).max(self.base))
    }

    /// The last try worked.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_with_jitter_up_to_the_limit_and_begin_anew() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(64), Some(1));
        for failure in 0..20u32 {
            let ceiling = Duration::from_secs(1 << failure.min(6));
            let wait = backoff.next_wait(None);
            assert!(wait <= ceiling && wait >= ceiling / 4, "{failure}: {wait:?}");
        }
        backoff.reset();
        assert!(backoff.next_wait(None) <= Duration::from_secs(1));
        assert_eq!(backoff.next_wait(Some(Duration::from_secs(30))), Duration::from_secs(30));
        assert_eq!(backoff.next_wait(Some(Duration::from_hours(99))), Duration::from_hours(1));
    }
}
