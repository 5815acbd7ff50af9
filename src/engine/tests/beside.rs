//! Webhooks that are sent again while the Events API tells of the time in which nobody listened.

use std::collections::VecDeque;

use super::*;

/// Seconds of ordinary life before nobody listens, and of the time that is told afterwards.
const BEFORE: i64 = 3 * 86_400;
const AWAY: i64 = 6 * 3_600;

/// Sign-ins every ten seconds on twenty connections; each ends after fourteen, well.
fn events(from: i64, until: i64) -> impl Iterator<Item = AuthEvent> {
    let start = |at: i64| {
        let (session, connection) = (format!("s{at}"), format!("c{}", at / 10 % 20));
        let user = u64::try_from(at / 10 % 900).unwrap();
        event(&format!("{session}_1"), at, Step::Started, &connection, &session, user)
    };
    let end = |at: i64| {
        let (session, connection) = (format!("s{at}"), format!("c{}", at / 10 % 20));
        let user = u64::try_from(at / 10 % 900).unwrap();
        event(&format!("{session}_2"), at + 14, Step::Succeeded, &connection, &session, user)
    };
    (from / 10..until / 10).flat_map(move |n| [start(n * 10), end((n - 1) * 10)])
}

/// What is told where the API brings all of it in order, and each fourteenth event of it comes again by webhook, in no order, before that
/// and beside it.
fn told() -> Vec<String> {
    let sources = vec![Source::WorkosApi, Source::WorkosWebhook];
    let mut engine = Engine::new(Config { sources, ..Config::default() });
    let apply = |engine: &mut Engine, at: i64, source: Source, event: AuthEvent| {
        engine.apply(&record(at, Record::Event { source, event }));
    };
    for event in events(10, BEFORE) {
        let at = event.at.seconds() - START;
        apply(&mut engine, at, Source::WorkosApi, event);
    }
    let now = BEFORE + AWAY;
    engine.apply(&record(now, Record::Resumed));
    let all: Vec<AuthEvent> = events(BEFORE, now).collect();
    let again = (0..all.len()).step_by(14).map(|place| all[place * 5_003 % all.len()].clone());
    let mut again: VecDeque<AuthEvent> = again.collect();
    let mut counted = 0;
    for (place, event) in all.into_iter().enumerate() {
        let second = now + 1 + i64::try_from(place / 200).unwrap();
        if place % 28 < 2
            && let Some(event) = again.pop_front()
        {
            apply(&mut engine, second, Source::WorkosWebhook, event);
        }
        apply(&mut engine, second, Source::WorkosApi, event);
        counted += 1;
    }
    engine.advance(second(now + 900));
    assert!(counted > 4_000);
    let told = engine.transitions().into_iter().map(|told| told.incident.summary.clone());
    told.filter(|words| words.contains("sign-ins")).collect()
}

#[test]
fn what_is_sent_again_beside_the_history_makes_nobody_hang() {
    assert_eq!(told(), [""; 0]);
}
