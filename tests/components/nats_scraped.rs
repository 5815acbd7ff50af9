//! One Prometheus that scrapes several instances over NATS: boards and rules see each series from one of them.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::incident::rule_files;
use crate::nats::{Server, config, signal, takeover};
use crate::prometheus::Prometheus;
use crate::recorder::Recorder;

/// What the owner alone shows, so that boards may add it up.
const OF_THE_OWNER: &str = "{__name__=~\"sso_.+|edge_.+|ssowatch_incidents|ssowatch_events_.+\"}";

/// The job of the page about several instances, for these two.
fn documented(targets: &[&str; 2]) -> Value {
    let page = include_str!("../../docs/scaling.md");
    let text = page.split_once("### Prometheus").unwrap().1.split_once("```yaml\n").unwrap().1;
    let config: Value = serde_saphyr::from_str(text.split_once("```").unwrap().0).unwrap();
    let mut job = config["scrape_configs"][0].clone();
    job["static_configs"] = json!([{"targets": targets}]);
    job
}

/// Ends of sign-ins on one connection.
fn ends(round: u32, count: u32) -> String {
    let end =
        |n| event("sso_succeeded", Some("conn_1"), &format!("s{round}_{n}"), now_millis() - 1000);
    (0..count).map(end).collect()
}

#[test]
fn sums_over_several_instances_count_once_before_and_after_a_takeover() {
    let servers = [Server::alone()];
    let pager = Recorder::answering(202);
    let config = config(&servers, &pager);
    let first = Daemon::start(&config);
    let mut second = Daemon::start(&config);
    let targets = [&first, &second].map(|daemon| daemon.admin.strip_prefix("http://").unwrap());
    let prometheus = Prometheus::of_job(&documented(&targets), &rule_files());
    let once = |finished: u32| {
        prometheus.wait_for(&format!("sum(sso_sessions_finished_total) == {finished}"));
        prometheus.wait_for("sum(ssowatch_journal_owner) == 1");
        prometheus.wait_for("count(ssowatch_incidents{alertname=\"Watchdog\"}) == 1");
        // Prometheus forgets an instance that is gone a scrape later.
        let shown = format!(
            "max(count by (__name__) (count by (__name__, instance) ({OF_THE_OWNER}))) == 1"
        );
        prometheus.wait_for(&shown);
    };
    prometheus.wait_for("count(up == 1) == 2");
    first.push(&ends(1, 20));
    second.push(&ends(2, 30));
    once(50);
    for rule in prometheus.rules() {
        assert_eq!(rule["health"], "ok", "{rule}");
        let own = ["SsowatchDown", "SsowatchNotWatching", "JournalNotOwned", "JournalOwnedTwice"];
        if own.iter().any(|name| rule["name"] == *name) {
            assert_eq!(rule["state"], "inactive", "{rule}");
        }
    }

    // From the first to the second and back. Prometheus sees each of the 150 come.
    signal(&first, Signal::STOP);
    takeover(&[&first, &second], 0);
    signal(&first, Signal::CONT);
    once(50);
    second.push(&ends(3, 100));
    once(150);
    second.kill();
    takeover(&[&first], 1);
    once(150);
    first.push(&ends(4, 50));
    once(200);
    let increase = "sum(increase(sso_sessions_finished_total[10m]))";
    prometheus.wait_for(&format!("{increase} >= 150"));
    // A little is added for what may have been before the first sample and after the last; with a series for each instance 250 and more.
    let counted = prometheus.value(increase);
    assert!((150.0..220.0).contains(&counted), "{counted}");
}
