use std::time::Duration;

use super::*;
use crate::engine::Config;
use crate::event::{
    Body, ConnectionId, Entry, EventId, Person, Record, SessionId, Sso, Step, UserKey,
};
use crate::signal::{Incident, State};

const START: i64 = 1_760_000_000;

fn second(second: i64) -> Timestamp {
    Timestamp::from_millis((START + second) * 1000)
}

fn engine(sources: &[Source]) -> Engine {
    let mut engine = Engine::new(Config { sources: sources.to_vec(), ..Config::default() });
    engine.apply(&entry(0, Record::Resumed));
    engine
}

const BOTH: [Source; 2] = [Source::WorkosApi, Source::WorkosWebhook];

fn entry(at: i64, record: Record) -> Entry {
    Entry { received_at: second(at), record }
}

/// An event of the type `name` about `at`, with an id of its own.
fn event(n: i64, at: i64, name: &str) -> AuthEvent {
    let id = EventId::new(&format!("event_{n}"));
    AuthEvent { id, at: second(at), name: name.into(), body: Body::Other, novel: Vec::new() }
}

fn comes(engine: &mut Engine, source: Source, n: i64, at: i64, name: &str) {
    engine.apply(&entry(at, Record::Event { source, event: event(n, at, name) }));
}

/// The webhook brings event `n`, which is known.
fn brought(engine: &mut Engine, n: i64, at: i64) {
    let key = fingerprint(format!("event_{n}"));
    engine.apply(&entry(at, Record::Brought(vec![key])));
}

fn missing(engine: &mut Engine) -> u64 {
    let sources = engine.snapshot().sources;
    sources.iter().map(|source| source.missing).sum()
}

fn stalls(engine: &mut Engine) -> Vec<Arc<Incident>> {
    let incidents = engine.snapshot().incidents;
    incidents.into_iter().filter(|one| &*one.alertname == SOURCE_STALLED).collect()
}

#[test]
fn what_the_webhook_does_not_bring_in_ten_minutes_is_counted_once() {
    let mut engine = engine(&BOTH);
    comes(&mut engine, Source::WorkosWebhook, 0, 0, "a");
    for n in 1..=4 {
        comes(&mut engine, Source::WorkosApi, n, 10, "a");
    }
    // Of this type the webhook is not told, and this one is history.
    comes(&mut engine, Source::WorkosApi, 5, 10, "b");
    let old = Record::Event { source: Source::WorkosApi, event: event(6, -300, "a") };
    engine.apply(&entry(10, old));
    assert!(engine.awaits(fingerprint("event_1")) && !engine.awaits(fingerprint("event_5")));
    brought(&mut engine, 1, 12);
    brought(&mut engine, 1, 13);
    engine.advance(second(609));
    assert_eq!(missing(&mut engine), 0);
    let mut engine = Engine::load(engine.config.clone(), &engine.save()).unwrap();
    engine.advance(second(610));
    assert_eq!(missing(&mut engine), 3);
    brought(&mut engine, 2, 620);
    engine.advance(second(2_000));
    assert_eq!(missing(&mut engine), 3);
}

#[test]
fn without_a_webhook_none_is_waited_for() {
    let mut engine = engine(&[Source::WorkosApi]);
    for n in 0..100 {
        comes(&mut engine, Source::WorkosApi, n, n, "a");
    }
    engine.advance(second(2_000));
    assert_eq!((missing(&mut engine), stalls(&mut engine).len()), (0, 0));
}

#[test]
fn a_webhook_that_brings_nothing_of_what_happens_is_a_page_until_it_does() {
    let mut engine = engine(&BOTH);
    for n in 0..10 {
        comes(&mut engine, Source::WorkosApi, n, 10 + n, "a");
    }
    let rejected = vec![(crate::event::Reason::SignatureMismatch, 7)];
    let refused = Record::Refused { source: Source::WorkosWebhook, duplicates: 0, rejected };
    engine.apply(&entry(100, refused));
    for (n, at, want) in [(10, 309, 0), (11, 310, 1)] {
        comes(&mut engine, Source::WorkosApi, n, at, "a");
        assert_eq!(stalls(&mut engine).len(), want, "{at}");
    }
    let stall = &stalls(&mut engine)[0];
    assert_eq!((stall.state, &*stall.labels["source"]), (State::Firing, "workos_webhook"));
    assert_eq!(
        stall.summary,
        "Webhooks do not come: since 08:53:30 UTC the Events API had 12 events, and the webhook brought none; \
         7 of its requests were refused"
    );
    // One that was known is a sign of life, too.
    let known = Record::Refused { source: Source::WorkosWebhook, duplicates: 1, rejected: vec![] };
    engine.apply(&entry(400, known));
    engine.advance(second(401));
    assert_eq!(stalls(&mut engine)[0].state, State::Resolved);
}

#[test]
fn few_events_or_a_restart_are_no_sign_of_a_broken_webhook() {
    let mut engine = engine(&BOTH);
    for n in 0..9 {
        comes(&mut engine, Source::WorkosApi, n, n, "a");
    }
    engine.apply(&entry(500, Record::Resumed));
    for n in 20..29 {
        comes(&mut engine, Source::WorkosApi, n, 500 + 60 * n, "a");
    }
    assert_eq!(stalls(&mut engine).len(), 0);
    comes(&mut engine, Source::WorkosApi, 29, 5_000, "a");
    assert_eq!(stalls(&mut engine).len(), 1);
}

fn health(at: i64, trouble: Option<(i64, bool)>) -> Entry {
    health_of(Source::WorkosApi, at, trouble)
}

fn health_of(source: Source, at: i64, trouble: Option<(i64, bool)>) -> Entry {
    let trouble = trouble.map(|(since, page)| SourceTrouble {
        since: second(since),
        page,
        words: "HTTP 503".into(),
    });
    entry(at, Record::SourceHealth { source, trouble })
}

#[test]
fn an_api_that_cannot_be_read_is_a_page_when_it_says_so_and_over_when_it_can() {
    let mut engine = engine(&[Source::WorkosApi]);
    engine.apply(&health(20, Some((0, false))));
    engine.advance(second(1_000));
    assert_eq!(stalls(&mut engine).len(), 0);
    engine.apply(&health(1_000, Some((0, true))));
    let stall = &stalls(&mut engine)[0];
    assert_eq!((stall.state, &*stall.labels["source"]), (State::Firing, "workos_api"));
    assert_eq!(stall.summary, "The Events API cannot be read since 08:53:20 UTC: HTTP 503");
    // An alert of a source that is no longer configured does not stay open.
    let gone = Engine::load(Config::default(), &engine.save()).unwrap().transitions();
    assert_eq!(gone[0].incident.state, State::Resolved);
    engine.apply(&health(1_010, None));
    assert_eq!(stalls(&mut engine)[0].state, State::Resolved);
}

/// A sign-in every ten seconds for eight days, by the Events API: what is due is known.
fn learned(sources: &[Source]) -> (Engine, i64) {
    let mut engine = engine(sources);
    let end = 8 * 86_400;
    for at in (0..end).step_by(10) {
        for (step, later) in [(Step::Started, 0), (Step::Succeeded, 3)] {
            sign_in(&mut engine, at + later, at, step);
        }
    }
    (engine, end)
}

fn sign_in(engine: &mut Engine, at: i64, session: i64, step: Step) {
    read(engine, at, at, session, step);
}

/// A step of a sign-in of `at`, read at `now`.
fn read(engine: &mut Engine, now: i64, at: i64, session: i64, step: Step) {
    let sso = Sso {
        step,
        connection_id: Some(ConnectionId::new("conn_1")),
        organization_id: None,
        session_id: Some(SessionId::new(&format!("session_{session}"))),
        error: None,
        person: Person { key: Some(UserKey(session.unsigned_abs())), ..Person::default() },
        test: false,
    };
    let event = AuthEvent {
        id: EventId::new(&format!("{step:?}_{session}")),
        at: second(at),
        name: format!("{step:?}").into(),
        body: Body::Sso(sso),
        novel: Vec::new(),
    };
    engine.apply(&entry(now, Record::Event { source: Source::WorkosApi, event }));
}

fn hang(engine: &mut Engine) -> usize {
    let incidents = engine.snapshot().incidents;
    incidents.iter().filter(|one| one.alertname.ends_with("TimingOut")).count()
}

/// Reads sign-ins that took half a minute and began `ages` ago, one a second: pages of a hundred events in their order, each two
/// seconds after the one before it.
fn catch_up(engine: &mut Engine, mut now: i64, ages: std::ops::Range<i64>) {
    let starts = ages.rev().map(|age| now - age);
    let mut steps: Vec<_> =
        starts.flat_map(|at| [(at, at, Step::Started), (at + 30, at, Step::Succeeded)]).collect();
    steps.sort_by_key(|(at, ..)| *at);
    for page in steps.chunks(100) {
        for (at, session, step) in page {
            read(engine, now, *at, *session, *step);
        }
        now += 2;
        engine.advance(second(now));
    }
}

fn droughts(engine: &mut Engine) -> Vec<Arc<Incident>> {
    let incidents = engine.snapshot().incidents;
    incidents.into_iter().filter(|one| &*one.alertname == "SsoSuccessDrought").collect()
}

#[test]
fn no_sign_ins_and_no_delivery_are_told_apart() {
    let (learned, end) = learned(&[Source::WorkosApi]);
    // Nobody signs in: the API is read, and has nothing.
    let mut quiet = learned.clone();
    quiet.advance(second(end + 900));
    let drought = &droughts(&mut quiet)[0];
    assert!(
        drought.description.contains("The Events API answers and has no more"),
        "{}",
        drought.description
    );
    // Nothing is delivered: silence says nothing, then nor when it is read again.
    let mut deaf = learned.clone();
    deaf.apply(&health(end + 25, Some((end + 10, false))));
    deaf.advance(second(end + 900));
    assert_eq!(droughts(&mut deaf).len(), 0);
    deaf.apply(&health(end + 900, None));
    for at in (end + 900..end + 1_800).step_by(10) {
        sign_in(&mut deaf, at, at, Step::Started);
        sign_in(&mut deaf, at + 3, at, Step::Succeeded);
    }
    assert_eq!(droughts(&mut deaf).len(), 0);
    // The webhook brings what there is: the silence is that of the people.
    let mut both = learned.clone();
    both.apply(&health(end + 25, Some((end + 10, false))));
    comes(&mut both, Source::WorkosWebhook, 0, end + 30, "user.created");
    both.advance(second(end + 900));
    assert_eq!(droughts(&mut both).len(), 1);
    // A bus beside the Events API: one of them can be read, then none.
    let two = Config { sources: vec![Source::WorkosApi, Source::Nats], ..learned.config.clone() };
    let mut one = Engine::load(two, &learned.save()).unwrap();
    one.apply(&health(end + 25, Some((end + 10, false))));
    let mut none = one.clone();
    none.apply(&health_of(Source::Nats, end + 30, Some((end + 12, false))));
    one.advance(second(end + 900));
    none.advance(second(end + 900));
    assert_eq!((droughts(&mut one).len(), droughts(&mut none).len()), (1, 0));
}

#[test]
fn what_is_caught_up_with_hangs_nowhere() {
    let (learned, end) = learned(&[Source::WorkosApi]);
    // ssowatch was down for 50 minutes: history that goes over into the present.
    let mut history = learned.clone();
    history.apply(&entry(end + 3_000, Record::Resumed));
    catch_up(&mut history, end + 3_000, 60..2_900);
    assert_eq!(hang(&mut history), 0);
    // The Events API could not be read for nine minutes.
    let mut late = learned;
    late.apply(&health(end + 25, Some((end + 10, false))));
    late.apply(&health(end + 550, None));
    catch_up(&mut late, end + 550, 40..540);
    assert_eq!(hang(&mut late), 0);
    // Who has no end then hangs.
    for at in (end + 620..end + 1_000).step_by(5) {
        sign_in(&mut late, at, at, Step::Started);
    }
    late.advance(second(end + 1_000));
    assert_eq!(hang(&mut late), 1);
}

#[test]
fn history_that_is_read_beside_the_present_hangs_nowhere() {
    let (learned, end) = learned(&[Source::WorkosApi]);
    // Sessions that may last for an hour are not forgotten as stalled before they are looked at.
    let lasting = Config { session_timeout: Duration::from_hours(1), ..learned.config.clone() };
    let mut engine = Engine::load(lasting, &learned.save()).unwrap();
    for at in end..end + 100 {
        // Half an hour ago somebody began, and gave up; now somebody else succeeds.
        read(&mut engine, at, at - 1_800, 10_000_000 + at, Step::Started);
        if at % 10 == 0 {
            sign_in(&mut engine, at, at, Step::Started);
            sign_in(&mut engine, at, at, Step::Succeeded);
        }
    }
    engine.advance(second(end + 200));
    assert_eq!(hang(&mut engine), 0);
}

/// Something is heard at that second.
type Heard = fn(&mut Engine, i64);

#[test]
fn another_source_that_is_heard_does_not_say_what_ended_meanwhile() {
    let (learned, end) = learned(&[Source::WorkosApi]);
    let hear: [(&str, Heard); 4] = [
        ("nothing", |_, _| {}),
        ("a push", |engine, at| comes(engine, Source::Push, 0, at, "user.created")),
        ("a webhook", |engine, at| comes(engine, Source::WorkosWebhook, 0, at, "user.created")),
        ("a webhook that was known", |engine, at| brought(engine, 0, at)),
    ];
    for (what, heard) in hear {
        let mut engine = learned.clone();
        // They should have ended while nothing could be heard.
        for at in (end + 60..end + 100).step_by(2) {
            sign_in(&mut engine, at, at, Step::Started);
        }
        let mut told = engine.clone();
        engine.apply(&health(end + 101, Some((end + 100, false))));
        heard(&mut engine, end + 170);
        engine.advance(second(end + 200));
        told.advance(second(end + 200));
        assert_eq!((hang(&mut engine), hang(&mut told)), (0, 1), "{what}");
    }
}

#[test]
fn a_bus_that_cannot_be_read_is_a_page_and_silence_says_what_could_be_read() {
    let mut engine = engine(&[Source::Nats]);
    assert!(engine.witness().starts_with(" The stream of NATS can be read and has no more"));
    engine.apply(&health_of(Source::Nats, 400, Some((0, true))));
    let stall = &stalls(&mut engine)[0];
    assert_eq!((stall.state, &*stall.labels["source"]), (State::Firing, "nats"));
    assert_eq!(stall.summary, "The stream of NATS cannot be read since 08:53:20 UTC: HTTP 503");
    assert!(engine.witness().starts_with(" The stream of NATS cannot be read either"));
    engine.apply(&health_of(Source::Nats, 410, None));
    assert_eq!(stalls(&mut engine)[0].state, State::Resolved);
}
