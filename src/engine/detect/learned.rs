//! What made a baseline, and what waits to enter it.

use serde::{Deserialize, Serialize};

/// Attempts that made the baseline, and fresh ones that wait to enter it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Learned {
    /// Attempts (of a group: what its connections expect), decaying.
    pub(super) attempts: f64,
    /// Bad ones among them, decaying.
    pub(super) bad: f64,
    pub(super) fresh_attempts: f64,
    pub(super) fresh_bad: f64,
    pub(super) entered_at: u32,
}

/// What entered the baseline with an attempt; a group keeps it by hour.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Entered {
    pub(super) attempts: f64,
    pub(super) bad: f64,
}

impl Learned {
    pub(super) fn enter(&mut self, second: u32) -> Entered {
        let entered = Entered { attempts: self.fresh_attempts, bad: self.fresh_bad };
        self.attempts += entered.attempts;
        self.bad += entered.bad;
        self.forget_fresh();
        self.entered_at = second;
        entered
    }

    pub(super) fn forget_fresh(&mut self) {
        self.fresh_attempts = 0.0;
        self.fresh_bad = 0.0;
    }
}
