//! Every figure of `docs/performance.md`: `make bench`, or `cargo bench --bench figures -- [--runs N] [--binary PATH] [GROUP...]`.
//!
//! Another program than the one that was just built can be measured, so that two commits stand side by side.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a table for a terminal, and real time is what is measured"
)]

mod baseline;
mod daemon;
mod events;
mod hot;
mod http;
mod inside;
mod load;
mod overload;
mod process;
mod rows;
mod table;

use std::path::{Path, PathBuf};

use self::rows::Bench;
use self::table::{Figure, Table};

/// One run of a group.
type Group = fn(&Bench) -> Vec<Figure>;

const GROUPS: [(&str, Group); 11] = [
    ("replay-1000", |bench| bench.replay(1_000)),
    ("replay-100000", |bench| bench.replay(100_000)),
    ("push", Bench::push),
    ("webhooks", Bench::webhooks),
    ("fleet-1000", |bench| bench.fleet(1_000)),
    ("fleet-100000", |bench| bench.fleet(100_000)),
    ("visible", Bench::visible),
    ("overload", Bench::overload),
    ("tick", |_| Bench::tick()),
    ("hot", Bench::hot),
    ("build", Bench::build),
];

fn main() {
    let mut runs = 3;
    let mut binary = PathBuf::from(env!("CARGO_BIN_EXE_ssowatch"));
    let mut wanted = Vec::new();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().unwrap_or_else(|| panic!("{arg} needs a value"));
        match &*arg {
            // Cargo says so.
            "--bench" => {}
            "--runs" => runs = value().parse().expect("--runs N"),
            "--binary" => binary = value().into(),
            "inside" => {
                let (function, connections, events) = (value(), value(), value());
                let connections = connections.parse().expect("a number of connections");
                let cost = inside::hot(&function, connections, events.parse().expect("a number"));
                println!("{} {}", cost.nanos_an_event, cost.bytes_a_connection);
                return;
            }
            _ => wanted.push(arg),
        }
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
    // A recording that another build has made has other events.
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).expect("a folder for measured files");
    let bench = Bench { binary, folder };
    let mut table = Table::default();
    println!("load before: {}", process::load());
    for run in 1..=runs {
        for (name, group) in GROUPS {
            // Building anew takes minutes and varies little.
            let called =
                |wanted: &String| *wanted == name || name.split('-').next() == Some(wanted);
            let chosen = wanted.is_empty() || wanted.iter().any(called);
            if chosen && (name != "build" || run == 1) {
                eprintln!("run {run} of {runs}: {name}");
                table.add(group(&bench));
            }
        }
    }
    println!("load after: {}\n\n{}", process::load(), table.text());
}
