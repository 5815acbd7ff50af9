//! The poller before WorkOS's official specification: Prism answers as it says, or stands between
//! the poller and a WorkOS that is played, and refuses what the specification does not allow.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::component::{Component, free_port};
use crate::daemon::Daemon;
use crate::events::now_millis;
use crate::{http, installed, wait};

/// Events that the played WorkOS has: three pages.
const EVENTS: usize = 250;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn specification() -> Value {
    serde_saphyr::from_str(
        &std::fs::read_to_string(fixture("specs/workos-events.openapi.yaml")).unwrap(),
    )
    .unwrap()
}

/// A running Prism.
#[derive(Debug)]
struct Prism {
    url: String,
    component: Component,
}

impl Prism {
    /// `arguments` say as what; then come the specification and `rest`.
    fn start(arguments: &[&str], rest: &[&str]) -> Self {
        let (component, url, ()) = Component::start(
            "prism",
            |_| {
                let port = free_port().to_string();
                let mut command = installed::bound_to_this_thread(installed::program("node"));
                command.arg(installed::node_modules().join("@stoplight/prism-cli/dist/index.js"));
                command.args(arguments).args(["--errors", "--port", &port]);
                command.arg(fixture("specs/workos-events.openapi.yaml")).args(rest);
                (command, format!("http://127.0.0.1:{port}"))
            },
            |_, url| http::try_get(url).map(drop),
        );
        Self { url, component }
    }

    /// Fails when a request or an answer was not as the specification says.
    fn assert_content(&self) {
        let log = self.component.log();
        let complaints: Vec<_> =
            log.lines().filter(|line| line.contains("Violation") || line.contains("✖")).collect();
        // The first request asked whether it was ready.
        let own = |line: &&&str| !line.contains("NO_PATH_MATCHED_ERROR");
        assert_eq!(complaints.iter().filter(own).count(), 0, "{complaints:#?}");
    }
}

fn daemon(api: &str) -> Daemon {
    Daemon::start(&format!(
        "sources: {{ workos_api: {{ api_key: sk_1, base_url: \"{api}\", poll_interval: 1s }} }}\n"
    ))
}

/// The value of a series of the daemon; 0 as long as there is none.
fn series(daemon: &Daemon, name: &str) -> u64 {
    let text = daemon.metrics();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().unwrap())
}

#[test]
fn a_mock_of_the_official_specification_takes_every_request() {
    for arguments in [&["mock"][..], &["mock", "--dynamic", "--seed", "1"]] {
        let prism = Prism::start(arguments, &[]);
        let daemon = daemon(&prism.url);
        let accepted = "ssowatch_source_requests_total{source=\"workos_api\",result=\"accepted\"}";
        // Both lists, and events more than once.
        wait::until("requests", || (series(&daemon, accepted) >= 4).then_some(()));
        prism.assert_content();
        if arguments.len() == 1 {
            // The specification's own examples.
            wait::until("names", || {
                let text = daemon.metrics();
                let info = text.lines().find(|line| line.starts_with("sso_connection_info{"))?;
                info.contains("connection_name=\"Foo Corp\"").then_some(())
            });
            let counted = "sso_authentication_events_total{type=\"dsync.user.created\"}";
            assert_eq!(series(&daemon, counted), 1);
        }
    }
}

/// The event number `n`, in the shape of the official SDK's own sample.
fn event(n: usize) -> Value {
    let sample =
        std::fs::read_to_string(fixture("workos/authentication_sso_started.sdk.json")).unwrap();
    let mut event: Value = serde_json::from_str(&sample).unwrap();
    let millis = now_millis() - 600_000 + i64::try_from(n).unwrap() * 1000;
    let at = ssowatch::event::Timestamp::from_millis(millis).to_string();
    event["id"] = format!("event_{n:026}").into();
    event["created_at"] = at.into();
    event["data"]["sso"]["session_id"] = format!("session_{n}").into();
    event
}

/// What the played WorkOS answers: pages of `all`.
fn page(all: &[Value], request: &Request) -> ResponseTemplate {
    let after = request.url.query_pairs().find(|(name, _)| name == "after");
    let first = after.map_or(0, |(_, id)| 1 + all.iter().position(|one| one["id"] == *id).unwrap());
    let data = &all[first..all.len().min(first + 100)];
    let more = first + data.len() < all.len();
    let after = data.last().filter(|_| more).map(|event| &event["id"]);
    let body =
        json!({"object": "list", "data": data, "list_metadata": {"before": null, "after": after}});
    ResponseTemplate::new(200).set_body_json(body)
}

#[test]
fn nothing_is_sent_that_the_official_specification_does_not_know() {
    let runtime = Runtime::new().unwrap();
    let all: Vec<_> = (0..EVENTS).map(event).collect();
    let upstream = runtime.block_on(async {
        let server = MockServer::start().await;
        let events = move |request: &Request| page(&all, request);
        Mock::given(path("/events")).respond_with(events).mount(&server).await;
        let nothing = |request: &Request| page(&[], request);
        Mock::given(path("/connections")).respond_with(nothing).mount(&server).await;
        Mock::given(path("/organizations")).respond_with(nothing).mount(&server).await;
        server
    });
    let prism = Prism::start(&["proxy"], &[&upstream.uri()]);
    let daemon = daemon(&prism.url);
    let received = "ssowatch_events_received_total{source=\"workos_api\"}";
    wait::until("all events", || (series(&daemon, received) == EVENTS as u64).then_some(()));
    prism.assert_content();

    let specification = specification();
    let requests = runtime.block_on(upstream.received_requests()).unwrap();
    let requests = requests.iter().filter(|request| request.url.path() != "/");
    let mut paths = BTreeSet::new();
    for request in requests {
        let path = request.url.path();
        let known = specification["paths"][path]["get"]["parameters"].as_array().unwrap();
        for (name, value) in request.url.query_pairs() {
            assert!(known.iter().any(|one| one["name"] == *name), "{name} is not documented");
            // Documented, and ignored or harmful.
            assert!(name != "order" && name != "before", "{name}");
            if name == "events" {
                let names: BTreeSet<_> = value.split(',').map(str::to_owned).collect();
                assert_eq!(names, official_names(&specification));
            }
        }
        paths.insert(path.to_owned());
    }
    assert_eq!(paths.len(), 3);
}

/// Names of the events about sign-ins and connections.
fn official_names(specification: &Value) -> BTreeSet<String> {
    let schemas = &specification["components"]["schemas"]["EventSchema"]["allOf"];
    let events = schemas.as_array().unwrap().iter().find_map(|part| part["oneOf"].as_array());
    let names = events.unwrap().iter().map(|event| &event["properties"]["event"]["const"]);
    let names = names.map(|name| name.as_str().unwrap().to_owned());
    names.filter(|name| !name.starts_with("dsync.")).collect()
}
