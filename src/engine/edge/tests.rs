use super::*;
use crate::engine::{Config as EngineConfig, Engine};
use crate::event::edge::{Arrivals, Kind, Method};
use crate::event::{Entry, Personal, Record, Source};
use crate::signal::{EDGE_ERRORS, Evidence, Happened, Incident};

const START: i64 = 1_795_309_800;

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis((START + second) * 1000)
}

fn tally(second: i64, tier: &str, requests: u64) -> EdgeTally {
    let kind = Kind { route: "/".into(), method: Method::Get, code: 200, internal: false };
    let arrivals = Arrivals { even: u32::try_from(requests).unwrap(), ..Arrivals::default() };
    EdgeTally {
        second: START + second,
        tier: tier.into(),
        cells: vec![(kind, requests)],
        limits: vec![LimitUse {
            limit: "api".into(),
            keys: vec![(Personal::shown("a").unwrap(), arrivals)],
            others: 0,
        }],
        ..EdgeTally::default()
    }
}

fn config() -> EngineConfig {
    let config: Config =
        serde_saphyr::from_str("limits: [{name: api, key: client, quota: 10/s}]").unwrap();
    EngineConfig { edge: config.settings(true).unwrap(), ..EngineConfig::default() }
}

fn apply(engine: &mut Engine, received: i64, tally: EdgeTally) {
    engine.apply(&Entry { received_at: at(received), record: Record::Edge(tally) });
}

#[test]
fn parts_of_a_second_from_two_logs_are_held_against_a_limit_together_and_in_order() {
    let mut engine = Engine::new(config());
    // The second log tells of second 0 when the first has come to second 1.
    apply(&mut engine, 1, tally(0, "web", 8));
    apply(&mut engine, 2, tally(1, "web", 8));
    apply(&mut engine, 2, tally(0, "web", 8));
    engine.advance(at(2));
    assert_eq!(engine.snapshot().limits[0].exceeded, 0, "second 0 is waited for");
    engine.advance(at(10));
    let snapshot = engine.snapshot();
    let limit = &snapshot.limits[0];
    assert_eq!((limit.requests, limit.exceeded), (24, 6));
    assert_eq!(limit.first_refused_at, Some(at(0)));
    assert_eq!((&*snapshot.tiers[0].tier, snapshot.tiers[0].requests[0].1), ("web", 24));
    assert_eq!(snapshot.sources[0].source, Source::Edge);
    assert_eq!((snapshot.sources[0].received, snapshot.sources[0].late), (24, 0));
}

#[test]
fn a_saved_state_goes_on_as_if_nothing_had_happened() {
    let mut whole = Engine::new(config());
    let mut parts = Engine::new(config());
    for second in 0..90 {
        let tally = || tally(second, if second % 2 == 0 { "web" } else { "api" }, 12);
        apply(&mut whole, second + 1, tally());
        apply(&mut parts, second + 1, tally());
        parts = Engine::load(config(), &parts.save()).unwrap();
    }
    assert_eq!(whole.save(), parts.save());
    let (whole, parts) = (whole.snapshot(), parts.snapshot());
    assert_eq!((whole.tiers, whole.limits), (parts.tiers, parts.limits));
}

#[test]
fn old_lines_count_in_the_totals_and_are_late() {
    let mut engine = Engine::new(config());
    engine.advance(at(0));
    apply(&mut engine, 1, tally(-3_000, "web", 50));
    engine.advance(at(60));
    let snapshot = engine.snapshot();
    assert_eq!((snapshot.sources[0].received, snapshot.sources[0].late), (50, 50));
    assert_eq!((snapshot.limits[0].requests, snapshot.limits[0].utilization), (0, None));
    assert_eq!(snapshot.tiers[0].requests[0].1, 50);
}

#[test]
fn tiers_beyond_the_bound_are_counted_together() {
    let mut edge = Edge::default();
    for n in 0..100 {
        edge.take(&tally(n, &format!("t{n}"), 1), at(n + 1));
    }
    let views = edge.tier_views(at(101));
    assert_eq!(views.len(), TIERS_MAX + 1);
    let other = views.iter().find(|view| &*view.tier == OTHER_TIER).unwrap();
    assert_eq!(other.requests[0].1, 100 - TIERS_MAX as u64);
}

#[test]
fn a_caller_that_grows_is_told_of_before_the_first_refusal_and_until_it_is_calm() {
    let config: Config = serde_saphyr::from_str(
        "limits: [{name: api, key: client, quota: 10/s, burst: 20}, {name: other, key: client, quota: 1/s}]",
    )
    .unwrap();
    let mut engine = Engine::new(EngineConfig {
        edge: config.settings(true).unwrap(),
        ..EngineConfig::default()
    });
    let mut told = Vec::new();
    for second in 0..1_000i64 {
        let requests = if second < 120 { u64::try_from(second / 8).unwrap() } else { 1 };
        apply(&mut engine, second + 1, tally(second, "web", requests));
        told.extend(engine.transitions());
    }
    let told: Vec<_> =
        told.iter().filter(|told| &*told.incident.alertname == near::ALERTNAME).collect();
    let [fired, resolved] = &*told else { panic!("{told:?}") };
    assert_eq!(fired.incident.evidence.bad, 0, "nothing is refused yet");
    assert!(fired.at < at(90) && resolved.at > at(420), "{} {}", fired.at, resolved.at);
    insta::assert_snapshot!(fired.incident.summary, @"Limit api (10/s, burst 20): a uses 81 % of it, since about 01:11:20 UTC");
    insta::assert_snapshot!(fired.incident.description, @"Near is 80 % of the quota or of the burst. It would have refused nothing so far. ssowatch itself refuses nothing: it runs the declared limit in shadow.");
    insta::assert_snapshot!(resolved.incident.description, @"Near is 80 % of the quota or of the burst. The limit would have refused 60 requests of 1 caller, the first at 01:11:42 UTC. ssowatch itself refuses nothing: it runs the declared limit in shadow.");
    let labels = format!("{:?}", fired.incident.labels);
    insta::assert_snapshot!(labels, @r#"{"alertname": "EdgeLimitNear", "limit": "api", "scope": "limit", "severity": "page"}"#);
}

/// A second of a tier: 100 requests, of which some get `code` on a route.
fn second_of(second: i64, bad: u64, code: u16, internal: bool, clients: u64) -> EdgeTally {
    use crate::event::edge::Caller;
    let kind =
        |code, internal| Kind { route: "/api/items".into(), method: Method::Get, code, internal };
    let mut tally = EdgeTally {
        second: START + second,
        tier: "web".into(),
        cells: vec![(kind(200, false), 100 - bad), (kind(code, internal), bad)],
        ..EdgeTally::default()
    };
    for client in 0..clients {
        let name = Personal::shown(&format!("c{client}")).unwrap();
        let hits = bad.div_ceil(clients);
        let of = |wanted: u16| if code == wanted { hits } else { 0 };
        tally.callers.push(Caller {
            name,
            internal,
            requests: 1,
            limited: of(429),
            blocked: of(403),
            too_long: of(414),
        });
        let hash = (client + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        if bad > 0 && code == 429 {
            tally.limited.insert(hash);
        }
        if bad > 0 && code == 403 {
            tally.blocked.insert(hash);
        }
    }
    tally
}

/// Everything that is told of `minutes` of trouble after two calm hours.
fn told(code: u16, internal: bool, clients: u64) -> Vec<String> {
    let mut engine = Engine::new(EngineConfig::default());
    let mut told = Vec::new();
    for second in 0..9_600 {
        let bad = if (7_300..8_200).contains(&second) { 30 } else { 0 };
        apply(&mut engine, second + 1, second_of(second, bad, code, internal, clients));
        for transition in engine.transitions() {
            let incident = &transition.incident;
            if &*incident.alertname != "Watchdog" {
                let after = transition.at.seconds() - START - 7_300;
                told.push(format!(
                    "{after} s {} {} {}: {}\n  {}",
                    incident.state.as_str(),
                    incident.severity.as_str(),
                    incident.alertname,
                    incident.summary,
                    incident.description
                ));
            }
        }
    }
    told
}

#[test]
fn trouble_of_a_tier_is_told_in_words_and_resolved() {
    let mut all = Vec::new();
    for (code, internal, clients) in [
        (503, false, 3),
        (500, false, 3),
        (429, true, 3),
        (429, false, 40),
        (403, false, 40),
        (403, false, 2),
        (414, false, 2),
    ] {
        all.extend(told(code, internal, clients));
    }
    insta::assert_snapshot!("told", all.join("\n"));
}

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
fn a_page_that_was_a_ticket_has_the_numbers_and_the_onset_of_its_own() {
    let mut engine = Engine::new(EngineConfig::default());
    for second in 0..10_860 {
        let bad = match second {
            // One request in four hundred, where it is one in two thousand: a ticket.
            7_300..10_800 => u64::from(second % 4 == 0),
            10_800.. => 50,
            _ => u64::from(second % 20 == 0),
        };
        apply(&mut engine, second + 1, second_of(second, bad, 503, false, 3));
    }
    let told = engine.snapshot().incidents;
    let told = told.iter().find(|incident| incident.scope.is_of_edge()).unwrap();
    let course: Vec<_> = told.course.steps.iter().map(|step| step.what.clone()).collect();
    assert!(course.contains(&Happened::Became(Severity::Page)), "{course:?}");
    let late = told.started_at.seconds() - (START + 10_800);
    assert!((-10..10).contains(&late), "{late} s: {}", told.summary);
    assert!(
        told.evidence.attempts < 7_000 && told.summary.contains("04:10:00"),
        "{}",
        told.summary
    );
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

/// What is told of a tier after two hours of `usual` seconds and two minutes of others.
fn told_of(usual: impl Fn(i64) -> EdgeTally, then: impl Fn(i64) -> EdgeTally) -> Incident {
    let mut engine = Engine::new(EngineConfig::default());
    for second in 0..7_420 {
        let tally = if second < 7_300 { usual(second) } else { then(second) };
        apply(&mut engine, second + 1, tally);
    }
    let incidents = engine.snapshot().incidents;
    let of_edge = incidents.iter().find(|incident| incident.scope.is_of_edge());
    Incident::clone(of_edge.expect("it is told"))
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

#[test]
fn announced_work_at_a_tier_pages_nobody_before_its_end_and_at_once_for_what_outlasts_it() {
    use crate::event::{Covers, Marker, Planned};
    let trouble = |covers: Covers, until: i64| {
        let mut engine = Engine::new(EngineConfig::default());
        for second in 0..8_600 {
            if second == 7_200 {
                let (from, until) = (at(second), at(until));
                let note = "move".into();
                let work = Planned { id: "m".into(), from, until, covers: covers.clone(), note };
                let marker = Marker { work, author: "ada".into(), expected: true };
                let record = Record::Marked(marker);
                engine.apply(&Entry { received_at: at(second), record });
            }
            let bad = if (7_300..8_500).contains(&second) { 30 } else { 0 };
            apply(&mut engine, second + 1, second_of(second, bad, 503, false, 3));
            let fires = |incident: &crate::signal::Incident| &*incident.alertname == "EdgeErrors";
            if engine.transitions().iter().any(|told| fires(&told.incident)) {
                return Some(second);
            }
        }
        None
    };
    let tier = |name: &str| Covers::Tier(name.into());
    assert_eq!(trouble(tier("web"), 9_000), None);
    let late = trouble(tier("web"), 8_000).unwrap();
    assert!((7_999..=8_010).contains(&late), "{late}");
    for other in [tier("api"), Covers::All] {
        let soon = trouble(other, 9_000).unwrap();
        assert!((7_300..7_400).contains(&soon), "{soon}");
    }
}

mod gross;
mod late;
mod proxy;
mod worse;
