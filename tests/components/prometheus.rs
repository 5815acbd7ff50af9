//! A real Prometheus scrapes the daemon.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::component::{Component, free_port};
use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::{http, installed, wait};

/// A running Prometheus.
#[derive(Debug)]
pub(crate) struct Prometheus {
    url: String,
    #[expect(dead_code, reason = "runs as long as it is held")]
    component: Component,
}

impl Prometheus {
    /// Starts it; it scrapes `target`, an address with port, every 200 ms.
    fn scraping(target: &str) -> Self {
        Self::with_rules(&[target], &[])
    }

    /// Starts it; it scrapes `targets`, addresses with ports, and evaluates the files `rules`, every 200 ms.
    pub(crate) fn with_rules(targets: &[&str], rules: &[PathBuf]) -> Self {
        Self::of_job(
            &json!({"job_name": "ssowatch", "static_configs": [{"targets": targets}]}),
            rules,
        )
    }

    /// Starts it; it scrapes what `job`, an item of `scrape_configs`, says, and evaluates the files `rules`, every 200 ms.
    pub(crate) fn of_job(job: &Value, rules: &[PathBuf]) -> Self {
        let config = json!({
            "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms", "evaluation_interval": "200ms"},
            "rule_files": rules,
            "scrape_configs": [job],
        });
        let (component, url, ()) = Component::start(
            "prometheus",
            |place| {
                let file = place.write("prometheus.yml", config.to_string());
                let listen = format!("127.0.0.1:{}", free_port());
                let mut command = installed::server("prometheus");
                command.arg(format!("--config.file={}", file.display()));
                command.arg(format!("--storage.tsdb.path={}/data", place.path().display()));
                command.arg(format!("--web.listen-address={listen}"));
                (command, format!("http://{listen}"))
            },
            |_, url| {
                let answer = http::try_get(&format!("{url}/-/ready"))?;
                (answer.status == 200).then_some(())
            },
        );
        Self { url, component }
    }

    /// The series that an instant query gives.
    pub(crate) fn series(&self, expression: &str) -> Vec<Value> {
        let url = reqwest::Url::parse_with_params(
            &format!("{}/api/v1/query", self.url),
            [("query", expression)],
        );
        let answer = http::get(url.unwrap().as_str()).json();
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        answer["data"]["result"].as_array().unwrap().clone()
    }

    /// Every rule as it is now, once each has been evaluated.
    pub(crate) fn rules(&self) -> Vec<Value> {
        wait::until("every rule is evaluated", || {
            let answer = http::get(&format!("{}/api/v1/rules", self.url)).json();
            let groups = answer["data"]["groups"].as_array().unwrap();
            let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone());
            let rules: Vec<Value> = rules.collect();
            (rules.iter().all(|rule| rule["health"] != "unknown")).then_some(rules)
        })
    }

    /// The value of each series that an instant query gives.
    fn query(&self, expression: &str) -> Vec<f64> {
        let value = |series: &Value| series["value"][1].as_str().unwrap().parse().unwrap();
        self.series(expression).iter().map(value).collect()
    }

    /// The one value that `expression` has.
    pub(crate) fn value(&self, expression: &str) -> f64 {
        let values = self.query(expression);
        let [value] = *values else { panic!("{expression}: {values:?}") };
        value
    }

    /// Waits until the condition `expression` holds.
    pub(crate) fn wait_for(&self, expression: &str) {
        wait::until(expression, || self.query(expression).pop());
    }
}

/// What one connection of the input went through.
struct Share {
    connection: Option<&'static str>,
    succeeded: usize,
    failed: usize,
    timed_out: usize,
}

const SHARES: [Share; 4] = [
    Share { connection: Some("conn_busy"), succeeded: 40, failed: 10, timed_out: 2 },
    Share { connection: Some("conn_broken"), succeeded: 1, failed: 7, timed_out: 0 },
    Share { connection: Some("conn_quiet"), succeeded: 3, failed: 0, timed_out: 0 },
    Share { connection: None, succeeded: 0, failed: 2, timed_out: 0 },
];

/// The events of all shares, `round` telling the sessions from those of other calls, all within the last two minutes.
fn input(round: usize) -> Vec<String> {
    let start = now_millis() - 120_000;
    let mut events = Vec::new();
    for Share { connection, succeeded, failed, timed_out } in SHARES {
        let ends =
            [("sso_succeeded", succeeded), ("sso_failed", failed), ("sso_timed_out", timed_out)];
        for (name, count) in ends {
            for n in 0..count {
                let session = format!("{}_{round}_{name}_{n}", connection.unwrap_or("none"));
                let at = start + i64::try_from(n).unwrap() * 1000;
                events.push(event("sso_started", connection, &session, at));
                events.push(event(name, connection, &session, at + 20_000));
            }
        }
    }
    events
}

/// How many of `events` are the end `name` of a session of `connection`, or of any when it is none.
fn count(events: &[String], name: &str, connection: Option<&str>) -> f64 {
    let events = events.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of = |event: &Value| {
        let own = &event["data"]["sso"]["connection_id"];
        event["event"] == format!("authentication.{name}") && connection.is_none_or(|id| own == id)
    };
    f64::from(u32::try_from(events.filter(of).count()).unwrap())
}

fn assert_close(what: &str, got: f64, want: f64) {
    assert!((got - want).abs() < 1e-9, "{what}: got {got}, counted by hand {want}");
}

#[test]
fn prometheus_gives_the_ratios_and_counts_that_a_hand_count_gives() {
    let daemon = Daemon::start("");
    let prometheus = Prometheus::scraping(daemon.admin.strip_prefix("http://").unwrap());
    let mut events = input(1);
    daemon.push(&events.concat());
    // Sent twice, counted once.
    daemon.push(&events.concat());
    let finished = |events: &[String], connection| {
        ["sso_succeeded", "sso_failed", "sso_timed_out"]
            .map(|name| count(events, name, connection))
            .iter()
            .sum::<f64>()
    };
    let all = "sum(sso_sessions_finished_total)";
    prometheus.wait_for(&format!("{all} == {}", finished(&events, None)));
    assert_close("up", prometheus.value("up"), 1.0);
    for connection in ["conn_busy", "conn_broken", "conn_quiet"] {
        let of = Some(connection);
        let ratio = count(&events, "sso_failed", of) / finished(&events, of);
        let gauge = format!("sso_failure_ratio{{connection_id=\"{connection}\",window=\"5m\"}}");
        assert_close(&gauge, prometheus.value(&gauge), ratio);
        let series = format!("sso_sessions_finished_total{{connection_id=\"{connection}\"");
        let query = format!("sum({series},outcome=\"failed\"}}) / sum({series}}})");
        assert_close(&query, prometheus.value(&query), ratio);
    }
    let timeouts = count(&events, "sso_timed_out", None) / finished(&events, None);
    assert_close("fleet", prometheus.value("sso_fleet_timeout_ratio{window=\"1h\"}"), timeouts);
    let unknown = "sum(sso_sessions_finished_total{connection_id=\"unknown\"})";
    assert_close(unknown, prometheus.value(unknown), 2.0);

    // What is added after Prometheus knows the series is what `increase` sees.
    events = input(2);
    daemon.push(&events.concat());
    prometheus.wait_for(&format!("{all} == {}", 2.0 * finished(&events, None)));
    let failed = "sso_sessions_finished_total{connection_id=\"conn_busy\",outcome=\"failed\"}";
    let want = count(&events, "sso_failed", Some("conn_busy"));
    let exact = format!("max_over_time({failed}[5m]) - min_over_time({failed}[5m])");
    assert_close(&exact, prometheus.value(&exact), want);
    // Prometheus extrapolates by up to 1.1 intervals at each end: with 20 samples by 12 %.
    prometheus.wait_for(&format!("count_over_time({failed}[5m]) >= 20"));
    let increase = prometheus.value(&format!("increase({failed}[5m])"));
    assert!((want..=want * 1.12).contains(&increase), "increase {increase} for {want}");
}

#[test]
fn promtool_finds_nothing_to_say_about_the_metrics() {
    let daemon = Daemon::start("");
    daemon.push(&input(1).concat());
    let metrics = wait::until("series", || {
        Some(daemon.metrics()).filter(|text| text.contains("sso_failure_ratio{"))
    });
    let mut promtool = Command::new(installed::program("promtool"));
    promtool.args(["check", "metrics"]).stdin(Stdio::piped());
    let mut promtool = promtool.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let words = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success() && words.is_empty(), "{}: {words}\n{metrics}", output.status);
}
