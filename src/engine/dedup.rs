//! Remembers which events have been counted, in bounded memory.
//!
//! Two generations: ids enter the young one; when it is full or old enough it becomes the old one, and the old one is
//! forgotten at once. So an id is remembered for at least one and at most two ages, and forgetting costs nothing.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::event::{EventId, Timestamp};

/// How long an id is remembered at least: WorkOS repeats a webhook for 3 days.
const AGE_MILLIS: i64 = 4 * 24 * 3600 * 1000;

/// Ids in one generation at most: two of them take about 100 MB, and last 5 hours at 100 events a second if the age
/// does not come first. Repeats come within seconds, except after an outage.
const IDS_MAX: usize = 2_000_000;

/// The memory.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Dedup {
    #[serde(with = "sorted")]
    young: HashSet<u128>,
    #[serde(with = "sorted")]
    old: HashSet<u128>,
    young_since: Timestamp,
}

impl Dedup {
    /// Whether `id` has been counted.
    pub(super) fn knows(&self, id: &EventId) -> bool {
        let key = fingerprint(id.as_str());
        self.young.contains(&key) || self.old.contains(&key)
    }

    /// Remembers `id`; `false` when it was known.
    pub(super) fn remember(&mut self, id: &EventId, now: Timestamp) -> bool {
        let key = fingerprint(id.as_str());
        if self.old.contains(&key) || !self.young.insert(key) {
            return false;
        }
        if self.young.len() == 1 {
            self.young_since = now;
        }
        let full = self.young.len() >= IDS_MAX;
        if full || now.millis_since(self.young_since) >= AGE_MILLIS {
            self.old = std::mem::take(&mut self.young);
        }
        true
    }
}

/// FNV-1a, 128 bits: stable across versions, since it is part of the checkpoint; two of 10^7 ids collide with a
/// probability of 10^-25.
pub(super) fn fingerprint(text: &str) -> u128 {
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for byte in text.bytes() {
        hash ^= u128::from(byte);
        hash = hash.wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    }
    hash
}

/// Sets are written in order: the same state gives the same bytes.
mod sorted {
    use super::{Deserialize, HashSet, Serialize};

    pub(super) fn serialize<S: serde::Serializer>(
        set: &HashSet<u128>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut keys: Vec<u128> = set.iter().copied().collect();
        keys.sort_unstable();
        keys.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<HashSet<u128>, D::Error> {
        Vec::<u128>::deserialize(deserializer).map(HashSet::from_iter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_counts_once_and_is_remembered_for_an_age() {
        let mut dedup = Dedup::default();
        let at = Timestamp::from_millis;
        let id = EventId::new("event_1");
        assert!(dedup.remember(&id, at(0)));
        assert!(!dedup.remember(&id, at(1)));
        // The age has passed: the generation turns, and the id is still known.
        assert!(dedup.remember(&EventId::new("event_2"), at(AGE_MILLIS)));
        assert!(dedup.knows(&id));
        // A second age: forgotten.
        assert!(dedup.remember(&EventId::new("event_3"), at(AGE_MILLIS + 1)));
        assert!(dedup.remember(&EventId::new("event_4"), at(2 * AGE_MILLIS + 1)));
        assert!(!dedup.knows(&id));
    }
}
