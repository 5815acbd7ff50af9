//! A migration that asks the gate every ten seconds, on the day of a large outage.

use super::super::gate::{Told, ask};
use super::*;

const LARGE: &str = "workos-2025-10-10-authkit-28pct";

/// What changes are told that begin at these times of that day.
fn told(seed: u64, starts: &[(&str, &'static str)]) -> Vec<Told> {
    let at = |time: &str| Timestamp::parse(&format!("2025-10-10T{time}Z")).unwrap();
    let starts: Vec<_> = starts.iter().map(|(time, scope)| (at(time), *scope)).collect();
    let scenario = crate::config::scenario(LARGE).unwrap();
    ask(scenario, Some(seed), at("12:30:00"), &starts)
}

#[test]
fn a_migration_that_begins_with_the_outage_is_stopped_within_a_minute_and_a_healthy_one_passes() {
    // The outage begins at 16:05 and takes five minutes to its peak.
    let starts = [
        ("14:30:00", "all"),
        ("14:30:00", "fleet"),
        ("16:05:00", "all"),
        ("16:05:00", "fleet"),
        ("16:10:00", "fleet"),
        ("16:15:00", "fleet"),
        ("16:25:00", "fleet"),
    ];
    // How soon a healthy one passes, and one in the outage is stopped, at most.
    let wanted = [
        (Some(900), None),
        (Some(900), None),
        (None, Some(60)),
        (None, Some(180)),
        (None, Some(60)),
        (None, Some(60)),
        (None, Some(60)),
    ];
    for seed in [20_251_010, 7] {
        for (told, (pass, fail)) in told(seed, &starts).into_iter().zip(wanted) {
            let within = |after: Option<i64>, most: Option<i64>| match (after, most) {
                (Some(after), Some(most)) => after <= most,
                (after, most) => after.is_none() && most.is_none(),
            };
            assert!(within(told.pass, pass) && within(told.fail, fail), "{seed}: {told:?}");
        }
    }
}
