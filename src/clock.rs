//! The only place that reads the wall clock. Everything else takes `now` as an argument.

use std::time::Duration;

use tokio::time::Instant;

use crate::event::Timestamp;

/// Wall time that follows tokio's clock, so that tests on paused time move both together.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: Timestamp,
    start: Instant,
    /// How many times faster than tokio's time it runs.
    speed: u32,
    /// Whether to read the operating system's clock each time (a machine's clock may be set while we run).
    live: bool,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self { epoch: system_now(), start: Instant::now(), speed: 1, live: true }
    }

    /// A clock that shows `epoch` now and runs with tokio's time.
    #[must_use]
    pub fn starting_at(epoch: Timestamp) -> Self {
        Self::running(epoch, 1)
    }

    /// A clock that shows `epoch` now and runs `speed` times faster than tokio's time.
    #[must_use]
    pub fn running(epoch: Timestamp, speed: u32) -> Self {
        Self { epoch, start: Instant::now(), speed, live: false }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        if self.live {
            return system_now();
        }
        self.epoch.plus_millis(millis(self.start.elapsed() * self.speed))
    }
}

#[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock")]
fn system_now() -> Timestamp {
    let now = std::time::SystemTime::now();
    // A machine whose clock stands before 1970 is broken; the epoch is as good as any answer.
    Timestamp::from_millis(millis(now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default()))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_advance_moves_wall_clock_and_timers_together() {
        let clock = Clock::starting_at(Timestamp::from_millis(0));
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(clock.now(), Timestamp::from_millis(90_000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fast_clock_shows_more_time_than_passes() {
        let clock = Clock::running(Timestamp::from_millis(1000), 15);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(clock.now(), Timestamp::from_millis(31_000));
    }
}
