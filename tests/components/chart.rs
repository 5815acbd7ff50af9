//! The Helm chart, before real Helm, the schemas of Kubernetes, and ssowatch itself.

use std::process::Command;

use serde_json::{Value, json};

use crate::component::Place;
use crate::promtool;
use crate::script::Script;

/// What becomes of the chart with `values`.
fn rendered(helm: &mut Script, values: &Value) -> Value {
    let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/helm/ssowatch");
    helm.ask(&json!({"chart": chart, "values": values}))
}

fn full() -> Value {
    json!({
        "serviceMonitor": {"enabled": true, "labels": {"release": "prometheus"}},
        "prometheusRule": {"enabled": true, "paging": "thresholds", "errorBudget": 0.01},
        "dashboards": {"enabled": true},
        "networkPolicy": {"enabled": true, "adminFrom": [{"namespaceSelector": {}}]},
        "ingress": {"enabled": true, "host": "hooks.example.com", "tlsSecretName": "tls"},
        "podAnnotations": {"team": "sso"},
        "config": {
            "links": {"external_url": "https://sso.example.com/"},
            "sources": {"workos_webhook": {"secret_file": "/run/secrets/ssowatch/webhook"}},
            "receivers": [{"alertmanager": {"urls": ["http://alertmanager:9093"]}}],
        },
    })
}

/// The objects of `kind` in `answer`.
fn of_kind<'a>(answer: &'a Value, kind: &str) -> Vec<&'a Value> {
    let objects = answer["objects"].as_array().unwrap_or_else(|| panic!("{answer}")).iter();
    objects.filter(|object| object["kind"] == kind).collect()
}

#[test]
fn the_chart_renders_valid_objects_and_a_configuration_that_ssowatch_accepts() {
    let mut helm = Script::start("helm_chart.py");
    for values in [json!({}), full()] {
        let answer = rendered(&mut helm, &values);
        assert_eq!(answer["problems"], json!([]), "{values}");
        let maps = of_kind(&answer, "ConfigMap");
        let config = maps.iter().find_map(|map| map["data"]["ssowatch.yaml"].as_str()).unwrap();
        let place = Place::new();
        let file = place.write("ssowatch.yaml", config);
        let mut check = Command::new(env!("CARGO_BIN_EXE_ssowatch"));
        let output = check.args(["check", "--config"]).arg(file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn with_nats_there_are_as_many_pods_as_are_asked_for_and_no_volume() {
    let nats = json!({
        "replicas": 3,
        "config": {
            "privacy": {"key_file": "/run/secrets/ssowatch/privacy-key"},
            "journal": {"nats": {"urls": ["nats://nats:4222"], "credentials_file": "/run/secrets/ssowatch/nats.creds"}},
        },
    });
    let answer = rendered(&mut Script::start("helm_chart.py"), &nats);
    assert_eq!(answer["problems"], json!([]));
    assert!(of_kind(&answer, "StatefulSet").is_empty());
    assert_eq!(of_kind(&answer, "Deployment")[0]["spec"]["replicas"], 3);
    let maps = of_kind(&answer, "ConfigMap");
    let config = maps.iter().find_map(|map| map["data"]["ssowatch.yaml"].as_str()).unwrap();
    let place = Place::new();
    let file = place.write("ssowatch.yaml", config);
    let mut check = Command::new(env!("CARGO_BIN_EXE_ssowatch"));
    let output = check.args(["check", "--config"]).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut wrong = nats.clone();
    wrong["config"]["journal"]["nats"]["partitions"] = 8.into();
    let answer = rendered(&mut Script::start("helm_chart.py"), &wrong);
    assert!(answer["refused"].as_str().unwrap().contains("partitions"), "{answer}");
}

#[test]
fn the_pod_can_do_no_more_than_it_must() {
    let answer = rendered(&mut Script::start("helm_chart.py"), &json!({}));
    let pod = &of_kind(&answer, "StatefulSet")[0]["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    let container = &pod["containers"][0]["securityContext"];
    assert_eq!(container["readOnlyRootFilesystem"], true);
    assert_eq!(container["allowPrivilegeEscalation"], false);
    assert_eq!(container["capabilities"]["drop"], json!(["ALL"]));
    assert!(of_kind(&answer, "Secret").is_empty(), "secrets are the operator's");
    assert!(answer["notes"].as_str().unwrap().contains("create secret generic ssowatch"));
}

#[test]
fn the_rules_in_the_chart_are_rules_with_the_operators_budget_and_links() {
    let answer = rendered(&mut Script::start("helm_chart.py"), &full());
    let spec = of_kind(&answer, "PrometheusRule")[0]["spec"].to_string();
    assert!(spec.contains("vector(0.01)") && !spec.contains("vector(0.03)"));
    assert!(spec.contains("https://sso.example.com/runbooks/SsowatchDown"), "{spec}");
    let place = Place::new();
    // JSON is YAML.
    place.write("rules.yaml", &spec);
    assert_eq!(promtool::complaint(place.path(), &["check", "rules", "rules.yaml"]), None);
    assert!(!answer["objects"].to_string().contains("http://127.0.0.1:9470"));
}

#[test]
fn a_wrong_value_is_refused_before_anything_is_made() {
    let mut helm = Script::start("helm_chart.py");
    let cases = [
        (json!({"replica": 2}), "replica"),
        (json!({"config": {"htp": {}}}), "htp"),
        (json!({"prometheusRule": {"paging": "everybody"}}), "paging"),
        (json!({"service": {"adminPort": 70_000}}), "adminPort"),
        (json!({"existingSecret": ""}), "existingSecret"),
    ];
    for (values, word) in cases {
        let answer = rendered(&mut helm, &values);
        let why = answer["refused"].as_str().unwrap_or_else(|| panic!("{values} is taken"));
        assert!(why.contains(word), "{why}");
    }
}
