//! One tier: its totals since the beginning, and the last hour by the minute.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::sign::{Sign, Signs};
use super::talkers::Talkers;
use crate::event::Timestamp;
use crate::event::edge::{
    DURATION_BOUNDS_MICROS, Distinct, EdgeTally, Histogram, Kind, OTHER_ROUTE, URI_BOUNDS_BYTES,
};
use crate::signal::{Buckets, MinuteOf, TierCounts, TierMinute, TierView, TierWindow, WINDOWS};

/// Routes of a tier that have series of their own; the rest is `other`.
const ROUTES_MAX: usize = 100;

/// Kinds of requests of a tier that have series of their own; beyond them the route is `other`.
const KINDS_MAX: usize = 2_000;

/// Minutes that are kept: the longest window.
const MINUTES: i64 = 60;

/// Routes with bad answers that one minute tells apart.
const BAD_ROUTES_MAX: usize = 64;

/// Callers that a view names.
const NAMED_MAX: usize = 10;

/// A tier.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Tier {
    pub(super) name: Arc<str>,
    requests: BTreeMap<Kind, u64>,
    routes: BTreeSet<Arc<str>>,
    durations: Buckets,
    uri_bytes: Buckets,
    /// With anything in them, oldest first.
    minutes: VecDeque<Minute>,
    last_at: Option<Timestamp>,
    pub(super) signs: Signs,
}

/// One minute of a tier.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Minute {
    /// Minutes since 1970.
    number: i64,
    pub(super) counts: TierCounts,
    pub(super) limited: Distinct,
    pub(super) blocked: Distinct,
    pub(super) talkers: Talkers,
    pub(super) limited_talkers: Talkers,
    pub(super) blocked_talkers: Talkers,
    pub(super) too_long_talkers: Talkers,
    /// Answers from 400 on, and none, by code and route.
    pub(super) bad: BTreeMap<(u16, Arc<str>), u64>,
}

impl Tier {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            requests: BTreeMap::new(),
            routes: BTreeSet::new(),
            durations: Buckets { counts: vec![0; DURATION_BOUNDS_MICROS.len() + 1], sum: 0 },
            uri_bytes: Buckets { counts: vec![0; URI_BOUNDS_BYTES.len() + 1], sum: 0 },
            minutes: VecDeque::new(),
            last_at: None,
            signs: Signs::default(),
        }
    }

    /// Adds a second.
    pub(super) fn take(&mut self, tally: &EdgeTally, now: Timestamp) {
        // A route is made known by an answer that shows that it exists: scans of random paths get 4xx, and must not take
        // the places of the real ones.
        let of_one_route = |(a, _): &(Kind, u64), (b, _): &(Kind, u64)| a.route == b.route;
        for kinds in tally.cells.chunk_by(of_one_route) {
            let route = &kinds[0].0.route;
            let exists = kinds.iter().any(|(kind, _)| !(400..500).contains(&kind.code));
            if exists && self.routes.len() < ROUTES_MAX && !self.routes.contains(route) {
                self.routes.insert(Arc::clone(route));
            }
        }
        for kinds in tally.cells.chunk_by(of_one_route) {
            let route = &kinds[0].0.route;
            let has_series = !route.starts_with('/') || self.routes.contains(route);
            for (kind, count) in kinds {
                self.count(kind, has_series, *count);
            }
        }
        add(&mut self.durations, &tally.durations);
        add(&mut self.uri_bytes, &tally.uri_bytes);
        let at = Timestamp::from_millis(tally.second.saturating_mul(1000));
        self.last_at = self.last_at.max(Some(at));
        self.advance(now);
        // What lies ahead counts now: clocks differ by seconds.
        let minute = at.min(now).seconds().div_euclid(60);
        if minute > now.seconds().div_euclid(60) - MINUTES {
            self.minute(minute).take(tally);
        }
    }

    /// Forgets what is older than the longest window; whether there was any.
    pub(super) fn advance(&mut self, now: Timestamp) -> bool {
        let oldest = now.seconds().div_euclid(60) - MINUTES;
        let before = self.minutes.len();
        while self.minutes.pop_front_if(|minute| minute.number <= oldest).is_some() {}
        before != self.minutes.len()
    }

    /// Counts requests of a kind, under its own route if that `has_series` and there is room.
    fn count(&mut self, kind: &Kind, has_series: bool, count: u64) {
        if has_series && let Some(known) = self.requests.get_mut(kind) {
            *known += count;
            return;
        }
        let mut kind = kind.clone();
        if !has_series {
            kind.route = OTHER_ROUTE.into();
        }
        if self.requests.len() >= KINDS_MAX && !self.requests.contains_key(&kind) {
            kind.route = OTHER_ROUTE.into();
        }
        *self.requests.entry(kind).or_default() += count;
    }

    fn minute(&mut self, number: i64) -> &mut Minute {
        let place = self.minutes.partition_point(|known| known.number < number);
        if self.minutes.get(place).is_none_or(|known| known.number != number) {
            self.minutes.insert(place, Minute { number, ..Minute::default() });
        }
        &mut self.minutes[place]
    }

    /// All since then, to the minute.
    pub(super) fn since(&self, since: Timestamp) -> Minute {
        let first = since.seconds().div_euclid(60);
        self.sum(|minute| minute.number >= first)
    }

    /// All of the last hour before then, to the minute.
    pub(super) fn before(&self, then: Timestamp) -> Minute {
        let first = then.seconds().div_euclid(60);
        self.sum(|minute| minute.number < first)
    }

    fn sum(&self, counts: impl Fn(&Minute) -> bool) -> Minute {
        let mut sum = Minute::default();
        for minute in self.minutes.iter().filter(|minute| counts(minute)) {
            sum.merge(minute);
        }
        sum
    }

    /// The minute from which on [`Tier::since`] counts at `now`; `None` when it is older than what is kept.
    pub(super) fn first_minute(since: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let [first, last] = [since, now].map(|at| at.seconds().div_euclid(60));
        (first > last - MINUTES).then(|| Timestamp::from_millis(first * 60_000))
    }

    /// The last hour by the minute: requests, and those that show a sign, where counts tell.
    pub(super) fn minutes(&self, sign: Sign) -> impl Iterator<Item = MinuteOf> {
        self.minutes.iter().filter_map(move |minute| {
            Some((minute.number * 60, minute.counts.requests, minute.among(sign)?))
        })
    }

    pub(super) fn view(&self, now: Timestamp) -> TierView {
        let windows = WINDOWS.map(|(_, seconds)| {
            let first = now.seconds().div_euclid(60) - i64::from(seconds) / 60 + 1;
            let sum = self.since(Timestamp::from_millis(first * 60_000));
            TierWindow {
                counts: sum.counts,
                limited_clients: sum.limited.estimate(),
                blocked_clients: sum.blocked.estimate(),
                talkers: sum.talkers.top(NAMED_MAX),
            }
        });
        TierView {
            tier: Arc::clone(&self.name),
            requests: self.requests.iter().map(|(kind, count)| (kind.clone(), *count)).collect(),
            durations: self.durations.clone(),
            uri_bytes: self.uri_bytes.clone(),
            windows,
            minutes: self.minutes.iter().map(Minute::view).collect(),
            last_at: self.last_at,
        }
    }
}

impl Minute {
    fn view(&self) -> TierMinute {
        TierMinute { start_seconds: self.number * 60, counts: self.counts }
    }

    pub(super) fn take(&mut self, tally: &EdgeTally) {
        self.counts += counts(tally);
        self.limited.merge(&tally.limited);
        self.blocked.merge(&tally.blocked);
        for caller in &tally.callers {
            self.talkers.add(&caller.name, caller.internal, caller.requests);
            self.limited_talkers.add(&caller.name, caller.internal, caller.limited);
            self.blocked_talkers.add(&caller.name, caller.internal, caller.blocked);
            self.too_long_talkers.add(&caller.name, caller.internal, caller.too_long);
        }
        let of_sign = |code: u16| Sign::of_code(code).is_some();
        for (kind, count) in tally.cells.iter().filter(|(kind, _)| of_sign(kind.code)) {
            self.bad(kind.code, &kind.route, *count);
        }
    }

    /// Requests that show a sign; `None` for what durations tell.
    fn among(&self, sign: Sign) -> Option<u64> {
        let by_code = || self.of_sign(sign).map(|(_, count)| count).sum();
        let is_slow = sign == Sign::Slow;
        sign.among(&self.counts).or_else(|| (!is_slow).then(by_code))
    }

    fn of_sign(&self, sign: Sign) -> impl Iterator<Item = (&(u16, Arc<str>), &u64)> {
        self.bad.iter().filter(move |((code, _), _)| Sign::of_code(*code) == Some(sign))
    }

    /// The routes with the bad answers of a sign, worst first.
    pub(super) fn routes(&self, sign: Sign, most: usize) -> Vec<(Box<str>, u64)> {
        let mut routes: Vec<(Box<str>, u64)> = self
            .of_sign(sign)
            .map(|((code, route), count)| match code {
                0 => (format!("none {route}").into(), *count),
                code => (format!("{code} {route}").into(), *count),
            })
            .collect();
        routes.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
        routes.truncate(most);
        routes
    }

    fn bad(&mut self, code: u16, route: &Arc<str>, count: u64) {
        let mut key = (code, Arc::clone(route));
        if self.bad.len() >= BAD_ROUTES_MAX && !self.bad.contains_key(&key) {
            key.1 = OTHER_ROUTE.into();
        }
        *self.bad.entry(key).or_default() += count;
    }

    fn merge(&mut self, other: &Self) {
        self.counts += other.counts;
        self.limited.merge(&other.limited);
        self.blocked.merge(&other.blocked);
        self.talkers.merge(&other.talkers);
        self.limited_talkers.merge(&other.limited_talkers);
        self.blocked_talkers.merge(&other.blocked_talkers);
        self.too_long_talkers.merge(&other.too_long_talkers);
        for ((code, route), count) in &other.bad {
            self.bad(*code, route, *count);
        }
    }
}

/// How many requests of a second did what.
pub(super) fn counts(tally: &EdgeTally) -> TierCounts {
    let mut counts = TierCounts { long_uris: tally.long_uris, ..TierCounts::default() };
    for (kind, count) in &tally.cells {
        counts.requests += count;
        counts.internal += if kind.internal { *count } else { 0 };
        match kind.code {
            500..=599 => counts.errors += count,
            429 => counts.limited += count,
            403 => counts.blocked += count,
            414 => counts.too_long += count,
            _ => {}
        }
    }
    counts
}

fn add(buckets: &mut Buckets, histogram: &Histogram) {
    for (place, count) in &histogram.buckets {
        // A place beyond the buckets could only come from a journal of another version; it is +Inf.
        let last = buckets.counts.len() - 1;
        buckets.counts[usize::from(*place).min(last)] += count;
    }
    buckets.sum += histogram.sum;
}

#[cfg(test)]
mod tests;
