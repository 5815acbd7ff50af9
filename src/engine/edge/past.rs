//! What access logs from before the first start say of a tier: they teach what is usual there, and alert nobody.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::gross::Gross;
use super::share::Share;
use super::sign::Sign;
use super::tier::counts;
use crate::event::edge::EdgeTally;

/// Hours that are kept: a week.
const HOURS_MAX: usize = 168;

/// Seconds without more of it after which all of it was read.
const READ_SECONDS: i64 = 60;

/// An hour whose share is above that of most hours by this factor and so much more was trouble, and teaches nothing.
const TROUBLE_FACTOR: f64 = 2.0;
const TROUBLE_MORE: f64 = 0.015;

/// The past of a tier that is not known yet, by hours since 1970.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Past {
    hours: BTreeMap<i64, Hour>,
    /// When some of it was read last.
    read_at: i64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Hour {
    requests: u64,
    /// Those that show a sign.
    bad: [u64; Sign::ALL.len()],
    durations: BTreeMap<u8, u64>,
}

impl Past {
    /// Counts a second that was read at `now`.
    pub(super) fn take(&mut self, tally: &EdgeTally, now: i64) {
        self.read_at = now;
        let hour = self.hours.entry(tally.second.div_euclid(3_600)).or_default();
        let counts = counts(tally);
        hour.requests += counts.requests;
        for sign in Sign::ALL {
            hour.bad[sign as usize] += sign.among(&counts).unwrap_or(0);
        }
        for (place, count) in &tally.durations.buckets {
            *hour.durations.entry(*place).or_default() += count;
        }
        for (kind, count) in &tally.cells {
            if let Some(sign) = Sign::of_code(kind.code).filter(|sign| Gross::has(*sign)) {
                hour.bad[sign as usize] += count;
            }
        }
        while self.hours.len() > HOURS_MAX {
            self.hours.pop_first();
        }
    }

    /// When all of it will have been read, if no more comes.
    pub(super) fn read_until(&self) -> Option<i64> {
        (!self.hours.is_empty()).then_some(self.read_at + READ_SECONDS)
    }

    /// How long the requests took, in buckets.
    pub(super) fn durations(&self) -> impl Iterator<Item = (u8, u64)> {
        let all = self.hours.values().flat_map(|hour| &hour.durations);
        all.map(|(place, count)| (*place, *count))
    }

    /// The hours of one sign that were as most are; what is slow is in buckets from `slow` on.
    pub(super) fn usual(&self, sign: Sign, slow: Option<u8>) -> Vec<(i64, Share)> {
        let shares = self.hours.iter().filter_map(|(number, hour)| {
            let share = match (sign, slow) {
                (Sign::Slow, None) => return None,
                (Sign::Slow, Some(slow)) => Share::of(
                    hour.durations.values().sum(),
                    hour.durations.range(slow..).map(|(_, count)| count).sum(),
                ),
                _ => Share::of(hour.requests, hour.bad[sign as usize]),
            };
            (share.requests > 0.0).then_some((*number, share))
        });
        let mut shares: Vec<(i64, Share)> = shares.collect();
        let ratio = |share: &Share| share.bad / share.requests;
        let mut sorted: Vec<f64> = shares.iter().map(|(_, share)| ratio(share)).collect();
        sorted.sort_by(f64::total_cmp);
        // Of two, the better one: the other may be an outage.
        let median = sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or_default();
        shares.retain(|(_, share)| ratio(share) <= TROUBLE_FACTOR * median + TROUBLE_MORE);
        shares
    }
}

#[cfg(test)]
mod tests;
