//! Why sign-ins failed since an alert's trouble began: what the window of an hour still holds, and what it held.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::window::Sliding;
use crate::event::Timestamp;

/// What is older enters the sum: early enough before the window of an hour forgets it, late enough for what comes late.
const SETTLE_SECONDS: i64 = 1_800;

/// Causes that an alert names.
pub(super) const CAUSES_MAX: usize = 5;

/// Failures by cause of minutes that are settled. As many causes as the configuration has classes.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub(super) struct Causes {
    settled: BTreeMap<Box<str>, u64>,
    /// Where the minutes begin that are not, in seconds.
    until: Option<i64>,
}

impl Causes {
    /// The most frequent since `began`, most first.
    pub(super) fn counted(&self, hour: &Sliding, began: Timestamp) -> Vec<(Box<str>, u64)> {
        let mut all = self.settled.clone();
        add(&mut all, hour, self.from(began), i64::MAX);
        let mut causes: Vec<_> = all.into_iter().collect();
        causes.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
        causes.truncate(CAUSES_MAX);
        causes
    }

    /// Takes into the sum what is old enough.
    pub(super) fn settle(&mut self, hour: &Sliding, began: Timestamp, now: Timestamp) {
        let (from, until) = (self.from(began), minute_of(now) - SETTLE_SECONDS);
        if from < until {
            add(&mut self.settled, hour, from, until);
            self.until = Some(until);
        }
    }

    fn from(&self, began: Timestamp) -> i64 {
        self.until.unwrap_or(minute_of(began))
    }
}

fn add(all: &mut BTreeMap<Box<str>, u64>, hour: &Sliding, from: i64, until: i64) {
    for (cause, count) in hour.causes_between(from, until) {
        *all.entry((&**cause).into()).or_default() += count;
    }
}

fn minute_of(at: Timestamp) -> i64 {
    at.seconds().div_euclid(60) * 60
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Counts;

    #[test]
    fn causes_since_the_beginning_never_become_fewer() {
        let second = |second: i64| Timestamp::from_millis(second * 1000);
        let (mut hour, mut causes) = (Sliding::new(3_600), Causes::default());
        let (names, began) = (["certificate".into(), "unknown".into()], second(70));
        let one = Counts { failed: 1, ..Counts::default() };
        // Of the minute before, and then one each minute for three hours.
        hour.record(second(30), second(30), one, Some(&names[1]));
        for minute in 1..=180i64 {
            let now = second(minute * 60 + 10);
            hour.record(now, now, one, Some(&names[0]));
            causes.settle(&hour, began, now);
            let failed = u64::try_from(minute).unwrap();
            assert_eq!(causes.counted(&hour, began), [("certificate".into(), failed)]);
        }
        // A day in which nothing fails takes nothing away.
        for now in (10_860..100_000).step_by(60).map(second) {
            hour.advance(now);
            causes.settle(&hour, began, now);
        }
        assert_eq!(causes.counted(&hour, began), [("certificate".into(), 180)]);
    }

    #[test]
    fn what_comes_late_is_counted() {
        let second = |second: i64| Timestamp::from_millis(second * 1000);
        let (mut hour, mut causes) = (Sliding::new(3_600), Causes::default());
        let one = Counts { failed: 1, ..Counts::default() };
        let now = second(2_400);
        causes.settle(&hour, second(60), now);
        hour.record(second(1_200), now, one, Some(&"unknown".into()));
        assert_eq!(causes.counted(&hour, second(60)), [("unknown".into(), 1)]);
    }
}
