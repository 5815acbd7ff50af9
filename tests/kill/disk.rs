//! A disk that fills up, and a journal whose newest file ends in damage.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::header::RETRY_AFTER;
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::{newest_segment, until};

/// Size of the disk.
const DISK_BYTES: usize = 64 << 20;

/// What the daemon keeps of it for a checkpoint.
const KEPT_BYTES: usize = 8 << 20;

/// What is left of it for the journal: some thirty batches.
const ROOM_BYTES: usize = 2 << 20;

/// Events of a batch.
const BATCH: u64 = 500;

/// Batches after which a disk of that size is full for certain.
const BATCHES_MAX: u64 = 2_000;

/// A file system in memory, mounted as long as it lives.
struct Mount(PathBuf);

impl Mount {
    fn new(at: &Path) -> Self {
        let size = format!("size={DISK_BYTES}");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
        let mount = mount.expect("`mount` is there");
        assert!(
            mount.status.success(),
            "NOT SHOWN: a 64 MB disk that fills up. It is a tmpfs, and mounting one needs root (in a container \
             CAP_SYS_ADMIN as well): {}",
            String::from_utf8_lossy(&mount.stderr)
        );
        Self(at.to_owned())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

/// Batch `number`: all of its events have ids of their own.
fn batch(number: u64) -> String {
    let event = |n: u64| {
        json!({"id": format!("event_{number}_{n}"), "event": "authentication.sso_started",
            "created_at": "2026-01-15T12:00:00.000Z",
            "data": {"sso": {"connection_id": "conn_1", "session_id": format!("session_{number}_{n}")}}})
    };
    (0..BATCH).map(|n| event(n).to_string()).collect::<Vec<_>>().join("\n")
}

/// What `POST /v1/events` answers: the status, how long to wait, the body.
async fn push(daemon: &Daemon, number: u64) -> (u16, Option<String>, Value) {
    let request = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/v1/events", daemon.intake);
    let answer = request.post(url).body(batch(number)).send().await.unwrap();
    let asked = answer.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
    let status = answer.status().as_u16();
    (status, asked, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap()
}

pub(crate) async fn fills_up_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    let mount = Mount::new(&data);
    let daemon = Daemon::start(folder.path(), "").await;
    let ballast = data.join("ballast");
    fs::write(&ballast, vec![1; DISK_BYTES - KEPT_BYTES - ROOM_BYTES]).unwrap();
    // Acknowledged until it is full; then refused, with a reason that a sender and an operator understand.
    let mut taken = 0;
    let refusal = loop {
        assert!(taken < BATCHES_MAX, "the disk is never full");
        let (status, asked, body) = push(&daemon, taken).await;
        if status != 200 {
            break (status, asked, body["error"].clone());
        }
        taken += 1;
    };
    let words = "the journal cannot be written; try again later";
    assert_eq!(refusal, (503, Some("1".into()), words.into()));
    assert!(log(folder.path()).contains("free some space"), "{}", log(folder.path()));
    let metrics = daemon.metrics().await;
    assert!(metrics["ssowatch_journal_failures_total{reason=\"disk_full\"}"] >= 1.0, "{metrics:?}");
    daemon.has_received(taken * BATCH).await;
    // It starts on a full disk, too, with everything that was acknowledged.
    daemon.kill();
    let daemon = Daemon::start(folder.path(), "").await;
    daemon.has_received(taken * BATCH).await;
    assert_eq!(push(&daemon, taken).await.0, 503);
    // With room again it goes on by itself, and counts what it had refused once.
    fs::remove_file(&ballast).unwrap();
    let answer = until("it takes events again", async || {
        let (status, _, body) = push(&daemon, taken).await;
        (status == 200).then_some(body)
    })
    .await;
    assert_eq!(
        (answer["accepted"].as_u64(), answer["duplicates"].as_u64()),
        (Some(BATCH), Some(0))
    );
    daemon.kill();
    let daemon = Daemon::start(folder.path(), "").await;
    daemon.has_received((taken + 1) * BATCH).await;
    assert_eq!(push(&daemon, 0).await.2["duplicates"], BATCH);
    eprintln!(
        "64 MB disk: {taken} batches of {BATCH} acknowledged, then 503; none lost, none twice"
    );
    daemon.kill();
    drop(mount);
}

pub(crate) async fn a_spoilt_tail() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let daemon = Daemon::start(folder.path(), "").await;
    for number in 0..3 {
        assert_eq!(push(&daemon, number).await.0, 200);
    }
    daemon.kill();
    // Half a frame, as a crash leaves it: cut off, kept aside, and said.
    let path = newest_segment(&data);
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(&[0x40, 0, 0, 0, 1, 2, 3, 4, 5]).unwrap();
    let daemon = Daemon::start(folder.path(), "").await;
    daemon.has_received(3 * BATCH).await;
    assert!(log(folder.path()).contains("cut off and kept aside"), "{}", log(folder.path()));
    assert_eq!(fs::read(path.with_extension("corrupt")).unwrap().len(), 9);
    // A bit of the last frame flips while nobody looks: that frame is gone, and comes again from whoever sends it again.
    assert_eq!(push(&daemon, 3).await.0, 200);
    daemon.kill();
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    let daemon = Daemon::start(folder.path(), "").await;
    assert_eq!(push(&daemon, 3).await.0, 200);
    daemon.has_received(4 * BATCH).await;
    // After a stop the checkpoint has it all: then the end of the journal may go, and positions go on behind it.
    daemon.stop().await;
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 100]).unwrap();
    let daemon = Daemon::start(folder.path(), "").await;
    daemon.has_received(4 * BATCH).await;
    assert_eq!(push(&daemon, 4).await.0, 200);
    daemon.kill();
    let daemon = Daemon::start(folder.path(), "").await;
    daemon.has_received(5 * BATCH).await;
    daemon.kill();
}
