use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::generate::Links;
use crate::signal::catalog::{self, Kind, Metric};

/// The names of all alerts when the catalogue has `catalog`.
fn names(catalog: &[Metric]) -> BTreeSet<String> {
    let links = Links::default();
    let files = files(&Inputs { catalog, schema: &Value::Null, links: &links });
    let text: String = files.iter().map(|file| &*file.content).collect();
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: ").map(str::to_owned))
        .collect()
}

#[test]
fn rules_come_with_the_metrics_that_they_need() {
    let edge = need::AWAITED.map(|name| Metric {
        name,
        kind: if name.ends_with("seconds") || name.ends_with("bytes") {
            Kind::Histogram
        } else {
            Kind::Gauge
        },
        unit: "1",
        help: "Of the edge.",
        labels: &[],
    });
    let without: Vec<_> =
        catalog::ALL.into_iter().filter(|metric| !metric.name.starts_with("edge_")).collect();
    let with = names(&[without.clone(), edge.to_vec()].concat());
    let added: Vec<_> = with.difference(&names(&without)).cloned().collect();
    assert_eq!(
        added,
        [
            "EdgeAbandoned",
            "EdgeBlocked",
            "EdgeClientErrors",
            "EdgeErrors",
            "EdgeInternalTraffic",
            "EdgeLatencyHigh",
            "EdgeLimitNear",
            "EdgeRateLimited",
            "EdgeUriTooLong"
        ]
    );
}

#[test]
fn links_lead_to_the_page_of_the_alert_and_to_that_of_what_was_found() {
    let links = Links::new("https://sso.example/", Some("https://wiki.example/sso/"));
    let inputs = Inputs { catalog: &catalog::ALL, schema: &Value::Null, links: &links };
    let files = files(&inputs);
    let text: String = files.iter().map(|file| &*file.content).collect();
    for url in [
        "runbook_url: \"https://wiki.example/sso/SsowatchDown\"",
        "runbook_url: \"https://wiki.example/sso/{{ $labels.incident }}\"",
        "dashboard_url: \"https://sso.example/\"",
    ] {
        assert!(text.contains(url), "{url}");
    }
}
