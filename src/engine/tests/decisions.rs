//! Silences and markers: what they change, and that they survive.

use super::*;
use crate::engine::calendar::Place;
use crate::event::{Covers, Marker, Planned, Silence};
use crate::signal::{Happened, Incident, Scope};

fn silence(from: i64, until: i64) -> Record {
    Record::Silenced(Silence {
        id: "s1".into(),
        matchers: [("alertname".into(), "ConnectionFailing".into())].into(),
        author: "Ada".into(),
        reason: "known".into(),
        from: second(from),
        until: second(until),
    })
}

fn marker(id: &str, from: i64, until: i64, covers: Covers, expected: bool) -> Record {
    let work = Planned {
        id: id.into(),
        from: second(from),
        until: second(until),
        covers,
        note: format!("deploy {id}").into(),
    };
    Record::Marked(Marker { work, author: "Ben".into(), expected })
}

fn fires(snapshot: &Snapshot) -> &Incident {
    let mut incidents = snapshot.incidents.iter();
    incidents.find(|incident| &*incident.alertname == "ConnectionFailing").expect("there is one")
}

fn told(engine: &mut Engine) -> (String, Vec<Happened>) {
    let snapshot = engine.snapshot();
    let incident = fires(&snapshot);
    let steps = incident.course.steps.iter().map(|step| step.what.clone());
    (incident.description.clone(), steps.collect())
}

#[test]
fn a_silence_is_in_the_story_and_survives_a_restart_with_its_end() {
    let mut engine = Engine::new(thresholds());
    engine.apply(&record(50, silence(50, 5_000)));
    trouble(&mut engine, 100, "c1", 8, 4, 5);
    engine.advance(second(200));
    let (_, steps) = told(&mut engine);
    let said = |step: &Happened| {
        matches!(step, Happened::Silenced { by, reason, until }
            if &**by == "Ada" && &**reason == "known" && *until == second(5_000))
    };
    assert!(steps.iter().any(said), "{steps:?}");
    let mut engine = Engine::load(thresholds(), &engine.save()).unwrap();
    let snapshot = engine.snapshot();
    assert!(snapshot.silence_of(fires(&snapshot)).is_some());
    engine.apply(&record(210, silence(50, 210)));
    let snapshot = engine.snapshot();
    assert!(snapshot.silence_of(fires(&snapshot)).is_none());
    assert_eq!(told(&mut engine).1.last(), Some(&Happened::Unsilenced));
    // It is the record of the detection that it was found; nothing was held back there.
    assert_eq!(fires(&engine.snapshot()).state, State::Firing);
}

#[test]
fn a_silence_that_comes_later_is_in_the_story_of_what_fires() {
    let mut engine = Engine::new(thresholds());
    trouble(&mut engine, 100, "c1", 8, 4, 5);
    engine.advance(second(200));
    engine.apply(&record(210, silence(210, 5_000)));
    let (_, steps) = told(&mut engine);
    assert!(matches!(steps.last(), Some(Happened::Silenced { .. })), "{steps:?}");
}

#[test]
fn what_began_about_when_work_was_marked_says_so_and_nothing_else_does() {
    let ids = |id: &str| Covers::Connections(vec![ConnectionId::new(id)]);
    let cases = [
        ("just before", 40, 40, Covers::All, true),
        ("just after its estimated beginning", 190, 190, Covers::All, true),
        ("long before", -1_000, -1_000, Covers::All, false),
        ("long before and still going on", -1_000, 3_000, Covers::All, true),
        ("long after", 400, 400, Covers::All, false),
        ("its connection", 40, 40, ids("c1"), true),
        ("another connection", 40, 40, ids("c2"), false),
        ("a tier", 40, 40, Covers::Tier("web".into()), false),
        ("another type", 40, 40, Covers::ConnectionType("OktaSAML".into()), false),
    ];
    for (name, from, until, covers, want) in cases {
        for late in [false, true] {
            let mut engine = Engine::new(thresholds());
            let mark = record(
                if late { 400 } else { 90 },
                marker("m", from, until, covers.clone(), false),
            );
            if !late {
                engine.apply(&mark);
            }
            trouble(&mut engine, 100, "c1", 8, 4, 5);
            engine.advance(second(200));
            if late {
                engine.apply(&mark);
            }
            let (description, steps) = told(&mut engine);
            let sentence = "It began about when work was marked: deploy m at";
            assert_eq!(description.contains(sentence), want, "{name}: {description}");
            assert_eq!(description.matches(sentence).count(), usize::from(want), "{name}");
            let marked = steps.iter().filter(|step| matches!(step, Happened::Marked { .. }));
            assert_eq!(marked.count(), usize::from(want), "{name}: {steps:?}");
        }
    }
}

#[test]
fn a_marker_holds_pages_back_only_when_it_says_so_and_until_it_ends() {
    let pages = |expected: bool, ends_early: bool| {
        let (mut engine, now) = under_way();
        engine.apply(&record(now, marker("m", now, now + 3_600, Covers::All, expected)));
        if ends_early {
            engine.apply(&record(now + 30, marker("m", now, now + 30, Covers::All, expected)));
        }
        engine.advance(second(now + 120));
        let fires = |name: &str| name == "SsoFleetTimingOut";
        engine.transitions().iter().any(|told| fires(&told.incident.alertname))
    };
    assert!(pages(false, false), "a marker of its own accord changes only words");
    assert!(!pages(true, false), "trouble is expected");
    assert!(pages(true, true), "the work was ended");
}

#[test]
fn announced_trouble_holds_back_pages_of_rules_until_it_ends() {
    for (place, covers) in [
        ("c", Covers::Connections(vec![ConnectionId::new("c")])),
        ("c", Covers::All),
        ("other", Covers::Connections(vec![ConnectionId::new("c")])),
    ] {
        let mut engine = Engine::new(thresholds());
        engine.apply(&record(0, marker("m", 0, 120, covers, true)));
        let mut told = Vec::new();
        for minute in 1..4 {
            trouble(&mut engine, minute * 60 - 30, place, 20, 0, 20);
            engine.advance(second(minute * 60 + 31));
            let began = engine.transitions().into_iter();
            let rings = |one: &Incident| {
                &*one.alertname == "ConnectionFailing" && one.state == State::Firing
            };
            told.push(began.filter(|told| rings(&told.incident)).count());
        }
        assert_eq!(told, if place == "c" { [0, 1, 0] } else { [1, 0, 0] }, "{place}");
    }
}

#[test]
fn silence_is_expected_where_all_are_covered_that_sign_in_there() {
    let connections = |names: &[&str]| {
        Covers::Connections(names.iter().map(|name| ConnectionId::new(name)).collect())
    };
    for (covers, of_all, of_entra) in [
        (Covers::All, true, true),
        (connections(&["big"]), true, false),
        (connections(&["small"]), false, true),
        (Covers::ConnectionType("OktaSAML".into()), true, false),
        (Covers::ConnectionType("GoogleSAML".into()), false, false),
    ] {
        let mut engine = Engine::new(Config::default());
        let of = |id: &str, connection_type: &str| ConnectionInfo {
            id: ConnectionId::new(id),
            connection_type: Some(connection_type.into()),
            ..connection_info("active")
        };
        let directory = vec![of("big", "OktaSAML"), of("small", "AzureSAML")];
        engine.apply(&record(0, Record::Directory(directory)));
        for minute in 1..600 {
            trouble(&mut engine, minute * 60, "big", 0, 19, 19);
            trouble(&mut engine, minute * 60 + 1, "small", 0, 1, 1);
        }
        let marked = marker("m", 36_000, 40_000, covers.clone(), true);
        engine.apply(&record(36_000, marked));
        let entra = engine.place(&Scope::ConnectionType("AzureSAML".into())).unwrap();
        let held = [Place::Fleet, entra].map(|place| engine.is_expected(place, &[]));
        assert_eq!(held, [of_all, of_entra], "{covers:?}");
    }
}

#[test]
fn of_markers_without_end_the_oldest_are_forgotten() {
    let mut engine = Engine::new(thresholds());
    for n in 0..600 {
        engine.apply(&record(n, marker(&n.to_string(), n, n, Covers::All, false)));
    }
    let markers = engine.snapshot().markers;
    assert_eq!(markers.len(), 500);
    assert_eq!(&*markers[0].work.id, "100");
}
