//! A flood of unsigned webhooks against the shipped binary, with good ones beside it:
//! `cargo build --release && cargo run --release --example flood -- [--rate 20000] [--seconds 60] [--binary target/release/ssowatch]`.
//!
//! Prints how many of the flood came through, whether every good event counted, how long a page took with and without the flood,
//! and what the daemon took of memory and processor. Ends with 1 when something was lost, late or large.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a report for a terminal, real time is what is measured, and counts are small"
)]

mod daemon;
mod flood;
mod good;
mod pager;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use daemon::{Daemon, Use};
use good::Good;
use pager::Pager;

/// How long good traffic flows alone, before and after: as long as a page needs, and more.
const QUIET: Duration = Duration::from_secs(10);

/// A page may be later than without a flood by that much: one look of the engine and one of the receiver.
const LATE_MAX: Duration = Duration::from_secs(3);

/// More memory than before the flood: connections and what is under way.
const GROWTH_BYTES_MAX: u64 = 64 << 20;

fn main() -> ExitCode {
    let (mut rate, mut seconds, mut binary) = (20_000, 60, "target/release/ssowatch".to_owned());
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let value = args.next().unwrap_or_else(|| panic!("{arg} needs a value"));
        match &*arg {
            "--rate" => rate = value.parse().expect("--rate N"),
            "--seconds" => seconds = value.parse().expect("--seconds N"),
            "--binary" => binary = value,
            _ => panic!("--rate N, --seconds N, --binary PATH"),
        }
    }
    let pager = Pager::start();
    let daemon = Daemon::start(&binary, &pager.url());
    let over = AtomicBool::new(false);
    let good = Good::new(daemon.intake);
    let measured = thread::scope(|scope| {
        let sending = scope.spawn(|| good.send(&over));
        // Once without anything else, so that what comes later is only the flood's.
        let quiet_page = page(&good, &pager, "conn_quiet");
        thread::sleep(QUIET);
        let before = daemon.measure();
        let flood = scope.spawn(|| flood::run(daemon.intake, rate, seconds));
        thread::sleep(Duration::from_secs(seconds / 3));
        let flood_page = page(&good, &pager, "conn_flood");
        let mut most = before;
        while !flood.is_finished() {
            most = most.max(daemon.measure());
            thread::sleep(Duration::from_millis(200));
        }
        let flood = flood.join().expect("it does not panic");
        let during = daemon.measure();
        thread::sleep(QUIET);
        over.store(true, Ordering::Relaxed);
        let waits = sending.join().expect("it does not panic");
        let after = daemon.measure();
        Measured { flood, waits, quiet_page, flood_page, before, most, during, after }
    });
    measured.report(&daemon)
}

/// Failures on `connection`, until the pager has heard of them.
fn page(good: &Good, pager: &Pager, connection: &'static str) -> Duration {
    let begun = Instant::now();
    good.fail(connection);
    pager.wait_for(connection, Duration::from_mins(1));
    begun.elapsed()
}

struct Measured {
    flood: flood::Outcome,
    /// How long good webhooks waited for their answers, sorted.
    waits: Vec<Duration>,
    quiet_page: Duration,
    flood_page: Duration,
    before: Use,
    most: Use,
    during: Use,
    after: Use,
}

impl Measured {
    fn report(&self, daemon: &Daemon) -> ExitCode {
        let Self { flood, waits, quiet_page, flood_page, before, most, during, after } = self;
        let wall = flood.wall.as_secs_f64();
        let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
        let counted = daemon.wait_for_good(waits.len() as u64);
        let refused = daemon.refused();
        println!("| | |\n| --- | --: |");
        println!("| unsigned webhooks sent, in {wall:.1} s | {} |", flood.sent);
        println!("| a second | {:.0} |", flood.sent as f64 / wall);
        println!("| answered 401; otherwise | {}; {} |", flood.unauthorized, flood.otherwise);
        println!("| counted as refused | {refused} |");
        println!("| good webhooks acknowledged; counted | {}; {counted} |", waits.len());
        let at = |share: usize| {
            waits[(waits.len() * share / 1000).min(waits.len() - 1)].as_secs_f64() * 1000.0
        };
        println!(
            "| answer to a good webhook: median; 99 of 100; slowest | {:.1} ms; {:.1} ms; {:.1} ms |",
            at(500),
            at(990),
            at(1000)
        );
        println!(
            "| from the first failure to the page: without; with the flood | {:.2} s; {:.2} s |",
            quiet_page.as_secs_f64(),
            flood_page.as_secs_f64()
        );
        println!(
            "| memory before; most; after | {:.1}; {:.1}; {:.1} MiB |",
            mib(before.memory),
            mib(most.memory),
            mib(after.memory)
        );
        println!(
            "| processor of the daemon during the flood | {:.2} cores |",
            (during.cpu - before.cpu) / wall
        );
        println!("| lines that it logged | {} |", daemon.lines());
        let fine = counted == waits.len() as u64
            && *flood_page <= *quiet_page + LATE_MAX
            && most.memory <= before.memory + GROWTH_BYTES_MAX;
        println!(
            "\n{}",
            if fine { "Nothing lost, late or large." } else { "NOT as it should be." }
        );
        if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
