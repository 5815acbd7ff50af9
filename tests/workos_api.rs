//! The daemon between a WorkOS that is played over HTTP and its journal.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use ssowatch::app::Daemon;
use ssowatch::clock::Clock;
use ssowatch::config::Config;
use ssowatch::event::{Source, Timestamp};
use ssowatch::listener::Sockets;
use ssowatch::outbound::{Client, Limits, Method, Request, Route};
use ssowatch::signal::Snapshot;
use ssowatch::source::signature::sign;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Respond, ResponseTemplate};

/// 2026-01-15T12:00:00Z.
const NOW: i64 = 1_768_478_400_000;
const EVENTS: usize = 230;
const SECRET: &str = "whsec_1";

/// The Events API over a fixed list; its first answers are failures.
#[derive(Clone, Default)]
struct EventsApi {
    number: Arc<AtomicUsize>,
    asked: Arc<Mutex<Vec<String>>>,
}

fn event(n: usize) -> Value {
    let at = Timestamp::from_millis(NOW - 240_000 + i64::try_from(n).unwrap() * 1000);
    let mut event = json!({
        "object": "event", "id": format!("event_{n}"), "event": "authentication.sso_started",
        "created_at": at.to_string(), "data": {"sso": {"connection_id": "conn_1", "session_id": format!("s{n}")}},
    });
    // Some documented events have none.
    if n % 2 == 1 {
        event.as_object_mut().unwrap().remove("object");
    }
    event
}

impl Respond for EventsApi {
    fn respond(&self, request: &wiremock::Request) -> ResponseTemplate {
        let limited =
            ResponseTemplate::new(429).insert_header("date", "Thu, 15 Jan 2026 12:00:00 GMT");
        match self.number.fetch_add(1, Ordering::Relaxed) {
            0 => return limited.insert_header("retry-after", "1").set_body_string("Ratelimited"),
            1 => {
                let limited = limited.insert_header("retry-after", "Thu, 15 Jan 2026 12:00:01 GMT");
                return limited.set_body_json(json!({"message": "Too many requests"}));
            }
            2 => return ResponseTemplate::new(200).set_body_string("{\"data\": [{"),
            3 => return ResponseTemplate::new(500),
            _ => {}
        }
        let query: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
        let value = |name: &str| {
            query.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        };
        let first = value("after").map_or(0, |after| 1 + after[6..].parse::<usize>().unwrap());
        self.asked.lock().unwrap().push(value("after").or(value("range_start")).unwrap());
        let data: Vec<_> = (first..EVENTS.min(first + 100)).map(event).collect();
        let after = (first + data.len() < EVENTS).then(|| data.last().unwrap()["id"].clone());
        ResponseTemplate::new(200).set_body_json(
            json!({"object": "list", "data": data, "list_metadata": {"after": after}}),
        )
    }
}

/// Waits, within bounds, until `fine` holds of the newest snapshot.
async fn wait_for(daemon: &mut Daemon, fine: impl FnMut(&Arc<Snapshot>) -> bool) {
    let waited =
        tokio::time::timeout(Duration::from_mins(1), daemon.snapshots.wait_for(fine)).await;
    waited.expect("it happens within a minute").unwrap();
}

fn count(snapshot: &Snapshot, source: Source) -> (u64, u64) {
    let view = snapshot.sources.iter().find(|view| view.source == source);
    view.map_or((0, 0), |view| (view.received, view.duplicates))
}

fn config(dir: &std::path::Path, api: &str) -> Config {
    let yaml = format!(
        "data_dir: {}\nhttp: {{ admin: {{ listen: \"127.0.0.1:0\" }}, intake: {{ listen: \"127.0.0.1:0\" }} }}\nsources:\n  workos_webhook: {{ secret: {SECRET} }}\n  workos_api: {{ api_key: sk_1, base_url: \"{api}\", poll_interval: 1s }}\n",
        dir.display(),
    );
    Config::parse("c.yaml", &yaml, |_| None).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_by_webhook_and_by_the_api_counts_once() {
    let server = MockServer::start().await;
    let api = EventsApi::default();
    let events = Mock::given(method("GET")).and(path("/events"));
    events
        .and(header("authorization", "Bearer sk_1"))
        .respond_with(api.clone())
        .mount(&server)
        .await;
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), &server.uri());
    let clock = Clock::starting_at(Timestamp::from_millis(NOW));
    let mut daemon = Daemon::start(&config, clock, &mut Sockets::default(), None).unwrap();
    let client = Client::new(Limits::default(), &Route::default());
    // While the API fails, and while it answers, every third event comes by webhook as well.
    for n in (0..EVENTS).step_by(3) {
        let body = event(n).to_string();
        let signature = sign(SECRET, body.as_bytes(), clock.now());
        let request = Request {
            method: Method::Post,
            url: format!("http://{}/webhooks/workos", daemon.intake),
            headers: vec![("workos-signature".into(), signature)],
            body: body.into(),
        };
        assert_eq!(client.send(&request).await.unwrap().status, 200);
    }
    let all = EVENTS as u64;
    let both = all.div_ceil(3);
    wait_for(&mut daemon, |snapshot| {
        let (webhook, api) =
            (count(snapshot, Source::WorkosWebhook), count(snapshot, Source::WorkosApi));
        webhook.0 + api.0 == all && webhook.1 + api.1 == both
    })
    .await;
    assert_eq!(daemon.snapshots.borrow().fleet.totals.started, all);
    daemon.stop().await;
    let asked = std::mem::take(&mut *api.asked.lock().unwrap());
    assert!(asked[0].starts_with("2026-01-14T12:00:"), "{asked:?}");
    assert_eq!(asked[1..3], ["event_99", "event_199"]);

    // A restart goes on behind the last event, and counts nothing again.
    let mut daemon = Daemon::start(&config, clock, &mut Sockets::default(), None).unwrap();
    let asked = Arc::clone(&api.asked);
    wait_for(&mut daemon, |_| !asked.lock().unwrap().is_empty()).await;
    daemon.stop().await;
    assert_eq!(api.asked.lock().unwrap()[0], format!("event_{}", EVENTS - 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_connections_and_customers_are_read_beside_the_events() {
    let server = MockServer::start().await;
    let lists = [
        ("/events", json!([event(0)])),
        (
            "/connections",
            json!([{"id": "conn_1", "organization_id": "org_1", "connection_type": "OktaSAML",
                "name": "Acme Okta", "state": "active"}]),
        ),
        ("/organizations", json!([{"id": "org_1", "name": "Acme"}])),
    ];
    for (list, data) in lists {
        let body = json!({"object": "list", "data": data, "list_metadata": {"after": null}});
        let answer = ResponseTemplate::new(200).set_body_json(body);
        Mock::given(path(list)).respond_with(answer).mount(&server).await;
    }
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::starting_at(Timestamp::from_millis(NOW));
    let mut daemon =
        Daemon::start(&config(dir.path(), &server.uri()), clock, &mut Sockets::default(), None)
            .unwrap();
    wait_for(&mut daemon, |snapshot| {
        let infos = snapshot.connections.iter().filter_map(|connection| connection.info.clone());
        infos.into_iter().any(|info| info.organization_name.is_some())
    })
    .await;
    let request = Request {
        method: Method::Get,
        url: format!("http://{}/metrics", daemon.admin),
        headers: vec![],
        body: "".into(),
    };
    let limits = Limits { answer_bytes_max: 1 << 20, ..Limits::default() };
    let answer = Client::new(limits, &Route::default()).send(&request).await.unwrap();
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let info = text.lines().find(|line| line.starts_with("sso_connection_info{")).unwrap();
    assert_eq!(
        info,
        r#"sso_connection_info{connection_id="conn_1",connection_name="Acme Okta",connection_type="OktaSAML",organization_id="org_1",organization_name="Acme",state="active"} 1"#
    );
    assert!(
        text.contains(r#"ssowatch_source_requests_total{source="workos_api",result="accepted"}"#)
    );
    daemon.stop().await;
}
