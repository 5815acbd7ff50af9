//! The pages for people: server-rendered, from the same snapshot as everything else, usable without a script.

mod chart;
mod connection;
mod edge;
mod front;
mod health;
pub(super) mod html;
mod incident;
mod listing;
mod session;
mod silence;
pub(super) mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use self::health::Health;
use self::html::Visitor;
use self::listing::Listing;
use super::sessions::{Asked, Failed};
use super::{Admin, misread};
use crate::event::Timestamp;

/// The routes of the pages.
pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .route("/", get(front))
        .route("/connections/{id}", get(connection))
        .route("/edge", get(edge))
        .route("/incidents", get(incidents))
        .route("/incidents/{id}", get(incident))
        .route("/silences", get(silences))
        .route("/sessions", get(sessions))
        .route("/sessions/{id}", get(session))
}

/// The style and the script, which anybody may see.
pub(super) fn assets() -> Router<Arc<Admin>> {
    Router::new()
        .route(
            "/style.css",
            get(|| async { asset("text/css; charset=utf-8", include_str!("style.css")) }),
        )
        .route(
            "/live.js",
            get(|| async { asset("text/javascript; charset=utf-8", include_str!("live.js")) }),
        )
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

async fn front(
    State(admin): State<Arc<Admin>>,
    Extension(visitor): Extension<Visitor>,
    listing: Result<Query<Listing>, QueryRejection>,
) -> Response {
    let snapshot = Arc::clone(&admin.snapshots.borrow());
    match listing {
        Ok(Query(listing)) => {
            let health = Health {
                own: &admin.own.render(),
                standing: admin.standing(),
                receivers: admin.receivers,
            };
            Html(front::page(&snapshot, &listing, &health, visitor)).into_response()
        }
        Err(rejection) => {
            absent(StatusCode::BAD_REQUEST, &misread::query(&rejection), snapshot.now, visitor)
        }
    }
}

async fn connection(
    State(admin): State<Arc<Admin>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
) -> Response {
    let snapshot = Arc::clone(&admin.snapshots.borrow());
    let asked = Asked { connection: id.clone(), limit: Some(session::ROWS), ..Asked::default() };
    // Without the archive there is still all that the snapshot says.
    let recent =
        admin.sessions.find(&asked, snapshot.now).await.map_or_else(|_| Vec::new(), |it| it.0);
    connection::page(&snapshot, &id, &recent, visitor).map_or_else(
        || absent(StatusCode::NOT_FOUND, "No such connection is known.", snapshot.now, visitor),
        |page| Html(page).into_response(),
    )
}

async fn edge(
    State(admin): State<Arc<Admin>>,
    Extension(visitor): Extension<Visitor>,
) -> Html<String> {
    Html(edge::page(&admin.snapshots.borrow(), visitor))
}

async fn incidents(
    State(admin): State<Arc<Admin>>,
    Extension(visitor): Extension<Visitor>,
) -> Html<String> {
    Html(incident::list(&admin.snapshots.borrow(), visitor))
}

async fn incident(
    State(admin): State<Arc<Admin>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
) -> Response {
    let snapshot = Arc::clone(&admin.snapshots.borrow());
    incident::page(&snapshot, &id, visitor).map_or_else(
        || absent(StatusCode::NOT_FOUND, "No such incident is remembered.", snapshot.now, visitor),
        |page| Html(page).into_response(),
    )
}

async fn sessions(
    State(admin): State<Arc<Admin>>,
    Extension(visitor): Extension<Visitor>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Html<String> {
    let now = admin.clock.now();
    let Query(mut asked) = asked.unwrap_or_default();
    asked.limit = Some(session::ROWS);
    let found = admin.sessions.find(&asked.in_utc(), now).await.map_err(|failed| match failed {
        Failed::Question(words) | Failed::Archive(words) => words,
    });
    Html(session::list(now, &asked, &found, visitor))
}

async fn session(
    State(admin): State<Arc<Admin>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
) -> Response {
    let now = admin.clock.now();
    let asked = Asked { id, ..Asked::default() };
    match admin.sessions.find(&asked, now).await {
        Ok((found, _)) => found.first().map_or_else(
            || absent(StatusCode::NOT_FOUND, "No such sign-in is kept.", now, visitor),
            |found| Html(session::page(now, found, visitor)).into_response(),
        ),
        Err(Failed::Question(words) | Failed::Archive(words)) => {
            absent(StatusCode::SERVICE_UNAVAILABLE, &words, now, visitor)
        }
    }
}

#[derive(serde::Deserialize)]
struct Labels {
    #[serde(default)]
    labels: String,
}

async fn silences(
    State(admin): State<Arc<Admin>>,
    Extension(visitor): Extension<Visitor>,
    labels: Result<Query<Labels>, QueryRejection>,
) -> Html<String> {
    let labels = labels.map(|Query(labels)| labels.labels).unwrap_or_default();
    Html(silence::page(&admin.snapshots.borrow(), &admin.vocabulary, &labels, visitor))
}

/// What a person sees who wrote something that cannot be taken.
pub(super) fn mistake(admin: &Admin, status: StatusCode, words: &str) -> Response {
    let mut page = html::Html::still("Not taken", Visitor::Other);
    let words = html::Escaped(words);
    page.line(format_args!(
        "<h1>It was not taken</h1>\n<p>{words}</p>\n<p>Go back in the browser: what you wrote is still there.</p>"
    ));
    let now = admin.snapshots.borrow().now;
    (status, Html(page.end(now, "/api/v1/silences"))).into_response()
}

/// What a person sees who came to nothing.
fn absent(status: StatusCode, words: &str, now: Timestamp, visitor: Visitor) -> Response {
    let mut page = html::Html::begin("Not found", visitor);
    let words = html::Escaped(words);
    page.line(format_args!("<h1>{words}</h1>\n<p><a href=\"/\">Back to the status page</a></p>"));
    (status, Html(page.end(now, "/api/v1/status"))).into_response()
}
