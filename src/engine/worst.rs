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
            Worst::Among { attempts, bad } => {
                self.note(attempts, bad, now);
                Stretch::worst(self.minutes.iter().copied(), began, now)
            }
        }
    }

    fn note(&mut self, attempts: u64, bad: u64, now: Timestamp) {
        let (known_attempts, known_bad) = std::mem::replace(&mut self.counted, (attempts, bad));
        // An alarm that was over and is raised again counts anew.
        let anew = attempts < known_attempts || bad < known_bad;
        let before = if anew { (0, 0) } else { (known_attempts, known_bad) };
        let (attempts, bad) = (attempts - before.0, bad - before.1);
        let minute = now.seconds().div_euclid(60) * 60;
        match self.minutes.back_mut().filter(|newest| newest.0 == minute) {
            Some(newest) => {
                newest.1 += attempts;
                newest.2 += bad;
            }
            None => self.minutes.push_back((minute, attempts, bad)),
        }
        if self.minutes.len() > MINUTES_MAX {
            self.minutes.pop_front();
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
            worst = progress.take(Worst::Among { attempts, bad }, second(0), second(at + 10));
        }
        let worst = worst.unwrap();
        let seconds = (worst.from.seconds(), worst.until.seconds());
        assert_eq!((seconds, worst.attempts, worst.bad), ((120, 370), 110, 55));
    }

    #[test]
    fn no_more_than_an_hour_is_remembered() {
        let mut progress = Progress::default();
        for minute in 0..100u64 {
            let now = Timestamp::from_millis(i64::try_from(minute).unwrap() * 60_000);
            progress.take(Worst::Among { attempts: minute, bad: 0 }, Timestamp::default(), now);
        }
        assert_eq!(progress.minutes.len(), MINUTES_MAX);
    }
}
