//! What holds for every stream of events.

use proptest::prelude::*;

use super::*;

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
