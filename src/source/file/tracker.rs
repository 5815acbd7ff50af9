//! Which files there are, how far each has been read, and which one is next. Pure: it is told what
//! a look at the disk shows and what came of reading, and says what to do.
//!
//! A file is followed by its inode for as long as it lives, whatever it is called. A file that is
//! new may still be an old acquaintance (a copy, or compressed after rotation): then its content
//! fits a mark, and it goes on from there.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::Timestamp;

use super::mark::{Head, Mark};
use super::memory::Memory;
use super::stat::{Node, Sighting, Stat};
use super::tracked::{Phase, Serial, Tracked};

/// All files.
#[derive(Debug)]
pub(super) struct Tracker {
    files: BTreeMap<Serial, Tracked>,
    by_node: BTreeMap<Node, Serial>,
    memory: Memory,
    next_serial: Serial,
    looks: u64,
}

/// Whose mark fits a new file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Owner {
    /// A file that is gone, by the key of its cursor.
    Gone(u64),
    /// A file that is there.
    Live(Serial),
}

/// What a new file turned out to be.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Identity {
    /// The file that was read up to its mark, which is now its own.
    Known,
    /// A copy of a file up to this mark.
    Copy(Mark),
    /// A copy of a file that must be read to its end first.
    Behind(Serial),
}

impl Tracker {
    /// Goes on from what `memory` holds.
    pub(super) fn new(memory: Memory) -> Self {
        Self { files: BTreeMap::new(), by_node: BTreeMap::new(), memory, next_serial: 1, looks: 0 }
    }

    /// Takes in what a look shows. `held` gives the state of a file that is held open. `complete`
    /// says that a file without a sighting is gone; otherwise some places could not be seen.
    pub(super) fn look(
        &mut self,
        sightings: Vec<Sighting>,
        held: impl Fn(Serial) -> Option<Stat>,
        complete: bool,
        now: Timestamp,
    ) {
        self.looks += 1;
        for sighting in sightings {
            self.sight(sighting, now);
        }
        let unseen = self.files.iter().filter(|(_, file)| file.looked != self.looks);
        for serial in unseen.map(|(serial, _)| *serial).collect::<Vec<_>>() {
            match held(serial) {
                Some(stat) => {
                    let file = self.file(serial);
                    file.show(stat, now);
                    if file.here && complete {
                        file.lose(now);
                    }
                }
                // Nothing more can be read of it, and it is known again when it comes back.
                None if complete => self.retire(serial, now),
                None => {}
            }
        }
        let busy = self.files.iter().filter(|(_, file)| file.busy());
        let busy: BTreeSet<_> = busy.map(|(serial, _)| *serial).collect();
        for file in self.files.values_mut() {
            file.wake(|serial| busy.contains(&serial), now);
        }
        // Not while new files are due: they may turn out to be the ones that the marks belong to.
        if !self.files.values().any(|file| file.mark.offset == 0 && file.busy()) {
            self.memory.forget(now);
        }
    }

    fn sight(&mut self, sighting: Sighting, now: Timestamp) {
        let looks = self.looks;
        if let Some(serial) = self.by_node.get(&sighting.stat.node) {
            let file = self.files.get_mut(serial).expect("every node belongs to a file");
            if file.looked == looks {
                file.see_twice(sighting.follow);
            } else {
                file.looked = looks;
                file.see(sighting, now);
            }
            return;
        }
        let (serial, stat) = (self.next_serial, sighting.stat);
        self.next_serial += 1;
        let mut file = Tracked::new(sighting, looks, now);
        match self.memory.sealed(stat) {
            Some(key) => {
                (file.key, file.phase) = (key, Phase::Read);
                file.mark = self.memory.take(key).expect("it was found there");
            }
            None => file.key = self.memory.new_key(),
        }
        self.by_node.insert(stat.node, serial);
        self.files.insert(serial, file);
    }

    /// The file to read now: the one that was changed first, so that history comes before news; of
    /// files that were changed together the one that is gone, as it was rotated away.
    pub(super) fn next(&self) -> Option<Serial> {
        let due = self.files.iter().filter(|(_, file)| file.phase == Phase::Due);
        due.min_by_key(|(serial, file)| (file.stat.modified, file.here, **serial))
            .map(|(serial, _)| *serial)
    }

    /// Whether it is one of the files.
    pub(super) fn has(&self, serial: Serial) -> bool {
        self.files.contains_key(&serial)
    }

    /// A file by its serial.
    pub(super) fn get(&self, serial: Serial) -> &Tracked {
        &self.files[&serial]
    }

    /// All files.
    pub(super) fn files(&self) -> impl Iterator<Item = (Serial, &Tracked)> {
        self.files.iter().map(|(serial, file)| (*serial, file))
    }

    /// Sets the file aside until what `phase` waits for has come.
    pub(super) fn park(&mut self, serial: Serial, phase: Phase) {
        self.file(serial).phase = phase;
    }

    /// The content fits the mark.
    pub(super) fn verified(&mut self, serial: Serial) {
        self.file(serial).unverified = false;
    }

    /// The file cannot be read. Says whether that is news.
    pub(super) fn fail(&mut self, serial: Serial, trouble: String) -> bool {
        let file = self.file(serial);
        file.phase = Phase::Failed;
        let news = file.trouble.as_ref() != Some(&trouble);
        file.trouble = Some(trouble);
        news
    }

    /// Everything up to `mark` is durable, and so is the end of the cursors that are no longer needed;
    /// `named` more rejected lines were named.
    pub(super) fn advance(&mut self, serial: Serial, mark: Mark, named: usize) {
        let file = self.file(serial);
        file.mark = mark;
        file.named += named;
        file.trouble = None;
        self.memory.told();
    }

    /// Nothing more can be read now. `left` says that something at the end does not count yet,
    /// `packed` that the file is compressed.
    pub(super) fn end(&mut self, serial: Serial, left: bool, packed: bool, now: Timestamp) {
        let file = self.file(serial);
        let last = file.is_final(packed, now);
        match (file.here, last) {
            (false, true) => self.retire(serial, now),
            (false, false) => file.phase = Phase::Unsettled,
            (true, _) if left && packed && !last => file.phase = Phase::Unsettled,
            (true, _) => file.phase = Phase::Read,
        }
    }

    /// The content is not what was read: the file was cut, or written anew. It is a new file now;
    /// what was read of it is remembered, as a copy may have the rest.
    pub(super) fn restart(&mut self, serial: Serial, now: Timestamp) {
        let key = self.memory.new_key();
        let file = self.file(serial);
        let old = std::mem::replace(&mut file.key, key);
        let mark = std::mem::take(&mut file.mark);
        file.unverified = false;
        self.memory.keep(old, mark, now);
    }

    /// Marks that may belong to the new file `serial`, which begins with `head`; those with the
    /// smallest offset first.
    pub(super) fn candidates(&self, serial: Serial, head: &[u8]) -> Vec<(Owner, Mark)> {
        let mut head = Head::new(head);
        let gone = self.memory.candidates(&mut head).into_iter();
        let mut found: Vec<_> = gone.map(|(key, mark)| (Owner::Gone(key), mark)).collect();
        for (other, file) in &self.files {
            if *other != serial && file.mark.head_fits(&mut head) {
                found.push((Owner::Live(*other), file.mark.clone()));
            }
        }
        found.sort_by_key(|(owner, mark)| (mark.offset, *owner));
        found
    }

    /// Decides what the new file `serial` is, whose content fits the marks of all `owners`; they
    /// have the same offset and are at least one.
    pub(super) fn identify(&mut self, serial: Serial, owners: &[Owner]) -> Identity {
        for owner in owners {
            if let Owner::Live(other) = owner
                && self.files[other].busy()
            {
                return Identity::Behind(*other);
            }
        }
        let owner = owners.first().expect("there is at least one");
        match owner {
            Owner::Gone(key) => {
                let mark = self.memory.take(*key).expect("it was found there");
                let file = self.file(serial);
                (file.key, file.mark) = (*key, mark);
                Identity::Known
            }
            Owner::Live(other) => Identity::Copy(self.files[other].mark.clone()),
        }
    }

    /// Keys of cursors that are no longer needed.
    pub(super) fn forgotten(&self) -> &[u64] {
        self.memory.forgotten()
    }

    /// Whether every file that is not followed has been read.
    pub(super) fn all_read(&self) -> bool {
        self.files.values().all(|file| file.phase == Phase::Read)
    }

    fn file(&mut self, serial: Serial) -> &mut Tracked {
        self.files.get_mut(&serial).expect("serials of files that are tracked")
    }

    fn retire(&mut self, serial: Serial, now: Timestamp) {
        if let Some(file) = self.files.remove(&serial) {
            self.by_node.remove(&file.stat.node);
            self.memory.keep(file.key, file.mark, now);
        }
    }
}

#[cfg(test)]
mod tests;
