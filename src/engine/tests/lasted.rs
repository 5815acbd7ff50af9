//! How long trouble lasted that a threshold told of.

use std::sync::Arc;

use super::*;
use crate::signal::Happened;

fn with(rule: &str) -> Config {
    let rules = format!("[{rule}]");
    Config { rules: serde_json::from_str(&rules).unwrap(), detection: None, ..Config::default() }
}

const RATIO: &str = r#"{"name":"A","metric":"failure_ratio","op":">","value":0.5,"window":"5m","keep_firing_for":"5m"}"#;
const COUNT: &str = r#"{"name":"A","metric":"failures","op":">","value":3,"window":"5m"}"#;

/// The only incident, when it is over.
fn over(engine: &mut Engine, at: i64) -> Arc<Incident> {
    engine.advance(second(at));
    let incident = engine.snapshot().incidents.into_iter().find(|one| &*one.alertname == "A");
    let incident = incident.expect("it fired");
    assert_eq!(incident.state, State::Resolved, "{incident:?}");
    incident
}

fn counted(incident: &Incident) -> Vec<&Happened> {
    let steps = incident.course.steps.iter().map(|step| &step.what);
    steps.filter(|what| matches!(what, Happened::Counted { .. })).collect()
}

#[test]
fn the_end_is_that_of_the_failures_and_the_count_is_from_beginning_to_end() {
    for (rule, good) in [(RATIO, 0), (RATIO, 1), (COUNT, 0), (COUNT, 40)] {
        let mut engine = Engine::new(with(rule));
        // Three minutes, of which the window forgets the first before the last; then others do well, or nobody comes.
        for (at, bad) in [(640, 20), (700, 10), (760, 14)] {
            trouble(&mut engine, at, "c1", bad, 0, 50);
        }
        for minute in 0..10 {
            engine.advance(second(820 + minute * 60));
            trouble(&mut engine, 820 + minute * 60, "c1", 0, good, 50);
        }
        let incident = over(&mut engine, 2_400);
        assert_eq!(incident.course.ended_at, Some(second(820)), "{rule} {good}");
        let (from, until) = (second(640), second(820));
        let want = Happened::Counted { from, until, attempts: 44, bad: 44 };
        assert_eq!(counted(&incident), [&want], "{rule} {good}");
        assert!(incident.evidence.bad < 44, "what the window held: {:?}", incident.evidence);
    }
}

#[test]
fn what_comes_back_has_not_ended() {
    let mut engine = Engine::new(with(RATIO));
    trouble(&mut engine, 640, "c1", 20, 0, 50);
    trouble(&mut engine, 880, "c1", 0, 40, 50);
    engine.advance(second(940));
    let ended = |engine: &mut Engine| {
        let incidents = engine.snapshot().incidents;
        let incident = incidents.iter().find(|one| &*one.alertname == "A").expect("it fired");
        assert_eq!(incident.state, State::Firing);
        incident.course.ended_at
    };
    assert_eq!(ended(&mut engine), Some(second(700)));
    trouble(&mut engine, 1_000, "c1", 60, 0, 90);
    assert_eq!(ended(&mut engine), None);
    let incident = over(&mut engine, 2_400);
    assert_eq!(incident.course.ended_at, Some(second(1_060)));
    assert_eq!(counted(&incident).len(), 2);
}

#[test]
fn what_an_hour_does_not_show_has_no_end() {
    let mut engine = Engine::new(with(COUNT));
    for minute in 0..90 {
        trouble(&mut engine, 640 + minute * 60, "c1", 5, 0, 50);
    }
    let incident = over(&mut engine, 8_000);
    assert_eq!((incident.course.ended_at, counted(&incident).len()), (None, 0));
}
