//! The Prometheus rules, before Prometheus's own tool: each rule by itself. `scenarios` has them in whole scenarios.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use ssowatch::generate::{Inputs, Links, What};
use ssowatch::signal::catalog::{self, Kind, Metric};

use crate::component::Place;
use crate::promtool;

/// The edge's metrics: rules for them are made as soon as the catalogue has them.
const EDGE: [(&str, Kind); 5] = [
    ("edge_requests_total", Kind::Counter),
    ("edge_request_duration_seconds", Kind::Histogram),
    ("edge_request_uri_bytes", Kind::Histogram),
    ("edge_limit_utilization_ratio", Kind::Gauge),
    ("edge_limit_exceeded_total", Kind::Counter),
];

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A folder with all rules, those of the edge included, and the folder of the rules in it.
pub(crate) fn all_rules() -> (Place, PathBuf) {
    let mut metrics = catalog::ALL.to_vec();
    for (name, kind) in EDGE {
        if metrics.iter().all(|metric| metric.name != name) {
            metrics.push(Metric { name, kind, unit: "1", help: "Of the edge.", labels: &[] });
        }
    }
    let place = Place::new();
    let inputs = Inputs { catalog: &metrics, schema: &Value::Null, links: &Links::default() };
    for artefact in What::Rules.artefacts(&inputs) {
        let file = place.path().join(artefact.path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, artefact.content).unwrap();
    }
    let folder = place.path().join("alerts/prometheus");
    (place, folder)
}

/// The names of the alerts in the files of rules in `folder`.
fn alerts(folder: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = fs::read_to_string(path).unwrap();
            let lines = text.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
            names.extend(lines.map(str::to_owned));
        }
    }
    names
}

#[test]
fn promtool_accepts_the_rules_without_a_warning() {
    let (_place, folder) = all_rules();
    for name in ["ssowatch", "ssowatch-incidents", "ssowatch-thresholds"] {
        let file = format!("{name}.rules.yaml");
        let complaint = promtool::complaint(&folder, &["check", "rules", "--lint-fatal", &file]);
        assert_eq!(complaint, None, "{file}");
    }
}

#[test]
fn every_rule_is_seen_quiet_firing_and_over() {
    let (_place, folder) = all_rules();
    let tests = folder.join("tests");
    fs::create_dir(&tests).unwrap();
    let mut tested = BTreeSet::new();
    for entry in fs::read_dir(repository("alerts/prometheus/tests")).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        let first = text.find("exp_alerts: []");
        let fires = text.find("exp_labels:");
        let over = fires.and_then(|at| text[at..].find("exp_alerts: []"));
        assert!(
            first < fires && first.is_some() && over.is_some(),
            "{name}: see it quiet, firing, over"
        );
        let file_name = format!("{name}.yaml");
        fs::write(tests.join(&file_name), text).unwrap();
        let complaint = promtool::complaint(&tests, &["test", "rules", &file_name]);
        assert_eq!(complaint, None, "{}", complaint.as_deref().unwrap_or_default());
        let (alert, _) = name.split_once('-').unwrap_or((&name, ""));
        tested.insert(alert.to_owned());
    }
    assert_eq!(tested, alerts(&folder), "a file for each alert, or `Alert-case.yaml`");
}
