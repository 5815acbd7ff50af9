//! Files that logrotate rotates while the daemon reads them and is killed.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::daemon::Daemon;
use crate::{events, installed, wait};

/// Recorded events in a folder, of which logrotate takes care.
struct Log {
    dir: TempDir,
    written: u64,
}

impl Log {
    fn new() -> Self {
        let log = Self { dir: tempfile::tempdir().unwrap(), written: 0 };
        fs::create_dir(log.dir.path().join("events")).unwrap();
        log
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("events/events.ndjson")
    }

    fn append(&mut self, count: u64) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path()).unwrap();
        for number in self.written..self.written + count {
            let at = events::now_millis();
            let line =
                events::event("sso_started", Some("conn_1"), &format!("session_{number}"), at);
            file.write_all(line.as_bytes()).unwrap();
        }
        self.written += count;
    }

    /// Rotates now, by `create` or `copytruncate`; what was rotated before is compressed.
    fn rotate(&self, way: &str) {
        let config = self.dir.path().join("logrotate.conf");
        let text =
            format!("{} {{\nrotate 9\ncompress\ndelaycompress\n{way}\n}}\n", self.path().display());
        fs::write(&config, text).unwrap();
        let status = Command::new(installed::program("logrotate"))
            .args(["--force", "--state"])
            .arg(self.dir.path().join("state"))
            .arg(&config)
            .status()
            .unwrap();
        assert!(status.success(), "logrotate: {status}");
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path().join("events")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn start(folder: &Path) -> Daemon {
    let folder = folder.display();
    Daemon::start(&format!("sources: {{ files: [ {{ path: {folder}/events, follow: true }} ] }}\n"))
}

#[test]
fn rotated_files_count_once_whatever_logrotate_does_and_whenever_the_daemon_dies() {
    let mut log = Log::new();
    log.append(300);
    let mut daemon = start(log.dir.path());
    let caught_up = |daemon: &Daemon, log: &Log| {
        wait::until("all events are counted", || {
            (daemon.count("ssowatch_events_received_total{source=\"files\"}") == log.written)
                .then_some(())
        });
    };
    caught_up(&daemon, &log);
    // Renamed, created anew, and written to at once.
    log.append(200);
    log.rotate("create");
    log.append(100);
    caught_up(&daemon, &log);
    // The same while nobody reads.
    daemon.kill();
    log.append(150);
    log.rotate("create");
    log.append(50);
    daemon.start_again();
    caught_up(&daemon, &log);
    // Copied and cut to nothing while the last lines may not have been read.
    log.append(250);
    log.rotate("copytruncate");
    log.append(30);
    caught_up(&daemon, &log);
    log.append(120);
    daemon.kill();
    log.rotate("copytruncate");
    daemon.start_again();
    caught_up(&daemon, &log);
    // Files are read in the order of their last change: when this is counted, all others have been
    // looked at.
    log.append(1);
    caught_up(&daemon, &log);
    assert_eq!(log.names().len(), 5, "{:?}", log.names());
    assert_eq!(daemon.count("ssowatch_events_duplicate_total{source=\"files\"}"), 0);
    assert!(!daemon.metrics().contains("ssowatch_events_rejected_total{source=\"files\""));
}
