//! A sliding window in event time: how many sign-ins did what in the last so many seconds.
//!
//! Kept in buckets, of which only those with content exist, so that a quiet connection costs nothing. The window that ends at
//! `now` covers the buckets that begin after `now` minus its length: it slides by a bucket at a time.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;
use crate::signal::Counts;

/// Buckets in a window: the edge is fuzzy by a thirtieth of the length.
const BUCKETS: i64 = 30;

/// The content of one window.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Sliding {
    bucket_seconds: i64,
    /// Buckets that are covered.
    length: i64,
    /// The newest bucket that is covered.
    head: i64,
    content: VecDeque<(i64, Counts)>,
    sum: Counts,
}

impl Sliding {
    /// A window of `seconds`, at least 60.
    pub(super) fn new(seconds: u32) -> Self {
        let bucket_seconds = (i64::from(seconds) / BUCKETS).max(1);
        let length = i64::from(seconds) / bucket_seconds;
        Self {
            bucket_seconds,
            length,
            head: i64::MIN,
            content: VecDeque::new(),
            sum: Counts::default(),
        }
    }

    /// What the window holds.
    pub(super) fn sum(&self) -> Counts {
        self.sum
    }

    /// Whether it holds nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.content.is_empty()
    }

    /// Moves the window to `now`; whether something fell out of it.
    pub(super) fn advance(&mut self, now: Timestamp) -> bool {
        self.head = self.head.max(now.seconds().div_euclid(self.bucket_seconds));
        let oldest = self.head.saturating_sub(self.length);
        let before = self.content.len();
        while let Some((_, counts)) = self.content.pop_front_if(|(index, _)| *index <= oldest) {
            subtract(&mut self.sum, counts);
        }
        self.content.len() != before
    }

    /// Adds what happened at `at`, where it belongs; `false` when the window has passed it. What lies ahead of `now` counts
    /// now: clocks differ by seconds, and a ratio must not wait for them.
    pub(super) fn record(&mut self, at: Timestamp, now: Timestamp, counts: Counts) -> bool {
        self.advance(now);
        let index = at.seconds().div_euclid(self.bucket_seconds).min(self.head);
        if index <= self.head.saturating_sub(self.length) {
            return false;
        }
        let place = self.content.partition_point(|(other, _)| *other < index);
        match self.content.get_mut(place) {
            Some((other, sum)) if *other == index => *sum += counts,
            _ => self.content.insert(place, (index, counts)),
        }
        self.sum += counts;
        true
    }
}

fn subtract(sum: &mut Counts, counts: Counts) {
    sum.started -= counts.started;
    sum.succeeded -= counts.succeeded;
    sum.failed -= counts.failed;
    sum.timed_out -= counts.timed_out;
    sum.stalled -= counts.stalled;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    proptest! {
        #[test]
        fn property_test_window_agrees_with_a_list_of_events(
            steps in prop::collection::vec((0i64..500, 0i64..40), 0..200),
        ) {
            let mut window = Sliding::new(300);
            let (mut model, mut now) = (Vec::new(), 1_000i64);
            for (age, step) in steps {
                now += step;
                window.advance(second(now));
                let at = now - age;
                let failed = Counts { failed: 1, ..Counts::default() };
                let recorded = window.record(second(at), second(now), failed);
                prop_assert_eq!(recorded, at / 10 > now / 10 - 30);
                if recorded {
                    model.push(at);
                }
                let covered = model.iter().filter(|at| *at / 10 > now / 10 - 30).count();
                prop_assert_eq!(window.sum().failed, covered as u64);
            }
        }
    }

    #[test]
    fn what_lies_ahead_counts_now_and_leaves_with_its_neighbours() {
        let mut window = Sliding::new(60);
        let one = Counts { started: 1, ..Counts::default() };
        assert!(window.record(second(1_030), second(1_000), one));
        assert_eq!(window.sum().started, 1);
        window.advance(second(1_059));
        assert_eq!(window.sum().started, 1);
        window.advance(second(1_060));
        assert!(window.is_empty());
        assert!(!window.record(second(900), second(1_060), one));
    }
}
