//! When the trouble of an incident is believed to have ended.

use std::sync::Arc;

use super::*;

/// How far the estimate may lie from the truth: it is made to the minute, and sign-ins have the luck of their minute.
const ERROR_MILLIS: i64 = 120_000;

/// An hour of ordinary sign-ins, then so many seconds in which `bad` of ten fail, then ordinary ones until the incident is
/// over. The incident, and when the trouble began and ended in truth.
fn after(length: i64, bad: u64) -> (Arc<Incident>, Timestamp, Timestamp) {
    let mut engine = Engine::new(Config::default());
    let mut resolved = None;
    let (from, until) = (3_600, 3_600 + length);
    for n in 0..3_600 {
        let at = i64::try_from(n).unwrap() * 3;
        let fails = (from..until).contains(&at) && n * 7 % 10 < bad;
        let step = if fails { Step::Failed } else { Step::Succeeded };
        let (id, connection) = (format!("t{n}"), format!("c{}", n % 10));
        engine.apply(&entry(at, event(&id, at, step, &connection, "", 100_000 + n)));
        let over = engine.transitions().into_iter().filter(|told| {
            told.incident.state == State::Resolved && &*told.incident.alertname == "SsoFleetFailing"
        });
        resolved = over.last().map(|told| told.incident).or(resolved);
    }
    (resolved.expect("the fleet's incident is over"), second(from), second(until))
}

#[test]
fn the_estimated_end_is_that_of_the_trouble_and_not_that_of_the_alarm() {
    for (length, bad) in [(600, 9), (1_200, 6), (1_800, 3)] {
        let (incident, from, until) = after(length, bad);
        let ended = incident.course.ended_at.expect("failures show their end");
        let (early, late) = (incident.started_at.millis_since(from), ended.millis_since(until));
        assert!(early.abs() <= ERROR_MILLIS, "{bad}: began {early} ms off");
        assert!(late.abs() <= ERROR_MILLIS, "{bad}: ended {late} ms off");
        let alarm = incident.resolved_at.expect("it is over").millis_since(ended);
        assert!(alarm >= 120_000, "{bad}: resolved {alarm} ms after the end");
    }
}

#[test]
fn what_counts_cannot_show_has_no_estimated_end() {
    let (mut engine, now) = under_way();
    // The sign-ins under way never end, and then others do well.
    for n in 0..1_000 {
        let at = now + 100 + i64::try_from(n).unwrap() * 3;
        let (session, connection) = (format!("w{n}"), format!("c{}", n % 10));
        for (at, step) in [(at, Step::Started), (at + 2, Step::Succeeded)] {
            let id = format!("{step:?}w{n}");
            engine.apply(&entry(at, event(&id, at, step, &connection, &session, n)));
        }
    }
    let snapshot = engine.snapshot();
    let hanging =
        snapshot.incidents.iter().find(|incident| &*incident.alertname == "SsoFleetTimingOut");
    let hanging = hanging.expect("they hang");
    assert_eq!(hanging.state, State::Resolved);
    assert_eq!(hanging.course.ended_at, None);
}
