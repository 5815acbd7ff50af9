//! Whose sign-ins go wrong: one person who tries again and again is not an outage.

use serde::{Deserialize, Serialize};

use crate::event::{Timestamp, UserKey};

/// People told apart on one connection, for failures and for time-outs each: 16 bytes a person. Beyond that the ones who
/// were hit longest ago are forgotten, and an alert counts this many.
const PEOPLE_MAX: usize = 256;

/// The people whose sign-ins went wrong lately, each with the newest time.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
pub(super) struct People {
    failed: Vec<(UserKey, Timestamp)>,
    timed_out: Vec<(UserKey, Timestamp)>,
}

/// What went wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trouble {
    Failed,
    TimedOut,
}

impl People {
    /// This person's sign-in went wrong. An event without a person stands for one of its own: the caller gives it a key.
    pub(super) fn hit(&mut self, trouble: Trouble, person: UserKey, at: Timestamp) {
        let people = match trouble {
            Trouble::Failed => &mut self.failed,
            Trouble::TimedOut => &mut self.timed_out,
        };
        if let Some((_, last)) = people.iter_mut().find(|(known, _)| *known == person) {
            *last = at.max(*last);
        } else if people.len() < PEOPLE_MAX {
            people.push((person, at));
        } else if let Some(oldest) = people.iter_mut().min_by_key(|(_, last)| *last)
            && oldest.1 < at
        {
            *oldest = (person, at);
        }
    }

    /// The people hit since then.
    pub(super) fn since(
        &self,
        trouble: Trouble,
        since: Timestamp,
    ) -> impl Iterator<Item = UserKey> {
        let people = match trouble {
            Trouble::Failed => &self.failed,
            Trouble::TimedOut => &self.timed_out,
        };
        people.iter().filter(move |(_, last)| *last >= since).map(|(person, _)| *person)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_count_once_each_and_those_hit_longest_ago_are_forgotten_first() {
        let at = Timestamp::from_millis;
        let mut people = People::default();
        for n in 0..300 {
            people.hit(Trouble::Failed, UserKey(7), at(1_000 + n));
        }
        people.hit(Trouble::TimedOut, UserKey(8), at(1_000));
        assert_eq!(people.since(Trouble::Failed, at(1_299)).count(), 1);
        assert_eq!(people.since(Trouble::Failed, at(1_300)).count(), 0);
        assert_eq!(people.since(Trouble::TimedOut, at(0)).count(), 1);
        for n in 0..256 {
            people.hit(Trouble::Failed, UserKey(1_000 + n), at(2_000));
        }
        assert_eq!(people.since(Trouble::Failed, at(0)).count(), PEOPLE_MAX);
        assert!(!people.since(Trouble::Failed, at(0)).any(|person| person == UserKey(7)));
    }
}
