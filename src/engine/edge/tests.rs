use super::*;
use crate::engine::{Config as EngineConfig, Engine};
use crate::event::edge::{Arrivals, Kind, Method};
use crate::event::{Entry, Personal, Record, Source};

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
