use std::fmt::Write;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt;

use super::sessions::Sessions;
use super::{Admin, Guard, router, sample, series::Series};
use crate::clock::Clock;
use crate::event::{Privacy, Treatment};
use crate::journal::{self, Inlet};
use crate::setting::Secret;
use crate::signal::{Scope, Snapshot, State as IncidentState, Vocabulary};

mod decision;
mod incident;
mod login;
mod ready;
mod sessions;

fn admin(snapshot: Snapshot, token: Option<&str>) -> Admin {
    admin_with(snapshot, token, journal::inlet(1).0)
}

fn admin_with(snapshot: Snapshot, token: Option<&str>, inlet: Inlet) -> Admin {
    let clock = Clock::starting_at(snapshot.now);
    Admin {
        owner: true,
        receivers: 1,
        reload: None,
        snapshots: watch::channel(Arc::new(snapshot)).1,
        own: PrometheusBuilder::new().build_recorder().handle(),
        token: token.map(Secret::inline),
        series: Arc::new(Series::new(2)),
        inlet,
        clock,
        external_url: "https://sso.example.com".into(),
        guard: Guard::default(),
        vocabulary: Vocabulary::default()
            .with("alertname", ["SsoFleetFailing"])
            .with("team", ["sso", "sso <east>"]),
        sessions: search_in(Treatment::Hash, Path::new("/nowhere/sign-ins.db")),
    }
}

fn search_in(treatment: Treatment, path: &Path) -> Sessions {
    Sessions::new(path.to_owned(), Privacy::new(treatment, b"key"), 360_000)
}

async fn ask(admin: Admin, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    router(admin).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn get(path: &str) -> (StatusCode, String) {
    let response = ask(admin(sample::snapshot(), None), Method::GET, path, &[]).await;
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_api_is_as_documented() {
    let mut all = String::new();
    for path in [
        "/api/v1/status",
        "/api/v1/connections?sort=failure_ratio&limit=2",
        "/api/v1/connections/unknown",
        "/api/v1/incidents?state=open",
        "/api/v1/incidents/0123456789abcdef-resolved",
        "/api/v1/gate?scope=fleet&since=2025-10-10T16:05:00Z",
        "/api/v1/silences",
        "/api/v1/markers",
    ] {
        let (status, body) = get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        let body: Value = serde_json::from_str(&body).unwrap();
        let body = serde_json::to_string_pretty(&body).unwrap();
        writeln!(all, "GET {path}\n{body}\n").unwrap();
    }
    insta::assert_snapshot!(all);
}

#[tokio::test]
async fn the_pages_are_as_agreed_and_escape_what_others_wrote() {
    for (name, path) in [
        ("front", "/"),
        ("connection", "/connections/conn_1"),
        ("edge", "/edge"),
        ("incidents", "/incidents"),
        ("incident", "/incidents/0123456789abcdef-firing"),
        ("silences", "/silences"),
    ] {
        let (status, page) = get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(!page.contains("<b>") && !page.contains("<Acme>"), "{page}");
        insta::assert_snapshot!(format!("page_{name}"), page);
    }
}

#[tokio::test]
async fn a_report_has_every_heading_and_no_markup_of_others() {
    let (status, report) = get("/api/v1/incidents/0123456789abcdef-resolved/report").await;
    assert_eq!(status, StatusCode::OK);
    assert!(!report.contains(" <Acme>"), "{report}");
    insta::assert_snapshot!(report);
}

#[tokio::test]
async fn connections_are_searched_and_listed_a_page_at_a_time() {
    let mut snapshot = sample::snapshot();
    let names = (0..120).map(|n| format!("conn_many_{n:03}"));
    let views = names.map(|name| Arc::new(sample::connection(Some(&name), 1)));
    snapshot.connections.extend(views);
    let rows = |page: &str| {
        page.matches("<tr><td class=\"name\"><a").count()
            + page.matches("<tr class=\"hit\">").count()
    };
    for (path, shown, words) in [
        ("/", 50, "1 to 50 of 124"),
        ("/?page=3", 24, "101 to 124 of 124"),
        ("/?page=99", 24, "Page 3 of 3"),
        ("/?q=MANY_11", 10, "1 to 10 of 10"),
        ("/?q=okta&page=2", 50, "q=okta&amp;page=3"),
        ("/?q=%3Cscript%3E", 0, "value=\"&lt;script&gt;\""),
        ("/?q=acme", 50, "of 123"),
    ] {
        let response = ask(admin(snapshot.clone(), None), Method::GET, path, &[]).await;
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let page = String::from_utf8(body.to_vec()).unwrap();
        assert!(page.contains(words), "{path}: {page}");
        assert_eq!(rows(&page), shown, "{path}");
    }
    let first = get("/").await.1;
    let firing = first.find("class=\"hit\"").unwrap();
    let (row, _) = first[firing..].split_once("</a>").unwrap();
    assert!(row.contains(" href=\"/connections/conn_1\">"), "{first}");
}

#[tokio::test]
async fn a_long_name_is_clipped_and_whole_in_its_title() {
    let mut snapshot = sample::snapshot();
    let mut view = sample::connection(Some("conn_long"), 3);
    let info = Arc::make_mut(view.info.as_mut().unwrap());
    (info.organization_name, info.name) =
        (Some("o".repeat(200).into()), Some("n".repeat(200).into()));
    snapshot.connections.push(Arc::new(view));
    let response = ask(admin(snapshot, None), Method::GET, "/", &[]).await;
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let page = String::from_utf8(body.to_vec()).unwrap();
    for name in ["o".repeat(200), "n".repeat(200)] {
        assert!(page.contains(&format!("class=\"clip\" title=\"{name}\"")), "{page}");
    }
}

#[tokio::test]
async fn what_has_no_page_is_said_as_a_page() {
    for (path, want) in [("/connections/none", 404), ("/incidents/none", 404), ("/?page=x", 400)] {
        let (status, page) = get(path).await;
        assert_eq!(status, want, "{path}");
        assert!(page.starts_with("<!doctype html>") && page.contains("Back to"), "{page}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_as_json() {
    let cases = [
        (Method::GET, "/api/v1/connections?sort=name", 400, "`sort` is"),
        (Method::GET, "/api/v1/connections?limit=many", 400, "limit"),
        (Method::GET, "/api/v1/connections/conn_none", 404, "no such connection"),
        (Method::GET, "/api/v1/connections?limt=1", 400, "`limt` is not known here; possible are"),
        (Method::GET, "/api/v1/sessions?emial=a", 400, "`emial` is not known here"),
        (Method::GET, "/api/v1/sessions?email=&limit=2", 400, "a parameter is empty"),
        (Method::GET, "/api/v1/status?x=1", 400, "takes no parameters"),
        (Method::GET, "/api/v1/tiers?tier=web", 400, "takes no parameters"),
        (Method::GET, "/api/v1/silences?state=active", 400, "takes no parameters"),
        (Method::GET, "/api/v1/markers?x=1", 400, "takes no parameters"),
        (
            Method::GET,
            "/api/v1/incidents?status=open",
            400,
            "`status` is not known here; possible are `state`",
        ),
        (Method::GET, "/api/v1/incidents?state=red", 400, "`state` is"),
        (Method::GET, "/api/v1/incidents/none", 404, "no such incident"),
        (Method::GET, "/runbooks/OwnRule", 404, "no runbook"),
        (Method::GET, "/api/v1/incidents/none/report", 404, "no such incident"),
        (
            Method::GET,
            "/api/v1/gate?scope=everything&since=2026-01-15T12:00:00Z",
            400,
            "`scope` is all, fleet,",
        ),
        (
            Method::GET,
            "/api/v1/gate?scope=fleet&since=2020-01-01T00:00:00Z",
            400,
            "more than an hour ago",
        ),
        (Method::GET, "/api/v1/gate?scope=fleet&since=noon", 400, "`since` is"),
        (
            Method::GET,
            "/api/v1/gate?scope=fleet&since=2026-01-15T12:00:00",
            400,
            "`since` has no zone",
        ),
        (Method::GET, "/api/v1/gate?scope=fleet", 400, "`since` is missing; see docs/api.md"),
        (Method::GET, "/api/v1/connections?limit=0", 400, "limit"),
        (Method::GET, "/api/v1/sessions?limit=0", 400, "limit"),
        (Method::GET, "/nothing", 404, "no such route"),
        (Method::DELETE, "/api/v1/status", 405, "method"),
    ];
    for (method, path, want, words) in cases {
        let response = ask(admin(sample::snapshot(), None), method, path, &[]).await;
        assert_eq!(response.status(), want, "{path}");
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert!(body["error"].as_str().unwrap().contains(words), "{path}: {body}");
    }
}

#[tokio::test]
async fn the_token_opens_everything_and_health_needs_none() {
    let cases = [
        ("/-/healthy", None, 200),
        ("/-/ready", None, 200),
        ("/runbooks", None, 200),
        ("/runbooks/SsoConnectionFailing", None, 200),
        ("/runbooks/SsoConnectionFailing.md", None, 200),
        ("/metrics", None, 401),
        ("/", None, 401),
        ("/nothing", None, 401),
        ("/api/v1/status", Some("Bearer wrong"), 401),
        ("/api/v1/status", Some("Bearer secre"), 401),
        ("/api/v1/status", Some("Basic secret"), 401),
        ("/api/v1/status", Some("Bearer secret"), 200),
        ("/metrics", Some("Bearer secret"), 200),
    ];
    for (path, given, want) in cases {
        let headers: Vec<_> = given.map(|given| ("authorization", given)).into_iter().collect();
        let admin = admin(sample::snapshot(), Some("secret"));
        let response = ask(admin, Method::GET, path, &headers).await;
        assert_eq!(response.status(), want, "{path} {given:?}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.headers().contains_key(header::WWW_AUTHENTICATE), want == 401);
    }
}

#[tokio::test]
async fn every_runbook_that_is_written_is_served_as_text() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks");
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let path = match file.file_stem().unwrap().to_str().unwrap() {
            "README" => "/runbooks".to_owned(),
            name => format!("/runbooks/{name}"),
        };
        let response = ask(admin(sample::snapshot(), None), Method::GET, &path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/plain; charset=utf-8");
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        assert!(body == std::fs::read(file).unwrap(), "{path} is another file");
    }
}

#[tokio::test]
async fn metrics_have_prometheuss_type_and_are_compressed_on_request() {
    let plain = ask(admin(sample::snapshot(), None), Method::GET, "/metrics", &[]).await;
    assert_eq!(plain.headers()[header::CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
    let plain = to_bytes(plain.into_body(), 1 << 20).await.unwrap();
    let accept = [("accept-encoding", "gzip")];
    let packed = ask(admin(sample::snapshot(), None), Method::GET, "/metrics", &accept).await;
    assert_eq!(packed.headers()[header::CONTENT_ENCODING], "gzip");
    assert_eq!(packed.headers()[header::CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
    let packed = to_bytes(packed.into_body(), 1 << 20).await.unwrap();
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut text).unwrap();
    assert_eq!(text, plain);
}
