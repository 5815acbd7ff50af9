//! What is usual at each hour of the day: bots do not sleep, and are a larger share of what comes at night.

use serde::{Deserialize, Serialize};

use super::evidence::Bin;
use super::share::Share;

const HOUR_SECONDS: i64 = 3_600;

/// Days after which half of what an hour of the day has learned is replaced.
const HALF_LIFE_DAYS: f64 = 7.0;

/// Requests that the usual of the whole day is worth at an hour.
const PRIOR_REQUESTS: f64 = 250.0;

/// How much a request counts that came while an alarm was up: one outage does not become the usual of its hour, which would hide
/// small trouble at that hour of the next days, and what comes every night is learned in the end: where the tier is new, in one night;
/// where it is known for ten days, in five nights when 3 % fail at an hour with few requests, in sixteen at a busy one, in eighteen to
/// twenty-three when 30 % do.
const TROUBLED: f64 = 0.1;

/// The shares of the hours of the day, in UTC.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Hours {
    of_day: [Share; 24],
    /// What came in the hour that is not over, which is judged by the days before it.
    open: Share,
    /// That hour, since 1970; 0: nothing came yet.
    hour: i64,
}

impl Hours {
    /// Counts a bin, which came while an alarm was up or not.
    pub(super) fn take(&mut self, bin: Bin, troubled: bool) {
        let hour = bin.second.div_euclid(HOUR_SECONDS);
        if hour < self.hour {
            // A log that comes late: the hour was learned without it.
            self.of_day[of_day(hour)].add(bin, if troubled { TROUBLED } else { 1.0 });
            return;
        }
        if hour != self.hour {
            let open = std::mem::take(&mut self.open);
            self.learn(self.hour, &open);
            self.hour = hour;
        }
        self.open.add(bin, if troubled { TROUBLED } else { 1.0 });
    }

    /// Learns an hour, since 1970.
    pub(super) fn learn(&mut self, hour: i64, share: &Share) {
        let learned = &mut self.of_day[of_day(hour)];
        learned.decay(1.0 / HALF_LIFE_DAYS);
        learned.requests += share.requests;
        learned.bad += share.bad;
    }

    /// The share that is usual at this hour, where `usual` is that of the whole day: no hour is thought better than the day.
    pub(super) fn usual(&self, second: i64, usual: f64) -> f64 {
        let learned = self.of_day[of_day(second.div_euclid(HOUR_SECONDS))];
        let bad = PRIOR_REQUESTS * usual + learned.bad;
        usual.max(bad / (PRIOR_REQUESTS + learned.requests))
    }
}

fn of_day(hour: i64) -> usize {
    usize::try_from(hour.rem_euclid(24)).expect("it is below 24")
}

#[cfg(test)]
mod tests;
