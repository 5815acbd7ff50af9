//! The figures, group by group. Each function measures one run.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::daemon::Daemon;
use super::events::Events;
use super::http::Client;
use super::inside;
use super::load::{Requests, live};
use super::process;
use super::table::{Figure, Goal};
use super::{baseline, load, overload};

/// Events of a recording, and of a load.
const EVENTS: usize = 1_000_000;
/// Events of a pushed batch.
const BATCH: usize = 500;
const MB: f64 = 1_000_000.0;

/// Where measured files lie, and what is measured.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) binary: PathBuf,
    pub(crate) folder: PathBuf,
}

impl Bench {
    /// A recorded file is replayed.
    pub(crate) fn replay(&self, connections: u64) -> Vec<Figure> {
        let file = self.recording(connections);
        let mut command = Command::new(&self.binary);
        command.args(["replay", "--format", "json"]).arg(&file);
        let took = process::run(&mut command, &self.folder.join("replay.out"));
        let (events, wall) = (count(EVENTS), took.wall.as_secs_f64());
        let name = |what: &str| format!("replay, {connections} connections: {what}");
        let parse = baseline::parse_and_count(&file);
        let lines = events / baseline::count_lines(&file);
        vec![
            Figure::new(
                name("events a CPU second"),
                events / took.cpu,
                "/s",
                Goal::AtLeast(700_000.0),
            )
            .beside("parse and count", parse),
            Figure::new(name("events a second"), events / wall, "/s", Goal::None)
                .beside("wc -l", lines),
            Figure::new(name("peak memory"), took.peak / MB, "MB", Goal::None),
        ]
    }

    /// Batches of events, durable.
    pub(crate) fn push(&self) -> Vec<Figure> {
        let daemon = self.fresh();
        let paced = |seed| {
            let few = 200_000;
            let requests = Requests::pushes(&mut live(1_000, few, seed), few / BATCH, BATCH);
            let (rate, many) = (20_000.0 / count(BATCH), 16);
            (few, requests.open_loop(daemon.intake, many, rate).p99_millis())
        };
        let (few, at_ease) = paced(9);
        daemon.wait_for_rest();
        let requests = Requests::pushes(&mut live(1_000, EVENTS, 2), EVENTS / BATCH, BATCH);
        let before = process::cpu(daemon.pid());
        let fast = requests.closed_loop(daemon.intake, 16);
        daemon.wait_for(few + EVENTS);
        let cpu = process::cpu(daemon.pid()) - before;
        assert_eq!(fast.refused, 0, "batches were refused");
        let synced = baseline::synced_writes(requests.bodies(), &self.folder) * count(BATCH);
        let rate = count(EVENTS) / fast.wall.as_secs_f64();
        let (_, behind) = paced(3);
        vec![
            Figure::new(
                "POST /v1/events in batches of 500: events a second",
                rate,
                "/s",
                Goal::AtLeast(300_000.0),
            )
            .beside("synced writes", synced),
            Figure::new(
                "the same: events a CPU second of the daemon",
                count(EVENTS) / cpu,
                "/s",
                Goal::None,
            ),
            Figure::new(
                "the same at 20,000 events a second: p99 of the answer",
                at_ease,
                "ms",
                Goal::AtMost(20.0),
            ),
            Figure::new(
                "the same right behind a million at full speed: p99 of the answer",
                behind,
                "ms",
                Goal::None,
            ),
        ]
    }

    /// Signed webhooks of one event each, durable.
    pub(crate) fn webhooks(&self) -> Vec<Figure> {
        let many = 100_000;
        let requests = Requests::webhooks(&mut live(1_000, many, 4), many);
        let daemon = self.fresh();
        let fast = requests.closed_loop(daemon.intake, 64);
        assert_eq!(fast.refused, 0, "webhooks were refused");
        let few = &requests.bodies()[..1000];
        let synced = baseline::synced_writes(few, &self.folder);
        let paced = Requests::webhooks(&mut live(1_000, 20_000, 5), 20_000);
        let paced = paced.open_loop(daemon.intake, 64, 2_000.0);
        vec![
            Figure::new(
                "signed webhooks: events a second",
                count(many) / fast.wall.as_secs_f64(),
                "/s",
                Goal::AtLeast(20_000.0),
            )
            .beside("synced writes", synced),
            Figure::new(
                "the same at 2,000 a second: p99 of the answer",
                paced.p99_millis(),
                "ms",
                Goal::AtMost(20.0),
            ),
        ]
    }

    /// A million events into a daemon, a scrape, and with many connections a restart after ten minutes of journal.
    pub(crate) fn fleet(&self, connections: u64) -> Vec<Figure> {
        let daemon = self.fresh();
        let mut events = live(connections, EVENTS, 6);
        // A tenth at a time, so that this program does not need the machine's memory.
        for _ in 0..10 {
            let requests = Requests::pushes(&mut events, EVENTS / BATCH / 10, BATCH);
            assert_eq!(requests.closed_loop(daemon.intake, 4).refused, 0, "batches were refused");
        }
        daemon.wait_for(EVENTS);
        let peak = process::peak_memory(daemon.pid());
        process::forget_peak(daemon.pid());
        let before = process::resident_memory(daemon.pid());
        let scrape = || {
            let mut client = Client::new(daemon.admin);
            let begun = Instant::now();
            let bytes = client.get("/metrics").body.len();
            (bytes, begun.elapsed().as_secs_f64() * 1000.0)
        };
        let (bytes, behind) = scrape();
        let extra = process::peak_memory(daemon.pid()) - before;
        let name = |what: &str| format!("{connections} connections: {what}");
        let memory = if connections > 1_000 { 150.0 } else { 60.0 };
        let mut figures = vec![Figure::new(
            name("peak memory, scrape included"),
            peak / MB,
            "MB",
            Goal::AtMost(memory),
        )];
        if connections > 1_000 {
            daemon.wait_for_rest();
            let (_, at_rest) = scrape();
            let size = format!("scrape of {:.0} MB", count(bytes) / MB);
            figures.extend([
                Figure::new(name(&size), at_rest, "ms", Goal::AtMost(300.0)),
                Figure::new(
                    name("the same right behind a million events"),
                    behind,
                    "ms",
                    Goal::None,
                ),
                Figure::new(
                    name("memory that a scrape takes"),
                    extra / MB,
                    "MB",
                    Goal::AtMost(50.0),
                ),
            ]);
            daemon.stop();
            figures.push(self.restart(connections));
        }
        figures
    }

    /// Ten minutes of journal at 100 sign-ins a day and connection, then no time for a checkpoint, then a start.
    fn restart(&self, connections: u64) -> Figure {
        let daemon = Daemon::again(&self.binary, &self.daemon_folder());
        let events = usize::try_from(connections * 200 / 144).expect("a fleet");
        let batches = events.div_ceil(BATCH);
        let requests = Requests::pushes(&mut live(connections, events, 7), batches, BATCH);
        assert_eq!(requests.closed_loop(daemon.intake, 4).refused, 0, "batches were refused");
        drop(daemon);
        let again = Daemon::again(&self.binary, &self.daemon_folder());
        let took = again.started_in.as_secs_f64();
        let work = format!("{connections} connections: start with {events} entries of journal");
        Figure::new(work, took, "s", Goal::AtMost(2.0))
    }

    /// From the intake to `/metrics`, at rest and under full load.
    pub(crate) fn visible(&self) -> Vec<Figure> {
        let daemon = self.fresh();
        let one = |loaded| {
            let work = format!(
                "from the intake to /metrics{}: longest of 20",
                if loaded { ", under full load" } else { "" }
            );
            Figure::new(work, longest_way(&daemon, loaded), "s", Goal::AtMost(1.1))
        };
        vec![one(false), one(true)]
    }

    /// More than the intake can take.
    pub(crate) fn overload(&self) -> Vec<Figure> {
        overload::overload(&self.fresh())
    }

    /// One tick of the engine.
    pub(crate) fn tick() -> Vec<Figure> {
        let one = |connections: u64, goal| {
            let work = format!("{connections} connections: longest tick of 120");
            Figure::new(work, inside::longest_tick(connections, EVENTS), "ms", goal)
        };
        vec![one(1_000, Goal::None), one(10_000, Goal::None), one(100_000, Goal::AtMost(50.0))]
    }

    /// The program, and how long a clean build of it takes.
    pub(crate) fn build(&self) -> Vec<Figure> {
        let size = fs::metadata(&self.binary).expect("the program").len();
        let size = count(usize::try_from(size).expect("a size")) / MB;
        let target = self.folder.join("clean");
        drop(fs::remove_dir_all(&target));
        let begun = Instant::now();
        let cargo = Command::new(env!("CARGO"))
            .args(["build", "--release", "--quiet", "--target-dir"])
            .arg(&target)
            .status()
            .expect("cargo runs");
        assert!(cargo.success());
        let minutes = begun.elapsed().as_secs_f64() / 60.0;
        fs::remove_dir_all(target).expect("the build goes");
        vec![
            Figure::new("the program", size, "MB", Goal::AtMost(25.0)),
            Figure::new("clean release build", minutes, "minutes", Goal::AtMost(6.0)),
        ]
    }

    fn fresh(&self) -> Daemon {
        Daemon::fresh(&self.binary, &self.daemon_folder())
    }

    fn daemon_folder(&self) -> PathBuf {
        self.folder.join("daemon")
    }

    fn recording(&self, connections: u64) -> PathBuf {
        let path = self.folder.join(format!("events-{connections}.ndjson"));
        if !path.exists() {
            record(&path, connections);
        }
        path
    }
}

fn record(path: &Path, connections: u64) {
    let mut events = Events::recorded(connections);
    let mut out = BufWriter::new(File::create(path).expect("a file"));
    let mut line = Vec::new();
    for _ in 0..EVENTS {
        line.clear();
        events.write(&mut line);
        out.write_all(&line).expect("the disk takes it");
    }
    out.flush().expect("the disk takes it");
}

/// The longest of 20 ways, in seconds.
fn longest_way(daemon: &Daemon, loaded: bool) -> f64 {
    let full = loaded.then(|| Requests::pushes(&mut live(1_000, EVENTS, 8), EVENTS / BATCH, BATCH));
    std::thread::scope(|scope| {
        let mut longest: f64 = 0.0;
        if let Some(full) = &full {
            scope.spawn(|| full.closed_loop(daemon.intake, 2));
        }
        for probe in 0..20 {
            longest = longest.max(way(daemon, u64::from(loaded) * 100 + probe));
        }
        longest
    })
}

/// From sending an event of a name of its own until `/metrics` shows it.
fn way(daemon: &Daemon, number: u64) -> f64 {
    let name = format!("bench.probe_{number}");
    let at = load::now();
    let body =
        format!(r#"{{"id":"event_{name}","event":"{name}","created_at":"{at}","data":{{}}}}"#);
    let begun = Instant::now();
    let answer = Client::new(daemon.intake).post("/v1/events", "", body.as_bytes());
    assert_eq!(answer.status, 200);
    let mut client = Client::new(daemon.admin);
    loop {
        let text = String::from_utf8(client.get("/metrics").body).expect("UTF-8");
        if text.contains(&name) {
            return begun.elapsed().as_secs_f64();
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "an event does not show");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub(super) fn count(many: usize) -> f64 {
    many as f64
}
