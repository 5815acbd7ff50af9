//! How bad an open alert was at its worst: what was counted of it, by the minute.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;
use crate::signal::{MinuteOf, Stretch};

/// Minutes that are remembered: a longer stretch is no peak.
const MINUTES_MAX: usize = 60;

/// What tells how bad an alert was at its worst.
#[derive(Clone, Copy, Debug)]
pub(super) enum Worst {
    /// Nothing does.
    Unknown,
    /// It is known, as far as the last hour goes.
    Of(Option<Stretch>),
    /// What was counted since it began, which is noted by the minute.
    Among {
        /// Since when.
        since: Timestamp,
        /// All.
        attempts: u64,
        /// The bad ones.
        bad: u64,
    },
}

/// What was counted of an alert whose counts grow.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    counted: (u64, u64),
    minutes: VecDeque<MinuteOf>,
}

impl Progress {
    /// Takes the newest; the worst stretch that is known from it.
    pub(super) fn take(
        &mut self,
        worst: Worst,
        began: Timestamp,
        now: Timestamp,
    ) -> Option<Stretch> {
        match worst {
            Worst::Unknown => None,
            Worst::Of(stretch) => stretch,
            Worst::Among { since, attempts, bad } => {
                self.note(attempts, bad, since.max(began), now);
                Stretch::worst(self.minutes.iter().copied(), began, now)
            }
        }
    }

    fn note(&mut self, attempts: u64, bad: u64, since: Timestamp, now: Timestamp) {
        let known = std::mem::replace(&mut self.counted, (attempts, bad));
        if self.minutes.is_empty() {
            // When each of these came is not known: they count as one stretch, from the beginning to now.
            self.add(since, attempts, bad);
            self.add(now, 0, 0);
        } else if attempts < known.0 || bad < known.1 {
            self.spread(attempts, bad, since, now);
        } else {
            self.add(now, attempts - known.0, bad - known.1);
        }
        while self.minutes.len() > MINUTES_MAX {
            self.minutes.pop_front();
        }
    }

    /// An alarm that was over and is raised again counts anew, evenly over its minutes.
    fn spread(&mut self, attempts: u64, bad: u64, since: Timestamp, now: Timestamp) {
        let seconds = u64::try_from(now.seconds() - since.seconds()).unwrap_or(0);
        let minutes = (seconds / 60 + 1).min(MINUTES_MAX as u64);
        for minute in 0..minutes {
            let part = |count: u64| count * (minute + 1) / minutes - count * minute / minutes;
            let before = i64::try_from(minutes - 1 - minute).unwrap_or(0);
            self.add(now.plus_millis(-before * 60_000), part(attempts), part(bad));
        }
    }

    fn add(&mut self, at: Timestamp, attempts: u64, bad: u64) {
        let minute = at.seconds().div_euclid(60) * 60;
        match self.minutes.back_mut().filter(|newest| newest.0 >= minute) {
            Some(newest) => {
                newest.1 += attempts;
                newest.2 += bad;
            }
            None => self.minutes.push_back((minute, attempts, bad)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_grow_are_told_by_the_minute_and_may_begin_anew() {
        let second = |second: i64| Timestamp::from_millis(second * 1000);
        let mut progress = Progress::default();
        let mut worst = None;
        for (at, attempts, bad) in [
            (0, 20, 2),
            (60, 40, 4),
            (120, 60, 14),
            (150, 70, 19),
            (180, 90, 29),
            (240, 110, 39),
            (300, 20, 10),
            (360, 40, 20),
        ] {
            let since = second(if at < 300 { 0 } else { 300 });
            let among = Worst::Among { since, attempts, bad };
            worst = progress.take(among, second(0), second(at + 10));
        }
        let worst = worst.unwrap();
        let seconds = (worst.from.seconds(), worst.until.seconds());
        assert_eq!((seconds, worst.attempts, worst.bad), ((120, 370), 110, 55));
    }

    #[test]
    fn what_came_before_it_was_known_lasted_from_the_beginning() {
        let second = |second: i64| Timestamp::from_millis(second * 1000);
        let mut progress = Progress::default();
        let mut take = |attempts, bad, since, at| {
            let among = Worst::Among { since: second(since), attempts, bad };
            let worst = progress.take(among, second(4_095), second(at)).unwrap();
            let seconds = (worst.from.seconds(), worst.until.seconds());
            (seconds, worst.attempts, worst.bad)
        };
        assert_eq!(take(100, 16, 4_095, 4_699), ((4_095, 4_699), 100, 16));
        // Four bad ones of the next seconds are no stretch of their own.
        assert_eq!(take(104, 20, 4_095, 4_730), ((4_095, 4_730), 104, 20));
        // What came before it was known again is of its minutes, too.
        assert_eq!(take(60, 58, 5_400, 5_750), ((4_680, 5_750), 64, 62));
    }

    #[test]
    fn no_more_than_an_hour_is_remembered() {
        let mut progress = Progress::default();
        for minute in 0..100u64 {
            let now = Timestamp::from_millis(i64::try_from(minute).unwrap() * 60_000);
            let since = Timestamp::default();
            progress.take(Worst::Among { since, attempts: minute, bad: 0 }, since, now);
        }
        assert_eq!(progress.minutes.len(), MINUTES_MAX);
    }
}
