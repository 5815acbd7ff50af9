use super::*;
use crate::engine::Config;
use crate::event::decode::decode;
use crate::event::{Entry, Privacy, Record, Source, Treatment};
use crate::signal::{Incident, State};

const MINUTE: i64 = 60_000;

/// Long ago, so that a day is a day.
const BEGAN: i64 = 1_768_478_400_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(BEGAN + millis)
}

/// An event of `created` that comes at `received`, with `more` in its data.
fn comes(engine: &mut Engine, (created, received): (i64, i64), name: &str, more: &str) {
    let time = at(created).to_rfc3339_seconds();
    let text = format!(
        r#"{{"id":"event_{received}_{created}_{name}","event":"{name}","created_at":"{time}","data":{{"type":"sso","status":"failed"{more}}}}}"#
    );
    let event = decode(text.as_bytes(), &Privacy::new(Treatment::Hash, b"key")).unwrap();
    let record = Record::Event { source: Source::Push, event };
    engine.apply(&Entry { received_at: at(received), record });
}

/// An ordinary event a minute until `end`.
fn ordinary(engine: &mut Engine, minutes: std::ops::Range<i64>) {
    for minute in minutes {
        comes(engine, (minute * MINUTE, minute * MINUTE), "authentication.sso_failed", "");
    }
}

fn tickets(engine: &mut Engine) -> Vec<Incident> {
    let incidents = engine.snapshot().incidents;
    let own = incidents.iter().filter(|incident| &*incident.alertname == ALERTNAME);
    own.map(|incident| Incident::clone(incident)).collect()
}

#[test]
fn what_is_new_after_a_day_is_one_ticket_that_ends_a_day_after_the_last_of_it() {
    let mut engine = Engine::new(Config::default());
    ordinary(&mut engine, 0..1441);
    let t = 1441 * MINUTE;
    comes(
        &mut engine,
        (t, t),
        "authentication.sso_failed",
        r#","sso":{"flow":"todd@example.com"}"#,
    );
    for n in 1..4 {
        let t = t + n * MINUTE;
        comes(&mut engine, (t, t), "authentication.sso_failed", r#","type":"carrier_pigeon""#);
    }
    comes(&mut engine, (t, t + 5 * MINUTE), "authentication.sso_paused", "");
    let all = tickets(&mut engine);
    let [ticket] = &all[..] else { panic!("{all:?}") };
    assert_eq!((ticket.severity, &ticket.scope), (Severity::Ticket, &Scope::Fleet));
    assert_eq!(
        ticket.summary,
        "Events have what was never seen before: the type authentication.sso_paused, once since 2026-01-16 12:01:00 UTC; \
         the field data.sso.flow of authentication.sso_failed, once since 2026-01-16 12:01:00 UTC; \
         the value data.type=carrier_pigeon of authentication.sso_failed, 3 times since 2026-01-16 12:02:00 UTC"
    );
    assert!(!format!("{ticket:?}").contains("todd"));
    // It comes again: counted, no news.
    comes(&mut engine, (t, t + 6 * MINUTE), "authentication.sso_paused", "");
    engine.advance(at(t + 7 * MINUTE));
    let ticket = &tickets(&mut engine)[0];
    assert!(ticket.summary.contains("the type authentication.sso_paused, 2 times"));
    assert_eq!((ticket.evidence.bad, ticket.evidence.causes.len()), (6, 3));
    engine.advance(at(t + 1440 * MINUTE));
    assert_eq!(tickets(&mut engine)[0].state, State::Firing);
    engine.advance(at(t + 1446 * MINUTE));
    assert_eq!(tickets(&mut engine)[0].state, State::Resolved);
    let again = t + 1500 * MINUTE;
    comes(&mut engine, (again, again), "authentication.sso_paused", "");
    assert_eq!(tickets(&mut engine).len(), 1, "it is known");
    assert_eq!(engine.snapshot().novel, [(Novel::Type, 3), (Novel::Field, 1), (Novel::Value, 3)]);
}

#[test]
fn the_first_day_the_first_events_and_history_are_learned() {
    let new = |engine: &mut Engine, created: i64, received: i64, name: &str| {
        comes(engine, (created * MINUTE, received * MINUTE), name, "");
        tickets(engine).len()
    };
    let mut engine = Engine::new(Config::default());
    ordinary(&mut engine, 0..1400);
    assert_eq!(new(&mut engine, 1401, 1401, "a.first_day"), 0);
    ordinary(&mut engine, 1402..3000);
    assert_eq!(new(&mut engine, 3001 - 1440, 3001, "a.history"), 0);
    assert_eq!(new(&mut engine, 3002, 3002, "a.history"), 0);
    assert_eq!(new(&mut engine, 3003, 3003, "a.first_day"), 0);
    assert_eq!(new(&mut engine, 3004, 3004, "a.new"), 1);
    // Of a fleet with few events a day shows little.
    let mut engine = Engine::new(Config::default());
    ordinary(&mut engine, 0..100);
    assert_eq!(new(&mut engine, 5000, 5000, "a.few"), 0);
    ordinary(&mut engine, 5001..5101);
    assert_eq!(new(&mut engine, 5200, 5200, "a.new"), 1);
    // What is documented is no news, however late it comes.
    assert_eq!(new(&mut engine, 5201, 5201, "vault.kek.created"), 1);
    assert_eq!(engine.snapshot().novel[0], (Novel::Type, 2));
}

#[test]
fn the_journals_record_says_the_same_as_the_event_and_a_checkpoint_keeps_it() {
    let record = |engine: &mut Engine, minute: i64, what: &str| {
        let novelty = Novelty {
            kind: Novel::Field,
            what: what.into(),
            within: "authentication.sso_failed".into(),
            at: at(minute * MINUTE),
            count: 1,
        };
        let record = Record::Novel(vec![novelty]);
        engine.apply(&Entry { received_at: at(minute * MINUTE), record });
    };
    let mut direct = Engine::new(Config::default());
    ordinary(&mut direct, 0..1441);
    let mut journaled = direct.clone();
    let t = 1441 * MINUTE;
    comes(&mut direct, (t, t), "authentication.sso_failed", r#","flow":1"#);
    record(&mut journaled, 1441, "data.flow");
    assert_eq!(tickets(&mut direct), tickets(&mut journaled));
    let mut restarted = Engine::load(Config::default(), &journaled.save()).unwrap();
    record(&mut restarted, 1442, "data.flow");
    record(&mut restarted, 1443, "data.other");
    let all = tickets(&mut restarted);
    assert!(
        all.len() == 1
            && all[0].summary.contains("2 times")
            && all[0].summary.contains("data.other")
    );
}

#[test]
fn a_checkpoint_from_before_is_read_and_the_schema_is_learned_anew() {
    let mut engine = Engine::new(Config::default());
    ordinary(&mut engine, 0..1442);
    let mut bytes = engine.save();
    let own = postcard::to_stdvec(&engine.memory.drift).unwrap().len();
    bytes.truncate(bytes.len() - own);
    bytes[0] = 13;
    let mut upgraded = Engine::load(Config::default(), &bytes).unwrap();
    assert_eq!(upgraded.snapshot().fleet, engine.snapshot().fleet);
    comes(&mut upgraded, (1443 * MINUTE, 1443 * MINUTE), "a.new", "");
    assert_eq!(tickets(&mut upgraded).len(), 0);
    comes(&mut engine, (1443 * MINUTE, 1443 * MINUTE), "a.new", "");
    assert_eq!(tickets(&mut engine).len(), 1);
}

#[test]
fn names_without_end_are_remembered_up_to_a_limit_and_all_are_counted() {
    let mut engine = Engine::new(Config::default());
    ordinary(&mut engine, 0..1441);
    for n in 0..1000 {
        let t = 1441 * MINUTE + n;
        comes(&mut engine, (t, t), &format!("made.up{n}"), "");
    }
    let ticket = &tickets(&mut engine)[0];
    assert!(ticket.summary.ends_with("; and 251 more"), "{}", ticket.summary);
    assert_eq!(engine.memory.drift.known.len(), KNOWN_MAX);
    assert_eq!(engine.snapshot().novel[0], (Novel::Type, 1000));
}
