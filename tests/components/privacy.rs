//! A run full of marked personal data, and every place where any of it could come out.

use std::fs;
use std::path::Path;

use serde_json::json;
use ssowatch::event::Timestamp;

use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::recorder::Recorder;
use crate::{http, wait};

/// What must be nowhere: an address, a person, a user, a browser, an address of the network.
const MARKS: [&str; 5] =
    ["marked.person", "marked.example", "user_MARKED", "MarkedAgent", "203.0.113.199"];

fn config(recorder: &Recorder, personal: &str) -> String {
    // Whoever drops addresses cannot count by them.
    let limits = match personal {
        "drop" => "",
        _ => "edge: { limits: [ { name: login, tier: web, key: client, quota: 60/m } ] }",
    };
    format!(
        r#"
privacy: {{ personal: {personal} }}
sinks:
  datadog: {{ api_key: k, metrics_url: "{url}", logs_url: "{url}" }}
  otlp: {{ endpoint: "{url}", interval: 5s }}
receivers:
  - webhook: {{ url: "{url}/hook" }}
  - slack: {{ webhook_url: "{url}/slack" }}
  - pagerduty: {{ routing_key: r, url: "{url}" }}
  - alertmanager: {{ urls: ["{url}"] }}
  - datadog_event: {{ api_key: k, url: "{url}" }}
rules:
  - {{ name: ManyFailures, metric: failure_ratio, op: ">", value: 0.5, window: 5m, min_attempts: 10, scope: connection, severity: page }}
{limits}
"#,
        url = recorder.url()
    )
}

fn sign_ins() -> String {
    let marked = |line: String| {
        line.replace("203.0.113.42", "203.0.113.199")
            .replace("Mozilla/5.0", "MarkedAgent/1.0")
            .replace("@example.com", ".marked.person@marked.example")
            .replace(":\"user_", ":\"user_MARKED_")
    };
    let of = |n: u32| {
        let name = if n.is_multiple_of(5) { "sso_succeeded" } else { "sso_failed" };
        event(name, Some("conn_1"), &format!("s{n}"), now_millis() - 1000)
    };
    (0..40).map(|n| marked(of(n))).collect()
}

fn requests() -> String {
    let seconds = (now_millis() - 2000) / 1000;
    let line = json!({"msec": seconds, "remote_addr": "203.0.113.199", "request_method": "GET", "host": "example.com",
        "request_uri": "/login/marked.person@marked.example?email=marked.person@marked.example", "status": 429, "request_time": 0.1,
        "remote_user": "user_MARKED", "http_user_agent": "MarkedAgent/1.0"});
    format!("{line}\n").repeat(300)
}

/// Everything that anybody can read of a daemon: by name, with its text.
fn outputs(daemon: &Daemon, recorder: &Recorder) -> Vec<(String, String)> {
    let mut outputs = Vec::new();
    let incidents = http::get(&format!("{}/api/v1/incidents", daemon.admin)).json();
    let ids = incidents["incidents"].as_array().unwrap().iter();
    let ids: Vec<_> = ids.map(|incident| incident["id"].as_str().unwrap().to_owned()).collect();
    assert!(!ids.is_empty());
    let own = ids.iter().flat_map(|id| {
        [
            format!("/incidents/{id}"),
            format!("/api/v1/incidents/{id}"),
            format!("/api/v1/incidents/{id}/report"),
        ]
    });
    let fixed = [
        "/metrics",
        "/",
        "/connections/conn_1",
        "/incidents",
        "/api/v1/status",
        "/api/v1/connections",
        "/api/v1/connections/conn_1",
        "/api/v1/tiers",
        "/api/v1/limits",
        "/api/v1/incidents",
    ];
    let since = Timestamp::from_millis(now_millis() - 60_000);
    let gate = format!("/api/v1/gate?scope=fleet&since={since}");
    for path in fixed.map(str::to_owned).into_iter().chain([gate]).chain(own) {
        let answer = http::get(&format!("{}{path}", daemon.admin));
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        outputs.push((path, answer.body));
    }
    for request in recorder.requests("/") {
        let body = if request.headers.get("content-encoding").is_some_and(|how| how == "gzip") {
            let mut text = Vec::new();
            std::io::Read::read_to_end(
                &mut flate2::read::MultiGzDecoder::new(&*request.body),
                &mut text,
            )
            .unwrap();
            text
        } else {
            request.body.clone()
        };
        outputs.push((
            format!("to {}", request.url.path()),
            String::from_utf8_lossy(&body).into_owned(),
        ));
    }
    files(daemon.path(), &mut outputs);
    outputs
}

/// The files below `folder`: log, journal, checkpoint.
fn files(folder: &Path, outputs: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, outputs);
        } else {
            let bytes = fs::read(&path).unwrap();
            outputs
                .push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
}

/// A daemon that was sent everything and has told everybody.
fn daemon(recorder: &Recorder, personal: &str) -> Daemon {
    let daemon = Daemon::start(&config(recorder, personal));
    daemon.push(&sign_ins());
    daemon.push("{\"id\":\"event_1\",\"event\":\"marked.person@marked.example\",\"created_at\":\"user_MARKED\",\"data\":{}}");
    let url = format!("{}/v1/edge?format=nginx_json&tier=web", daemon.intake);
    assert_eq!(http::post(&url, requests()).status, 200);
    for path in [
        "/hook",
        "/slack",
        "/v2/enqueue",
        "/api/v2/alerts",
        "/api/v1/events",
        "/v1/metrics",
        "/api/v2/series",
        "/api/v2/logs",
    ] {
        wait::until(&format!("something at {path}"), || recorder.requests(path).pop());
    }
    daemon
}

#[test]
fn nothing_personal_comes_out_anywhere() {
    for personal in ["hash", "drop"] {
        let recorder = Recorder::answering(202);
        let daemon = daemon(&recorder, personal);
        for (place, text) in outputs(&daemon, &recorder) {
            for mark in MARKS {
                assert!(!text.contains(mark), "{personal}: {mark} is in {place}:\n{text}");
            }
        }
    }
}

#[test]
fn who_says_keep_keeps_it() {
    let recorder = Recorder::answering(202);
    let daemon = daemon(&recorder, "keep");
    let outputs = outputs(&daemon, &recorder);
    for mark in MARKS {
        assert!(outputs.iter().any(|(_, text)| text.contains(mark)), "{mark} is nowhere");
    }
}
