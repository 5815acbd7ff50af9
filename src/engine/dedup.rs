//! Remembers which events have been counted, in bounded memory.
//!
//! Two generations: ids enter the young one; when it is full or old enough it becomes the old one, and the old one is
//! forgotten at once. So an id is remembered for at least one and at most two ages, and forgetting costs nothing.

use serde::{Deserialize, Serialize};

use super::keyed::{KeyedSet, set_in_order};
use crate::event::{EventId, Timestamp, fingerprint};

/// How long an id is remembered at least: WorkOS repeats a webhook for 3 days.
const AGE_MILLIS: i64 = 4 * 24 * 3600 * 1000;

/// Ids in one generation at most: what fits into 2^21 places, 9 bytes each, of which an eighth stays free. Two of them take
/// 38 MB, and last 5 hours at 100 events a second if the age does not come first. Repeats come within seconds, except after
/// an outage.
const IDS_MAX: usize = (1 << 21) / 8 * 7;

/// The memory.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Dedup {
    #[serde(serialize_with = "set_in_order")]
    young: KeyedSet,
    #[serde(serialize_with = "set_in_order")]
    old: KeyedSet,
    young_since: Timestamp,
}

impl Dedup {
    /// Whether `id` has been counted.
    pub(super) fn knows(&self, id: &EventId) -> bool {
        let key = fingerprint(id.as_bytes());
        self.young.contains(&key) || self.old.contains(&key)
    }

    /// Remembers `id`; `false` when it was known.
    pub(super) fn remember(&mut self, id: &EventId, now: Timestamp) -> bool {
        let key = fingerprint(id.as_bytes());
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
