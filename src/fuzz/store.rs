//! What is read back from the disk: the journal and the checkpoint, damaged in every way.

use std::path::Path;
use std::sync::Arc;

use super::choices::Choices;
use super::disk::Memory;
use super::engine::{Story, config, entry};
use crate::event::{Entry, Record, Timestamp};
use crate::journal::{self, Disk, Journal, JournalError};
use crate::store::{State, checkpoint};

const FOLDER: &str = "journal";

/// Appends of one input at most.
const APPENDS_MAX: usize = 8;

/// The head of a frame: its length, and the checksum of what follows.
const HEAD_BYTES: usize = 8;

/// The header of a segment.
const HEADER_BYTES: usize = 20;

/// Appends, damage, and the reading afterwards: what comes out is what was put in, in its order, but for what is missing; nothing
/// is invented; and the journal goes on. Where the input says so the checksum is right again after the damage, as when somebody
/// meant it.
pub(super) fn journal(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let disk = Memory::default();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let open =
        || Journal::open_on(Arc::clone(&shared), Path::new(FOLDER), journal::Config::default());
    let mut written = Vec::new();
    let (mut journal, _) = open().expect("memory can be written");
    for _ in 0..choices.below(APPENDS_MAX) {
        let entries: Vec<_> = (0..choices.below(4)).map(|_| cursor(&mut choices)).collect();
        journal.append(&entries).expect("memory can be written");
        written.extend(entries);
    }
    drop(journal);
    let meant = damage(&disk, &mut choices);
    let (mut journal, _) = match open() {
        Ok(opened) => opened,
        Err(JournalError::Version { .. }) => return,
        Err(error) => panic!("{error}"),
    };
    let read = all(&journal);
    if !meant {
        // What was written, at its position, and nothing else: the checksum tells everything that was changed.
        assert!(read.is_sorted_by(|(one, _), (next, _)| one < next));
        let written = |at: u64| usize::try_from(at).ok().and_then(|at| written.get(at));
        assert!(read.iter().all(|(at, entry)| written(*at) == Some(entry)));
    }
    let next = journal.next_position();
    let more = cursor(&mut choices);
    assert_eq!(journal.append(std::slice::from_ref(&more)).expect("it goes on"), next);
    assert_eq!(all(&journal).last(), Some(&(next, more)));
}

fn cursor(choices: &mut Choices) -> Entry {
    let value = "x".repeat(choices.below(64)).into();
    let record = Record::Cursor { key: choices.byte().to_string().into(), value };
    Entry { received_at: Timestamp::from_millis(choices.short().into()), record }
}

fn all(journal: &Journal) -> Vec<(u64, Entry)> {
    let mut reader = journal.reader(0);
    let mut read = Vec::new();
    loop {
        let batch = reader.next_batch().expect("memory can be read");
        if batch.is_empty() {
            return read;
        }
        read.extend(batch);
    }
}

/// Damages the one segment; whether its checksums were made right again.
fn damage(disk: &Memory, choices: &mut Choices) -> bool {
    let mut files = disk.files();
    let Some(bytes) = files.values_mut().next() else { return false };
    for _ in 0..choices.below(4) {
        let place = usize::from(choices.short()) % bytes.len().max(1);
        match choices.below(4) {
            0 => bytes.truncate(place),
            1 if !bytes.is_empty() => bytes[place] ^= choices.byte() | 1,
            2 => bytes.extend((0..choices.below(32)).map(|_| choices.byte())),
            _ => drop(bytes.drain(place..(place + choices.below(16)).min(bytes.len()))),
        }
    }
    let meant = choices.below(2) == 1;
    if meant {
        reseal(bytes);
    }
    meant
}

/// Gives every frame, as far as lengths lead from one to the next, the checksum of what it holds.
fn reseal(bytes: &mut [u8]) {
    let mut at = HEADER_BYTES;
    while let Some(head) = bytes.get(at..at + HEAD_BYTES) {
        let length = u32::from_le_bytes(head[..4].try_into().expect("four bytes")) as usize;
        let Some(body) = bytes.get(at + HEAD_BYTES..at + HEAD_BYTES + length) else { return };
        let crc = crc32fast::hash(body).to_le_bytes();
        bytes[at + 4..at + HEAD_BYTES].copy_from_slice(&crc);
        at += HEAD_BYTES + length;
    }
}

/// A state that a story led to, saved, damaged and loaded. Undamaged it is the same, and whoever goes on from it comes to the same;
/// damaged it is refused, or can be gone on with.
pub(super) fn checkpoint(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let disk = Memory::default();
    let folder = Path::new("data");
    let mut story = Story::default();
    let mut state = State::new(config());
    for position in 0..u64::from(choices.byte() % 32) {
        let entry = entry(&mut story, &mut choices);
        state.apply(position, &entry);
    }
    let saved = state.save();
    checkpoint::write(&disk, folder, &saved).expect("memory can be written");
    let mut same = match checkpoint::read(&disk, folder, &config()).expect("memory can be read") {
        checkpoint::Found::State(same) => same,
        found => panic!("{found:?}"),
    };
    assert!(same.save() == saved, "the same comes back");
    let marks = |state: &State| {
        let cursors = state.cursors("").map(|(key, value)| format!("{key}={value}"));
        let sent = state.sent("datadog_metrics");
        (state.position(), sent, cursors.collect::<Vec<_>>(), state.told().clone())
    };
    assert_eq!(marks(&same), marks(&state), "no mark is lost");
    state.transitions();
    same.transitions();
    for _ in 0..choices.byte() % 8 {
        let (position, entry) = (state.position(), entry(&mut story, &mut choices));
        state.apply(position, &entry);
        same.apply(position, &entry);
    }
    assert!(same.save() == state.save(), "who goes on from a checkpoint comes to the same");
    let shown = [state.snapshot(), same.snapshot()].map(|snapshot| format!("{snapshot:?}"));
    assert!(shown[0] == shown[1], "what was saved is shown as before: {shown:?}");
    // As if the checksum had been right: the state itself is what is read.
    let mut damaged = saved;
    for _ in 0..=choices.below(4) {
        let place = usize::from(choices.short()) % damaged.len();
        damaged[place] = choices.byte();
    }
    damaged.truncate(damaged.len() - choices.below(4));
    if let Ok(mut state) = State::load(config(), &damaged) {
        state.snapshot();
        drop(State::load(config(), &state.save()).expect("it was saved so"));
    }
}
