//! The names of the alerts that are raised without a rule.

use super::certificate;
use super::delivery::SOURCE_STALLED;
use super::drift;
use super::edge::sign::Sign;
use super::edge::{near, worsened};
use super::page;
use super::watch::WATCHDOG;
use crate::signal::SINK_FAILING;

/// Alerts that look neither at sign-ins against what is usual nor at a tier against its own.
const OTHERS: [&str; 7] = [
    WATCHDOG,
    certificate::ALERTNAME,
    SINK_FAILING,
    SOURCE_STALLED,
    near::ALERTNAME,
    worsened::ALERTNAME,
    drift::ALERTNAME,
];

/// All of them.
pub fn built_in() -> impl Iterator<Item = &'static str> {
    let edge = Sign::ALL.into_iter().map(Sign::alertname);
    page::ALERTNAMES.into_iter().chain(edge).chain(OTHERS)
}
