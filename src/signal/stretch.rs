//! A part of an incident: how bad it was at its worst.

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;

/// The shortest stretch that is called the worst: one bad minute is no peak.
const SECONDS_MIN: i64 = 300;

/// Fewer attempts than this say nothing.
const ATTEMPTS_MIN: u64 = 5;

/// Standard deviations by which stretches are compared. Among the many stretches of an incident some are bad by luck: at five,
/// one of few attempts does not outdo a long one that is nearly as bad.
const SURE: f64 = 5.0;

/// Those of the interval in which the truth lies 95 times in 100.
const USUALLY: f64 = 1.96;

/// What ended in some minutes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stretch {
    /// Where it begins.
    pub from: Timestamp,
    /// Where it ends.
    pub until: Timestamp,
    /// Attempts that ended in it.
    pub attempts: u64,
    /// How many of them were bad.
    pub bad: u64,
}

/// A minute: its start in seconds, what ended in it, and how many of those were bad.
pub type MinuteOf = (i64, u64, u64);

impl Stretch {
    /// The worst stretch of five minutes or more since `began`, as far as `minutes` (oldest first) show it at `now`: the one of
    /// which it is sure that its share is highest. An incident that is younger is one stretch.
    #[must_use]
    pub fn worst(
        minutes: impl Iterator<Item = MinuteOf>,
        began: Timestamp,
        now: Timestamp,
    ) -> Option<Self> {
        let first = minute_of(began);
        let minutes: Vec<MinuteOf> = minutes.filter(|(start, ..)| *start >= first).collect();
        let mut worst: Option<Self> = None;
        for (newest, (last, ..)) in minutes.iter().enumerate() {
            let (end, mut attempts, mut bad) = (last + 60, 0, 0);
            for (oldest, (start, ended, failed)) in minutes[..=newest].iter().enumerate().rev() {
                attempts += ended;
                bad += failed;
                let whole = oldest == 0 && newest + 1 == minutes.len();
                if attempts < ATTEMPTS_MIN || (end - start < SECONDS_MIN && !whole) {
                    continue;
                }
                let from = Timestamp::from_millis(start * 1000).max(began);
                let until = Timestamp::from_millis(end * 1000).min(now);
                let found = Self { from, until, attempts, bad };
                if worst.is_none_or(|worst| found.is_worse(&worst)) {
                    worst = Some(found);
                }
            }
        }
        worst
    }

    /// Whether its share is higher for sure.
    #[must_use]
    pub fn is_worse(&self, than: &Self) -> bool {
        self.interval(SURE).0 > than.interval(SURE).0
    }

    /// The share of the bad, in 0..=1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn share(&self) -> f64 {
        self.bad as f64 / self.attempts.max(1) as f64
    }

    /// How far the true share may lie from it, 95 times in 100.
    #[must_use]
    pub fn margin(&self) -> f64 {
        let (low, high) = self.interval(USUALLY);
        (high - low) / 2.0
    }

    /// Wilson's interval.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn interval(&self, z: f64) -> (f64, f64) {
        let (n, share) = (self.attempts.max(1) as f64, self.share());
        let middle = share + z * z / (2.0 * n);
        let half = z * libm::sqrt(share * (1.0 - share) / n + z * z / (4.0 * n * n));
        let scale = 1.0 + z * z / n;
        ((middle - half) / scale, (middle + half) / scale)
    }
}

fn minute_of(at: Timestamp) -> i64 {
    at.seconds().div_euclid(60) * 60
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    fn minutes(of: &[(u64, u64)]) -> impl Iterator<Item = MinuteOf> {
        (10i64..).zip(of).map(|(minute, (ended, bad))| (minute * 60, *ended, *bad))
    }

    type Minutes = Vec<(u64, u64)>;

    /// From and until, in seconds, attempts and bad ones.
    type Found = Option<(i64, i64, u64, u64)>;

    /// The worst stretch of minutes that begin at 600, of an incident that began in the first of them.
    fn found(of: &[(u64, u64)]) -> Found {
        let now = second(600 + 60 * i64::try_from(of.len()).unwrap());
        let worst = Stretch::worst(minutes(of), second(610), now)?;
        Some((worst.from.seconds(), worst.until.seconds(), worst.attempts, worst.bad))
    }

    #[test]
    fn the_worst_stretch_is_long_and_busy_enough_to_mean_something() {
        let cases: [(&str, Minutes, Found); 6] = [
            (
                "five minutes, whatever one of them was like",
                [vec![(100, 10); 6], vec![(100, 80)], vec![(100, 10); 6]].concat(),
                Some((720, 1_020, 500, 120)),
            ),
            (
                "a plateau, with its ramp left out",
                [vec![(60, 3), (60, 9)], vec![(60, 18); 10], vec![(60, 1); 9]].concat(),
                Some((720, 1_320, 600, 180)),
            ),
            (
                "a quiet night does not outdo a busy day",
                [vec![(60, 17); 10], vec![(1, 0); 30], vec![(1, 1); 5]].concat(),
                Some((610, 1_200, 600, 170)),
            ),
            ("all fail, and few try", vec![(1, 1); 20], Some((610, 1_800, 20, 20))),
            ("younger than five minutes", vec![(3, 3), (3, 0)], Some((610, 720, 6, 3))),
            ("next to nothing", vec![(2, 2), (2, 2)], None),
        ];
        for (name, minutes, want) in cases {
            assert_eq!(found(&minutes), want, "{name}");
        }
    }

    #[test]
    fn minutes_before_the_beginning_are_not_part_of_it() {
        let all = [(60, 10), (40, 4), (500, 150)];
        let worst = Stretch::worst(minutes(&all), second(730), second(800)).unwrap();
        assert_eq!((worst.from, worst.attempts, worst.bad), (second(730), 500, 150));
    }

    #[test]
    fn the_margin_is_that_of_wilson() {
        let of = |attempts, bad| Stretch { from: second(0), until: second(300), attempts, bad };
        for (one, want) in [(of(300, 84), 0.0505), (of(10, 10), 0.139), (of(10_000, 2_800), 0.0088)]
        {
            assert!((one.margin() - want).abs() < 0.001, "{}", one.margin());
        }
    }
}
