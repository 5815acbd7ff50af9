//! The report of a published outage, beside what was published.

use super::super::*;
use crate::signal::{Incident, Snapshot};
use crate::web::report::markdown;

/// The fleet's incident of 2025-10-10 as it stands twenty minutes after its end.
fn incident(seed: u64) -> (Incident, Snapshot) {
    let scenario = crate::config::scenario("workos-2025-10-10-authkit-28pct").unwrap();
    let simulation = Simulation::new(scenario, Some(seed));
    let moment = |text: &str| Timestamp::parse(text).unwrap();
    let from = simulation.minute_of(Some(moment("2025-10-10T12:30:00Z")), 0);
    let mut recording = simulation.recording_from(from);
    let until = moment("2025-10-10T16:50:00Z");
    let day = events(&simulation, std::iter::from_fn(|| recording.next_before(until)));
    let mut folded = fold(Engine::new(Config::default()), day);
    let snapshot = folded.engine.snapshot();
    let fleet = |one: &&std::sync::Arc<Incident>| &*one.alertname == "SsoFleetFailing";
    let incident = snapshot.incidents.iter().find(fleet).expect("the fleet fails");
    (Incident::clone(incident), snapshot)
}

#[test]
fn the_report_of_a_published_outage_gives_its_times_and_shares_within_the_stated_error() {
    let at = |time: &str| Timestamp::parse(&format!("2025-10-10T{time}Z")).unwrap();
    let mut wrong = Vec::new();
    for seed in [20_251_010, 1] {
        let (incident, snapshot) = incident(seed);
        let text = markdown(&incident, &snapshot);
        let course = &incident.course;
        let (began, known) = (incident.started_at, incident.fired_at.unwrap());
        let ended = course.ended_at.expect("failures show their end");
        let peak = course.peak.expect("there is one");
        for (what, right) in [
            ("begins", (-60_000..=120_000).contains(&began.millis_since(at("16:05:00")))),
            ("known before people did", known < at("16:13:00")),
            ("ends", ended.millis_since(at("16:30:00")).abs() <= 120_000),
            // 28 % of all, and usual failures, are 32 % of those that are not left without an answer.
            ("peak", (peak.share() - 0.32).abs() <= 0.05),
        ] {
            if !right {
                wrong.push(format!("{seed}: {what}\n{text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
