//! Artefacts that are derived from the metric catalogue: rules, boards, monitors, the chart and the reference.
//!
//! Each is data (a table of rules, panels, monitors) and one encoder. What names a metric that the catalogue does not have is
//! left out, so that a build never ships an expression that can have no result; [`need`] says which metrics may be missing.

mod datadog;
mod grafana;
mod helm;
mod metrics;
mod need;
mod prometheus;
mod yaml;

use serde_json::Value;

pub use self::grafana::{Query, queries};
use crate::signal::catalog::Metric;

/// What can be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum What {
    /// Prometheus rules: recording, alerting, error budget.
    Rules,
    /// Boards for Grafana and Datadog.
    Dashboards,
    /// Datadog monitors, the service level objective, and a Terraform example that applies them.
    Monitors,
    /// The Helm chart, with the rules and boards in it.
    Helm,
    /// The metrics reference in Markdown.
    Metrics,
    /// The JSON Schema of the configuration.
    Schema,
}

/// A file that is made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Artefact {
    /// Relative to the folder that it is written into, with slashes.
    pub path: String,
    /// All of it; ends with a newline.
    pub content: String,
}

/// What artefacts are made from.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The metrics that this build has.
    pub catalog: &'a [Metric],
    /// JSON Schema of the configuration.
    pub schema: &'a Value,
    /// Where people read more.
    pub links: &'a Links,
}

/// Where people read more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Links {
    /// Base URL under which people reach the admin listener, without a slash at its end.
    pub external_url: String,
    /// Base URL of the runbooks, without a slash at its end; the name of the alert is appended after one.
    pub runbooks: String,
}

impl What {
    /// The files. Their paths are where they are in the repository, but for single files, which have a usual name.
    #[must_use]
    pub fn artefacts(self, inputs: &Inputs<'_>) -> Vec<Artefact> {
        let one = |path: &str, content| vec![Artefact { path: path.to_owned(), content }];
        match self {
            Self::Rules => prometheus::files(inputs),
            Self::Dashboards => [grafana::files(inputs), datadog::boards(inputs)].concat(),
            Self::Monitors => datadog::monitors(inputs),
            Self::Helm => helm::files(inputs),
            Self::Metrics => one("metrics.md", metrics::reference(inputs.catalog)),
            Self::Schema => one("ssowatch.schema.json", pretty(inputs.schema)),
        }
    }
}

/// JSON for people and for `diff`.
fn pretty(value: &Value) -> String {
    format!("{}\n", serde_json::to_string_pretty(value).expect("a value is JSON"))
}

impl Links {
    /// Links to the daemon at `external_url`, which serves the runbooks too unless they are at `runbooks`.
    #[must_use]
    pub fn new(external_url: &str, runbooks: Option<&str>) -> Self {
        let external_url = external_url.trim_end_matches('/').to_owned();
        let runbooks = match runbooks {
            Some(own) => own.trim_end_matches('/').to_owned(),
            None => format!("{external_url}/runbooks"),
        };
        Self { external_url, runbooks }
    }

    /// The page of an alert.
    fn runbook(&self, alert: &str) -> String {
        format!("{}/{alert}", self.runbooks)
    }
}

impl Default for Links {
    /// The daemon's default listener, which the committed files point to.
    fn default() -> Self {
        Self::new("http://127.0.0.1:9470", None)
    }
}
