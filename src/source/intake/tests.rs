use std::io::Read;

use axum::body::{Body, to_bytes};
use axum::http::Method;
use tower::ServiceExt;

use super::*;
use crate::event::{Record, Timestamp, Treatment};
use crate::journal::inlet;

type Headers<'a> = &'a [(&'a str, &'a str)];

const NOW: i64 = 1_768_478_400_000;

/// A router whose inlet takes everything, and the number of events that it took.
fn intake(token: Option<&str>) -> (Router, Inlet, tokio::sync::watch::Receiver<usize>) {
    intake_with(token, Rooms::default())
}

fn intake_with(
    token: Option<&str>,
    rooms: Rooms,
) -> (Router, Inlet, tokio::sync::watch::Receiver<usize>) {
    let (way_in, mut parcels) = inlet(8);
    let (arrivals, seen) = tokio::sync::watch::channel(0);
    tokio::spawn(async move {
        while let Some(parcel) = parcels.recv().await {
            let accepted = parcel.delivery.events.len();
            arrivals.send_modify(|sum| *sum += accepted);
            drop(parcel.reply.send(Ok(Receipt { accepted: accepted as u64, duplicates: 0 })));
        }
    });
    let state = Intake {
        inlet: way_in.clone(),
        clock: Clock::starting_at(Timestamp::from_millis(NOW)),
        privacy: Privacy::new(Treatment::Hash, b"key"),
        webhook_secrets: vec![Secret::inline("whsec_1")],
        tolerance_millis: 180_000,
        push_token: token.map(Secret::inline),
        rooms,
        edge: Talliers::new(Arc::default(), Privacy::new(Treatment::Hash, b"key")),
        guard: Arc::default(),
    };
    (router(state), way_in, seen)
}

fn event(id: &str, at: &str) -> String {
    format!(
        r#"{{"id":"{id}","event":"authentication.sso_started","created_at":"{at}","data":{{}}}}"#
    )
}

async fn call(
    router: &Router,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> (u16, String) {
    let mut request = Request::builder().method(Method::POST).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body)).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_webhook_is_taken_only_when_it_is_signed_and_an_event() {
    let (router, way_in, seen) = intake(None);
    let sign = |body: &str, secret: &str| {
        signature::sign(secret, body.as_bytes(), Timestamp::from_millis(NOW))
    };
    let good = event("e1", "2026-01-15T12:00:00Z");
    let future = event("e2", "2026-01-15T12:30:00Z");
    let huge = "x".repeat(WEBHOOK_BYTES_MAX + 1);
    let cases = [
        (good.as_str(), sign(&good, "whsec_1"), 200),
        (&good, sign(&good, "whsec_2"), 401),
        (&good, sign(&future, "whsec_1"), 401),
        (&good, "t=1".into(), 401),
        ("[]", sign("[]", "whsec_1"), 400),
        (&future, sign(&future, "whsec_1"), 400),
        (&huge, sign(&huge, "whsec_1"), 413),
    ];
    for (body, signature, want) in cases {
        let (status, answer) =
            call(&router, "/webhooks/workos", &[("workos-signature", &signature)], body.into())
                .await;
        assert_eq!(status, want, "{answer}");
        assert!(want == 200 || answer.contains("error"), "{answer}");
    }
    assert_eq!(*seen.borrow(), 1);
    let refused = format!("{:?}", way_in.refusals().drain());
    for reason in [
        "(SignatureMismatch, 2)",
        "(SignatureMissing, 1)",
        "(NotAnEvent, 1)",
        "(FutureTimestamp, 1)",
        "(TooLarge, 1)",
    ] {
        assert!(refused.contains(reason), "{reason} in {refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn pushed_lines_are_kept_though_others_are_bad_and_the_answer_names_them() {
    let (router, _, seen) = intake(None);
    let at = "2026-01-15T12:00:00Z";
    let body = format!("{}\nrubbish\n{}\n", event("e1", at), event("e2", at));
    let (status, answer) = call(&router, "/v1/events", &[], body.into_bytes()).await;
    assert_eq!(status, 200);
    insta::assert_snapshot!(answer, @r#"{"accepted":2,"duplicates":0,"rejected":[{"line":2,"problem":"line 1 column 1: not valid JSON, or cut off","reason":"not_json"}]}"#);
    let (status, answer) = call(&router, "/v1/events", &[], "x\n".repeat(500).into_bytes()).await;
    assert_eq!(status, 200);
    assert!(answer.contains(r#""rejected_not_listed":400"#) && *seen.borrow() == 2, "{answer}");
    let log = format!(r#"[{{"ddsource":"workos","message":{}}}]"#, event("e3", at));
    assert_eq!(call(&router, "/api/v2/logs", &[], log.into_bytes()).await, (202, "{}".into()));
    assert_eq!(*seen.borrow(), 3);
}

#[tokio::test(start_paused = true)]
async fn bombs_wrong_encodings_wrong_tokens_and_wrong_routes_are_refused() {
    let (router, _, seen) = intake(Some("token"));
    let bearer = ("authorization", "Bearer token");
    let bomb =
        zstd::encode_all(std::io::repeat(b'a').take(PUSH_DECOMPRESSED_BYTES_MAX as u64 + 1), 1)
            .unwrap();
    let cases: [(&str, Headers<'_>, Vec<u8>, u16); 7] = [
        ("/v1/events", &[bearer, ("content-encoding", "zstd")], bomb, 413),
        ("/v1/events", &[bearer, ("content-encoding", "br")], b"x".to_vec(), 415),
        ("/v1/events", &[bearer, ("content-encoding", "gzip")], b"x".to_vec(), 415),
        ("/v1/events", &[bearer, ("content-length", "99999999")], b"x".to_vec(), 413),
        ("/v1/events", &[("authorization", "Bearer tokem")], b"{}".to_vec(), 401),
        ("/api/v2/logs", &[("dd-api-key", "token")], b"[]".to_vec(), 202),
        ("/v2/events", &[bearer], b"[]".to_vec(), 404),
    ];
    for (path, headers, body, want) in cases {
        let (status, answer) = call(&router, path, headers, body).await;
        assert_eq!(status, want, "{path} {headers:?} {answer}");
    }
    assert_eq!(*seen.borrow(), 0);
}

#[tokio::test(start_paused = true)]
async fn pushes_without_room_are_told_to_come_again_and_cost_webhooks_nothing() {
    let rooms = Rooms { pushes: Room::new(10, 1), ..Rooms::default() };
    let (router, inlet, _) = intake_with(None, rooms);
    let body = event("event_1", "2026-01-15T12:00:00Z").into_bytes();
    let (status, answer) = call(&router, "/v1/events", &[], body.clone()).await;
    assert_eq!(status, 503, "{answer}");
    assert!(answer.contains("try again"), "{answer}");
    let header = signature::sign("whsec_1", &body, Timestamp::from_millis(NOW));
    let headers: Headers = &[("workos-signature", &header)];
    assert_eq!(call(&router, "/webhooks/workos", headers, body).await.0, 200);
    let busy =
        Record::Refused { source: Source::Push, duplicates: 0, rejected: vec![(Reason::Busy, 1)] };
    assert_eq!(inlet.refusals().drain(), [busy]);
}
