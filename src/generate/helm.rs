//! The Helm chart: templates as they are, and in it the rules, the boards and a schema of its values that knows the
//! configuration.

use serde_json::{Value, json};

use super::{Artefact, Inputs, grafana, pretty, prometheus};

const CHART: &str = "helm/ssowatch";

/// Written by hand.
const TEMPLATES: [(&str, &str); 15] = [
    ("Chart.yaml", include_str!("../../helm/ssowatch/Chart.yaml")),
    ("values.yaml", include_str!("../../helm/ssowatch/values.yaml")),
    ("templates/NOTES.txt", include_str!("../../helm/ssowatch/templates/NOTES.txt")),
    ("templates/_helpers.tpl", include_str!("../../helm/ssowatch/templates/_helpers.tpl")),
    ("templates/configmap.yaml", include_str!("../../helm/ssowatch/templates/configmap.yaml")),
    ("templates/dashboards.yaml", include_str!("../../helm/ssowatch/templates/dashboards.yaml")),
    ("templates/deployment.yaml", include_str!("../../helm/ssowatch/templates/deployment.yaml")),
    ("templates/ingress.yaml", include_str!("../../helm/ssowatch/templates/ingress.yaml")),
    (
        "templates/networkpolicy.yaml",
        include_str!("../../helm/ssowatch/templates/networkpolicy.yaml"),
    ),
    (
        "templates/poddisruptionbudget.yaml",
        include_str!("../../helm/ssowatch/templates/poddisruptionbudget.yaml"),
    ),
    (
        "templates/prometheusrule.yaml",
        include_str!("../../helm/ssowatch/templates/prometheusrule.yaml"),
    ),
    ("templates/service.yaml", include_str!("../../helm/ssowatch/templates/service.yaml")),
    (
        "templates/serviceaccount.yaml",
        include_str!("../../helm/ssowatch/templates/serviceaccount.yaml"),
    ),
    (
        "templates/servicemonitor.yaml",
        include_str!("../../helm/ssowatch/templates/servicemonitor.yaml"),
    ),
    ("templates/statefulset.yaml", include_str!("../../helm/ssowatch/templates/statefulset.yaml")),
];

/// The files of the chart.
pub(super) fn files(inputs: &Inputs<'_>) -> Vec<Artefact> {
    let file = |name: &str, content: String| Artefact { path: format!("{CHART}/{name}"), content };
    let mut files: Vec<_> =
        TEMPLATES.iter().map(|(name, content)| file(name, (*content).to_owned())).collect();
    files.push(file("values.schema.json", pretty(&schema(inputs.schema))));
    for artefact in [prometheus::files(inputs), grafana::files(inputs)].concat() {
        let name = artefact.path.rsplit('/').next().unwrap_or(&artefact.path);
        files.push(file(&format!("files/{name}"), artefact.content));
    }
    files
}

/// The schema of the values. `config` is the schema of the configuration, so that a misspelt key is refused before a pod is
/// made.
fn schema(config: &Value) -> Value {
    let mut config = config.clone();
    let definitions = config.as_object_mut().and_then(|config| {
        config.remove("$schema");
        config.remove("$defs")
    });
    // What the pod mounts is where the configuration has to look.
    config["required"] = json!(["data_dir", "http"]);
    let mut definitions = definitions.unwrap_or_default();
    // It becomes a ConfigMap, which many can read: what is secret comes from a file or from the environment. What is not allowed is
    // a text without `${`, and no pattern that has to be met: Helm repeats what does not meet one.
    definitions["Secret"]["not"] = json!({"pattern": r"^([^$]|\$+[^${])*\$*$"});
    let map = || json!({"type": "object"});
    let texts = || json!({"type": "object", "additionalProperties": {"type": "string"}});
    let list = || json!({"type": "array", "items": {"type": "object"}});
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$defs": definitions,
        "type": "object",
        "additionalProperties": false,
        "required": ["config", "existingSecret", "image"],
        "properties": {
            "config": config,
            "image": object(&json!({
                "repository": {"type": "string", "minLength": 1},
                "tag": {"type": "string"},
                "pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
            })),
            "imagePullSecrets": list(),
            "nameOverride": {"type": "string"},
            "fullnameOverride": {"type": "string"},
            "existingSecret": {"type": "string", "minLength": 1},
            "adminTokenKey": {"type": "string", "minLength": 1},
            "logLevel": {"type": "string", "minLength": 1},
            "env": list(),
            "envFrom": list(),
            "persistence": object(&json!({
                "size": {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(Ki|Mi|Gi|Ti)$"},
                "storageClassName": {"type": "string"},
            })),
            "replicas": {"type": "integer", "minimum": 1, "maximum": 64},
            "resources": map(),
            "service": object(&json!({
                "type": {"enum": ["ClusterIP", "NodePort", "LoadBalancer"]},
                "adminPort": port(),
                "intakePort": port(),
                "annotations": texts(),
            })),
            "ingress": object(&json!({
                "enabled": {"type": "boolean"},
                "className": {"type": "string"},
                "host": {"type": "string"},
                "tlsSecretName": {"type": "string"},
                "annotations": texts(),
            })),
            "serviceMonitor": object(&json!({
                "enabled": {"type": "boolean"},
                "interval": {"type": "string", "pattern": "^[0-9]+(ms|s|m)$"},
                "labels": texts(),
                "tlsConfig": map(),
            })),
            "prometheusRule": object(&json!({
                "enabled": {"type": "boolean"},
                "labels": texts(),
                "paging": {"enum": ["ssowatch", "incidents", "thresholds"]},
                "errorBudget": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            })),
            "dashboards": object(&json!({
                "enabled": {"type": "boolean"},
                "labels": texts(),
                "annotations": texts(),
            })),
            "networkPolicy": object(&json!({
                "enabled": {"type": "boolean"},
                "adminFrom": list(),
                "intakeFrom": list(),
            })),
            "podDisruptionBudget": object(&json!({"enabled": {"type": "boolean"}})),
            "podAnnotations": texts(),
            "podLabels": texts(),
            "nodeSelector": texts(),
            "tolerations": list(),
            "affinity": map(),
            "topologySpreadConstraints": list(),
            "terminationGracePeriodSeconds": {"type": "integer", "minimum": 1},
            "priorityClassName": {"type": "string"},
            // What Helm itself adds to the values of a chart that is a part of another.
            "global": map(),
        },
    })
}

/// An object with these keys and no others.
fn object(properties: &Value) -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": properties})
}

fn port() -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": 65535})
}
