//! The 10-second windows of push sinks: open while events may still come, closed and never touched again after that, and kept
//! until every sink that takes windows has taken them.
//!
//! An event that comes after its window has closed goes into the oldest open one, so that the windows add up to the totals;
//! one that is older than any sink would take is only counted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::tally::Connection;
use crate::event::{Reason, Source, Timestamp};
use crate::signal::{
    ClosedWindow, ConnectionDelta, Counts, DurationDelta, Durations, SourceDelta, WINDOW_SECONDS,
};

/// How long a window waits for its events after its end. Webhooks take seconds, the Events API is asked every ten.
const DELAY_SECONDS: i64 = 30;

/// How old an event may be to be in any window: Datadog takes points of the last hour.
const AGE_SECONDS: i64 = 3600;

/// Closed windows that are kept at most. A sink gives up what is over an hour old (360 windows), so more are there only when
/// it has not run for two hours of traffic; then the oldest go, which it would not send either.
const CLOSED_MAX: usize = 720;

const WIDTH: i64 = WINDOW_SECONDS as i64;

/// Open and closed windows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Closing {
    open: BTreeMap<i64, Open>,
    closed: VecDeque<Arc<ClosedWindow>>,
    /// Start of the oldest window that can still be open.
    horizon: i64,
    /// The second before which each sink has taken, or given up, every window.
    taken: BTreeMap<Box<str>, i64>,
    /// Whether any sink takes windows. When none does, none is kept: that is a quarter of the fold's work.
    #[serde(skip)]
    wanted: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Open {
    connections: BTreeMap<u32, (Counts, BTreeMap<Arc<str>, u64>)>,
    durations: BTreeMap<Arc<str>, Durations>,
    event_types: BTreeMap<Arc<str>, u64>,
    sources: BTreeMap<Source, OpenSource>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct OpenSource {
    pub(super) received: u64,
    pub(super) duplicates: u64,
    pub(super) late: u64,
    pub(super) missing: u64,
    pub(super) rejected: BTreeMap<Reason, u64>,
}

impl Closing {
    /// The window for what happened at `at`; `None` when it is too old for any. What lies ahead of `now` counts now, as in
    /// the sliding windows: clocks differ by seconds, and no window may stay open for a clock that is minutes wrong.
    pub(super) fn at(&mut self, at: Timestamp, now: Timestamp) -> Option<&mut Open> {
        if !self.wanted || at.seconds() < now.seconds() - AGE_SECONDS {
            return None;
        }
        Some(self.window(at.min(now), now))
    }

    /// The window for what sources do: now, whenever the events happened. `None` when nobody takes windows.
    pub(super) fn now(&mut self, now: Timestamp) -> Option<&mut Open> {
        self.wanted.then(|| self.window(now, now))
    }

    /// What is due at `now` takes nothing more, whether it has been closed already or not: the first entry of a journal comes
    /// before any step of time, and must find the same window as in the engine that first folded it.
    fn window(&mut self, at: Timestamp, now: Timestamp) -> &mut Open {
        let start = at.seconds().div_euclid(WIDTH) * WIDTH;
        self.open.entry(start.max(self.horizon).max(due(now))).or_default()
    }

    /// Closes what is due and keeps it for `sinks`. A connection is described as it is now.
    pub(super) fn advance(
        &mut self,
        now: Timestamp,
        connections: &[Connection],
        sinks: &[Box<str>],
    ) {
        let due = due(now);
        self.horizon = self.horizon.max(due);
        while let Some(first) = self.open.first_entry().filter(|first| *first.key() < due) {
            let (start, open) = first.remove_entry();
            if !sinks.is_empty() {
                self.closed.push_back(Arc::new(open.close(start, connections)));
            }
        }
        while self.closed.len() > CLOSED_MAX {
            self.closed.pop_front();
        }
    }

    /// Notes that `sink` has taken, or given up, every window that starts before `until`.
    pub(super) fn take(&mut self, sink: &str, until: i64, sinks: &[Box<str>]) {
        if sinks.iter().any(|known| **known == *sink) {
            let taken = self.taken.entry(sink.into()).or_insert(until);
            *taken = until.max(*taken);
            self.forget(sinks);
        }
    }

    /// Forgets what each of `sinks` has taken; everything, when there are none.
    pub(super) fn forget(&mut self, sinks: &[Box<str>]) {
        self.wanted = !sinks.is_empty();
        self.taken.retain(|sink, _| sinks.contains(sink));
        let taken = sinks.iter().map(|sink| self.taken.get(sink).copied().unwrap_or(i64::MIN));
        let taken = taken.min().unwrap_or(i64::MAX);
        while self.closed.pop_front_if(|window| window.start_seconds < taken).is_some() {}
    }

    /// Every window that starts before this second is closed.
    pub(super) fn closed_until(&self) -> i64 {
        self.horizon
    }

    /// When the next window closes, in seconds.
    pub(super) fn next_second(&self) -> Option<i64> {
        self.open.keys().next().map(|start| start + WIDTH + DELAY_SECONDS)
    }

    pub(super) fn closed(&self) -> Vec<Arc<ClosedWindow>> {
        self.closed.iter().cloned().collect()
    }
}

/// Windows that start before this second are over at `now`.
fn due(now: Timestamp) -> i64 {
    (now.seconds() - DELAY_SECONDS).div_euclid(WIDTH) * WIDTH
}

impl OpenSource {
    pub(super) fn refuse(&mut self, duplicates: u64, rejected: &[(Reason, u64)]) {
        self.duplicates += duplicates;
        for (reason, count) in rejected {
            *self.rejected.entry(*reason).or_default() += count;
        }
    }
}

impl Open {
    pub(super) fn count(&mut self, connection: u32, counts: Counts, cause: Option<&Arc<str>>) {
        let (sum, causes) = self.connections.entry(connection).or_default();
        *sum += counts;
        if let Some(cause) = cause {
            *causes.entry(Arc::clone(cause)).or_default() += 1;
        }
    }

    pub(super) fn observe(&mut self, connection_type: &Arc<str>, millis: u64) {
        self.durations.entry(Arc::clone(connection_type)).or_default().observe(millis);
    }

    pub(super) fn event(&mut self, name: &Arc<str>) {
        *self.event_types.entry(Arc::clone(name)).or_default() += 1;
    }

    pub(super) fn source(&mut self, source: Source) -> &mut OpenSource {
        self.sources.entry(source).or_default()
    }

    fn close(self, start_seconds: i64, connections: &[Connection]) -> ClosedWindow {
        let connections = self.connections.into_iter().map(|(index, (counts, causes))| {
            let connection = &connections[index as usize];
            ConnectionDelta {
                id: connection.id.clone(),
                info: connection.info.clone(),
                counts,
                causes: causes.into_iter().collect(),
            }
        });
        let durations = self.durations.into_iter();
        let sources = self.sources.into_iter().map(|(source, did)| SourceDelta {
            source,
            received: did.received,
            duplicates: did.duplicates,
            late: did.late,
            missing: did.missing,
            rejected: did.rejected.into_iter().collect(),
        });
        ClosedWindow {
            start_seconds,
            connections: connections.collect(),
            durations: durations
                .map(|(connection_type, durations)| DurationDelta { connection_type, durations })
                .collect(),
            event_types: self.event_types.into_iter().collect(),
            sources: sources.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    fn closing() -> Closing {
        Closing { wanted: true, ..Closing::default() }
    }

    fn count(closing: &mut Closing, at: i64, now: i64) {
        let one = Counts { started: 1, ..Counts::default() };
        closing.at(second(at), second(now)).unwrap().count(0, one, None);
    }

    fn starts(closing: &Closing) -> Vec<i64> {
        closing.closed().iter().map(|window| window.start_seconds).collect()
    }

    #[test]
    fn windows_close_once_and_late_events_go_into_the_oldest_open_one() {
        let (connections, sinks) = ([Connection::new(None, 0, &[])], ["a".into()]);
        let mut closing = closing();
        closing.advance(second(10_000), &connections, &sinks);
        count(&mut closing, 9_995, 10_000);
        closing.advance(second(10_029), &connections, &sinks);
        assert_eq!((starts(&closing), closing.closed_until()), (vec![], 9_990));
        closing.advance(second(10_030), &connections, &sinks);
        assert_eq!((starts(&closing), closing.closed_until()), (vec![9_990], 10_000));
        // Its window is closed: it counts in the oldest open one.
        count(&mut closing, 9_996, 10_031);
        closing.advance(second(10_040), &connections, &sinks);
        assert_eq!(starts(&closing), [9_990, 10_000]);
        assert!(closing.at(second(6_000), second(10_040)).is_none());
    }

    #[test]
    fn an_event_finds_the_same_window_whether_time_has_moved_before_or_not() {
        let (connections, sinks) = ([Connection::new(None, 0, &[])], ["a".into()]);
        for steps in [&[][..], &[10_041]] {
            let mut closing = closing();
            for step in steps {
                closing.advance(second(*step), &connections, &sinks);
            }
            count(&mut closing, 10_009, 10_041);
            closing.advance(second(10_100), &connections, &sinks);
            assert_eq!(starts(&closing), [10_010], "{steps:?}");
        }
    }

    #[test]
    fn windows_are_kept_until_every_sink_has_taken_them_and_for_nobody_not_at_all() {
        let connections = [Connection::new(None, 0, &[])];
        let mut closing = closing();
        let both: [Box<str>; 2] = ["a".into(), "b".into()];
        for at in [0, 10, 20] {
            count(&mut closing, at, 20);
        }
        closing.advance(second(60), &connections, &both);
        closing.take("a", 20, &both);
        closing.take("nobody", 99, &both);
        assert_eq!(starts(&closing), [0, 10, 20]);
        closing.take("b", 10, &both);
        assert_eq!(starts(&closing), [10, 20]);
        // A mark that comes again, or late, changes nothing; a sink that is gone is not waited for.
        closing.take("a", 10, &both);
        assert_eq!(starts(&closing), [10, 20]);
        closing.forget(&both[..1]);
        assert_eq!(starts(&closing), [20]);
        closing.forget(&[]);
        assert!(closing.closed().is_empty());
        assert!(closing.at(second(60), second(60)).is_none() && closing.now(second(60)).is_none());
    }

    #[test]
    fn no_more_windows_are_kept_than_a_sink_could_send() {
        let (connections, sinks) = ([Connection::new(None, 0, &[])], ["a".into()]);
        let mut closing = closing();
        for window in 0..1000 {
            count(&mut closing, window * 10, window * 10);
            closing.advance(second(window * 10), &connections, &sinks);
        }
        assert_eq!((closing.closed().len(), closing.closed()[0].start_seconds), (720, 2_760));
    }
}
