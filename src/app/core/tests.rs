use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use super::*;
use crate::event::{Entry, Timestamp, Told, Treatment};
use crate::journal::{Broken, operating_system};
use crate::outbound::{Answer, Request, SendError};
use crate::store::checkpoint::Place;

/// A data directory as an older build left it when it was killed. One more folder for each new format of journal or entries;
/// those that are there stay.
const LEFT: [&str; 1] = ["1"];

/// What such a directory holds, in words.
fn held(folder: &Path) -> String {
    let config = Config::parse(
        "old.yaml",
        "rules: [ { name: ManyFailures, metric: failures, op: \">\", value: 4, window: 1m, min_attempts: 1 } ]",
        |_| None,
    );
    let mut config = config.unwrap();
    config.data_dir.0 = folder.to_owned();
    let now = "2026-11-29T09:30:00.000Z";
    let clock = Clock::starting_at(Timestamp::parse(now).unwrap());
    let (_, mut state) = recover(&config, clock, &operating_system()).unwrap();
    let snapshot = state.snapshot();
    let mut held = String::new();
    for connection in &snapshot.connections {
        let name = connection.info.as_ref().and_then(|info| info.name.as_deref());
        writeln!(held, "{} {name:?}: {:?}", connection.label(), connection.scope.totals).unwrap();
    }
    for source in &snapshot.sources {
        let rejected: u64 = source.rejected.iter().map(|(_, count)| count).sum();
        let (received, duplicates) = (source.received, source.duplicates);
        if received + duplicates + rejected > 0 {
            writeln!(held, "{:?}: {received} {duplicates} {rejected}", source.source).unwrap();
        }
    }
    for incident in &snapshot.incidents {
        writeln!(held, "{} {:?}", incident.id, incident.state).unwrap();
    }
    for tier in &snapshot.tiers {
        writeln!(
            held,
            "tier {}: {} requests",
            tier.tier,
            tier.requests.iter().map(|(_, count)| count).sum::<u64>()
        )
        .unwrap();
    }
    for (receiver, told) in state.told() {
        writeln!(
            held,
            "{receiver}: {:?}",
            told.iter().map(|(key, (open, _))| (key, open)).collect::<Vec<_>>()
        )
        .unwrap();
    }
    for (key, value) in state.cursors("") {
        writeln!(held, "{key}: {value}").unwrap();
    }
    writeln!(
        held,
        "silences {}, markers {}, position {}, sent {:?}",
        snapshot.silences.len(),
        snapshot.markers.len(),
        state.position(),
        state.sent("datadog_logs")
    )
    .unwrap();
    held
}

#[test]
fn what_an_older_build_left_is_read_with_its_checkpoint_and_without() {
    for name in LEFT {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/data").join(name);
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("journal")).unwrap();
        let journal = "journal/00000000000000000000.journal";
        fs::copy(from.join(journal), folder.path().join(journal)).unwrap();
        insta::assert_snapshot!(name, held(folder.path()));
        fs::copy(from.join("checkpoint"), folder.path().join("checkpoint")).unwrap();
        insta::assert_snapshot!(name, held(folder.path()));
    }
}

#[test]
fn a_checkpoint_of_a_newer_build_is_left_alone_and_nothing_starts() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::parse("a.yaml", "{}", |_| None).unwrap();
    config.data_dir.0 = dir.path().to_owned();
    let disk = operating_system();
    let clock = Clock::starting_at(Timestamp::from_millis(0));
    let (journal, state) = recover(&config, clock, &disk).unwrap();
    drop(journal);
    let mut newer = state.save();
    let marks = u64::from_le_bytes(*newer.first_chunk::<8>().unwrap());
    newer[8 + usize::try_from(marks).unwrap()] = u8::MAX;
    crate::store::checkpoint::write(&*disk, dir.path(), &newer).unwrap();
    let error = recover(&config, clock, &disk).unwrap_err().to_string();
    let path = dir.path().join("checkpoint");
    let want = format!("a newer build wrote the checkpoint in {} (the state has", path.display());
    assert!(error.starts_with(&want) && error.contains("; use that build, or"), "{error}");
    assert_eq!(fs::read(path).unwrap()[12..], newer);
}

/// What `work` gives, behind what it counted.
fn counted<T>(work: impl FnOnce() -> T) -> (String, T) {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let value = metrics::with_local_recorder(&recorder, work);
    (recorder.handle().render(), value)
}

#[test]
fn what_is_missing_between_the_checkpoint_and_the_journal_is_said_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::parse("a.yaml", "{}", |_| None).unwrap();
    config.data_dir.0 = dir.path().to_owned();
    let disk = operating_system();
    let (mut journal, mut state) = read(&config, &disk).unwrap();
    let received_at = Timestamp::from_millis(1_796_000_000_000);
    let cursor = || Record::Cursor { key: "a".into(), value: "b".into() };
    let entry = Entry { received_at, record: cursor() };
    journal.append(std::slice::from_ref(&entry)).unwrap();
    state.apply(0, &entry);
    crate::store::checkpoint::write(&*disk, dir.path(), &state.save()).unwrap();
    // Four entries, in a file that is gone; behind it there is another one.
    journal.skip_to(5).unwrap();
    journal.append(&[entry]).unwrap();
    drop(journal);
    fs::remove_file(dir.path().join("journal/00000000000000000000.journal")).unwrap();
    let (found, state) = counted(|| read(&config, &disk).unwrap().1);
    assert_eq!(state.position(), 6);
    assert!(found.contains("{what=\"journal_gap\"} 1"), "{found}");
    assert!(!found.contains("journal_frame"), "{found}");
    let (entries, detail) = damage::gap(1, 5).unwrap();
    assert_eq!(entries, 4);
    assert!(
        detail
            .starts_with("the checkpoint ends before entry 1 and the journal begins with entry 5"),
        "{detail}"
    );
}

#[test]
fn a_broken_frame_is_said_with_what_it_costs() {
    let broken =
        Broken { entries: 320..330, path: "a.journal".into(), bytes: 100..900, aside: None };
    for (checkpoint, lost, words) in [
        (0, 10, "the checkpoint does not have 10 of them"),
        (329, 1, "the checkpoint does not have 1 of them"),
        (330, 0, "the checkpoint has them"),
        (900, 0, "the checkpoint has them"),
    ] {
        let (count, detail) = damage::frame(&broken, checkpoint);
        assert_eq!(count, lost);
        assert!(
            detail.starts_with(
                "the disk damaged bytes 100 to 899 of a.journal, in which entries 320 to 329 were"
            ),
            "{detail}"
        );
        assert!(detail.contains(words) && !detail.contains("never"), "{detail}");
    }
}

#[test]
fn a_frame_that_breaks_in_the_middle_costs_itself_and_is_counted_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::parse("a.yaml", "{}", |_| None).unwrap();
    config.data_dir.0 = dir.path().to_owned();
    let disk = operating_system();
    let (mut journal, _) = read(&config, &disk).unwrap();
    let received_at = Timestamp::from_millis(1_796_000_000_000);
    for n in 0..3u8 {
        let record = Record::Cursor { key: format!("a{n}").into(), value: "b".into() };
        journal.append(&[Entry { received_at, record }]).unwrap();
    }
    let third = journal.bytes() / 3;
    drop(journal);
    let path = dir.path().join("journal/00000000000000000000.journal");
    let mut bytes = fs::read(&path).unwrap();
    bytes[usize::try_from(third).unwrap() + 20] ^= 0x20;
    fs::write(&path, bytes).unwrap();
    let (found, state) = counted(|| read(&config, &disk).unwrap().1);
    assert!(found.contains("{what=\"journal_frame\"} 1"), "{found}");
    assert!(!found.contains("journal_tail") && !found.contains("journal_gap"), "{found}");
    assert_eq!(state.position(), 3);
    assert_eq!([0, 1, 2].map(|n| state.cursor(&format!("a{n}")).is_some()), [true, false, true]);
}

/// Services that take everything, and what they were sent.
#[derive(Clone, Default)]
struct Services(Arc<Mutex<Vec<String>>>);

impl Transport for Services {
    async fn send(&self, request: &Request) -> Result<Answer, SendError> {
        self.0.lock().unwrap().push(String::from_utf8_lossy(&request.body).into_owned());
        Ok(Answer { status: 202, retry_after: None, body: Vec::new().into() })
    }
}

/// A daemon that finds `records` and runs for some seconds: what it sent, and what a restart finds.
async fn run(yaml: &str, records: Vec<Record>) -> (Vec<String>, State) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::parse("a.yaml", yaml, |_| None).unwrap();
    config.data_dir.0 = folder.path().to_owned();
    let (disk, received_at) = (operating_system(), Timestamp::from_millis(1_796_000_000_000));
    let clock = Clock::starting_at(received_at);
    let (mut journal, _) = read(&config, &disk).unwrap();
    let entry = |record| Entry { received_at, record };
    journal.append(&records.into_iter().map(entry).collect::<Vec<_>>()).unwrap();
    drop(journal);
    let (journal, state) = recover(&config, clock, &disk).unwrap();
    let services = Services::default();
    let network = services.clone();
    let outside = Outside {
        clock,
        place: Place::Folder(Arc::clone(&disk), folder.path().to_owned()),
        network: Arc::new(move |_| network.clone()),
        privacy: Privacy::new(Treatment::Hash, b"key"),
        own: Arc::new(String::new),
        scrape: Arc::new(|| Box::new(std::iter::empty())),
        archived: Arc::new(AtomicU64::new(u64::MAX)),
        publish: watch::channel(Arc::default()).0,
    };
    let core = Core::new(&config, journal, state, outside).unwrap();
    let (mut tasks, (stop, stopped)) = (JoinSet::new(), watch::channel(false));
    let admin = SocketAddr::from(([127, 0, 0, 1], 9470));
    let fold = core.spawn(&config, admin, &mut tasks, &stopped).unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    stop.send_replace(true);
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    fold.await.unwrap();
    let (_, state) = read(&config, &disk).unwrap();
    let sent = std::mem::take(&mut *services.0.lock().unwrap());
    (sent, state)
}

#[tokio::test(start_paused = true)]
async fn where_logs_begin_is_in_the_journal_before_there_is_any() {
    let before = || Record::Cursor { key: "a".into(), value: "b".into() };
    let yaml = "sinks: { datadog: { api_key: k, metrics: false } }";
    let (_, state) = run(yaml, vec![before(), before()]).await;
    assert_eq!(state.sent("datadog_logs"), Some(2));
    // What was noted once stays.
    let begun = Record::Sent { sink: "datadog_logs".into(), mark: 1 };
    let (_, state) = run(yaml, vec![before(), before(), begun]).await;
    assert_eq!(state.sent("datadog_logs"), Some(1));
}

#[tokio::test(start_paused = true)]
async fn what_another_service_was_told_is_not_ended_with_this_one() {
    let yaml = "receivers: [ { pagerduty: { routing_key: k } } ]";
    let told = || {
        let (receiver, fingerprint) = ("pagerduty".into(), "f".into());
        Record::Told(Told { receiver, fingerprint, open: true, at: Timestamp::from_millis(1) })
    };
    let (sent, here) = run(yaml, vec![told()]).await;
    assert!(sent.len() == 1 && sent[0].contains("\"resolve\""), "{sent:?}");
    let place = |state: &State| state.cursor("receiver:pagerduty").map(str::to_owned);
    assert_eq!(place(&here).unwrap().len(), 16);
    let elsewhere = Record::Cursor { key: format!("{PLACES}pagerduty").into(), value: "x".into() };
    let (sent, state) = run(yaml, vec![elsewhere, told()]).await;
    assert_eq!(sent, [""; 0]);
    assert_eq!(place(&state), place(&here));
    assert!(!state.told()["pagerduty"]["f"].0);
}
