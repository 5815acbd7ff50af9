//! The names of the alerts that are raised without a rule.

use super::certificate;
use super::delivery::SOURCE_STALLED;
use super::drift;
use super::edge::near;
use super::edge::sign::Sign;
use super::page;
use super::watch::WATCHDOG;
use crate::signal::SINK_FAILING;

/// Alerts that look neither at sign-ins against what is usual nor at tiers.
const OTHERS: [&str; 6] = [
    WATCHDOG,
    certificate::ALERTNAME,
    SINK_FAILING,
    SOURCE_STALLED,
    near::ALERTNAME,
    drift::ALERTNAME,
];

/// All of them.
pub fn built_in() -> impl Iterator<Item = &'static str> {
    let edge = Sign::ALL.into_iter().map(Sign::alertname);
    page::ALERTNAMES.into_iter().chain(edge).chain(OTHERS)
}
