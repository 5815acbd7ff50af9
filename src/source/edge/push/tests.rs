use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use tower::ServiceExt;

use super::*;
use crate::clock::Clock;
use crate::event::edge::Scheme;
use crate::event::{Privacy, Treatment};
use crate::journal::{Receipt, inlet};
use crate::setting::Secret;
use crate::source::intake::{Rooms, router};

type Taken = tokio::task::JoinHandle<Vec<Record>>;

/// A router whose inlet takes everything, and what it took once the router is gone.
fn intake(token: Option<&str>) -> (Router, crate::journal::Inlet, Taken) {
    let (way_in, mut parcels) = inlet(8);
    let taking = tokio::spawn(async move {
        let mut records = Vec::new();
        while let Some(parcel) = parcels.recv().await {
            records.extend(parcel.delivery.records);
            drop(parcel.reply.send(Ok(Receipt::default())));
        }
        records
    });
    let state = Intake {
        inlet: way_in.clone(),
        clock: Clock::starting_at(Timestamp::from_millis(1_795_310_000_000)),
        privacy: Privacy::new(Treatment::Hash, b"key"),
        webhook_secrets: Vec::new(),
        tolerance_millis: 0,
        push_token: token.map(Secret::inline),
        guard: Arc::default(),
        rooms: Rooms::default(),
        edge: Arc::new(Scheme::default()),
    };
    (router(state), way_in, taking)
}

async fn call(router: &Router, path: &str, zstd: bool, body: &[u8]) -> (u16, String) {
    let mut request = Request::builder().method("POST").uri(path);
    let mut body = body.to_vec();
    if zstd {
        request = request.header("content-encoding", "zstd");
        body = zstd::encode_all(&*body, 1).unwrap();
    }
    let response = router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn access_log_lines_are_counted_and_the_bad_ones_named() {
    let (router, way_in, taken) = intake(None);
    let log = include_str!("../../../../tests/fixtures/edge/nginx-combined.sample.log");
    let path = "/v1/edge?format=nginx_combined&tier=web";
    let (status, answer) = call(&router, path, true, format!("{log}\nrubbish\n").as_bytes()).await;
    assert_eq!(status, 200);
    insta::assert_snapshot!(answer, @r#"{"accepted":13,"duplicates":0,"rejected":[{"line":15,"problem":"the line does not fit the pattern of its format","reason":"not_a_line"}]}"#);
    let good = log.lines().next().unwrap();
    let gigantic = format!("{good}\n{}\n{good}\n", "x".repeat(LINE_BYTES_MAX + 1));
    let (_, answer) = call(&router, path, false, gigantic.as_bytes()).await;
    assert!(answer.contains(r#""accepted":2"#) && answer.contains("too_large"), "{answer}");
    let many = call(&router, path, false, "x\n".repeat(300).as_bytes()).await;
    assert!(many.0 == 200 && many.1.contains(r#""rejected_not_listed":200"#), "{}", many.1);
    let refused = format!("{:?}", way_in.refusals().drain());
    assert!(refused.contains("source: Edge") && refused.contains("(NotALine, 301)"), "{refused}");
    drop((router, way_in));
    let lines = |record: &Record| match record {
        Record::Edge(tally) => tally.requests(),
        other => panic!("{other:?}"),
    };
    assert_eq!(taken.await.unwrap().iter().map(lines).sum::<u64>(), 15);
}

#[tokio::test]
async fn what_the_request_lacks_is_said() {
    let (router, _, _) = intake(None);
    let cases: [(&str, u16, &str); 4] = [
        ("/v1/edge", 400, "name the format"),
        ("/v1/edge?format=nginx", 400, "known are nginx_combined"),
        ("/v1/edge?format=nginx_json&tier=a%20b", 400, "1 to 64 letters"),
        ("/v1/edge?format=nginx_json&tier=", 200, "accepted"),
    ];
    for (path, want, text) in cases {
        let (status, answer) = call(&router, path, false, b"").await;
        assert!(status == want && answer.contains(text), "{path}: {answer}");
    }
    let (guarded, way_in, _) = intake(Some("token"));
    assert_eq!(call(&guarded, "/v1/edge?format=nginx_json", false, b"x").await.0, 401);
    assert!(format!("{:?}", way_in.refusals().drain()).contains("(Unauthorized, 1)"));
}
