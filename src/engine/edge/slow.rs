//! What is slow at a tier: learned from its own requests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::edge::DURATION_BOUNDS_MICROS;

/// Buckets of durations.
const BUCKETS: usize = DURATION_BOUNDS_MICROS.len() + 1;

/// Share of requests that is slow: what is slower than nineteen in twenty used to be.
const SLOW_SHARE: f64 = 0.05;

/// Requests with a duration, and seconds, from which it is learned what is slow.
const SLOW_REQUESTS_MIN: f64 = 1_000.0;
const SLOW_SECONDS_MIN: i64 = 3_600;

/// How often it is learned anew.
const RELEARN_SECONDS: i64 = 86_400;

/// From which duration on a request is slow.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct SlowMark {
    /// Place of the first bucket that is slow.
    place: Option<u8>,
    learned: Vec<f64>,
    /// When learning began, or was done last.
    since: i64,
}

impl SlowMark {
    /// The first bucket that is slow.
    pub(super) fn place(&self) -> Option<u8> {
        self.place
    }

    /// From how many microseconds on a request is slow.
    pub(super) fn micros(&self) -> Option<u64> {
        let below = usize::from(self.place?).checked_sub(1);
        below.map(|below| DURATION_BOUNDS_MICROS[below])
    }

    /// Learns from a bin; whether something else is slow since.
    pub(super) fn learn(&mut self, second: i64, durations: &BTreeMap<u8, u64>) -> bool {
        self.count(durations.iter().map(|(place, count)| (*place, *count)));
        if self.since == 0 {
            self.since = second;
        }
        let wait = if self.place.is_some() { RELEARN_SECONDS } else { SLOW_SECONDS_MIN };
        let Some(found) = self.find().filter(|_| second - self.since >= wait) else {
            return false;
        };
        self.since = second;
        self.learned.iter_mut().for_each(|count| *count *= 0.5);
        self.place.replace(found) != Some(found)
    }

    /// Learns from the past, where nothing is known yet.
    pub(super) fn learn_past(&mut self, durations: impl Iterator<Item = (u8, u64)>) {
        if self.place.is_none() {
            self.count(durations);
            self.place = self.find();
        }
    }

    fn count(&mut self, durations: impl Iterator<Item = (u8, u64)>) {
        self.learned.resize(BUCKETS, 0.0);
        for (place, count) in durations {
            #[expect(clippy::cast_precision_loss, reason = "requests of a week")]
            let count = count as f64;
            self.learned[usize::from(place).min(BUCKETS - 1)] += count;
        }
    }

    /// The place of the first bucket that is slow, where enough is known.
    fn find(&self) -> Option<u8> {
        let all: f64 = self.learned.iter().sum();
        if all < SLOW_REQUESTS_MIN {
            return None;
        }
        let mut above = 0.0;
        let first = (0..BUCKETS).rev().take_while(|place| {
            above += self.learned[*place];
            above <= SLOW_SHARE * all
        });
        let place = first.last().unwrap_or(BUCKETS - 1);
        Some(u8::try_from(place).expect("27 buckets"))
    }
}
