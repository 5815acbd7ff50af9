//! Silences and markers, by API and by page.

use serde_json::json;

use super::*;
use crate::event::{Covers, Marker, Record, Silence};
use crate::journal::Receipt;

/// A router, and the records that reach the journal. The snapshot stays what it is.
fn listening() -> (axum::Router, tokio::sync::mpsc::UnboundedReceiver<Record>) {
    #[expect(clippy::disallowed_methods, reason = "a test makes few")]
    let (kept, records) = tokio::sync::mpsc::unbounded_channel();
    let (inlet, mut parcels) = journal::inlet(8);
    tokio::spawn(async move {
        while let Some(parcel) = parcels.recv().await {
            for record in parcel.delivery.records {
                kept.send(record).unwrap();
            }
            parcel.reply.send(Ok(Receipt::default())).unwrap();
        }
    });
    (router(admin_with(sample::snapshot(), None, inlet)), records)
}

async fn send(
    router: &axum::Router,
    method: Method,
    path: &str,
    kind: &str,
    body: String,
    origin: &str,
) -> (StatusCode, String) {
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost:9470");
    if !kind.is_empty() {
        request = request.header("content-type", kind);
    }
    if !origin.is_empty() {
        request = request.header("origin", origin);
    }
    let response = router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn post(router: &axum::Router, path: &str, body: &Value) -> (StatusCode, String) {
    send(router, Method::POST, path, "application/json", body.to_string(), "").await
}

fn silenced(record: Option<Record>) -> Silence {
    match record {
        Some(Record::Silenced(silence)) => silence,
        other => panic!("no silence: {other:?}"),
    }
}

fn marked(record: Option<Record>) -> Marker {
    match record {
        Some(Record::Marked(marker)) => marker,
        other => panic!("no marker: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_silence_is_made_and_ended_by_api() {
    let (router, mut records) = listening();
    let wanted = json!({"matchers": {"alertname": "SsoFleetFailing"}, "author": " Ada ",
        "reason": "known\nto the provider", "duration": "90m"});
    let (status, body) = post(&router, "/api/v1/silences", &wanted).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["state"], "active");
    assert_eq!(body["matchers"], json!({"alertname": "SsoFleetFailing"}));
    let silence = silenced(records.recv().await);
    assert_eq!((&*silence.author, &*silence.reason), ("Ada", "known to the provider"));
    assert_eq!(silence.until.millis_since(silence.from), 90 * 60_000);
    let path = "/api/v1/silences/0000000000000001";
    let (status, body) = send(&router, Method::DELETE, path, "", String::new(), "").await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let ended = silenced(records.recv().await);
    assert_eq!(&*ended.id, "0000000000000001");
    assert!(!ended.lasts(ended.until) && ended.until > ended.from);
    let none = send(&router, Method::DELETE, "/api/v1/silences/none", "", String::new(), "").await;
    assert_eq!(none.0, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_a_decision_is_said_and_changes_nothing() {
    let (router, mut records) = listening();
    let silence = |change: Value| {
        let mut wanted = json!({"matchers": {"alertname": "A"}, "author": "Ada", "reason": "known", "duration": "1h"});
        wanted.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        ("/api/v1/silences", wanted)
    };
    let marker = |change: Value| {
        let mut wanted = json!({"note": "deploy", "author": "Ada"});
        wanted.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        ("/api/v1/markers", wanted)
    };
    let many: Value =
        (0..9).map(|n| (format!("l{n}"), json!("v"))).collect::<serde_json::Map<_, _>>().into();
    let cases = [
        (silence(json!({"matchers": {}})), 400, "`matchers`"),
        (silence(json!({"matchers": many})), 400, "`matchers`"),
        (silence(json!({"matchers": {"alertname": ""}})), 400, "`matchers`"),
        (silence(json!({"author": " "})), 400, "`author`"),
        (silence(json!({"reason": "x".repeat(201)})), 400, "`reason`"),
        (silence(json!({"duration": "31d"})), 400, "30 days"),
        (silence(json!({"duration": "soon"})), 400, "`duration`"),
        (silence(json!({"until": "2025-10-10T16:00:00Z"})), 400, "keep one"),
        (silence(json!({"duration": null})), 400, "`until` or `duration`"),
        (
            silence(json!({"duration": null, "until": "2025-10-10T16:00:00Z"})),
            400,
            "the end is in the past; write a later `until`",
        ),
        (silence(json!({"duration": "0s"})), 400, "a `duration` of more than 0s"),
        (
            silence(json!({"until_": "x"})),
            422,
            "`until_` is not known here; possible are `matchers`, ",
        ),
        (silence(json!({"author": 5})), 422, "`author` is a number; write a text, in quotes"),
        (silence(json!({"matchers": "A"})), 422, "`matchers` is a text; write an object, as {"),
        (silence(json!({"matchers": {"tier": ["a"]}})), 422, "`matchers.tier` is a list; write a"),
        (("/api/v1/silences", json!({})), 422, "`matchers` is missing; see docs/api.md"),
        (("/api/v1/silences", json!([])), 422, "the body is no JSON object; see docs/api.md"),
        (("/api/v1/silences", json!("x")), 422, "the body is no JSON object; see docs/api.md"),
        (
            marker(json!({"expects_trouble": "yes"})),
            422,
            "`expects_trouble` is a text; write true or",
        ),
        (marker(json!({"until": "2025-10-10T16:00:00Z"})), 400, "the end is in the past"),
        (
            marker(json!({"from": "2025-10-10T17:00:00Z", "until": "2025-10-10T16:30:00Z"})),
            400,
            "`until` is before `from`",
        ),
        (marker(json!({"note": ""})), 400, "`note`"),
        (marker(json!({"scope": "everything"})), 400, "`scope`"),
        (marker(json!({"scope": "connection:"})), 400, "`scope`"),
        (marker(json!({"from": "noon"})), 400, "`from`"),
        (marker(json!({"from": "2025-01-01T00:00:00Z"})), 400, "`from`"),
        (marker(json!({"duration": "8d"})), 400, "7 days"),
        (marker(json!({"expects_trouble": true})), 400, "has an end"),
    ];
    for ((path, wanted), want, words) in cases {
        let (status, body) = post(&router, path, &wanted).await;
        assert_eq!(status, want, "{wanted}: {body}");
        let said: Value = serde_json::from_str(&body).unwrap();
        let said = said["error"].as_str().unwrap();
        assert!(said.contains(words) && !said.contains("deserialize"), "{wanted}: {said}");
    }
    assert!(records.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_none_is_told_what_to_be() {
    let (router, mut records) = listening();
    let json = "application/json";
    let large = json!({"author": "x".repeat(20_000)}).to_string();
    for (kind, body, want, words) in [
        (
            json,
            "{\"author\":".to_owned(),
            400,
            "no valid JSON at line 1 column 10; see docs/api.md",
        ),
        ("", "{}".to_owned(), 415, "send it with `Content-Type: application/json`"),
        (json, large, 413, "the body is too large"),
    ] {
        let (status, said) = send(&router, Method::POST, "/api/v1/silences", kind, body, "").await;
        assert_eq!(status, want, "{said}");
        assert!(said.contains(words), "{said}");
    }
    assert!(records.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn work_is_marked_for_what_it_covers_and_expects_trouble_only_when_told() {
    let (router, mut records) = listening();
    let cases = [
        (json!({}), Covers::All, 0, false),
        (
            json!({"scope": "connection_type:OktaSAML"}),
            Covers::ConnectionType("OktaSAML".into()),
            0,
            false,
        ),
        (json!({"scope": "tier:web"}), Covers::Tier("web".into()), 0, false),
        (
            json!({"scope": "connection:conn_1, conn_2", "duration": "2h", "expects_trouble": true}),
            Covers::Connections(["conn_1", "conn_2"].map(crate::event::ConnectionId::new).into()),
            7_200_000,
            true,
        ),
    ];
    for (change, covers, length, expected) in cases {
        let mut wanted = json!({"note": "deploy 4711", "author": "Ada"});
        wanted.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (status, body) = post(&router, "/api/v1/markers", &wanted).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        let marker = marked(records.recv().await);
        assert_eq!(marker.work.covers, covers);
        assert_eq!(marker.work.until.millis_since(marker.work.from), length);
        assert_eq!(marker.expected, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn forms_do_the_same_but_not_from_elsewhere() {
    let (router, mut records) = listening();
    let form = "application/x-www-form-urlencoded";
    let here = "http://localhost:9470";
    let silence = "matchers=alertname%3DA%2C+tier%3Dweb&reason=known&author=Ada&duration=4h";
    let cases = [
        ("/silences", silence, here, 303),
        ("/silences", silence, "http://evil.example", 403),
        ("/silences", silence, "null", 403),
        ("/silences", "matchers=A&reason=known&author=Ada&duration=4h", here, 400),
        ("/silences", "matchers=alertname%3DA&author=Ada&duration=4h", here, 422),
        ("/markers", "note=deploy&author=Ada&expects_trouble=perhaps", here, 422),
        ("/silences/0000000000000001/expire", "", here, 303),
        ("/silences/0000000000000001/expire", "", "http://evil.example", 403),
        (
            "/markers",
            "note=deploy&author=Ada&scope=fleet&duration=2h&expects_trouble=true",
            here,
            303,
        ),
        ("/markers", "note=deploy&author=Ada&scope=fleet&duration=", here, 303),
    ];
    let mut kept = 0;
    for (path, body, origin, want) in cases {
        let (status, page) = send(&router, Method::POST, path, form, body.into(), origin).await;
        assert_eq!(status, want, "{path} {body} {origin}: {page}");
        assert!(!page.contains("deserialize"), "{page}");
        kept += u32::from(want == 303);
    }
    for _ in 0..kept {
        records.recv().await.unwrap();
    }
    assert!(records.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_promised_that_is_not_durable() {
    let (inlet, parcels) = journal::inlet(1);
    drop(parcels);
    let router = router(admin_with(sample::snapshot(), None, inlet));
    let wanted =
        json!({"matchers": {"team": "sso"}, "author": "Ada", "reason": "known", "duration": "1h"});
    let (status, body) = post(&router, "/api/v1/silences", &wanted).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
}

#[tokio::test]
async fn what_is_misspelt_is_refused_or_said() {
    let (router, mut records) = listening();
    let silence = |label: &str, value: &str| {
        let matchers = json!({ label: value });
        json!({"matchers": matchers, "author": "Ada", "reason": "work", "duration": "1h"})
    };
    let (status, body) = post(&router, "/api/v1/silences", &silence("alertnam", "X")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body.contains("no alert has the label `alertnam`; alerts have alertname,"), "{body}");
    assert!(body.contains("limit, team"), "{body}");
    assert!(records.try_recv().is_err(), "nothing was recorded");
    let marker =
        |scope: &str| json!({"note": "move", "author": "Ada", "scope": scope, "duration": "1h"});
    let cases = [
        ("silences", silence("connection_id", "conn_1"), None),
        ("silences", silence("team", "sso"), None),
        ("silences", silence("connection_id", "conn_TYPO"), Some("connection_id=conn_TYPO")),
        ("silences", silence("tier", "nope"), Some("tier=nope")),
        ("silences", silence("alertname", "SsoFleetFailing"), None),
        ("silences", silence("alertname", "SsoFleetFalling"), Some("alertname=SsoFleetFalling")),
        ("silences", silence("severity", "critical"), Some("severity=critical")),
        ("silences", silence("scope", "provider"), Some("scope=provider")),
        ("silences", silence("team", "soo"), Some("team=soo")),
        ("markers", marker("fleet"), None),
        ("markers", marker("connection:conn_1"), None),
        ("markers", marker("connection:conn_1,conn_TYPO"), Some("now is connection_id=conn_TYPO;")),
        ("markers", marker("connection_type:Okta"), Some("connection_type=Okta")),
        ("markers", marker("tier:web"), None),
        ("markers", marker("tier:nope"), Some("tier=nope")),
    ];
    for (many, wanted, words) in cases {
        let (status, body) = post(&router, &format!("/api/v1/{many}"), &wanted).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        match words {
            None => assert_eq!(body["warning"], Value::Null, "{wanted}"),
            Some(words) => assert!(body["warning"].as_str().unwrap().contains(words), "{body}"),
        }
    }
}
