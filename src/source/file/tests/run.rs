//! The source and the journal.

use tokio::sync::mpsc;

use crate::event::{Privacy, Source};
use crate::journal::{Parcel, Receipt};

use super::*;

/// A source that reads `folder`, with the far end of its way into the journal.
fn source(folder: &str, follow: bool, now: Timestamp) -> (Files<Events>, mpsc::Receiver<Parcel>) {
    let (inlet, parcels) = crate::journal::inlet(1);
    let privacy = Privacy::new(crate::event::Treatment::Hash, b"key");
    let patterns = vec![(Pattern::parse(folder).unwrap(), follow)];
    (Files::new(patterns, [], Events { privacy }, inlet, Clock::starting_at(now)), parcels)
}

const EVENT: &str = r#"{"id":"event_1","event":"x.y","created_at":"2026-01-15T12:00:00Z"}"#;

#[tokio::test(start_paused = true)]
async fn events_rejections_and_the_position_are_one_delivery_which_is_made_again_until_it_is_taken()
{
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("log"), format!("{EVENT}\nrubbish\n")).unwrap();
    let now = Timestamp::parse("2026-01-15T12:00:01Z").unwrap();
    let (files, mut parcels) = source(dir.path().to_str().unwrap(), true, now);
    let (stop, stopped) = watch::channel(false);
    let run = tokio::spawn(files.run(stopped));
    let mut cursors = Vec::new();
    for answer in [Err(InletError::Storage("disk full".into())), Ok(Receipt::default())] {
        let parcel = parcels.recv().await.unwrap();
        let Delivery { events, records } = parcel.delivery;
        assert_eq!((events.len(), events[0].0), (1, Source::Files));
        let rejected = vec![(Reason::NotJson, 1)];
        assert_eq!(records[0], Record::Refused { source: Source::Files, duplicates: 0, rejected });
        cursors.push(records[1].clone());
        parcel.reply.send(answer).unwrap();
    }
    assert_eq!(cursors[0], cursors[1], "nothing moved on without the journal");
    fs::OpenOptions::new()
        .append(true)
        .open(dir.path().join("log"))
        .unwrap()
        .write_all(b"more rubbish\n")
        .unwrap();
    let parcel = parcels.recv().await.unwrap();
    assert!(
        parcel.delivery.events.is_empty() && parcel.delivery.records.len() == 2,
        "only what is new"
    );
    parcel.reply.send(Ok(Receipt::default())).unwrap();
    stop.send(true).unwrap();
    run.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn files_that_are_read_once_are_read_to_their_ends_and_that_is_all() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("*.ndjson");
    let now = Timestamp::parse("2026-01-15T12:00:01Z").unwrap();
    let (files, mut parcels) = source(path.to_str().unwrap(), false, now);
    let (_stop, stopped) = watch::channel(false);
    let run = tokio::spawn(files.run(stopped));
    tokio::time::sleep(LOOK_EVERY * 3).await;
    assert!(!run.is_finished(), "it waits for the first file");
    fs::write(dir.path().join("a.ndjson"), format!("{EVENT}\nno line end")).unwrap();
    let mut records = Vec::new();
    while let Some(parcel) = parcels.recv().await {
        records.extend(parcel.delivery.records);
        parcel.reply.send(Ok(Receipt::default())).unwrap();
    }
    run.await.unwrap();
    let rejected = vec![(Reason::NotJson, 1)];
    assert!(records.contains(&Record::Refused { source: Source::Files, duplicates: 0, rejected }));
}
