//! Sign-ins that should have ended by now: looked at once, a while after their start.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;

/// Sign-ins that wait for their look at most, 32 bytes each: 8,000 starts a second for a minute. Beyond that the oldest are not
/// looked at.
const WAITING_MAX: usize = 500_000;

/// Those that were started lately, in order of the time at which they are looked at.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Hanging(VecDeque<Waiting>);

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Waiting {
    /// When it is looked at.
    pub(super) due: Timestamp,
    pub(super) session: u64,
    pub(super) connection: u32,
    pub(super) person: u64,
}

impl Hanging {
    /// A sign-in was started. Starts come nearly in order, so the place is found from the end.
    pub(super) fn push(&mut self, waiting: Waiting) {
        let later = self.0.iter().rev().take_while(|other| other.due > waiting.due).count();
        self.0.insert(self.0.len() - later, waiting);
        if self.0.len() > WAITING_MAX {
            self.0.pop_front();
        }
    }

    /// The next one that is to be looked at by `limit`.
    pub(super) fn pop(&mut self, limit: Timestamp) -> Option<Waiting> {
        self.0.pop_front_if(|waiting| waiting.due <= limit)
    }

    /// Forgets them all: nobody heard whether they ended.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// When the next one is to be looked at.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.0.front().map(|waiting| waiting.due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_in_order_of_their_time_whatever_the_order_of_arrival() {
        let mut hanging = Hanging::default();
        let at = |millis| Timestamp::from_millis(millis);
        for (session, due) in [(1, 500), (2, 300), (3, 400), (4, 300)] {
            hanging.push(Waiting { due: at(due), session, connection: 0, person: 0 });
        }
        assert_eq!(hanging.pop(at(299)), None);
        assert_eq!(hanging.next_due(), Some(at(300)));
        let order: Vec<u64> =
            std::iter::from_fn(|| hanging.pop(at(500))).map(|waiting| waiting.session).collect();
        assert_eq!(order, [2, 4, 3, 1]);
    }
}
