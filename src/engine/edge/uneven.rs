//! How unevenly bad answers come at a tier: more than chance has it, by how much the share wanders.

use serde::{Deserialize, Serialize};

use super::evidence::Bin;
use super::share::Share;

/// Length of the parts from which it is learned how unevenly bad answers come.
const PART_SECONDS: i64 = 600;

/// How much more unevenly bad answers come than chance has it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Unevenness {
    begin: i64,
    part: Share,
    /// Sum of squared deviations over their expectation, of the expectations, and how many: decaying.
    deviations: f64,
    expected: f64,
    parts: f64,
}

impl Unevenness {
    pub(super) fn take(&mut self, bin: Bin, usual: f64) {
        let begin = bin.second.div_euclid(PART_SECONDS);
        // What comes late belongs to no part of its own.
        if begin > self.begin {
            let expected = self.part.requests * usual;
            if self.begin != 0 && expected > 0.05 {
                let off = self.part.bad - expected;
                // One part of real trouble must not stand for hours of unevenness.
                let deviation = (off * off / expected.max(0.3)).min(30.0);
                let left = libm::exp2(-1.0 / 1_008.0);
                self.deviations = self.deviations * left + deviation;
                self.expected = self.expected * left + expected;
                self.parts = self.parts * left + 1.0;
            }
            self.begin = begin;
            self.part = Share::default();
        }
        self.part.add(bin, 1.0);
    }

    /// Variance over that of chance, at least 1.
    pub(super) fn factor(&self) -> f64 {
        // An hour of chance to begin with.
        ((self.deviations + 6.0) / (self.parts + 6.0)).max(1.0)
    }

    /// How much the share itself wanders, relative to it.
    pub(super) fn wander(&self) -> f64 {
        let mean = (self.expected / self.parts.max(1.0)).max(1e-9);
        if self.parts < 6.0 { 0.0 } else { libm::sqrt((self.factor() - 1.0) / mean).min(1.0) }
    }
}
