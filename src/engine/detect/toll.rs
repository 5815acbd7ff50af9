//! Whom trouble has hit since it began: by connection, for as long as its alarm is up. The last bad attempts that a group
//! remembers say who carries the evidence; in a wide outage they are a minute's.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Connections that are told apart: each is sorted and looked up whenever an incident's words are renewed. Those beyond are not
/// counted.
const CONNECTIONS_MAX: usize = 10_000;

/// Bad attempts by connection.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Toll(BTreeMap<u32, u32>);

impl Toll {
    /// What is known when the alarm is raised.
    pub(super) fn begin(carriers: Vec<(u32, u32)>) -> Self {
        Self(carriers.into_iter().collect())
    }

    /// Another one.
    pub(super) fn hit(&mut self, connection: u32) {
        let full = self.0.len() >= CONNECTIONS_MAX;
        match self.0.get_mut(&connection) {
            Some(count) => *count = count.saturating_add(1),
            None if full => {}
            None => drop(self.0.insert(connection, 1)),
        }
    }

    /// All of them, most hit first, with how often.
    pub(super) fn carriers(&self) -> Vec<(u32, u32)> {
        let mut carriers: Vec<_> = self.0.iter().map(|(one, count)| (*one, *count)).collect();
        worst_first(&mut carriers);
        carriers
    }
}

/// Connections with how often they were hit, most hit first.
pub(super) fn worst_first(carriers: &mut [(u32, u32)]) {
    carriers.sort_by_key(|(connection, count)| (Reverse(*count), *connection));
}

/// Hits that say who is hit now.
const LATELY: usize = 16;

/// Whether `connection` has more than half of the last hits.
pub(super) fn is_mostly(hits: impl DoubleEndedIterator<Item = u32>, connection: u32) -> bool {
    let own = hits.rev().take(LATELY).filter(|hit| *hit == connection).count();
    own * 2 > LATELY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_at_first_is_counted_on_up_to_a_limit() {
        let mut toll = Toll::begin(vec![(7, 3), (2, 1)]);
        for connection in [2, 2, 2, 5] {
            toll.hit(connection);
        }
        assert_eq!(toll.carriers(), [(2, 4), (7, 3), (5, 1)]);
        for connection in 0..20_000 {
            toll.hit(connection);
        }
        assert_eq!(toll.carriers().len(), CONNECTIONS_MAX);
    }

    #[test]
    fn who_has_most_of_the_last_hits_is_told_from_one_of_many() {
        let hits = |own: usize| (0..40).map(move |n| if n >= 40 - own { 7 } else { 1 });
        assert!(is_mostly(hits(9), 7) && !is_mostly(hits(8), 7));
        assert!(!is_mostly([7; 8].into_iter(), 7), "too few say nothing");
    }
}
