//! Markers of planned work: listed, created, ended.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{FormRejection, JsonRejection};
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{decide, end as end_of, fresh_id, moment, text};
use crate::event::{ConnectionId, Covers, Marker, Planned, Record, Timestamp};
use crate::web::{Admin, problem};

/// How far ahead work may be marked, how long afterwards, and how long it takes at most.
const AHEAD_MILLIS_MAX: i64 = 90 * 86_400_000;
const BEHIND_MILLIS_MAX: i64 = 7 * 86_400_000;
const LENGTH_MILLIS_MAX: i64 = 7 * 86_400_000;

/// Connections that one marker names at most; for more there is the whole fleet.
const CONNECTIONS_MAX: usize = 100;

/// What the API takes, and what a page sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    note: String,
    author: String,
    scope: Option<String>,
    from: Option<String>,
    until: Option<String>,
    duration: Option<String>,
    #[serde(default)]
    expects_trouble: bool,
}

impl Wanted {
    pub(super) fn marker(self, now: Timestamp) -> Result<Marker, String> {
        let from = self.from.as_deref().filter(|from| !from.trim().is_empty());
        let from = from.map_or(Ok(now), |from| moment("from", from))?;
        let until = end_of(from, self.until.as_deref(), self.duration.as_deref())?.unwrap_or(from);
        let distance = from.millis_since(now);
        if !(-BEHIND_MILLIS_MAX..=AHEAD_MILLIS_MAX).contains(&distance) {
            return Err("`from` is at most 7 days ago and 90 days ahead".into());
        }
        if !(0..=LENGTH_MILLIS_MAX).contains(&until.millis_since(from)) {
            return Err("work ends after it began, and within 7 days".into());
        }
        if self.expects_trouble && until == from {
            return Err("trouble that is expected has an end; set `until` or `duration`".into());
        }
        let scope = self.scope.as_deref().map(str::trim).filter(|scope| !scope.is_empty());
        let work = Planned {
            id: fresh_id(),
            from,
            until,
            covers: covers(scope.unwrap_or("fleet"))?,
            note: text("note", &self.note)?,
        };
        let author = text("author", &self.author)?;
        Ok(Marker { work, author, expected: self.expects_trouble })
    }
}

/// `fleet`, `connection_type:TYPE` or `connection:ID`, several ids with commas between.
fn covers(scope: &str) -> Result<Covers, String> {
    let wrong = || "`scope` is fleet, connection_type:TYPE or connection:ID,ID".to_owned();
    match scope.split_once(':') {
        None if scope == "fleet" => Ok(Covers::All),
        Some(("connection_type", name)) if !name.is_empty() => {
            Ok(Covers::ConnectionType(name.into()))
        }
        Some(("connection", ids)) => {
            let ids: Vec<_> = ids.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
            if !(1..=CONNECTIONS_MAX).contains(&ids.len()) {
                return Err(format!("`scope` names 1 to {CONNECTIONS_MAX} connections"));
            }
            Ok(Covers::Connections(ids.into_iter().map(ConnectionId::new).collect()))
        }
        _ => Err(wrong()),
    }
}

pub(super) async fn list(State(admin): State<Arc<Admin>>) -> Json<Value> {
    let snapshot = Arc::clone(&admin.snapshots.borrow());
    let listed: Vec<_> = snapshot.markers.iter().map(|marker| shown(marker)).collect();
    Json(json!({ "markers": listed }))
}

pub(super) async fn create(
    State(admin): State<Arc<Admin>>,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Response {
    let wanted = match wanted {
        Ok(Json(wanted)) => wanted,
        Err(rejection) => return problem(rejection.status(), &rejection.body_text()),
    };
    let marker = match wanted.marker(admin.clock.now()) {
        Ok(marker) => marker,
        Err(text) => return problem(StatusCode::BAD_REQUEST, &text),
    };
    match put(&admin, marker).await {
        Ok(marker) => (StatusCode::CREATED, Json(shown(&marker))).into_response(),
        Err(response) => *response,
    }
}

pub(super) async fn create_by_form(
    State(admin): State<Arc<Admin>>,
    wanted: Result<Form<Wanted>, FormRejection>,
) -> Response {
    let wanted = match wanted {
        Ok(Form(wanted)) => wanted,
        Err(rejection) => return problem(rejection.status(), &rejection.body_text()),
    };
    let marker = match wanted.marker(admin.clock.now()) {
        Ok(marker) => marker,
        Err(text) => return crate::web::page::mistake(&admin, &text),
    };
    match put(&admin, marker).await {
        Ok(_) => Redirect::to("/silences#work-name").into_response(),
        Err(response) => *response,
    }
}

pub(super) async fn end(State(admin): State<Arc<Admin>>, Path(id): Path<String>) -> Response {
    match end_now(&admin, &id).await {
        Ok(marker) => Json(shown(&marker)).into_response(),
        Err(response) => *response,
    }
}

pub(super) async fn end_by_form(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
) -> Response {
    match end_now(&admin, &id).await {
        Ok(_) => Redirect::to("/silences#work-name").into_response(),
        Err(response) => *response,
    }
}

async fn end_now(admin: &Admin, id: &str) -> Result<Marker, Box<Response>> {
    let snapshot = Arc::clone(&admin.snapshots.borrow());
    let Some(known) = snapshot.markers.iter().find(|marker| *marker.work.id == *id) else {
        let text = "no such marker; see /api/v1/markers";
        return Err(Box::new(problem(StatusCode::NOT_FOUND, text)));
    };
    let now = admin.clock.now();
    let mut marker = Marker::clone(known);
    if marker.work.until <= now {
        return Ok(marker);
    }
    // What has not begun ends where it would have begun.
    marker.work.until = now.max(marker.work.from);
    put(admin, marker).await
}

async fn put(admin: &Admin, marker: Marker) -> Result<Marker, Box<Response>> {
    let (id, until) = (marker.work.id.clone(), marker.work.until);
    decide(admin, Record::Marked(marker.clone()), |snapshot| {
        snapshot.markers.iter().any(|one| one.work.id == id && one.work.until == until)
    })
    .await?;
    Ok(marker)
}

fn shown(marker: &Marker) -> Value {
    let work = &marker.work;
    json!({
        "id": work.id, "note": work.note, "author": marker.author, "scope": scope(&work.covers),
        "from": work.from.to_string(), "until": work.until.to_string(), "expects_trouble": marker.expected,
    })
}

/// What a marker covers, as it is written.
pub(in crate::web) fn scope(covers: &Covers) -> String {
    match covers {
        Covers::All => "fleet".into(),
        Covers::ConnectionType(name) => format!("connection_type:{name}"),
        Covers::Connections(ids) => {
            let ids: Vec<_> = ids.iter().map(ConnectionId::as_str).collect();
            format!("connection:{}", ids.join(","))
        }
    }
}
