//! Sign-ins in progress: joins the start to its end by `session_id`, in whichever order they come.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::keyed::{KeyedMap, map_in_order};
use crate::event::{SessionId, Timestamp, fingerprint};

/// WorkOS ends a session by itself after the time-out; a minute later its event should have come, or never will.
const STALL_GRACE_MILLIS: i64 = 60_000;

/// Sessions in progress at most: 70 bytes each. At 1,000 sign-ins a second that last the full five minutes, 300,000.
const OPEN_MAX: usize = 1_000_000;

/// How long a session that has ended is remembered, at least, so that a start that comes after its end opens nothing:
/// deliveries are reordered by seconds, and those that are retried after an outage by minutes.
const ENDED_AGE_MILLIS: i64 = 3_600_000;

/// Ends that are remembered at most, per generation: what fits into 2^19 places, 25 bytes each, of which an eighth stays free.
const ENDED_MAX: usize = (1 << 19) / 8 * 7;

/// What is not known yet of a session's past.
const UNKNOWN: Timestamp = Timestamp::from_millis(i64::MIN);

/// All sessions that matter still.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Sessions {
    #[serde(serialize_with = "map_in_order")]
    open: KeyedMap<Open>,
    deadlines: BTreeSet<(Timestamp, u64)>,
    #[serde(serialize_with = "map_in_order")]
    ended: KeyedMap<Past>,
    #[serde(serialize_with = "map_in_order")]
    ended_before: KeyedMap<Past>,
    ended_since: Timestamp,
}

/// A session that has ended. It is measured once, when both its start and its success or failure are known; a time-out says
/// only when WorkOS gave up.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Past {
    start: Timestamp,
    end: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Open {
    started_at: Timestamp,
    deadline: Timestamp,
    connection: u32,
}

/// What a start means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Started {
    /// A sign-in is in progress; if that was one too many, the oldest one, on this connection, was given up.
    InProgress { evicted: Option<u32> },
    /// It is in progress already.
    Repeated,
    /// Its end came first; they lie this many milliseconds apart, if that is worth a measurement.
    Over { millis: Option<u64> },
}

/// What an end means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ended {
    /// The connection whose sign-in in progress it ends. `None` when no start is known (history before starts existed,
    /// sign-ins that the identity provider began), it was stalled, or it had ended before.
    pub(super) closes: Option<u32>,
    /// How long the sign-in took, if that is worth a measurement.
    pub(super) millis: Option<u64>,
}

impl Sessions {
    /// A start. A session that has not ended `timeout` + 60 s after it is stalled, but not before a minute after we heard of
    /// it: in a backfill the end follows at once.
    pub(super) fn start(
        &mut self,
        id: &SessionId,
        connection: u32,
        at: Timestamp,
        now: Timestamp,
        timeout: Duration,
    ) -> Started {
        let key = fingerprint(id.as_bytes());
        if let Some(past) = self.past(key) {
            let first = past.start == UNKNOWN;
            if first {
                past.start = at;
            }
            return Started::Over { millis: past.millis().filter(|_| first) };
        }
        let timeout = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
        let due = at.plus_millis(timeout.saturating_add(STALL_GRACE_MILLIS));
        let deadline = due.max(now.plus_millis(STALL_GRACE_MILLIS));
        let open = Open { started_at: at, deadline, connection };
        if self.open.contains_key(&key) {
            return Started::Repeated;
        }
        self.open.insert(key, open);
        self.deadlines.insert((deadline, key));
        let evicted = if self.open.len() > OPEN_MAX { self.pop_first() } else { None };
        Started::InProgress { evicted }
    }

    /// An end: a time-out, or a success or failure, which is `measured`.
    pub(super) fn end(
        &mut self,
        id: &SessionId,
        at: Timestamp,
        measured: bool,
        now: Timestamp,
    ) -> Ended {
        let key = fingerprint(id.as_bytes());
        let end = if measured { at } else { UNKNOWN };
        if let Some(open) = self.open.remove(&key) {
            self.deadlines.remove(&(open.deadline, key));
            let past = Past { start: open.started_at, end };
            self.remember(key, past, now);
            return Ended { closes: Some(open.connection), millis: past.millis() };
        }
        let Some(past) = self.past(key) else {
            self.remember(key, Past { start: UNKNOWN, end }, now);
            return Ended { closes: None, millis: None };
        };
        let first = past.end == UNKNOWN;
        if first {
            past.end = end;
        }
        Ended { closes: None, millis: past.millis().filter(|_| first) }
    }

    /// The key of a session.
    pub(super) fn key(id: &SessionId) -> u64 {
        fingerprint(id.as_bytes())
    }

    /// Whether anything is known of the session.
    pub(super) fn knows(&self, id: &SessionId) -> bool {
        let key = Self::key(id);
        self.open.contains_key(&key)
            | self.ended.contains_key(&key)
            | self.ended_before.contains_key(&key)
    }

    /// The connection on which the session is in progress.
    pub(super) fn begun_on(&self, id: &SessionId) -> Option<u32> {
        self.open.get(&Self::key(id)).map(|open| open.connection)
    }

    /// Whether the session had no success or failure within `millis` of its start; `None` when it is not known any more.
    pub(super) fn hangs(&self, key: u64, millis: i64) -> Option<bool> {
        if self.open.contains_key(&key) {
            return Some(true);
        }
        let past = self.ended.get(&key).or_else(|| self.ended_before.get(&key))?;
        Some(past.millis().is_none_or(|took| took > millis.unsigned_abs()))
    }

    fn past(&mut self, key: u64) -> Option<&mut Past> {
        self.ended.get_mut(&key).or_else(|| self.ended_before.get_mut(&key))
    }

    /// The connection of the next session that is stalled at `now`; `None` when there is none.
    pub(super) fn next_stalled(&mut self, now: Timestamp) -> Option<u32> {
        if self.next_deadline()? > now {
            return None;
        }
        self.pop_first()
    }

    /// When the next session will be stalled.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    fn pop_first(&mut self) -> Option<u32> {
        let (_, key) = self.deadlines.pop_first()?;
        let open = self.open.remove(&key).expect("every deadline has its session");
        Some(open.connection)
    }

    fn remember(&mut self, key: u64, past: Past, now: Timestamp) {
        if self.ended.is_empty() {
            self.ended_since = now;
        }
        self.ended.insert(key, past);
        let aged = now.millis_since(self.ended_since) >= ENDED_AGE_MILLIS;
        if aged || self.ended.len() >= ENDED_MAX {
            self.ended_before = std::mem::take(&mut self.ended);
        }
    }
}

impl Past {
    fn millis(self) -> Option<u64> {
        if self.start == UNKNOWN || self.end == UNKNOWN {
            return None;
        }
        // Clocks of two servers differ: an end before its start took no time.
        Some(u64::try_from(self.end.millis_since(self.start)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_mins(5);

    fn second(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    #[test]
    fn start_and_end_meet_in_either_order_and_are_measured_once() {
        type Case = (&'static str, Vec<(Option<(i64, bool)>, Option<u64>)>);
        // What comes (`None`: the start, else an end at this second, measured or not), and what is measured then.
        let end = |at, measured| Some((at, measured));
        let cases: [Case; 6] = [
            ("in order", vec![(None, None), (end(114, true), Some(14_000))]),
            ("end first", vec![(end(114, true), None), (None, Some(14_000)), (None, None)]),
            (
                "ended twice",
                vec![(None, None), (end(114, true), Some(14_000)), (end(120, true), None)],
            ),
            ("timed out, end first", vec![(end(400, false), None), (None, None)]),
            (
                "late success",
                vec![(None, None), (end(400, false), None), (end(420, true), Some(320_000))],
            ),
            (
                "late success first",
                vec![(end(420, true), None), (None, Some(320_000)), (end(400, false), None)],
            ),
        ];
        for (name, steps) in cases {
            let mut sessions = Sessions::default();
            let id = SessionId::new("s");
            for (end, want) in steps {
                let millis = match end {
                    None => match sessions.start(&id, 7, second(100), second(500), TIMEOUT) {
                        Started::Over { millis } => millis,
                        Started::InProgress { .. } | Started::Repeated => None,
                    },
                    Some((at, measured)) => {
                        sessions.end(&id, second(at), measured, second(500)).millis
                    }
                };
                assert_eq!(millis, want, "{name}");
            }
            assert_eq!(sessions.next_deadline(), None, "{name}: nothing stays open");
        }
    }

    #[test]
    fn a_session_without_an_end_is_stalled_a_minute_after_the_time_out() {
        let mut sessions = Sessions::default();
        sessions.start(&SessionId::new("s"), 3, second(0), second(1), TIMEOUT);
        assert_eq!(sessions.next_stalled(second(359)), None);
        assert_eq!(sessions.next_stalled(second(360)), Some(3));
        assert_eq!(sessions.next_stalled(second(999)), None);
    }

    #[test]
    fn a_backfilled_start_waits_for_its_end() {
        let mut sessions = Sessions::default();
        sessions.start(&SessionId::new("s"), 3, second(0), second(86_400), TIMEOUT);
        assert_eq!(sessions.next_stalled(second(86_459)), None);
        assert_eq!(sessions.next_stalled(second(86_460)), Some(3));
    }
}
