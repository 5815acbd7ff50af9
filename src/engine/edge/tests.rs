mod clients;
mod flapping;
mod gross;
mod late;
mod proxy;
mod together;
mod worse;

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
    let settings = Settings::default().with_tiers(["t5", "web"]);
    for n in 0..100 {
        edge.take(&tally(n, &format!("t{n}"), 1), at(n + 1), &settings);
    }
    // Who is named in the configuration has a place, however late it comes.
    edge.take(&tally(100, "web", 7), at(101), &settings);
    let views = edge.tier_views(at(101));
    assert_eq!(views.len(), TIERS_MAX + 3);
    let requests = |tier: &str| {
        let view = views.iter().find(|view| &*view.tier == tier);
        view.unwrap().requests[0].1
    };
    assert_eq!(requests(OTHER_TIER), 99 - TIERS_MAX as u64);
    assert_eq!((requests("t5"), requests("web")), (1, 7));
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
