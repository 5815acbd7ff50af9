//! How often the gate stops a healthy change, and how soon one that breaks everything:
//! `cargo run --release --example gate_report -- [--seeds N]`.

#![expect(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a report for a terminal, with small numbers"
)]

use ssowatch::backtest::gate::{Told, ask};
use ssowatch::backtest::healthy;
use ssowatch::event::Timestamp;
use ssowatch::simulate::{Scenario, library};

/// Healthy changes of one seed begin so often, for a day.
const EVERY_MILLIS: i64 = 600_000;

/// Streams of an edge on an ordinary day.
const EDGE: &str = "edge: { streams: [ { name: web_5xx, rate_per_min: 900, p0: 0.0008 }, { name: api_429, rate_per_min: 2000, p0: 0.0005 }, { name: admin_403, rate_per_min: 400, p0: 0.004 } ] }";

fn main() {
    let mut args = std::env::args().skip(1);
    let seeds: u64 = match args.next().as_deref() {
        Some("--seeds") => args.next().and_then(|text| text.parse().ok()).expect("--seeds N"),
        _ => 10,
    };
    let at = |text: &str| Timestamp::parse(text).expect("a time");
    let mut calm: Vec<Told> = Vec::new();
    for seed in 1..=seeds {
        let text = healthy(500, 2, seed, ("", EDGE));
        let scenario: Scenario = serde_saphyr::from_str(&text).expect("a scenario");
        let first = at("2025-06-17T00:00:00Z");
        let starts =
            (0..24 * 3_600_000 / EVERY_MILLIS).map(|n| first.plus_millis(n * EVERY_MILLIS));
        let starts: Vec<_> =
            starts.flat_map(|at| ["fleet", "all"].map(|scope| (at, scope))).collect();
        calm.extend(ask(scenario, Some(seed), at("2025-06-15T00:00:00Z"), &starts));
    }
    let mut outage: Vec<Told> = Vec::new();
    for seed in 1..=seeds {
        let text = library::text("workos-2025-10-10-authkit-28pct").expect("it is built in");
        let scenario: Scenario = serde_saphyr::from_str(text).expect("a scenario");
        let starts = ["fleet", "all"].map(|scope| (at("2025-10-10T16:05:00Z"), scope));
        outage.extend(ask(scenario, Some(seed), at("2025-10-10T08:00:00Z"), &starts));
    }
    for scope in ["fleet", "all"] {
        let of = |told: &&Told| told.scope == scope;
        let (all, stopped): (Vec<_>, Vec<_>) = (
            calm.iter().filter(of).collect(),
            calm.iter().filter(of).filter(|told| told.fail.is_some()).collect(),
        );
        let share = 100.0 * stopped.len() as f64 / all.len() as f64;
        println!(
            "{scope}: {} of {} healthy changes that asked for an hour were stopped ({share:.2} %)",
            stopped.len(),
            all.len()
        );
        for told in stopped {
            println!("  {} after {:?} s: {}", told.start, told.fail, told.reason);
        }
        let mut passes: Vec<i64> = all.iter().filter_map(|told| told.pass).collect();
        passes.sort_unstable();
        println!(
            "  passed after {:?} s in the median, {:?} s nine times in ten; {} never",
            passes.get(passes.len() / 2),
            passes.get(passes.len() * 9 / 10),
            all.len() - passes.len()
        );
        let mut fails: Vec<i64> =
            outage.iter().filter(of).map(|told| told.fail.unwrap_or(i64::MAX)).collect();
        fails.sort_unstable();
        let through = outage.iter().filter(of).filter(|told| told.pass.is_some()).count();
        println!(
            "  with the outage of 2025-10-10: stopped after {:?} s in the median, {:?} s at most; let through {through}",
            fails.get(fails.len() / 2),
            fails.last()
        );
    }
}
