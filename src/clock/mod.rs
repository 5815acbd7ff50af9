//! The only place that reads the wall clock. Everything else takes `now` as an argument.

mod belief;
mod standing;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use self::belief::Belief;
pub use self::standing::{AHEAD_MILLIS, Standing};
use crate::event::Timestamp;

/// What this process believes of its machine's clock.
static MACHINE: Mutex<Belief> = Mutex::new(Belief::NEW);

/// A look costs milliseconds: however fast a clock is, there are not more than twenty a second.
const SECOND_MIN: Duration = Duration::from_millis(50);

/// Tells the time: the machine's, tokio's (so that tests on paused time move timers and time together), or what
/// somebody sets.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Hand);

#[derive(Clone, Copy, Debug)]
enum Hand {
    /// Read each time: a machine's clock may be set while we run. A step ahead is followed when it has lasted.
    Machine,
    Running {
        epoch: Timestamp,
        start: Instant,
        /// How many times faster than tokio's time it runs.
        speed: u32,
    },
    Set {
        hand: &'static AtomicI64,
        /// How many times faster than the machine's time it is meant to run.
        speed: u32,
    },
    /// Tokio's time, wrong by so many milliseconds, and believed as the machine's is.
    #[cfg(test)]
    Skewed {
        epoch: Timestamp,
        start: Instant,
        skew: &'static AtomicI64,
        belief: &'static Mutex<Belief>,
    },
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Hand::Machine)
    }

    /// A clock that shows `epoch` now and runs with tokio's time.
    #[must_use]
    pub fn starting_at(epoch: Timestamp) -> Self {
        Self::running(epoch, 1)
    }

    /// A clock that shows `epoch` now and runs `speed` times faster than tokio's time.
    #[must_use]
    pub fn running(epoch: Timestamp, speed: u32) -> Self {
        Self(Hand::Running { epoch, start: Instant::now(), speed })
    }

    /// A clock that shows `epoch` until its [`Setter`] says otherwise, which moves it about `speed` times faster than the
    /// machine's time. Its eight bytes are never freed, so that clocks stay as light to hand around as a number.
    #[must_use]
    pub fn set_by_hand(epoch: Timestamp, speed: u32) -> (Self, Setter) {
        let hand: &AtomicI64 = Box::leak(Box::new(AtomicI64::new(epoch.millis())));
        (Self(Hand::Set { hand, speed }), Setter(hand))
    }

    /// A clock of one process: it shows `epoch` at `start`, runs with tokio's time, and is wrong by `skew` milliseconds.
    #[cfg(test)]
    pub(crate) fn skewed(epoch: Timestamp, start: Instant, skew: &'static AtomicI64) -> Self {
        Self(Hand::Skewed { epoch, start, skew, belief: Box::leak(Box::default()) })
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self.0 {
            Hand::Machine => {
                let mut belief = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
                belief.look(system_now(), machine_ran())
            }
            Hand::Running { epoch, start, speed } => {
                epoch.plus_millis(millis(start.elapsed() * speed))
            }
            Hand::Set { hand, .. } => Timestamp::from_millis(hand.load(Ordering::Acquire)),
            #[cfg(test)]
            Hand::Skewed { epoch, start, skew, belief } => {
                let shown = millis(start.elapsed()) + skew.load(Ordering::Relaxed);
                let mut belief = belief.lock().unwrap_or_else(PoisonError::into_inner);
                belief.look(epoch.plus_millis(shown), start.elapsed())
            }
        }
    }

    /// How many milliseconds the machine's clock is ahead of [`Clock::now`], while it has stepped ahead and that is not
    /// believed yet.
    #[must_use]
    pub fn doubted_millis(&self) -> Option<i64> {
        let belief = match self.0 {
            Hand::Machine => &MACHINE,
            #[cfg(test)]
            Hand::Skewed { belief, .. } => belief,
            Hand::Running { .. } | Hand::Set { .. } => return None,
        };
        belief.lock().unwrap_or_else(PoisonError::into_inner).doubted_millis()
    }

    /// The time on the machines of others, for what is to end by their clocks: where a simulation sets this one, they go by
    /// the wall's.
    #[must_use]
    pub fn theirs(&self) -> Timestamp {
        if let Hand::Set { .. } = self.0 { system_now() } else { self.now() }
    }

    /// How long a second of this clock takes, for what is looked at once a second.
    #[must_use]
    pub fn second(&self) -> Duration {
        let speed = if let Hand::Set { speed, .. } = self.0 { speed.max(1) } else { 1 };
        (Duration::from_secs(1) / speed).max(SECOND_MIN)
    }

    /// How much of its time passes in a second of the machine.
    #[must_use]
    pub fn speed(&self) -> u32 {
        match self.0 {
            Hand::Running { speed, .. } | Hand::Set { speed, .. } => speed.max(1),
            Hand::Machine => 1,
            #[cfg(test)]
            Hand::Skewed { .. } => 1,
        }
    }
}

/// Sets a clock that was made by [`Clock::set_by_hand`].
#[derive(Debug)]
pub struct Setter(&'static AtomicI64);

impl Setter {
    /// The clock shows `now`, unless it shows more: time does not go back.
    pub fn set(&self, now: Timestamp) {
        self.0.fetch_max(now.millis(), Ordering::AcqRel);
    }
}

/// How long the machine has run, the time for which it slept included.
#[cfg(target_os = "linux")]
fn machine_ran() -> Duration {
    let ran = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::try_from(ran).unwrap_or_default()
}

/// How long this process has run: elsewhere than on Linux a machine that slept is taken for one whose clock has stepped.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::disallowed_methods, reason = "beside the wall clock, and not on paused time")]
fn machine_ran() -> Duration {
    static BEGAN: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    BEGAN.elapsed()
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

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_steps_ahead_is_doubted_until_the_step_has_lasted() {
        static SKEW: AtomicI64 = AtomicI64::new(0);
        let clock = Clock::skewed(Timestamp::from_millis(0), Instant::now(), &SKEW);
        assert_eq!((clock.now().seconds(), clock.doubted_millis()), (0, None));
        SKEW.store(3_600_000, Ordering::Relaxed);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((clock.now().seconds(), clock.doubted_millis()), (1, Some(3_600_000)));
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!((clock.now().seconds(), clock.doubted_millis()), (3661, None));
    }

    #[test]
    fn a_machine_has_run_for_ever_longer() {
        let first = machine_ran();
        assert!(machine_ran() >= first && Clock::system().now().seconds() > 1_700_000_000);
    }

    #[test]
    fn a_clock_that_is_set_by_hand_never_goes_back() {
        let (clock, setter) = Clock::set_by_hand(Timestamp::from_millis(1000), 1);
        setter.set(Timestamp::from_millis(3000));
        setter.set(Timestamp::from_millis(2000));
        assert_eq!(clock.now(), Timestamp::from_millis(3000));
        assert!(clock.theirs() > Timestamp::parse("2025-01-01T00:00:00Z").unwrap());
    }

    #[test]
    fn a_clock_that_runs_faster_has_shorter_seconds() {
        for (speed, millis) in [(1, 1000), (10, 100), (60, 50)] {
            let (clock, _) = Clock::set_by_hand(Timestamp::from_millis(0), speed);
            assert_eq!(clock.second(), Duration::from_millis(millis), "{speed}");
        }
        assert_eq!(Clock::system().second(), Duration::from_secs(1));
    }
}
