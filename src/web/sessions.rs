//! `GET /api/v1/sessions`: sign-ins, searched in the archive.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::limit::Limit;
use super::{Admin, misread, problem};
use crate::archive::{ArchiveError, Found, FoundStep, Search, Status, search};
use crate::event::{Privacy, Timestamp, Treatment};

/// Sign-ins of one answer at most, and unless `limit` says otherwise.
const LISTED_MAX: u32 = 1_000;
const LISTED_DEFAULT: u32 = 100;

/// Searches at a time: each has a thread and reads the disk.
const SEARCHES_MAX: usize = 2;

/// Longest condition, in bytes: ids have 31, e-mail addresses up to 254.
const CONDITION_BYTES_MAX: usize = 512;

/// Where sign-ins are searched.
#[derive(Debug)]
pub struct Sessions {
    path: PathBuf,
    privacy: Privacy,
    /// After so long a sign-in is expected to end no more.
    stalled_after_millis: i64,
    room: Semaphore,
}

/// What is asked for, by API or by page; what is empty is not asked for.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) status: String,
    pub(super) connection: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) after: String,
    pub(super) limit: Option<Limit>,
}

/// Why nothing was found out.
pub(super) enum Failed {
    /// The question cannot be read.
    Question(String),
    /// The archive cannot be read.
    Archive(String),
}

impl Asked {
    /// As a page asks, on which times are in UTC: there a zone may be left out.
    pub(super) fn in_utc(&self) -> Self {
        let zoned = |value: &String| match Timestamp::parse(value) {
            Some(at) => at.to_string(),
            None => value.clone(),
        };
        Self { from: zoned(&self.from), to: zoned(&self.to), ..self.clone() }
    }
}

impl Sessions {
    /// Of the archive at `path`; `privacy` is that of the events. A sign-in is expected to end within `stalled_after_millis`.
    #[must_use]
    pub fn new(path: PathBuf, privacy: Privacy, stalled_after_millis: i64) -> Self {
        Self { path, privacy, stalled_after_millis, room: Semaphore::new(SEARCHES_MAX) }
    }

    /// The sign-ins that fit, newest first, and whether there are more.
    pub(super) async fn find(
        &self,
        asked: &Asked,
        now: Timestamp,
    ) -> Result<(Vec<Found>, bool), Failed> {
        let limit = asked.limit.map_or(LISTED_DEFAULT, |limit| limit.0.get()).min(LISTED_MAX);
        let mut wanted = self.read(asked, now).map_err(Failed::Question)?;
        wanted.limit = limit + 1;
        let _room = self.room.acquire().await.expect("it is never closed");
        let path = self.path.clone();
        let found = tokio::task::spawn_blocking(move || search(&path, &wanted)).await;
        let found: Result<Vec<Found>, ArchiveError> = found.expect("a search does not panic");
        let mut found = found.map_err(|error| Failed::Archive(error.to_string()))?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        Ok((found, more))
    }

    pub(super) fn read(&self, asked: &Asked, now: Timestamp) -> Result<Search, String> {
        let given = |value: &str| (!value.trim().is_empty()).then(|| value.trim().to_owned());
        let all = [
            &asked.id,
            &asked.email,
            &asked.status,
            &asked.connection,
            &asked.from,
            &asked.to,
            &asked.after,
        ];
        if all.iter().any(|value| value.len() > CONDITION_BYTES_MAX) {
            return Err(format!("a condition has more than {CONDITION_BYTES_MAX} bytes"));
        }
        let moment = |name: &str, value: &str| match given(value) {
            None => Ok(None),
            Some(value) => {
                Timestamp::zoned(&value).map(Some).map_err(|problem| format!("`{name}` {problem}"))
            }
        };
        let status = match given(&asked.status) {
            None => None,
            Some(word) => Some(Status::parse(&word).ok_or_else(|| {
                let words = Status::ALL.map(Status::as_str).join(", ");
                format!("`status` is one of {words}")
            })?),
        };
        let after = given(&asked.after);
        if after.is_some() && given(&asked.to).is_none() {
            return Err("`after` is an id of the time that `to` names; give both, as the last sign-in of the page before has them".into());
        }
        Ok(Search {
            id: given(&asked.id),
            emails: given(&asked.email).map(|email| self.kept(&email)).transpose()?,
            status,
            connection: given(&asked.connection),
            from: moment("from", &asked.from)?,
            to: moment("to", &asked.to)?,
            after,
            limit: LISTED_DEFAULT,
            stalled_before: now.plus_millis(-self.stalled_after_millis),
        })
    }

    /// An e-mail address as it may have been kept: hashed, or as it is where that was or is allowed.
    fn kept(&self, email: &str) -> Result<Vec<String>, String> {
        if self.privacy.treatment() == Treatment::Drop {
            return Err("no e-mail address is kept (`privacy.personal: drop`); search by id, connection or time".into());
        }
        let hashed = self.privacy.concealed(email);
        let hashed = hashed.iter().map(|hashed| hashed.as_str().to_owned());
        Ok(hashed.chain([email.to_owned()]).collect())
    }
}

pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    RawQuery(query): RawQuery,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = match asked {
        Ok(Query(asked)) => asked,
        Err(rejection) => return misread(&rejection),
    };
    // A form sends what was left out; a script sends a variable that is not set, and would get everybody's.
    let mut given =
        query.iter().flat_map(|query| query.split('&')).filter_map(|one| one.split_once('='));
    if given.any(|(_, value)| value.is_empty()) {
        let text = "a parameter is empty; give it a value, or leave it out to find those of all";
        return problem(StatusCode::BAD_REQUEST, text);
    }
    match admin.sessions.find(&asked, admin.clock.now()).await {
        Ok((found, more)) => {
            let listed: Vec<_> = found.iter().map(shown).collect();
            Json(json!({"sessions": listed, "more": more, "not_known": ["origin"]})).into_response()
        }
        Err(Failed::Question(text)) => problem(StatusCode::BAD_REQUEST, &text),
        Err(Failed::Archive(text)) => problem(StatusCode::SERVICE_UNAVAILABLE, &text),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a duration is far below 2^52 milliseconds")]
fn shown(found: &Found) -> Value {
    let moment = |at: Option<Timestamp>| at.map(|at| at.to_string());
    json!({
        "id": found.id, "status": found.status.as_str(), "first_event_at": found.first_at.to_string(),
        "started_at": moment(found.started_at), "ended_at": moment(found.ended_at),
        "duration_seconds": found.millis().map(|millis| millis as f64 / 1000.0),
        "connection_id": found.connection, "organization_id": found.organization,
        "email": found.email, "user_id": found.user, "test": found.test,
        "events": found.steps.iter().map(step).collect::<Vec<_>>(),
    })
}

fn step(step: &FoundStep) -> Value {
    json!({
        "id": step.event, "event": step.name, "at": step.at.to_string(), "received_at": step.received_at.to_string(),
        "source": step.source, "code": step.code, "message": step.message,
    })
}
