//! What begins together is one incident, with what stands beside it named.

use super::*;

#[test]
fn sign_ins_and_a_tier_that_fail_together_name_each_other() {
    use crate::event::{AuthEvent, Body, ConnectionId, EventId, Person, Sso, Step, UserKey};
    let mut engine = Engine::new(EngineConfig::default());
    let customer = crate::event::ConnectionInfo {
        id: ConnectionId::new("conn_3"),
        organization_id: None,
        organization_name: None,
        connection_type: None,
        name: Some("Acme Okta".into()),
        state: None,
    };
    engine.apply(&Entry { received_at: at(0), record: Record::Directory(vec![customer]) });
    let mut told = std::collections::BTreeMap::new();
    let mut count = 0;
    for minute in 0..(4 * 24 * 60i64) {
        let bad = minute >= 4 * 24 * 60 - 30;
        for connection in 0..6 {
            count += 1;
            let step = if bad { Step::Failed } else { Step::Succeeded };
            let sso = Sso {
                step,
                connection_id: Some(ConnectionId::new(&format!("conn_{connection}"))),
                organization_id: None,
                session_id: None,
                error: None,
                person: Person { key: Some(UserKey(count)), ..Person::default() },
                test: false,
            };
            let event = AuthEvent {
                id: EventId::new(&format!("event_{count}")),
                name: "authentication.sso".into(),
                at: at(minute * 60 + connection),
                body: Body::Sso(sso),
                novel: Vec::new(),
            };
            let record = Record::Event { source: Source::Push, event };
            engine.apply(&Entry { received_at: at(minute * 60 + connection), record });
        }
        if minute >= 4 * 24 * 60 - 180 {
            for second in 10..60 {
                let second = minute * 60 + second;
                apply(
                    &mut engine,
                    second + 1,
                    second_of(second, if bad { 30 } else { 0 }, 503, false, 2),
                );
            }
        }
        for transition in engine.transitions() {
            let incident = transition.incident;
            told.insert(incident.alertname.clone(), incident.fingerprint.clone());
        }
    }
    assert!(told.contains_key("SsoFleetFailing") && told.contains_key("EdgeErrors"), "{told:?}");
    let incidents = engine.snapshot().incidents;
    let description = |name: &str| {
        let found = incidents.iter().find(|incident| &*incident.alertname == name).unwrap();
        found.description.clone()
    };
    assert!(description("EdgeErrors").contains("Began together with SsoFleetFailing (since about"));
    assert!(
        description("SsoFleetFailing")
            .contains("Began together with EdgeErrors at web (since about")
    );
    // Customers have names, where one is known; programs go by ids.
    let fleet = description("SsoFleetFailing");
    assert!(fleet.contains("Connections: ") && fleet.contains("Acme Okta (conn_3) "), "{fleet}");
    let evidence = incidents.iter().flat_map(|incident| &incident.evidence.connections);
    assert!(evidence.clone().any(|(id, _)| &**id == "conn_3"));
    // People are told of one incident, with the evidence of both.
    let wholes: Vec<_> =
        engine.snapshot().joined().into_iter().filter(|one| !one.parts.is_empty()).collect();
    assert_eq!(wholes.len(), 1, "{wholes:?}");
    let names = [&wholes[0].alertname, &wholes[0].parts[0].alertname].map(|name| &**name);
    assert!(names.contains(&"EdgeErrors") && names.contains(&"SsoFleetFailing"), "{names:?}");
    assert!(wholes[0].evidence.bad > 0 && wholes[0].parts[0].evidence.bad > 0);
}

#[test]
fn tiers_that_fail_at_once_are_one_incident_and_what_begins_later_is_another() {
    let mut engine = Engine::new(EngineConfig::default());
    for second in 0..9_000 {
        // A gateway in front of two tiers, and ten minutes later something else.
        for (tier, code, onset) in [
            ("api", 503, 7_300),
            ("gate", 429, 7_300),
            ("web", 500, 7_900),
            ("calm", 500, i64::MAX),
        ] {
            let bad = if second >= onset { 30 } else { 0 };
            let tally = second_of(second, bad, code, false, 3);
            apply(&mut engine, second + 1, EdgeTally { tier: tier.into(), ..tally });
        }
    }
    let snapshot = engine.snapshot();
    let pages = snapshot.joined().into_iter().filter(|one| one.scope.is_of_edge());
    let named = |one: &crate::signal::Incident| format!("{} {}", one.labels["tier"], one.alertname);
    let wholes: Vec<_> = pages
        .filter(|one| one.part_of.is_none())
        .map(|one| (named(&one), one.parts.iter().map(|part| named(part)).collect::<Vec<_>>()))
        .collect();
    let want = [
        ("gate EdgeRateLimited".to_owned(), vec!["api EdgeErrors".to_owned()]),
        ("web EdgeErrors".to_owned(), vec![]),
    ];
    assert_eq!(wholes, want);
    let gate = snapshot.incidents.iter().find(|one| one.labels.get("tier") == Some(&"gate".into()));
    let words = &gate.unwrap().description;
    assert!(words.contains("Began together with EdgeErrors at api (since about"), "{words}");
    assert!(!words.contains("at gate") && !words.contains("at web"), "{words}");
}
