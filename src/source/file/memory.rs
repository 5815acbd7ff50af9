//! Marks of files that are gone: one of them may come back under another name, or compressed.

use std::collections::BTreeMap;

use crate::event::Timestamp;

use super::mark::{Head, Mark};
use super::stat::Stat;

/// How long a mark is kept when no file has it: a rotated file may be compressed, or moved back,
/// much later.
const MEMORY_MILLIS: i64 = 30 * 24 * 3_600_000;

/// Marks at most. With those of the files that are there ([`super::place::FILES_MAX`]) they stay
/// below the number of cursors that the state keeps.
const MARKS_MAX: usize = 4000;

/// Marks by the keys of their cursors.
#[derive(Debug)]
pub(super) struct Memory {
    gone: BTreeMap<u64, Gone>,
    /// Keys that were given up, until the journal knows.
    forgotten: Vec<u64>,
    next_key: u64,
}

#[derive(Debug)]
struct Gone {
    mark: Mark,
    since: Timestamp,
}

impl Memory {
    /// Begins with the marks of an earlier run.
    pub(super) fn new(marks: impl IntoIterator<Item = (u64, Mark)>, now: Timestamp) -> Self {
        let gone: BTreeMap<_, _> =
            marks.into_iter().map(|(key, mark)| (key, Gone { mark, since: now })).collect();
        let next_key = gone.keys().next_back().map_or(1, |key| key + 1);
        Self { gone, forgotten: Vec::new(), next_key }
    }

    /// A key that no cursor has.
    pub(super) fn new_key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key - 1
    }

    /// Keeps the mark of a file that is gone, unless nothing was read of it.
    pub(super) fn keep(&mut self, key: u64, mark: Mark, now: Timestamp) {
        if mark.offset > 0 {
            self.gone.insert(key, Gone { mark, since: now });
        }
    }

    /// Gives back the mark: its file is there again.
    pub(super) fn take(&mut self, key: u64) -> Option<Mark> {
        self.gone.remove(&key).map(|gone| gone.mark)
    }

    /// The key of the compressed file that was read to its end when it was in this state.
    pub(super) fn sealed(&self, stat: Stat) -> Option<u64> {
        let mut found = self.gone.iter().filter(|(_, gone)| gone.mark.sealed == Some(stat));
        found.next().map(|(key, _)| *key)
    }

    /// Marks of files that begin like this.
    pub(super) fn candidates(&self, head: &mut Head) -> Vec<(u64, Mark)> {
        let fitting = self.gone.iter().filter(|(_, gone)| gone.mark.head_fits(head));
        fitting.map(|(key, gone)| (*key, gone.mark.clone())).collect()
    }

    /// Gives up marks that are too old or too many, the oldest first.
    pub(super) fn forget(&mut self, now: Timestamp) {
        let mut by_age: Vec<_> = self.gone.iter().map(|(key, gone)| (gone.since, *key)).collect();
        by_age.sort_unstable();
        let over = by_age.len().saturating_sub(MARKS_MAX);
        for (place, (since, key)) in by_age.into_iter().enumerate() {
            if place < over || now.millis_since(since) > MEMORY_MILLIS {
                self.gone.remove(&key);
                self.forgotten.push(key);
            }
        }
    }

    /// Keys of cursors that are no longer needed.
    pub(super) fn forgotten(&self) -> &[u64] {
        &self.forgotten
    }

    /// The journal knows which cursors are no longer needed.
    pub(super) fn told(&mut self) {
        self.forgotten.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn the_oldest_marks_are_given_up_and_their_keys_told() {
        let mark = |key: u64| Mark::default().advance(format!("line {key}\n").as_bytes(), 1, false);
        let mut memory = Memory::new((1..=3).map(|key| (key, mark(key))), at(0));
        assert_eq!(memory.new_key(), 4, "keys go on behind those that are stored");
        for key in 4..4 + MARKS_MAX as u64 - 1 {
            memory.keep(key, mark(key), at(1000));
        }
        memory.forget(at(1000));
        assert_eq!(memory.forgotten(), [1, 2]);
        memory.told();
        memory.forget(at(MEMORY_MILLIS + 1));
        assert_eq!(memory.forgotten(), [3]);
        assert!(memory.take(3).is_none() && memory.take(4).is_some());
    }

    #[test]
    fn a_file_of_which_nothing_was_read_is_not_kept() {
        let mut memory = Memory::new([], at(0));
        memory.keep(1, Mark::default(), at(0));
        assert!(memory.take(1).is_none());
    }
}
