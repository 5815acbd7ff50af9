//! Whose sign-ins go wrong: one person who tries again and again is not an outage.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{Timestamp, UserKey};
use crate::signal::PEOPLE_MAX;

/// The people whose sign-ins went wrong lately, each with the newest time: [`PEOPLE_MAX`] for failures and for time-outs each, and
/// an alert counts this many.
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

    /// Those who failed, by the minute of their newest failure, of the minutes from `oldest` on.
    pub(super) fn failers(&self, oldest: i64) -> Box<[(i64, u32)]> {
        let mut minutes = BTreeMap::new();
        for (_, last) in &self.failed {
            let minute = last.seconds().div_euclid(60) * 60;
            if minute >= oldest {
                *minutes.entry(minute).or_default() += 1;
            }
        }
        minutes.into_iter().collect()
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

    #[test]
    fn whoever_failed_is_one_in_the_minute_of_the_newest_failure() {
        let mut people = People::default();
        for (person, second) in [(1, 59), (2, 61), (3, 65), (2, 125), (4, 130), (2, 121)] {
            people.hit(Trouble::Failed, UserKey(person), Timestamp::from_millis(second * 1000));
        }
        people.hit(Trouble::TimedOut, UserKey(9), Timestamp::from_millis(130_000));
        assert_eq!(*people.failers(60), [(60, 1), (120, 2)]);
    }
}
