//! Prometheus rules: what is recorded, and what is alerted on.
//!
//! Three files, because there are three ways to be paged. The base is for everybody: the watchman's own death and the error
//! budget, and what these record. Who is paged by ssowatch itself needs no other. Who is paged by Prometheus adds one of two:
//! the incidents that ssowatch finds, or thresholds in PromQL.

mod budget;
mod edge;
mod health;
mod incidents;
mod recording;
mod thresholds;

pub(super) use edge::{CLIENT_ERROR, NO_ANSWER};

use super::yaml::Yaml;
use super::{Artefact, Inputs, need};

/// Where the rules are.
const FOLDER: &str = "alerts/prometheus";

/// One file of rules.
#[derive(Debug)]
struct RuleFile {
    name: &'static str,
    /// Who needs it.
    about: &'static str,
    groups: Vec<Group>,
}

/// Rules that are looked at one after the other.
#[derive(Debug)]
struct Group {
    name: &'static str,
    records: Vec<Record>,
    alerts: Vec<Alert>,
}

/// A series that is computed and kept.
#[derive(Debug)]
struct Record {
    name: String,
    expr: String,
}

/// An alert.
#[derive(Clone, Debug)]
struct Alert {
    name: &'static str,
    severity: &'static str,
    /// What it is about, the label `scope`.
    scope: &'static str,
    /// How long the expression must hold; empty: it fires at once.
    hold: &'static str,
    /// How long it stays after the expression held last. Prometheus 2.42 is the first that knows it.
    keep: &'static str,
    expr: String,
    summary: &'static str,
    description: &'static str,
}

/// By how much each of `series` has grown within `range`. Most begin with the first thing that they count, which `increase` does not
/// see; what was not there while Prometheus looked (`up` of whatever it scrapes) is new, and what it did not look at is not.
fn grown(series: &str, range: &str) -> String {
    format!(
        "({series} unless {series} offset {range} and on () up offset {range} or increase({series}[{range}]))"
    )
}

/// The files of rules.
pub(super) fn files(inputs: &Inputs<'_>) -> Vec<Artefact> {
    let files = [
        RuleFile {
            name: "ssowatch.rules.yaml",
            about: "For everybody: whether ssowatch itself lives and hears, and the error budget.\n\
                ssowatch-thresholds builds on what is recorded here.",
            groups: vec![recording::group(), health::group(), budget::group()],
        },
        RuleFile {
            name: "ssowatch-incidents.rules.yaml",
            about: "For those who page from Prometheus: what ssowatch's own detection finds.\n\
                Not together with ssowatch-thresholds, nor with receivers of ssowatch that page the same people.",
            groups: vec![incidents::group()],
        },
        RuleFile {
            name: "ssowatch-thresholds.rules.yaml",
            about: "For those who page from Prometheus and want plain thresholds in place of ssowatch's own detection.\n\
                Needs ssowatch.rules.yaml. Not together with ssowatch-incidents, nor with receivers of ssowatch that page\n\
                the same people.",
            groups: vec![thresholds::group(), edge::group(), health::own()],
        },
    ];
    files.iter().map(|file| file.artefact(inputs)).collect()
}

impl Record {
    fn new(name: &str, expr: &str) -> Self {
        Self { name: name.to_owned(), expr: expr.trim_matches('\n').to_owned() }
    }
}

impl RuleFile {
    fn artefact(&self, inputs: &Inputs<'_>) -> Artefact {
        let mut yaml = Yaml::new(&format!(
            "Made by `ssowatch generate rules`; needs Prometheus 2.42.\n{}",
            self.about
        ));
        yaml.line(0, "groups:");
        for group in &self.groups {
            group.write(inputs, &mut yaml);
        }
        Artefact { path: format!("{FOLDER}/{}", self.name), content: yaml.into_text() }
    }
}

impl Group {
    /// Its rules, less those whose metrics are not there. A group without any is left out.
    fn write(&self, inputs: &Inputs<'_>, yaml: &mut Yaml) {
        let records: Vec<_> =
            self.records.iter().filter(|rule| need::met(&rule.expr, inputs.catalog)).collect();
        let alerts: Vec<_> =
            self.alerts.iter().filter(|rule| need::met(&rule.expr, inputs.catalog)).collect();
        if records.is_empty() && alerts.is_empty() {
            return;
        }
        yaml.line(2, &format!("- name: {}", self.name));
        yaml.line(4, "rules:");
        for record in records {
            yaml.line(6, &format!("- record: {}", record.name));
            yaml.block(8, "expr", &record.expr);
        }
        for alert in alerts {
            alert.write(inputs, yaml);
        }
    }
}

impl Alert {
    fn write(&self, inputs: &Inputs<'_>, yaml: &mut Yaml) {
        yaml.line(6, &format!("- alert: {}", self.name));
        yaml.block(8, "expr", self.expr.trim_matches('\n'));
        if !self.hold.is_empty() {
            yaml.line(8, &format!("for: {}", self.hold));
        }
        yaml.line(8, &format!("keep_firing_for: {}", self.keep));
        yaml.line(8, "labels:");
        yaml.line(10, &format!("severity: {}", self.severity));
        yaml.line(10, &format!("scope: {}", self.scope));
        yaml.line(8, "annotations:");
        yaml.text(10, "summary", self.summary);
        yaml.text(10, "description", self.description);
        yaml.text(10, "runbook_url", &inputs.links.runbook(self.page()));
        yaml.text(10, "dashboard_url", &format!("{}/", inputs.links.external_url));
    }

    /// The runbook: what ssowatch found has the page of what it found.
    fn page(&self) -> &'static str {
        if self.name == incidents::NAME { incidents::PAGE } else { self.name }
    }
}

#[cfg(test)]
mod tests;
