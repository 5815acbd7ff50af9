//! Files that are made from the code are as the code makes them. `make golden` rewrites them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ssowatch::config::{Config, reference};
use ssowatch::generate::{Artefact, Inputs, Links, What};
use ssowatch::signal::catalog;

/// Fails, or with `INSTA_UPDATE=always` rewrites the file, when `file` differs from `want`.
fn assert_committed(file: &str, want: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, want).unwrap();
    }
    let got = fs::read_to_string(&path).unwrap_or_default();
    assert!(got == want, "{file} is out of date; run `make golden` and commit it");
}

/// The files that `generate` makes, with the links of the committed ones.
fn artefacts(what: What) -> Vec<Artefact> {
    let (schema, links) = (ssowatch::config::schema(), Links::default());
    what.artefacts(&Inputs { catalog: &catalog::ALL, schema: &schema, links: &links })
}

#[test]
fn the_metrics_reference_is_made_from_the_catalogue() {
    assert_committed("docs/metrics.md", &artefacts(What::Metrics)[0].content);
}

#[test]
fn rules_boards_monitors_and_the_chart_are_made_from_the_catalogue() {
    for what in [What::Rules, What::Dashboards, What::Monitors, What::Helm] {
        for Artefact { path, content } in artefacts(what) {
            assert_committed(&path, &content);
        }
    }
}

/// What ssowatch itself raises, the operator's rules aside.
const OWN_ALERTS: [&str; 24] = [
    "SsoConnectionFailing",
    "SsoConnectionTimingOut",
    "SsoProviderFailing",
    "SsoFleetFailing",
    "SsoFleetTimingOut",
    "SsoOutageWorse",
    "SsoSuccessDrought",
    "SsoSlowBurn",
    "SsoLatencyHigh",
    "SsoCertificateExpiring",
    "EdgeErrors",
    "EdgeLatencyHigh",
    "EdgeRateLimited",
    "EdgeBlocked",
    "EdgeAbandoned",
    "EdgeClientErrors",
    "EdgeUriTooLong",
    "EdgeOutageWorse",
    "EdgeLimitNear",
    "EdgeInternalTraffic",
    "SchemaDrift",
    "SourceStalled",
    "SinkFailing",
    "Watchdog",
];

/// The alerts of `docs/runbooks`, with their pages.
fn runbooks() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks");
    let pages = fs::read_dir(folder).unwrap().map(|entry| {
        let file = entry.unwrap().path();
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(file).unwrap())
    });
    pages.filter(|(name, _)| name != "README").collect()
}

#[test]
fn every_alert_has_a_runbook_with_the_four_parts() {
    let pages = runbooks();
    let rules: String = artefacts(What::Rules).into_iter().map(|file| file.content).collect();
    let of_rules = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    for name in of_rules.chain(OWN_ALERTS).filter(|name| *name != "SsowatchIncident") {
        assert!(pages.contains_key(name), "docs/runbooks/{name}.md is missing");
    }
    for (name, page) in &pages {
        let parts: Vec<_> = page.lines().filter(|line| line.starts_with('#')).collect();
        let title = format!("# {name}");
        let want = [&*title, "## Meaning", "## Impact", "## Diagnosis", "## Mitigation"];
        assert_eq!(parts, want, "docs/runbooks/{name}.md");
    }
}

#[test]
fn runbooks_name_only_metrics_that_there_are() {
    for (name, page) in runbooks() {
        let words = page.split(|c: char| !c.is_ascii_alphanumeric() && !"_:".contains(c));
        for word in words.filter(|word| word.starts_with("sso_") || word.starts_with("ssowatch_")) {
            let base = word.trim_end_matches("_bucket").trim_end_matches("_count");
            let known = catalog::ALL.iter().any(|metric| metric.name == base);
            // `sso_failed` is an event.
            let event =
                ["started", "succeeded", "failed", "timed_out"].map(|end| format!("sso_{end}"));
            assert!(known || event.contains(&word.to_owned()), "{name}: {word}");
        }
    }
}

#[test]
fn the_configuration_reference_is_made_from_the_schema() {
    assert_committed("docs/configuration.md", &reference());
}

#[test]
fn the_example_configuration_is_valid_and_shows_every_top_level_key() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ssowatch.example.yaml");
    let text = fs::read_to_string(path).unwrap();
    let value = |name: &str| Some(format!("https://example.com/{name}"));
    Config::parse("docs/ssowatch.example.yaml", &text, value).unwrap();
    let schema = ssowatch::config::schema();
    for key in schema["properties"].as_object().unwrap().keys() {
        let shown = text.lines().any(|line| line.starts_with(&format!("{key}:")));
        assert!(shown, "docs/ssowatch.example.yaml does not show `{key}`; add it");
    }
}
