//! What is broken costs what is broken.

use super::*;

#[test]
fn a_tail_cut_or_flipped_at_any_byte_costs_only_the_frame_that_it_hits() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Config::default()).unwrap();
    journal.append(&entries(0..2)).unwrap();
    let good = journal.bytes();
    journal.append(&entries(2..4)).unwrap();
    drop(journal);
    let path = newest_segment(dir.path());
    let whole = std::fs::read(&path).unwrap();
    for place in usize::try_from(good).unwrap()..whole.len() {
        let mut flipped = whole.clone();
        flipped[place] ^= 0x40;
        for damaged in [&whole[..place], &flipped[..]] {
            std::fs::write(&path, damaged).unwrap();
            let (mut journal, recovery) = Journal::open(dir.path(), Config::default()).unwrap();
            assert_eq!(recovery.cut_bytes, damaged.len() as u64 - good, "byte {place}");
            assert_eq!(journal.append(&entries(2..3)).unwrap(), 2);
            assert_eq!(marks(&journal, 0), same(0..3));
        }
    }
}

#[test]
fn a_bit_that_flips_anywhere_in_the_middle_costs_the_frame_that_it_hits_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Config::default()).unwrap();
    journal.append(&entries(0..2)).unwrap();
    let from = usize::try_from(journal.bytes()).unwrap();
    journal.append(&entries(2..5)).unwrap();
    let to = usize::try_from(journal.bytes()).unwrap();
    for n in [5..6, 6..9] {
        journal.append(&entries(n)).unwrap();
    }
    drop(journal);
    let path = newest_segment(dir.path());
    let whole = std::fs::read(&path).unwrap();
    let left: Vec<_> = same(0..2).into_iter().chain(same(5..9)).collect();
    for (place, bit) in (from..to).flat_map(|place| [(place, 0x40), (place, 0x01)]) {
        let mut flipped = whole.clone();
        flipped[place] ^= bit;
        // A crash has left half a frame behind all.
        flipped.extend([0x40, 0, 0, 0, 1]);
        std::fs::write(&path, &flipped).unwrap();
        let (mut journal, recovery) = Journal::open(dir.path(), Config::default()).unwrap();
        let aside = path.with_extension(format!("{from}.corrupt"));
        assert_eq!(std::fs::read(&aside).unwrap(), flipped[from..to], "byte {place}");
        let bytes = from as u64..to as u64;
        let broken = Broken { entries: 2..5, path: path.clone(), bytes, aside: Some(aside) };
        assert_eq!((recovery.broken, recovery.cut_bytes), (vec![broken], 5), "byte {place}");
        assert_eq!(marks(&journal, 0), left, "byte {place}");
        let mut reader = journal.reader(3);
        assert_eq!((reader.next_batch().unwrap()[0].0, reader.take_skipped()), (5, 2));
        // What is lost is not given again, and what comes goes into another file.
        assert_eq!(journal.append(&entries(9..10)).unwrap(), 9);
        assert_ne!(newest_segment(dir.path()), path);
        drop(journal);
        // It is told once.
        let (journal, recovery) = Journal::open(dir.path(), Config::default()).unwrap();
        assert_eq!(recovery, Recovery::default());
        assert_eq!(marks(&journal, 9), same(9..10));
        drop(journal);
        std::fs::remove_file(newest_segment(dir.path())).unwrap();
    }
}

#[test]
fn several_broken_frames_are_stepped_over_in_an_old_file_too() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Config::default()).unwrap();
    let mut ends = vec![journal.bytes()];
    for n in 0..6 {
        journal.append(&entries(n..n + 1)).unwrap();
        ends.push(journal.bytes());
    }
    let path = newest_segment(dir.path());
    journal.rotate().unwrap();
    journal.append(&entries(6..7)).unwrap();
    drop(journal);
    let mut bytes = std::fs::read(&path).unwrap();
    // Two that follow one another, the first in its length; one alone; and the last.
    for frame in [1, 2, 4, 5] {
        let begin = usize::try_from(ends[frame]).unwrap();
        bytes[begin + if frame == 1 { 0 } else { 20 }] ^= 0x04;
    }
    std::fs::write(&path, bytes).unwrap();
    let (journal, recovery) = Journal::open(dir.path(), Config::default()).unwrap();
    assert_eq!(recovery, Recovery::default(), "nothing is cut off, and the newest file is whole");
    let mut reader = journal.reader(0);
    let mut found = Vec::new();
    loop {
        let batch = reader.next_batch().unwrap();
        if batch.is_empty() {
            break;
        }
        found.extend(batch.into_iter().map(|(position, _)| position));
    }
    assert_eq!((found, reader.take_skipped()), (vec![0, 3, 6], 4));
}

#[test]
fn a_crash_while_a_segment_is_made_leaves_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(format!("{:020}.journal", 0)), b"sso").unwrap();
    let (mut journal, recovery) = Journal::open(dir.path(), Config::default()).unwrap();
    assert_eq!(recovery.cut_bytes, 3);
    journal.append(&entries(0..1)).unwrap();
    assert_eq!(marks(&journal, 0), same(0..1));
}

#[test]
fn damage_in_an_old_segment_is_stepped_over_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Config::default()).unwrap();
    journal.append(&entries(0..2)).unwrap();
    let path = newest_segment(dir.path());
    journal.rotate().unwrap();
    journal.append(&entries(2..4)).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let mut reader = journal.reader(0);
    let batch = reader.next_batch().unwrap();
    assert_eq!((batch[0].0, batch.len(), reader.take_skipped()), (2, 2, 2));
}

#[test]
fn a_damaged_header_costs_nothing_and_another_version_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Config::default()).unwrap();
    journal.append(&entries(0..3)).unwrap();
    drop(journal);
    let path = newest_segment(dir.path());
    let whole = std::fs::read(&path).unwrap();
    let mut bytes = whole.clone();
    bytes[..20].fill(0xa5);
    std::fs::write(&path, &bytes).unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Config::default()).unwrap();
    journal.append(&entries(3..4)).unwrap();
    assert_eq!(marks(&journal, 0), same(0..4));
    drop(journal);
    // With no frame behind it, it is begun anew, and what was there is kept.
    std::fs::write(&path, &bytes[..25]).unwrap();
    let (mut journal, recovery) = Journal::open(dir.path(), Config::default()).unwrap();
    assert_eq!(recovery.cut_bytes, 25);
    assert_eq!(std::fs::read(path.with_extension("corrupt")).unwrap(), bytes[..25]);
    journal.append(&entries(0..1)).unwrap();
    drop(journal);
    // Cut within the version, with garbage behind: that is no version.
    let garbled = [&whole[..9], &[0x5a; 30]].concat();
    std::fs::write(&path, &garbled).unwrap();
    let (mut journal, recovery) = Journal::open(dir.path(), Config::default()).unwrap();
    assert_eq!(recovery.cut_bytes, 39);
    journal.append(&entries(0..1)).unwrap();
    drop(journal);
    let mut bytes = whole;
    bytes[8] += 1;
    std::fs::write(&path, &bytes).unwrap();
    let error = Journal::open(dir.path(), Config::default()).unwrap_err();
    assert!(error.to_string().contains("has format version 2, this build reads 1"), "{error}");
}

#[test]
fn a_frame_that_does_not_follow_the_one_before_is_damage_though_its_checksum_is_right() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Config::default()).unwrap();
    journal.append(&entries(0..3)).unwrap();
    drop(journal);
    let path = newest_segment(dir.path());
    let mut bytes = std::fs::read(&path).unwrap();
    // A block of another place in the file, as a file system may give back after a power cut.
    bytes.extend(frame::encode(1, &entries(1..2)));
    std::fs::write(&path, &bytes).unwrap();
    let (mut journal, recovery) = Journal::open(dir.path(), Config::default()).unwrap();
    assert!(recovery.cut_bytes > 0);
    assert_eq!(journal.append(&entries(3..4)).unwrap(), 3);
    assert_eq!(marks(&journal, 0), same(0..4));
}
