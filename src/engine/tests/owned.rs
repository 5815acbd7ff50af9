//! An incident of the fleet that turns out to be one provider's.

use super::*;
use crate::signal::Scope;

/// Nine customers: four of Okta, three of Entra ID, two of Google.
const TYPES: [&str; 9] = [
    "OktaSAML",
    "OktaSAML",
    "OktaSAML",
    "OktaSAML",
    "AzureSAML",
    "AzureSAML",
    "AzureSAML",
    "GoogleSAML",
    "GoogleSAML",
];

fn name(index: usize) -> ConnectionId {
    ConnectionId::new(&format!("c{index}"))
}

/// Somebody signs in, whom a code keeps out, or not.
fn sign_in(engine: &mut Engine, at: i64, connection: usize, fails: bool) {
    let (session, connection) = (format!("s{at}_{connection}"), name(connection));
    let person = at.unsigned_abs() * 10;
    let steps = [(0, Step::Started), (5, if fails { Step::Failed } else { Step::Succeeded })];
    for (after, step) in steps {
        let id = format!("{session}_{after}");
        let mut event = event(&id, at + after, step, connection.as_str(), &session, person);
        let Body::Sso(sso) = &mut event.body else { unreachable!() };
        sso.error = fails.then(|| AuthError { code: "idp_error".into(), message: "".into() });
        engine.apply(&entry(at + after, event));
    }
}

/// Says of which provider each is.
fn name_types(engine: &mut Engine) {
    for (index, connection_type) in TYPES.iter().enumerate() {
        let info = ConnectionInfo {
            id: name(index),
            connection_type: Some((*connection_type).into()),
            ..connection_info("active")
        };
        let body = Body::Connection(info);
        let (id, at) = (EventId::new(&format!("i{index}")), second(0));
        let event = AuthEvent { id, at, name: "connection.x".into(), body, novel: Vec::new() };
        engine.apply(&entry(0, event));
    }
}

#[test]
fn an_incident_of_the_fleet_is_the_providers_that_carries_it_once_enough_were_hit() {
    let mut engine = Engine::new(Config::default());
    name_types(&mut engine);
    let day = 86_400;
    for (n, at) in (60..3 * day).step_by(20).enumerate() {
        sign_in(&mut engine, at, n % 9, n % 200 == 0);
    }
    engine.advance(second(3 * day));
    engine.transitions();
    let mut told = Vec::new();
    for (n, at) in (3 * day..3 * day + 5_400).step_by(20).enumerate() {
        // Two of others' by chance, and from then on all of Okta's.
        let fails = [7, 13].contains(&n) || (n > 7 && n % 9 < 4);
        sign_in(&mut engine, at, n % 9, fails);
        engine.advance(second(at + 19));
        for transition in engine.transitions() {
            let incident = &transition.incident;
            if incident.severity == Severity::Page {
                let scope = match &incident.scope {
                    Scope::ConnectionType(name) => name.to_string(),
                    other => other.as_str().to_owned(),
                };
                told.push((incident.id.clone(), scope, incident.state, incident.summary.clone()));
            }
        }
    }
    let scopes: Vec<_> = told.iter().map(|(_, scope, state, _)| (&**scope, *state)).collect();
    assert_eq!(scopes, [("fleet", State::Firing), ("OktaSAML", State::Firing)], "{told:#?}");
    assert_eq!(told[0].0, told[1].0, "it is the same incident");
}

#[test]
fn one_who_is_most_of_the_fleet_pages_for_what_the_fleet_would() {
    let mut engine = Engine::new(Config::default());
    let day = 86_400;
    let mut paged = Vec::new();
    for (n, at) in (60..3 * day + 10_800).step_by(20).enumerate() {
        let connection = if n % 8 == 0 { 1 + n / 8 % 8 } else { 0 };
        // A tenth of the one's, where a fifth pages for another.
        let fails = if at < 3 * day { n % 200 == 0 } else { n % 10 == 1 };
        sign_in(&mut engine, at, connection, fails);
        if at > 3 * day {
            engine.advance(second(at + 19));
            paged.extend(engine.transitions().into_iter().filter_map(|transition| {
                let incident = &transition.incident;
                (incident.severity == Severity::Page).then(|| incident.scope.clone())
            }));
        }
    }
    assert_eq!(paged, [Scope::Connection(Some(name(0)))]);
}

#[test]
fn a_provider_that_is_told_by_its_code_is_counted_on() {
    let mut engine = Engine::new(Config::default());
    name_types(&mut engine);
    let day = 86_400;
    for (n, at) in (60..3 * day + 3_600).step_by(20).enumerate() {
        sign_in(&mut engine, at, n % 9, at > 3 * day && n % 9 < 4);
        if at > 3 * day {
            engine.advance(second(at + 19));
        }
    }
    let incidents = engine.memory.alerts.incidents();
    let told = incidents.iter().find(|one| &*one.alertname == "SsoProviderFailing").expect("told");
    assert!(told.summary.contains("idp_error"), "it is told by its code: {}", told.summary);
    assert!(told.evidence.bad > 60, "{}", told.summary);
}
