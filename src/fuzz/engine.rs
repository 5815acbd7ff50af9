//! The engine: events and times in every order, against what must always hold.

use std::collections::BTreeMap;

use super::choices::Choices;
use crate::engine::rule::Rule;
use crate::engine::{Config, Engine};
use crate::event::edge::{EdgeTally, Kind, Method};
use crate::event::{
    AuthError, AuthEvent, Body, CertificateNotice, ConnectionId, ConnectionInfo, Covers, Entry,
    EventId, Marker, Person, Planned, Reason, Record, SessionId, Silence, Source, Sso, Step,
    Timestamp, UserKey,
};
use crate::signal::{Counts, Snapshot};

/// 2025-10-09T08:53:20Z.
const START_MILLIS: i64 = 1_760_000_000_000;

/// Entries of one input at most: enough for an incident, few enough for a thousand inputs a second.
const ENTRIES_MAX: usize = 400;

/// Steps of time between two entries, in milliseconds. The clock may go back. The last is for time alone: longer than ids are
/// remembered.
const STEPS: [i64; 10] =
    [0, 1, 250, 1_000, 7_000, 60_000, 360_000, 3_600_000, -5_000, 5 * 86_400_000];

/// Sign-ins that are told apart, of those that have an id.
const SESSIONS: u64 = 256;

/// Where the time of an event lies from that of its entry.
const OFFSETS: [i64; 9] = [
    0,
    -500,
    -20_000,
    -300_000,
    -3_600_000,
    599_000,
    -86_400_000 * 40,
    -1_760_000_000_000,
    -62_000_000_000_000,
];

/// What an input has told so far.
#[derive(Default)]
pub(super) struct Story {
    millis: i64,
    /// Ids of events that were counted.
    next_id: u32,
}

/// Totals never shrink, connections add up to the fleet, an event counts once, time never goes back, and whoever goes on from a
/// saved state comes to the same.
pub(super) fn engine(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let config = config();
    let (mut engine, mut story) = (Engine::new(config.clone()), Story::default());
    let mut resumed = engine.clone();
    let mut before = Snapshot::default();
    let mut entries = 0;
    while !choices.is_done() && entries < ENTRIES_MAX {
        entries += 1;
        match choices.below(16) {
            0 => {
                story.millis += choices.one(&STEPS);
                let now = Timestamp::from_millis(START_MILLIS + story.millis);
                engine.advance(now);
                resumed.advance(now);
            }
            1 => {
                let saved = resumed.save();
                resumed = Engine::load(config.clone(), &saved).expect("it was saved so");
                assert!(resumed.save() == saved, "what is loaded is what was saved");
            }
            2 => {
                let now = engine.snapshot();
                holds(&before, &now, &story);
                before = now;
                engine.transitions();
                resumed.transitions();
            }
            _ => {
                let entry = entry(&mut story, &mut choices);
                engine.apply(&entry);
                resumed.apply(&entry);
            }
        }
    }
    holds(&before, &engine.snapshot(), &story);
    engine.transitions();
    resumed.transitions();
    // `load` resolves nothing here, as the configuration is the same.
    assert!(engine.save() == resumed.save(), "who goes on from a saved state comes to the same");
}

/// Rules of two scopes, and a sink.
pub(super) fn config() -> Config {
    let rules: Vec<Rule> = serde_json::from_str(
        r#"[{"name":"Failing","metric":"failure_ratio","op":">=","value":0.3,"window":"5m","min_attempts":5},
            {"name":"Fleet","metric":"failures","op":">","value":9,"window":"1h","scope":"fleet"}]"#,
    )
    .expect("the rules are as documented");
    let window_sinks = vec!["datadog_metrics".into()];
    Config { rules, window_sinks, sinks: vec!["datadog_metrics".into()], ..Config::default() }
}

/// The next entry of a story.
pub(super) fn entry(story: &mut Story, choices: &mut Choices) -> Entry {
    story.millis += choices.one(&STEPS[..9]);
    let received_at = Timestamp::from_millis(START_MILLIS + story.millis);
    let record = match choices.below(20) {
        0 => Record::Directory(vec![info(choices)]),
        1 => Record::Refused {
            source: choices.one(&Source::ALL),
            duplicates: choices.byte().into(),
            rejected: vec![(choices.one(&Reason::ALL), choices.byte().into())],
        },
        2 => Record::Cursor { key: "files:1".into(), value: choices.byte().to_string().into() },
        3 => Record::Resumed,
        4 => Record::CaughtUp { source: choices.one(&Source::ALL), at: received_at },
        5 => Record::Edge(tally(received_at, choices)),
        6 => Record::Silenced(silence(received_at, choices)),
        7 => Record::Marked(marker(received_at, choices)),
        8 => Record::SinkHealth {
            sink: "datadog_metrics".into(),
            trouble: (choices.below(2) == 1).then(|| "refused".into()),
        },
        9 => Record::Sent {
            sink: "datadog_metrics".into(),
            // A sink takes no window before it is closed.
            mark: u64::try_from(received_at.seconds() - 120 - i64::from(choices.byte()))
                .unwrap_or(0),
        },
        10 => Record::Planned(planned(received_at, choices)),
        _ => Record::Event {
            source: choices.one(&Source::ALL),
            event: event(story, received_at, choices),
        },
    };
    Entry { received_at, record }
}

fn event(story: &mut Story, received_at: Timestamp, choices: &mut Choices) -> AuthEvent {
    // One of eight has been counted before.
    if choices.below(8) > 0 || story.next_id == 0 {
        story.next_id += 1;
    }
    let at = received_at.plus_millis(choices.one(&OFFSETS));
    let body = match choices.below(12) {
        0 => Body::Certificate(CertificateNotice {
            connection_id: connection(choices).unwrap_or_else(|| ConnectionId::new("conn_0")),
            organization_id: None,
            certificate_type: choices.one(&["ResponseSigning", "RequestSigning"]).into(),
            expires_at: received_at.plus_millis(choices.one(&[
                -1,
                86_400_000,
                86_400_000 * 20,
                86_400_000 * 400,
                200_000_000_000_000,
            ])),
        }),
        1 => Body::Connection(info(choices)),
        2 => Body::Other,
        _ => Body::Sso(sso(choices)),
    };
    let name =
        choices.one(&["authentication.sso_failed", "authentication.sso_started", "new.kind"]);
    AuthEvent {
        id: EventId::new(&format!("event_{}", story.next_id)),
        at,
        name: name.into(),
        body,
        novel: Vec::new(),
    }
}

fn sso(choices: &mut Choices) -> Sso {
    let steps = [Step::Started, Step::Succeeded, Step::Failed, Step::TimedOut];
    let step = choices.one(&steps);
    let codes = ["saml_certificate_expired", "access_denied", "new_code", ""];
    let error = matches!(step, Step::Failed | Step::TimedOut)
        .then(|| AuthError { code: choices.one(&codes).into(), message: "".into() });
    let session = choices.byte();
    let user = choices.byte();
    Sso {
        step,
        connection_id: connection(choices),
        organization_id: None,
        session_id: (session > 8).then(|| SessionId::new(&format!("session_{session}"))),
        error,
        person: Person { key: (user > 8).then_some(UserKey(user.into())), ..Person::default() },
        test: choices.below(32) == 31,
    }
}

fn connection(choices: &mut Choices) -> Option<ConnectionId> {
    let which = choices.below(6);
    (which > 0).then(|| ConnectionId::new(&format!("conn_{which}")))
}

fn info(choices: &mut Choices) -> ConnectionInfo {
    ConnectionInfo {
        id: connection(choices).unwrap_or_else(|| ConnectionId::new("conn_9")),
        organization_id: None,
        organization_name: (choices.below(2) == 1).then(|| "Acme".into()),
        connection_type: Some(choices.one(&["OktaSAML", "EntraIDSAML", "GoogleSAML"]).into()),
        name: None,
        state: Some(choices.one(&["active", "inactive", "deleted", "draft"]).into()),
    }
}

fn tally(at: Timestamp, choices: &mut Choices) -> EdgeTally {
    let kind = Kind {
        route: choices.one(&["/login", "other"]).into(),
        method: Method::of("GET"),
        code: choices.one(&[200, 429, 403, 414, 500, 0]),
        internal: choices.below(4) == 3,
    };
    EdgeTally {
        second: at.seconds() + choices.one(&[0, -1, -3, -4_000, 5]),
        tier: choices.one(&["web", "api"]).into(),
        cells: vec![(kind, u64::from(choices.byte()) + 1)],
        ..EdgeTally::default()
    }
}

fn silence(now: Timestamp, choices: &mut Choices) -> Silence {
    let label = ("alertname".into(), choices.one(&["Failing", "SsoConnectionFailing"]).into());
    Silence {
        id: choices.below(8).to_string().into(),
        matchers: BTreeMap::from([label]),
        author: "a".into(),
        reason: "r".into(),
        from: now,
        until: now.plus_millis(choices.one(&[-1, 60_000, 86_400_000])),
    }
}

fn planned(now: Timestamp, choices: &mut Choices) -> Planned {
    let covers = match choices.below(4) {
        0 => Covers::All,
        1 => Covers::ConnectionType("OktaSAML".into()),
        2 => Covers::Tier("web".into()),
        _ => Covers::Connections(connection(choices).into_iter().collect()),
    };
    let from = now.plus_millis(choices.one(&[0, -60_000, 60_000]));
    let until = from.plus_millis(choices.one(&[0, 600_000, 86_400_000]));
    Planned { id: choices.below(8).to_string().into(), from, until, covers, note: "n".into() }
}

fn marker(now: Timestamp, choices: &mut Choices) -> Marker {
    Marker { work: planned(now, choices), author: "a".into(), expected: choices.below(2) == 1 }
}

/// What must hold of `now`, which came after `before` and to which `story` led.
fn holds(before: &Snapshot, now: &Snapshot, story: &Story) {
    assert!(now.now >= before.now, "time goes on");
    let mut sum = Counts::default();
    for view in &now.connections {
        add(&mut sum, &view.scope.totals);
    }
    assert_eq!(sum, now.fleet.totals, "connections add up to the fleet");
    let in_progress: u64 = now.connections.iter().map(|view| view.scope.in_progress).sum();
    assert_eq!(in_progress, now.fleet.in_progress);
    assert!(grown(&before.fleet.totals, &now.fleet.totals), "{:?}", now.fleet.totals);
    for (old, new) in before.connections.iter().zip(&now.connections) {
        assert_eq!(old.id, new.id, "connections keep their place");
        assert!(grown(&old.scope.totals, &new.scope.totals), "{new:?}");
        for window in &new.scope.windows {
            assert!(grown(window, &new.scope.totals), "a window holds no more than all time");
        }
    }
    for (name, count) in &before.event_types {
        let new = now.event_types.iter().find(|(other, _)| other == name);
        assert!(new.is_some_and(|(_, new)| new >= count), "{name}");
    }
    for ((kind, old), (_, new)) in before.novel.iter().zip(&now.novel) {
        assert!(new >= old, "{kind:?}");
    }
    for (kind, old) in &before.durations {
        let new = now.durations.iter().find(|(other, _)| other == kind);
        assert!(new.is_some_and(|(_, new)| new.count() >= old.count()), "{kind}");
    }
    let received: u64 = now.sources.iter().map(|source| source.received).sum();
    let counted: u64 = now.event_types.iter().map(|(_, count)| count).sum();
    assert!(counted <= received, "{counted} of {received}");
    assert!(
        counted <= story.next_id.into(),
        "{counted} of {}: an event counts once",
        story.next_id
    );
    assert!(now.fleet.in_progress <= SESSIONS, "a session is in progress once");
    for (view, counts) in now.connections.iter().flat_map(|view| [(view, &view.scope.totals)]) {
        let causes: u64 = view.causes.iter().map(|(_, count)| count).sum();
        assert!(causes <= counts.failed + counts.timed_out, "{view:?}");
    }
}

fn add(sum: &mut Counts, counts: &Counts) {
    sum.started += counts.started;
    sum.succeeded += counts.succeeded;
    sum.failed += counts.failed;
    sum.timed_out += counts.timed_out;
    sum.stalled += counts.stalled;
}

/// Whether each count of `new` is at least that of `old`.
fn grown(old: &Counts, new: &Counts) -> bool {
    old.started <= new.started
        && old.succeeded <= new.succeeded
        && old.failed <= new.failed
        && old.timed_out <= new.timed_out
        && old.stalled <= new.stalled
}
