use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use tower::ServiceExt;

use super::*;
use crate::clock::Clock;
use crate::event::{Privacy, Treatment};
use crate::journal::{Receipt, inlet};
use crate::setting::Secret;
use crate::source::edge::Talliers;
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
        edge: Talliers::new(Arc::default(), Privacy::new(Treatment::Hash, b"key")),
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

/// Of each format: lines of real servers or of the vendor's documentation, and why each bad line between them is refused: garbage,
/// one that is cut off, one of another format.
const FORMATS: [(&str, &str, [&str; 3]); 8] = [
    (
        "nginx_combined",
        include_str!("../../../../tests/fixtures/edge/nginx-combined.sample.log"),
        ["not_a_line", "not_a_line", "not_a_line"],
    ),
    (
        "nginx_json",
        include_str!("../../../../tests/fixtures/edge/nginx-json.sample.log"),
        ["not_json", "not_json", "bad_status"],
    ),
    (
        "caddy_json",
        include_str!("../../../../tests/fixtures/edge/caddy-json.sample.log"),
        ["not_json", "not_json", "bad_status"],
    ),
    (
        "haproxy_http",
        include_str!("../../../../tests/fixtures/edge/haproxy-http.sample.log"),
        ["not_a_line", "not_a_line", "not_a_line"],
    ),
    (
        "haproxy_json",
        include_str!("../../../../tests/fixtures/edge/haproxy-json.sample.log"),
        ["not_json", "not_json", "bad_status"],
    ),
    (
        "envoy_json",
        include_str!("../../../../tests/fixtures/edge/envoy-json.documented.log"),
        ["not_json", "not_json", "bad_status"],
    ),
    (
        "aws_alb",
        include_str!("../../../../tests/fixtures/edge/aws-alb.documented.log"),
        ["not_a_line", "not_a_line", "not_a_line"],
    ),
    (
        "cloudflare_ndjson",
        include_str!("../../../../tests/fixtures/edge/cloudflare.documented.log"),
        ["not_json", "not_json", "bad_status"],
    ),
];

#[tokio::test]
async fn bad_lines_between_good_ones_are_counted_by_reason_and_cost_no_good_one() {
    for (format, log, reasons) in FORMATS {
        let (router, way_in, taken) = intake(None);
        // One of nginx's own lines is no JSON: a client's bytes, escaped as for text.
        let is_good = |line: &&str| {
            !format.ends_with("json") || serde_json::from_str::<serde_json::Value>(line).is_ok()
        };
        let good: Vec<&str> = log.lines().filter(is_good).collect();
        let foreign = match format {
            // Every JSON is asked for a status; of text the pattern says no.
            "nginx_json" | "haproxy_json" => FORMATS[5].1.lines().next().unwrap(),
            "caddy_json" | "envoy_json" => FORMATS[7].1.lines().next().unwrap(),
            "cloudflare_ndjson" => FORMATS[1].1.lines().next().unwrap(),
            _ => FORMATS[2].1.lines().next().unwrap(),
        };
        let mut body = Vec::new();
        for line in &good {
            // Before its status: behind it, what servers cut themselves counts as far as it goes.
            let cut = &line[..40];
            let gigantic = vec![b'x'; LINE_BYTES_MAX + 1];
            for part in [line.as_bytes(), b"\x00\xff garbage \x16\x03", cut.as_bytes(), &gigantic] {
                body.extend_from_slice(part);
                body.push(b'\n');
            }
            // A line end of Windows, an empty line, and none at the very end are no mistakes.
            body.extend_from_slice(foreign.as_bytes());
            body.extend_from_slice(b"\r\n\n");
        }
        body.extend_from_slice(good[0].as_bytes());
        let path = format!("/v1/edge?format={format}&tier=web");
        let (status, answer) = call(&router, &path, true, &body).await;
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(
            (status, &answer["accepted"]),
            (200, &(good.len() + 1).into()),
            "{format}: {answer}"
        );
        let mut wanted = std::collections::BTreeMap::from([("too_large", good.len())]);
        for reason in reasons {
            *wanted.entry(reason).or_default() += good.len();
        }
        let mut counted = std::collections::BTreeMap::<&str, usize>::new();
        for one in answer["rejected"].as_array().unwrap() {
            *counted.entry(one["reason"].as_str().unwrap()).or_default() += 1;
        }
        assert_eq!(counted, wanted, "{format}");
        let refused = way_in.refusals().drain().into_iter().map(|record| match record {
            Record::Refused { rejected, .. } => {
                rejected.iter().map(|(_, count)| count).sum::<u64>()
            }
            other => panic!("{other:?}"),
        });
        assert_eq!(refused.sum::<u64>(), 4 * good.len() as u64, "{format}");
        drop((router, way_in));
        let kept = taken.await.unwrap();
        let requests = kept.iter().map(|record| match record {
            Record::Edge(tally) => tally.requests(),
            other => panic!("{other:?}"),
        });
        assert_eq!(requests.sum::<u64>(), good.len() as u64 + 1, "{format}");
    }
}

#[tokio::test]
async fn what_the_request_lacks_is_said() {
    let (router, _, _) = intake(None);
    let cases: [(&str, u16, &str); 7] = [
        ("/v1/edge", 400, "name the format"),
        ("/v1/edge?format=nginx", 400, "known are nginx_combined"),
        ("/v1/edge?format=nginx_json&teir=web", 400, "`format` and `tier`, each once"),
        ("/v1/edge?format=nginx_json&tier=a&tier=b", 400, "`format` and `tier`, each once"),
        ("/v1/edge?tier=web", 400, "name the format of the lines"),
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
