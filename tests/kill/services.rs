//! WorkOS, Datadog and PagerDuty on one port of this machine; half of what they take they answer with an error.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::load::Totals;

/// Events of a page.
const PAGE: usize = 50;

/// The services. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Services {
    url: String,
    kept: Arc<Mutex<Kept>>,
}

struct Kept {
    random: fastrand::Rng,
    fail_half: bool,
    /// What the Events API shows, oldest first.
    events: Vec<Value>,
    /// Values by name, tags and second.
    points: BTreeMap<(String, Vec<String>, i64), f64>,
    changed: Vec<String>,
    logged: BTreeSet<String>,
    /// By dedup key.
    pages: BTreeMap<String, Page>,
}

/// What PagerDuty knows of one dedup key.
#[derive(Default)]
struct Page {
    open: bool,
    /// How often it was opened, in effect.
    opened: u32,
}

impl Services {
    pub(crate) async fn start(random: fastrand::Rng) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let kept = Kept {
            random,
            fail_half: false,
            events: Vec::new(),
            points: BTreeMap::new(),
            changed: Vec::new(),
            logged: BTreeSet::new(),
            pages: BTreeMap::new(),
        };
        let services = Self { url, kept: Arc::new(Mutex::new(kept)) };
        let router = Router::new()
            .route("/workos/{list}", get(workos))
            .route("/metrics/{*path}", post(metrics))
            .route("/logs/{*path}", post(logs))
            .route("/pager/{*path}", post(pager))
            .with_state(services.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        services
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn fail_half(&self, fail: bool) {
        self.kept().fail_half = fail;
    }

    /// Shows an event in the Events API.
    pub(crate) fn show(&self, event: Value) {
        self.kept().events.push(event);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    /// What Datadog holds, added up over time.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for ((name, tags, _), value) in &self.kept().points {
            let tag = |name: &str| tags.iter().find_map(|tag| tag.strip_prefix(name));
            let kind = match name.as_str() {
                "sso.sessions_started" => "started",
                "sso.sessions_finished" => tag("outcome:").unwrap(),
                _ => continue,
            };
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
            totals.add(tag("connection_id:").unwrap(), kind, *value as u64);
        }
        totals
    }

    pub(crate) fn points(&self) -> usize {
        self.kept().points.len()
    }

    /// Points that came again with another value.
    pub(crate) fn changed_points(&self) -> Vec<String> {
        self.kept().changed.clone()
    }

    /// Events that are no log.
    pub(crate) fn unlogged(&self, sent: &Totals) -> u64 {
        sent.events().saturating_sub(self.kept().logged.len() as u64)
    }

    /// How often each page was opened in effect and whether it is open, by dedup key.
    pub(crate) fn pages(&self) -> BTreeMap<String, (u32, bool)> {
        let kept = self.kept();
        kept.pages.iter().map(|(key, page)| (key.clone(), (page.opened, page.open))).collect()
    }
}

impl Kept {
    /// Whether a request is taken, and with what it is answered; what is taken may be answered with an error, too.
    fn fate(&mut self) -> (bool, StatusCode) {
        if !self.fail_half || self.random.bool() {
            (true, StatusCode::ACCEPTED)
        } else {
            (self.random.bool(), StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

async fn workos(
    State(services): State<Services>,
    Path(list): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> (StatusCode, axum::Json<Value>) {
    let mut kept = services.kept();
    if kept.fate().1 != StatusCode::ACCEPTED {
        return (StatusCode::SERVICE_UNAVAILABLE, axum::Json(json!({})));
    }
    let (mut page, mut after) = (Vec::new(), None);
    if list == "events" {
        let known = |id: &String| kept.events.iter().position(|event| event["id"] == **id);
        let first = query.get("after").map_or(0, |id| 1 + known(id).expect("it gave that id"));
        page = kept.events[first..].iter().take(PAGE).cloned().collect();
        let more = kept.events.len() > first + page.len();
        after = page.last().filter(|_| more).map(|event| event["id"].clone());
    }
    let body = json!({"object": "list", "data": page, "list_metadata": {"after": after}});
    (StatusCode::OK, axum::Json(body))
}

async fn metrics(State(services): State<Services>, body: Bytes) -> StatusCode {
    let body = parse(&body);
    let mut kept = services.kept();
    let (taken, status) = kept.fate();
    let series =
        body["series"].as_array().unwrap().iter().filter(|series| taken && series["type"] == 1);
    for series in series {
        let name = series["metric"].as_str().unwrap().to_owned();
        let tags: Vec<String> = serde_json::from_value(series["tags"].clone()).unwrap_or_default();
        for point in series["points"].as_array().unwrap() {
            let key = (name.clone(), tags.clone(), point["timestamp"].as_i64().unwrap());
            let value = point["value"].as_f64().unwrap();
            let words = format!("{key:?}: {value}");
            let before = kept.points.insert(key, value);
            // The daemon's own telemetry counts since its start, which is another after a kill.
            let windowed = name.starts_with("sso.");
            if windowed && before.is_some_and(|before| before.to_bits() != value.to_bits()) {
                kept.changed.push(words);
            }
        }
    }
    status
}

async fn logs(State(services): State<Services>, body: Bytes) -> StatusCode {
    let body = parse(&body);
    let mut kept = services.kept();
    let (taken, status) = kept.fate();
    for log in body.as_array().unwrap().iter().filter(|_| taken) {
        kept.logged.insert(log["evt"]["id"].as_str().unwrap().to_owned());
    }
    status
}

async fn pager(State(services): State<Services>, body: Bytes) -> StatusCode {
    let body = parse(&body);
    let mut kept = services.kept();
    let (taken, status) = kept.fate();
    if taken {
        let key = body["dedup_key"].as_str().unwrap().to_owned();
        let page = kept.pages.entry(key).or_default();
        // What changes nothing is no change: that is what a dedup key is for.
        if body["event_action"] == "trigger" {
            page.opened += u32::from(!std::mem::replace(&mut page.open, true));
        } else {
            page.open = false;
        }
    }
    status
}

fn parse(body: &[u8]) -> Value {
    let mut text = String::new();
    if body.starts_with(&[0x1f, 0x8b]) {
        flate2::read::GzDecoder::new(body).read_to_string(&mut text).unwrap();
    } else {
        text.push_str(std::str::from_utf8(body).unwrap());
    }
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
