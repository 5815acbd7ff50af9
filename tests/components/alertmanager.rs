//! A page goes through a real Alertmanager cluster of two.

use serde_json::{Value, json};

use crate::component::{Component, free_port};
use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::recorder::Recorder;
use crate::{http, installed, wait};

/// One rule with a threshold that a handful of events reaches, and no built-in one.
const RULES: &str = r#"
built_in_alerts: false
rules:
  - { name: ManyFailures, metric: failure_ratio, op: ">", value: 0.5, window: 5m, min_attempts: 4, for: 0s, keep_firing_for: 0s,
      severity: page, labels: { team: identity }, summary: "Too many sign-ins fail" }
links: { external_url: "https://sso.example.com", runbooks: "https://runbooks.example.com/{alertname}" }
"#;

/// A member of the cluster.
#[derive(Debug)]
pub(crate) struct Member {
    url: String,
    cluster: String,
    component: Component,
}

impl Member {
    /// Starts one that calls `hook` for each group of alerts but `Watchdog`, and joins `peer`.
    ///
    /// `group_interval` must be longer than `cluster.peer-timeout`, as it is by default (5 min and 15 s): otherwise the
    /// second member always looks at how things were, and calls for that.
    pub(crate) fn start(hook: &str, peer: Option<&Self>) -> Self {
        let config = format!(
            r#"
route:
  receiver: hook
  group_by: [ "alertname", "connection_id" ]
  group_wait: 100ms
  group_interval: 4s
  repeat_interval: 1h
  routes: [ {{ receiver: nobody, matchers: [ 'alertname="Watchdog"' ] }} ]
receivers:
  - name: nobody
  - {{ name: hook, webhook_configs: [ {{ url: "{hook}" }} ] }}
"#
        );
        Self::with(&config, peer)
    }

    /// Starts one with this configuration, which joins `peer`.
    pub(crate) fn with(config: &str, peer: Option<&Self>) -> Self {
        let (component, (url, cluster), ()) = Component::start(
            "alertmanager",
            |place| {
                let file = place.write("alertmanager.yml", config);
                let listen = format!("127.0.0.1:{}", free_port());
                let cluster = format!("127.0.0.1:{}", free_port());
                let mut command = installed::server("prometheus-alertmanager");
                command.arg(format!("--config.file={}", file.display()));
                command.arg(format!("--storage.path={}/data", place.path().display()));
                command.arg(format!("--web.listen-address={listen}"));
                command.arg(format!("--cluster.listen-address={cluster}"));
                command.arg(format!("--cluster.advertise-address={cluster}"));
                // As small as they go: a test waits for each of them.
                command.args(["--cluster.gossip-interval=50ms", "--cluster.pushpull-interval=1s"]);
                command.args(["--cluster.settle-timeout=1s", "--cluster.peer-timeout=1s"]);
                command.args(["--cluster.probe-interval=200ms", "--cluster.probe-timeout=100ms"]);
                // Says when a group of alerts has its turn.
                command.arg("--log.level=debug");
                if let Some(peer) = peer {
                    command.arg(format!("--cluster.peer={}", peer.cluster));
                }
                (command, (format!("http://{listen}"), cluster))
            },
            |_, (url, _)| {
                let answer = http::try_get(&format!("{url}/-/ready"))?;
                (answer.status == 200).then_some(())
            },
        );
        Self { url, cluster, component }
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Every alert that it shows of the name `alertname`.
    pub(crate) fn alerts(&self, alertname: &str) -> Vec<Value> {
        let url = format!("{}/api/v2/alerts?filter=alertname%3D%22{alertname}%22", self.url);
        http::get(&url).json().as_array().unwrap().clone()
    }

    /// Its turns to call for the incident: those that began, those among them that saw its end, and those that came to a
    /// decision. A turn begins by leaving the other member time to call, then looks into the log of notifications once.
    fn turns(&self) -> (usize, usize, usize) {
        let log = self.component.log();
        let begun = log
            .lines()
            .filter(|line| line.contains("msg=flushing") && line.contains("ManyFailures["));
        let begun: Vec<_> = begun.collect();
        let of_the_end = begun.iter().filter(|line| line.contains("[resolved]")).count();
        let metrics = http::get(&format!("{}/metrics", self.url)).body;
        let looks =
            metrics.lines().find_map(|line| line.strip_prefix("alertmanager_nflog_queries_total "));
        (begun.len(), of_the_end, looks.unwrap().parse().unwrap())
    }

    fn peers(&self) -> usize {
        let status = http::get(&format!("{}/api/v2/status", self.url)).json();
        status["cluster"]["peers"].as_array().map_or(0, Vec::len)
    }
}

/// `count` sign-ins of `connection` that end with `name`, a second ago.
fn ends(name: &str, connection: &str, count: usize) -> String {
    let at = now_millis() - 1000;
    let end = |n| event(name, Some(connection), &format!("{connection}_{name}_{n}"), at);
    (0..count).map(end).collect()
}

/// Waits until `hook` was called `calls` times; gives the status and the connection of each call.
fn calls(hook: &Recorder, calls: usize) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let bodies = wait::until(&format!("{calls} calls of the webhook"), || {
        Some(hook.bodies("/")).filter(|bodies| bodies.len() >= calls)
    });
    let call = |body: &Value| (text(&body["status"]), text(&body["commonLabels"]["connection_id"]));
    bodies.iter().map(call).collect()
}

#[test]
fn a_page_is_one_call_whatever_the_members_do_and_is_resolved_once() {
    let hook = Recorder::answering(200);
    let first = Member::start(&hook.url(), None);
    let mut second = Member::start(&hook.url(), Some(&first));
    wait::until("a cluster of two", || {
        [&first, &second].iter().all(|member| member.peers() == 2).then_some(())
    });
    let receiver = format!(
        "receivers: [ {{ alertmanager: {{ urls: [ {}, {} ] }} }} ]\n",
        first.url, second.url
    );
    let daemon = Daemon::start(&format!("{RULES}{receiver}"));

    daemon.push(&ends("sso_failed", "conn_1", 6));
    assert_eq!(calls(&hook, 1), [("firing".into(), "conn_1".into())]);
    for member in [&first, &second] {
        let alerts = wait::until("the alert", || {
            Some(member.alerts("ManyFailures")).filter(|alerts| !alerts.is_empty())
        });
        assert_is_the_page(&alerts);
        wait::until("Watchdog", || member.alerts("Watchdog").pop());
        wait::until("its turn", || (member.turns().2 > 0).then_some(()));
    }

    daemon.push(&ends("sso_succeeded", "conn_1", 20));
    assert_eq!(calls(&hook, 2)[1], ("resolved".into(), "conn_1".into()));
    for member in [&first, &second] {
        wait::until("the end", || member.alerts("ManyFailures").is_empty().then_some(()));
        wait::until("the turn after the end", || {
            let (begun, of_the_end, decided) = member.turns();
            (of_the_end > 0 && decided == begun).then_some(())
        });
    }
    assert_eq!(hook.requests("/").len(), 2, "each told once, by one member");

    second.component.kill();
    daemon.push(&ends("sso_failed", "conn_2", 6));
    let want = [("firing", "conn_1"), ("resolved", "conn_1"), ("firing", "conn_2")];
    assert_eq!(calls(&hook, 3), want.map(|(status, id)| (status.to_owned(), id.to_owned())));
}

/// The labels are what routes and silences match, the annotations what people read.
fn assert_is_the_page(alerts: &[Value]) {
    let [alert] = alerts else { panic!("one alert: {alerts:?}") };
    let labels = json!({
        "alertname": "ManyFailures", "severity": "page", "scope": "connection", "connection_id": "conn_1",
        "organization_id": "org_1", "team": "identity",
    });
    assert_eq!(alert["labels"], labels);
    assert_eq!(alert["status"]["state"], "active");
    let annotations = &alert["annotations"];
    let summary = annotations["summary"].as_str().unwrap();
    let words = "Too many sign-ins fail. conn_1: 6 of 6 sign-ins failed in 5m (100 %), of 6 people";
    assert!(summary.starts_with(words), "{summary}");
    let description = annotations["description"].as_str().unwrap();
    assert!(description.contains("50 % in 5m"), "{description}");
    assert_eq!(annotations["runbook_url"], "https://runbooks.example.com/ManyFailures");
    let dashboard = annotations["dashboard_url"].as_str().unwrap();
    assert!(dashboard.starts_with("https://sso.example.com/"), "{dashboard}");
}
