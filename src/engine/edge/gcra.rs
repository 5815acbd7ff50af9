//! A rate limit as servers keep it: the generic cell rate algorithm.
//!
//! One number for each key, the moment at which the bucket would be empty again. A request is admitted when that is at most
//! `burst` intervals ahead. Many requests at one moment are decided by one division, and the number is part of the
//! checkpoint; `docs/decisions/shadow-limits.md` says why this is not a crate's limiter.

use serde::{Deserialize, Serialize};

/// Nanoseconds since 1970: a request costs a fraction of a millisecond at a thousand a second.
pub(super) type Nanos = i64;

/// What a limit allows each key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Quota {
    /// What one request costs: the time in which the quota grants one.
    interval: Nanos,
    /// Requests above the steady pace that are let through.
    burst: u32,
}

/// The state of one key: when the requests that it holds will have been worked off.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Bucket(Nanos);

/// What became of requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Admitted {
    pub(super) admitted: u64,
    pub(super) refused: u64,
}

impl Quota {
    /// `requests` in each `seconds`, and `burst` above that. `None` when it is no quota: nothing, or more than one in a
    /// nanosecond.
    pub(crate) fn new(requests: u64, seconds: u64, burst: u32) -> Option<Self> {
        let interval = seconds.checked_mul(1_000_000_000)?.checked_div(requests)?;
        let interval = i64::try_from(interval).ok().filter(|interval| *interval > 0)?;
        interval.checked_mul(i64::from(burst) + 1)?;
        Some(Self { interval, burst })
    }

    /// Requests a second.
    pub(super) fn per_second(self) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "an interval has at most 52 bits of interest"
        )]
        let interval = self.interval as f64;
        1e9 / interval
    }

    fn tolerance(self) -> Nanos {
        self.interval * i64::from(self.burst)
    }
}

impl Bucket {
    /// `requests` come at `now`.
    pub(super) fn take(&mut self, quota: Quota, now: Nanos, requests: u64) -> Admitted {
        let empty_at = self.0.max(now);
        let room = now.saturating_add(quota.tolerance()).saturating_sub(empty_at);
        let most = if room < 0 { 0 } else { u64::try_from(room / quota.interval).unwrap_or(0) + 1 };
        let admitted = requests.min(most);
        if admitted > 0 {
            let cost = quota.interval.saturating_mul(i64::try_from(admitted).unwrap_or(i64::MAX));
            self.0 = empty_at.saturating_add(cost);
        }
        Admitted { admitted, refused: requests - admitted }
    }

    /// How much of the burst is used at `now`, 0 to 1; `None` when the limit has no burst.
    pub(super) fn fill(self, quota: Quota, now: Nanos) -> Option<f64> {
        if quota.burst == 0 {
            return None;
        }
        // The request at hand is no burst yet.
        let ahead = self.0.saturating_sub(now).saturating_sub(quota.interval).max(0);
        #[expect(clippy::cast_precision_loss, reason = "a ratio needs no more than 52 bits")]
        let fill = ahead as f64 / quota.tolerance() as f64;
        Some(fill.min(1.0))
    }

    /// Whether nothing is left of it at `now`: a key that was never seen is the same.
    pub(super) fn is_empty(self, now: Nanos) -> bool {
        self.0 <= now
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;
    use governor::{Quota as TheirQuota, RateLimiter};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// governor decides each request by itself; here all of one moment are decided at once.
        #[test]
        fn property_test_decisions_are_those_of_governor(
            per_minute in 1u32..5_000,
            burst in 0u32..60,
            steps in prop::collection::vec((0u64..3_000, 0u64..90), 1..60),
        ) {
            let quota = Quota::new(per_minute.into(), 60, burst).unwrap();
            let interval = Duration::from_nanos(60_000_000_000 / u64::from(per_minute));
            let theirs = TheirQuota::with_period(interval)
                .unwrap()
                .allow_burst(NonZeroU32::new(burst + 1).unwrap());
            let clock = FakeRelativeClock::default();
            let limiter = RateLimiter::direct_with_clock(theirs, clock.clone());
            let (mut bucket, mut now) = (Bucket::default(), 0i64);
            for (millis, requests) in steps {
                now += i64::try_from(millis).unwrap() * 1_000_000;
                clock.advance(Duration::from_millis(millis));
                let want = (0..requests).filter(|_| limiter.check().is_ok()).count() as u64;
                let got = bucket.take(quota, now, requests);
                prop_assert_eq!(got, Admitted { admitted: want, refused: requests - want });
            }
        }
    }

    #[test]
    fn the_burst_fills_up_and_drains_at_the_pace_of_the_quota() {
        let quota = Quota::new(10, 1, 5).unwrap();
        let mut bucket = Bucket::default();
        let second = 1_000_000_000;
        assert_eq!(bucket.take(quota, 0, 1).refused, 0);
        assert_eq!(bucket.fill(quota, 0), Some(0.0));
        assert_eq!(bucket.take(quota, 0, 9), Admitted { admitted: 5, refused: 4 });
        assert_eq!(bucket.fill(quota, 0), Some(1.0));
        assert_eq!(bucket.fill(quota, second / 5), Some(0.6));
        assert!(!bucket.is_empty(second / 2) && bucket.is_empty(second));
        assert_eq!(Bucket::default().fill(Quota::new(1, 1, 0).unwrap(), 0), None);
    }

    #[test]
    fn what_is_no_quota_is_none() {
        assert!(Quota::new(0, 1, 0).is_none());
        assert!(Quota::new(2_000_000_000, 1, 0).is_none());
        assert!(Quota::new(1, u64::MAX, 0).is_none());
        assert!(Quota::new(1, 86_400, u32::MAX).is_none());
        // A clock that jumped to the end of time costs nothing.
        let quota = Quota::new(1, 86_400, 1_000).unwrap();
        let mut bucket = Bucket::default();
        assert_eq!(bucket.take(quota, i64::MAX, u64::MAX).admitted, 1);
        assert_eq!(bucket.take(quota, i64::MIN, 5).refused, 5);
    }
}
