//! An incident that a real Prometheus scrapes the daemon through: a connection that fails, an edge that refuses, a sink and a
//! receiver that take nothing.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::http;
use crate::prometheus::Prometheus;
use crate::recorder::Recorder;

/// The connection that fails.
pub(crate) const BROKEN: &str = "conn_broken";

/// The files of rules.
pub(crate) fn rule_files() -> [PathBuf; 3] {
    ["ssowatch", "ssowatch-incidents", "ssowatch-thresholds"].map(|name| {
        let file = format!("alerts/prometheus/{name}.rules.yaml");
        Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
    })
}

/// The incident, as long as it is held.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) prometheus: Prometheus,
    #[expect(dead_code, reason = "runs as long as it is held")]
    daemon: Daemon,
    #[expect(dead_code, reason = "answers as long as it is held")]
    services: [Recorder; 2],
}

impl Running {
    /// Three rounds of traffic, each of which Prometheus has seen, and a page.
    pub(crate) fn start() -> Self {
        let services = [Recorder::answering(202), Recorder::answering(400)];
        let daemon = Daemon::start(&config(&services));
        let target = daemon.admin.strip_prefix("http://").unwrap();
        let prometheus = Prometheus::with_rules(&[target], &rule_files());
        // What grows only once has a rate when it was seen before.
        for result in ["accepted", "dropped"] {
            prometheus.wait_for(&format!(
                "count(ssowatch_notifications_total{{result=\"{result}\"}}) > 0"
            ));
        }
        for round in 0..3 {
            send(&daemon, round);
            let finished = 73 * (round + 1);
            prometheus.wait_for(&format!("sum(sso_sessions_finished_total) == {finished}"));
            prometheus.wait_for(&format!("sum(edge_requests_total) == {}", 400 * (round + 1)));
        }
        prometheus.wait_for("sum(ssowatch_incidents{severity=\"page\", state=\"firing\"}) >= 1");
        for expected in [
            "sum(rate(ssowatch_notifications_total{result=\"accepted\"}[15m])) > 0",
            "sum(rate(ssowatch_notifications_total{result=\"dropped\"}[15m])) > 0",
            "sum(ssowatch_sink_dropped_total) > 0",
        ] {
            prometheus.wait_for(expected);
        }
        Self { prometheus, daemon, services }
    }
}

fn config([taking, refusing]: &[Recorder; 2]) -> String {
    format!(
        r#"
sinks:
  datadog: {{ api_key: k, metrics_url: "{url}", logs_url: "{url}" }}
  otlp: {{ endpoint: "{refusing}", interval: 5s }}
receivers: [ {{ webhook: {{ url: "{url}/hook" }} }}, {{ webhook: {{ name: other, url: "{refusing}/hook" }} }} ]
rules:
  - {{ name: ManyFailures, metric: failure_ratio, op: ">", value: 0.5, window: 5m, min_attempts: 10, scope: connection, severity: page }}
  - {{ name: SomeFailures, metric: failure_ratio, op: ">", value: 0.4, window: 5m, min_attempts: 10, scope: connection, severity: ticket }}
edge:
  internal: ["10.0.0.0/8"]
  limits: [ {{ name: login, tier: web, key: client, quota: 60/m }} ]
"#,
        url = taking.url(),
        refusing = refusing.url(),
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
        let status = [200, 404, 499, 502, 429, 403, 414, 200][n as usize % 8];
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
