//! How many requests may leave in a minute: the generic cell rate algorithm, on tokio's clock.

use std::num::NonZeroU32;

use governor::clock::Clock;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{RateLimiter, middleware::NoOpMiddleware};
use tokio::time::{Instant, sleep};

/// Requests that may leave at once after a quiet time: a page or two of everything that is asked,
/// and never a minute's worth, which a service with a shorter window would refuse.
const BURST_MAX: u32 = 10;

/// A quota. Whoever shares it waits in the same line.
#[derive(Debug)]
pub struct Quota {
    limiter: RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Nanos>>,
    clock: Ticks,
}

/// Time since the quota was made; moves with tokio's clock, so that tests can pause it.
#[derive(Clone, Copy, Debug)]
struct Ticks(Instant);

impl Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

impl Quota {
    /// At most `requests` in a minute, evenly spread, after a burst of at most [`BURST_MAX`].
    #[must_use]
    pub fn per_minute(requests: NonZeroU32) -> Self {
        let burst = NonZeroU32::new(BURST_MAX).expect("a constant above zero").min(requests);
        let quota = governor::Quota::per_minute(requests).allow_burst(burst);
        let clock = Ticks(Instant::now());
        Self { limiter: RateLimiter::direct_with_clock(quota, clock), clock }
    }

    /// Waits until the next request may leave.
    pub async fn ready(&self) {
        while let Err(early) = self.limiter.check() {
            sleep(early.wait_time_from(self.clock.now())).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_minute_lets_through_the_quota_and_one_burst() {
        let quota = Quota::per_minute(NonZeroU32::new(60).unwrap());
        let (start, mut sent) = (Instant::now(), 0);
        while start.elapsed() < Duration::from_mins(1) {
            quota.ready().await;
            sent += 1;
        }
        assert!((60..=60 + BURST_MAX + 1).contains(&sent), "{sent}");
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_share_a_quota_share_its_rate() {
        let quota = Quota::per_minute(NonZeroU32::new(60).unwrap());
        let start = Instant::now();
        let some = async || {
            for _ in 0..35 {
                quota.ready().await;
            }
        };
        tokio::join!(some(), some());
        // Seventy, less the burst, at one a second.
        assert!((59..=61).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    }
}
