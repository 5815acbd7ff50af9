//! Whom would a declared limit hurt?

use std::fmt::Write;

use serde_json::{Value, json};

use crate::event::Timestamp;
use crate::signal::{KeyView, LimitView};

/// A limit as one JSON object.
pub(super) fn as_json(limit: &LimitView) -> Value {
    let time = |at: Option<Timestamp>| at.map(Timestamp::to_rfc3339_seconds);
    let keys: Vec<_> = limit
        .keys
        .iter()
        .map(|key| {
            json!({
                "key": key.key.as_str(), "refused": key.refused, "peak": key.peak,
                "first_refused_at": time(key.first_refused_at), "last_refused_at": time(key.last_refused_at),
            })
        })
        .collect();
    json!({
        "type": "limit", "limit": limit.limit, "quota": limit.quota, "requests": limit.requests,
        "requests_not_held": limit.unnamed, "exceeded": limit.exceeded, "refused_keys": limit.refused_keys,
        "first_refused_at": time(limit.first_refused_at), "keys": keys,
    })
}

/// A limit as a table of those whom it would hurt, and who came nearest after them.
pub(super) fn as_text(limit: &LimitView) -> String {
    let LimitView { limit: name, quota, requests, exceeded, refused_keys, .. } = limit;
    let mut text = format!("\nLimit {name} ({quota}): would have refused ");
    let verdict = match (limit.first_refused_at, refused_keys) {
        (Some(first), keys) => format!(
            "{exceeded} of {requests} requests, of {keys} caller{}, the first at {}",
            if *keys == 1 { "" } else { "s" },
            first.to_rfc3339_seconds()
        ),
        (None, _) => format!("none of {requests} requests"),
    };
    text.push_str(&verdict);
    if limit.unnamed > 0 {
        add(
            &mut text,
            format_args!("; {} of less busy callers were not held against it", limit.unnamed),
        );
    }
    if limit.keys.is_empty() {
        return text;
    }
    let widest = limit.keys.iter().map(|key| key.key.as_str().chars().count()).max().unwrap_or(0);
    let width = widest.max("caller".len());
    let header = "   refused  highest use  first refused         last refused";
    add(&mut text, format_args!("\n  {:<width$}{header}", "caller"));
    for key in &limit.keys {
        add(&mut text, format_args!("\n  {}", row(key, width)));
    }
    text
}

fn row(key: &KeyView, width: usize) -> String {
    let time =
        |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), Timestamp::to_rfc3339_seconds);
    let peak = format!("{:.0} %", key.peak * 100.0);
    format!(
        "{:<width$}{:>10}  {peak:>11}  {:<20}  {}",
        key.key.as_str(),
        key.refused,
        time(key.first_refused_at),
        time(key.last_refused_at)
    )
}

fn add(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("memory grows");
}
