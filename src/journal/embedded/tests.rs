mod damage;

use super::*;
use crate::event::{Record, Timestamp};

fn entry(n: u64) -> Entry {
    let record = Record::Sent { sink: "test".into(), mark: n };
    Entry { received_at: Timestamp::from_millis(i64::try_from(n).unwrap() * 1000), record }
}

fn entries(range: std::ops::Range<u64>) -> Vec<Entry> {
    range.map(entry).collect()
}

fn marks(journal: &Journal, from: u64) -> Vec<(u64, u64)> {
    let mut reader = journal.reader(from);
    let mut found = Vec::new();
    loop {
        let batch = reader.next_batch().unwrap();
        if batch.is_empty() {
            return found;
        }
        found.extend(batch.into_iter().map(|(position, entry)| match entry.record {
            Record::Sent { mark, .. } => (position, mark),
            _ => unreachable!(),
        }));
    }
}

fn same(range: std::ops::Range<u64>) -> Vec<(u64, u64)> {
    range.map(|n| (n, n)).collect()
}

fn newest_segment(folder: &Path) -> PathBuf {
    segment::list(&*crate::journal::operating_system(), folder).unwrap().pop().unwrap().path
}

#[test]
fn what_was_appended_is_read_in_order_from_any_position_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Config::default()).unwrap();
    assert_eq!(journal.append(&entries(0..3)).unwrap(), 0);
    assert_eq!(journal.append(&entries(3..4)).unwrap(), 3);
    drop(journal);
    let (mut journal, recovery) = Journal::open(dir.path(), Config::default()).unwrap();
    assert_eq!(recovery, Recovery::default());
    assert_eq!(journal.append(&entries(4..6)).unwrap(), 4);
    assert_eq!(marks(&journal, 0), same(0..6));
    assert_eq!(marks(&journal, 2), same(2..6));
    assert_eq!(marks(&journal, 6), []);
}

#[test]
fn a_second_daemon_on_the_same_folder_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let _first = Journal::open(dir.path(), Config::default()).unwrap();
    let error = Journal::open(dir.path(), Config::default()).unwrap_err();
    assert!(error.to_string().contains("in use by another ssowatch"), "{error}");
}

#[test]
fn old_segments_go_by_age_unless_they_are_needed_and_by_size_even_then() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { retention: Period::from_secs(10), ..Config::default() };
    let (mut journal, _) = Journal::open(dir.path(), config).unwrap();
    for n in 0..3 {
        journal.append(&entries(n..n + 1)).unwrap();
        journal.rotate().unwrap();
    }
    let now = Timestamp::from_millis(12_500);
    assert_eq!(journal.trim(Some(3), 1, now).unwrap(), 0);
    assert_eq!(journal.first_position(), 1);
    assert_eq!(journal.trim(Some(9), 9, now).unwrap(), 0);
    assert_eq!(journal.first_position(), 3);
    let mut reader = journal.reader(0);
    journal.append(&entries(3..4)).unwrap();
    assert_eq!(reader.next_batch().unwrap().len(), 1);
    assert_eq!(reader.take_skipped(), 3);
    // Over its size, needed entries go too, and are reported.
    journal.rotate().unwrap();
    journal.config.max_bytes = ByteSize::from_bytes(1);
    assert_eq!(journal.trim(Some(9), 0, now).unwrap(), 1);
}

#[test]
fn what_no_checkpoint_has_stays_whatever_the_size_and_then_nothing_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Config::default()).unwrap();
    for n in 0..3 {
        journal.append(&entries(n..n + 1)).unwrap();
        journal.rotate().unwrap();
    }
    // The checkpoint of the start has the first one.
    journal.skip_to(1).unwrap();
    journal.config.max_bytes = ByteSize::from_bytes(1);
    let now = Timestamp::from_millis(2_000);
    assert_eq!(journal.trim(None, u64::MAX, now).unwrap(), 0);
    assert_eq!(marks(&journal, 0), same(1..3));
    for entries in [entries(3..4), Vec::new()] {
        let error = journal.append(&entries).unwrap_err();
        assert_eq!(error.reason(), "full");
        assert!(error.to_string().contains("larger than `journal.embedded.max_bytes`"), "{error}");
    }
    // A checkpoint could be written that does not have it all: it goes on.
    journal.trim(Some(2), u64::MAX, now).unwrap();
    assert_eq!(marks(&journal, 0), same(2..3));
    journal.config.max_bytes = Config::default().max_bytes;
    journal.append(&entries(3..4)).unwrap();
    // None could be written, and it is not too large.
    journal.trim(None, u64::MAX, now).unwrap();
    journal.append(&entries(4..5)).unwrap();
    // What one has whole goes with the size, also where nothing comes that would begin another segment.
    journal.config.max_bytes = ByteSize::from_bytes(1);
    assert_eq!(journal.trim(Some(5), u64::MAX, now).unwrap(), 0);
    assert_eq!((journal.first_position(), journal.next_position()), (5, 5));
}

#[test]
fn neither_retention_nor_size_is_missed_by_more_than_a_quarter() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { retention: Period::from_secs(80), ..Config::default() };
    let (mut journal, _) = Journal::open(dir.path(), config).unwrap();
    for second in 0..200 {
        journal.append(&entries(second..second + 1)).unwrap();
        let at = i64::try_from(second).unwrap() * 1000;
        journal.trim(Some(u64::MAX), u64::MAX, Timestamp::from_millis(at)).unwrap();
        let kept = second - journal.first_position();
        assert!(second < 80 || (80..=101).contains(&kept), "{second}: {kept}");
    }
    // Nothing comes any more.
    for _ in 0..2 {
        journal.trim(Some(u64::MAX), u64::MAX, Timestamp::from_millis(300_000)).unwrap();
    }
    assert_eq!(journal.first_position(), 200);
    drop(journal);

    let dir = tempfile::tempdir().unwrap();
    let config = Config { max_bytes: ByteSize::from_bytes(1 << 20), ..Config::default() };
    let (mut journal, _) = Journal::open(dir.path(), config).unwrap();
    for n in 0..40 {
        journal.append(&entries(n * 5000..n * 5000 + 5000)).unwrap();
        journal.trim(Some(u64::MAX), 0, Timestamp::default()).unwrap();
        assert!(journal.bytes() <= 1 << 20, "{n}: {}", journal.bytes());
    }
    assert!(journal.first_position() > 0 && journal.bytes() > 1 << 19);
}

#[test]
fn a_position_that_the_checkpoint_has_seen_is_not_given_again() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Config::default()).unwrap();
    journal.append(&entries(0..3)).unwrap();
    assert_eq!(journal.skip_to(3).unwrap(), 0);
    assert_eq!(journal.skip_to(5).unwrap(), 2);
    assert_eq!(journal.append(&entries(5..6)).unwrap(), 5);
    drop(journal);
    let (journal, _) = Journal::open(dir.path(), Config::default()).unwrap();
    assert_eq!(journal.next_position(), 6);
    let mut reader = journal.reader(3);
    assert_eq!((reader.next_batch().unwrap()[0].0, reader.take_skipped()), (5, 2));
}

#[test]
fn another_format_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), Config::default()).unwrap();
    drop(journal);
    let path = newest_segment(dir.path());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8] = 9;
    std::fs::write(&path, &bytes).unwrap();
    let error = Journal::open(dir.path(), Config::default()).unwrap_err();
    assert!(error.to_string().contains("format version 9"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

/// The operating system's disk, of which the next so many syncs fail.
#[derive(Debug)]
struct Failing(Arc<dyn Disk>, Arc<AtomicU64>);

/// In place of how many syncs fail: there is no room.
const FULL: u64 = u64::MAX;

#[derive(Debug)]
struct FailingFile(Box<dyn Append>, Arc<AtomicU64>);

impl Append for FailingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        let left = self.1.load(Ordering::Relaxed);
        if left == FULL {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if left > 0 {
            self.1.store(left - 1, Ordering::Relaxed);
            return Err(io::Error::other("input/output error"));
        }
        self.0.sync()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.0.cut(length)
    }
}

impl Disk for Failing {
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        self.0.make_folder(folder)
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.0.names(folder)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        self.0.lock(path)
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        self.0.length(path)
    }

    fn read(&self, path: &Path, offset: u64) -> io::Result<Box<dyn io::Read + Send>> {
        self.0.read(path, offset)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        Ok(Box::new(FailingFile(self.0.create(path)?, Arc::clone(&self.1))))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        Ok(Box::new(FailingFile(self.0.append(path)?, Arc::clone(&self.1))))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.0.sync_folder(folder)
    }
}

#[test]
fn a_failed_sync_is_undone_and_until_then_nothing_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let fails = Arc::new(AtomicU64::new(0));
    let disk = Arc::new(Failing(crate::journal::operating_system(), Arc::clone(&fails)));
    let (mut journal, _) = Journal::open_on(disk, dir.path(), Config::default()).unwrap();
    journal.append(&entries(0..2)).unwrap();
    // Undone at once: the sync fails, that of the cut does not.
    fails.store(1, Ordering::Relaxed);
    journal.append(&entries(7..9)).unwrap_err();
    assert!(!journal.is_unsettled());
    assert_eq!(journal.append(&entries(2..3)).unwrap(), 2);
    // Neither can be synced, and the next try cannot either.
    fails.store(3, Ordering::Relaxed);
    journal.append(&entries(7..9)).unwrap_err();
    assert!(journal.is_unsettled());
    let error = journal.append(&entries(7..9)).unwrap_err();
    assert!(error.to_string().starts_with("cannot cut "), "{error}");
    // To append nothing mends it.
    assert_eq!(journal.append(&[]).unwrap(), 3);
    assert!(!journal.is_unsettled());
    journal.append(&entries(3..4)).unwrap();
    drop(journal);
    let (journal, recovery) = Journal::open(dir.path(), Config::default()).unwrap();
    assert_eq!(recovery, Recovery::default());
    assert_eq!(marks(&journal, 0), same(0..4));
}

#[test]
fn on_a_full_disk_what_the_checkpoint_has_goes_though_no_other_segment_can_be_begun() {
    let (dir, failing) = (tempfile::tempdir().unwrap(), Arc::new(AtomicU64::new(0)));
    let disk = Failing(crate::journal::operating_system(), Arc::clone(&failing));
    let (mut journal, _) = Journal::open_on(Arc::new(disk), dir.path(), Config::default()).unwrap();
    for n in 0..3 {
        journal.append(&entries(n..n + 1)).unwrap();
        if n < 2 {
            journal.rotate().unwrap();
        }
    }
    journal.config.max_bytes = ByteSize::from_bytes(1);
    failing.store(FULL, Ordering::Relaxed);
    let now = Timestamp::from_millis(3_000);
    assert_eq!(journal.trim(Some(3), u64::MAX, now).unwrap(), 0);
    assert_eq!(marks(&journal, 0), same(2..3));
    // There is room now.
    failing.store(0, Ordering::Relaxed);
    assert_eq!(journal.trim(Some(3), u64::MAX, now).unwrap(), 0);
    assert_eq!(marks(&journal, 0), []);
}

#[test]
fn on_a_full_disk_nothing_is_taken_before_there_is_room_for_what_was_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), Config::default()).unwrap();
    journal.append(&entries(0..1)).unwrap();
    // What the disk said to a batch of 300 bytes.
    journal.refused_bytes = 300;
    let bytes = journal.bytes();
    assert_eq!(journal.append(&[]).unwrap(), 1, "there is room");
    assert_eq!((journal.refused_bytes, journal.bytes()), (0, bytes));
    journal.append(&entries(1..2)).unwrap();
    drop(journal);
    let (journal, recovery) = Journal::open(dir.path(), Config::default()).unwrap();
    assert_eq!(recovery, Recovery::default(), "what was tried is gone");
    assert_eq!(marks(&journal, 0), same(0..2));
}
