//! How many attempts a day brings.

use serde::{Deserialize, Serialize};

/// How much of a day's attempts goes into the daily rate.
const RATE_SMOOTHING: f64 = 0.15;

/// A stream with fewer attempts a day counts as having this many: no threshold falls below it.
const RATE_MIN: f64 = 3.0;

/// How many times what came so far the first day is thought to bring.
const FIRST_DAY_FACTOR: f64 = 8.0;

/// Attempts a day.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Pace {
    pub(super) day: u32,
    pub(super) today: u32,
    pub(super) rate: f64,
}

impl Pace {
    pub(super) fn roll(&mut self, day: u32) -> u32 {
        if self.day == 0 {
            self.day = day;
        }
        let days = day.saturating_sub(self.day);
        for _ in 0..days.min(60) {
            if self.rate == 0.0 {
                self.rate = f64::from(self.today);
            } else {
                self.rate += RATE_SMOOTHING * (f64::from(self.today) - self.rate);
            }
            self.today = 0;
        }
        self.day = self.day.max(day);
        days
    }

    pub(super) fn per_day(self) -> f64 {
        // The first day is not over: what it has brought so far says little.
        let share = if self.rate == 0.0 { FIRST_DAY_FACTOR } else { 0.5 };
        self.rate.max(f64::from(self.today) * share).max(RATE_MIN)
    }
}
