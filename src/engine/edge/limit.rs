//! Declared limits in shadow: what each key uses of its quota, and what would be refused. Nobody is refused anything.
//!
//! Requests come as counts in tenths of a second. All of a tenth count at its beginning, so a bucket may be off by a tenth
//! of a second's quota at most; where a log names only the second, its requests are taken as spread over it evenly.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::gcra::{Bucket, Nanos, Quota};
use crate::event::edge::{Arrivals, LimitUse, SLOTS};
use crate::event::{Personal, Timestamp};
use crate::signal::{KeyView, LimitView, Severity};

/// Keys of one limit that are followed at most, 100 bytes each: those with the fullest buckets. A key that is given up
/// begins anew with an empty bucket.
const KEYS_MAX: usize = 10_000;

/// Keys that were refused which are remembered at most, the ones with most refusals.
const REFUSED_MAX: usize = 256;

/// Keys that a view names.
const NAMED_MAX: usize = 10;

/// The pace of a key is measured over the time in which the quota grants this many requests, within 5 s and 60 s (or the
/// quota's own period): fewer say little, more come late.
const PACE_REQUESTS: f64 = 100.0;
const PACE_SECONDS_MIN: f64 = 5.0;
const PACE_SECONDS_MAX: f64 = 60.0;

/// A burst that is nearly used up counts when it was so in this many of the last ten seconds: one page that loads many
/// things is no trend.
const HIGH_SECONDS: u32 = 3;

/// A key that was near is so for this long after it was heard of last, in the time of the log.
const NEAR_SECONDS: i64 = 10;

/// When nothing was heard of a limit for this long, nobody is near it.
const SILENCE_SECONDS: i64 = 15;

/// Seconds over which the busiest use is the gauge: nothing is missed between two scrapes.
const PEAK_SECONDS: i64 = 60;

const SECOND: Nanos = 1_000_000_000;

/// A declared limit.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Limit {
    pub(crate) name: Box<str>,
    pub(crate) quota: Quota,
    /// As it was written.
    pub(crate) words: Box<str>,
    /// Share of the quota, or of the burst, that is near.
    pub(crate) near: f64,
    pub(crate) severity: Severity,
    /// The quota's period, in seconds.
    pub(crate) period_seconds: u64,
}

/// What is known of one limit.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Shadow {
    keys: BTreeMap<Personal, Key>,
    refused: BTreeMap<Personal, Refused>,
    /// Requests that were counted, and those of keys that their second did not name.
    requests: u64,
    unnamed: u64,
    exceeded: u64,
    first_refused_at: Option<Timestamp>,
    /// The highest use in each of the last seconds.
    peaks: VecDeque<(i64, f64)>,
    /// The keys that are near, with the share that they use and the second in which they did.
    near: BTreeMap<Personal, (f64, i64)>,
    /// The last second that was counted.
    last: i64,
    /// When anything was counted last, on the engine's clock.
    pub(super) heard_at: i64,
}

/// One key.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Key {
    bucket: Bucket,
    /// Requests, decaying with the time over which the pace is measured.
    pace: f64,
    at: Nanos,
    /// In which of the last ten seconds the burst was nearly used up; the lowest bit is the second of `at`.
    high: u16,
    requests: u64,
    peak: f64,
}

/// A key of which requests would have been refused.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Refused {
    requests: u64,
    first_at: Timestamp,
    last_at: Timestamp,
}

impl Limit {
    /// Time over which the pace is measured, in nanoseconds.
    fn pace_nanos(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a period has at most a day")]
        let most = PACE_SECONDS_MAX.max(self.period_seconds as f64);
        (PACE_REQUESTS / self.quota.per_second()).clamp(PACE_SECONDS_MIN, most) * 1e9
    }
}

impl Key {
    fn pace_at(&self, limit: &Limit, now: Nanos) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "ages are far below 2^52 nanoseconds or long over"
        )]
        let age = now.saturating_sub(self.at).max(0) as f64;
        self.pace * libm::exp(-age / limit.pace_nanos())
    }

    /// Share of the quota that the pace uses.
    fn sustained(&self, limit: &Limit, now: Nanos) -> f64 {
        self.pace_at(limit, now) / (limit.pace_nanos() / 1e9 * limit.quota.per_second())
    }

    /// The higher of the shares of quota and burst that are used.
    fn used(&self, limit: &Limit, now: Nanos) -> f64 {
        self.sustained(limit, now).max(self.bucket.fill(limit.quota, now).unwrap_or(0.0))
    }

    fn is_near(&self, limit: &Limit, now: Nanos) -> bool {
        let passed = now.div_euclid(SECOND) - self.at.div_euclid(SECOND);
        let high =
            u32::try_from(passed.max(0)).ok().and_then(|passed| self.high.checked_shl(passed));
        let lately = high.unwrap_or(0) & 0x3FF;
        self.sustained(limit, now) >= limit.near || lately.count_ones() >= HIGH_SECONDS
    }

    fn shift(&mut self, now: Nanos) {
        let passed = now.div_euclid(SECOND) - self.at.div_euclid(SECOND);
        let passed = u32::try_from(passed.max(0)).unwrap_or(u32::MAX);
        self.high = self.high.checked_shl(passed).unwrap_or(0) & 0x3FF;
    }

    /// Counts the requests of a second; gives how many would have been refused and the highest use.
    fn take(&mut self, limit: &Limit, second: i64, arrivals: &Arrivals) -> (u64, f64) {
        let (mut refused, mut peak) = (0, 0.0f64);
        for (slot, count) in (0i64..).zip(arrivals.spread()).filter(|(_, count)| *count > 0) {
            let now = second * SECOND + slot * (SECOND / i64::try_from(SLOTS).expect("ten"));
            self.shift(now);
            self.pace = self.pace_at(limit, now);
            self.at = self.at.max(now);
            #[expect(clippy::cast_precision_loss, reason = "requests of a tenth of a second")]
            let requests = count as f64;
            self.pace += requests;
            self.requests += count;
            refused += self.bucket.take(limit.quota, now, count).refused;
            if self.bucket.fill(limit.quota, now).is_some_and(|fill| fill >= limit.near) {
                self.high |= 1;
            }
            peak = peak.max(self.used(limit, now));
        }
        self.peak = self.peak.max(peak);
        (refused, peak)
    }
}

impl Shadow {
    /// Counts the use of a second. Seconds come in order; of one that comes late only the keys are counted that were not
    /// seen since, the others are left out: how many.
    pub(super) fn take(&mut self, limit: &Limit, second: i64, used: &LimitUse, late: bool) -> u64 {
        let mut left_out = 0;
        let (mut busiest, at) = (0.0f64, Timestamp::from_millis(second * 1000));
        for (name, arrivals) in &used.keys {
            if late && self.keys.get(name).is_some_and(|key| key.at >= (second + 1) * SECOND) {
                left_out += arrivals.count();
                continue;
            }
            if !self.keys.contains_key(name) {
                self.make_room(limit, second * SECOND);
            }
            let key = self.keys.entry(name.clone()).or_default();
            let (refused, peak) = key.take(limit, second, arrivals);
            busiest = busiest.max(peak);
            if key.is_near(limit, (second + 1) * SECOND) {
                self.near.insert(name.clone(), (peak, second));
            } else {
                self.near.remove(name);
            }
            self.requests += arrivals.count();
            if refused > 0 {
                self.refuse(name, refused, at);
            }
        }
        self.unnamed += used.others;
        self.last = self.last.max(second);
        let last = self.last;
        self.near.retain(|_, (_, second)| *second > last - NEAR_SECONDS);
        match self.peaks.back_mut().filter(|(last, _)| *last >= second) {
            Some((_, peak)) => *peak = peak.max(busiest),
            None => self.peaks.push_back((second, busiest)),
        }
        left_out
    }

    fn refuse(&mut self, name: &Personal, requests: u64, at: Timestamp) {
        self.exceeded += requests;
        self.first_refused_at = Some(self.first_refused_at.map_or(at, |first| first.min(at)));
        if let Some(known) = self.refused.get_mut(name) {
            known.requests += requests;
            known.first_at = known.first_at.min(at);
            known.last_at = known.last_at.max(at);
            return;
        }
        if self.refused.len() >= REFUSED_MAX {
            let least =
                self.refused.iter().min_by_key(|(_, refused)| (refused.requests, refused.last_at));
            let least = least.map(|(name, _)| name.clone()).expect("there are some");
            self.refused.remove(&least);
        }
        self.refused.insert(name.clone(), Refused { requests, first_at: at, last_at: at });
    }

    /// When all places are taken, keys with nothing in their buckets leave, or else the emptier half.
    fn make_room(&mut self, limit: &Limit, now: Nanos) {
        if self.keys.len() < KEYS_MAX {
            return;
        }
        self.forget(limit, now);
        if self.keys.len() < KEYS_MAX {
            return;
        }
        let mut uses: Vec<f64> = self.keys.values().map(|key| key.used(limit, now)).collect();
        uses.sort_by(f64::total_cmp);
        let middle = uses[uses.len() / 2];
        self.keys.retain(|_, key| key.used(limit, now) > middle);
        if self.keys.len() >= KEYS_MAX {
            self.keys.clear();
        }
    }

    /// Forgets keys that used nothing lately, but for those of which the refusals are told, and peaks that are past.
    pub(super) fn forget(&mut self, limit: &Limit, now: Nanos) {
        let refused = &self.refused;
        self.keys.retain(|name, key| {
            let uses = !key.bucket.is_empty(now) || key.sustained(limit, now) >= 0.001;
            uses || refused.contains_key(name)
        });
        let oldest = now.div_euclid(SECOND) - PEAK_SECONDS;
        while self.peaks.pop_front_if(|(second, _)| *second <= oldest).is_some() {}
    }

    /// The keys that are near their quota, the nearest first, with the share that they use: as of the last second that was
    /// heard of, so that a log that comes late is judged by its own time.
    pub(super) fn near(&self, now: Timestamp) -> Vec<(&Personal, f64)> {
        if now.seconds() - self.heard_at > SILENCE_SECONDS {
            return Vec::new();
        }
        let mut near: Vec<_> = self.near.iter().map(|(name, (used, _))| (name, *used)).collect();
        near.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        near
    }

    /// Whether a key was ever counted: where none was, there is no gauge.
    fn utilization(&self, now: i64) -> Option<f64> {
        let lately = self.peaks.iter().filter(|(second, _)| *second > now - PEAK_SECONDS);
        (self.requests > 0).then(|| lately.map(|(_, peak)| *peak).fold(0.0, f64::max))
    }

    pub(super) fn view(&self, limit: &Limit, now: Timestamp) -> LimitView {
        let nanos = now.millis().saturating_mul(1_000_000);
        let mut busiest: Vec<_> = self.keys.iter().collect();
        if busiest.len() > NAMED_MAX {
            let order = |a: &(&Personal, &Key), b: &(&Personal, &Key)| {
                b.1.peak.total_cmp(&a.1.peak).then_with(|| a.0.cmp(b.0))
            };
            busiest.select_nth_unstable_by(NAMED_MAX, order);
            busiest.truncate(NAMED_MAX);
        }
        let busiest = busiest.into_iter().map(|(name, _)| name);
        let named: BTreeSet<&Personal> = self.refused.keys().chain(busiest).collect();
        let view = |name: &Personal| {
            let key = self.keys.get(name);
            let refused = self.refused.get(name);
            KeyView {
                key: name.clone(),
                utilization: key.map_or(0.0, |key| key.used(limit, nanos)),
                // Where there was no room for it: who was refused has used all there was.
                peak: key.map_or(1.0, |key| key.peak),
                requests: key.map_or(0, |key| key.requests),
                refused: refused.map_or(0, |refused| refused.requests),
                first_refused_at: refused.map(|refused| refused.first_at),
                last_refused_at: refused.map(|refused| refused.last_at),
            }
        };
        let mut keys: Vec<KeyView> = named.into_iter().map(view).collect();
        keys.sort_by(|a, b| {
            b.refused
                .cmp(&a.refused)
                .then(b.peak.total_cmp(&a.peak))
                .then_with(|| a.key.cmp(&b.key))
        });
        keys.truncate(NAMED_MAX);
        LimitView {
            limit: limit.name.clone(),
            quota: limit.words.clone(),
            utilization: self.utilization(now.seconds()),
            requests: self.requests,
            unnamed: self.unnamed,
            exceeded: self.exceeded,
            refused_keys: self.refused.len() as u64,
            first_refused_at: self.first_refused_at,
            keys,
        }
    }

    /// Requests that were held against it.
    pub(super) fn requests(&self) -> u64 {
        self.requests
    }

    /// Requests of one key that is followed.
    pub(super) fn requests_of(&self, name: &Personal) -> u64 {
        self.keys.get(name).map_or(0, |key| key.requests)
    }

    /// Keys that would have been refused.
    pub(super) fn refused_keys(&self) -> usize {
        self.refused.len()
    }

    /// Requests that would have been refused.
    pub(super) fn exceeded(&self) -> u64 {
        self.exceeded
    }

    /// The first of them.
    pub(super) fn first_refused_at(&self) -> Option<Timestamp> {
        self.first_refused_at
    }
}

#[cfg(test)]
mod tests;
