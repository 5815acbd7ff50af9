use std::sync::Arc;

use serde_json::json;

use super::super::series::ENVELOPE;
use super::super::series::tests::{info, style};
use super::*;
use crate::event::{ConnectionId, ConnectionInfo, Source, Timestamp};
use crate::signal::{
    Certificate, Course, Evidence, Incident, ProviderView, Scope, Severity, SourceView,
};
use crate::sink::batch::tests::text;

const AT: i64 = 1_760_000_000;

fn connection(id: &str, failed: u64) -> Arc<ConnectionView> {
    let counts = Counts { succeeded: 3, failed, ..Counts::default() };
    let at = Timestamp::from_millis;
    let certificate =
        Certificate { expires_at: at(1_770_000_000_000), known_at: at(1_759_000_000_000) };
    Arc::new(ConnectionView {
        id: Some(ConnectionId::new(id)),
        info: Some(Arc::new(info(id))),
        certificates: [("ResponseSigning".into(), certificate)].into(),
        scope: ScopeView {
            in_progress: 2,
            windows: [Counts::default(), counts],
            ..ScopeView::default()
        },
        causes: Vec::new(),
        failers: Box::default(),
        last_event_at: None,
    })
}

fn incident(state: State) -> Arc<Incident> {
    Arc::new(Incident {
        id: "f-1".into(),
        fingerprint: "f".into(),
        alertname: "SsoConnectionFailing".into(),
        severity: Severity::Page,
        scope: Scope::Fleet,
        labels: BTreeMap::new(),
        state,
        started_at: Timestamp::default(),
        fired_at: None,
        resolved_at: None,
        summary: String::new(),
        description: String::new(),
        evidence: Evidence::default(),
        course: Course::default(),
        parts: Vec::new(),
        part_of: None,
    })
}

fn snapshot() -> Snapshot {
    let hour = Counts { succeeded: 7, failed: 1, timed_out: 2, ..Counts::default() };
    let scope =
        ScopeView { in_progress: 4, windows: [Counts::default(), hour], ..ScopeView::default() };
    Snapshot {
        now: Timestamp::from_millis(AT * 1000),
        fleet: scope.clone(),
        providers: vec![ProviderView { connection_type: "OktaSAML".into(), scope }],
        connections: vec![connection("conn_1", 1), connection("conn_2", 0)],
        sources: vec![SourceView {
            source: Source::Push,
            received: 10,
            duplicates: 0,
            late: 0,
            missing: 0,
            rejected: Vec::new(),
            last_event_at: Some(Timestamp::from_millis(AT * 1000 - 1_500)),
            lag_millis: Some(250),
        }],
        incidents: vec![incident(State::Firing), incident(State::Resolved)],
        ..Snapshot::default()
    }
}

fn own() -> Vec<Sample> {
    let sample = |metric, values: &[&str], value| Sample {
        metric,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        value,
    };
    vec![
        sample(catalog::SINK_BACKLOG, &["datadog_metrics"], 31.0),
        sample(catalog::SINK_REQUESTS, &["datadog_metrics", "accepted"], 12.0),
    ]
}

/// The body, decompressed, a series a line.
fn body(snapshot: &Snapshot, keys: &serde_json::Value) -> String {
    let batches = ENVELOPE.pack(gauges(snapshot, &own(), AT, 60, &style(keys)));
    text(&batches[0].body).replace("},{\"metric", "},\n{\"metric")
}

#[test]
fn gauges_are_sent_as_agreed() {
    let keys = json!({"tags": ["env:prod"], "connection_gauges": false});
    insta::assert_snapshot!("gauges", body(&snapshot(), &keys));
}

#[test]
fn gauges_of_connections_are_sent_as_agreed_where_they_are_wanted() {
    let keys = json!({"connection_gauges": true});
    insta::assert_snapshot!("gauges_of_connections", body(&snapshot(), &keys));
}

#[test]
fn connections_that_share_their_tags_have_one_ratio_of_their_sums() {
    let keys = json!({"connection_gauges": true, "connection_tags": ["organization_id"]});
    let body = body(&snapshot(), &keys);
    let ratio = body.lines().find(|line| line.contains("\"sso.failure_ratio\"")).unwrap();
    assert!(ratio.contains("\"value\":0.14285714285714285"), "1 of 7: {ratio}");
    assert_eq!(body.matches("\"sso.sessions_in_progress\"").count(), 1);
    assert_eq!(body.matches("certificate_expiry").count(), 1);
}

#[test]
fn what_is_over_has_no_gauge_that_stays() {
    let keys = json!({"connection_gauges": true});
    let has = |snapshot: &Snapshot, what: &str| body(snapshot, &keys).contains(what);
    let mut later = snapshot();
    let delivered = later.sources[0].delivered_at();
    later.now = delivered.plus_millis(QUIET_MILLIS - 1);
    assert!(has(&later, "source_lag_seconds") && has(&later, "certificate_expiry"));
    later.now = delivered.plus_millis(QUIET_MILLIS);
    assert!(!has(&later, "source_lag_seconds") && has(&later, "source_last_event"));
    for connection in &mut later.connections {
        let connection = Arc::make_mut(connection);
        let info = ConnectionInfo { state: Some("deleted".into()), ..info("conn_gone") };
        connection.info = Some(Arc::new(info));
    }
    assert!(!has(&later, "certificate_expiry"));
}

#[test]
fn counters_are_told_as_what_happened_since_the_last_telling() {
    let mut told = Told::default();
    assert_eq!(told.news(&own()), own());
    told.note(own());
    assert_eq!(told.news(&own()), own()[..1], "a gauge always, a counter that stood still never");
    let mut later = own();
    later[1].value = 15.0;
    let news = vec![own()[0].clone(), Sample { value: 3.0, ..own()[1].clone() }];
    assert_eq!(told.news(&later), news);
    assert_eq!(told.news(&later), news, "until it is noted");
}
