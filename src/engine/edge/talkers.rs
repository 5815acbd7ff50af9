//! The callers with most requests, in bounded memory: space saving with counts of many requests at once.
//!
//! As long as there are places, counts are exact. After that a newcomer takes the place of the smallest and its count, which
//! is remembered as `over`: a count is never too small, and too large by at most the smallest count, which is at most the
//! number of requests by the number of places. Whoever sent more than that is in the list.

use serde::{Deserialize, Serialize};

use crate::event::Personal;
use crate::signal::Talker;

/// Callers in one list.
const PLACES: usize = 64;

/// A list of the busiest.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Talkers(Vec<Talker>);

impl Talkers {
    /// `requests` more by a caller.
    pub(super) fn add(&mut self, name: &Personal, internal: bool, requests: u64) {
        self.put(name, internal, requests, 0);
    }

    /// Adds another list.
    pub(super) fn merge(&mut self, other: &Self) {
        for talker in &other.0 {
            self.put(&talker.name, talker.internal, talker.requests, talker.over);
        }
    }

    fn put(&mut self, name: &Personal, internal: bool, requests: u64, over: u64) {
        if requests == 0 {
            return;
        }
        if let Some(known) = self.0.iter_mut().find(|talker| same(&talker.name, name)) {
            known.requests += requests;
            known.over += over;
            known.internal |= internal;
            return;
        }
        let mut newcomer = Talker { name: name.clone(), internal, requests, over };
        if self.0.len() < PLACES {
            self.0.push(newcomer);
            return;
        }
        let least =
            self.0.iter_mut().min_by(|a, b| (a.requests, &b.name).cmp(&(b.requests, &a.name)));
        let least = least.expect("there are places");
        newcomer.requests += least.requests;
        newcomer.over += least.requests;
        *least = newcomer;
    }

    /// Requests that are surely this caller's.
    pub(super) fn surely(&self, name: &Personal) -> u64 {
        let known = self.0.iter().find(|talker| same(&talker.name, name));
        known.map_or(0, |talker| talker.requests - talker.over)
    }

    /// The busiest, most requests first.
    pub(super) fn top(&self, count: usize) -> Vec<Talker> {
        let mut all = self.0.clone();
        all.sort_by(|a, b| (b.requests, &a.name).cmp(&(a.requests, &b.name)));
        all.truncate(count);
        all
    }
}

impl Talker {
    /// Whether most of its requests are surely its own: where nobody stands out, those who came last look as busy as all.
    pub(super) fn is_known(&self) -> bool {
        self.over * 2 <= self.requests
    }
}

/// Whether two names are the same. Nearly all differ in their first bytes: comparing these takes no call.
fn same(a: &Personal, b: &Personal) -> bool {
    let head = |name: &Personal| name.as_str().as_bytes().first_chunk::<8>().copied();
    head(a) == head(b) && a == b
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn property_test_counts_are_off_by_at_most_what_is_said(
            calls in prop::collection::vec((0u32..80, 1u64..20), 0..300), cut in 0usize..300,
        ) {
            let name = |n: u32| Personal::shown(&n.to_string()).unwrap();
            let mut exact: BTreeMap<u32, u64> = BTreeMap::new();
            let (mut left, mut right) = (Talkers::default(), Talkers::default());
            for (place, (caller, requests)) in calls.iter().enumerate() {
                *exact.entry(*caller).or_default() += requests;
                let list = if place < cut { &mut left } else { &mut right };
                list.add(&name(*caller), false, *requests);
            }
            left.merge(&right);
            let total: u64 = exact.values().sum();
            for (caller, requests) in &exact {
                match left.0.iter().find(|talker| talker.name == name(*caller)) {
                    Some(talker) => {
                        prop_assert!(talker.requests <= requests + talker.over);
                        // Two lists: each may have given up as much as its smallest count.
                        prop_assert!(talker.requests + 2 * total / PLACES as u64 >= *requests);
                    }
                    None => prop_assert!(*requests <= 2 * total / PLACES as u64),
                }
            }
            prop_assert!(left.0.len() <= PLACES);
        }
    }

    #[test]
    fn one_who_sends_half_of_all_is_first_however_many_others_there_are() {
        let mut talkers = Talkers::default();
        for n in 0..10_000u32 {
            talkers.add(&Personal::shown(&n.to_string()).unwrap(), false, 1);
            talkers.add(&Personal::shown("busy").unwrap(), true, 1);
        }
        let top = talkers.top(1);
        assert_eq!((top[0].name.as_str(), top[0].internal), ("busy", true));
        assert!(top[0].requests >= 10_000 && top[0].requests - top[0].over <= 10_000);
    }
}
