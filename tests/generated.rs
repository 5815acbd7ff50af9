//! Files that are made from the code are as the code makes them. `make golden` rewrites them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

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
fn rules_are_made_from_the_catalogue() {
    for Artefact { path, content } in artefacts(What::Rules) {
        assert_committed(&path, &content);
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
    Config::parse("docs/ssowatch.example.yaml", &text, |name| Some(format!("value of {name}")))
        .unwrap();
    let schema = ssowatch::config::schema();
    for key in schema["properties"].as_object().unwrap().keys() {
        let shown = text.lines().any(|line| line.starts_with(&format!("{key}:")));
        assert!(shown, "docs/ssowatch.example.yaml does not show `{key}`; add it");
    }
}
