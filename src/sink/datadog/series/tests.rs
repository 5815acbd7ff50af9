use serde_json::{Value, json};

use super::*;
use crate::event::{ConnectionId, OrganizationId, Reason, Source};
use crate::signal::{DurationDelta, WINDOW_SECONDS};
use crate::sink::batch::tests::text;
use crate::sink::datadog::stage::config;

const AT: i64 = 1_760_000_000;

pub(in super::super) fn style(keys: &Value) -> Style {
    config(keys).metrics().unwrap().unwrap().style
}

pub(in super::super) fn info(id: &str) -> ConnectionInfo {
    ConnectionInfo {
        id: ConnectionId::new(id),
        organization_id: Some(OrganizationId::new("org_01ACME")),
        organization_name: Some("Acme & Söhne".into()),
        connection_type: Some("OktaSAML".into()),
        name: Some("Acme Okta".into()),
        state: Some("active".into()),
    }
}

fn connection(id: Option<&str>, counts: Counts, causes: &[(&str, u64)]) -> ConnectionDelta {
    ConnectionDelta {
        id: id.map(ConnectionId::new),
        info: id.map(|id| Arc::new(info(id))),
        counts,
        causes: causes.iter().map(|(cause, count)| ((*cause).into(), *count)).collect(),
    }
}

fn window() -> Arc<ClosedWindow> {
    let counts = Counts { started: 9, succeeded: 5, failed: 3, timed_out: 1, stalled: 2 };
    let unknown = Counts { failed: 1, ..Counts::default() };
    let mut durations = Durations::default();
    for millis in [800, 14_000, 14_500, 700_000] {
        durations.observe(millis);
    }
    Arc::new(ClosedWindow {
        start_seconds: AT,
        connections: vec![
            connection(Some("conn_01A"), counts, &[("certificate", 2), ("denied", 1)]),
            connection(None, unknown, &[("unknown", 1)]),
        ],
        durations: vec![DurationDelta { connection_type: "OktaSAML".into(), durations }],
        event_types: vec![("authentication.sso_failed".into(), 4), ("user.created".into(), 1)],
        sources: vec![SourceDelta {
            source: Source::WorkosWebhook,
            received: 20,
            duplicates: 2,
            late: 1,
            missing: 0,
            rejected: vec![(Reason::NotJson, 3)],
        }],
    })
}

/// The bodies of the requests, decompressed, a series a line.
fn bodies(windows: &[Arc<ClosedWindow>], keys: &Value) -> Vec<String> {
    let items = counts(windows, AT, WINDOW_SECONDS.into(), &style(keys));
    let batches = ENVELOPE.pack(items);
    batches.iter().map(|batch| text(&batch.body).replace("},{\"metric", "},\n{\"metric")).collect()
}

/// Values by name and tags.
fn values(body: &str) -> BTreeMap<String, Number> {
    let body: Value = serde_json::from_str(body).unwrap();
    let series = body["series"].as_array().unwrap().iter();
    let read = series.map(|series| {
        let tags: Vec<_> = series["tags"].as_array().into_iter().flatten().collect();
        let tags: Vec<_> = tags.iter().map(|tag| tag.as_str().unwrap()).collect();
        let name = format!("{} {}", series["metric"].as_str().unwrap(), tags.join(" "));
        (name, series["points"][0]["value"].as_number().unwrap().clone())
    });
    read.collect()
}

#[test]
fn a_window_is_sent_as_agreed() {
    let keys = json!({"tags": ["env:prod", "team:sso"], "host": "ssowatch-eu"});
    insta::assert_snapshot!("counts", bodies(&[window()], &keys)[0]);
}

#[test]
fn names_are_tags_only_where_they_are_wanted() {
    let keys = json!({"connection_tags": ["connection_name", "organization_name"]});
    let body = &bodies(&[window()], &keys)[0];
    assert!(body.contains("connection_name:acme_okta"), "{body}");
    assert!(body.contains("organization_name:acme_söhne"), "{body}");
    assert!(!body.contains("conn_01a") && !body.contains("resources"), "{body}");
}

#[test]
fn connections_that_share_their_tags_are_one_series() {
    let one = Counts { started: 1, ..Counts::default() };
    let mut shared = ClosedWindow::clone(&window());
    shared.connections =
        vec![connection(Some("conn_A"), one, &[]), connection(Some("conn_a"), one, &[])];
    let shared = [Arc::new(shared)];
    let started = |keys: Value| values(&bodies(&shared, &keys)[0]);
    let two = Some(&Number::from(2));
    // Datadog would make one of the two ids, and the second point would overwrite the first.
    let by_id = started(json!({"connection_tags": ["connection_id"]}));
    assert_eq!(by_id.get("sso.sessions_started connection_id:conn_a"), two);
    let by_type = started(json!({"connection_tags": ["connection_type"]}));
    assert_eq!(by_type.get("sso.sessions_started connection_type:oktasaml"), two);
    assert_eq!(started(json!({"connection_tags": []})).get("sso.sessions_started "), two);
}

#[test]
fn several_windows_add_up_to_one_point_for_each_series() {
    let (one, two) = (bodies(&[window()], &json!({})), bodies(&[window(), window()], &json!({})));
    let doubled = |(name, value): (String, Number)| {
        let whole = value.as_u64().map(|value| Number::from(2 * value));
        (name, whole.or(Number::from_f64(2.0 * value.as_f64().unwrap())).unwrap())
    };
    let want: BTreeMap<_, _> = values(&one[0]).into_iter().map(doubled).collect();
    assert_eq!(values(&two[0]), want);
}

#[test]
fn fifty_thousand_series_stay_within_the_limits_and_none_is_lost() {
    let each = Counts { started: 3, succeeded: 2, failed: 1, timed_out: 0, stalled: 0 };
    let many = (0..12_500u64).map(|n| {
        // Like real ids, these do not compress.
        let id = format!("conn_01{:016X}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        connection(Some(&id), each, &[("certificate", 1)])
    });
    let window = ClosedWindow { connections: many.collect(), ..ClosedWindow::default() };
    let keys = json!({"tags": ["env:prod", "team:sso"], "host": "ssowatch-eu"});
    let items = counts(&[Arc::new(window)], AT, 10, &style(&keys));
    assert_eq!(items.len(), 50_000);
    let batches = ENVELOPE.pack(items);
    let mut series = 0;
    for batch in &batches {
        let text = text(&batch.body);
        assert!(batch.body.len() <= 512_000 && text.len() <= 5_242_880);
        assert!(text.starts_with("{\"series\":[{") && text.ends_with("}]}"));
        series += text.matches("\"metric\":").count();
    }
    assert_eq!(series, 50_000);
    assert!(batches.len() <= 5, "{} requests", batches.len());
}
