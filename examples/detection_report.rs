//! How well the detection does: `cargo run --release --example detection_report -- [--seeds N] [SCENARIO...]`.

#![expect(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    reason = "a report for a terminal, with small numbers and the time it took"
)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ssowatch::backtest::{Run, Warm};
use ssowatch::engine;
use ssowatch::simulate::{Scenario, library};

fn main() {
    let mut seeds = 30;
    let mut names = Vec::new();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        if arg == "--seeds" {
            seeds = args.next().and_then(|text| text.parse().ok()).expect("--seeds N");
        } else {
            names.push(arg);
        }
    }
    if names.is_empty() {
        names = library::names().skip(1).map(str::to_owned).collect();
    }
    for name in names {
        let healthy = name.strip_prefix("healthy:").map(|rest| {
            let mut parts = rest.splitn(4, ':');
            let mut number = || {
                parts
                    .next()
                    .and_then(|text| text.parse().ok())
                    .expect("healthy:CONNECTIONS:DAYS:SEED:CHANGE")
            };
            let (connections, days, seed) = (number(), number(), number());
            let change = parts.next().unwrap_or("");
            ssowatch::backtest::healthy(connections as usize, days, seed, change)
        });
        let text = healthy.or_else(|| library::text(&name).map(str::to_owned));
        let text = text.unwrap_or_else(|| std::fs::read_to_string(&name).expect("a scenario"));
        let scenario: Scenario = serde_saphyr::from_str(&text).expect("a scenario");
        let started = std::time::Instant::now();
        let base = scenario.seed * 1000;
        let warm = Warm::new(scenario, engine::Config::default());
        let (next, runs) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= seeds {
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
        let runs: Vec<Run> = runs.into_iter().map(|(_, run)| run).collect();
        print(&name, &runs, started.elapsed().as_secs());
    }
}

fn quantile(mut delays: Vec<f64>, share: f64) -> String {
    delays.sort_by(f64::total_cmp);
    let index = ((delays.len() as f64 - 1.0) * share).ceil() as usize;
    match delays.get(index) {
        Some(seconds) if seconds.is_infinite() => "-".into(),
        Some(seconds) if *seconds < 100.0 => format!("{seconds:.0}s"),
        Some(seconds) if *seconds < 6000.0 => format!("{:.1}m", seconds / 60.0),
        Some(seconds) => format!("{:.1}h", seconds / 3600.0),
        None => "-".into(),
    }
}

fn print(name: &str, runs: &[Run], took: u64) {
    let of = |delay: fn(&Run) -> Option<f64>| -> Vec<f64> {
        runs.iter().map(|run| delay(run).unwrap_or(f64::INFINITY)).collect()
    };
    let (pages, tickets) = (of(|run| run.page_delay), of(|run| run.ticket_delay));
    let missed = pages.iter().filter(|delay| delay.is_infinite()).count();
    let many: usize = runs.iter().map(|run| run.pages).sum();
    let wrong: usize = runs.iter().map(|run| run.false_pages.len()).sum();
    let false_tickets: usize = runs.iter().map(|run| run.false_tickets).sum();
    let n = runs.len() as f64;
    println!(
        "{name:46} page {:>6} p90 {:>6} miss {missed:2}  ticket {:>6} p90 {:>6}  pages/run {:.2} false {wrong} ftick/run {:.1} [{took}s {:.1}M]",
        quantile(pages.clone(), 0.5),
        quantile(pages, 0.9),
        quantile(tickets.clone(), 0.5),
        quantile(tickets, 0.9),
        many as f64 / n,
        false_tickets as f64 / n,
        runs.iter().map(|run| run.events).sum::<u64>() as f64 / 1e6,
    );
    if std::env::var("DBG").is_ok() {
        for run in runs {
            for page in &run.false_pages {
                println!("     false {page}");
            }
            if let Some(first) = &run.first {
                println!("     {:?} {first}", run.page_delay);
            }
        }
    }
}
