//! Silences: listed, created, ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{FormRejection, JsonRejection};
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{decide, end, fresh_id, pairs, text};
use crate::event::{Record, Silence, Timestamp};
use crate::web::{Admin, problem};

/// Labels that one silence names at most, and their lengths: an alert has eight of its own.
const MATCHERS_MAX: usize = 8;
const LABEL_BYTES_MAX: usize = 64;
const VALUE_BYTES_MAX: usize = 256;

/// How long one lasts at most. What is never to be told belongs in the configuration.
const LENGTH_MILLIS_MAX: i64 = 30 * 86_400_000;

/// What the API takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    matchers: BTreeMap<String, String>,
    author: String,
    reason: String,
    until: Option<String>,
    duration: Option<String>,
}

/// What a page sends.
#[derive(Deserialize)]
pub(super) struct Written {
    matchers: String,
    author: String,
    reason: String,
    duration: String,
}

impl Wanted {
    pub(super) fn silence(self, now: Timestamp) -> Result<Silence, String> {
        let until = end(now, self.until.as_deref(), self.duration.as_deref())?;
        let until = until.ok_or("`until` or `duration` says when it ends")?;
        let length = until.millis_since(now);
        if !(1..=LENGTH_MILLIS_MAX).contains(&length) {
            return Err("a silence ends in the next 30 days".into());
        }
        if self.matchers.is_empty() || self.matchers.len() > MATCHERS_MAX {
            return Err(format!("`matchers` are 1 to {MATCHERS_MAX} labels with their values"));
        }
        for (label, value) in &self.matchers {
            let fits = (1..=LABEL_BYTES_MAX).contains(&label.len())
                && (1..=VALUE_BYTES_MAX).contains(&value.len());
            if !fits || label.contains(char::is_control) || value.contains(char::is_control) {
                return Err("`matchers`: a label or a value is empty or too long".into());
            }
        }
        let matchers = self.matchers.into_iter();
        Ok(Silence {
            id: fresh_id(),
            matchers: matchers.map(|(label, value)| (label.into(), value.into())).collect(),
            author: text("author", &self.author)?,
            reason: text("reason", &self.reason)?,
            from: now,
            until,
        })
    }
}

pub(super) async fn list(State(admin): State<Arc<Admin>>) -> Json<Value> {
    let snapshot = Arc::clone(&admin.snapshots.borrow());
    let now = admin.clock.now();
    let listed: Vec<_> = snapshot.silences.iter().map(|silence| shown(silence, now)).collect();
    Json(json!({ "silences": listed }))
}

pub(super) async fn create(
    State(admin): State<Arc<Admin>>,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Response {
    let wanted = match wanted {
        Ok(Json(wanted)) => wanted,
        Err(rejection) => return problem(rejection.status(), &rejection.body_text()),
    };
    match keep(&admin, wanted).await {
        Ok(silence) => {
            (StatusCode::CREATED, Json(shown(&silence, admin.clock.now()))).into_response()
        }
        Err(response) => *response,
    }
}

pub(super) async fn create_by_form(
    State(admin): State<Arc<Admin>>,
    written: Result<Form<Written>, FormRejection>,
) -> Response {
    let Written { matchers, author, reason, duration } = match written {
        Ok(Form(written)) => written,
        Err(rejection) => return problem(rejection.status(), &rejection.body_text()),
    };
    let matchers = match pairs(&matchers) {
        Ok(matchers) => matchers,
        Err(text) => return crate::web::page::mistake(&admin, &text),
    };
    let wanted = Wanted { matchers, author, reason, until: None, duration: Some(duration) };
    let silence = match wanted.silence(admin.clock.now()) {
        Ok(silence) => silence,
        Err(text) => return crate::web::page::mistake(&admin, &text),
    };
    match put(&admin, silence).await {
        Ok(_) => Redirect::to("/silences").into_response(),
        Err(response) => *response,
    }
}

pub(super) async fn expire(State(admin): State<Arc<Admin>>, Path(id): Path<String>) -> Response {
    match end_now(&admin, &id).await {
        Ok(silence) => Json(shown(&silence, admin.clock.now())).into_response(),
        Err(response) => *response,
    }
}

pub(super) async fn expire_by_form(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
) -> Response {
    match end_now(&admin, &id).await {
        Ok(_) => Redirect::to("/silences").into_response(),
        Err(response) => *response,
    }
}

async fn keep(admin: &Admin, wanted: Wanted) -> Result<Silence, Box<Response>> {
    let silence = wanted
        .silence(admin.clock.now())
        .map_err(|text| Box::new(problem(StatusCode::BAD_REQUEST, &text)))?;
    put(admin, silence).await
}

async fn end_now(admin: &Admin, id: &str) -> Result<Silence, Box<Response>> {
    let snapshot = Arc::clone(&admin.snapshots.borrow());
    let Some(known) = snapshot.silences.iter().find(|silence| *silence.id == *id) else {
        let text = "no such silence; see /api/v1/silences";
        return Err(Box::new(problem(StatusCode::NOT_FOUND, text)));
    };
    let now = admin.clock.now();
    if known.until <= now {
        return Ok(Silence::clone(known));
    }
    put(admin, Silence { until: now, ..Silence::clone(known) }).await
}

async fn put(admin: &Admin, silence: Silence) -> Result<Silence, Box<Response>> {
    let (id, until) = (silence.id.clone(), silence.until);
    decide(admin, Record::Silenced(silence.clone()), |snapshot| {
        snapshot.silences.iter().any(|one| one.id == id && one.until == until)
    })
    .await?;
    Ok(silence)
}

fn shown(silence: &Silence, now: Timestamp) -> Value {
    let state = if silence.lasts(now) { "active" } else { "ended" };
    json!({
        "id": silence.id, "state": state, "matchers": silence.matchers, "author": silence.author,
        "reason": silence.reason, "from": silence.from.to_string(), "until": silence.until.to_string(),
    })
}
