//! What goes on as another alert.

use super::*;

/// The same incident as the fleet's, a while after it was told as a customer's.
fn grown(state: State) -> Incident {
    let mut fleet = incident("f", state);
    fleet.alertname = "SsoFleetFailing".into();
    fleet.summary = "All connections: 900 of 1000 sign-ins failed".into();
    fleet.labels = BTreeMap::from([("scope".into(), "fleet".into())]);
    fleet.course.add(at(-9), Happened::Known(Severity::Page));
    fleet.course.add(at(30_000), Happened::Grew("SsoFleetFailing".into()));
    fleet
}

#[test]
fn what_goes_on_as_another_alert_is_told_once() {
    let (one, all) = ([incident("f", State::Firing)], [grown(State::Firing)]);
    let mut log = Log::default();
    assert_eq!(owed(&mut log, &one, 0, None), ["f opened"]);
    // It may be another one still before long.
    assert_eq!(owed(&mut log, &all, MINUTE - 1, None), [""; 0]);
    assert_eq!(owed(&mut log, &all, MINUTE, None), ["f grew"]);
    assert_eq!(owed(&mut log, &all, 9 * MINUTE, None), [""; 0]);
    // After a restart its story says whether that was told.
    for (told, want) in [(29_000, vec!["f grew"]), (31_000, vec![])] {
        let mut log = Log::new(&BTreeMap::from([("f".into(), (true, at(told)))]));
        assert_eq!(owed(&mut log, &all, 9 * MINUTE, None), want, "told at {told}");
    }
}

#[test]
fn whoever_asked_for_one_customer_hears_its_end_and_nothing_of_all() {
    let mut customer = audience();
    customer.labels.insert("scope".into(), "connection".into());
    let mut one = incident("f", State::Firing);
    one.labels = BTreeMap::from([("scope".into(), "connection".into())]);
    let said = |log: &mut Log, incident: &Incident, now: i64| {
        let owed = log.owed(&[Arc::new(incident.clone())], &customer, &[], at(now), None);
        for one in &owed {
            log.told(one, at(now));
        }
        owed.into_iter().map(|owed| (owed.reason, owed.incident)).collect::<Vec<_>>()
    };
    let mut log = Log::default();
    assert_eq!(said(&mut log, &one, 0).len(), 1);
    assert_eq!(said(&mut log, &grown(State::Firing), MINUTE), []);
    let over = grown(State::Resolved);
    let incident_of_one = one.clone();
    let end = Incident { state: State::Resolved, resolved_at: over.resolved_at, ..one };
    assert_eq!(said(&mut log, &over, 9 * MINUTE), [(Reason::Closed, Arc::new(end))]);
    // It ends there and goes on: what was told says so.
    let mut log = Log::default();
    said(&mut log, &incident_of_one, 0);
    let mut joined = grown(State::Resolved);
    joined.join("SsoProviderFailing", at(8 * MINUTE));
    let ends = said(&mut log, &joined, 9 * MINUTE);
    let [(Reason::Closed, end)] = &ends[..] else { panic!("{ends:?}") };
    assert_eq!(end.course.joined(), Some("SsoProviderFailing"));
    assert!(end.summary.ends_with(". It goes on as part of SsoProviderFailing"), "{}", end.summary);
    // After a restart nothing is known of what it was.
    let mut log = Log::new(&BTreeMap::from([("f".into(), (true, at(0)))]));
    assert_eq!(said(&mut log, &grown(State::Firing), MINUTE), []);
    let ends = said(&mut log, &over, 9 * MINUTE);
    assert!(matches!(&ends[..], [(Reason::Closed, end)] if &*end.alertname == "Forgotten"));
}

#[test]
fn who_forgets_is_reminded_of_what_it_was_told_while_its_growth_is_held_back() {
    let mut one = incident("f", State::Firing);
    one.labels = BTreeMap::from([("scope".into(), "connection".into())]);
    let silence = Silence {
        id: "s".into(),
        matchers: [("scope".into(), "fleet".into())].into(),
        author: "ada".into(),
        reason: "known".into(),
        from: at(0),
        until: at(99 * MINUTE),
    };
    let mut customer = audience();
    customer.labels.insert("scope".into(), "connection".into());
    // A silence on what it has become, and a filter that does not let it pass; told early, or in time.
    for (audience, silences) in [(audience(), vec![Arc::new(silence)]), (customer, vec![])] {
        let say = |log: &mut Log, incidents: Vec<Incident>, now: i64| {
            let incidents: Vec<_> = incidents.into_iter().map(Arc::new).collect();
            let owed = log.owed(&incidents, &audience, &silences, at(now), REPEAT);
            for one in &owed {
                log.told(one, at(now));
            }
            let words = owed.iter().map(|one| {
                let scope = one.incident.labels.get("scope").map_or("", |scope| scope);
                format!("{} {scope} {}", one.incident.fingerprint, one.reason.as_str())
            });
            words.collect::<Vec<_>>()
        };
        let mut log = Log::default();
        assert_eq!(say(&mut log, vec![one.clone()], 0), ["f connection opened"]);
        let mut other = incident("g", State::Firing);
        other.labels.clone_from(&one.labels);
        let both = vec![grown(State::Firing), other];
        let early = say(&mut log, both.clone(), 40_000);
        assert_eq!(early, ["g connection opened", "f connection still_open"]);
        let late = say(&mut log, both, 3 * MINUTE);
        assert_eq!(late, ["f connection still_open", "g connection still_open"]);
        let mut over = grown(State::Resolved);
        over.resolved_at = Some(at(4 * MINUTE));
        let ends: Vec<_> = [4, 5, 6]
            .iter()
            .flat_map(|minute| say(&mut log, vec![over.clone()], minute * MINUTE))
            .filter(|said| said.starts_with('f'))
            .collect();
        assert_eq!(ends, ["f connection closed"; 3]);
    }
}
