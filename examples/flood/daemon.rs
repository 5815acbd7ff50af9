//! The shipped binary, in a folder of its own.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::good::SECRET;

/// Half a second's looks until something must have happened.
const LOOKS_MAX: u32 = 120;

/// Linux counts processor time in hundredths of a second.
const TICKS_A_SECOND: f64 = 100.0;

/// A daemon that runs until this is dropped.
pub(crate) struct Daemon {
    child: Child,
    folder: TempDir,
    admin: SocketAddr,
    pub(crate) intake: SocketAddr,
}

/// What it has of the machine.
#[derive(Clone, Copy)]
pub(crate) struct Use {
    pub(crate) memory: u64,
    pub(crate) cpu: f64,
}

impl Use {
    pub(crate) fn max(self, other: Self) -> Self {
        Self { memory: self.memory.max(other.memory), cpu: self.cpu.max(other.cpu) }
    }
}

impl Daemon {
    pub(crate) fn start(binary: &str, pager: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = format!(
            "data_dir: {}/data\nhttp: {{ admin: {{ listen: \"127.0.0.1:0\" }}, intake: {{ listen: \"127.0.0.1:0\" }} }}\n\
             sources: {{ workos_webhook: {{ secret: {SECRET} }} }}\nreceivers: [ {{ webhook: {{ url: \"{pager}\" }} }} ]\n\
             rules: [ {{ name: ManyFailures, metric: failures, op: \">\", value: 4, window: 5m, min_attempts: 1, scope: connection, severity: page }} ]\n",
            folder.path().display()
        );
        let file = folder.path().join("ssowatch.yaml");
        fs::write(&file, config).expect("a configuration");
        let log = fs::File::create(folder.path().join("log")).expect("a log");
        let mut command = Command::new(binary);
        command
            .args(["--log-format", "json", "run", "--config"])
            .arg(&file)
            .stderr(Stdio::from(log));
        let child =
            command.spawn().unwrap_or_else(|error| panic!("{binary}: {error}; build it first"));
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut daemon = Self { child, folder, admin: nowhere, intake: nowhere };
        for _ in 0..LOOKS_MAX {
            let log = daemon.log();
            if log.contains("Ready.") {
                (daemon.admin, daemon.intake) = (address(&log, "admin"), address(&log, "intake"));
                return daemon;
            }
            thread::sleep(Duration::from_millis(500));
        }
        panic!("the daemon does not start: {}", daemon.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Lines in its log.
    pub(crate) fn lines(&self) -> usize {
        self.log().lines().count()
    }

    pub(crate) fn measure(&self) -> Use {
        let of = |file: &str| {
            fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("it runs")
        };
        let status = of("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a size");
        let stat = of("stat");
        let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: f64 = ticks.map(|field| field.parse::<f64>().expect("a count")).sum();
        Use { memory: kilobytes * 1024, cpu: ticks / TICKS_A_SECOND }
    }

    /// Unsigned webhooks that it has counted.
    pub(crate) fn refused(&self) -> u64 {
        self.count("ssowatch_events_rejected_total{source=\"workos_webhook\",reason=\"signature_missing\"}")
    }

    /// Good events that it has counted, when they are `sent` or it has had time enough.
    pub(crate) fn wait_for_good(&self, sent: u64) -> u64 {
        let series = "ssowatch_events_received_total{source=\"workos_webhook\"}";
        for _ in 0..LOOKS_MAX {
            if self.count(series) >= sent {
                break;
            }
            thread::sleep(Duration::from_millis(500));
        }
        self.count(series)
    }

    fn count(&self, series: &str) -> u64 {
        let mut stream = TcpStream::connect(self.admin).expect("it listens");
        let request = "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("it answers");
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().expect("a count"))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn address(log: &str, name: &str) -> SocketAddr {
    let (_, rest) = log.split_once(&format!("\"{name}\":\"")).expect("the log names it");
    rest.split('"').next().and_then(|text| text.parse().ok()).expect("an address")
}
