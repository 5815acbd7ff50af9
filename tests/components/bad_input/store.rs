//! What a start may find in the data directory: after each the daemon has every event that was acknowledged and is still there.

use std::fs;
use std::path::Path;

use super::table::Row;
use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::wait;

/// Damage: its name, what is done, how many of four good events are left, what counts it, what the log says.
type Damage = (&'static str, &'static str, fn(&Path), u64, &'static str, &'static str);

const FOUND: &str = "ssowatch_damage_found_total{what=";

fn newest_segment(data: &Path) -> std::path::PathBuf {
    let files = fs::read_dir(data.join("journal")).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|kind| kind == "journal")).max().unwrap()
}

fn change(path: &Path, with: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    with(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn damages() -> Vec<Damage> {
    vec![
        (
            "half a frame",
            "9 bytes behind the journal's end",
            |data| {
                change(&newest_segment(data), |bytes| bytes.extend([0x40, 0, 0, 0, 1, 2, 3, 4, 5]));
            },
            4,
            "journal_tail",
            "cut off and kept aside",
        ),
        (
            "a bit that flipped",
            "in the journal's last frame",
            |data| change(&newest_segment(data), |bytes| *bytes.last_mut().unwrap() ^= 1),
            4,
            "journal_tail",
            "cut off and kept aside",
        ),
        (
            "a frame of 4 GiB",
            "a frame's head that says so, behind the journal's end",
            |data| change(&newest_segment(data), |bytes| bytes.extend([0xFF; 16])),
            4,
            "journal_tail",
            "cut off and kept aside",
        ),
        (
            "zeros at the end",
            "64 KiB behind the journal's end, as file systems leave them",
            |data| change(&newest_segment(data), |bytes| bytes.extend([0; 65_536])),
            4,
            "journal_tail",
            "cut off and kept aside",
        ),
        (
            "a checkpoint of nonsense",
            "`hello` for a checkpoint",
            |data| fs::write(data.join("checkpoint"), "hello").unwrap(),
            4,
            "checkpoint",
            "checkpoint cannot be used",
        ),
        (
            "an empty checkpoint",
            "no byte of it",
            |data| fs::write(data.join("checkpoint"), "").unwrap(),
            4,
            "checkpoint",
            "checkpoint cannot be used",
        ),
        (
            "a checkpoint with a flipped bit",
            "its last",
            |data| {
                let path = data.join("checkpoint");
                if !path.exists() {
                    fs::write(&path, b"ssowckpt\0\0\0\0state").unwrap();
                }
                change(&path, |bytes| *bytes.last_mut().unwrap() ^= 1);
            },
            4,
            "checkpoint",
            "checkpoint cannot be used",
        ),
        (
            "a checkpoint of another version",
            "a right checksum over a state that cannot be read",
            |data| {
                let state = [0xFF; 64];
                let bytes =
                    [&b"ssowckpt"[..], &crc32fast::hash(&state).to_le_bytes(), &state].concat();
                fs::write(data.join("checkpoint"), bytes).unwrap();
            },
            4,
            "checkpoint",
            "checkpoint cannot be used",
        ),
        (
            "an archive of nonsense",
            "8 KiB of `x` for `sign-ins.db`",
            |data| {
                for file in ["sign-ins.db-wal", "sign-ins.db-shm"] {
                    drop(fs::remove_file(data.join(file)));
                }
                fs::write(data.join("sign-ins.db"), vec![b'x'; 8192]).unwrap();
            },
            4,
            "sign_ins",
            "made anew from the journal",
        ),
    ]
}

/// Four good events, the last two in a delivery of their own.
fn fill(daemon: &Daemon) {
    for number in 0..4 {
        let answer =
            daemon.push(&event("sso_started", Some("conn_1"), &format!("s{number}"), now_millis()));
        assert_eq!(answer["accepted"], 1);
    }
}

const STARTED: &str = "sso_sessions_started_total{connection_id=\"conn_1\"}";

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, sent, damage, left, what, words) in damages() {
        let mut daemon = Daemon::start("");
        fill(&daemon);
        wait::until("all four are counted", || (daemon.count(STARTED) == 4).then_some(()));
        // The last frame is one that says nothing new: what damage takes was never acknowledged, or is the tick's own.
        daemon.push("{}\n");
        let refused = || (daemon.rejected("push", "not_an_event") == 1).then_some(());
        wait::until("the refusal is recorded", refused);
        daemon.kill();
        damage(&daemon.path().join("data"));
        daemon.start_again();
        let moved = format!("{FOUND}\"{what}\"}}");
        wait::until(&format!("{name}: {moved}"), || (daemon.count(&moved) == 1).then_some(()));
        wait::until(&format!("{name}: {left} events"), || {
            (daemon.count(STARTED) >= left).then_some(())
        });
        assert_eq!(daemon.count(STARTED), left, "{name}");
        assert!(daemon.said(words) > 0, "{name}: the log says `{words}`");
        let answer = format!("starts with all events; log: … {words} …");
        rows.push(Row { name, sent: sent.to_owned(), answer, moved });
    }
    rows
}
