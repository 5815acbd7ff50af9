//! `POST /v1/edge?format=F&tier=T`: access-log lines in a request.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use crate::event::batch::{LINE_BYTES_MAX, decompress, too_long};
use crate::event::decode::Rejection;
use crate::event::edge::{EdgeTally, Tallier};
use crate::event::{Reason, Record, Source, Timestamp};
use crate::source::intake::{
    Intake, LISTED_MAX, PUSH_BYTES_MAX, PUSH_DECOMPRESSED_BYTES_MAX, Refusal,
};
use crate::source::room::discard;

/// What the lines are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::source) struct Params {
    format: String,
    tier: Option<String>,
}

/// What became of the lines of a body.
#[derive(Default)]
struct Counted {
    tallies: Vec<EdgeTally>,
    accepted: u64,
    /// Rejected lines by number, as many as an answer lists.
    rejected: Vec<(u64, Rejection)>,
    /// All rejected lines by reason.
    refused: BTreeMap<Reason, u64>,
}

/// Takes a body of lines, and answers when what they add up to is durable.
pub(in crate::source) async fn edge(
    State(intake): State<Arc<Intake>>,
    params: Result<Query<Params>, QueryRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let source = Source::Edge;
    let (parts, body) = request.into_parts();
    if let Err(refusal) = intake.authorize(source, &parts.headers) {
        discard(&parts.headers, body).await;
        return Err(refusal);
    }
    let Query(params) = params.map_err(|_| {
        let names = parts.uri.query().unwrap_or_default().split('&');
        // A misspelt `tier` would put the requests into another one.
        let problem = if names.clone().any(|name| name.starts_with("format=")) {
            "the parameters are `format` and `tier`, each once"
        } else {
            "name the format of the lines"
        };
        let example = "e.g. POST /v1/edge?format=nginx_json&tier=web";
        Refusal(StatusCode::BAD_REQUEST, format!("{problem}, {example}"))
    })?;
    let tier = params.tier.as_deref().filter(|tier| !tier.is_empty());
    let tallier = intake.edge.take(&params.format, tier);
    let tallier = tallier.map_err(|problem| Refusal(StatusCode::BAD_REQUEST, problem))?;
    let room = &intake.rooms.pushes;
    let held = room.read(&parts.headers, body, PUSH_BYTES_MAX).await;
    let held = held.map_err(|unread| intake.unread(source, unread, PUSH_BYTES_MAX))?;
    let _turn = room.grow().await;
    let encoding =
        parts.headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?"));
    let encoding = encoding.map(str::to_owned);
    let now = intake.clock.now();
    let talliers = intake.edge.clone();
    // A full body is 200,000 lines, half a second of work: not on a thread that answers others.
    let counting = tokio::task::spawn_blocking(move || {
        let body = decompress(&held.bytes, encoding.as_deref(), PUSH_DECOMPRESSED_BYTES_MAX)?;
        let mut tallier = tallier;
        let counted = count(&mut tallier, &body, now);
        talliers.put(tallier);
        Ok(counted)
    });
    let counted: Result<Counted, Rejection> = counting.await.map_err(|_| {
        Refusal(StatusCode::INTERNAL_SERVER_ERROR, "the lines could not be read".into())
    })?;
    let counted = counted.map_err(|rejection| intake.refuse(source, &rejection))?;
    if !counted.tallies.is_empty() {
        intake.record(counted.tallies.into_iter().map(Record::Edge).collect()).await?;
    }
    for (reason, count) in &counted.refused {
        intake.inlet.refuse(source, *reason, *count);
    }
    let lines: Vec<_> = counted
        .rejected
        .iter()
        .map(|(line, rejection)| json!({"line": line, "reason": rejection.reason.as_str(), "problem": rejection.problem}))
        .collect();
    let mut answer = json!({"accepted": counted.accepted, "duplicates": 0, "rejected": lines});
    let more = counted.refused.values().sum::<u64>() - counted.rejected.len() as u64;
    if more > 0 {
        answer["rejected_not_listed"] = more.into();
    }
    Ok(axum::Json(answer).into_response())
}

/// What stands between line ends.
fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut from = 0;
    memchr::memchr_iter(b'\n', body).chain([body.len()]).map(move |end| {
        let line = &body[from..end];
        from = end + 1;
        line
    })
}

fn count(tallier: &mut Tallier, body: &[u8], now: Timestamp) -> Counted {
    let mut counted = Counted::default();
    for (number, line) in (1..).zip(lines(body)) {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let added =
            if line.len() > LINE_BYTES_MAX { Err(too_long()) } else { tallier.add(line, now) };
        let Err(rejection) = added else {
            counted.accepted += 1;
            continue;
        };
        *counted.refused.entry(rejection.reason).or_default() += 1;
        if counted.rejected.len() < LISTED_MAX {
            counted.rejected.push((number, rejection));
        }
    }
    counted.tallies = tallier.take();
    counted
}

#[cfg(test)]
mod tests;
