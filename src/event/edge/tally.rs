//! What one second of one tier adds up to: all that is kept of access logs, and what the journal holds.
//!
//! Tallies of any parts of a second merge into that of the whole, in any order: counts add up, sketches join. The lists of
//! callers and of limits' keys are exact up to their bounds; beyond them the smallest of a second are missing.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::distinct::Distinct;
use super::method::Method;
use crate::event::Personal;

/// Kinds of requests (route, method, code, traffic) that one tally tells apart; the rest has the route `other`. An edge
/// has some dozens in a second, a scan of random paths has as many as it likes.
pub const CELLS_MAX: usize = 512;

/// The route of what is beyond a bound on routes.
pub const OTHER_ROUTE: &str = "other";

/// Callers that one tally names for each of four reasons: most requests, most 429s, most 403s, most URIs that are too long.
const CALLERS_EACH_MAX: usize = 32;

/// Keys of one limit that a tally counts by name: the busiest. A key beyond them sent less than each of these.
pub const KEYS_MAX: usize = 256;

/// Parts of a second in which requests are counted for limits.
pub const SLOTS: usize = 10;

/// Upper bounds of the duration buckets, in microseconds: steps of about one and a half, so that "slower than usual" can
/// be told from them.
pub const DURATION_BOUNDS_MICROS: [u64; 26] = [
    1_000, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000, 20_000, 30_000, 50_000, 75_000, 100_000,
    150_000, 200_000, 300_000, 500_000, 750_000, 1_000_000, 1_500_000, 2_000_000, 3_000_000,
    5_000_000, 7_500_000, 10_000_000, 30_000_000, 60_000_000,
];

/// Upper bounds of the buckets of URI lengths, in bytes. Servers take 2 to 16 KiB.
pub const URI_BOUNDS_BYTES: [u64; 11] =
    [32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 6_144, 8_192, 16_384];

/// One second of one tier.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct EdgeTally {
    /// Seconds since 1970.
    pub second: i64,
    /// The tier's name.
    pub tier: Box<str>,
    /// Requests by kind, in order of the kind.
    pub cells: Vec<(Kind, u64)>,
    /// How long they took, as far as the log says.
    pub durations: Histogram,
    /// How long their URIs were, as far as the server could read them.
    pub uri_bytes: Histogram,
    /// How many of these were nearly too long, and not refused with 414.
    pub long_uris: u64,
    /// Clients that got a 429.
    pub limited: Distinct,
    /// Clients that got a 403.
    pub blocked: Distinct,
    /// The callers with most requests, 429s and 403s, in order of their names.
    pub callers: Vec<Caller>,
    /// Use of the declared limits, in order of their names.
    pub limits: Vec<LimitUse>,
}

/// A kind of request. Its parts are the labels of `edge_requests_total`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Kind {
    /// The route.
    pub route: Arc<str>,
    /// The method.
    pub method: Method,
    /// Status of the answer; 0 when there was none.
    pub code: u16,
    /// Whether it came from within.
    pub internal: bool,
}

impl Kind {
    /// The label `code`.
    #[must_use]
    pub fn code_text(&self) -> String {
        if self.code == 0 { "none".to_owned() } else { self.code.to_string() }
    }

    /// The label `traffic`.
    #[must_use]
    pub fn traffic(&self) -> &'static str {
        if self.internal { "internal" } else { "external" }
    }
}

/// Observations in buckets; only those that hold any.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Histogram {
    /// Place of the bucket, and observations in it; in order of the place, of which the last is +Inf.
    pub buckets: Vec<(u8, u64)>,
    /// Sum of all observations.
    pub sum: u64,
}

/// What one caller did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Caller {
    /// The client's address, treated as personal data is.
    pub name: Personal,
    /// Whether it is internal.
    pub internal: bool,
    /// Requests.
    pub requests: u64,
    /// 429s among them.
    pub limited: u64,
    /// 403s among them.
    pub blocked: u64,
    /// 414s among them, and requests with a URI that is nearly too long.
    pub too_long: u64,
}

/// Use of one declared limit.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LimitUse {
    /// The limit's name.
    pub limit: Box<str>,
    /// The busiest keys, in order of their names.
    pub keys: Vec<(Personal, Arrivals)>,
    /// Requests of keys beyond [`KEYS_MAX`].
    pub others: u64,
}

/// When in its second a key's requests came.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Arrivals {
    /// In each part of the second.
    pub slots: [u32; SLOTS],
    /// Those of which the log names only the second: taken as spread over it evenly.
    pub even: u32,
}

impl EdgeTally {
    /// How many requests.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.cells.iter().map(|(_, count)| count).sum()
    }

    /// Adds another tally of the same second and tier.
    pub fn merge(&mut self, other: &Self) {
        let mut cells: BTreeMap<Kind, u64> = std::mem::take(&mut self.cells).into_iter().collect();
        for (kind, count) in &other.cells {
            add_cell(&mut cells, kind.clone(), *count);
        }
        self.cells = cells.into_iter().collect();
        self.durations.merge(&other.durations);
        self.uri_bytes.merge(&other.uri_bytes);
        self.long_uris += other.long_uris;
        self.limited.merge(&other.limited);
        self.blocked.merge(&other.blocked);
        let callers = std::mem::take(&mut self.callers).into_iter().chain(other.callers.clone());
        self.callers = merged(callers);
        keep_busiest(&mut self.callers, Caller::MEASURES, |a, b| a.name.cmp(&b.name));
        for their in &other.limits {
            match self.limits.binary_search_by(|ours| ours.limit.cmp(&their.limit)) {
                Ok(found) => self.limits[found].merge(their),
                Err(before) => self.limits.insert(before, their.clone()),
            }
        }
    }
}

/// Counts a kind; beyond the bound its route is `other`.
pub(super) fn add_cell(cells: &mut BTreeMap<Kind, u64>, mut kind: Kind, count: u64) {
    if cells.len() >= CELLS_MAX && !cells.contains_key(&kind) {
        kind.route = OTHER_ROUTE.into();
    }
    *cells.entry(kind).or_default() += count;
}

/// Each caller once, in order of their names.
fn merged(callers: impl Iterator<Item = Caller>) -> Vec<Caller> {
    let mut all: Vec<Caller> = callers.collect();
    all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    all.dedup_by(|other, known| {
        let same = other.name == known.name;
        if same {
            known.internal |= other.internal;
            known.requests += other.requests;
            known.limited += other.limited;
            known.blocked += other.blocked;
            known.too_long += other.too_long;
        }
        same
    });
    all
}

/// Keeps of callers that are each there once those with most requests, most 429s, most 403s and most URIs that are too long, in
/// order of their names. Of a thousand in a second most are left out: only those that are kept are sorted.
pub(super) fn keep_busiest<C>(
    all: &mut Vec<C>,
    measures: [fn(&C) -> u64; 4],
    by_name: impl Fn(&C, &C) -> Ordering,
) {
    if all.len() > CALLERS_EACH_MAX {
        let mut kept = vec![false; all.len()];
        for measure in measures {
            let hit = (0..all.len()).filter(|place| measure(&all[*place]) > 0);
            let mut ranked: Vec<usize> = hit.collect();
            if ranked.len() > CALLERS_EACH_MAX {
                ranked.select_nth_unstable_by(CALLERS_EACH_MAX, |a, b| {
                    let (a, b) = (&all[*a], &all[*b]);
                    // Of those with as many, the first by name.
                    measure(b).cmp(&measure(a)).then_with(|| by_name(a, b))
                });
                ranked.truncate(CALLERS_EACH_MAX);
            }
            for place in ranked {
                kept[place] = true;
            }
        }
        let mut kept = kept.into_iter();
        all.retain(|_| kept.next() == Some(true));
    }
    all.sort_unstable_by(by_name);
}

impl Caller {
    /// By what the busiest are chosen.
    const MEASURES: [fn(&Self) -> u64; 4] = [
        |caller| caller.requests,
        |caller| caller.limited,
        |caller| caller.blocked,
        |caller| caller.too_long,
    ];
}

impl Histogram {
    /// The bucket of `value` among those with these upper bounds.
    #[must_use]
    pub fn place(bounds: &[u64], value: u64) -> usize {
        bounds.partition_point(|bound| *bound < value)
    }

    /// How many observations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }

    /// Adds another with the same bounds.
    pub fn merge(&mut self, other: &Self) {
        for (place, count) in &other.buckets {
            match self.buckets.binary_search_by_key(place, |(place, _)| *place) {
                Ok(found) => self.buckets[found].1 += count,
                Err(before) => self.buckets.insert(before, (*place, *count)),
            }
        }
        self.sum += other.sum;
    }
}

impl LimitUse {
    /// Use of `limit` by `keys`, of which the busiest are kept.
    pub(super) fn new(
        limit: &str,
        keys: impl Iterator<Item = (Personal, Arrivals)>,
        others: u64,
    ) -> Self {
        let mut sums: BTreeMap<Personal, Arrivals> = BTreeMap::new();
        for (key, arrivals) in keys {
            sums.entry(key).or_default().merge(&arrivals);
        }
        let mut keys: Vec<(Personal, Arrivals)> = sums.into_iter().collect();
        let mut others = others;
        if keys.len() > KEYS_MAX {
            keys.sort_by_key(|(_, arrivals)| std::cmp::Reverse(arrivals.count()));
            others += keys[KEYS_MAX..].iter().map(|(_, arrivals)| arrivals.count()).sum::<u64>();
            keys.truncate(KEYS_MAX);
            keys.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        Self { limit: limit.into(), keys, others }
    }

    /// Adds the use of the same limit in the same second.
    pub(crate) fn merge(&mut self, other: &Self) {
        let keys = std::mem::take(&mut self.keys).into_iter().chain(other.keys.iter().cloned());
        *self = Self::new(&self.limit, keys, self.others + other.others);
    }
}

impl Arrivals {
    /// How many requests.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.slots.iter().map(|count| u64::from(*count)).sum::<u64>() + u64::from(self.even)
    }

    /// Requests in each part of the second, those of which only the second is known among them.
    #[must_use]
    pub fn spread(&self) -> [u64; SLOTS] {
        let even = u64::from(self.even);
        std::array::from_fn(|slot| {
            // The difference of rounded shares: they add up to all.
            let slots = SLOTS as u64;
            let share = |slot: u64| even * slot / slots;
            u64::from(self.slots[slot]) + share(slot as u64 + 1) - share(slot as u64)
        })
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (ours, theirs) in self.slots.iter_mut().zip(other.slots) {
            *ours = ours.saturating_add(theirs);
        }
        self.even = self.even.saturating_add(other.even);
    }
}

#[cfg(test)]
mod tests;
