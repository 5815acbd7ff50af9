use proptest::prelude::*;

use super::*;
use crate::event::{
    AuthError, AuthEvent, Body, CertificateNotice, ConnectionId, ConnectionInfo, Entry, Person,
    Record, SessionId, Source, SourceTrouble, Sso, Step, UserKey,
};
use crate::signal::{Counts, Incident, Severity, State};

mod apart;
mod causes;
mod checkpoint;
mod decisions;
mod ended;
mod felt;
mod owned;
mod reached;
mod recalled;
mod sparse;
mod unwatched;

const START: i64 = 1_760_000_000;

fn second(second: i64) -> Timestamp {
    Timestamp::from_millis((START + second) * 1000)
}

fn event(id: &str, at: i64, step: Step, connection: &str, session: &str, user: u64) -> AuthEvent {
    let error = matches!(step, Step::Failed | Step::TimedOut)
        .then(|| AuthError { code: "saml_certificate_expired".into(), message: "".into() });
    let sso = Sso {
        step,
        connection_id: (!connection.is_empty()).then(|| ConnectionId::new(connection)),
        organization_id: None,
        session_id: (!session.is_empty()).then(|| SessionId::new(session)),
        error,
        person: Person { key: Some(UserKey(user)), ..Person::default() },
        test: false,
    };
    AuthEvent {
        id: EventId::new(id),
        at: second(at),
        name: format!("authentication.{step:?}").into(),
        body: Body::Sso(sso),
        novel: Vec::new(),
    }
}

fn entry(received: i64, event: AuthEvent) -> Entry {
    Entry { received_at: second(received), record: Record::Event { source: Source::Push, event } }
}

fn record(received: i64, record: Record) -> Entry {
    Entry { received_at: second(received), record }
}

#[test]
fn a_sign_in_is_counted_joined_and_measured() {
    let mut engine = Engine::new(Config::default());
    engine.apply(&entry(0, event("e1", 0, Step::Started, "c", "s", 1)));
    let snapshot = engine.snapshot();
    assert_eq!((snapshot.fleet.in_progress, snapshot.connections[0].scope.in_progress), (1, 1));
    engine.apply(&entry(15, event("e2", 14, Step::Succeeded, "c", "s", 1)));
    engine.apply(&entry(16, event("e2", 14, Step::Succeeded, "c", "s", 1)));
    let snapshot = engine.snapshot();
    let want = Counts { started: 1, succeeded: 1, ..Counts::default() };
    assert_eq!(snapshot.fleet.totals, want);
    assert_eq!(snapshot.connections[0].scope.windows, [want, want]);
    assert_eq!(snapshot.fleet.in_progress, 0);
    assert_eq!((snapshot.durations[0].1.count(), snapshot.durations[0].1.sum_millis), (1, 14_000));
    assert_eq!((snapshot.sources[0].received, snapshot.sources[0].duplicates), (2, 1));
}

#[test]
fn a_null_connection_has_a_bucket_of_its_own_and_tests_have_none() {
    let mut engine = Engine::new(Config::default());
    engine.apply(&entry(0, event("e1", 0, Step::Failed, "", "", 1)));
    let mut test = event("e2", 0, Step::Failed, "c", "", 1);
    let Body::Sso(sso) = &mut test.body else { unreachable!() };
    sso.test = true;
    engine.apply(&entry(0, test));
    let snapshot = engine.snapshot();
    assert_eq!(snapshot.connections[0].label(), "unknown");
    assert_eq!(snapshot.fleet.totals.failed, 1);
    assert_eq!(snapshot.event_types[0].1, 2);
}

#[test]
fn a_session_without_an_end_is_stalled_and_leaves_progress() {
    let mut engine = Engine::new(Config::default());
    engine.apply(&entry(0, event("e1", 0, Step::Started, "c", "s", 1)));
    engine.advance(second(359));
    assert_eq!(engine.snapshot().fleet.totals.stalled, 0);
    engine.advance(second(360));
    let fleet = engine.snapshot().fleet;
    assert_eq!((fleet.totals.stalled, fleet.in_progress), (1, 0));
}

#[test]
fn an_event_older_than_every_window_is_late_and_still_in_the_totals() {
    let mut engine = Engine::new(Config::default());
    engine.apply(&entry(10_000, event("e1", 10_000 - 3_700, Step::Failed, "c", "", 1)));
    let snapshot = engine.snapshot();
    assert_eq!((snapshot.fleet.totals.failed, snapshot.fleet.windows[1].failed), (1, 0));
    assert_eq!(snapshot.sources[0].late, 1);
}

/// `bad` failures and `good` successes within a minute, by `users` people of this connection.
/// Thresholds of every scope, and nothing else.
fn thresholds() -> Config {
    let rules: Vec<Rule> = serde_json::from_str(
        r#"[
        {"name":"ConnectionFailing","metric":"failure_ratio","op":">=","value":0.3,"window":"5m","min_attempts":10,"min_users":4},
        {"name":"ProviderFailing","metric":"failure_ratio","op":">=","value":0.25,"window":"5m","min_attempts":30,"min_users":8,"min_connections":3,"scope":"connection_type"},
        {"name":"FleetFailing","metric":"failure_ratio","op":">=","value":0.15,"window":"5m","min_attempts":100,"min_users":10,"min_connections":3,"scope":"fleet"}
        ]"#,
    )
    .unwrap();
    Config { rules, detection: None, ..Config::default() }
}

fn trouble(engine: &mut Engine, at: i64, connection: &str, bad: u64, good: u64, users: u64) {
    let first = connection.bytes().map(u64::from).sum::<u64>() * 1_000;
    for n in 0..bad + good {
        // Evenly mixed: a ratio at the beginning is the ratio at the end.
        let step = if n * bad % (bad + good) < bad { Step::Failed } else { Step::Succeeded };
        let id = format!("{connection}-{at}-{n}");
        let moment = at + i64::try_from(n).unwrap() % 60;
        engine.apply(&entry(moment, event(&id, moment, step, connection, "", first + n % users)));
    }
}

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
fn a_certificate_is_a_ticket_then_a_page_then_over() {
    let day = 86_400;
    let notice = |received: i64, expires: i64, name: &str| {
        let notice = CertificateNotice {
            connection_id: ConnectionId::new("c1"),
            organization_id: None,
            certificate_type: "ResponseSigning".into(),
            expires_at: second(expires),
        };
        let body = Body::Certificate(notice);
        entry(
            received,
            AuthEvent {
                id: EventId::new(name),
                at: second(received),
                name: name.into(),
                body,
                novel: Vec::new(),
            },
        )
    };
    let severity = |engine: &mut Engine| {
        let incidents = engine.snapshot().incidents;
        let mut found = incidents.iter().filter(|i| &*i.alertname == "SsoCertificateExpiring");
        found.next().map(|i| (i.state, i.severity))
    };
    let mut engine = Engine::new(Config::default());
    engine.apply(&notice(0, 40 * day, "required"));
    engine.advance(second(9 * day));
    assert_eq!(severity(&mut engine), None);
    engine.advance(second(10 * day + 60));
    assert_eq!(severity(&mut engine), Some((State::Firing, Severity::Ticket)));
    engine.advance(second(39 * day + 60));
    assert_eq!(severity(&mut engine), Some((State::Firing, Severity::Page)));
    let told: Vec<_> = engine
        .transitions()
        .into_iter()
        .filter(|t| &*t.incident.alertname == "SsoCertificateExpiring")
        .map(|t| {
            let Incident { severity, labels, summary, .. } = &*t.incident;
            let words =
                summary.split_once("expires ").and_then(|(_, words)| words.split_once(" ("));
            (*severity, labels["severity"].to_string(), words.unwrap().0.to_owned())
        })
        .collect();
    let want = [
        (Severity::Ticket, "ticket".into(), "in 29 days".into()),
        (Severity::Page, "page".into(), "within a day".into()),
    ];
    assert_eq!(told, want);
    engine.apply(&notice(39 * day + 100, 400 * day, "renewed"));
    // An older word that comes late changes nothing.
    let mut late = notice(5, 40 * day, "repeated");
    late.received_at = second(39 * day + 110);
    engine.apply(&late);
    engine.advance(second(39 * day + 200));
    assert_eq!(severity(&mut engine), Some((State::Resolved, Severity::Page)));
}

fn connection_info(state: &str) -> ConnectionInfo {
    ConnectionInfo {
        id: ConnectionId::new("c1"),
        organization_id: None,
        organization_name: None,
        connection_type: Some("OktaSAML".into()),
        name: None,
        state: Some(state.into()),
    }
}

#[test]
fn of_two_events_about_a_connection_the_newer_wins_whichever_comes_first() {
    for order in [[0, 1], [1, 0]] {
        let mut engine = Engine::new(Config::default());
        let told = [(50, "active"), (60, "inactive")].map(|(at, state)| AuthEvent {
            id: EventId::new(state),
            at: second(at),
            name: "connection.x".into(),
            body: Body::Connection(connection_info(state)),
            novel: Vec::new(),
        });
        for place in order {
            engine.apply(&entry(100, told[place].clone()));
        }
        let info = engine.snapshot().connections[0].info.clone().unwrap();
        assert_eq!(info.state.as_deref(), Some("inactive"), "{order:?}");
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

/// Ten connections with an hour of good sign-ins behind them, and twelve sign-ins under way on each.
fn under_way() -> (Engine, i64) {
    let mut engine = Engine::new(Config::default());
    let mut now = 0;
    for n in 0..600 {
        let (connection, session) = (format!("c{}", n % 10), format!("s{n}"));
        for (at, step) in [(now, Step::Started), (now + 4, Step::Succeeded)] {
            let id = format!("{step:?}{n}");
            engine.apply(&entry(at, event(&id, at, step, &connection, &session, n)));
        }
        now += 6;
    }
    for n in 1_000..1_120 {
        let (id, connection) = (format!("e{n}"), format!("c{}", n % 10));
        engine.apply(&entry(now, event(&id, now, Step::Started, &connection, &id, n)));
    }
    (engine, now)
}

#[test]
fn sign_ins_whose_ends_nobody_heard_page_only_if_somebody_listened() {
    let pages = |listened: bool| {
        let (mut engine, now) = under_way();
        if !listened {
            engine.apply(&record(now + 90, Record::Resumed));
        }
        engine.advance(second(now + 95));
        let fires = |name: &str| name == "SsoFleetTimingOut";
        engine.transitions().iter().any(|told| fires(&told.incident.alertname))
    };
    assert!(pages(true), "they hang");
    assert!(!pages(false), "the daemon was down");
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

#[test]
fn nothing_hangs_while_the_only_source_cannot_be_read() {
    let pages = |deaf: bool| {
        let (mut engine, now) = under_way();
        engine.config.sources = vec![Source::WorkosApi];
        let health = |trouble| Record::SourceHealth { source: Source::WorkosApi, trouble };
        let words = "HTTP 500".into();
        let trouble = SourceTrouble { since: second(now + 5), page: false, words };
        if deaf {
            engine.apply(&record(now + 20, health(Some(trouble))));
        }
        engine.advance(second(now + 95));
        engine.apply(&record(now + 96, health(None)));
        engine.advance(second(now + 200));
        let fires = |name: &str| name == "SsoFleetTimingOut";
        engine.transitions().iter().any(|told| fires(&told.incident.alertname))
    };
    assert!(pages(false), "they hang");
    assert!(!pages(true), "their ends could not be heard");
}

/// Rules of every kind: with holds, for too little, over every scope.
fn every_rule() -> Config {
    let own: Vec<Rule> = serde_json::from_str(
        r#"[
        {"name":"Held","metric":"failures","op":">=","value":2,"window":"1m","for":"15s","keep_firing_for":"20s"},
        {"name":"Few","metric":"successes","op":"<","value":2,"window":"2m","min_attempts":3,"scope":"connection_type"},
        {"name":"Stalled","metric":"stalled_ratio","op":">","value":0.1,"window":"10m","min_attempts":1,"scope":"fleet"},
        {"name":"Quiet","metric":"starts","op":"<=","value":1,"window":"7m","keep_firing_for":"0s","scope":"fleet"}
        ]"#,
    )
    .unwrap();
    let rules = thresholds().rules.into_iter().chain(own).collect();
    Config { rules, ..taking_windows() }
}

fn taking_windows() -> Config {
    Config { window_sinks: vec!["sink".into()], ..Config::default() }
}

fn steps() -> impl Strategy<Value = Vec<(u8, u8, u8, i64)>> {
    prop::collection::vec((0u8..4, 0u8..4, 0u8..30, 0i64..20), 1..150)
}

/// Starts, successes, failures and time-outs on four connections; some share sessions.
fn stream(steps: &[(u8, u8, u8, i64)]) -> Vec<AuthEvent> {
    let mut now = 0;
    let mut events = Vec::new();
    for (n, (step, connection, session, pause)) in steps.iter().enumerate() {
        now += pause;
        let step = [Step::Started, Step::Succeeded, Step::Failed, Step::TimedOut][*step as usize];
        events.push(event(
            &format!("e{n}"),
            now,
            step,
            &format!("c{connection}"),
            &format!("s{session}"),
            n as u64 % 7,
        ));
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn property_test_tallies_agree_with_a_list_of_events_in_any_order(steps in steps(), seed in 0usize..1000) {
        let events = stream(&steps);
        let end = events.last().unwrap().at.seconds() - START;
        let mut engine = Engine::new(taking_windows());
        // Received a little late, out of order and twice, while every window is still open.
        for n in 0..events.len() * 2 {
            let place = (n * 7919 + seed) % events.len();
            engine.apply(&entry(end, events[place].clone()));
        }
        for event in &events {
            engine.apply(&entry(end, event.clone()));
        }
        let snapshot = engine.snapshot();
        for connection in &snapshot.connections {
            let mine = |step| events.iter().filter(move |e| matches!(&e.body, Body::Sso(s) if s.step == step && s.connection_id == connection.id));
            let totals = connection.scope.totals;
            prop_assert_eq!(totals.started, mine(Step::Started).count() as u64);
            prop_assert_eq!(totals.failed, mine(Step::Failed).count() as u64);
            prop_assert_eq!(connection.causes.iter().map(|(_, n)| n).sum::<u64>(), totals.failed);
            let recent = mine(Step::Failed).filter(|e| e.at.seconds() / 10 > (START + end) / 10 - 30).count();
            prop_assert_eq!(connection.scope.windows[0].failed, recent as u64);
        }
        let sum = |f: fn(&Counts) -> u64| snapshot.connections.iter().map(|c| f(&c.scope.totals)).sum::<u64>();
        prop_assert_eq!(sum(|c| c.timed_out), snapshot.fleet.totals.timed_out);
        engine.advance(second(end + 100));
        let closed = engine.snapshot().windows;
        let shipped: u64 = closed.iter().flat_map(|w| &w.connections).map(|c| c.counts.finished()).sum();
        prop_assert_eq!(shipped, snapshot.fleet.totals.finished());
        let sources = closed.iter().flat_map(|w| &w.sources);
        let did = sources.fold((0, 0, 0), |sum, s| (sum.0 + s.received, sum.1 + s.duplicates, sum.2 + s.late));
        let total = &snapshot.sources[0];
        prop_assert_eq!(did, (total.received, total.duplicates, total.late));
    }

    #[test]
    fn property_test_a_saved_engine_goes_on_as_if_nothing_happened(steps in steps(), cut in 0usize..150) {
        let events = stream(&steps);
        let mut straight = Engine::new(every_rule());
        let mut resumed = Engine::new(every_rule());
        let mut told = (Vec::new(), Vec::new());
        for (n, event) in events.iter().enumerate() {
            if n == cut {
                told.1.extend(resumed.transitions());
                resumed = Engine::load(every_rule(), &resumed.save()).unwrap();
            }
            let entry = Entry { received_at: event.at, record: Record::Event { source: Source::Push, event: event.clone() } };
            straight.apply(&entry);
            resumed.apply(&entry);
        }
        for engine in [&mut straight, &mut resumed] {
            engine.advance(second(4_000));
        }
        told.0.extend(straight.transitions());
        told.1.extend(resumed.transitions());
        prop_assert_eq!(told.0, told.1);
        let (a, b) = (straight.snapshot(), resumed.snapshot());
        prop_assert_eq!(format!("{a:?}"), format!("{b:?}"));
        prop_assert!(straight.save() == resumed.save(), "the same state gives the same bytes");
    }

    #[test]
    fn property_test_looking_only_where_something_changed_finds_what_looking_always_finds(steps in steps()) {
        let events = stream(&steps);
        let (mut jumping, mut walking) = (Engine::new(every_rule()), Engine::new(every_rule()));
        for event in events {
            let at = event.at;
            while walking.now() != Timestamp::default() && walking.now().seconds() < at.seconds() {
                walking.dirty.extend(walking.memory.places());
                walking.advance(walking.now().plus_millis(1000));
            }
            let entry = Entry { received_at: at, record: Record::Event { source: Source::Push, event } };
            jumping.apply(&entry);
            walking.apply(&entry);
        }
        let end = jumping.now().plus_millis(4_000_000);
        jumping.advance(end);
        while walking.now() < end {
            walking.dirty.extend(walking.memory.places());
            walking.advance(walking.now().plus_millis(1000));
        }
        prop_assert_eq!(jumping.transitions(), walking.transitions());
        prop_assert_eq!(format!("{:?}", jumping.snapshot()), format!("{:?}", walking.snapshot()));
    }
}

#[test]
fn a_sink_in_trouble_is_a_page_until_it_is_well_or_gone() {
    let config = || Config { sinks: vec!["a".into()], ..Config::default() };
    let mut engine = Engine::new(config());
    let health = |trouble: Option<&str>| Record::SinkHealth {
        sink: "a".into(),
        trouble: trouble.map(Into::into),
    };
    engine.apply(&record(0, health(Some("HTTP 403."))));
    engine.apply(&record(10, health(Some("HTTP 403 again."))));
    let transitions = engine.transitions();
    let fired = transitions.iter().find(|one| &*one.incident.alertname == "SinkFailing").unwrap();
    assert_eq!(fired.incident.severity, Severity::Page);
    assert_eq!(&*fired.incident.labels["sink"], "a");
    assert!(fired.incident.summary.contains("HTTP 403."), "{}", fired.incident.summary);
    let gone = Engine::load(Config::default(), &engine.save()).unwrap().transitions();
    assert_eq!(gone[0].incident.state, State::Resolved);
    let mut engine = Engine::load(config(), &engine.save()).unwrap();
    assert!(engine.transitions().is_empty());
    engine.apply(&record(20, health(None)));
    assert_eq!(engine.transitions()[0].incident.state, State::Resolved);
}
