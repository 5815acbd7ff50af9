//! What people decide by API or by page: silences and markers. Each is a record in the journal, so that it survives a restart;
//! an answer comes when it is durable and the snapshot shows it.

#[cfg(any(test, fuzzing))]
pub(super) mod fuzz;
mod handler;
pub(super) mod known;
pub(super) mod marker;
mod silence;
mod written;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{delete, get, post};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Admin, problem};
use crate::event::{Marker, Record, Silence, Timestamp};
use crate::journal::{Delivery, InletError};
use crate::signal::{Snapshot, Vocabulary};

/// Longest body: a decision has a few hundred bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// How long an answer waits for the snapshot to show what was decided; the engine publishes one a second.
const SHOWN_WITHIN: Duration = Duration::from_secs(3);

/// Something that is decided, listed and ended, and that a later one of the same id replaces.
trait Decision: Clone + Send + Sync + 'static {
    /// What one is called, and several.
    const ONE: &'static str;
    const MANY: &'static str;
    /// The page that shows them.
    const PAGE: &'static str;
    /// What the API takes.
    type Wanted: DeserializeOwned + Send;
    /// What a page sends.
    type Written: DeserializeOwned + Send;

    /// What a page means.
    fn read(written: Self::Written) -> Result<Self::Wanted, String>;
    /// Checks what is wanted; the error says what to write.
    fn new(wanted: Self::Wanted, now: Timestamp) -> Result<Self, String>;
    /// Those that are remembered.
    fn all(snapshot: &Snapshot) -> &[Arc<Self>];
    fn id(&self) -> &str;
    fn until(&self) -> Timestamp;
    /// The same, over as of `now`.
    fn ended(self, now: Timestamp) -> Self;
    fn record(self) -> Record;
    /// Refuses what can never have an effect.
    fn check(&self, _vocabulary: &Vocabulary) -> Result<(), String> {
        Ok(())
    }
    /// As the API gives it, beside what is known.
    fn shown(&self, now: Timestamp, snapshot: &Snapshot, vocabulary: &Vocabulary) -> Value;
}

/// The routes.
pub(super) fn routes() -> Router<Arc<Admin>> {
    routes_of::<Silence>("expire")
        .merge(routes_of::<Marker>("end"))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// `end` is the last word of the address to which the page's button leads.
fn routes_of<D: Decision>(end: &str) -> Router<Arc<Admin>> {
    let many = D::MANY;
    Router::new()
        .route(&format!("/api/v1/{many}"), get(handler::list::<D>).post(handler::create::<D>))
        .route(&format!("/api/v1/{many}/{{id}}"), delete(handler::end::<D>))
        .route(&format!("/{many}"), post(handler::create_by_form::<D>))
        .route(&format!("/{many}/{{id}}/{end}"), post(handler::end_by_form::<D>))
}

/// Makes a decision durable and waits until the snapshot shows it.
async fn keep<D: Decision>(admin: &Admin, decision: &D) -> Result<(), Box<Response>> {
    let record = decision.clone().record();
    let delivery = Delivery { events: Vec::new(), records: vec![record] };
    admin.inlet.try_deliver(delivery).await.map_err(|error| {
        let text = match &error {
            InletError::Busy | InletError::Closed => format!("{error}; try again"),
            InletError::Storage(_) => format!("{error}; nothing was changed"),
        };
        Box::new(problem(StatusCode::SERVICE_UNAVAILABLE, &text))
    })?;
    let (id, until) = (decision.id(), decision.until());
    let shown = |snapshot: &Arc<Snapshot>| {
        D::all(snapshot).iter().any(|one| one.id() == id && one.until() == until)
    };
    let mut snapshots = admin.snapshots.clone();
    // It is durable; a snapshot that is late is no failure.
    drop(tokio::time::timeout(SHOWN_WITHIN, snapshots.wait_for(shown)).await);
    Ok(())
}

/// A fresh id.
fn fresh_id() -> Box<str> {
    format!("{:016x}", fastrand::u64(..)).into()
}
