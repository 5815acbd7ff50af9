//! A simulated WorkOS: its Events API, `GET /connections` and `GET /organizations`, on real HTTP.
//!
//! It answers as the real one does: oldest first, pages by the id of the last item, 401 without the key, 400 and 422 for
//! parameters that it refuses, and now and then 429.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::event::Timestamp;

/// The API key of the simulated environment.
pub(super) const API_KEY: &str = "sk_demo";

/// Events that are kept, 700 bytes each: 70 MB. The real one keeps 90 days.
const EVENTS_MAX: usize = 100_000;
/// Every request of this number is told to come back later.
const RATE_LIMITED_EVERY: u64 = 20;
/// Items of a page, unless `limit` says otherwise, and at most.
const PAGE_DEFAULT: usize = 10;
const PAGE_MAX: usize = 100;

/// What the simulated WorkOS knows.
#[derive(Debug, Default)]
pub(super) struct Provider {
    events: Mutex<VecDeque<Kept>>,
    /// As `GET /connections` and `GET /organizations` give them.
    connections: Vec<Value>,
    organizations: Vec<Value>,
    requests: AtomicU64,
}

#[derive(Clone, Debug)]
struct Kept {
    at: Timestamp,
    id: String,
    name: String,
    organization_id: Option<String>,
    body: Box<RawValue>,
}

/// What is read of an event to file it.
#[derive(Deserialize)]
struct Filed {
    id: String,
    event: String,
    data: Owned,
}

/// Whose it is: sign-ins say it under `sso`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Owned {
    organization_id: Option<String>,
    sso: Option<Box<Owned>>,
}

/// A request's parameters; the others, `order` among them, are ignored as the real one does.
#[derive(Debug, Default, Deserialize)]
struct Wanted {
    events: Option<String>,
    limit: Option<String>,
    after: Option<String>,
    range_start: Option<String>,
    range_end: Option<String>,
    organization_id: Option<String>,
}

/// An answer that is not 200.
struct Refusal(StatusCode, Value);

impl Provider {
    pub(super) fn new(connections: Vec<Value>, organizations: Vec<Value>) -> Self {
        Self { connections, organizations, ..Self::default() }
    }

    /// Files an event; the oldest makes room.
    pub(super) fn keep(&self, at: Timestamp, bytes: &[u8]) {
        let text = String::from_utf8(bytes.to_vec()).expect("events are JSON");
        let Filed { id, event: name, data: Owned { organization_id, sso } } =
            serde_json::from_str(&text).expect("events are JSON");
        let organization_id = organization_id.or(sso.and_then(|sso| sso.organization_id));
        let body = RawValue::from_string(text).expect("events are JSON");
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() == EVENTS_MAX {
            events.pop_front();
        }
        events.push_back(Kept { at, id, name, organization_id, body });
    }

    fn page(&self, wanted: &Wanted) -> Result<Value, Refusal> {
        let names: Vec<&str> = wanted.events.as_deref().unwrap_or_default().split(',').collect();
        if names.iter().all(|name| name.is_empty()) {
            return Err(Refusal::invalid("events", "events_required"));
        }
        if wanted.after.is_some() && wanted.range_start.is_some() {
            let message = "`after` and `range_start` cannot be used together.";
            return Err(Refusal(StatusCode::BAD_REQUEST, json!({"message": message})));
        }
        let limit = limit(wanted)?;
        let from = moment(wanted.range_start.as_deref(), "range_start")?;
        let to = moment(wanted.range_end.as_deref(), "range_end")?;
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let first = match &wanted.after {
            None => 0,
            Some(after) => {
                let found = events.iter().position(|event| event.id == *after);
                1 + found.ok_or_else(|| Refusal::invalid("after", "after_invalid"))?
            }
        };
        let organization = &wanted.organization_id;
        let fits = |event: &&Kept| {
            names.contains(&event.name.as_str())
                && from.is_none_or(|from| event.at >= from)
                && to.is_none_or(|to| event.at < to)
                && (organization.is_none() || event.organization_id == *organization)
        };
        let mut found = events.iter().skip(first).filter(fits);
        let page: Vec<&Kept> = found.by_ref().take(limit).collect();
        let more = found.next().is_some();
        let after = page.last().filter(|_| more).map(|event| &event.id);
        let data: Vec<&RawValue> = page.iter().map(|event| &*event.body).collect();
        let data = serde_json::to_value(data).expect("events are JSON");
        Ok(json!({"object": "list", "data": data, "list_metadata": {"after": after}}))
    }
}

impl Refusal {
    fn invalid(field: &str, code: &str) -> Self {
        let body =
            json!({"message": "Validation failed.", "errors": [{"code": code, "field": field}]});
        Self(StatusCode::UNPROCESSABLE_ENTITY, body)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

/// The routes.
pub(super) fn router(provider: Arc<Provider>) -> Router {
    Router::new()
        .route("/events", get(events))
        .route("/connections", get(connections))
        .route("/organizations", get(organizations))
        .layer(middleware::from_fn_with_state(Arc::clone(&provider), admit))
        .with_state(provider)
}

async fn admit(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    request: Request,
    next: Next,
) -> Response {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if given.and_then(|value| value.strip_prefix("Bearer ")) != Some(API_KEY) {
        return Refusal(StatusCode::UNAUTHORIZED, json!({"message": "Unauthorized"}))
            .into_response();
    }
    let number = 1 + provider.requests.fetch_add(1, Ordering::Relaxed);
    if number.is_multiple_of(RATE_LIMITED_EVERY) {
        let headers = [(header::RETRY_AFTER, "1")];
        return (StatusCode::TOO_MANY_REQUESTS, headers, "Ratelimited").into_response();
    }
    next.run(request).await
}

async fn events(
    State(provider): State<Arc<Provider>>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, Refusal> {
    provider.page(&wanted).map(Json)
}

async fn connections(
    State(provider): State<Arc<Provider>>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, Refusal> {
    list(&provider.connections, &wanted).map(Json)
}

async fn organizations(
    State(provider): State<Arc<Provider>>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, Refusal> {
    list(&provider.organizations, &wanted).map(Json)
}

/// A page of a list that does not change.
fn list(all: &[Value], wanted: &Wanted) -> Result<Value, Refusal> {
    let limit = limit(wanted)?;
    let first = match &wanted.after {
        None => 0,
        Some(after) => {
            let found = all.iter().position(|item| item["id"] == **after);
            1 + found.ok_or_else(|| Refusal::invalid("after", "after_invalid"))?
        }
    };
    let page = &all[first..all.len().min(first + limit)];
    let more = first + page.len() < all.len();
    let before = page.first().filter(|_| first > 0).map(|item| &item["id"]);
    let after = page.last().filter(|_| more).map(|item| &item["id"]);
    Ok(json!({"object": "list", "data": page, "list_metadata": {"before": before, "after": after}}))
}

fn limit(wanted: &Wanted) -> Result<usize, Refusal> {
    let Some(text) = &wanted.limit else { return Ok(PAGE_DEFAULT) };
    let limit = text.parse().ok().filter(|limit| (1..=PAGE_MAX).contains(limit));
    limit.ok_or_else(|| Refusal::invalid("limit", "limit_out_of_range"))
}

fn moment(text: Option<&str>, field: &str) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let at = Timestamp::parse(text).filter(|_| text.ends_with('Z'));
    at.map(Some).ok_or_else(|| Refusal::invalid(field, "range_invalid"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use tower::ServiceExt as _;

    fn provider() -> Arc<Provider> {
        let items =
            |prefix: &str| (0..12).map(|n| json!({"id": format!("{prefix}_{n}")})).collect();
        let provider = Provider::new(items("conn"), items("org"));
        for n in 0..25i64 {
            let name =
                if n % 5 == 0 { "connection.activated" } else { "authentication.sso_started" };
            let event = json!({"id": format!("event_{n}"), "event": name, "data": {"sso": {"organization_id": format!("org_{}", n % 2)}}});
            provider.keep(Timestamp::from_millis(n * 1000), event.to_string().as_bytes());
        }
        Arc::new(provider)
    }

    async fn ask(provider: &Arc<Provider>, path: &str, key: &str) -> (u16, Value) {
        let request = Request::get(path).header("authorization", format!("Bearer {key}"));
        let answer = router(Arc::clone(provider)).oneshot(request.body(Body::empty()).unwrap());
        let answer = answer.await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn ids(provider: &Arc<Provider>, mut path: String) -> Vec<String> {
        let (start, mut ids) = (path.clone(), Vec::new());
        loop {
            let (status, page) = ask(provider, &path, API_KEY).await;
            assert_eq!(status, 200, "{path}: {page}");
            let data = page["data"].as_array().unwrap();
            ids.extend(data.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            let Some(after) = page["list_metadata"]["after"].as_str() else { return ids };
            path = format!("{start}&after={after}");
        }
    }

    #[tokio::test]
    async fn pages_follow_each_other_until_the_end() {
        let provider = provider();
        let all = ids(
            &provider,
            "/events?events=authentication.sso_started,connection.activated&limit=7".into(),
        )
        .await;
        assert_eq!(all, (0..25).map(|n| format!("event_{n}")).collect::<Vec<_>>());
        let some = ids(&provider, "/events?events=connection.activated".into()).await;
        assert_eq!(some, [0, 5, 10, 15, 20].map(|n| format!("event_{n}")));
        let connections = ids(&provider, "/connections?limit=5".into()).await;
        assert_eq!(connections.len(), 12);
        assert_eq!(ids(&provider, "/organizations?limit=100".into()).await.len(), 12);
    }

    #[tokio::test]
    async fn ranges_and_organizations_narrow_the_list() {
        let provider = provider();
        let names = "events=authentication.sso_started,connection.activated&limit=100";
        let range = "range_start=1970-01-01T00:00:20.000Z&range_end=1970-01-01T00:00:23Z";
        let found = ids(&provider, format!("/events?{names}&{range}")).await;
        assert_eq!(found, [20, 21, 22].map(|n| format!("event_{n}")));
        let found = ids(&provider, format!("/events?{names}&organization_id=org_1")).await;
        assert_eq!(found.len(), 12);
    }

    #[tokio::test]
    async fn what_the_real_one_refuses_is_refused() {
        let provider = provider();
        let cases = [
            ("/events?events=x", "sk_wrong", 401),
            ("/events", API_KEY, 422),
            ("/events?events=x&limit=0", API_KEY, 422),
            ("/events?events=x&limit=101", API_KEY, 422),
            ("/events?events=x&after=event_nope", API_KEY, 422),
            ("/events?events=x&after=event_1&range_start=2026-01-01T00:00:00Z", API_KEY, 400),
            ("/events?events=x&range_start=2026-01-01T00:00:00%2B00:00", API_KEY, 422),
            ("/events?events=x&order=desc", API_KEY, 200),
            ("/connections?after=conn_nope", API_KEY, 422),
        ];
        for (path, key, want) in cases {
            assert_eq!(ask(&provider, path, key).await.0, want, "{path}");
        }
    }

    #[tokio::test]
    async fn now_and_then_it_is_too_much() {
        let provider = provider();
        let mut limited = 0;
        for _ in 0..40 {
            limited += u64::from(ask(&provider, "/connections", API_KEY).await.0 == 429);
        }
        assert_eq!(limited, 2);
    }
}
