//! How well the detection does: `cargo run --release --example detection_report -- [--seeds N] [--from N] [--jobs N] [--write FOLDER]
//! [SCENARIO...]`. What is tuned is tuned on seeds from 100 on; those before are the report's.
//!
//! A scenario is a built-in one, a file, or `healthy:CONNECTIONS:DAYS:SEED[:HABIT]`. With `--write` what it brings is taken over into
//! `detection-report.json` of that folder and shown in `detection.md` beside it; what was not run stays as it was.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a report for a terminal, and the time it took"
)]

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ssowatch::backtest::figures::{Figures, Line};
use ssowatch::backtest::{Run, Warm, healthy};
use ssowatch::engine;
use ssowatch::simulate::{Scenario, library};

/// What fleets may be like that are healthy all the same: more of the fleet, more of the scenario, in words.
const HABITS: [(&str, &str, &str, &str); 4] = [
    ("", "", "", ""),
    ("growth", ", growth: 2", "", ", traffic doubles"),
    ("drift", "", "baseline: { drift: 1.5 }", ", what goes wrong rises by half"),
    ("bunching", "", "baseline: { bunching_logit_sd: 0.3 }", ", failures in bunches"),
];

struct Args {
    seeds: usize,
    from: usize,
    jobs: usize,
    write: Option<PathBuf>,
    names: Vec<String>,
}

/// A healthy fleet.
struct Fleet {
    connections: usize,
    days: u64,
    seed: u64,
    habit: String,
}

fn main() {
    let args = Args::read();
    for name in &args.names {
        let started = std::time::Instant::now();
        let fleet = name.strip_prefix("healthy:").map(Fleet::read);
        let text = fleet.as_ref().map(Fleet::scenario);
        let text = text.or_else(|| library::text(name).map(str::to_owned));
        let text = text.unwrap_or_else(|| std::fs::read_to_string(name).expect("a scenario"));
        let scenario: Scenario = serde_saphyr::from_str(&text).expect("a scenario");
        let seeds = if fleet.is_some() { 1 } else { args.seeds };
        let runs = runs(scenario, args.from..args.from + seeds, args.jobs);
        let line = Line::of(&runs);
        let events: u64 = runs.iter().map(|run| run.events).sum();
        println!("{name}: {line:?} [{} s, {events} events]", started.elapsed().as_secs());
        if std::env::var("DETAILS").is_ok() {
            details(&runs);
        }
        if let Some(folder) = &args.write {
            write(folder, |figures| match &fleet {
                Some(fleet) => figures.healthy(&fleet.words(), fleet.days, fleet.seed, &runs[0]),
                None => figures.scenario(name, line),
            });
        }
    }
}

impl Args {
    fn read() -> Self {
        let mut read = Self { seeds: 30, from: 0, jobs: 2, write: None, names: Vec::new() };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut number = || args.next().and_then(|text| text.parse().ok()).expect("a number");
            match arg.as_str() {
                "--seeds" => read.seeds = number(),
                "--from" => read.from = number(),
                "--jobs" => read.jobs = number(),
                "--write" => read.write = Some(args.next().expect("a folder").into()),
                _ => read.names.push(arg),
            }
        }
        if read.names.is_empty() {
            read.names = library::names().skip(1).map(str::to_owned).collect();
        }
        read
    }
}

impl Fleet {
    fn read(text: &str) -> Self {
        let mut parts = text.splitn(4, ':');
        let mut number = || {
            let number = parts.next().and_then(|text| text.parse::<u32>().ok());
            number.expect("healthy:CONNECTIONS:DAYS:SEED[:HABIT]")
        };
        let (connections, days, seed) = (number() as usize, number().into(), number().into());
        Self { connections, days, seed, habit: parts.next().unwrap_or("").to_owned() }
    }

    fn habit(&self) -> (&'static str, &'static str, &'static str, &'static str) {
        let known = HABITS.into_iter().find(|(name, ..)| *name == self.habit);
        known.expect("a habit: growth, drift or bunching")
    }

    fn scenario(&self) -> String {
        let (_, fleet, more, _) = self.habit();
        healthy(self.connections, self.days, self.seed, (fleet, more))
    }

    fn words(&self) -> String {
        format!("{} connections{}", self.connections, self.habit().3)
    }
}

/// The runs of these seeds, `jobs` at a time.
fn runs(scenario: Scenario, seeds: Range<usize>, jobs: usize) -> Vec<Run> {
    let base = scenario.seed * 1000;
    let warm = Warm::new(scenario, engine::Config::default());
    let (next, runs) = (AtomicUsize::new(seeds.start), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    let run = warm.run(base + seed as u64);
                    runs.lock().expect("no thread panics").push((seed, run));
                }
            });
        }
    });
    let mut runs = runs.into_inner().expect("no thread panics");
    runs.sort_by_key(|(seed, _)| *seed);
    runs.into_iter().map(|(_, run)| run).collect()
}

fn details(runs: &[Run]) {
    for (seed, run) in runs.iter().enumerate() {
        for page in &run.false_pages {
            println!("  {seed} false {page}");
        }
        if let Some(seconds) = run.resolved {
            println!("  {seed} resolved {seconds:.0} s after the end");
        }
        for (seconds, severity, words) in &run.told {
            println!("  {seed} {seconds:.0} s {} {words}", severity.as_str());
        }
    }
}

fn write(folder: &Path, take: impl FnOnce(&mut Figures)) {
    let (data, document) = (folder.join("detection-report.json"), folder.join("detection.md"));
    let known = std::fs::read_to_string(&data).unwrap_or_else(|_| "{}".into());
    let mut figures: Figures = serde_json::from_str(&known).expect("a report");
    take(&mut figures);
    let mut text = serde_json::to_string_pretty(&figures).expect("figures can be written");
    text.push('\n');
    std::fs::write(&data, text).expect("the report can be written");
    let text = std::fs::read_to_string(&document).expect("the document");
    std::fs::write(&document, figures.into_document(&text)).expect("the document can be written");
}
