//! What Datadog is sent, checked by its official client's models.

use std::io::Read;
use std::process::Command;

use serde_json::{Value, json};

use crate::component::Place;
use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::recorder::Recorder;
use crate::script::Script;
use crate::wait;

/// Everything that adds a field or a series.
fn config(url: &str) -> String {
    format!(
        r#"
sinks:
  datadog:
    {{ api_key: a0123456789, metrics_url: "{url}", logs_url: "{url}", tags: ["env:prod"], host: h1, connection_gauges: true }}
"#
    )
}

/// The JSON bodies, decompressed, of the requests to `path` that hold `word`.
fn bodies(recorder: &Recorder, path: &str, word: &str) -> Vec<Value> {
    let requests = recorder.requests(path);
    let texts = requests.iter().map(|request| {
        assert_eq!(request.headers["content-encoding"], "gzip");
        assert_eq!(request.headers["content-type"], "application/json");
        assert_eq!(request.headers["dd-api-key"], "a0123456789");
        let mut text = String::new();
        flate2::read::GzDecoder::new(&*request.body).read_to_string(&mut text).unwrap();
        text
    });
    let texts = texts.filter(|text| text.contains(word));
    texts.map(|text| serde_json::from_str(&text).unwrap()).collect()
}

/// The first of these bodies, once it is there.
fn first_body(recorder: &Recorder, path: &str, word: &str) -> Value {
    wait::until(&format!("{path} gets {word}"), || bodies(recorder, path, word).pop())
}

/// What the model does not know: the schema lets a log have attributes of its own.
const ATTRIBUTES: [&str; 8] =
    ["error", "evt", "http", "network", "sso", "status", "timestamp", "usr"];

fn unknown(fields: &[&str]) -> Vec<String> {
    fields.iter().map(|field| format!("body: unknown field {field}")).collect()
}

#[test]
fn the_official_client_finds_nothing_wrong_with_what_datadog_is_sent() {
    let recorder = Recorder::answering(202);
    let daemon = Daemon::start(&config(&recorder.url()));
    // The window of what happened then closes within ten seconds.
    let at = now_millis() - 30_000;
    for n in 0..3 {
        let session = format!("session_{n}");
        daemon.push(&event("sso_started", Some("conn_1"), &session, at));
        let end = if n == 0 { "sso_succeeded" } else { "sso_failed" };
        daemon.push(&event(end, Some("conn_1"), &session, at + 1_500));
    }
    let counts = first_body(&recorder, "/api/v2/series", "sso.sessions_finished");
    let gauges = first_body(&recorder, "/api/v2/series", "ssowatch.build_info");
    let mut models = Script::start("datadog_model.py");
    for body in [&counts, &gauges] {
        let request = json!({"version": "v2", "model": "MetricPayload", "body": body});
        assert_eq!(models.ask(&request), json!([]), "{body}");
    }
    let logs = first_body(&recorder, "/api/v2/logs", "authentication.sso_failed");
    let failed = logs.as_array().unwrap().iter().find(|log| log["status"] == "error").unwrap();
    let request = json!({"version": "v2", "model": "HTTPLogItem", "body": failed});
    assert_eq!(models.ask(&request), json!(unknown(&ATTRIBUTES)), "{failed}");
    assert_eq!((&failed["ddsource"], &failed["ddtags"]), (&json!("workos"), &json!("env:prod")));
    let failed = counts["series"].as_array().unwrap().iter().find(|series| {
        series["metric"] == "sso.session_failures" && series["points"][0]["value"] == 2
    });
    let failed = failed.unwrap_or_else(|| panic!("{counts}"));
    assert_eq!((&failed["type"], &failed["interval"]), (&json!(1), &json!(10)));
    assert_eq!(failed["resources"], json!([{"type": "host", "name": "h1"}]));
}

#[test]
fn the_official_client_finds_a_misspelt_field() {
    let series = json!({
        "metric": "x", "type": 9, "intervall": 10, "points": [{"timestamp": 1, "value": 1}],
        "resources": [{"typ": "host", "name": "x"}],
    });
    let body = json!({"series": [series]});
    let request = json!({"version": "v2", "model": "MetricPayload", "body": body});
    let problems = Script::start("datadog_model.py").ask(&request).to_string();
    let log =
        json!({"version": "v2", "model": "HTTPLogItem", "body": {"message": "x", "dd_tags": "x"}});
    assert_eq!(Script::start("datadog_model.py").ask(&log), json!(unknown(&["dd_tags"])));
    for problem in ["unknown field intervall", "unknown field typ", "9 is not in the schema"] {
        assert!(problems.contains(problem), "{problems}");
    }
}

#[test]
fn a_check_asks_datadog_whether_the_key_is_valid() {
    let cases = [
        (200, true, "says that the key is valid"),
        (
            403,
            false,
            "says that the key is not valid; check the key, and that `site` is the site that it is of",
        ),
        (404, false, "answers HTTP 404; check `site`, or the URL in its place"),
    ];
    for (status, good, words) in cases {
        let recorder = Recorder::answering(status);
        let place = Place::new();
        let listen =
            "http: { admin: { listen: \"127.0.0.1:0\" }, intake: { listen: \"127.0.0.1:0\" } }";
        let text = format!("data_dir: ./data\n{listen}\n{}", config(&recorder.url()));
        let file = place.write("ssowatch.yaml", &text);
        let mut check = Command::new(env!("CARGO_BIN_EXE_ssowatch"));
        check.current_dir(place.path()).args(["check", "--online", "--config"]).arg(file);
        let output = check.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.success(), good, "{said}");
        assert!(said.contains(words), "{said}");
        let request = &recorder.requests("/api/v1/validate")[0];
        assert_eq!(request.headers["dd-api-key"], "a0123456789");
        let asked = &recorder.requests("/api/v2/logs")[0];
        assert_eq!(asked.headers["dd-api-key"], "a0123456789");
        assert_eq!(asked.body, b"{}");
        assert!(!said.contains("a0123456789"), "{said}");
    }
}
