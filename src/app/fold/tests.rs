use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64};

use tokio::sync::oneshot;

use super::*;
use crate::app::simulation::disk::{Platter, Trouble};
use crate::engine::Config;
use crate::event::{AuthEvent, Body, EventId, Novel, Source};
use crate::journal::{self, Delivery, Disk};
use crate::signal::ClosedWindow;
use crate::store::checkpoint::Found;

const EPOCH: Timestamp = Timestamp::from_millis(1_760_000_000_000);

fn config() -> Config {
    Config { window_sinks: vec!["sink".into()], ..Config::default() }
}

fn fold(folder: &Path) -> Fold {
    fold_on(journal::operating_system(), folder)
}

fn fold_on(disk: Arc<dyn Disk>, folder: &Path) -> Fold {
    let (journal, _) =
        Journal::open_on(Arc::clone(&disk), folder, journal::Config::default()).unwrap();
    let (inlet, parcels) = journal::inlet(8);
    Fold {
        state: State::new(config()),
        unsaved: Unsaved::of(&journal),
        journal: Some(journal),
        readers: Vec::new(),
        archived: Arc::new(AtomicU64::new(u64::MAX)),
        place: Place::Folder(disk, folder.to_owned()),
        clock: Clock::starting_at(EPOCH),
        parcels,
        refusals: inlet.refusals(),
        snapshots: watch::channel(Arc::default()).0,
        owed: Vec::new(),
        checkpoint_due: EPOCH.plus_millis(CHECKPOINT_MILLIS),
        refused: None,
        course: Course::default(),
        longest_tick: Duration::ZERO,
        lease: None,
        saving: None,
        saved: None,
        unpublished: None,
    }
}

/// A delivery of one event that happened `age` milliseconds before [`EPOCH`].
fn parcel(age: i64) -> Parcel {
    let event = AuthEvent {
        id: EventId::new("event_1"),
        at: EPOCH.plus_millis(-age),
        name: "user.created".into(),
        body: Body::Other,
        novel: Vec::new(),
    };
    let delivery = Delivery { events: vec![(Source::Push, event)], records: Vec::new() };
    Parcel { delivery, reply: oneshot::channel().0 }
}

fn windows(state: &mut State, now: Timestamp) -> Vec<Arc<ClosedWindow>> {
    state.advance(now);
    state.snapshot().windows
}

#[tokio::test(start_paused = true)]
async fn what_a_slow_disk_holds_back_is_folded_as_a_restart_folds_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut fold = fold(dir.path());
    fold.tick(None);
    // Its window closes two seconds later, while the disk is still at work.
    let syncing = fold.commit(vec![parcel(38_000)]).unwrap();
    tokio::time::advance(Duration::from_secs(5)).await;
    fold.tick(Some(syncing.stamp));
    let journal = settle(&mut fold.state, syncing.thread.await.unwrap(), &mut fold.owed);
    let end = EPOCH.plus_millis(120_000);
    let lived = windows(&mut fold.state, end);

    let mut restarted = State::new(config());
    for (position, entry) in journal.reader(0).next_batch().unwrap() {
        restarted.apply(position, &entry);
    }
    assert_eq!(lived.len(), 2, "the event's own window, and that of its arrival");
    assert_eq!(lived, windows(&mut restarted, end));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_of_new_events_is_in_the_journal_once_for_a_batch() {
    let dir = tempfile::tempdir().unwrap();
    let mut fold = fold(dir.path());
    let strange = |id: &str| {
        let mut parcel = parcel(0);
        let (_, event) = &mut parcel.delivery.events[0];
        event.id = EventId::new(id);
        event.novel = vec![(Novel::Field, "data.flow".into())];
        parcel
    };
    let syncing = fold.commit(vec![strange("a"), strange("b"), strange("a")]).unwrap();
    let journal = settle(&mut fold.state, syncing.thread.await.unwrap(), &mut fold.owed);
    assert_eq!(fold.state.snapshot().novel[1], (Novel::Field, 2));
    let entries = journal.reader(0).next_batch().unwrap();
    let novel = entries.iter().filter(|(_, entry)| matches!(entry.record, Record::Novel(_)));
    assert_eq!(novel.count(), 1);
    let mut restarted = State::new(config());
    for (position, entry) in entries {
        restarted.apply(position, &entry);
    }
    assert_eq!(restarted.snapshot().novel, fold.state.snapshot().novel);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_set_back_stamps_nothing_with_a_time_that_has_passed() {
    let dir = tempfile::tempdir().unwrap();
    let mut fold = fold(dir.path());
    let passed = EPOCH.plus_millis(3_600_000);
    fold.state.advance(passed);
    let syncing = fold.commit(vec![parcel(0)]).unwrap();
    assert_eq!(syncing.stamp, passed);
    let Synced { commit, .. } = syncing.thread.await.unwrap();
    assert_eq!(commit.entries[0].received_at, passed);
}

#[test]
fn the_engines_time_waits_for_a_batch_however_long_it_takes() {
    let at = |millis| EPOCH.plus_millis(millis);
    let cases = [
        (5_000, None, 5_000),
        (5_000, Some(5_000), 5_000),
        (5_000, Some(1_000), 1_000),
        (3_600_000, Some(1_000), 1_000),
        // The clock was set back meanwhile.
        (500, Some(1_000), 500),
    ];
    for (now, stamp, want) in cases {
        assert_eq!(engine_time(at(now), stamp.map(at)), at(want), "{now} {stamp:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn time_does_not_follow_a_clock_that_steps_ahead_before_that_has_lasted() {
    static SKEW: AtomicI64 = AtomicI64::new(0);
    let dir = tempfile::tempdir().unwrap();
    let mut fold = fold(dir.path());
    let start = Instant::now();
    fold.clock = Clock::skewed(EPOCH, start, &SKEW);
    let at = |seconds: i64| EPOCH.plus_millis(seconds * 1000);
    fold.tick(None);
    let mut seen = Vec::new();
    // An hour ahead for six seconds, then for good.
    for second in 1..100 {
        tokio::time::advance(Duration::from_secs(1)).await;
        let skew = if (10..16).contains(&second) || second >= 20 { 3_600_000 } else { 0 };
        SKEW.store(skew, Ordering::Relaxed);
        fold.tick(None);
        if !fold.owed.is_empty() {
            let syncing = fold.commit(Vec::new()).unwrap();
            fold.settled(Some(syncing.stamp), syncing.thread.await.unwrap());
        }
        seen.push(fold.state.now());
    }
    for second in 1..80 {
        assert_eq!(seen[second - 1], at(i64::try_from(second).unwrap()));
    }
    assert_eq!(seen[79..], (80..100).map(|second| at(3600 + second)).collect::<Vec<_>>());
    // Nobody listened in the hour that was left out.
    let mut reader = fold.journal.as_ref().unwrap().reader(0);
    let entries = std::iter::from_fn(|| Some(reader.next_batch().unwrap()));
    let entries: Vec<_> = entries.take_while(|batch| !batch.is_empty()).flatten().collect();
    let resumed = entries.iter().filter(|(_, entry)| entry.record == Record::Resumed);
    let resumed: Vec<_> = resumed.map(|(_, entry)| entry.received_at).collect();
    assert_eq!(resumed, [at(3680)]);
}

#[tokio::test(start_paused = true)]
async fn on_a_full_disk_time_stands_though_small_records_fit_and_goes_on_when_there_is_room() {
    let platter = Platter::new(fastrand::Rng::with_seed(1));
    let mut fold = fold_on(platter.mount(), "/data".as_ref());
    fold.tick(None);
    let refused = fold.state.now();
    // A block that is not full yet.
    platter.trouble(Trouble { room: Some(platter.bytes() + 80), ..Trouble::default() });
    let mut large = parcel(0);
    large.delivery.events[0].1.name = "n".repeat(200).into();
    let commit = async |fold: &mut Fold, parcels| {
        let syncing = fold.commit(parcels).unwrap();
        fold.settled(Some(syncing.stamp), syncing.thread.await.unwrap());
    };
    commit(&mut fold, vec![large]).await;
    for _ in 0..100 {
        tokio::time::advance(Duration::from_secs(1)).await;
        fold.tick(None);
        fold.owe(Record::Reached);
        commit(&mut fold, Vec::new()).await;
        assert_eq!(fold.state.now(), refused);
        assert_eq!(fold.snapshots.borrow().now, refused, "whoever looks sees that time stands");
    }
    platter.trouble(Trouble::default());
    fold.tick(None);
    commit(&mut fold, vec![parcel(0)]).await;
    assert_eq!(fold.state.now(), EPOCH.plus_millis(100_000));
    let entries = fold.journal.as_ref().unwrap().reader(0).next_batch().unwrap();
    let records: Vec<_> = entries.into_iter().map(|(_, entry)| entry.record).collect();
    assert_eq!(records[0], Record::Resumed, "{records:?}");
    assert!(matches!(records[1], Record::Event { .. }), "{records:?}");
    assert_eq!(fold.refused, None);
}

#[tokio::test(start_paused = true)]
async fn an_incident_that_time_brings_is_published_when_a_restart_would_find_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut fold = fold(dir.path());
    let published = fold.snapshots.subscribe();
    let mut reader = fold.journal.as_ref().unwrap().reader(0);
    // `Watchdog` fires with the first second.
    fold.tick(None);
    assert_eq!(fold.owed, [Record::Reached]);
    assert!(published.borrow().incidents.is_empty());
    let syncing = fold.commit(Vec::new()).unwrap();
    fold.settled(Some(syncing.stamp), syncing.thread.await.unwrap());
    let told = published.borrow().incidents[0].fired_at;
    let mut restarted = State::new(config());
    for (position, entry) in reader.next_batch().unwrap() {
        restarted.apply(position, &entry);
    }
    assert_eq!(restarted.snapshot().incidents[0].fired_at, told);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_checkpoint_and_what_comes_meanwhile_is_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut fold = fold(dir.path());
    let first = fold.commit(vec![parcel(0)]).unwrap();
    fold.settled(Some(first.stamp), first.thread.await.unwrap());
    fold.save();
    let mut second = parcel(0);
    second.delivery.events[0].1.id = EventId::new("event_2");
    let second = fold.commit(vec![second]).unwrap();
    fold.settled(Some(second.stamp), second.thread.await.unwrap());
    assert_eq!(fold.state.position(), 2);
    assert_eq!(fold.saving.take().unwrap().await.unwrap(), Saved::UpTo(1));

    let restarted = fold.place.read(&config()).unwrap();
    let Found::State(mut restarted) = restarted else { panic!("{restarted:?}") };
    let rest = fold.journal.as_ref().unwrap().reader(restarted.position()).next_batch().unwrap();
    assert_eq!(rest.len(), 1, "the checkpoint has the first");
    for (position, entry) in rest {
        restarted.apply(position, &entry);
    }
    let end = EPOCH.plus_millis(120_000);
    assert_eq!(windows(&mut restarted, end), windows(&mut fold.state, end));
}

#[tokio::test(start_paused = true)]
async fn the_journal_gives_up_what_the_checkpoint_has_and_no_sink_reads_when_it_is_at_rest() {
    let dir = tempfile::tempdir().unwrap();
    let mut fold = fold(dir.path());
    let batch = fold.commit(vec![parcel(0)]).unwrap();
    fold.settled(Some(batch.stamp), batch.thread.await.unwrap());
    // Another file begins.
    tokio::time::advance(Duration::from_hours(400 * 24)).await;
    let mut second = parcel(0);
    second.delivery.events[0].1.id = EventId::new("event_2");
    let batch = fold.commit(vec![second]).unwrap();
    fold.settled(Some(batch.stamp), batch.thread.await.unwrap());
    let first = |fold: &Fold| match &fold.journal {
        Some(Journal::Embedded(journal)) => journal.first_position(),
        other => panic!("{other:?}"),
    };
    fold.saved = Some(Saved::Failed);
    fold.trim().await;
    assert_eq!(first(&fold), 0, "without a checkpoint a restart reads it");
    fold.readers = vec!["sink"];
    fold.saved = Some(Saved::UpTo(1));
    fold.trim().await;
    assert_eq!(first(&fold), 0, "a sink has yet to read it");
    fold.readers.clear();
    fold.saved = Some(Saved::UpTo(1));
    let journal = fold.journal.take();
    fold.trim().await;
    assert!(fold.saved.is_some(), "it waits for the journal");
    fold.journal = journal;
    fold.trim().await;
    assert_eq!(first(&fold), 1);
}

#[tokio::test(start_paused = true)]
async fn on_a_full_disk_the_checkpoint_is_written_into_the_room_that_is_kept_for_it() {
    let platter = Platter::new(fastrand::Rng::with_seed(1));
    let folder = Path::new("/data");
    let mounted = platter.mount();
    let disk = || Arc::clone(&mounted);
    let mut fold = fold_on(disk(), folder);
    fold.place.keep_room(0);
    let batch = fold.commit(vec![parcel(0)]).unwrap();
    fold.settled(Some(batch.stamp), batch.thread.await.unwrap());
    for _ in 0..3 {
        platter.trouble(Trouble { room: Some(platter.bytes()), ..Trouble::default() });
        fold.save();
        let saved = fold.saving.take().unwrap().await.unwrap();
        assert_eq!(saved, Saved::NoRoom);
        fold.saved = Some(saved);
        fold.trim().await;
        let found = fold.place.read(&config()).unwrap();
        let Found::State(state) = found else { panic!("{found:?}") };
        assert_eq!(state.position(), 1);
        // It is kept again, and nothing lies about.
        let disk = disk();
        assert!(disk.length(&folder.join("room")).unwrap() > 8_000_000);
        assert!(!disk.names(folder).unwrap().contains(&"checkpoint.new".into()));
    }
}

#[tokio::test(start_paused = true)]
async fn what_came_twice_is_counted_with_the_source_that_brought_it_again() {
    let dir = tempfile::tempdir().unwrap();
    for source in Source::ALL {
        let mut fold = fold(dir.path());
        let again = || {
            let mut parcel = parcel(0);
            parcel.delivery.events[0].0 = source;
            parcel
        };
        let Commit { entries, .. } = Commit::gather(
            &fold.state,
            vec![again(), again()],
            std::mem::take(&mut fold.owed),
            EPOCH,
        );
        let counted = entries.iter().find_map(|entry| match &entry.record {
            Record::Refused { source, duplicates, .. } => Some((*source, *duplicates)),
            _ => None,
        });
        assert_eq!(counted, Some((source, 1)));
    }
}
