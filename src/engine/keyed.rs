//! Tables by fingerprint.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use serde::{Serialize, Serializer};

use crate::event::fingerprint;

/// A map by fingerprint.
pub(super) type KeyedMap<V> = HashMap<u64, V, BuildHasherDefault<AsItIs>>;

/// A set of fingerprints.
pub(super) type KeyedSet = HashSet<u64, BuildHasherDefault<AsItIs>>;

/// A map by texts.
pub(super) type TextMap<K, V> = HashMap<K, V, BuildHasherDefault<OfText>>;

/// Hashes a text by its fingerprint: the general hash took three times as long.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OfText(u64);

impl Hasher for OfText {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, text: &[u8]) {
        self.0 = fingerprint(text);
    }

    /// Where a text ends, which matters only to keys of more than one.
    fn write_u8(&mut self, _: u8) {}
}

/// A fingerprint is a hash already: to hash it again took half of a look-up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are fingerprints");
    }

    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
    }
}

/// Sets are written in order: the same state gives the same bytes.
pub(super) fn set_in_order<S: Serializer>(
    set: &KeyedSet,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut keys: Vec<u64> = set.iter().copied().collect();
    keys.sort_unstable();
    keys.serialize(serializer)
}

/// Maps are written in order.
pub(super) fn map_in_order<V: Serialize, S: Serializer>(
    map: &KeyedMap<V>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| **key);
    serializer.collect_map(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Both {
        #[serde(serialize_with = "set_in_order")]
        set: KeyedSet,
        #[serde(serialize_with = "map_in_order")]
        map: KeyedMap<u8>,
    }

    #[test]
    fn tables_are_written_in_order_whatever_the_order_of_insertion() {
        let keys: Vec<u64> = (0..100u64).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
        let write = |keys: &mut dyn Iterator<Item = u64>| {
            let keys: Vec<u64> = keys.collect();
            let map = keys.iter().map(|key| (*key, 7)).collect();
            postcard::to_stdvec(&Both { set: keys.into_iter().collect(), map }).unwrap()
        };
        assert_eq!(write(&mut keys.iter().copied()), write(&mut keys.iter().rev().copied()));
    }
}
