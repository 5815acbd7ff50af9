use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::*;
use crate::event::Timestamp;
use crate::journal::operating_system;

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
