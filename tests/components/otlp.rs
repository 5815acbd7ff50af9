//! An OTLP receiver that others wrote decodes what is pushed.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::component::{Component, free_port};
use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::{http, installed, wait};

/// More than the SDK keeps series apart by itself.
const CONNECTIONS: usize = 2_500;

/// Datadog's test agent, which keeps what it decoded.
#[derive(Debug)]
struct Receiver {
    url: String,
    #[expect(dead_code, reason = "runs as long as it is held")]
    component: Component,
}

impl Receiver {
    fn start() -> Self {
        let (component, url, ()) = Component::start(
            "ddapm-test-agent",
            |place| {
                let agent = installed::python().with_file_name("ddapm-test-agent");
                let mut command = installed::bound_to_this_thread(agent);
                let port = free_port();
                command.args(["--host", "127.0.0.1", "--port", &free_port().to_string()]);
                command.args(["--otlp-grpc-port", &free_port().to_string()]);
                command.args(["--otlp-http-port", &port.to_string()]);
                command.arg("--snapshot-dir").arg(place.path());
                (command, format!("http://127.0.0.1:{port}"))
            },
            |_, url| {
                let answer = http::try_get(&format!("{url}/test/session/metrics"))?;
                (answer.status == 200).then_some(())
            },
        );
        Self { url, component }
    }

    /// Everything that came on `path`, decoded: the items of `list` of each scope.
    fn all(&self, path: &str, of_resource: [&str; 3]) -> Vec<Value> {
        let [resources, scopes, list] = of_resource;
        let requests = http::get(&format!("{}/test/session/{path}", self.url)).json();
        let each = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
        let requests = requests.as_array().unwrap().iter();
        let resources = requests.flat_map(|request| each(request, resources));
        let scopes = resources.flat_map(|resource| each(&resource, scopes));
        scopes.flat_map(|scope| each(&scope, list)).collect()
    }

    fn metrics(&self, name: &str) -> Vec<Value> {
        let all = self.all("metrics", ["resource_metrics", "scope_metrics", "metrics"]);
        all.into_iter().filter(|metric| metric["name"] == name).collect()
    }
}

fn attribute(point: &Value, key: &str) -> Option<String> {
    let mut attributes = point["attributes"].as_array()?.iter();
    let found = attributes.find(|attribute| attribute["key"] == key)?;
    Some(found["value"]["string_value"].as_str()?.to_owned())
}

#[test]
fn thousands_of_connections_arrive_whole_with_their_histogram() {
    let receiver = Receiver::start();
    let daemon = Daemon::start(&format!(
        "sinks: {{ otlp: {{ endpoint: \"{}\", interval: 5s }} }}\n",
        receiver.url
    ));
    let at = now_millis() - 60_000;
    let lines: String = (0..CONNECTIONS)
        .flat_map(|n| {
            let (connection, session) = (format!("conn_{n}"), format!("session_{n}"));
            ["sso_started", "sso_succeeded"].map(|name| {
                let later = if name == "sso_started" { 0 } else { 4_000 };
                event(name, Some(&connection), &session, at + later)
            })
        })
        .collect();
    assert_eq!(daemon.push(&lines)["accepted"], 2 * CONNECTIONS);
    let started: BTreeMap<String, f64> = wait::until("all connections arrive", || {
        let metrics = receiver.metrics("sso.sessions_started");
        let points = metrics.iter().flat_map(|metric| {
            assert_eq!(metric["sum"]["is_monotonic"], true, "{metric}");
            metric["sum"]["data_points"].as_array().cloned().unwrap()
        });
        let values = points.map(|point| {
            (attribute(&point, "connection_id").unwrap(), point["as_double"].as_f64().unwrap())
        });
        let values: BTreeMap<_, _> = values.collect();
        (values.len() >= CONNECTIONS).then_some(values)
    });
    assert!((0..CONNECTIONS).all(|n| started[&format!("conn_{n}")] > 0.5));
    assert_eq!(started.len(), CONNECTIONS, "and nothing besides, such as an overflow");
    // Protobuf's JSON has whole numbers as texts.
    let all = CONNECTIONS.to_string();
    let point = wait::until("the histogram arrives", || {
        let metrics = receiver.metrics("sso.session_duration_seconds");
        let mut points = metrics.iter().map(|metric| metric["histogram"]["data_points"][0].clone());
        points.find(|point| point["count"] == all)
    });
    assert_eq!(point["explicit_bounds"][2], 5.0, "{point}");
    assert_eq!(point["bucket_counts"][2], all, "each took four seconds: {point}");
    assert_eq!(point["sum"], 10_000.0, "{point}");
}

/// The sessions of the log records that came, and how bad each was. What came twice is there once.
fn logged(receiver: &Receiver) -> BTreeMap<String, String> {
    let records = receiver.all("logs", ["resource_logs", "scope_logs", "log_records"]);
    let each = records.iter().map(|record| {
        assert_eq!(attribute(record, "connection_id").as_deref(), Some("conn_1"), "{record}");
        let severity = record["severity_text"].as_str().unwrap().to_owned();
        (attribute(record, "session.id").unwrap(), severity)
    });
    each.collect()
}

#[test]
fn each_event_arrives_as_a_log_record_though_the_daemon_is_killed() {
    let receiver = Receiver::start();
    let mut daemon = Daemon::start(&format!(
        "sinks: {{ otlp: {{ endpoint: \"{}\", metrics: false, logs: true }} }}\n",
        receiver.url
    ));
    let at = now_millis() - 60_000;
    let mut sent = BTreeMap::new();
    for life in 0..2 {
        let mut lines = String::new();
        for n in 0..1_200 {
            let session = format!("session_{life}_{n}");
            lines += &event("sso_failed", Some("conn_1"), &session, at);
            sent.insert(session, "ERROR".to_owned());
        }
        assert_eq!(daemon.push(&lines)["accepted"], 1_200);
        daemon.kill();
        daemon.start_again();
    }
    wait::until("all events arrive", || (logged(&receiver).len() >= sent.len()).then_some(()));
    assert_eq!(logged(&receiver), sent);
}
