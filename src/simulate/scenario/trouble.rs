//! What goes wrong, what only looks like it, and what is announced.

use serde::{Deserialize, Serialize};

use crate::simulate::span::{Span, When};

/// One of `faults`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// For people.
    pub id: String,
    /// When it begins.
    pub at: When,
    /// It begins up to this much later; the seed decides.
    #[serde(default)]
    pub jitter: Span,
    /// How long it lasts.
    pub duration: Span,
    /// How long it takes to its full size.
    #[serde(default)]
    pub ramp: Span,
    /// Comes and goes: so long it is there …
    #[serde(default)]
    pub on: Span,
    /// … and so long it is not.
    #[serde(default)]
    pub off: Span,
    /// Whom it hits.
    #[serde(default)]
    pub select: Select,
    /// Whether it hits attempts by chance, or always the same people.
    #[serde(default)]
    pub per: Per,
    /// Number of its random stream. Default: its place in the list.
    pub salt: Option<u64>,
    /// What it does.
    pub effect: Effect,
}

/// Whom something concerns: connections that fit every key.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Select {
    /// Everybody.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// Connections of this identity provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idp: Option<String>,
    /// These connections, by traffic; 1 is the busiest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<Ranks>,
    /// This share of the connections, by chance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fraction: Option<f64>,
    /// Number of the chance of `fraction`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub salt: Option<u64>,
    /// Connections of this region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// One rank or several.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Ranks {
    /// One.
    One(usize),
    /// Several.
    Several(Vec<usize>),
}

/// What a fault picks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// Each attempt by itself.
    #[default]
    Attempt,
    /// People: who is hit is hit each time.
    User,
}

/// What a fault does.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Effect {
    /// Share that fails.
    pub hard_fail: f64,
    /// Share that nobody finishes.
    pub timeout: f64,
    /// Share that is denied.
    pub denied: f64,
    /// Share that leaves no event at all.
    pub drop_start: f64,
    /// Share whose end leaves no event.
    pub drop_terminal: f64,
    /// How many times longer sign-ins take.
    pub slow: f64,
    /// Share that is slow.
    pub slow_fraction: f64,
    /// `error.code` of its failures. Default `idp_error`.
    pub code: Option<String>,
}

/// One of `nuisance`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nuisance {
    /// What it is.
    pub kind: NuisanceKind,
    /// When it begins.
    pub at: When,
    /// It begins up to this much later; the seed decides.
    #[serde(default)]
    pub jitter: Span,
    /// Which connection.
    pub rank: usize,
    /// How many sign-ins. Default 20.
    pub attempts: Option<u32>,
    /// Over how long. Default 10m, for onboarding 3h until it goes live.
    pub over: Option<Span>,
    /// By how many people. Default 1.
    pub users: Option<u64>,
    /// Share that fails. Default 1.
    pub fail: Option<f64>,
    /// Onboarding: until which share of the attempts they fail. Default 0.8.
    pub fail_until: Option<f64>,
    /// How they end when they fail. Default `hard`.
    #[serde(default)]
    pub outcome: NuisanceOutcome,
}

/// What a nuisance is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NuisanceKind {
    /// Few people try again and again.
    RetryStorm,
    /// Somebody tests.
    TestSessions,
    /// A connection is being set up and goes live at the end.
    Onboarding,
}

/// How a nuisance's sign-ins fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NuisanceOutcome {
    /// Failed.
    #[default]
    Hard,
    /// Denied.
    Denied,
    /// Timed out.
    Timeout,
}

/// One of `maintenance`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// Whose.
    pub select: Select,
    /// From when.
    pub at: When,
    /// It begins up to this much later; the seed decides.
    #[serde(default)]
    pub jitter: Span,
    /// For how long.
    pub duration: Span,
}

/// `edge`: requests at the edge, as rates.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Edge {
    /// What flows.
    pub streams: Vec<EdgeStream>,
    /// What goes wrong with it.
    pub faults: Vec<EdgeFault>,
}

/// One of `edge.streams`: requests, each bad or not.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeStream {
    /// For faults.
    pub name: String,
    /// Requests a minute.
    pub rate_per_min: f64,
    /// Share that is bad on an ordinary day.
    pub p0: f64,
}

/// One of `edge.faults`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeFault {
    /// Which stream.
    pub stream: String,
    /// When it begins.
    pub at: When,
    /// How long it lasts.
    pub duration: Span,
    /// How long it takes to its full size.
    #[serde(default)]
    pub ramp: Span,
    /// Share that is bad besides.
    pub add: f64,
}

impl Ranks {
    pub(in crate::simulate) fn iter(&self) -> impl Iterator<Item = usize> {
        match self {
            Self::One(rank) => std::slice::from_ref(rank).iter().copied(),
            Self::Several(ranks) => ranks.iter().copied(),
        }
    }
}

impl Default for Effect {
    fn default() -> Self {
        Self {
            hard_fail: 0.0,
            timeout: 0.0,
            denied: 0.0,
            drop_start: 0.0,
            drop_terminal: 0.0,
            slow: 1.0,
            slow_fraction: 1.0,
            code: None,
        }
    }
}
