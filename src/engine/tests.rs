use super::*;
use crate::event::{
    AuthError, AuthEvent, Body, CertificateNotice, ConnectionId, ConnectionInfo, Entry, Person,
    Record, SessionId, Source, SourceTrouble, Sso, Step, Told, UserKey,
};
use crate::signal::{Counts, Happened, Incident, Severity, State};

mod apart;
mod beside;
mod causes;
mod certificate;
mod checkpoint;
mod decisions;
mod ended;
mod felt;
mod lasted;
mod owned;
mod properties;
mod reached;
mod recalled;
mod rules;
mod silent;
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

/// `bad` failures and `good` successes within a minute, by `users` people of this connection.
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

#[test]
fn an_end_that_is_told_late_stands_in_the_story_of_what_ended() {
    let mut engine = Engine::new(Config { sinks: vec!["a".into()], ..Config::default() });
    let health = |trouble: Option<&str>| Record::SinkHealth {
        sink: "a".into(),
        trouble: trouble.map(Into::into),
    };
    engine.apply(&record(0, health(Some("HTTP 403."))));
    engine.apply(&record(100, health(None)));
    engine.apply(&record(200, health(Some("HTTP 500."))));
    let open = |engine: &mut Engine| -> Vec<Arc<Incident>> {
        let incidents = engine.snapshot().incidents;
        incidents.iter().filter(|one| &*one.alertname == "SinkFailing").cloned().collect()
    };
    let fingerprint = open(&mut engine)[0].fingerprint.clone();
    for told in [false, true] {
        let (receiver, fingerprint) = ("pagerduty".into(), fingerprint.clone());
        let told = Told { receiver, fingerprint, open: told, at: second(205) };
        engine.apply(&record(206, Record::Told(told)));
    }
    let stories: Vec<_> =
        open(&mut engine).iter().map(|one| one.course.steps.last().unwrap().what.clone()).collect();
    let pagerduty = || "pagerduty".into();
    assert_eq!(stories, [Happened::ToldOver(pagerduty()), Happened::ToldOpen(pagerduty())]);
}
