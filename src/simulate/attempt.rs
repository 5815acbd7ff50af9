//! One sign-in of a simulation.

use super::scenario::{NuisanceKind, Scenario};

/// A sign-in from its start to its end. Times are seconds after the start of the scenario.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Attempt {
    pub(super) key: Key,
    /// Rank less one.
    pub(super) connection: usize,
    /// Number among the connection's people.
    pub(super) user: u64,
    pub(super) begin: f64,
    pub(super) end: f64,
    pub(super) outcome: Outcome,
    pub(super) cause: Cause,
    /// Leaves no event at all.
    pub(super) dropped: bool,
    /// Leaves no event of its end.
    pub(super) unfinished: bool,
    /// Which faults changed it: a bit for each.
    pub(super) faults: u64,
}

/// Tells attempts apart within a simulation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Key {
    pub(super) origin: Origin,
    /// Number of the first try.
    pub(super) number: u64,
    /// 0 for the first try, then by retry.
    pub(super) round: u64,
}

/// Why somebody signs in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    /// To work.
    People,
    /// As part of this nuisance.
    Nuisance(usize),
}

/// How a sign-in ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Outcome {
    Succeeded,
    Failed,
    Denied,
    TimedOut,
}

/// Why it failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cause {
    /// It did not, or what it ended with says all.
    None,
    /// One of [`EVERYDAY_CODES`].
    Everyday(usize),
    /// The code of this fault.
    Fault(usize),
    /// The code of this nuisance.
    Nuisance(usize),
}

/// Codes of everyday failures, most frequent first.
const EVERYDAY_CODES: [&str; 12] = [
    "profile_attribute_missing",
    "invalid_saml_response",
    "idp_initiated_sso_disabled",
    "saml_assertion_expired",
    "csrf_state_mismatch",
    "signature_invalid",
    "authentication_error",
    "server_error",
    "audience_mismatch",
    "domain_not_allowed",
    "clock_skew",
    "idp_error_response",
];

/// Shares of [`EVERYDAY_CODES`]; the last takes the rest.
pub(super) const EVERYDAY_SHARES: [f64; 11] =
    [0.40, 0.20, 0.12, 0.08, 0.06, 0.04, 0.03, 0.02, 0.02, 0.015, 0.01];

impl Cause {
    /// The everyday cause with this code.
    pub(super) fn everyday(code: &str) -> Option<Self> {
        EVERYDAY_CODES.iter().position(|known| *known == code).map(Self::Everyday)
    }
}

impl Attempt {
    /// `error.code` of the event of its end; `None` for a success.
    pub(super) fn code<'a>(&self, scenario: &'a Scenario) -> Option<&'a str> {
        match (self.outcome, self.cause) {
            (Outcome::Succeeded, _) => None,
            (Outcome::Denied, _) => Some("access_denied"),
            (Outcome::TimedOut, _) => Some("session_timed_out"),
            (Outcome::Failed, Cause::Everyday(index)) => Some(EVERYDAY_CODES[index]),
            (Outcome::Failed, Cause::Fault(index)) => {
                Some(scenario.faults[index].effect.code.as_deref().unwrap_or("idp_error"))
            }
            (Outcome::Failed, Cause::Nuisance(index)) => {
                Some(match scenario.nuisance[index].kind {
                    NuisanceKind::RetryStorm => "authentication_method_not_allowed",
                    NuisanceKind::TestSessions => "attribute_mapping_test_failed",
                    NuisanceKind::Onboarding => "connection_strategy_invalid",
                })
            }
            (Outcome::Failed, Cause::None) => Some("server_error"),
        }
    }
}
