//! What pages at a tier and gets much worse.

use super::*;
use crate::signal::{Severity, State};

/// What is told of a tier where 3 % of 100 requests a second fail from 7,300 s on, and so many from 9,100 to 9,700, of some clients.
fn told(code: u16, worse: u64, clients: u64, cut: impl Fn(Engine) -> Engine) -> Vec<String> {
    let mut engine = Engine::new(EngineConfig::default());
    let mut told = Vec::new();
    for second in 0..11_200 {
        let bad = match second {
            9_100..9_700 => worse,
            7_300..10_000 => 3,
            _ => 0,
        };
        let clients = if second < 9_100 { 3 } else { clients };
        apply(&mut engine, second + 1, second_of(second, bad, code, false, clients));
        for transition in engine.transitions() {
            let incident = &transition.incident;
            if incident.scope.is_of_edge() {
                let after = transition.at.seconds() - START - 9_100;
                let (state, severity) = (incident.state.as_str(), incident.severity.as_str());
                let Incident { alertname, summary, description, .. } = &**incident;
                told.push(format!(
                    "{after} s {state} {severity} {alertname}: {summary}\n  {description}"
                ));
            }
        }
        if second % 500 == 0 {
            engine = cut(engine);
        }
    }
    told
}

#[test]
fn a_page_for_few_requests_does_not_hide_an_outage() {
    let all = told(503, 60, 3, |engine| engine);
    insta::assert_snapshot!("worse", all.join("\n"));
    let saved =
        told(503, 60, 3, |engine| Engine::load(EngineConfig::default(), &engine.save()).unwrap());
    assert_eq!(all, saved);
}

#[test]
fn what_one_client_more_is_refused_is_no_page_beside_that_of_many() {
    let named =
        |all: &[String]| all.iter().filter(|told| told.contains("page EdgeOutageWorse: ")).count();
    let (one, many) = (told(429, 60, 1, |engine| engine), told(429, 60, 40, |engine| engine));
    assert_eq!((named(&one), named(&many)), (0, 2), "{one:#?} {many:#?}");
}

#[test]
fn the_alarm_of_an_older_state_is_followed_from_what_it_has_counted() {
    let mut engine = Engine::new(EngineConfig::default());
    for second in 0..8_500 {
        let bad = if second >= 7_300 { 20 } else { 0 };
        apply(&mut engine, second + 1, second_of(second, bad, 503, false, 3));
    }
    let saved = engine.save();
    let edge = &engine.memory.edge;
    let known = (edge.worsening(), edge.gross(), edge.past(), edge.late());
    let mut older = saved[..saved.len() - postcard::to_stdvec(&known).unwrap().len()].to_vec();
    older[0] = crate::engine::checkpoint::SINCE_WORSE - 1;
    let mut engine = Engine::load(EngineConfig::default(), &older).unwrap();
    for second in 8_500..8_800 {
        apply(&mut engine, second + 1, second_of(second, 20, 503, false, 3));
    }
    let open = engine.snapshot().incidents;
    let open: Vec<_> = open
        .iter()
        .filter(|one| one.state == State::Firing && one.severity == Severity::Page)
        .map(|one| &*one.alertname)
        .collect();
    assert_eq!(open, ["EdgeErrors"]);
}

#[test]
fn what_one_client_more_is_refused_hides_no_outage() {
    let mut engine = Engine::new(EngineConfig::default());
    let mut paged = Vec::new();
    for second in 0..9_400 {
        let share = |small, large| match second {
            9_100.. => large,
            7_300.. => small,
            _ => 0,
        };
        let [errors, refused] = [(503, share(3, 60), 3), (429, share(5, 95), 1)]
            .map(|(code, bad, clients)| second_of(second, bad, code, false, clients));
        apply(&mut engine, second + 1, errors);
        apply(&mut engine, second + 1, refused);
        let began = engine.transitions().into_iter().map(|told| told.incident);
        paged.extend(began.filter(|one| &*one.alertname == super::super::worsened::ALERTNAME));
    }
    let [one] = &paged[..] else { panic!("{paged:#?}") };
    assert!(one.summary.contains("5xx"), "{}", one.summary);
}

#[test]
fn what_nobody_judges_is_not_kept() {
    let size = |seconds: i64| {
        let mut config = EngineConfig::default();
        config.edge.alerts = false;
        let mut engine = Engine::new(config);
        for second in 0..seconds {
            apply(&mut engine, second + 1, second_of(second, 3, 404, false, 3));
        }
        engine.save().len()
    };
    let (hour, two) = (size(3_600), size(7_200));
    assert!(two < hour + 1_000, "{hour} {two}");
}
