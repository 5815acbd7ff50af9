use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use tokio::sync::{mpsc, watch};

use super::*;
use crate::clock::Clock;
use crate::event::{Reason, Treatment};
use crate::journal::{InletError, Parcel, Receipt, inlet};
use crate::source::file::{Files, Pattern, cursor};

/// Just behind the lines of the fixtures.
const NOW_MILLIS: i64 = 1_795_310_000_000;

const LINE: &str = r#"192.0.2.1 - - [22/Nov/2026:01:11:36 +0000] "GET /x HTTP/1.1" 200 3 "-" "-""#;

struct World {
    dir: tempfile::TempDir,
    /// What the journal has.
    cursors: Vec<(String, String)>,
    lines: u64,
    refused: Vec<(Reason, u64)>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir, cursors: Vec::new(), lines: 0, refused: Vec::new() }
    }

    fn append(&self, text: &str) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn log(&self) -> std::path::PathBuf {
        self.dir.path().join("access.log")
    }

    /// A source, as after a start.
    fn start(&self) -> (watch::Sender<bool>, mpsc::Receiver<Parcel>) {
        let (inlet, parcels) = inlet(1);
        let log = Log { format: "nginx_combined".into(), tier: Some("web".into()) };
        let privacy = Privacy::new(Treatment::Hash, b"key");
        let logs = AccessLogs::new([&log].into_iter(), &Arc::default(), &privacy).unwrap();
        let path = Path::new(&self.log()).display().to_string() + "*";
        let cursors = self.cursors.iter().map(|(key, value)| (&**key, &**value));
        let clock = Clock::starting_at(Timestamp::from_millis(NOW_MILLIS));
        let patterns = [(Pattern::parse(&path).unwrap(), true)];
        let files = Files::new(patterns, cursors, logs, inlet, clock);
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(files.run(stopped));
        (stop, parcels)
    }

    /// What a parcel says counts, as if it had become durable.
    fn take(&mut self, parcel: Parcel) {
        for record in parcel.delivery.records {
            match record {
                Record::Edge(tally) => self.lines += tally.requests(),
                Record::Refused { source: Source::Edge, rejected, .. } => {
                    self.refused.extend(rejected);
                }
                Record::Cursor { key, value } => {
                    assert!(key.starts_with(&cursor::prefix(Source::Edge)), "{key}");
                    self.cursors.retain(|(known, _)| **known != *key);
                    self.cursors.push((key.into(), value.into()));
                }
                other => panic!("{other:?}"),
            }
        }
        parcel.reply.send(Ok(Receipt::default())).unwrap();
    }

    async fn take_until(&mut self, parcels: &mut mpsc::Receiver<Parcel>, lines: u64) {
        while self.lines < lines {
            let parcel = parcels.recv().await.unwrap();
            self.take(parcel);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_line_counts_once_though_the_journal_refuses_and_the_daemon_dies() {
    let mut world = World::new();
    world.append(&format!("{LINE}\nrubbish\n{LINE}\n"));
    let (stop, mut parcels) = world.start();
    let parcel = parcels.recv().await.unwrap();
    parcel.reply.send(Err(InletError::Storage("disk full".into()))).unwrap();
    world.take_until(&mut parcels, 2).await;
    assert_eq!(world.refused, [(Reason::NotALine, 1)]);
    // A chunk that did not become durable, and then a crash.
    world.append(&format!("{LINE}\n"));
    let lost = parcels.recv().await.unwrap();
    drop((lost, parcels, stop));
    fs::rename(world.log(), world.dir.path().join("access.log.1")).unwrap();
    world.append(&format!("{LINE}\n{LINE}\n"));
    let (_stop, mut parcels) = world.start();
    world.take_until(&mut parcels, 5).await;
    assert_eq!((world.lines, world.refused.len()), (5, 1));
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_being_written_waits_for_its_end_though_its_beginning_fits_the_format() {
    let mut world = World::new();
    let cut = &LINE[..LINE.len() - 9];
    world.append(&format!("{LINE}\n{cut}"));
    let (_stop, mut parcels) = world.start();
    world.take_until(&mut parcels, 1).await;
    world.append(&LINE[cut.len()..]);
    world.append("\n");
    world.take_until(&mut parcels, 2).await;
    assert_eq!((world.lines, world.refused.len()), (2, 0));
}
