//! The shipped binary under load, killed again and again: what was acknowledged counts once, Datadog adds up to it, and the
//! pager hears of each change once.
//!
//! `KILLS=200 KILL_SEED=7 cargo test --test kill` is the long run; `make kill-test` does it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod daemon;
mod disk;
mod load;
mod services;

use std::collections::BTreeMap;
use std::env;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use daemon::Daemon;
use load::{Load, SECRET};
use services::Services;
use tokio::time::timeout;

/// Kills of a usual run: enough that every part of a start and of a commit is hit now and then over many runs.
const KILLS: u32 = 4;

/// Longest wait for one condition, far above what a busy machine takes.
pub(crate) const WAIT_MAX: Duration = Duration::from_mins(5);

fn number<T: std::str::FromStr>(name: &str, usual: T) -> T {
    env::var(name)
        .map_or(usual, |text| text.parse().ok().unwrap_or_else(|| panic!("{name}: not a number")))
}

fn config(services: &Services) -> String {
    let url = services.url();
    format!(
        "sources:\n  workos_webhook: {{ secret: {SECRET} }}\n  \
         workos_api: {{ api_key: sk_1, base_url: \"{url}/workos\", poll_interval: 1s, requests_per_minute: 6000 }}\n\
         sinks:\n  datadog: {{ api_key: k, metrics_url: \"{url}/metrics\", logs_url: \"{url}/logs\" }}\n\
         receivers: [ {{ pagerduty: {{ routing_key: k, url: \"{url}/pager\" }} }} ]\n\
         rules: [ {{ name: ManyFailures, metric: failures, op: \">\", value: 20, window: 1m, min_attempts: 1, keep_firing_for: 10s }} ]\n"
    )
}

/// What `fine` gives, looking a few times a second.
async fn met<T>(mut fine: impl AsyncFnMut() -> Option<T>) -> T {
    loop {
        if let Some(value) = fine().await {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// [`met`], which panics when it takes far too long.
pub(crate) async fn until<T>(what: &str, fine: impl AsyncFnMut() -> Option<T>) -> T {
    timeout(WAIT_MAX, met(fine)).await.unwrap_or_else(|_| panic!("{what}: waited in vain"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_survives_kills_under_load() {
    let (kills, seed) = (number("KILLS", KILLS), number("KILL_SEED", 1));
    let mut random = fastrand::Rng::with_seed(seed);
    let folder = tempfile::tempdir().unwrap();
    let services = Services::start(random.fork()).await;
    services.fail_half(true);
    let mut daemon = Daemon::start(folder.path(), &config(&services)).await;
    let load = Arc::new(Load::new(services.clone(), random.fork()));
    load.aim(&daemon.intake);
    let senders = load.start();
    for kill in 0..kills {
        // Somewhere in the next acknowledgements: while it starts, while it commits, while it sends.
        load.acknowledged(random.u64(0..80)).await;
        daemon.kill();
        daemon = Daemon::start(folder.path(), &config(&services)).await;
        load.aim(&daemon.intake);
        let promised = load.promised_before_the_start();
        until(&format!("what was acknowledged before kill {kill} is counted"), async || {
            (daemon.received().await >= promised).then_some(())
        })
        .await;
    }
    services.fail_half(false);
    load.finish(senders).await;
    let sent = load.sent();
    eprintln!(
        "{kills} kills, seed {seed}: {} events, {} acknowledged",
        sent.events(),
        load.promised()
    );
    settle(&daemon, &services, &sent).await;
}

/// Everything comes to its end, and adds up.
async fn settle(daemon: &Daemon, services: &Services, sent: &load::Totals) {
    let counted = until("every event is counted", async || {
        let counted = daemon.totals().await;
        (counted.events() >= sent.events()).then_some(counted)
    });
    assert_eq!(&counted.await, sent, "every event counts once");
    until("Datadog has all windows", async || (services.totals() == *sent).then_some(())).await;
    assert_eq!(services.changed_points(), [""; 0], "a window is sent with the same values again");
    let (mut told, mut fired) = (BTreeMap::new(), BTreeMap::new());
    let agreed = async || {
        fired = daemon.pages_if_over().await?;
        told = services.pages();
        (told == fired).then_some(())
    };
    let agreed = timeout(WAIT_MAX, met(agreed)).await.is_ok();
    eprintln!("Datadog: {} points; PagerDuty: {told:?}; fired: {fired:?}", services.points());
    assert!(agreed, "each page is told once, and its end");
    assert_eq!(services.unlogged(sent), 0, "every event is a log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_refuses_and_recovers() {
    disk::fills_up_and_recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoilt_tail_costs_nothing_that_was_acknowledged() {
    disk::a_spoilt_tail().await;
}

/// The newest segment of the journal under `data`.
pub(crate) fn newest_segment(data: &Path) -> std::path::PathBuf {
    let files = std::fs::read_dir(data.join("journal")).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|kind| kind == "journal")).max().unwrap()
}
