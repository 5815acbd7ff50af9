//! Trouble of a tier that gets much worse while its alarm is up: a small incident must not hide a large one. What is as before is said
//! as for sign-ins ([`crate::engine::detect`]); the evidence is that of the edge, by the bin.

use serde::{Deserialize, Serialize};

use super::evidence::{BINS, Bin, GROSS_SHIFT, Scale, Weights};
use super::stream::TEMPERING;
use super::trouble::Trouble;
use crate::engine::detect::as_before;

/// What grows within this time of its onset is one outage's beginning, and whoever was paged for that is looking.
const YOUNG_SECONDS: i64 = 600;

/// What the share is followed over: bins, a minute of them, and requests at least.
const STRETCH_BINS: f64 = 12.0;
const STRETCH_REQUESTS_MIN: f64 = 32.0;

/// Nats that say that it is as before, and for how long they must: an outage that comes and goes is told once.
const RELIEF_NATS: f64 = 5.3;
const CALM_SECONDS: i64 = 1_800;

/// Whether an alarm's trouble gets much worse.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Worse {
    weights: Weights,
    /// The share of bad requests lately, and in the worst stretch while the trouble was young.
    lately: f64,
    worst: f64,
    raised: Option<Raised>,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Raised {
    /// Whose usual is the share that is as before.
    rise: Trouble,
    /// Evidence that it is as before, and since when there is enough; 0: there is not.
    relief: f64,
    calm_since: i64,
}

impl Worse {
    /// Of trouble that begins with this share of bad requests.
    pub(super) fn new(share: f64) -> Self {
        Self { lately: share, worst: share, ..Self::default() }
    }

    /// A bin while the alarm is up, `age` seconds after the onset; `pace` is the requests of a usual one. Whether it got much worse
    /// with this one.
    pub(super) fn take(&mut self, bin: Bin, age: i64, pace: f64, threshold: f64) -> bool {
        if bin.requests == 0 {
            return false;
        }
        #[expect(clippy::cast_precision_loss, reason = "requests of a few seconds")]
        let (bad, requests) = (bin.bad as f64, bin.requests as f64);
        let stretch = (STRETCH_BINS * pace).max(STRETCH_REQUESTS_MIN);
        self.lately += (bad / requests - self.lately) * (requests / stretch).min(1.0);
        if age < YOUNG_SECONDS {
            self.worst = self.worst.max(self.lately);
            return false;
        }
        let before = as_before(self.worst);
        if let Some(raised) = &mut self.raised {
            raised.relieve(bin, before);
            if raised.is_over(bin.second) {
                self.raised = None;
            }
            return false;
        }
        let scale = Scale::new(before, TEMPERING);
        self.weights.weigh(bin, &scale, threshold);
        let found = self.weights.strongest(&scale, GROSS_SHIFT, BINS, bin.second, None);
        let Some(found) = found.filter(|found| found.nats >= threshold) else { return false };
        let rise = Trouble::of(found, self.worst);
        self.raised = Some(Raised { rise, relief: 0.0, calm_since: 0 });
        self.weights.clear();
        true
    }

    /// What is known of it, once it is believed: what is usual is the share of the worst stretch before.
    pub(super) fn rise(&self) -> Option<&Trouble> {
        self.raised.as_ref().map(|raised| &raised.rise)
    }

    /// Whether what comes now belongs to it.
    pub(super) fn goes_on(&self) -> bool {
        self.raised.is_some_and(|raised| raised.calm_since == 0)
    }
}

impl Raised {
    fn relieve(&mut self, bin: Bin, before: f64) {
        let worse = before + GROSS_SHIFT * (1.0 - before);
        #[expect(clippy::cast_precision_loss, reason = "requests of a few seconds")]
        let (bad, good) = (bin.bad as f64, bin.requests.saturating_sub(bin.bad) as f64);
        let nats =
            good * libm::log((1.0 - before) / (1.0 - worse)) + bad * libm::log(before / worse);
        self.relief = (self.relief + TEMPERING * nats).clamp(0.0, 2.0 * RELIEF_NATS);
        if self.relief < RELIEF_NATS {
            self.calm_since = 0;
            self.rise.requests += bin.requests;
            self.rise.bad += bin.bad;
        } else if self.calm_since == 0 {
            self.calm_since = bin.second;
        }
    }

    fn is_over(&self, second: i64) -> bool {
        self.calm_since != 0 && second - self.calm_since >= CALM_SECONDS
    }
}

#[cfg(test)]
mod tests;
