//! What ends because the configuration changed is not said to be over.

use std::sync::Arc;

use super::*;
use crate::signal::{Happened, Scope, Unwatched};

fn with(rules: &str) -> Config {
    Config { rules: serde_json::from_str(rules).unwrap(), detection: None, ..Config::default() }
}

/// The incident of trouble that passes at 400 s, where the rules become `after` at 200 s.
fn ended(after: &str) -> Arc<Incident> {
    let mut engine = Engine::new(with(&rule(3)));
    trouble(&mut engine, 100, "c1", 20, 0, 5);
    engine.advance(second(200));
    let mut engine = Engine::load(with(after), &engine.save()).unwrap();
    trouble(&mut engine, 210, "c1", 2, 0, 5);
    engine.advance(second(1_200));
    let told = engine.transitions().into_iter().map(|told| told.incident);
    let ended: Vec<_> = told.filter(|incident| incident.scope != Scope::Fleet).collect();
    let [incident] = &*ended else { panic!("{ended:?}") };
    assert_eq!(incident.state, State::Resolved);
    Arc::clone(incident)
}

fn rule(value: u64) -> String {
    format!(r#"[{{"name":"A","metric":"failures","op":">","value":{value},"window":"5m"}}]"#)
}

#[test]
fn an_alert_without_its_rule_is_no_longer_watched() {
    let other =
        r#"[{"name":"A","metric":"failures","op":">","value":3,"window":"5m","scope":"fleet"}]"#;
    for after in ["[]", other] {
        let incident = ended(after);
        let last = &incident.course.steps.last().unwrap().what;
        assert_eq!(*last, Happened::Unwatched(Unwatched::Removed), "{after}");
        assert_eq!(incident.resolved_at, Some(second(200)));
        let words = ". No longer watched: what raised it was taken out of the configuration; the trouble may go on";
        assert!(incident.summary.ends_with(words), "{}", incident.summary);
    }
}

#[test]
fn an_alert_whose_rule_does_not_hold_as_it_is_now_is_no_longer_watched() {
    let longer = r#"[{"name":"A","metric":"failures","op":">","value":30,"window":"10m"}]"#;
    for after in [&rule(50), longer] {
        let incident = ended(after);
        let last = &incident.course.steps.last().unwrap().what;
        assert_eq!(*last, Happened::Unwatched(Unwatched::Changed), "{after}");
        assert!(
            incident.summary.contains("No longer watched: its rule was changed"),
            "{}",
            incident.summary
        );
    }
}

#[test]
fn what_passed_under_its_rule_is_resolved_though_the_rule_was_changed() {
    for after in [rule(3), rule(5)] {
        let incident = ended(&after);
        assert_eq!(incident.course.steps.last().unwrap().what, Happened::Resolved, "{after}");
        assert!(!incident.summary.contains("watched"), "{}", incident.summary);
    }
}
