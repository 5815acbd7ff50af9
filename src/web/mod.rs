//! The admin listener: pages, metrics, health and the JSON API, all from the newest snapshot.

mod api;
mod decision;
mod edge;
pub mod exposition;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub(crate) mod gate;
mod guard;
mod limit;
mod login;
mod misread;
mod page;
mod reload;
pub mod report;
mod runbook;
#[cfg(any(test, fuzzing))]
pub(crate) mod sample;
pub mod series;
pub mod sessions;
mod story;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hyper::body::Frame;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use tokio::sync::watch;

pub use self::api::incident_json;
use self::exposition::Exposition;
pub use self::guard::Guard;
pub use self::reload::Reload;
use self::series::Series;
use self::sessions::Sessions;
use crate::clock::{Clock, Standing};
use crate::journal::Inlet;
use crate::setting::Secret;
use crate::signal::{Snapshot, Vocabulary};

/// What the routes need.
#[derive(Debug)]
pub struct Admin {
    /// The newest snapshot; the time 0 until there is one.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Renders the daemon's own telemetry.
    pub own: PrometheusHandle,
    /// Whoever asks must have it, but for health; none: nobody must.
    pub token: Option<Secret>,
    /// Which connections have series of their own.
    pub series: Arc<Series>,
    /// Where what people decide is recorded.
    pub inlet: Inlet,
    /// The time.
    pub clock: Clock,
    /// The URL by which people come.
    pub external_url: String,
    /// Loads the configuration again; none: there is none to load.
    pub reload: Option<Reload>,
    /// What protects the listener.
    pub guard: Guard,
    /// The labels of alerts, and their values.
    pub vocabulary: Vocabulary,
    /// Where sign-ins are searched.
    pub sessions: Sessions,
    /// Whether this instance owns the journal: only then metrics hold more than the daemon's own, so that of several instances
    /// one shows each series.
    pub owner: bool,
    /// How many receivers there are; without any, nobody is paged.
    pub receivers: usize,
}

/// The routes.
pub fn router(admin: Admin) -> Router {
    let admin = Arc::new(admin);
    let open = Router::new()
        .route("/-/healthy", get(|| async { "ssowatch is healthy.\n" }))
        .route("/-/ready", get(ready))
        .route("/-/owner", get(owner))
        .route("/runbooks", get(runbook::index))
        .route("/runbooks/{name}", get(runbook::page))
        .merge(login::routes())
        .merge(page::assets());
    let known = Router::new()
        .merge(page::routes())
        .merge(api::routes())
        .merge(decision::routes().route_layer(middleware::from_fn(without_parameters)))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&admin), once_known));
    Router::new()
        .route(
            "/metrics",
            get(metrics).layer(tower_http::compression::CompressionLayer::new().gzip(true)),
        )
        .merge(known)
        .route("/-/reload", post(reload::reload))
        .fallback(|| async { problem(StatusCode::NOT_FOUND, "no such route; see docs/api.md") })
        .method_not_allowed_fallback(|| async {
            problem(
                StatusCode::METHOD_NOT_ALLOWED,
                "this route does not take this method; see docs/api.md",
            )
        })
        .layer(middleware::from_fn_with_state(Arc::clone(&admin), guard::authorize))
        .merge(open)
        .layer(middleware::map_response(guard::secure))
        .with_state(admin)
}

fn problem(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({"error": text}))).into_response()
}

/// Parameters that cannot be read.
fn misread(rejection: &QueryRejection) -> Response {
    problem(StatusCode::BAD_REQUEST, &misread::query(rejection))
}

/// Lets through what asks a route without parameters for what it has: what is misspelt, or belongs to another one, would not count.
async fn without_parameters(request: Request, next: Next) -> Response {
    if request.uri().query().is_none_or(str::is_empty) {
        return next.run(request).await;
    }
    problem(StatusCode::BAD_REQUEST, "this route takes no parameters; see docs/api.md")
}

impl Admin {
    /// Whether there is a snapshot: an owner begins with one, a standby may have to read the journal first.
    fn knows(&self) -> bool {
        self.snapshots.borrow().now.millis() != 0
    }

    /// How the engine's time stands to the clock.
    fn standing(&self) -> Standing {
        Standing::of(self.snapshots.borrow().now, self.clock)
    }
}

/// Lets through what is answered from the snapshot, once there is one.
async fn once_known(State(admin): State<Arc<Admin>>, request: Request, next: Next) -> Response {
    if admin.knows() {
        return next.run(request).await;
    }
    let refusal =
        problem(StatusCode::SERVICE_UNAVAILABLE, "ssowatch is reading its journal; try again");
    ([(header::RETRY_AFTER, "1")], refusal).into_response()
}

async fn ready(State(admin): State<Arc<Admin>>) -> Response {
    let problem = match admin.standing() {
        _ if !admin.knows() => "ssowatch is reading its journal.\n",
        Standing::Held(_) => {
            "ssowatch waits for its journal: nothing can be made durable. Look at the disk of `data_dir`, or at NATS.\n"
        }
        _ if admin.inlet.passage().is_shut() => {
            "ssowatch is a standby, and NATS has taken nothing of what came for 30 s. Its log says why.\n"
        }
        Standing::Even => return "ssowatch is ready.\n".into_response(),
        // What comes is taken and counted all the same; refused, it would be lost.
        Standing::Ahead(until) => {
            let until = until.to_rfc3339_seconds();
            return format!(
                "ssowatch is ready, and judges nothing until {until}: the clock was set back.\n"
            )
            .into_response();
        }
    };
    (StatusCode::SERVICE_UNAVAILABLE, problem).into_response()
}

/// For load balancers and people: whether this instance owns the journal.
async fn owner(State(admin): State<Arc<Admin>>) -> Response {
    if admin.owner {
        return "ssowatch owns the journal.\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, "ssowatch is a standby.\n").into_response()
}

async fn metrics(State(admin): State<Arc<Admin>>) -> Response {
    let snapshot = Arc::clone(&admin.snapshots.borrow());
    // To choose among 100,000 connections takes a while: not on a thread that answers others.
    let begun = tokio::task::spawn_blocking(move || {
        admin.own.run_upkeep();
        if !admin.owner {
            return Exposition::own(admin.own.render());
        }
        let chosen = admin.series.choose(&snapshot);
        Exposition::new(snapshot, &chosen, admin.own.render())
    });
    match begun.await {
        Ok(page) => {
            let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
            (kind, Body::new(Parts(page))).into_response()
        }
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "the exposition could not be written"),
    }
}

/// A body whose parts are made when there is room for them on the way out.
struct Parts(Exposition);

impl HttpBody for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.next().map(|part| Ok(Frame::data(part.into()))))
    }
}
