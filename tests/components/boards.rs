//! The Grafana boards: every query on a real Prometheus that scraped the daemon through an incident, and every key before
//! Grafana's own schema.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::payloads::compile;
use crate::prometheus::Prometheus;
use crate::recorder::Recorder;
use crate::{http, wait};

/// Queries that give nothing here, and why.
const SILENT: [(&str, &str); 2] = [
    ("offset 1w", "nobody scraped a week ago"),
    ("ssowatch_sink_dropped_total", "no sink had to give anything up"),
];

/// What Grafana puts in for its variables; the intervals are longer than the test lasts on the slowest machine.
const VARIABLES: [(&str, &str); 6] = [
    ("$__rate_interval", "15m"),
    ("$__range", "15m"),
    ("=~\"$organization\"", "=~\".*\""),
    ("=~\"$connection\"", "=~\".*\""),
    ("=~\"$tier\"", "=~\".*\""),
    ("$connection", "conn_broken"),
];

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn boards() -> Vec<(String, Value)> {
    let names = ["ssowatch-overview", "ssowatch-connection"];
    let read = |name: &str| {
        let text =
            fs::read_to_string(repository("dashboards/grafana").join(format!("{name}.json")));
        (name.to_owned(), serde_json::from_str(&text.unwrap()).unwrap())
    };
    names.map(read).into()
}

/// A thing on a board that asks something.
struct Asked {
    what: String,
    unit: String,
    query: String,
}

/// The queries of a board: of its panels, those in rows included, and of its annotations.
fn queries(name: &str, board: &Value) -> Vec<Asked> {
    let rows = board["panels"].as_array().unwrap().iter();
    let panels = rows.flat_map(|panel| {
        let inner = panel["panels"].as_array().cloned().unwrap_or_default();
        std::iter::once(panel.clone()).chain(inner)
    });
    let mut asked = Vec::new();
    for panel in panels {
        for target in panel["targets"].as_array().cloned().unwrap_or_default() {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            asked.push(Asked {
                what: format!("{name}: {}", text(&panel["title"])),
                unit: text(&panel["fieldConfig"]["defaults"]["unit"]),
                query: text(&target["expr"]),
            });
        }
    }
    for annotation in board["annotations"]["list"].as_array().unwrap() {
        let query = annotation["expr"].as_str().unwrap_or_default().to_owned();
        let what = format!("{name}: annotation {}", annotation["name"]);
        asked.push(Asked { what, unit: String::new(), query });
    }
    asked
}

fn config(recorder: &Recorder) -> String {
    format!(
        r#"
sinks:
  datadog: {{ api_key: k, metrics_url: "{url}", logs_url: "{url}" }}
receivers: [ {{ webhook: {{ url: "{url}/hook" }} }} ]
rules:
  - {{ name: ManyFailures, metric: failure_ratio, op: ">", value: 0.5, window: 5m, min_attempts: 10, scope: connection, severity: page }}
  - {{ name: SomeFailures, metric: failure_ratio, op: ">", value: 0.4, window: 5m, min_attempts: 10, scope: connection, severity: ticket }}
edge:
  internal: ["10.0.0.0/8"]
  limits: [ {{ name: login, tier: web, key: client, quota: 60/m }} ]
"#,
        url = recorder.url()
    )
}

/// What a round of traffic is: sign-ins that mostly work on one connection and mostly fail on another, and requests at the edge.
fn traffic(round: usize) -> (String, String) {
    let now = now_millis();
    let mut events = String::new();
    for (connection, name, count) in [
        ("conn_fine", "sso_succeeded", 30),
        ("conn_fine", "sso_failed", 2),
        ("conn_peer", "sso_succeeded", 15),
        ("conn_broken", "sso_succeeded", 2),
        ("conn_broken", "sso_failed", 20),
        ("conn_broken", "sso_timed_out", 3),
    ] {
        for n in 0..count {
            let session = format!("{connection}_{round}_{name}_{n}");
            events += &event("sso_started", Some(connection), &session, now - 21_000);
            events += &event(name, Some(connection), &session, now - 1000);
        }
    }
    // Nobody ever hears how this one ended.
    let lost = format!("lost_{round}");
    events += &event("sso_started", Some("conn_broken"), &lost, now - 7 * 60_000);
    for (connection, kind) in
        [("conn_fine", "OktaSAML"), ("conn_peer", "AzureSAML"), ("conn_broken", "AzureSAML")]
    {
        let about = json!({"object": "connection", "id": connection, "organization_id": format!("org_{connection}"),
            "connection_type": kind, "name": connection, "state": "active"});
        let certificate = json!({"connection": {"id": connection}, "days_until_expiry": 20, "certificate": {
            "certificate_type": "ResponseSigning", "is_expired": false,
            "expiry_date": ssowatch::event::Timestamp::from_millis(now + 20 * 86_400_000).to_string()}});
        for (name, data) in
            [("activated", about), ("saml_certificate_renewal_required", certificate)]
        {
            let id = format!("event_{name}_{connection}_{round}");
            let at = ssowatch::event::Timestamp::from_millis(now - 30_000).to_string();
            let event = json!({"object": "event", "id": id, "event": format!("connection.{name}"), "created_at": at, "data": data});
            writeln!(events, "{event}").unwrap();
        }
    }
    let mut lines = String::new();
    for n in 0..400_u32 {
        let status = [200, 200, 200, 502, 429, 403, 414, 200][n as usize % 8];
        let remote =
            if n % 10 == 0 { "10.1.2.3".to_owned() } else { format!("203.0.113.{}", n % 3) };
        let line = json!({"msec": f64::from(u32::try_from((now - 2000) / 1000).unwrap()) + f64::from(n % 100) / 100.0,
            "remote_addr": remote, "request_method": "GET", "host": "example.com", "request_uri": "/login",
            "status": status, "request_time": f64::from(n % 50) / 100.0});
        writeln!(lines, "{line}").unwrap();
    }
    (events, lines)
}

/// Sends a round of traffic, with what is wrong, repeated and late in it.
fn send(daemon: &Daemon, round: usize) {
    let (events, lines) = traffic(round);
    daemon.push(&events);
    daemon.push(&events);
    daemon.push("{not json\n");
    let late = event(
        "sso_succeeded",
        Some("conn_fine"),
        &format!("late_{round}"),
        now_millis() - 3 * 3_600_000,
    );
    daemon.push(&late);
    // A request for nothing, and a connection that speaks another language.
    assert_eq!(http::get(&format!("{}/nothing", daemon.intake)).status, 404);
    let mut stranger =
        std::net::TcpStream::connect(daemon.intake.strip_prefix("http://").unwrap()).unwrap();
    stranger.write_all(b"SSH-2.0-OpenSSH\r\n\r\n").unwrap();
    std::io::copy(&mut stranger, &mut std::io::sink()).unwrap();
    let url = format!("{}/v1/edge?format=nginx_json&tier=web", daemon.intake);
    assert_eq!(http::post(&url, lines).status, 200);
}

#[test]
fn every_query_of_the_boards_gives_data_in_an_incident() {
    let recorder = Recorder::answering(202);
    let daemon = Daemon::start(&config(&recorder));
    let rules = ["ssowatch", "ssowatch-incidents", "ssowatch-thresholds"]
        .map(|name| repository(&format!("alerts/prometheus/{name}.rules.yaml")));
    let prometheus = Prometheus::with_rules(daemon.admin.strip_prefix("http://").unwrap(), &rules);
    for round in 0..3 {
        send(&daemon, round);
        let finished = 73 * (round + 1);
        prometheus.wait_for(&format!("sum(sso_sessions_finished_total) == {finished}"));
        prometheus.wait_for(&format!("sum(edge_requests_total) == {}", 400 * (round + 1)));
    }
    prometheus.wait_for("sum(ssowatch_incidents{severity=\"page\", state=\"firing\"}) >= 1");
    prometheus.wait_for("sum(rate(ssowatch_notifications_total[15m])) > 0");
    let mut table =
        "| panel | series | first value | unit | query |\n| --- | --- | --- | --- | --- |\n"
            .to_owned();
    let mut empty = Vec::new();
    for (name, board) in boards() {
        for Asked { what, unit, query } in queries(&name, &board) {
            let ready = VARIABLES
                .iter()
                .fold(query.clone(), |query, (name, value)| query.replace(name, value));
            assert!(!ready.contains('$'), "{what}: {ready}");
            let silent = SILENT.iter().any(|(part, _)| query.contains(part));
            // Rates need a second sample, rules a second look: what has data has it soon.
            let series = if silent { Vec::new() } else { found(&prometheus, &ready) };
            if series.is_empty() && !silent {
                empty.push(format!("{what}: {ready}"));
            }
            let first = series.first().map_or("", |series| series["value"][1].as_str().unwrap());
            let query = query.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
            writeln!(table, "| {what} | {} | {first} | {unit} | `{query}` |", series.len())
                .unwrap();
        }
    }
    fs::write(repository("target/boards.md"), table).unwrap();
    assert!(empty.is_empty(), "no data:\n{}", empty.join("\n"));
}

/// What a query gives, once it gives something; nothing after a while.
fn found(prometheus: &Prometheus, query: &str) -> Vec<Value> {
    wait::briefly(|| Some(prometheus.series(query)).filter(|series| !series.is_empty()))
        .unwrap_or_default()
}

/// A word of an enum may stand for it; annotations have what Prometheus's data source adds.
const TYPES: &str = r#"
import type { AnnotationQuery, Dashboard } from "@grafana/schema";
type Plain<T> = T extends string ? `${T}` : T extends (infer U)[] ? Plain<U>[]
    : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
type Annotation = Plain<AnnotationQuery>
    & { expr: string, step?: string, tagKeys?: string, textFormat?: string, titleFormat?: string };
type Board = Omit<Plain<Dashboard>, "annotations"> & { annotations: { list: Annotation[] } };
"#;

#[test]
fn grafanas_own_schema_knows_every_key_and_word_of_the_boards() {
    let boards = boards();
    let values: Vec<_> = boards.iter().map(|(_, board)| ("Board", board)).collect();
    assert_eq!(compile(TYPES, &values), "");
    let mut wrong = boards[0].1.clone();
    wrong["refrsh"] = json!("30s");
    wrong["panels"][1]["fieldConfig"]["defaults"]["color"]["mode"] = json!("treshold");
    let words = compile(TYPES, &[("Board", &wrong)]);
    assert!(words.contains("refrsh") || words.contains("treshold"), "{words}");
}
