//! Requests, and those of them that show a sign, as they are learned and forgotten.

use serde::{Deserialize, Serialize};

use super::evidence::Bin;

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Share {
    pub(super) requests: f64,
    pub(super) bad: f64,
}

impl Share {
    #[expect(clippy::cast_precision_loss, reason = "requests of an hour")]
    pub(super) fn of(requests: u64, bad: u64) -> Self {
        Self { requests: requests as f64, bad: bad as f64 }
    }

    /// What is left of it after so many half-lives.
    pub(super) fn decay(&mut self, half_lives: f64) {
        let left = libm::exp2(-half_lives);
        self.requests *= left;
        self.bad *= left;
    }

    #[expect(clippy::cast_precision_loss, reason = "requests of a few seconds")]
    pub(super) fn add(&mut self, bin: Bin, weight: f64) {
        self.requests += bin.requests as f64 * weight;
        self.bad += bin.bad as f64 * weight;
    }
}
