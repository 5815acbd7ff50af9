//! What the routes of every kind of decision do: list, create and end, by API and by page.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{FormRejection, JsonRejection};
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Value, json};

use super::{Decision, keep};
use crate::web::{Admin, misread, page, problem};

pub(super) async fn list<D: Decision>(State(admin): State<Arc<Admin>>) -> Json<Value> {
    let snapshot = Arc::clone(&admin.snapshots.borrow());
    let now = admin.clock.now();
    let all = D::all(&snapshot).iter();
    let listed: Vec<_> = all.map(|one| one.shown(now, &snapshot, &admin.vocabulary)).collect();
    Json(json!({ D::MANY: listed }))
}

/// What is wanted, when it can have an effect.
fn made<D: Decision>(admin: &Admin, wanted: D::Wanted) -> Result<D, String> {
    let decision = D::new(wanted, admin.clock.now())?;
    decision.check(&admin.vocabulary)?;
    Ok(decision)
}

fn shown<D: Decision>(admin: &Admin, decision: &D) -> Value {
    decision.shown(admin.clock.now(), &admin.snapshots.borrow(), &admin.vocabulary)
}

pub(super) async fn create<D: Decision>(
    State(admin): State<Arc<Admin>>,
    wanted: Result<Json<D::Wanted>, JsonRejection>,
) -> Response {
    let wanted = match wanted {
        Ok(Json(wanted)) => wanted,
        Err(rejection) => return problem(rejection.status(), &misread::body(&rejection)),
    };
    let decision = match made::<D>(&admin, wanted) {
        Ok(decision) => decision,
        Err(text) => return problem(StatusCode::BAD_REQUEST, &text),
    };
    match keep(&admin, &decision).await {
        Ok(()) => (StatusCode::CREATED, Json(shown(&admin, &decision))).into_response(),
        Err(response) => *response,
    }
}

pub(super) async fn create_by_form<D: Decision>(
    State(admin): State<Arc<Admin>>,
    written: Result<Form<D::Written>, FormRejection>,
) -> Response {
    let written = match written {
        Ok(Form(written)) => written,
        Err(rejection) => {
            return page::mistake(&admin, rejection.status(), &misread::form(&rejection));
        }
    };
    let wanted = D::read(written);
    let decision = match wanted.and_then(|wanted| made::<D>(&admin, wanted)) {
        Ok(decision) => decision,
        Err(text) => return page::mistake(&admin, StatusCode::BAD_REQUEST, &text),
    };
    match keep(&admin, &decision).await {
        Ok(()) => Redirect::to(D::PAGE).into_response(),
        Err(response) => *response,
    }
}

pub(super) async fn end<D: Decision>(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
) -> Response {
    match end_now::<D>(&admin, &id).await {
        Ok(decision) => Json(shown(&admin, &decision)).into_response(),
        Err(response) => *response,
    }
}

pub(super) async fn end_by_form<D: Decision>(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
) -> Response {
    match end_now::<D>(&admin, &id).await {
        Ok(_) => Redirect::to(D::PAGE).into_response(),
        Err(response) => *response,
    }
}

/// Ends one, unless it is over already.
async fn end_now<D: Decision>(admin: &Admin, id: &str) -> Result<D, Box<Response>> {
    let snapshot = Arc::clone(&admin.snapshots.borrow());
    let Some(known) = D::all(&snapshot).iter().find(|one| one.id() == id) else {
        let text = format!("no such {}; see /api/v1/{}", D::ONE, D::MANY);
        return Err(Box::new(problem(StatusCode::NOT_FOUND, &text)));
    };
    let (known, now) = (D::clone(known), admin.clock.now());
    if known.until() <= now {
        return Ok(known);
    }
    let ended = known.ended(now);
    keep(admin, &ended).await?;
    Ok(ended)
}
