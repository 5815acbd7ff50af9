//! What people decide by API or by page: silences and markers. Each is a record in the journal, so that it survives a restart;
//! an answer comes when it is durable and the snapshot shows it.

#[cfg(any(test, fuzzing))]
pub(super) mod fuzz;
pub(super) mod marker;
mod silence;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{delete, get, post};

use super::{Admin, problem};
use crate::event::{Record, Timestamp};
use crate::journal::{Delivery, InletError};
use crate::setting::Period;
use crate::signal::Snapshot;

/// Longest body: a decision has a few hundred bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// Longest text that people write, in characters: what a pager or a chat shows.
const TEXT_MAX: usize = 200;

/// How long an answer waits for the snapshot to show what was decided; the engine publishes one a second.
const SHOWN_WITHIN: Duration = Duration::from_secs(3);

/// The routes.
pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .route("/api/v1/silences", get(silence::list).post(silence::create))
        .route("/api/v1/silences/{id}", delete(silence::expire))
        .route("/silences", post(silence::create_by_form))
        .route("/silences/{id}/expire", post(silence::expire_by_form))
        .route("/api/v1/markers", get(marker::list).post(marker::create))
        .route("/api/v1/markers/{id}", delete(marker::end))
        .route("/markers", post(marker::create_by_form))
        .route("/markers/{id}/end", post(marker::end_by_form))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// Makes `record` durable and waits until the snapshot shows it.
async fn decide(
    admin: &Admin,
    record: Record,
    shown: impl FnMut(&Arc<Snapshot>) -> bool,
) -> Result<(), Box<Response>> {
    let delivery = Delivery { events: Vec::new(), records: vec![record] };
    admin.inlet.try_deliver(delivery).await.map_err(|error| {
        let text = match &error {
            InletError::Busy | InletError::Closed => format!("{error}; try again"),
            InletError::Storage(_) => format!("{error}; nothing was changed"),
        };
        Box::new(problem(StatusCode::SERVICE_UNAVAILABLE, &text))
    })?;
    let mut snapshots = admin.snapshots.clone();
    // It is durable; a snapshot that is late is no failure.
    drop(tokio::time::timeout(SHOWN_WITHIN, snapshots.wait_for(shown)).await);
    Ok(())
}

/// A fresh id.
fn fresh_id() -> Box<str> {
    format!("{:016x}", fastrand::u64(..)).into()
}

/// Text that people wrote: one line, not empty.
fn text(name: &str, given: &str) -> Result<Box<str>, String> {
    let words = given.split_whitespace().collect::<Vec<_>>().join(" ");
    let printable = !words.contains(char::is_control);
    if words.is_empty() || words.chars().count() > TEXT_MAX || !printable {
        return Err(format!("`{name}` is a line of 1 to {TEXT_MAX} characters"));
    }
    Ok(words.into())
}

/// When something ends that begins at `from`: at `until`, or after `duration`; `None` when neither is said.
fn end(
    from: Timestamp,
    until: Option<&str>,
    duration: Option<&str>,
) -> Result<Option<Timestamp>, String> {
    let given = |value: Option<&str>| value.is_some_and(|value| !value.trim().is_empty());
    match (until.filter(|_| given(until)), duration.filter(|_| given(duration))) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err("`until` and `duration` are both set; keep one".into()),
        (Some(until), None) => moment("until", until).map(Some),
        (None, Some(duration)) => {
            let period: Period = duration
                .trim()
                .parse()
                .map_err(|_| "`duration` is a length of time, e.g. 90m".to_owned())?;
            Ok(Some(from.plus_millis(period.millis())))
        }
    }
}

fn moment(name: &str, given: &str) -> Result<Timestamp, String> {
    Timestamp::parse(given).ok_or_else(|| format!("`{name}` is a time, e.g. 2026-01-15T12:00:00Z"))
}

/// `label=value`, separated by commas.
fn pairs(given: &str) -> Result<BTreeMap<String, String>, String> {
    let parts = given.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (label, value) = part.split_once('=').ok_or_else(|| {
                format!("`{part}` is not label=value, e.g. alertname=SsoFleetFailing")
            })?;
            Ok((label.trim().to_owned(), value.trim().to_owned()))
        })
        .collect()
}
