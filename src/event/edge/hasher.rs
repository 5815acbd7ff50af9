//! A hash for tables that are asked several times a line: seeded anew for each table, so that nobody who chooses paths and
//! addresses can make them collide, and a fraction of the standard one's work.

use std::hash::{BuildHasher, Hasher, RandomState};

use crate::event::fingerprint::{fold, seeded};

/// What a table hashes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed(u64);

/// One hash in the making.
#[derive(Debug)]
pub(super) struct Mixer(u64);

impl Default for Seed {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0))
    }
}

impl BuildHasher for Seed {
    type Hasher = Mixer;

    fn build_hasher(&self) -> Mixer {
        Mixer(self.0)
    }
}

impl Mixer {
    fn mix(&mut self, number: u64) {
        // An odd number without a pattern (digits of √5).
        self.0 = fold(self.0 ^ number, 0x3C6E_F372_FE94_F82B);
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = seeded(self.0, bytes);
    }

    fn write_u8(&mut self, number: u8) {
        self.mix(number.into());
    }

    fn write_u16(&mut self, number: u16) {
        self.mix(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.mix(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.mix(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.mix(number as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn what_differs_hashes_differently_and_each_table_has_a_seed_of_its_own() {
        let seed = Seed::default();
        let texts = (0..50_000).map(|n| seed.hash_one(format!("/api/items/{n}")));
        let numbers = (0..50_000u32).map(|n| seed.hash_one((n, false)));
        let hashes: HashSet<u64> = texts.chain(numbers).collect();
        assert_eq!(hashes.len(), 100_000);
        // Tables take the lowest and the highest bits.
        let low: HashSet<u64> = hashes.iter().map(|hash| hash & 0xffff).collect();
        let high: HashSet<u64> = hashes.iter().map(|hash| hash >> 48).collect();
        // Of 65,536 places 100,000 balls leave a fifth empty.
        assert!(low.len() > 50_000 && high.len() > 50_000, "{} {}", low.len(), high.len());
        assert_ne!(Seed::default().hash_one("/"), Seed::default().hash_one("/"));
    }
}
