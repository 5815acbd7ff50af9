//! The whole daemon on simulated time, network and disk, driven by one seed.
//!
//! Sources, fold, sinks and receivers are the daemon's own; the machine under them is not. It is killed, loses its power in
//! the middle of a write, has syncs that fail, a full disk, a clock that is an hour wrong, and services that take half of what
//! they are sent and forget to say so. In the end everything works again, and the promises of `docs/durability.md` must hold.
//!
//! `SIMULATION_SEEDS=7..8` runs seed 7 alone, the same in every run; `SIMULATION_RECORD=1` prints what happened in it.

pub(super) mod disk;
mod network;
mod plan;
mod promises;
mod senders;
mod services;
mod world;

use std::env;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use world::{Outcome, live};

/// Seeds of a usual run: seconds of work.
const SEEDS: Range<u64> = 1..25;

fn run(seed: u64) -> Outcome {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap().block_on(live(seed))
}

fn seeds() -> Range<u64> {
    let Ok(text) = env::var("SIMULATION_SEEDS") else { return SEEDS };
    let bounds = text.split_once("..").and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    let (first, end) = bounds.expect("SIMULATION_SEEDS is FIRST..END, e.g. 1..1001");
    first..end
}

#[test]
fn every_promise_is_kept_whatever_goes_wrong() {
    let seeds = seeds();
    let (next, failures) = (AtomicU64::new(seeds.start), Mutex::new(Vec::new()));
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let outcome = run(seed);
                    if env::var_os("SIMULATION_RECORD").is_some() {
                        eprintln!("{}{}", outcome.record, outcome.broken.join("\n"));
                    }
                    if let Some(first) = outcome.broken.first() {
                        let count = outcome.broken.len();
                        let words = format!("seed {seed}: {first} ({count} in all)");
                        failures.lock().unwrap().push(words);
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    assert!(failures.is_empty(), "{} seeds failed:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_seed_is_the_same_run_every_time() {
    let (first, second) = (run(SEEDS.start).record, run(SEEDS.start).record);
    assert!(first.lines().count() > 100, "{first}");
    let place = first.lines().zip(second.lines()).position(|(a, b)| a != b);
    assert_eq!(first, second, "they part at line {place:?}");
}
