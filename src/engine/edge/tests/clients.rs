//! Whose requests trouble is made of: who is named and counted, and whom it makes a page.

use super::*;

/// What is found where another client is refused every four seconds, and from then on 30 requests a second of so many clients.
fn refused(clients: i64) -> Incident {
    use crate::event::edge::Caller;
    let mut engine = Engine::new(EngineConfig::default());
    for second in 0..7_900 {
        let mut refused: Vec<(i64, u64)> = Vec::new();
        if second % 4 == 0 {
            refused.push((1_000 + second, 1));
        }
        if second >= 7_300 {
            let requests = 30 / u64::try_from(clients).unwrap();
            refused.extend((0..clients).map(|client| (client, requests)));
        }
        let bad = refused.iter().map(|(_, requests)| requests).sum();
        let mut tally = second_of(second, bad, 403, false, 0);
        refused.sort_by_key(|(client, _)| format!("{client}"));
        for (client, requests) in refused {
            let name = Personal::shown(&client.to_string()).unwrap();
            let (internal, limited, too_long, blocked) = (false, 0, 0, requests);
            tally.callers.push(Caller { name, internal, requests, limited, blocked, too_long });
            let hash = u64::try_from(client + 1).unwrap().wrapping_mul(0x9e37_79b9_7f4a_7c15);
            tally.blocked.insert(hash);
        }
        apply(&mut engine, second + 1, tally);
    }
    let incidents = engine.snapshot().incidents;
    let of_edge = incidents.iter().find(|incident| incident.scope.is_of_edge());
    Incident::clone(of_edge.unwrap())
}

#[test]
fn whom_the_edge_refuses_is_a_page_from_three_clients_on() {
    for (clients, severity) in
        [(1, Severity::Ticket), (2, Severity::Ticket), (3, Severity::Page), (30, Severity::Page)]
    {
        let found = refused(clients);
        assert_eq!(found.severity, severity, "{clients}: {}", found.summary);
        assert!(found.evidence.users.unwrap() > 100, "and the everyday ones: {}", found.summary);
        let few = format!("clients, nearly all beyond the usual by {clients} of them, since");
        assert_eq!(found.summary.contains(&few), clients < 3, "{}", found.summary);
        let meets_customers = found.description.contains("meets customers");
        assert_eq!(meets_customers, clients >= 3, "{}", found.description);
    }
}

#[test]
fn one_internal_client_that_meets_a_limit_is_a_page() {
    for (internal, severity) in
        [(true, " firing page EdgeRateLimited"), (false, " firing ticket EdgeRateLimited")]
    {
        let all = told(429, internal, 1);
        assert!(all.iter().any(|told| told.contains(severity)), "{internal}: {all:?}");
    }
}

#[test]
fn one_refusal_of_an_internal_client_beside_a_strangers_many_is_no_page() {
    let mut engine = Engine::new(EngineConfig::default());
    for second in 0..7_400 {
        let bad = if second >= 7_300 { 30 } else { 0 };
        let mut tally = second_of(second, bad, 403, false, 1);
        if second == 7_305 {
            let mut ours = second_of(second, 1, 403, true, 1);
            ours.callers[0].name = Personal::shown("ours").unwrap();
            tally.merge(&ours);
        }
        apply(&mut engine, second + 1, tally);
    }
    let incidents = engine.snapshot().incidents;
    let found = incidents.iter().find(|incident| incident.scope.is_of_edge()).unwrap();
    assert_eq!(found.severity, Severity::Ticket, "{}", found.summary);
}

#[test]
fn of_internal_traffic_the_internal_callers_are_named() {
    let told = told_of(
        |second| second_of(second, 0, 200, false, 3),
        |second| {
            let mut tally = second_of(second, 0, 200, false, 3);
            let mut ours = second_of(second, 50, 200, true, 1);
            ours.callers[0].name = Personal::shown("ours").unwrap();
            tally.merge(&ours);
            tally
        },
    );
    assert_eq!(&*told.alertname, "EdgeInternalTraffic");
    assert!(told.description.contains("busiest of them: ours (internal) "), "{}", told.description);
    let callers: Vec<_> = told.evidence.callers.iter().map(|(name, _)| &**name).collect();
    assert_eq!(callers, ["ours"]);
}

#[test]
fn where_nobody_stands_out_nobody_is_named() {
    let crowd = |second: i64, bad: u64| {
        let mut tally = second_of(second, bad, 503, false, 40);
        for (place, caller) in tally.callers.iter_mut().enumerate() {
            caller.name = Personal::shown(&format!("c{second}_{place}")).unwrap();
        }
        tally
    };
    let told = told_of(|second| crowd(second, 0), |second| crowd(second, 30));
    assert_eq!(&*told.alertname, EDGE_ERRORS);
    assert!(told.description.contains("routes: 503 /api/items"), "{}", told.description);
    assert!(!told.description.contains("busiest callers"), "{}", told.description);
    assert_eq!(told.evidence.callers, []);
}

#[test]
fn clients_and_routes_are_no_more_than_the_requests_that_they_had_and_of_the_time_that_is_said() {
    let mut engine = Engine::new(EngineConfig::default());
    let mut looked = 0;
    for second in 0..11_500 {
        // Each 403 is another client's, and some are usual: also in the minute of the onset.
        let bad = if second >= 7_310 { 40 } else { 1 };
        let mut tally = second_of(second, bad, 403, false, 0);
        for n in 0..bad {
            tally.blocked.insert(
                (u64::try_from(second).unwrap() * 64 + n).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            );
        }
        apply(&mut engine, second + 1, tally);
        if second < 7_310 || second % 30 != 0 {
            continue;
        }
        for incident in engine.snapshot().incidents.iter().filter(|one| one.scope.is_of_edge()) {
            let Evidence { bad, users, causes, .. } = &incident.evidence;
            let words = &incident.summary;
            assert!(users.unwrap() <= *bad && causes[0].1 <= *bad, "{words}: {causes:?}");
            // An hour after the minute of the onset.
            let lately = second >= 7_260 + 3_600;
            assert_eq!(words.contains("clients in the last hour, since"), lately, "{words}");
            let from = if lately {
                "In the last hour, routes: 403 "
            } else {
                "Since 03:11:00 UTC, routes: 403 "
            };
            assert!(incident.description.starts_with(from), "{second} {}", incident.description);
            looked += 1;
        }
    }
    assert!(looked > 130, "{looked}");
}
