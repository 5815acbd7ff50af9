//! The 10-second windows of push sinks: open while events may still come, closed and never touched again after that.
//!
//! An event that comes after its window has closed goes into the oldest open one, so that the windows add up to the totals;
//! one that is older than any sink would take is only counted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;
use crate::signal::{
    ClosedWindow, ConnectionDelta, Counts, DurationDelta, Durations, WINDOW_SECONDS,
};

/// How long a window waits for its events after its end. Webhooks take seconds, the Events API is asked every ten.
const DELAY_SECONDS: i64 = 30;

/// How old an event may be to be in any window, and how long closed windows are kept: Datadog takes points of the last hour.
const AGE_SECONDS: i64 = 3600;

const WIDTH: i64 = WINDOW_SECONDS as i64;

/// Open and closed windows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Closing {
    open: BTreeMap<i64, Open>,
    closed: VecDeque<Arc<ClosedWindow>>,
    /// Start of the oldest window that can still be open.
    horizon: i64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Open {
    connections: BTreeMap<u32, (Counts, BTreeMap<Arc<str>, u64>)>,
    durations: BTreeMap<Arc<str>, Durations>,
    event_types: BTreeMap<Arc<str>, u64>,
}

impl Closing {
    /// The window for what happened at `at`; `None` when it is too old for any. What lies ahead of `now` counts now, as in
    /// the sliding windows: clocks differ by seconds, and no window may stay open for a clock that is minutes wrong.
    pub(super) fn at(&mut self, at: Timestamp, now: Timestamp) -> Option<&mut Open> {
        if at.seconds() < now.seconds() - AGE_SECONDS {
            return None;
        }
        let start = at.min(now).seconds().div_euclid(WIDTH) * WIDTH;
        Some(self.open.entry(start.max(self.horizon)).or_default())
    }

    /// Closes what is due and forgets what no sink would take any more.
    pub(super) fn advance(&mut self, now: Timestamp) {
        let due = (now.seconds() - DELAY_SECONDS).div_euclid(WIDTH) * WIDTH;
        self.horizon = self.horizon.max(due);
        while let Some(first) = self.open.first_entry().filter(|first| *first.key() < due) {
            let (start, open) = first.remove_entry();
            self.closed.push_back(Arc::new(open.close(start)));
        }
        let oldest = now.seconds() - AGE_SECONDS;
        while self.closed.pop_front_if(|window| window.start_seconds < oldest).is_some() {}
    }

    /// When the next window closes, in seconds.
    pub(super) fn next_second(&self) -> Option<i64> {
        self.open.keys().next().map(|start| start + WIDTH + DELAY_SECONDS)
    }

    pub(super) fn closed(&self) -> Vec<Arc<ClosedWindow>> {
        self.closed.iter().cloned().collect()
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

    fn close(self, start_seconds: i64) -> ClosedWindow {
        let connections = self.connections.into_iter().map(|(index, (counts, causes))| {
            ConnectionDelta { index, counts, causes: causes.into_iter().collect() }
        });
        let durations = self.durations.into_iter();
        ClosedWindow {
            start_seconds,
            connections: connections.collect(),
            durations: durations
                .map(|(connection_type, durations)| DurationDelta { connection_type, durations })
                .collect(),
            event_types: self.event_types.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    #[test]
    fn windows_close_once_and_late_events_go_into_the_oldest_open_one() {
        let mut closing = Closing::default();
        let one = Counts { started: 1, ..Counts::default() };
        closing.advance(second(10_000));
        closing.at(second(9_995), second(10_000)).unwrap().count(0, one, None);
        closing.advance(second(10_029));
        assert!(closing.closed().is_empty());
        closing.advance(second(10_030));
        assert_eq!(closing.closed()[0].start_seconds, 9_990);
        // Its window is closed: it counts in the oldest open one.
        closing.at(second(9_996), second(10_031)).unwrap().count(0, one, None);
        closing.advance(second(10_040));
        assert_eq!(closing.closed()[1].start_seconds, 10_000);
        assert!(closing.at(second(6_000), second(10_040)).is_none());
        closing.advance(second(13_595));
        assert_eq!(closing.closed().len(), 1);
    }
}
