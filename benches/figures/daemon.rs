//! ssowatch itself, as a user runs it, on free ports and in a folder of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::http::Client;
use super::process;

pub(crate) const SECRET: &str = "whsec_bench";

/// A daemon that runs; it is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    pub(crate) admin: SocketAddr,
    pub(crate) intake: SocketAddr,
    /// From its start until it was ready.
    pub(crate) started_in: Duration,
}

impl Daemon {
    /// A first start in `folder`, which is emptied.
    pub(crate) fn fresh(binary: &Path, folder: &Path) -> Self {
        if folder.exists() {
            fs::remove_dir_all(folder).expect("an old folder goes");
        }
        fs::create_dir_all(folder).expect("a folder");
        let config = format!(
            "data_dir: {}/data\nhttp: {{ admin: {{ listen: \"127.0.0.1:0\" }}, intake: {{ listen: \"127.0.0.1:0\" }} }}\n\
             sources: {{ workos_webhook: {{ secret: {SECRET} }} }}\nsinks: {{ prometheus: {{ max_connections: 200000 }} }}\n",
            folder.display()
        );
        fs::write(config_of(folder), config).expect("a configuration");
        Self::again(binary, folder)
    }

    /// Another start in the same folder.
    pub(crate) fn again(binary: &Path, folder: &Path) -> Self {
        let begun = Instant::now();
        let mut command = Command::new(binary);
        command.args(["--log-format", "json", "run", "--config"]).arg(config_of(folder));
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the daemon starts");
        let mut log = BufReader::new(child.stderr.take().expect("piped"));
        let mut lines = String::new();
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut daemon =
            Self { child, admin: nowhere, intake: nowhere, started_in: Duration::ZERO };
        while !lines.contains("Ready.") {
            let more = log.read_line(&mut lines).expect("the daemon's log");
            assert!(more > 0, "the daemon stopped: {lines}");
        }
        daemon.started_in = begun.elapsed();
        (daemon.admin, daemon.intake) = (address(&lines, "admin"), address(&lines, "intake"));
        // The log goes on, and must be read lest the daemon wait.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        daemon
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops it as a supervisor does; its last checkpoint is whole.
    pub(crate) fn stop(mut self) {
        process::terminate(&mut self.child);
    }

    /// Waits until `/metrics` shows that so many events were received; returns the scrape.
    pub(crate) fn wait_for(&self, events: usize) -> String {
        self.shows(&format!("ssowatch_events_received_total{{source=\"push\"}} {events}\n"))
    }

    /// Waits until nothing is left to do: the archive of sign-ins has everything.
    pub(crate) fn wait_for_rest(&self) {
        self.shows("ssowatch_archive_waiting 0\n");
    }

    /// Waits until `/metrics` has the line `want`; returns the scrape.
    fn shows(&self, want: &str) -> String {
        let mut client = Client::new(self.admin);
        let until = Instant::now() + Duration::from_mins(1);
        loop {
            let text = String::from_utf8(client.get("/metrics").body).expect("UTF-8");
            if text.contains(want) {
                return text;
            }
            assert!(Instant::now() < until, "`{want}` does not show in a minute");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have been stopped already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The address of a listener in the daemon's log.
fn address(log: &str, name: &str) -> SocketAddr {
    let (_, rest) = log.split_once(&format!("\"{name}\":\"")).expect("the log names it");
    rest.split('"').next().and_then(|text| text.parse().ok()).expect("an address")
}

fn config_of(folder: &Path) -> PathBuf {
    folder.join("ssowatch.yaml")
}
