//! Sign-ins in progress: joins the start to its end by `session_id`, in whichever order they come.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::dedup::fingerprint;
use crate::event::{SessionId, Timestamp};

/// WorkOS ends a session by itself after the time-out; a minute later its event should have come, or never will.
const STALL_GRACE_MILLIS: i64 = 60_000;

/// Sessions in progress at most: 100 bytes each. At 1,000 sign-ins a second that last the full five minutes, 300,000.
const OPEN_MAX: usize = 1_000_000;

/// How long an end without a start is remembered, at least: deliveries are reordered by seconds, retries by minutes.
const ENDED_AGE_MILLIS: i64 = 600_000;

/// Ends that are remembered at most, per generation.
const ENDED_MAX: usize = 500_000;

/// All sessions that matter still.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Sessions {
    open: HashMap<u128, Open>,
    deadlines: BTreeSet<(Timestamp, u128)>,
    ended: HashMap<u128, Option<Timestamp>>,
    ended_before: HashMap<u128, Option<Timestamp>>,
    ended_since: Timestamp,
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
    /// Its end came first; they lie this many milliseconds apart, unless that was measured before.
    Over { millis: Option<u64> },
}

/// What an end means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    /// It ends a sign-in in progress, on this connection, after this many milliseconds.
    Joined { connection: u32, millis: u64 },
    /// No start is known (history before starts existed, sign-ins that the identity provider began), or it was stalled.
    Alone,
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
        let key = fingerprint(id.as_str());
        let ended = self.ended.get_mut(&key).or_else(|| self.ended_before.get_mut(&key));
        if let Some(end) = ended {
            return Started::Over { millis: end.take().map(|end| millis(end, at)) };
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

    /// An end.
    pub(super) fn end(&mut self, id: &SessionId, at: Timestamp, now: Timestamp) -> Ended {
        let key = fingerprint(id.as_str());
        if let Some(open) = self.open.remove(&key) {
            self.deadlines.remove(&(open.deadline, key));
            self.remember(key, None, now);
            return Ended::Joined {
                connection: open.connection,
                millis: millis(at, open.started_at),
            };
        }
        if !self.ended_before.contains_key(&key) && !self.ended.contains_key(&key) {
            self.remember(key, Some(at), now);
        }
        Ended::Alone
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

    fn remember(&mut self, key: u128, end: Option<Timestamp>, now: Timestamp) {
        if self.ended.is_empty() {
            self.ended_since = now;
        }
        self.ended.insert(key, end);
        let aged = now.millis_since(self.ended_since) >= ENDED_AGE_MILLIS;
        if aged || self.ended.len() >= ENDED_MAX {
            self.ended_before = std::mem::take(&mut self.ended);
        }
    }
}

fn millis(end: Timestamp, start: Timestamp) -> u64 {
    u64::try_from(end.millis_since(start)).unwrap_or(0)
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
        let mut sessions = Sessions::default();
        let (one, two) = (SessionId::new("s1"), SessionId::new("s2"));
        sessions.start(&one, 7, second(100), second(100), TIMEOUT);
        assert_eq!(
            sessions.end(&one, second(114), second(115)),
            Ended::Joined { connection: 7, millis: 14_000 }
        );
        assert_eq!(sessions.end(&one, second(120), second(121)), Ended::Alone);
        assert_eq!(sessions.end(&two, second(130), second(131)), Ended::Alone);
        let late =
            |sessions: &mut Sessions| sessions.start(&two, 7, second(125), second(132), TIMEOUT);
        assert_eq!(late(&mut sessions), Started::Over { millis: Some(5_000) });
        assert_eq!(late(&mut sessions), Started::Over { millis: None });
        assert_eq!(sessions.next_deadline(), None);
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
