//! One Prometheus that scrapes several instances over NATS: boards and rules see each series from one of them.

use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::incident::rule_files;
use crate::nats::{Server, config, takeover};
use crate::prometheus::Prometheus;
use crate::recorder::Recorder;

/// What the owner alone shows, so that boards may add it up.
const OF_THE_OWNER: &str = "{__name__=~\"sso_.+|edge_.+|ssowatch_incidents|ssowatch_events_.+\"}";

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
    let mut first = Daemon::start(&config);
    let second = Daemon::start(&config);
    let targets = [&first, &second].map(|daemon| daemon.admin.strip_prefix("http://").unwrap());
    let prometheus = Prometheus::with_rules(&targets, &rule_files());
    let once = |finished: u32| {
        prometheus.wait_for(&format!("sum(sso_sessions_finished_total) == {finished}"));
        prometheus.wait_for("sum(ssowatch_journal_owner) == 1");
        prometheus.wait_for("count(ssowatch_incidents{alertname=\"Watchdog\"}) == 1");
        let instances = format!("count(count by (instance) ({OF_THE_OWNER})) == 1");
        prometheus.wait_for(&instances);
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

    first.kill();
    takeover(&[&second], 1);
    second.push(&ends(3, 10));
    once(60);
}
