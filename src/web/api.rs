//! The JSON API: what the snapshot says, as documented in `docs/api.md`.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use serde_json::{Value, json};

use super::limit::Limit;
use super::{Admin, edge, gate, misread, problem, report, sessions, story, without_parameters};
use crate::clock::Standing;
use crate::event::OrganizationId;
use crate::signal::{ConnectionView, Counts, Incident, Snapshot, State as IncidentState, Stretch};

/// Connections that one answer lists at most, and unless `limit` says otherwise.
const LISTED_MAX: u32 = 10_000;
const LISTED_DEFAULT: u32 = 100;

/// The routes.
pub(super) fn routes() -> Router<Arc<Admin>> {
    let plain = Router::new()
        .route("/api/v1/status", get(status))
        .route("/api/v1/connections/{id}", get(connection))
        .route("/api/v1/tiers", get(tiers))
        .route("/api/v1/limits", get(limits))
        .route("/api/v1/incidents/{id}", get(incident))
        .route("/api/v1/incidents/{id}/report", get(incident_report))
        .route_layer(middleware::from_fn(without_parameters));
    plain
        .route("/api/v1/connections", get(connections))
        .route("/api/v1/incidents", get(incidents))
        .route("/api/v1/gate", get(judge))
        .route("/api/v1/sessions", get(sessions::list))
}

async fn status(State(admin): State<Arc<Admin>>) -> Json<Value> {
    let snapshot = Arc::clone(&admin.snapshots.borrow());
    let count =
        |state| snapshot.incidents.iter().filter(|incident| incident.state == state).count();
    let sources = snapshot.sources.iter().map(|source| {
        json!({
            "source": source.source.as_str(), "received": source.received, "duplicates": source.duplicates,
            "late": source.late, "missing": source.missing, "lag_seconds": source.lag_millis.map(seconds),
            "last_event_at": source.last_event_at.map(|at| at.to_string()),
            "rejected": source.rejected.iter().map(|(reason, count)| (reason.as_str().to_owned(), Value::from(*count))).collect::<serde_json::Map<_, _>>(),
        })
    });
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"), "now": snapshot.now.to_string(),
        "connections": snapshot.connections.len(),
        "sessions": sessions(&snapshot.fleet.totals, snapshot.fleet.in_progress),
        "windows": windows(&snapshot.fleet.windows),
        "incidents": {"firing": count(IncidentState::Firing), "pending": count(IncidentState::Pending), "resolved": count(IncidentState::Resolved)},
        "sources": sources.collect::<Vec<_>>(),
    }))
}

#[expect(clippy::cast_precision_loss, reason = "a lag in seconds needs no more than 52 bits")]
fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}

fn sessions(totals: &Counts, in_progress: u64) -> Value {
    json!({"started": totals.started, "succeeded": totals.succeeded, "failed": totals.failed,
        "timed_out": totals.timed_out, "stalled": totals.stalled, "in_progress": in_progress})
}

fn windows(windows: &[Counts]) -> Value {
    let each = crate::signal::WINDOWS.iter().zip(windows).map(|((label, _), counts)| {
        let value = json!({"started": counts.started, "finished": counts.finished(), "failed": counts.failed,
            "timed_out": counts.timed_out, "failure_ratio": counts.failure_ratio(), "timeout_ratio": counts.timeout_ratio()});
        ((*label).to_owned(), value)
    });
    each.collect::<serde_json::Map<_, _>>().into()
}

fn connection_json(view: &ConnectionView) -> Value {
    let info = view.info.as_deref();
    json!({
        "connection_id": view.label(),
        "organization_id": info.and_then(|info| info.organization_id.as_ref()).map(OrganizationId::as_str),
        "organization_name": info.and_then(|info| info.organization_name.as_deref()),
        "connection_type": info.and_then(|info| info.connection_type.as_deref()),
        "name": info.and_then(|info| info.name.as_deref()),
        "state": info.and_then(|info| info.state.as_deref()),
        "certificates": view.certificates.iter().map(|(kind, certificate)| json!({"certificate_type": kind, "expires_at": certificate.expires_at.to_string()})).collect::<Vec<_>>(),
        "sessions": sessions(&view.scope.totals, view.scope.in_progress),
        "windows": windows(&view.scope.windows),
        "causes": view.causes.iter().map(|(cause, count)| (cause.to_string(), Value::from(*count))).collect::<serde_json::Map<_, _>>(),
        "last_event_at": view.last_event_at.map(|at| at.to_string()),
    })
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    sort: Option<String>,
    limit: Option<Limit>,
}

async fn connections(
    State(admin): State<Arc<Admin>>,
    listing: Result<Query<Listing>, QueryRejection>,
) -> Response {
    let listing = match listing {
        Ok(Query(listing)) => listing,
        Err(rejection) => return misread(&rejection),
    };
    let snapshot = Arc::clone(&admin.snapshots.borrow());
    let mut views: Vec<_> = snapshot.connections.iter().collect();
    let ratio = |ratio: Option<f64>| std::cmp::Reverse(ratio.map_or(0, f64::to_bits));
    match listing.sort.as_deref().unwrap_or("failure_ratio") {
        "failure_ratio" => views.sort_by_key(|view| ratio(view.scope.windows[1].failure_ratio())),
        "timeout_ratio" => views.sort_by_key(|view| ratio(view.scope.windows[1].timeout_ratio())),
        "attempts" => views.sort_by_key(|view| std::cmp::Reverse(view.scope.windows[1].finished())),
        "connection_id" => views.sort_by_key(|view| view.label()),
        _ => {
            let text = "`sort` is failure_ratio, timeout_ratio, attempts or connection_id";
            return problem(StatusCode::BAD_REQUEST, text);
        }
    }
    let limit = listing.limit.map_or(LISTED_DEFAULT, |limit| limit.0.get()).min(LISTED_MAX);
    let listed: Vec<_> =
        views.into_iter().take(limit as usize).map(|view| connection_json(view)).collect();
    Json(json!({"connections": listed, "total": snapshot.connections.len()})).into_response()
}

async fn connection(State(admin): State<Arc<Admin>>, Path(id): Path<String>) -> Response {
    let snapshot = Arc::clone(&admin.snapshots.borrow());
    let found = snapshot.connections.iter().find(|view| view.label() == id);
    found.map_or_else(
        || problem(StatusCode::NOT_FOUND, "no such connection; see /api/v1/connections"),
        |view| Json(connection_json(view)).into_response(),
    )
}

async fn tiers(State(admin): State<Arc<Admin>>) -> Json<Value> {
    Json(edge::tiers(&admin.snapshots.borrow()))
}

async fn limits(State(admin): State<Arc<Admin>>) -> Json<Value> {
    Json(edge::limits(&admin.snapshots.borrow()))
}

/// An incident as the API and `replay` give it.
#[must_use]
pub fn incident_json(incident: &Incident) -> Value {
    json!({
        "id": incident.id, "fingerprint": incident.fingerprint, "alertname": incident.alertname,
        "severity": incident.severity.as_str(), "scope": incident.scope.as_str(), "state": incident.state.as_str(),
        "labels": incident.labels, "started_at": incident.started_at.to_string(),
        "fired_at": incident.fired_at.map(|at| at.to_string()),
        "resolved_at": incident.resolved_at.map(|at| at.to_string()),
        "summary": incident.summary, "description": incident.description, "evidence": incident.evidence,
        "peak": incident.course.peak.as_ref().map(stretch_json), "people": incident.course.people,
        "connections": incident.course.reach.connections, "organizations": incident.course.reach.organizations,
        "ended_at": incident.course.ended_at.map(|at| at.to_string()),
        "timeline": story::story(incident).into_iter().map(|(at, what)| json!({"at": at.to_string(), "what": what})).collect::<Vec<_>>(),
    })
}

fn stretch_json(one: &Stretch) -> Value {
    json!({
        "share": one.share(), "margin": one.margin(), "attempts": one.attempts, "bad": one.bad,
        "from": one.from.to_string(), "until": one.until.to_string(),
    })
}

/// An incident, what it is joined with, and the silence that covers it now.
fn told(incident: &Incident, snapshot: &Snapshot) -> Value {
    let mut json = incident_json(incident);
    json["part_of"] = json!(incident.part_of);
    let part = |part: &Arc<Incident>| json!({"id": part.id, "alertname": part.alertname, "summary": part.summary, "evidence": part.evidence});
    json["parts"] = incident.parts.iter().map(part).collect();
    json["silenced_by"] = json!(snapshot.silence_of(incident).map(|silence| &silence.id));
    json
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    state: Option<String>,
}

async fn incidents(
    State(admin): State<Arc<Admin>>,
    which: Result<Query<Which>, QueryRejection>,
) -> Response {
    let which = match which {
        Ok(Query(which)) => which,
        Err(rejection) => return misread(&rejection),
    };
    let snapshot = Arc::clone(&admin.snapshots.borrow());
    let closed = match which.state.as_deref() {
        None => None,
        Some("open") => Some(false),
        Some("closed") => Some(true),
        Some(_) => return problem(StatusCode::BAD_REQUEST, "`state` is open or closed"),
    };
    let fits = |incident: &Incident| {
        closed.is_none_or(|closed| closed == (incident.state == IncidentState::Resolved))
    };
    let all = snapshot.joined();
    let listed = all.iter().filter(|incident| fits(incident));
    let listed: Vec<_> = listed.map(|incident| told(incident, &snapshot)).collect();
    Json(json!({"incidents": listed})).into_response()
}

async fn incident(State(admin): State<Arc<Admin>>, Path(id): Path<String>) -> Response {
    let snapshot = Arc::clone(&admin.snapshots.borrow());
    let found = snapshot.incident(&id);
    found.map_or_else(
        || problem(StatusCode::NOT_FOUND, "no such incident; see /api/v1/incidents"),
        |incident| Json(told(&incident, &snapshot)).into_response(),
    )
}

async fn incident_report(State(admin): State<Arc<Admin>>, Path(id): Path<String>) -> Response {
    let snapshot = Arc::clone(&admin.snapshots.borrow());
    let Some(incident) = snapshot.incident(&id) else {
        return problem(StatusCode::NOT_FOUND, "no such incident; see /api/v1/incidents");
    };
    let kind = [(header::CONTENT_TYPE, "text/markdown; charset=utf-8")];
    (kind, report::markdown(&incident, &snapshot)).into_response()
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    pub(super) scope: String,
    pub(super) since: String,
}

async fn judge(
    State(admin): State<Arc<Admin>>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let Asked { scope, since } = match asked {
        Ok(Query(asked)) => asked,
        Err(rejection) => return misread(&rejection),
    };
    let Some(about) = gate::About::parse(&scope) else {
        return problem(
            StatusCode::BAD_REQUEST,
            "`scope` is all, fleet, connection:ID or tier:NAME",
        );
    };
    let since = match crate::event::Timestamp::zoned(&since) {
        Ok(since) => since,
        Err(wrong) => return problem(StatusCode::BAD_REQUEST, &format!("`since` {wrong}")),
    };
    let snapshot = Arc::clone(&admin.snapshots.borrow());
    if snapshot.now.millis_since(since) > gate::BACK_MILLIS_MAX {
        let text = "`since` is more than an hour ago, and what came before is not counted by the minute any more; ask about the last hour";
        return problem(StatusCode::BAD_REQUEST, text);
    }
    let standing = Standing::of(snapshot.now, admin.clock);
    Json(gate::judge(&snapshot, &about, since).while_time(standing)).into_response()
}
