//! What receivers are sent, checked by the official clients of the services.

use std::fmt::Write;
use std::process::Command;

use serde_json::{Value, json};

use crate::component::Place;
use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::recorder::Recorder;
use crate::script::Script;
use crate::{installed, wait};

/// A rule that a handful of events reaches, and every receiver that is not a cluster.
fn config(url: &str) -> String {
    format!(
        r#"
built_in_alerts: false
rules:
  - {{ name: ManyFailures, metric: failure_ratio, op: ">", value: 0.5, window: 5m, min_attempts: 4, keep_firing_for: 0s }}
receivers:
  - pagerduty: {{ routing_key: R0123456789, url: "{url}" }}
  - slack: {{ webhook_url: "{url}/slack" }}
  - datadog_event: {{ api_key: a0123456789, url: "{url}" }}
  - webhook: {{ url: "{url}/hook", token: t0123456789 }}
"#
    )
}

/// Two bodies sent to `path`: of the page, and of its end.
fn told(recorder: &Recorder, path: &str) -> [Value; 2] {
    let bodies = wait::until(&format!("{path} is told the end"), || {
        Some(recorder.bodies(path)).filter(|bodies| bodies.len() == 2)
    });
    bodies.try_into().unwrap()
}

/// What the TypeScript compiler has to say about the values, each of the type that an official package declares.
pub(crate) fn compile(imports: &str, values: &[(&str, &Value)]) -> String {
    let place = Place::new();
    let modules = installed::node_modules();
    std::os::unix::fs::symlink(&modules, place.path().join("node_modules")).unwrap();
    let mut source = imports.to_owned();
    for (n, (kind, value)) in values.iter().enumerate() {
        writeln!(source, "export const value{n}: {kind} = {value};").unwrap();
    }
    place.write("values.ts", &source);
    let mut tsc = Command::new(modules.join(".bin/tsc"));
    tsc.args(["--noEmit", "--strict", "--skipLibCheck", "--module", "esnext"]);
    tsc.args(["--moduleResolution", "bundler", "values.ts"]).current_dir(place.path());
    String::from_utf8(tsc.output().unwrap().stdout).unwrap()
}

/// The official type lacks the documented `client` and `client_url`, and wants a payload with a resolve, which the
/// documentation does not.
const TYPES: &str = r#"
import type { EventPayloadV2 } from "@pagerduty/pdjs/build/src/events";
import type { KnownBlock } from "@slack/types";
import type { IncomingWebhookSendArguments } from "@slack/webhook";
type Trigger = EventPayloadV2 & { event_action: "trigger", client?: string, client_url?: string };
type Resolve = Omit<EventPayloadV2, "payload"> & { event_action: "resolve" };
type Message = Omit<IncomingWebhookSendArguments, "blocks"> & { blocks: KnownBlock[] };
"#;

#[test]
fn official_clients_find_nothing_wrong_with_what_receivers_are_sent() {
    let recorder = Recorder::answering(202);
    let daemon = Daemon::start(&config(&recorder.url()));
    let ends = |name: &str, count: usize| -> String {
        let at = now_millis() - 1000;
        (0..count).map(|n| event(name, Some("conn_1"), &format!("{name}_{n}"), at)).collect()
    };
    daemon.push(&ends("sso_failed", 6));
    let services = ["/v2/enqueue", "/slack", "/api/v1/events", "/hook"];
    for path in services {
        wait::until(&format!("{path} is told"), || recorder.bodies(path).pop());
    }
    daemon.push(&ends("sso_succeeded", 20));
    let [pagerduty, slack, datadog, hook] = services.map(|path| told(&recorder, path));

    let values = [
        ("Trigger", &pagerduty[0]),
        ("Resolve", &pagerduty[1]),
        ("Message", &slack[0]),
        ("Message", &slack[1]),
    ];
    assert_eq!(compile(TYPES, &values), "");
    assert_eq!(pagerduty[0]["dedup_key"], pagerduty[1]["dedup_key"]);

    let mut models = Script::start("datadog_model.py");
    for body in &datadog {
        let request = json!({"version": "v1", "model": "EventCreateRequest", "body": body});
        assert_eq!(models.ask(&request), json!([]), "{body}");
    }
    assert_eq!(datadog[0]["aggregation_key"], datadog[1]["aggregation_key"]);
    let kinds = [&datadog[0]["alert_type"], &datadog[1]["alert_type"]];
    assert_eq!(kinds, ["error", "success"]);
    assert_eq!(recorder.requests("/api/v1/events")[0].headers["dd-api-key"], "a0123456789");
    assert_eq!(recorder.requests("/hook")[0].headers["authorization"], "Bearer t0123456789");
    assert_eq!([&hook[0]["status"], &hook[1]["status"]], ["firing", "resolved"]);
}

#[test]
fn official_clients_find_a_misspelt_field() {
    let trigger = |key: &str, severity: &str| {
        json!({
            "routing_key": "x", "event_action": "trigger", key: "x",
            "payload": {"summary": "x", "source": "x", "severity": severity},
        })
    };
    let (key, severity) = (trigger("dedupkey", "critical"), trigger("dedup_key", "grave"));
    let slack = json!({"text": "x", "blocks": [{"type": "context", "elemets": []}]});
    let values = [("Trigger", &key), ("Trigger", &severity), ("Message", &slack)];
    let words = compile(TYPES, &values);
    for problem in ["dedupkey", "grave", "elemets"] {
        assert!(words.contains(problem), "{problem}: {words}");
    }
    let request = json!({
        "version": "v1", "model": "EventCreateRequest",
        "body": {"title": "x", "text": "x", "tegs": [], "alert_type": "errr"},
    });
    let problems = Script::start("datadog_model.py").ask(&request).to_string();
    for problem in ["unknown field tegs", "errr is not in the schema"] {
        assert!(problems.contains(problem), "{problems}");
    }
}
