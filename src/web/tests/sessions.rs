//! Sign-ins, searched by API and by page.

use super::*;
use crate::archive::{Archive, Limits};
use crate::event::{
    AuthError, AuthEvent, Body as EventBody, ConnectionId, Entry, EventId, Person, Record,
    SessionId, Source, Sso, Step, Timestamp,
};

/// A router whose archive has a success, a failure without a session and a start, all with e-mail addresses as `treatment` says.
fn kept(folder: &Path, treatment: Treatment) -> axum::Router {
    let path = folder.join("sign-ins.db");
    let limits = Limits { retention_millis: i64::MAX, bytes_max: u64::MAX };
    let (mut archive, _) = Archive::open(&path, limits).unwrap();
    let privacy = Privacy::new(treatment, b"key");
    let now = sample::snapshot().now;
    let entry = |id: &str, ago: i64, step: Step, session: Option<&str>| {
        let error = (step == Step::Failed)
            .then(|| AuthError { code: "saml_<b>".into(), message: "the <b> certificate".into() });
        let sso = Sso {
            step,
            connection_id: session.map(|_| ConnectionId::new("conn_1")),
            organization_id: None,
            session_id: session.map(SessionId::new),
            error,
            person: Person { email: privacy.treat("Ada@example.com"), ..Person::default() },
            test: false,
        };
        let event = AuthEvent {
            id: EventId::new(id),
            at: now.plus_millis(-ago),
            name: "authentication.sso".into(),
            body: EventBody::Sso(sso),
            novel: Vec::new(),
        };
        let record = Record::Event { source: Source::Push, event };
        Entry { received_at: now.plus_millis(1_000 - ago), record }
    };
    let entries = [
        entry("e1", 60_000, Step::Started, Some("s <b>1")),
        entry("e2", 46_000, Step::Succeeded, Some("s <b>1")),
        entry("e3", 30_000, Step::Failed, None),
        entry("e4", 10_000, Step::Started, Some("s2")),
    ];
    archive.take(&(0..).zip(entries).collect::<Vec<_>>(), 4).unwrap();
    let admin = Admin { sessions: search_in(treatment, &path), ..admin(sample::snapshot(), None) };
    router(admin)
}

async fn open(router: &axum::Router, path: &str) -> (StatusCode, String) {
    let request = Request::builder().uri(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn an_e_mail_address_is_found_as_it_is_kept() {
    for (treatment, status, found) in
        [(Treatment::Hash, 200, 3), (Treatment::Keep, 200, 3), (Treatment::Drop, 400, 0)]
    {
        let dir = tempfile::tempdir().unwrap();
        let router = kept(dir.path(), treatment);
        let (answered, body) = open(&router, "/api/v1/sessions?email=ada%40EXAMPLE.com").await;
        assert_eq!(answered, status, "{treatment:?}: {body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["sessions"].as_array().map_or(0, Vec::len), found, "{treatment:?}: {body}");
        let plain = body.to_string().contains("ada@example.com");
        assert_eq!(plain, treatment == Treatment::Keep, "{body}");
    }
}

#[tokio::test]
async fn sessions_are_told_with_their_events_and_what_is_not_known() {
    let dir = tempfile::tempdir().unwrap();
    let router = kept(dir.path(), Treatment::Hash);
    let (status, body) = open(&router, "/api/v1/sessions?limit=2").await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&body).unwrap());
    for (query, want) in [
        ("status=succeeded", 1),
        ("status=in_progress", 1),
        ("connection=unknown", 1),
        ("connection=conn_1&status=failed", 0),
        ("from=2025-10-10T16:05:00Z", 2),
        ("to=2025-10-10T16:05:00Z", 1),
    ] {
        let (_, body) = open(&router, &format!("/api/v1/sessions?{query}")).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["sessions"].as_array().unwrap().len(), want, "{query}");
        assert_eq!(body["not_known"][0], "origin");
    }
    for (path, words) in [
        ("sessions?status=good", "`status` is one of in_progress, "),
        ("sessions?from=noon", "`from` is a time, e.g. "),
        ("sessions?from=2025-10-10T16:05:00", "`from` has no zone; "),
        ("sessions?limit=x", "`limit` is not a whole number of 1 or more; write e.g. 100"),
        ("sessions?limit=-1", "`limit` is not a whole number of 1 or more; write e.g. 100"),
        ("connections?limit=0", "`limit` is not a whole number of 1 or more;"),
        ("connections?limit=99999999999", "`limit` is more than there can be; write e.g. 100"),
        ("connections?limits=9", "`limits` is not known here; possible are `sort` or `limit`"),
        ("connections?limit=1&limit=2", "`limit` is there twice; keep one"),
        ("gate?scope=fleet", "`since` is missing; see docs/api.md"),
        (&format!("sessions?id={}", "x".repeat(600)), "a condition has more than 512 bytes"),
    ] {
        let (status, body) = open(&router, &format!("/api/v1/{path}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert!(body["error"].as_str().unwrap().starts_with(words), "{path}: {body}");
    }
}

#[tokio::test]
async fn pages_show_sign_ins_and_escape_what_others_wrote() {
    let dir = tempfile::tempdir().unwrap();
    let router = kept(dir.path(), Treatment::Hash);
    for (name, path) in [
        ("list", "/sessions?connection=conn_1"),
        ("one", "/sessions/s%20%3Cb%3E1"),
        ("failed", "/sessions/e3"),
    ] {
        let (status, page) = open(&router, path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(!page.contains("<b>"), "{page}");
        insta::assert_snapshot!(format!("page_sessions_{name}"), page);
    }
    let (status, page) = open(&router, "/connections/conn_1").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("The last 1 that succeeded took 14 s"), "{page}");
    assert_eq!(open(&router, "/sessions/none").await.0, StatusCode::NOT_FOUND);
    assert!(open(&router, "/sessions?from=noon").await.1.contains("`from` is a time"));
}

#[tokio::test]
async fn without_its_archive_the_search_says_so_and_the_rest_works() {
    let router = router(admin(sample::snapshot(), None));
    assert_eq!(open(&router, "/api/v1/sessions").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(open(&router, "/connections/conn_1").await.0, StatusCode::OK);
}

#[test]
fn the_sample_is_of_the_time_that_the_queries_above_name() {
    assert_eq!(sample::snapshot().now, Timestamp::parse("2025-10-10T16:05:41.250Z").unwrap());
}
