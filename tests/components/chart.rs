//! The Helm chart, before real Helm, the schemas of Kubernetes and of the Prometheus operator, and ssowatch itself.

use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::{Value, json};

use crate::component::Place;
use crate::payloads::compile;
use crate::script::Script;
use crate::{installed, promtool};

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

/// Several instances over NATS.
fn nats() -> Value {
    json!({
        "replicas": 3,
        "config": {
            "privacy": {"key_file": "/run/secrets/ssowatch/privacy-key"},
            "journal": {"nats": {"urls": ["nats://nats:4222"], "credentials_file": "/run/secrets/ssowatch/nats.creds"}},
        },
    })
}

/// The same with all that can be switched on.
fn full_nats() -> Value {
    let mut values = full();
    values["replicas"] = 3.into();
    values["config"]["privacy"] = nats()["config"]["privacy"].clone();
    values["config"]["journal"] = nats()["config"]["journal"].clone();
    values
}

/// The configuration that the pods read.
fn config(answer: &Value) -> &str {
    let maps = of_kind(answer, "ConfigMap");
    maps.iter().find_map(|map| map["data"]["ssowatch.yaml"].as_str()).unwrap()
}

/// What `ssowatch check` says about a configuration, unless it is content, with the variable that the values of tests name.
fn check_complaint(config: &str) -> Option<String> {
    let place = Place::new();
    let file = place.write("ssowatch.yaml", config);
    let mut check = Command::new(env!("CARGO_BIN_EXE_ssowatch"));
    check.args(["check", "--config"]).arg(file).env("OTLP_TOKEN", "t");
    let output = check.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (!output.status.success()).then(|| String::from_utf8_lossy(&said).into_owned())
}

const TYPES: &str = r#"
import type { IPrometheusRule, IServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
"#;

/// Prints what the schemas of the operator say against each object.
const VALIDATE: &str = r#"
import { PrometheusRule, ServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
import { readFileSync } from "node:fs";
const models = { PrometheusRule, ServiceMonitor };
for (const object of JSON.parse(readFileSync("objects.json", "utf8"))) {
    try {
        new models[object.kind](object).validate();
    } catch (error) {
        console.log(`${object.kind}: ${error.message}`);
    }
}
"#;

/// What the Prometheus operator's own types (unknown keys) and schemas (words and patterns) say against its objects.
fn operator_complaint(objects: &[&Value]) -> String {
    let typed: Vec<_> = objects
        .iter()
        .map(|object| match object["kind"].as_str() {
            Some("PrometheusRule") => ("IPrometheusRule", *object),
            _ => ("IServiceMonitor", *object),
        })
        .collect();
    let place = Place::new();
    symlink(installed::node_modules(), place.path().join("node_modules")).unwrap();
    place.write("objects.json", serde_json::to_string(objects).unwrap());
    place.write("validate.mjs", VALIDATE);
    let mut node = Command::new(installed::program("node"));
    let output = node.arg("validate.mjs").current_dir(place.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    compile(TYPES, &typed) + &String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_chart_renders_valid_objects_and_a_configuration_that_ssowatch_accepts() {
    let mut helm = Script::start("helm_chart.py");
    for values in [json!({}), full(), nats(), full_nats()] {
        let answer = rendered(&mut helm, &values);
        assert_eq!(answer["problems"], json!([]), "{values}");
        assert_eq!(check_complaint(config(&answer)), None, "{values}");
    }
}

#[test]
fn the_values_of_the_install_page_are_taken() {
    let page = include_str!("../../docs/install.md");
    let helm = page.split_once("## Helm").unwrap().1.split_once("\n## ").unwrap().0;
    let texts: Vec<_> = helm.split("```yaml\n").skip(1).collect();
    assert_eq!(texts.len(), 3);
    let mut script = Script::start("helm_chart.py");
    for text in texts {
        let text = text.split_once("```").unwrap().0;
        let answer = rendered(&mut script, &text.into());
        assert_eq!(answer["problems"], json!([]), "{text}");
        assert_eq!(check_complaint(config(&answer)), None, "{text}");
    }
}

#[test]
fn ports_probes_and_scrapes_are_those_of_the_listeners() {
    let mut helm = Script::start("helm_chart.py");
    let http = |tls: Value| json!({"listen": "0.0.0.0:8443", "token_file": "/t", "tls": tls});
    let own = json!({"cert_file": "/c", "key_file": "/k"});
    let mutual = json!({"cert_file": "/c", "key_file": "/k", "client_ca_file": "/ca"});
    for (tls, probe) in [
        (Value::Null, json!({"httpGet": {"path": "/-/ready", "port": "admin"}})),
        (own, json!({"httpGet": {"path": "/-/ready", "port": "admin", "scheme": "HTTPS"}})),
        (mutual, json!({"tcpSocket": {"port": "admin"}})),
    ] {
        let mut values = full();
        values["config"]["http"] = json!({"admin": http(tls.clone())});
        values["serviceMonitor"]["tlsConfig"] = json!({"insecureSkipVerify": true});
        let answer = rendered(&mut helm, &values);
        assert_eq!(answer["problems"], json!([]), "{tls}");
        let container =
            &of_kind(&answer, "StatefulSet")[0]["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["ports"][0]["containerPort"], 8443);
        assert_eq!(container["ports"][1]["containerPort"], 9471);
        for (key, value) in probe.as_object().unwrap() {
            assert_eq!(container["readinessProbe"][key], *value, "{tls}");
        }
        let monitor = of_kind(&answer, "ServiceMonitor");
        let scheme = &monitor[0]["spec"]["endpoints"][0]["scheme"];
        assert_eq!(scheme.as_str(), (!tls.is_null()).then_some("https"), "{tls}");
        assert_eq!(operator_complaint(&monitor), "");
    }
}

#[test]
fn the_prometheus_operator_knows_every_key_and_word_of_its_objects() {
    let answer = rendered(&mut Script::start("helm_chart.py"), &full());
    let of_operator = ["PrometheusRule", "ServiceMonitor"].map(|kind| of_kind(&answer, kind)[0]);
    assert_eq!(operator_complaint(&of_operator), "");
    let [mut rule, mut monitor] = of_operator.map(Value::clone);
    rule["spec"]["groups"][1]["rules"][0]["for"] = "3 minutes".into();
    monitor["spec"]["endpoints"][0]["intervall"] = "15s".into();
    let words = operator_complaint(&[&rule, &monitor]);
    assert!(words.contains("must match pattern") && words.contains("intervall"), "{words}");
}

#[test]
fn everything_that_can_be_switched_on_is_made() {
    let answer = rendered(&mut Script::start("helm_chart.py"), &full());
    for kind in [
        "ConfigMap",
        "Ingress",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "PrometheusRule",
        "Service",
        "ServiceAccount",
        "ServiceMonitor",
        "StatefulSet",
    ] {
        assert!(!of_kind(&answer, kind).is_empty(), "{kind}");
    }
    let maps = of_kind(&answer, "ConfigMap");
    let boards = maps.iter().find(|map| map["metadata"]["labels"]["grafana_dashboard"] == "1");
    for name in ["ssowatch-overview.json", "ssowatch-connection.json"] {
        let board = boards.unwrap()["data"][name].as_str().unwrap();
        let board: Value = serde_json::from_str(board).unwrap();
        assert_eq!(board["uid"], name.trim_end_matches(".json"));
    }
}

#[test]
fn a_section_that_is_null_is_left_out() {
    let mut values = full();
    values["config"]["sinks"] = json!({"datadog": null, "prometheus": {"max_connections": 7}});
    values["config"]["journal"] = json!({"nats": null});
    let answer = rendered(&mut Script::start("helm_chart.py"), &values);
    let config = config(&answer);
    assert!(config.contains("max_connections: 7") && !config.contains("null"), "{config}");
    assert_eq!(check_complaint(config), None);
    assert!(of_kind(&answer, "Deployment").is_empty());
}

/// `sinks` that push by OTLP with `headers`.
fn otlp(headers: &Value) -> Value {
    json!({"otlp": {"endpoint": "http://collector:4318", "headers": headers}})
}

#[test]
fn a_secret_comes_from_a_file_or_from_the_environment() {
    let token = json!({"name": "OTLP_TOKEN", "valueFrom": {"secretKeyRef": {"name": "collector", "key": "token"}}});
    let headers = json!({
        "authorization": "Bearer ${OTLP_TOKEN}",
        "x-tenant_file": "/run/secrets/ssowatch/tenant",
    });
    let values = json!({
        "env": [token],
        "envFrom": [{"secretRef": {"name": "more"}}],
        "config": {"sinks": otlp(&headers)},
    });
    let answer = rendered(&mut Script::start("helm_chart.py"), &values);
    assert_eq!(answer["problems"], json!([]));
    let pod = &of_kind(&answer, "StatefulSet")[0]["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(container["env"][1], token);
    assert_eq!(container["envFrom"][0]["secretRef"]["name"], "more");
    assert_eq!(check_complaint(config(&answer)), None);
    assert!(answer["notes"].as_str().unwrap().contains("--from-file=tenant=FILE"), "{answer}");
}

#[test]
fn with_several_pods_a_series_of_the_journal_has_the_name_of_none() {
    let mut helm = Script::start("helm_chart.py");
    let answer = rendered(&mut helm, &full());
    let endpoint =
        |answer: &Value| of_kind(answer, "ServiceMonitor")[0]["spec"]["endpoints"][0].clone();
    assert_eq!(endpoint(&answer)["metricRelabelings"], Value::Null);
    let answer = rendered(&mut helm, &full_nats());
    let relabelings = endpoint(&answer)["metricRelabelings"].clone();
    let relabelings = relabelings.as_array().unwrap();
    let labels: Vec<_> =
        relabelings.iter().map(|one| one["targetLabel"].as_str().unwrap()).collect();
    assert_eq!(labels, ["instance", "pod"]);
    assert!(
        relabelings.iter().all(|one| one["replacement"] == "release-ssowatch"),
        "{relabelings:?}"
    );
    assert_eq!(operator_complaint(&of_kind(&answer, "ServiceMonitor")), "");
}

#[test]
fn another_configuration_is_another_pod() {
    let mut helm = Script::start("helm_chart.py");
    let mut checksum = |values: &Value| {
        let answer = rendered(&mut helm, values);
        let pod = &of_kind(&answer, "StatefulSet")[0]["spec"]["template"]["metadata"];
        pod["annotations"]["checksum/config"].as_str().unwrap().to_owned()
    };
    let before = checksum(&json!({}));
    assert_eq!(checksum(&json!({"podLabels": {"team": "sso"}})), before);
    assert_ne!(checksum(&json!({"config": {"privacy": {"personal": "drop"}}})), before);
}

#[test]
fn with_nats_there_are_as_many_pods_as_are_asked_for_and_no_volume() {
    let mut helm = Script::start("helm_chart.py");
    let answer = rendered(&mut helm, &nats());
    assert!(of_kind(&answer, "StatefulSet").is_empty());
    let deployment = of_kind(&answer, "Deployment")[0];
    assert_eq!(deployment["spec"]["replicas"], 3);
    let pod = &deployment["spec"]["template"]["spec"];
    let volumes = pod["volumes"].as_array().unwrap();
    let data = volumes.iter().find(|volume| volume["name"] == "data").unwrap();
    assert_eq!(data["emptyDir"]["sizeLimit"], "8Gi");
    let spread = &pod["topologySpreadConstraints"];
    assert_eq!(spread[0]["topologyKey"], "kubernetes.io/hostname");
    let labels = &deployment["spec"]["selector"]["matchLabels"];
    assert_eq!(spread[0]["labelSelector"]["matchLabels"], *labels);
    let notes = answer["notes"].as_str().unwrap();
    for key in
        ["literal=admin-token=", "literal=push-token=", "literal=privacy-key=", "file=nats.creds="]
    {
        assert!(notes.contains(&format!("--from-{key}")), "{notes}");
    }
    let mut own = nats();
    own["topologySpreadConstraints"] =
        json!([{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]);
    let answer = rendered(&mut helm, &own);
    let spread =
        &of_kind(&answer, "Deployment")[0]["spec"]["template"]["spec"]["topologySpreadConstraints"];
    assert_eq!(*spread, own["topologySpreadConstraints"]);
    let mut wrong = nats();
    wrong["config"]["journal"]["nats"]["partitions"] = 8.into();
    let answer = rendered(&mut helm, &wrong);
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
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        assert_eq!(pod["containers"][0][probe]["httpGet"]["port"], "admin", "{probe}");
    }
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
        (json!({"config": {"sources": {"push": {"token": "in-the-config-map"}}}}), "token"),
        (
            json!({"config": {"journal": {"nats": {"urls": ["nats://a"], "password": "in-the-config-map"}}}}),
            "password",
        ),
        (
            json!({"config": {"sinks": otlp(&json!({"authorization": "Bearer in-the-config-map"}))}}),
            "authorization",
        ),
    ];
    for (values, word) in cases {
        let answer = rendered(&mut helm, &values);
        let why = answer["refused"].as_str().unwrap_or_else(|| panic!("{values} is taken"));
        assert!(why.contains(word), "{why}");
        assert!(!why.contains("in-the-config-map"), "a secret is not repeated: {why}");
    }
}
