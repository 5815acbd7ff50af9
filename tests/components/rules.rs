//! The Prometheus rules, before Prometheus's own tool: each rule by itself, and all of them in whole scenarios.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;
use ssowatch::engine::{Config, Engine};
use ssowatch::event::decode::decode;
use ssowatch::event::{Entry, Privacy, Record, Source, Timestamp, Treatment};
use ssowatch::generate::{Inputs, Links, What};
use ssowatch::signal::catalog::{self, Kind, Metric};
use ssowatch::web::exposition::Exposition;

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
fn all_rules() -> (Place, PathBuf) {
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
        tested.insert(name);
    }
    assert_eq!(tested, alerts(&folder), "one file for each alert");
}

/// What Prometheus would have scraped: each series with its values, one a minute.
#[derive(Default)]
struct Scraped {
    series: BTreeMap<String, Vec<Option<String>>>,
    minutes: usize,
}

impl Scraped {
    fn add(&mut self, exposition: &str) {
        for line in exposition.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let values = self.series.entry(series.to_owned()).or_default();
            values.resize(self.minutes, None);
            values.push(Some(value.to_owned()));
        }
        self.minutes += 1;
    }

    /// As the input of a test of promtool. What was there and is not scraped any more is stale, as in Prometheus.
    fn input(&self) -> String {
        let mut text = String::new();
        for (series, values) in &self.series {
            let series = series.replace('\'', "''");
            let mut there = false;
            let values: Vec<&str> = (0..self.minutes)
                .map(|minute| match values.get(minute).and_then(Option::as_deref) {
                    Some(value) => {
                        there = true;
                        value
                    }
                    None if std::mem::take(&mut there) => "stale",
                    None => "_",
                })
                .collect();
            writeln!(text, "      - series: '{series}'\n        values: '{}'", values.join(" "))
                .unwrap();
        }
        text
    }
}

/// Folds a scenario and scrapes it once a minute.
fn scraped(scenario: &str) -> Scraped {
    let output =
        Command::new(env!("CARGO_BIN_EXE_ssowatch")).args(["simulate", scenario]).output().unwrap();
    assert!(output.status.success(), "{scenario}: {}", String::from_utf8_lossy(&output.stderr));
    let privacy = Privacy::new(Treatment::Hash, b"rules");
    let mut engine = Engine::new(Config::default());
    let mut scraped = Scraped::default();
    let mut next = None;
    let mut scrape = |engine: &mut Engine, at: Timestamp| {
        engine.advance(at);
        let snapshot = Arc::new(engine.snapshot());
        let all = vec![true; snapshot.connections.len()];
        scraped.add(&Exposition::new(snapshot, &all, String::new()).collect::<String>());
        at.plus_millis(60_000)
    };
    for line in output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let event = decode(line, &privacy).unwrap();
        let at = event.at;
        let mut due = next.unwrap_or_else(|| at.plus_millis(60_000));
        while due <= at {
            due = scrape(&mut engine, due);
        }
        next = Some(due);
        let record = Record::Event { source: Source::WorkosWebhook, event };
        engine.apply(&Entry { received_at: at, record });
    }
    scraped
}

/// The thresholds make these pages of a scenario, and no other, and all are over at its end.
fn assert_pages(scenario: &str, pages: &[&str]) {
    let file = repository(&format!("tests/fixtures/rules/{scenario}.yaml"));
    let scraped = scraped(file.to_str().unwrap());
    let (_place, folder) = all_rules();
    let mut samples = String::new();
    for name in pages {
        writeln!(samples, "          - {{ labels: '{{alertname=\"{name}\"}}', value: 1 }}")
            .unwrap();
    }
    let samples = if pages.is_empty() { " []".to_owned() } else { format!("\n{samples}") };
    let minutes = scraped.minutes - 1;
    let test = format!(
        "rule_files: [ssowatch.rules.yaml, ssowatch-thresholds.rules.yaml]
evaluation_interval: 1m
tests:
  - name: {scenario}
    interval: 1m
    input_series:
{input}    promql_expr_test:
      - expr: max by (alertname) (max_over_time(ALERTS{{alertstate=\"firing\", severity=\"page\"}}[{minutes}m]))
        eval_time: {minutes}m
        exp_samples:{samples}
      - expr: ALERTS{{alertstate=\"firing\", severity=\"page\"}}
        eval_time: {minutes}m
        exp_samples: []
",
        input = scraped.input(),
    );
    fs::write(folder.join("scenario.yaml"), test).unwrap();
    let complaint = promtool::complaint(&folder, &["test", "rules", "scenario.yaml"]);
    assert_eq!(complaint, None, "{scenario}: {}", complaint.as_deref().unwrap_or_default());
}

#[test]
fn a_healthy_fleet_pages_nobody() {
    assert_pages("healthy", &[]);
}

#[test]
fn a_failing_connection_is_paged_alone() {
    assert_pages("connection-failing", &["SsoConnectionFailing"]);
}

#[test]
fn a_connection_that_times_out_is_paged_alone() {
    assert_pages("connection-timing-out", &["SsoConnectionTimingOut"]);
}

#[test]
fn a_failing_provider_is_paged_alone() {
    assert_pages("provider-failing", &["SsoProviderFailing"]);
}

#[test]
fn a_failing_fleet_is_paged_with_all_in_it_and_burns_its_budget() {
    let with_it =
        ["SsoConnectionFailing", "SsoErrorBudgetBurn", "SsoFleetFailing", "SsoProviderFailing"];
    assert_pages("fleet-failing", &with_it);
}

#[test]
fn a_fleet_that_times_out_is_paged_alone() {
    assert_pages("fleet-timing-out", &["SsoFleetTimingOut"]);
}

#[test]
fn slow_sign_ins_are_paged_alone() {
    assert_pages("fleet-slow", &["SsoLatencyHigh"]);
}

#[test]
fn sign_ins_without_an_end_are_a_drought() {
    assert_pages("no-end-seen", &["SsoSuccessDrought"]);
}

#[test]
fn a_broken_delivery_is_a_stalled_source() {
    assert_pages("delivery-broken", &["SourceStalled"]);
}
