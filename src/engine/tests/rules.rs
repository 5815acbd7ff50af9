//! Thresholds: when they fire, with which words, and for whom.

use super::*;

#[test]
fn a_failing_connection_fires_with_its_numbers_and_is_resolved() {
    let mut engine = Engine::new(thresholds());
    let info = ConnectionInfo {
        id: ConnectionId::new("c1"),
        organization_id: None,
        organization_name: Some("Acme".into()),
        connection_type: Some("OktaSAML".into()),
        name: None,
        state: Some("active".into()),
    };
    engine.apply(&record(0, Record::Directory(vec![info])));
    trouble(&mut engine, 100, "c1", 8, 4, 5);
    engine.advance(second(200));
    let fired: Vec<_> = engine
        .transitions()
        .into_iter()
        .filter(|t| t.incident.severity == Severity::Page)
        .collect();
    assert_eq!(fired.len(), 1);
    let incident = &fired[0].incident;
    assert_eq!(&*incident.alertname, "ConnectionFailing");
    assert_eq!(incident.started_at, second(100));
    assert_eq!((incident.evidence.bad, incident.evidence.users), (7, Some(5)));
    let shown = engine.snapshot().incidents.iter().find(|i| i.id == incident.id).cloned().unwrap();
    insta::assert_snapshot!(format!("{}\n{}", shown.summary, shown.description), @r"
    Acme (c1): 8 of 12 sign-ins failed in 5m (67 %), of 5 people, since about 08:55:00 UTC
    Threshold: 30 % in 5m. Causes: certificate 8.
    ");
    engine.advance(second(1_200));
    let over = engine.transitions();
    assert_eq!(over.len(), 1);
    assert_eq!((over[0].incident.state, &over[0].incident.id), (State::Resolved, &incident.id));
    assert_eq!(over[0].incident.summary, shown.summary);
}

#[test]
fn a_crowd_is_counted_whole_with_all_its_causes() {
    let mut engine = Engine::new(thresholds());
    trouble(&mut engine, 100, "c1", 200, 0, 150);
    engine.advance(second(200));
    let incidents = engine.snapshot().incidents;
    let found = incidents.iter().find(|i| &*i.alertname == "ConnectionFailing").unwrap();
    let evidence = &found.evidence;
    assert_eq!((evidence.bad, evidence.users), (200, Some(150)));
    assert_eq!(evidence.causes, [("certificate".into(), 200)]);
}

#[test]
fn one_person_or_few_attempts_are_nobodys_page() {
    for (bad, good, users) in [(20, 0, 1), (20, 0, 3), (5, 4, 5), (3, 20, 5)] {
        let mut engine = Engine::new(thresholds());
        trouble(&mut engine, 100, "c1", bad, good, users);
        engine.advance(second(400));
        let pages =
            engine.transitions().into_iter().filter(|t| t.incident.severity == Severity::Page);
        assert_eq!(pages.count(), 0, "{bad} {good} {users}");
    }
}

#[test]
fn the_fleet_fires_only_when_several_connections_carry_it() {
    let names = |engine: &mut Engine| {
        engine.advance(second(400));
        let pages =
            engine.transitions().into_iter().filter(|t| t.incident.severity == Severity::Page);
        pages.map(|t| t.incident.alertname.to_string()).collect::<std::collections::BTreeSet<_>>()
    };
    let mut one = Engine::new(thresholds());
    trouble(&mut one, 100, "c1", 40, 0, 9);
    trouble(&mut one, 100, "c2", 1, 60, 9);
    trouble(&mut one, 100, "c3", 1, 60, 9);
    assert_eq!(names(&mut one), ["ConnectionFailing".to_owned()].into());
    let (fleet, provider) = ("FleetFailing", "ProviderFailing");
    let cases = [((8, 32), vec![fleet]), ((15, 15), vec!["ConnectionFailing", fleet, provider])];
    for ((bad, good), want) in cases {
        let mut many = Engine::new(thresholds());
        let customer = |id: &str| ConnectionInfo {
            id: ConnectionId::new(id),
            organization_id: None,
            organization_name: None,
            connection_type: None,
            name: Some(format!("Customer {id}").into()),
            state: None,
        };
        many.apply(&record(0, Record::Directory(vec![customer("c1"), customer("c2")])));
        for connection in ["c1", "c2", "c3", "c4"] {
            trouble(&mut many, 100, connection, bad, good, 40);
        }
        many.advance(second(399));
        let shown = many.snapshot().incidents;
        let wide = shown.iter().find(|incident| &*incident.alertname == fleet).unwrap();
        for words in ["Customer c1 (c1) ", "Customer c2 (c2) ", ", c3 "] {
            assert!(wide.description.contains(words), "{}", wide.description);
        }
        assert_eq!(names(&mut many), want.into_iter().map(str::to_owned).collect(), "{bad}");
    }
}

#[test]
fn labels_stay_as_they_were_when_the_incident_began() {
    let mut engine = Engine::new(thresholds());
    let mut first = event("e0", 90, Step::Started, "c1", "", 1);
    let Body::Sso(sso) = &mut first.body else { unreachable!() };
    sso.organization_id = Some(crate::event::OrganizationId::new("org_1"));
    engine.apply(&entry(90, first));
    trouble(&mut engine, 100, "c1", 20, 0, 5);
    engine.apply(&record(160, Record::Directory(vec![connection_info("active")])));
    trouble(&mut engine, 170, "c1", 20, 0, 5);
    engine.advance(second(240));
    let incidents = engine.snapshot().incidents;
    let found = incidents.iter().find(|i| &*i.alertname == "ConnectionFailing").unwrap();
    assert_eq!(&*found.labels["organization_id"], "org_1");
    assert!(!found.labels.contains_key("connection_type"));
    assert!(found.summary.ends_with("since about 08:55:00 UTC"), "{}", found.summary);
}

#[test]
fn what_did_not_come_while_nobody_listened_ends_no_incident_of_a_rule() {
    let rules = r#"[{"name":"Many","metric":"failures","op":">=","value":2,"window":"1m","min_attempts":1,"keep_firing_for":"5s"}]"#;
    let rules = serde_json::from_str(rules).unwrap();
    let over_at = |listened: bool| {
        let mut engine = Engine::new(Config { rules: Clone::clone(&rules), ..Config::default() });
        for n in 0..3 {
            engine.apply(&entry(10, event(&format!("e{n}"), 10, Step::Failed, "c", "", n)));
        }
        if !listened {
            engine.apply(&record(600, Record::Resumed));
        }
        engine.advance(second(700));
        let mut ends = engine.transitions().into_iter().filter_map(|told| {
            let over = told.incident.resolved_at.filter(|_| &*told.incident.alertname == "Many");
            over.map(|at| at.seconds() - START)
        });
        ends.next()
    };
    assert_eq!(over_at(true), Some(75));
    assert_eq!(over_at(false), Some(605));
}
