use super::*;
use crate::source::file::tracked::QUIET_MILLIS;

/// Looks and their times are plain numbers here: `(path, inode, bytes, modified in seconds)`.
type Shown = (&'static str, u64, u64, i64);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn stat((_, inode, bytes, modified): Shown) -> Stat {
    Stat { node: Node { device: 1, inode }, bytes, modified: modified * 1_000_000_000 }
}

fn look(tracker: &mut Tracker, shown: &[Shown], held: &[(Serial, Shown)], seconds: i64) {
    let sighting = |shown: &Shown| Sighting {
        path: shown.0.into(),
        stat: stat(*shown),
        entry: 0,
        follow: true,
    };
    let sightings = shown.iter().map(sighting).collect();
    let held =
        |serial| held.iter().find(|(other, _)| *other == serial).map(|(_, shown)| stat(*shown));
    tracker.look(sightings, held, true, at(seconds));
}

fn tracker() -> Tracker {
    Tracker::new(Memory::new([], at(0)))
}

fn mark(text: &str) -> Mark {
    Mark::default().advance(text.as_bytes(), 1, false)
}

/// Reads everything that is due, in order; the mark of each file is that of its path.
fn read(tracker: &mut Tracker, seconds: i64) -> Vec<String> {
    let mut order = Vec::new();
    while let Some(serial) = tracker.next() {
        let path = tracker.get(serial).path.display().to_string();
        tracker.verified(serial);
        tracker.advance(serial, mark(&path), 0);
        tracker.end(serial, false, false, at(seconds));
        order.push(path);
    }
    order
}

#[test]
fn history_comes_before_news_and_only_what_changed_is_read_again() {
    let mut tracker = tracker();
    look(&mut tracker, &[("a", 1, 10, 30), ("b", 2, 10, 10), ("c", 3, 10, 20)], &[], 100);
    assert_eq!(read(&mut tracker, 100), ["b", "c", "a"]);
    look(&mut tracker, &[("a", 1, 10, 30), ("b", 2, 10, 10), ("c", 3, 12, 101)], &[], 101);
    assert_eq!(read(&mut tracker, 101), ["c"]);
    // The same size, written anew.
    look(&mut tracker, &[("a", 1, 10, 102), ("b", 2, 10, 10), ("c", 3, 12, 101)], &[], 102);
    let a = tracker.next().unwrap();
    assert!(tracker.get(a).unverified, "its content must be held against the mark");
}

#[test]
fn a_renamed_file_goes_on_under_its_new_name_and_before_the_one_in_its_place() {
    let mut tracker = tracker();
    look(&mut tracker, &[("log", 1, 10, 50)], &[], 100);
    assert_eq!(read(&mut tracker, 100), ["log"]);
    look(&mut tracker, &[("log", 2, 5, 101), ("log.1", 1, 20, 101)], &[], 101);
    assert_eq!(read(&mut tracker, 101), ["log.1", "log"]);
    assert_eq!(tracker.files().count(), 2);
}

#[test]
fn a_file_that_is_gone_is_read_while_it_is_held_and_until_it_has_been_quiet() {
    let mut tracker = tracker();
    look(&mut tracker, &[("log", 1, 10, 50)], &[], 100);
    assert_eq!(read(&mut tracker, 100), ["log"]);
    let gone = tracker.files().next().unwrap().0;
    // Renamed to where nobody looks; its writer still has it and writes.
    look(&mut tracker, &[("log", 2, 5, 101)], &[(gone, ("log", 1, 20, 101))], 101);
    assert_eq!(read(&mut tracker, 101), ["log", "log"]);
    let quiet = 101 + QUIET_MILLIS / 1000;
    look(&mut tracker, &[("log", 2, 5, 101)], &[(gone, ("log", 1, 20, 101))], quiet - 1);
    assert_eq!(read(&mut tracker, quiet - 1), [""; 0]);
    look(&mut tracker, &[("log", 2, 5, 101)], &[(gone, ("log", 1, 20, 101))], quiet);
    assert_eq!(tracker.next(), Some(gone));
    assert!(tracker.get(gone).is_final(false, at(quiet)), "what is left is its last line");
    read(&mut tracker, quiet);
    assert!(!tracker.has(gone));
    assert_eq!(tracker.candidates(99, b"log").len(), 2, "its mark is remembered");
}

#[test]
fn a_place_that_cannot_be_seen_makes_no_file_gone() {
    let mut tracker = tracker();
    look(&mut tracker, &[("log", 1, 10, 50)], &[], 100);
    read(&mut tracker, 100);
    tracker.look(Vec::new(), |_| None, false, at(101));
    assert_eq!(tracker.files().count(), 1);
    tracker.look(Vec::new(), |_| None, true, at(102));
    assert_eq!(tracker.files().count(), 0);
}

#[test]
fn a_copy_waits_for_its_original_and_takes_over_the_mark_of_one_that_is_gone() {
    let mut tracker = tracker();
    look(&mut tracker, &[("log", 1, 3, 50)], &[], 100);
    read(&mut tracker, 100);
    let original = tracker.next_serial - 1;
    look(&mut tracker, &[("log", 1, 6, 101), ("copy", 2, 3, 101)], &[], 101);
    let copy = tracker.next_serial - 1;
    let owners = |tracker: &Tracker| -> Vec<_> {
        tracker.candidates(copy, b"log").into_iter().map(|(owner, _)| owner).collect()
    };
    assert_eq!(owners(&tracker), [Owner::Live(original)]);
    let identity = tracker.identify(copy, &[Owner::Live(original)]);
    assert_eq!(identity, Identity::Behind(original), "its original has more to read");
    tracker.park(copy, Phase::Behind(original));
    read(&mut tracker, 101);
    look(&mut tracker, &[("log", 1, 6, 101), ("copy", 2, 3, 101)], &[], 102);
    assert_eq!(tracker.next(), Some(copy));
    let identity = tracker.identify(copy, &[Owner::Live(original)]);
    assert_eq!(identity, Identity::Copy(mark("log")));
    let key = tracker.get(original).key;
    tracker.restart(original, at(103));
    assert_eq!(owners(&tracker), [Owner::Gone(key)]);
    assert_eq!(tracker.identify(copy, &[Owner::Gone(key)]), Identity::Known);
    assert_eq!((tracker.get(copy).key, &tracker.get(copy).mark), (key, &mark("log")));
}

#[test]
fn a_compressed_file_that_was_read_to_its_end_is_not_opened_again_after_a_restart() {
    let shown = ("log.gz", 1, 10, 50);
    let mut sealed = mark("log");
    sealed.sealed = Some(stat(shown));
    let mut tracker = Tracker::new(Memory::new([(7, sealed.clone())], at(100)));
    look(&mut tracker, &[shown], &[], 100);
    assert_eq!(tracker.next(), None);
    let (_, file) = tracker.files().next().unwrap();
    assert_eq!((file.key, &file.mark), (7, &sealed));
    // One byte more and it is another matter.
    let mut tracker = Tracker::new(Memory::new([(7, sealed)], at(100)));
    look(&mut tracker, &[("log.gz", 1, 11, 50)], &[], 100);
    assert!(tracker.next().is_some());
}
