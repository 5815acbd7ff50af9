//! A day of the whole daemon in minutes: real sockets, files and disk on simulated time, with good traffic, bad input, slow
//! clients, services that fail and restarts; memory and open files of each hour, and whether every good event counted once:
//! `cargo run --release --example long_day -- [--hours 24] [--folder DIR]`.
//!
//! Time stands while requests are under way and goes on by a second when they are answered, so that every timer of the daemon
//! runs as often as in a real day. What is measured is the process: daemon, load and simulated services together.

#![expect(clippy::print_stdout, reason = "a report for a terminal")]

mod client;
mod load;
mod services;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use ssowatch::app::Daemon;
use ssowatch::clock::Clock;
use ssowatch::config::Config;
use ssowatch::event::Timestamp;
use ssowatch::listener::Sockets;

use load::Load;
use services::Services;

/// Where simulated time begins: midnight.
const EPOCH: Timestamp = Timestamp::from_millis(1_767_225_600_000);

const HOUR_SECONDS: u64 = 3600;

/// How long a daemon lives: what leaked in it must have time to show.
const RESTART_HOURS: u64 = 8;

/// How much more memory, in per cent, the last quarter may take than the second: what is remembered of each event for four days
/// grows, by some bytes an event.
const GROWTH_PERCENT_MAX: u64 = 15;

/// Files that may be open more in the last quarter than in the second.
const FILES_MORE_MAX: usize = 16;

/// One line of the table.
#[derive(Clone, Copy)]
struct Hour {
    memory: u64,
    files: usize,
}

fn main() -> ExitCode {
    let (mut hours, mut folder) = (24, None);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let value = args.next().unwrap_or_else(|| panic!("{arg} needs a value"));
        match &*arg {
            "--hours" => hours = value.parse().expect("a number of hours, 4 or more"),
            "--folder" => folder = Some(PathBuf::from(value)),
            _ => panic!("--hours N, --folder DIR"),
        }
    }
    let own = tempfile::tempdir().expect("a folder");
    let folder = folder.unwrap_or_else(|| own.path().to_owned());
    // What the daemon runs on: paused time goes on only when `day` says so, because something blocking is always under way.
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build().expect("a runtime");
    runtime.block_on(day(hours, folder))
}

fn config(folder: &std::path::Path, services: &Services) -> Config {
    let (url, folder) = (services.url(), folder.display());
    let yaml = format!(
        "data_dir: {folder}/data\n\
         http: {{ admin: {{ listen: \"127.0.0.1:0\" }}, intake: {{ listen: \"127.0.0.1:0\" }} }}\n\
         sources:\n  workos_webhook: {{ secret: {secret} }}\n  \
         workos_api: {{ api_key: sk_1, base_url: \"{url}/workos\", poll_interval: 10s, directory_interval: 1h }}\n  \
         files: [ {{ path: \"{folder}/logs/events*.ndjson*\" }} ]\n  \
         edge: [ {{ path: \"{folder}/logs/access*.log\", format: nginx_combined, tier: web }} ]\n\
         journal: {{ embedded: {{ max_bytes: 64MiB }} }}\n\
         sinks:\n  datadog: {{ api_key: k, metrics_url: \"{url}/datadog\", logs_url: \"{url}/datadog\" }}\n  \
         otlp: {{ endpoint: \"{url}/otlp\", interval: 15s }}\n\
         receivers:\n  - pagerduty: {{ routing_key: k, url: \"{url}/pager\" }}\n  - alertmanager: {{ urls: [\"{url}/alertmanager\"] }}\n\
         rules: [ {{ name: ManyFailures, metric: failures, op: \">\", value: 20, window: 5m, min_attempts: 10, scope: connection, severity: page }} ]\n",
        secret = load::SECRET
    );
    Config::parse("long_day.yaml", &yaml, |_| None).expect("a good configuration")
}

async fn day(hours: u64, folder: PathBuf) -> ExitCode {
    std::fs::create_dir_all(folder.join("logs")).expect("a folder for logs");
    let services = Arc::new(Services::start());
    let config = config(&folder, &services);
    let clock = Clock::starting_at(EPOCH);
    let start = || {
        let mut sockets = Sockets::default();
        Daemon::start(&config, clock, &mut sockets, None).expect("the daemon starts")
    };
    let mut daemon = start();
    let mut load = Load::new(folder.join("logs"), Arc::clone(&services));
    let mut table = Vec::new();
    println!(
        "| hour | memory | open files | sign-ins | bad input | answers of services that failed | told the pager |"
    );
    println!("| --: | --: | --: | --: | --: | --: | --: |");
    for hour in 1..=hours {
        for second in 0..HOUR_SECONDS {
            load.aim(&daemon, clock.now());
            // Whatever is blocking keeps paused time where it is.
            load =
                blocking(load, move |load| load.second((hour - 1) * HOUR_SECONDS + second)).await;
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        let now = measured();
        println!(
            "| {hour} | {:.1} MiB | {} | {} | {} | {} | {} |",
            mib(now.memory),
            now.files,
            load.sign_ins(),
            load.bad(),
            services.failed(),
            services.told()
        );
        table.push(now);
        if hour.is_multiple_of(RESTART_HOURS) {
            daemon.stop().await;
            daemon = start();
        }
    }
    // A quiet quarter of an hour: what is late arrives.
    services.heal();
    for _ in 0..900 {
        load.aim(&daemon, clock.now());
        load = blocking(load, Load::quiet).await;
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let (sent, counted) = (load.sign_ins(), counted(&daemon));
    daemon.stop().await;
    println!("\n{sent} sign-ins were sent, {counted} counted.");
    verdict(&table, sent == counted)
}

/// Sign-ins that the daemon has counted.
fn counted(daemon: &Daemon) -> u64 {
    daemon.snapshots.borrow().fleet.totals.started
}

async fn blocking(mut load: Load, work: impl FnOnce(&mut Load) + Send + 'static) -> Load {
    let done = tokio::task::spawn_blocking(move || {
        work(&mut load);
        load
    });
    done.await.expect("the load does not panic")
}

fn verdict(table: &[Hour], all: bool) -> ExitCode {
    let quarter = table.len() / 4;
    let second = &table[quarter..2 * quarter];
    let last = &table[table.len() - quarter..];
    let most = |hours: &[Hour]| {
        let memory = hours.iter().map(|hour| hour.memory).max().unwrap_or_default();
        (memory, hours.iter().map(|hour| hour.files).max().unwrap_or_default())
    };
    let ((before, files_before), (after, files_after)) = (most(second), most(last));
    println!(
        "At most in the second quarter: {:.1} MiB, {files_before} files; in the last: {:.1} MiB, {files_after} files.",
        mib(before),
        mib(after)
    );
    let flat = after * 100 <= before * (100 + GROWTH_PERCENT_MAX)
        && files_after <= files_before + FILES_MORE_MAX;
    println!("{}", if flat && all { "Flat, and nothing lost." } else { "NOT as it should be." });
    if flat && all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn measured() -> Hour {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a size");
    Hour {
        memory: kilobytes * 1024,
        files: std::fs::read_dir("/proc/self/fd").expect("Linux").count(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a size in MiB with one digit")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}
