use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::*;
use crate::event::Timestamp;

/// A day of a small fleet, with everything that a scenario can hold.
const SMALL: &str = r"
format: sso-scenario/v1
name: small
title: a bit of everything
kind: synthetic
seed: 7
fleet_seed: 4
start: 2025-06-03T00:00:00Z
warmup: 6h
duration: 18h
fleet: {connections: 20, attempts_per_day: 4000}
faults:
  - {id: broken, at: +9h, jitter: 2h, duration: 2h, select: {rank: 2}, effect: {hard_fail: 1.0, code: saml_certificate_expired}}
  - {id: hangs, at: 2025-06-03T15:00:00Z, duration: 1h, select: {idp: okta}, effect: {timeout: 1.0}}
  - {id: silent, at: +17h, duration: 1h, select: {rank: [1, 3]}, effect: {drop_start: 1.0}}
  - {id: endless, at: +19h, duration: 1h, select: {region: us}, effect: {drop_terminal: 1.0}}
  - {id: some, at: +12h, duration: 2h, select: {rank: 4}, per: user, effect: {hard_fail: 0.5}}
nuisance:
  - {kind: retry_storm, at: +8h, rank: 5, attempts: 30, over: 10m, users: 2}
  - {kind: onboarding, at: +9h, rank: 20, attempts: 10, over: 3h, users: 2}
maintenance:
  - {select: {rank: 2}, at: +9h, duration: 1h}
edge:
  streams: [{name: api_5xx, rate_per_min: 600, p0: 0.001}]
  faults: [{stream: api_5xx, at: +9h, duration: 1h, add: 0.2}]
expect: {page: true, scope: connection, rank: 2, target_delay: 10m}
";

fn simulation(seed: Option<u64>) -> Simulation {
    Simulation::new(library::tests::read(SMALL), seed)
}

fn lines(simulation: &Simulation) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut simulation.recording(), &Wire::new(simulation), &mut bytes).unwrap();
    bytes
}

fn events(simulation: &Simulation) -> Vec<Value> {
    let lines = lines(simulation);
    lines
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect()
}

fn truth(simulation: &Simulation) -> Value {
    let mut recording = simulation.recording();
    recording.by_ref().for_each(drop);
    simulation.truth(&Wire::new(simulation), recording.tally())
}

fn at(text: &Value) -> Timestamp {
    Timestamp::parse(text.as_str().unwrap()).unwrap()
}

/// Sign-ins of a connection that start between two moments: their number by the name of the event that ended them.
fn ends(
    events: &[Value],
    connection: &Value,
    from: Timestamp,
    to: Timestamp,
) -> BTreeMap<String, u64> {
    let mut ends: BTreeMap<String, String> = BTreeMap::new();
    for event in events {
        let sso = &event["data"]["sso"];
        let session = sso["session_id"].as_str().unwrap_or_default().to_owned();
        let name = event["event"].as_str().unwrap();
        let created = at(&event["created_at"]);
        let starts = name.ends_with("sso_started") && created >= from && created < to;
        if starts && sso["connection_id"] == *connection {
            ends.insert(session, "none".into());
        } else if let Some(end) = ends.get_mut(&session) {
            *end = format!(
                "{} {}",
                name.trim_start_matches("authentication.sso_"),
                event["data"]["error"]["code"].as_str().unwrap_or_default()
            );
        }
    }
    let mut counts = BTreeMap::new();
    for end in ends.into_values() {
        *counts.entry(end.trim().to_owned()).or_insert(0) += 1;
    }
    counts
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_does_not() {
    let once = lines(&simulation(None));
    assert_eq!(once, lines(&simulation(Some(7))), "the scenario's own seed is 7");
    assert_ne!(once, lines(&simulation(Some(8))));
}

#[test]
fn the_fleet_stays_the_same_under_another_seed() {
    let ids = |seed| {
        let simulation = simulation(seed);
        let wire = Wire::new(&simulation);
        let ids = wire.customers().iter().map(|customer| customer.connection_id.clone());
        ids.collect::<BTreeSet<_>>()
    };
    assert_eq!(ids(None), ids(Some(99)));
}

#[test]
fn the_first_lines_are_what_they_were() {
    let simulation = Simulation::new(library::tests::built_in("demo-certificate"), None);
    let wire = Wire::new(&simulation);
    let mut text = String::new();
    for happening in simulation.recording().take(40) {
        text.push_str(std::str::from_utf8(&wire.bytes(&happening)).unwrap());
        text.push('\n');
    }
    insta::assert_snapshot!(text);
}

#[test]
fn the_truth_of_a_scenario_is_what_it_was() {
    let simulation = Simulation::new(library::tests::built_in("demo-certificate"), None);
    insta::assert_snapshot!(serde_json::to_string_pretty(&truth(&simulation)).unwrap());
}

#[test]
fn the_truth_counts_what_is_recorded() {
    let simulation = simulation(None);
    let (truth, events) = (truth(&simulation), events(&simulation));
    let count = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    let counts = &truth["counts"];
    assert_eq!(counts["events"], events.len());
    assert_eq!(counts["connections"], count("connection.activated"));
    for step in ["started", "succeeded", "failed", "timed_out"] {
        assert_eq!(counts[step], count(&format!("authentication.sso_{step}")), "{step}");
    }
    let sorted =
        events.windows(2).all(|pair| at(&pair[0]["created_at"]) <= at(&pair[1]["created_at"]));
    assert!(sorted, "events are in order of their time");
}

#[test]
fn a_recording_ends_with_the_scenario_not_with_the_last_time_out() {
    let simulation = simulation(None);
    let end = simulation.at(86_400.0);
    let events = events(&simulation);
    assert!(events.iter().all(|event| at(&event["created_at"]) < end));
    assert!(at(&events[events.len() - 1]["created_at"]) > end.plus_millis(-300_000));
}

#[test]
fn each_fault_does_what_its_truth_says() {
    let simulation = simulation(None);
    let (truth, events) = (truth(&simulation), events(&simulation));
    let fault = |index: usize| {
        let fault = &truth["faults"][index];
        let (onset, end) = (at(&fault["onset"]), at(&fault["end"]));
        let connections = fault["connections"].as_array().unwrap().clone();
        assert!(fault["attempts_changed"].as_u64().unwrap() > 0, "{fault}");
        assert!(at(&fault["first_attempt_changed_at"]) >= onset);
        (connections, onset, end)
    };
    let only = |index: usize, want: &str| {
        let (connections, onset, end) = fault(index);
        let mut attempts = 0;
        for connection in &connections {
            for (outcome, count) in ends(&events, connection, onset, end) {
                assert_eq!(outcome, want, "{connection}");
                attempts += count;
            }
        }
        (connections, attempts)
    };
    let (connections, attempts) = only(0, "failed saml_certificate_expired");
    assert!(connections.len() == 1 && attempts > 20);
    // The first fault also begins late, by its jitter.
    let late = at(&truth["faults"][0]["onset"]).millis_since(simulation.at(9.0 * 3600.0));
    assert!(late > 0 && late < 2 * 3_600_000, "{late}");
    assert!(only(1, "timed_out session_timed_out").1 > 0);
    assert_eq!(only(2, "").1, 0, "nothing starts");
    assert!(only(3, "none").1 > 0);
}

#[test]
fn a_fault_by_user_hits_the_same_people_each_time() {
    let simulation = simulation(None);
    let (truth, events) = (truth(&simulation), events(&simulation));
    let fault = &truth["faults"][4];
    let connection = &fault["connections"][0];
    let mut people: BTreeMap<&str, BTreeSet<bool>> = BTreeMap::new();
    for event in &events {
        let (data, created) = (&event["data"], at(&event["created_at"]));
        // Sign-ins that end well inside also start inside.
        let inside =
            created >= at(&fault["onset"]).plus_millis(300_000) && created < at(&fault["end"]);
        if let Some(email) = data["email"].as_str()
            && data["sso"]["connection_id"] == *connection
            && inside
        {
            people.entry(email).or_default().insert(data["error"]["code"] == "idp_error");
        }
    }
    let (hit, spared): (Vec<_>, Vec<_>) = people.values().partition(|hit| hit.contains(&true));
    assert!(hit.len() > 5 && spared.len() > 5);
    let mixed = hit.iter().filter(|hit| hit.contains(&false)).count();
    assert_eq!(mixed, 0, "who is hit never gets through");
}

#[test]
fn a_connection_that_is_being_set_up_has_only_its_own_attempts_until_it_goes_live() {
    let simulation = simulation(None);
    let events = events(&simulation);
    let wire = Wire::new(&simulation);
    let id = Value::from(wire.customers()[19].connection_id.as_str());
    let live = simulation.at(12.0 * 3600.0);
    let activated = events.iter().find(|event| event["data"]["id"] == id).unwrap();
    assert_eq!(at(&activated["created_at"]), live);
    let before = ends(&events, &id, simulation.start, live);
    assert_eq!(before.values().sum::<u64>(), 10);
    assert_eq!(before["failed connection_strategy_invalid"], 8);
    assert!(ends(&events, &id, live, simulation.at(86_400.0)).values().sum::<u64>() > 0);
}

#[test]
fn an_endless_recording_begins_like_one_with_an_end() {
    let simulation = simulation(None);
    let two_hours = simulation.at(7200.0);
    let mut endless = simulation.endless(0);
    let mut recording = simulation.recording();
    let mut count = 0;
    while let Some(happening) = recording.next_before(two_hours) {
        let other = endless.next_before(two_hours).unwrap();
        assert_eq!(
            (happening.at, std::mem::discriminant(&happening.step)),
            (other.at, std::mem::discriminant(&other.step))
        );
        count += 1;
    }
    assert!(count > 20 && endless.next_before(two_hours).is_none());
    let week = simulation.at(8.0 * 86_400.0);
    let mut late = simulation.endless(8 * 1440);
    assert!(late.next_before(week).is_none());
    assert_eq!(late.next().map(|happening| happening.at), Some(week));
}

#[test]
fn compressed_files_hold_the_same_lines() {
    let dir = tempfile::tempdir().unwrap();
    let simulation = simulation(None);
    let plain = lines(&simulation);
    for name in ["events.ndjson", "events.ndjson.gz", "events.ndjson.zst"] {
        let path = dir.path().join(name);
        let out = create(&path).unwrap();
        write(&mut simulation.recording(), &Wire::new(&simulation), out).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let read = match path.extension().unwrap().to_str() {
            Some("gz") => {
                io::read_to_string(flate2::read::MultiGzDecoder::new(&*bytes)).unwrap().into_bytes()
            }
            Some("zst") => zstd::decode_all(&*bytes).unwrap(),
            _ => bytes,
        };
        assert!(read == plain, "{name}");
    }
}
