//! Customers in trouble at about the same time: one incident where the cause is one, else one each.

use super::*;
use crate::engine::calendar::Place;
use crate::engine::detect::{Kind, Seen, Signal, Wide};
use crate::engine::memory::Memory;
use crate::engine::{apart, words};

/// Five customers sign in, somebody each minute, for three days.
fn healthy() -> (Engine, i64) {
    let mut engine = Engine::new(Config::default());
    let mut now = 0;
    for n in 0..3 * 1_440u64 {
        now += 60;
        sign_in(&mut engine, now, &format!("c{}", n % 5), n, None);
    }
    (engine, now)
}

/// Somebody signs in, whom `code` keeps out. The failure of who has the connection `null_…` does not name it.
fn sign_in(engine: &mut Engine, at: i64, connection: &str, person: u64, code: Option<&str>) {
    let (session, named) = (format!("s{at}_{person}"), connection.trim_start_matches("null_"));
    let start = event(&format!("{session}_1"), at, Step::Started, named, &session, person);
    engine.apply(&entry(at, start));
    let step = if code.is_some() { Step::Failed } else { Step::Succeeded };
    let mentioned = if named == connection { named } else { "" };
    let mut end = event(&format!("{session}_2"), at + 5, step, mentioned, &session, person);
    let Body::Sso(sso) = &mut end.body else { unreachable!() };
    sso.error = code.map(|code| AuthError { code: code.into(), message: "".into() });
    engine.apply(&entry(at + 5, end));
}

/// The connections that somebody is paged for, in order, within `minutes` in which each of `broken` fails with its code from
/// its minute on, every minute, and the others are well.
fn paged(broken: &[(&str, i64, &str)], minutes: i64) -> Vec<String> {
    let (mut engine, from) = healthy();
    for minute in 1..=minutes {
        let at = from + minute * 60;
        for (n, name) in (0u64..).zip(["c0", "c1", "c2", "c3", "c4"]) {
            let is = |(connection, since, _): &&(&str, i64, &str)| {
                connection.ends_with(name) && minute >= *since
            };
            let person = 100_000 + minute.unsigned_abs() * 10 + n;
            let (connection, code) = broken
                .iter()
                .find(is)
                .map_or((name, None), |(connection, _, code)| (*connection, Some(*code)));
            sign_in(&mut engine, at, connection, person, code);
        }
        engine.advance(second(at + 50));
    }
    let told = engine.transitions();
    let began = told.iter().filter(|told| {
        told.incident.severity == Severity::Page && told.incident.state == State::Firing
    });
    let mut names: Vec<String> = Vec::new();
    for told in began {
        let name = match &told.incident.scope {
            crate::signal::Scope::Connection(Some(id)) => id.as_str().to_owned(),
            other => other.as_str().to_owned(),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[test]
fn another_customers_trouble_of_another_cause_has_a_page_of_its_own() {
    let expired = ("c0", 1, "saml_certificate_expired");
    let other = ("c1", 10, "attribute_missing");
    assert_eq!(paged(&[expired, other], 40), ["c0", "c1"]);
    assert_eq!(paged(&[expired, ("c1", 10, "saml_certificate_expired")], 40), ["c0"]);
}

#[test]
fn what_a_wider_incident_takes_over_is_not_over() {
    let (mut engine, from) = healthy();
    for minute in 1..=60i64 {
        for (n, name) in (0u64..).zip(["c0", "c1", "c2", "c3", "c4"]) {
            let person = 100_000 + minute.unsigned_abs() * 10 + n;
            let fails = name == "c0" || minute > 30;
            sign_in(&mut engine, from + minute * 60, name, person, fails.then_some("server_error"));
        }
        engine.advance(second(from + minute * 60 + 50));
    }
    let incidents = engine.memory.alerts.incidents();
    let one = incidents.iter().find(|one| &*one.alertname == "SsoConnectionFailing").unwrap();
    assert_eq!((one.state, one.course.joined()), (State::Resolved, Some("SsoFleetFailing")));
    assert!(one.summary.ends_with(". It goes on as part of SsoFleetFailing"), "{}", one.summary);
}

#[test]
fn a_page_that_stands_for_several_names_them() {
    let mut summary = "Acme (c0): all".to_owned();
    let names = ["Bolt (c1)".to_owned(), "Cola (c2)".to_owned()];
    words::others(&mut summary, &[], 0);
    assert_eq!(summary, "Acme (c0): all");
    words::others(&mut summary, &names, 5);
    assert_eq!(summary, "Acme (c0): all; the same on Bolt (c1), Cola (c2) and 3 more");
}

#[test]
fn only_what_is_of_its_kind_and_up_or_was_up_when_it_began_explains_an_alarm() {
    let (mut engine, from) = healthy();
    for minute in 1..=40i64 {
        let person = 100_000 + minute.unsigned_abs();
        sign_in(&mut engine, from + minute * 60, "c0", person, Some("server_error"));
        engine.advance(second(from + minute * 60 + 50));
    }
    let Memory { detection, connections, .. } = &engine.memory;
    let place = Place::Connection(engine.memory.place(Some(&ConnectionId::new("c0"))).unwrap());
    let [failing, hanging] = [Kind::Failing, Kind::Hanging].map(Signal::Stream);
    let since = detection.numbers(place, failing).unwrap().since;
    let fleet =
        |signal, over_at, share| Wide::from([((Place::Fleet, signal), Seen { over_at, share })]);
    for (wide, stands) in [
        (Wide::new(), true),
        (fleet(hanging, None, 1.0), true),
        (fleet(failing, Some(since + 1), 1.0), false),
        (fleet(failing, Some(since + 1), 0.12), true),
        (fleet(failing, Some(since), 1.0), true),
    ] {
        let alarm = (place, failing);
        assert_eq!(apart::stands_out(detection, connections, alarm, &wide), stands, "{wide:?}");
    }
}

#[test]
fn a_failure_that_does_not_name_its_connection_is_told_against_that_of_its_start() {
    assert_eq!(paged(&[("null_c0", 1, "saml_certificate_expired")], 40), ["c0"]);
}

#[test]
fn what_breaks_while_others_suffer_a_little_has_a_page_of_its_own() {
    let (mut engine, from) = healthy();
    let mut paged: Vec<String> = Vec::new();
    for minute in 1..=150 {
        let at = from + minute * 60;
        for n in 0u64..5 {
            let person = 100_000 + minute.unsigned_abs() * 10 + n;
            // Two in five of all others from the beginning; an hour later all of this one's.
            let all = (minute.unsigned_abs() * 2 + n) % 5 < 2;
            let fails = if n == 2 { minute > 60 } else { all };
            let code = fails.then_some("server_error");
            sign_in(&mut engine, at, &format!("c{n}"), person, code);
        }
        engine.advance(second(at + 50));
        for told in engine.transitions() {
            let incident = &told.incident;
            if incident.severity == Severity::Page && incident.state == State::Firing {
                paged.push(format!("{} {}", incident.scope.as_str(), incident.summary));
            }
        }
    }
    let of = |scope: &str| paged.iter().filter(|page| page.starts_with(scope)).count();
    assert!(of("fleet") >= 1, "{paged:#?}");
    let own: Vec<_> = paged.iter().filter(|page| page.starts_with("connection")).collect();
    assert!(own.iter().any(|page| page.contains("c2")), "{paged:#?}");
    assert!(own.iter().all(|page| page.contains("c2")), "{own:#?}");
}

#[test]
fn who_suffers_on_when_all_others_are_well_again_has_a_page_of_its_own() {
    // Of the same cause when the incident of all has ended, for it may flare up; of another one at once.
    let [fleet, own] = ["fleet", "connection"].map(|scope| (scope, State::Firing));
    let end = ("fleet", State::Resolved);
    assert_eq!(told_of_who_suffers_on("server_error"), [fleet, end, own]);
    assert_eq!(told_of_who_suffers_on("saml_certificate_expired"), [fleet, own, end]);
}

/// All fail for half an hour, then two in five of one, with that code.
fn told_of_who_suffers_on(then: &str) -> Vec<(&'static str, State)> {
    let (mut engine, from) = healthy();
    let mut told = Vec::new();
    for minute in 1..=180 {
        let at = from + minute * 60;
        for n in 0u64..5 {
            let person = 100_000 + minute.unsigned_abs() * 10 + n;
            let code = match (minute <= 30, n == 2 && minute % 5 < 2) {
                (true, _) => Some("server_error"),
                (false, true) => Some(then),
                (false, false) => None,
            };
            sign_in(&mut engine, at, &format!("c{n}"), person, code);
        }
        engine.advance(second(at + 50));
        for transition in engine.transitions() {
            let incident = &transition.incident;
            if incident.severity == Severity::Page {
                told.push((incident.scope.as_str(), incident.state));
            }
        }
    }
    told
}

#[test]
fn who_breaks_within_a_wider_incident_does_not_keep_it_open_and_is_told() {
    let (mut engine, from) = healthy();
    let mut told = Vec::new();
    for minute in 1..=300 {
        let at = from + minute * 60;
        for n in 0u64..5 {
            let person = 100_000 + minute.unsigned_abs() * 10 + n;
            // A fifth of all for half an hour, and from then on all of one that had failed with them.
            let share = (minute.unsigned_abs() * 2 + n) % 5 < 1;
            let fails = if minute <= 30 { share } else { n == 2 };
            let code = fails.then_some("server_error");
            sign_in(&mut engine, at, &format!("c{n}"), person, code);
        }
        engine.advance(second(at + 50));
        for transition in engine.transitions() {
            let incident = &transition.incident;
            if incident.severity == Severity::Page {
                told.push((minute, incident.scope.as_str(), incident.state));
            }
        }
    }
    let own =
        told.iter().find(|(_, scope, state)| *scope == "connection" && *state == State::Firing);
    assert!(own.is_some_and(|(minute, ..)| *minute < 120), "{told:?}");
    assert!(told.iter().any(|(_, scope, state)| *scope == "fleet" && *state == State::Resolved));
}

#[test]
fn what_hangs_is_of_its_provider_and_what_fails_of_its_cause() {
    let (mut engine, from) = healthy();
    for minute in 1..=5i64 {
        let person = 100_000 + minute.unsigned_abs();
        sign_in(&mut engine, from + minute * 60, "c0", person, Some("server_error"));
    }
    let Memory { connections, providers, .. } = &engine.memory;
    let index = engine.memory.place(Some(&ConnectionId::new("c0"))).unwrap();
    let one = &connections[index as usize];
    let provider = &providers[one.provider as usize].tally;
    let [failing, hanging] = [Kind::Failing, Kind::Hanging].map(Signal::Stream);
    let akin = |signal, provider, tally| apart::akin(signal, (provider, tally), one);
    assert!(akin(failing, one.provider + 1, provider), "of the same cause, whatever the provider");
    let other = connections.iter().find(|other| !std::ptr::eq(*other, one)).unwrap();
    assert!(!akin(failing, one.provider, &other.tally), "nobody fails there");
    assert!(akin(hanging, one.provider, &other.tally), "what hangs has no cause");
    assert!(!akin(hanging, one.provider + 1, provider));
}
