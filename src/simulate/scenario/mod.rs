//! `sso-scenario/v1`: a fleet, what goes wrong, and what an alerting system should make of it.

mod check;
mod population;
mod trouble;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

pub use super::span::{Span, When};
pub(super) use population::Rate;
pub use population::{Baseline, Fleet, Hours, LatencyChange, RateChange, Region, Retry, Shares};
pub use trouble::{
    Edge, EdgeFault, EdgeStream, Effect, Fault, Maintenance, Nuisance, NuisanceKind,
    NuisanceOutcome, Per, Ranks, Select,
};

/// A scenario file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    #[serde(rename = "format")]
    _format: Format,
    /// Unique among the built-in ones.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// Where it comes from.
    pub kind: Kind,
    /// Decides every event.
    pub seed: u64,
    /// Decides the fleet: its providers, rates and people. Default: `seed`.
    pub fleet_seed: Option<u64>,
    /// Its first moment.
    pub start: When,
    /// Ordinary days before anything happens, part of the recording.
    #[serde(default)]
    pub warmup: Span,
    /// The time after the warm-up.
    pub duration: Span,
    /// Figures of the public report that it follows.
    #[serde(default, rename = "published")]
    _published: Option<IgnoredAny>,
    /// What the report does not say.
    #[serde(default, rename = "assumptions")]
    _assumptions: Vec<String>,
    /// Who signs in.
    #[serde(default)]
    pub fleet: Fleet,
    /// What is usual.
    #[serde(default)]
    pub baseline: Baseline,
    /// What breaks.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// What looks like trouble and is none.
    #[serde(default)]
    pub nuisance: Vec<Nuisance>,
    /// Announced work.
    #[serde(default)]
    pub maintenance: Vec<Maintenance>,
    /// Requests at the edge.
    #[serde(default)]
    pub edge: Edge,
    /// What should be made of it.
    pub expect: Expect,
}

impl Scenario {
    /// Length of warm-up and duration.
    pub(super) fn seconds(&self) -> f64 {
        self.warmup.0 + self.duration.0
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum Format {
    #[serde(rename = "sso-scenario/v1")]
    V1,
}

/// Where a scenario comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A published incident.
    Seed,
    /// A fault that every fleet knows.
    Synthetic,
    /// Nothing to page for.
    Nuisance,
    /// Made to be watched.
    Demo,
}

/// `expect`: what an alerting system should do.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Whether somebody gets up.
    pub page: Page,
    /// Whether somebody should look at it in working hours.
    #[serde(default)]
    pub ticket: bool,
    /// Who is named: `connection`, `idp`, `fleet`, `connection_or_edge` or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ExpectedScope>,
    /// Which connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<usize>,
    /// Which identity provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idp: Option<String>,
    /// What shows it, when not failures: `drought`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// How soon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_delay: Option<Span>,
    /// How many pages at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_pages: Option<u32>,
    /// From when the delay counts, when not from the onset.
    #[serde(default, skip_serializing)]
    pub onset_for_scoring: Option<When>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Who an expected alert names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedScope {
    /// A connection.
    Connection,
    /// An identity provider.
    Idp,
    /// Everything.
    Fleet,
    /// A connection, or the edge.
    ConnectionOrEdge,
    /// Nobody.
    None,
}

/// Whether a page is expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Page {
    /// Yes or no.
    Sure(bool),
    /// Either will do.
    Either(PageOrTicket),
}

/// A page or a ticket.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PageOrTicket {
    /// Either will do.
    PageOrTicket,
}
