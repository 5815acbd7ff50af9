//! A sliding window in event time: how many sign-ins did what in the last so many seconds, and why those failed.
//!
//! Kept in buckets, of which only those with content exist, so that a quiet connection costs nothing. The window that ends at
//! `now` covers the bucket of `now` and as many before it as make up its length: it slides by a bucket at a time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;
use crate::signal::{Counts, Minute};

/// Buckets in a window at most: the edge is fuzzy by a sixtieth of the length, or by the shortest bucket.
const BUCKETS_MAX: u32 = 60;

/// All buckets begin at multiples of this: windows slide together, and no more often.
pub(super) const BUCKET_SECONDS_MIN: u32 = 10;

/// The content of one window.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Sliding {
    bucket_seconds: i64,
    /// Buckets that are covered.
    length: i64,
    /// The newest bucket that is covered.
    head: i64,
    content: VecDeque<Bucket>,
    sum: Counts,
}

#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
struct Bucket {
    index: i64,
    counts: SmallCounts,
    /// Failures by cause. A handful, so a list is enough; of the exact size, for most buckets have none.
    causes: Box<[(Arc<str>, u32)]>,
}

/// [`Counts`] of minutes: half the size, of which there are sixty for each connection.
#[derive(Clone, Copy, PartialEq, Default, Debug, Serialize, Deserialize)]
struct SmallCounts {
    started: u32,
    succeeded: u32,
    failed: u32,
    timed_out: u32,
    stalled: u32,
}

impl Sliding {
    /// A window of `seconds`, at least 60, rounded up to whole buckets.
    pub(super) fn new(seconds: u32) -> Self {
        let bucket_seconds =
            seconds.div_ceil(BUCKETS_MAX * BUCKET_SECONDS_MIN).max(1) * BUCKET_SECONDS_MIN;
        Self {
            bucket_seconds: i64::from(bucket_seconds),
            length: i64::from(seconds.div_ceil(bucket_seconds)),
            head: i64::MIN,
            content: VecDeque::new(),
            sum: Counts::default(),
        }
    }

    /// Fetches the newest bucket.
    pub(super) fn look(&self) -> usize {
        usize::from(self.content.back().is_some_and(|bucket| bucket.counts.started > 0))
    }

    /// What the window holds.
    pub(super) fn sum(&self) -> Counts {
        self.sum
    }

    /// Its failures by cause.
    pub(super) fn causes(&self) -> BTreeMap<&Arc<str>, u64> {
        let mut causes = BTreeMap::new();
        for (cause, count) in self.content.iter().flat_map(|bucket| &bucket.causes) {
            *causes.entry(cause).or_default() += u64::from(*count);
        }
        causes
    }

    /// Failures by cause of the buckets that begin between these seconds, the second excluded.
    pub(super) fn causes_between(
        &self,
        from: i64,
        until: i64,
    ) -> impl Iterator<Item = (&Arc<str>, u64)> {
        let begins = move |bucket: &&Bucket| {
            let begin = bucket.index * self.bucket_seconds;
            from <= begin && begin < until
        };
        let causes = self.content.iter().filter(begins).flat_map(|bucket| &bucket.causes);
        causes.map(|(cause, count)| (cause, u64::from(*count)))
    }

    /// Its buckets in which a sign-in ended, oldest first. Those of the window of an hour are minutes.
    pub(super) fn minutes(&self) -> impl Iterator<Item = Minute> {
        let minutes = self.content.iter().map(|bucket| {
            let SmallCounts { succeeded, failed, timed_out, .. } = bucket.counts;
            let ended = succeeded.saturating_add(failed).saturating_add(timed_out);
            let start_seconds = bucket.index * self.bucket_seconds;
            Minute { start_seconds, ended, failed, timed_out }
        });
        minutes.filter(|minute| minute.ended > 0)
    }

    /// Where it begins when it ends at `now`.
    pub(super) fn since(&self, now: Timestamp) -> Timestamp {
        let head = self.head.max(self.bucket(now));
        self.begin(head - self.length + 1)
    }

    /// Where the part of the window begins that is worst as a whole: the sum of `badness` from there to now is largest.
    /// `None` when nothing in it is bad.
    pub(super) fn onset(&self, badness: impl Fn(&Counts) -> f64) -> Option<Timestamp> {
        let (mut sum, mut worst, mut onset) = (0.0, 0.0, None);
        for bucket in self.content.iter().rev() {
            sum += badness(&bucket.counts.wide());
            if sum > worst {
                worst = sum;
                onset = Some(self.begin(bucket.index));
            }
        }
        onset
    }

    /// The bucket of that moment. Nearly all are after 1970, where a division takes a fraction of the time.
    fn bucket(&self, at: Timestamp) -> i64 {
        let seconds = at.seconds();
        match (u32::try_from(seconds), u32::try_from(self.bucket_seconds)) {
            (Ok(seconds), Ok(width)) if width > 0 => i64::from(seconds / width),
            _ => seconds.div_euclid(self.bucket_seconds),
        }
    }

    fn begin(&self, index: i64) -> Timestamp {
        Timestamp::from_millis(index.saturating_mul(self.bucket_seconds).saturating_mul(1000))
    }

    /// When its oldest bucket falls out, in seconds; `None` when it holds nothing.
    pub(super) fn next_second(&self) -> Option<i64> {
        self.content.front().map(|bucket| (bucket.index + self.length) * self.bucket_seconds)
    }

    /// Moves the window to `now`; whether something fell out of it.
    pub(super) fn advance(&mut self, now: Timestamp) -> bool {
        self.head = self.head.max(self.bucket(now));
        let oldest = self.head.saturating_sub(self.length);
        let before = self.content.len();
        while let Some(bucket) = self.content.pop_front_if(|bucket| bucket.index <= oldest) {
            subtract(&mut self.sum, bucket.counts.wide());
        }
        self.content.len() != before
    }

    /// Adds what happened at `at`, where it belongs; `false` when the window has passed it. What lies ahead of `now` counts
    /// now: clocks differ by seconds, and a ratio must not wait for them.
    pub(super) fn record(
        &mut self,
        at: Timestamp,
        now: Timestamp,
        counts: Counts,
        cause: Option<&Arc<str>>,
    ) -> bool {
        self.advance(now);
        // Recorded events come at their own time.
        let index = if at == now { self.head } else { self.bucket(at).min(self.head) };
        if index <= self.head.saturating_sub(self.length) {
            return false;
        }
        // Nearly everything belongs into the newest bucket.
        let place = match self.content.back() {
            Some(newest) if newest.index == index => self.content.len() - 1,
            Some(newest) if newest.index < index => self.content.len(),
            _ => self.content.partition_point(|bucket| bucket.index < index),
        };
        if self.content.get(place).is_none_or(|bucket| bucket.index != index) {
            self.content.insert(place, Bucket { index, ..Bucket::default() });
        }
        let bucket = &mut self.content[place];
        bucket.counts.add(counts);
        self.sum += counts;
        if let Some(cause) = cause {
            bucket.fail(cause);
        }
        true
    }
}

impl Bucket {
    fn fail(&mut self, cause: &Arc<str>) {
        if let Some((_, count)) = self.causes.iter_mut().find(|(known, _)| known == cause) {
            *count += 1;
            return;
        }
        let mut causes = std::mem::take(&mut self.causes).into_vec();
        causes.push((Arc::clone(cause), 1));
        self.causes = causes.into();
    }
}

impl SmallCounts {
    fn add(&mut self, counts: Counts) {
        let add = |small: &mut u32, count: u64| {
            // Nobody signs in four billion times a minute.
            *small = small.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        };
        add(&mut self.started, counts.started);
        add(&mut self.succeeded, counts.succeeded);
        add(&mut self.failed, counts.failed);
        add(&mut self.timed_out, counts.timed_out);
        add(&mut self.stalled, counts.stalled);
    }

    fn wide(self) -> Counts {
        Counts {
            started: self.started.into(),
            succeeded: self.succeeded.into(),
            failed: self.failed.into(),
            timed_out: self.timed_out.into(),
            stalled: self.stalled.into(),
        }
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
                let recorded = window.record(second(at), second(now), failed, None);
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
        assert!(window.record(second(1_030), second(1_000), one, None));
        assert_eq!(window.sum().started, 1);
        assert_eq!(window.next_second(), Some(1_060));
        window.advance(second(1_059));
        assert_eq!(window.sum().started, 1);
        window.advance(second(1_060));
        assert_eq!((window.sum(), window.next_second()), (Counts::default(), None));
        assert!(!window.record(second(900), second(1_060), one, None));
    }

    #[test]
    fn minutes_are_those_of_the_hour_in_which_something_ended() {
        let mut window = Sliding::new(3_600);
        let now = second(7_200);
        let cases = [
            (3_660, Counts { succeeded: 2, failed: 1, ..Counts::default() }),
            (7_190, Counts { timed_out: 1, started: 9, ..Counts::default() }),
            (7_199, Counts { succeeded: 1, ..Counts::default() }),
            (7_200, Counts { started: 1, stalled: 1, ..Counts::default() }),
        ];
        for (at, counts) in cases {
            assert!(window.record(second(at), now, counts, None));
        }
        let minute = |start_seconds, ended, failed, timed_out| Minute {
            start_seconds,
            ended,
            failed,
            timed_out,
        };
        let minutes: Vec<_> = window.minutes().collect();
        assert_eq!(minutes, [minute(3_660, 3, 1, 0), minute(7_140, 2, 0, 1)]);
    }

    #[test]
    fn buckets_are_tens_of_seconds_and_at_most_sixty() {
        let cases = [
            (60, 10, 6),
            (95, 10, 10),
            (300, 10, 30),
            (900, 20, 45),
            (3_600, 60, 60),
            (86_400, 1_440, 60),
        ];
        for (seconds, bucket, length) in cases {
            let window = Sliding::new(seconds);
            assert_eq!((window.bucket_seconds, window.length), (bucket, length), "{seconds}");
        }
    }

    #[test]
    fn the_onset_is_where_the_bad_part_begins_not_the_first_bad_event() {
        let mut window = Sliding::new(300);
        let counts = |succeeded, failed| Counts { succeeded, failed, ..Counts::default() };
        let now = second(1_290);
        for (at, good, bad) in [(1_010, 9, 1), (1_100, 10, 0), (1_200, 2, 8), (1_290, 1, 9)] {
            assert!(window.record(second(at), now, counts(good, bad), None));
        }
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let badness = |c: &Counts| c.failed as f64 - 0.15 * c.finished() as f64;
        assert_eq!(window.onset(badness), Some(second(1_200)));
        assert_eq!(window.onset(|_| 0.0), None);
        assert_eq!(window.since(now), second(1_000));
    }
}
