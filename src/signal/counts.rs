//! How many sign-ins did what, and how long they took.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Upper bounds of the buckets of `sso_session_duration_seconds`. People type passwords and pick up phones, so a sign-in
/// takes 14 s in the median; WorkOS gives up at 300 s.
pub const DURATION_BOUNDS_SECONDS: [f64; 12] =
    [1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 120.0, 300.0, 600.0];

/// How many sign-ins did what. Cumulative totals, or the content of a window.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Counts {
    /// `sso_started` events.
    pub started: u64,
    /// `sso_succeeded` events.
    pub succeeded: u64,
    /// `sso_failed` events.
    pub failed: u64,
    /// `sso_timed_out` events.
    pub timed_out: u64,
    /// Sessions without an end `sessions.timeout` + 60 s after their start.
    pub stalled: u64,
}

/// The sign-ins of a scope that ended in one minute, by the time of the event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Minute {
    /// Its start in seconds since the epoch, a multiple of 60.
    pub start_seconds: i64,
    /// Succeeded, failed or timed out.
    pub ended: u32,
    /// Failed.
    pub failed: u32,
    /// Timed out.
    pub timed_out: u32,
}

impl Counts {
    /// Sign-ins that came to an end: succeeded, failed or timed out.
    #[must_use]
    pub fn finished(&self) -> u64 {
        self.succeeded + self.failed + self.timed_out
    }

    /// Failed of all finished, in 0..=1; `None` without a finished one.
    #[must_use]
    pub fn failure_ratio(&self) -> Option<f64> {
        ratio(self.failed, self.finished())
    }

    /// Timed out of all finished, in 0..=1; `None` without a finished one.
    #[must_use]
    pub fn timeout_ratio(&self) -> Option<f64> {
        ratio(self.timed_out, self.finished())
    }

    /// Whether nothing happened.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

impl Minute {
    /// Failed or timed out.
    #[must_use]
    pub fn bad(&self) -> u32 {
        self.failed + self.timed_out
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.started += other.started;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.timed_out += other.timed_out;
        self.stalled += other.stalled;
    }
}

/// A histogram of durations.
#[derive(Clone, Copy, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Durations {
    /// Observations in each bucket of [`DURATION_BOUNDS_SECONDS`], not cumulative; the last is +Inf.
    pub buckets: [u64; DURATION_BOUNDS_SECONDS.len() + 1],
    /// Sum of all observations, in milliseconds.
    pub sum_millis: u64,
}

impl Durations {
    /// Adds one observation.
    pub fn observe(&mut self, millis: u64) {
        #[expect(clippy::cast_precision_loss, reason = "a duration is far below 2^52 milliseconds")]
        let seconds = millis as f64 / 1000.0;
        self.buckets[DURATION_BOUNDS_SECONDS.partition_point(|bound| *bound < seconds)] += 1;
        self.sum_millis += millis;
    }

    /// How many observations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio of counts needs no more than 52 bits")]
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
