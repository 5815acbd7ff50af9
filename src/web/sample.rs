//! A snapshot with something of everything, for the tests of this module.

#[cfg(test)]
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::edge::{DURATION_BOUNDS_MICROS, Kind, Method, URI_BOUNDS_BYTES};
use crate::event::{
    ConnectionId, ConnectionInfo, Covers, Marker, Novel, OrganizationId, Personal, Planned, Reason,
    Silence, Source, Timestamp,
};
use crate::signal::{
    Buckets, Certificate, ConnectionView, Counts, Course, Durations, Evidence, Happened, Incident,
    KeyView, LimitView, Minute, Reach, Scope, ScopeView, Severity, Snapshot, SourceView, State,
    Step, Stretch, Talker, TierCounts, TierView, TierWindow,
};

const NOW: Timestamp = Timestamp::from_millis(1_760_112_341_250);

/// Two minutes of the hour before [`NOW`].
fn minutes() -> Arc<[Minute]> {
    let minute = |start_seconds, ended, failed, timed_out| Minute {
        start_seconds,
        ended,
        failed,
        timed_out,
    };
    [minute(1_760_110_200, 8, 0, 0), minute(1_760_112_300, 4, 2, 1)].into()
}

pub(super) fn connection(id: Option<&str>, failed: u64) -> ConnectionView {
    let totals = Counts { started: 9, succeeded: 6, failed, timed_out: 1, stalled: 2 };
    let info = id.map(|id| {
        Arc::new(ConnectionInfo {
            id: ConnectionId::new(id),
            organization_id: Some(OrganizationId::new("org_1")),
            organization_name: Some("Acme \"North\"\\\n<b>".into()),
            connection_type: Some("OktaSAML".into()),
            name: None,
            state: Some("active".into()),
        })
    });
    let expiry = Certificate { expires_at: NOW.plus_millis(86_400_000), known_at: NOW };
    ConnectionView {
        id: id.map(ConnectionId::new),
        info,
        certificates: [("ResponseSigning".into(), expiry)].into(),
        // Nothing finished in the short window: its ratios are absent.
        scope: ScopeView {
            totals,
            in_progress: 1,
            windows: [Counts::default(), totals],
            minutes: minutes(),
        },
        causes: vec![("certificate".into(), failed.saturating_sub(1)), ("unknown".into(), 1)],
        failers: Box::default(),
        last_event_at: Some(NOW),
    }
}

pub(super) fn incident(state: State) -> Incident {
    Incident {
        id: format!("0123456789abcdef-{}", state.as_str()).into(),
        fingerprint: "0123456789abcdef".into(),
        alertname: "SsoConnectionFailing".into(),
        severity: Severity::Page,
        scope: Scope::Connection(Some(ConnectionId::new("conn_1"))),
        labels: [("alertname".into(), "SsoConnectionFailing".into())].into(),
        state,
        started_at: NOW.plus_millis(-60_000),
        fired_at: (state != State::Pending).then_some(NOW),
        resolved_at: (state == State::Resolved).then_some(NOW),
        summary: "38 of 61 sign-ins of <Acme> failed".into(),
        description: "2 % is usual here.".into(),
        evidence: Evidence {
            attempts: 61,
            bad: 38,
            users: Some(22),
            value: Some(0.62),
            usual: Some(0.02),
            causes: vec![("certificate".into(), 36), ("<other>".into(), 2)],
            connections: vec![("conn_1".into(), 30), ("conn_|3".into(), 8)],
            ..Evidence::default()
        },
        course: Course {
            ended_at: (state == State::Resolved).then_some(NOW.plus_millis(-30_000)),
            peak: Some(Stretch {
                from: NOW.plus_millis(-60_000),
                until: NOW,
                attempts: 40,
                bad: 28,
            }),
            reach: Reach { connections: 2, organizations: 1 },
            people: 22,
            steps: steps(state),
        },
        parts: Vec::new(),
        part_of: None,
    }
}

fn steps(state: State) -> Vec<Step> {
    let mut course = Course::default();
    if state != State::Pending {
        course.add(NOW.plus_millis(-20_000), Happened::Known(Severity::Ticket));
        course.add(NOW.plus_millis(-15_000), Happened::ToldOpen("slack".into()));
        course.add(NOW.plus_millis(-12_000), Happened::Became(Severity::Page));
        course.add(NOW.plus_millis(-10_000), Happened::Grew("SsoFleetFailing".into()));
    }
    if state == State::Resolved {
        course.add(NOW, Happened::Resolved);
        course.add(NOW, Happened::ToldOver("slack".into()));
    }
    course.steps
}

/// Covers the incident that is not about a connection of a customer's.
fn silence() -> Silence {
    Silence {
        id: "0000000000000001".into(),
        matchers: [("team".into(), "sso <east>".into())].into(),
        author: "Ada".into(),
        reason: "the provider <knows>".into(),
        from: NOW.plus_millis(-60_000),
        until: NOW.plus_millis(3_600_000),
    }
}

fn marker() -> Marker {
    let from = NOW.plus_millis(-300_000);
    let work = Planned {
        id: "0000000000000002".into(),
        from,
        until: from,
        covers: Covers::All,
        note: "deploy <4711>".into(),
    };
    Marker { work, author: "Ben".into(), expected: false }
}

pub(crate) fn snapshot() -> Snapshot {
    let mut durations = Durations::default();
    durations.observe(14_000);
    durations.observe(15_000);
    durations.observe(700_000);
    let totals = Counts { started: 36, succeeded: 24, failed: 10, timed_out: 4, stalled: 8 };
    let source = SourceView {
        source: Source::Push,
        received: 70,
        duplicates: 3,
        late: 1,
        missing: 0,
        rejected: vec![(Reason::NotJson, 2)],
        last_event_at: Some(NOW),
        lag_millis: Some(1_500),
    };
    let silent = SourceView {
        source: Source::WorkosWebhook,
        received: 0,
        duplicates: 0,
        late: 0,
        missing: 2,
        rejected: Vec::new(),
        last_event_at: None,
        lag_millis: None,
    };
    let each = [(Some("conn_1"), 2), (None, 1), (Some("conn_3"), 3), (Some("conn_4"), 4)];
    let states = [State::Resolved, State::Pending, State::Firing];
    Snapshot {
        crowd: None,
        now: NOW,
        silences: vec![Arc::new(silence())],
        markers: vec![Arc::new(marker())],
        position: 80,
        fleet: ScopeView {
            totals,
            in_progress: 4,
            windows: [Counts::default(), totals],
            minutes: minutes(),
        },
        providers: Vec::new(),
        connections: each.map(|(id, failed)| Arc::new(connection(id, failed))).to_vec(),
        durations: vec![("OktaSAML".into(), durations), ("unknown".into(), Durations::default())],
        novel: vec![(Novel::Field, 3)],
        event_types: vec![
            ("authentication.sso_started".into(), 36),
            ("authentication.sso_succeeded".into(), 24),
        ],
        sources: vec![source, silent],
        windows: Vec::new(),
        closed_until_seconds: 0,
        incidents: states.map(|state| Arc::new(incident(state))).to_vec(),
        tiers: vec![Arc::new(tier())],
        limits: vec![limit()],
    }
}

fn tier() -> TierView {
    let kind =
        |code, internal| Kind { route: "/api/:id".into(), method: Method::Get, code, internal };
    let none = Kind { route: "none".into(), method: Method::None, code: 0, internal: false };
    let buckets = |places: usize, sum| {
        let mut counts = vec![0; places + 1];
        counts[3] = 9;
        counts[places] = 1;
        Buckets { counts, sum }
    };
    let talker = Talker {
        name: Personal::shown("h:0123").expect("it is not empty"),
        internal: true,
        requests: 8,
        over: 0,
    };
    let counts = TierCounts { requests: 10, internal: 8, limited: 2, ..TierCounts::default() };
    let hour = TierWindow { counts, limited_clients: 1, blocked_clients: 0, talkers: vec![talker] };
    TierView {
        tier: "web".into(),
        requests: vec![
            (kind(200, false), 2),
            (kind(200, true), 6),
            (kind(429, true), 2),
            (none, 1),
        ],
        durations: buckets(DURATION_BOUNDS_MICROS.len(), 61_004_500),
        uri_bytes: buckets(URI_BOUNDS_BYTES.len(), 20_000),
        windows: [TierWindow::default(), hour],
        minutes: Vec::new(),
        last_at: Some(NOW),
    }
}

fn limit() -> LimitView {
    let key = KeyView {
        key: Personal::shown("h:0123").expect("it is not empty"),
        utilization: 0.5,
        peak: 1.25,
        requests: 100,
        refused: 7,
        first_refused_at: Some(NOW.plus_millis(-30_000)),
        last_refused_at: Some(NOW),
    };
    LimitView {
        limit: "per_client".into(),
        quota: "10/s, burst 5".into(),
        utilization: Some(1.25),
        requests: 100,
        unnamed: 0,
        exceeded: 7,
        refused_keys: 1,
        first_refused_at: Some(NOW.plus_millis(-30_000)),
        keys: vec![key],
    }
}

/// The value of each label of a line of the exposition, unescaped.
#[cfg(test)]
pub(crate) fn labels(line: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let Some((_, mut rest)) = line.split_once('{') else { return labels };
    while let Some((name, after)) = rest.split_once("=\"") {
        let (mut value, mut chars) = (String::new(), after.char_indices());
        let end = loop {
            match chars.next() {
                Some((_, '\\')) => match chars.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, escaped)) => value.push(escaped),
                    None => panic!("cut in an escape: {line}"),
                },
                Some((at, '"')) => break at,
                Some((_, c)) => value.push(c),
                None => panic!("no end of a label: {line}"),
            }
        };
        labels.insert(name.trim_start_matches(',').to_owned(), value);
        rest = &after[end + 1..];
    }
    labels
}
