//! What cannot be read of a request, in words: what is wrong, and what to write. The parsers' own words are for programmers.

use axum::extract::rejection::{FormRejection, JsonRejection, QueryRejection};
use axum::http::StatusCode;

/// Parameters that cannot be read.
pub(super) fn query(rejection: &QueryRejection) -> String {
    let text = rejection.body_text();
    field(text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text))
}

/// A form that cannot be read.
pub(super) fn form(rejection: &FormRejection) -> String {
    let text = rejection.body_text();
    match text.strip_prefix("Failed to deserialize form body: ") {
        Some(text) => field(text),
        None => unread(rejection.status()),
    }
}

/// A body that cannot be read.
pub(super) fn body(rejection: &JsonRejection) -> String {
    let text = rejection.body_text();
    match rejection {
        JsonRejection::JsonDataError(_) => {
            let theirs = "Failed to deserialize the JSON body into the target type: ";
            let text = text.strip_prefix(theirs).unwrap_or(&text);
            field(text.rsplit_once(" at line ").map_or(text, |(text, _)| text))
        }
        JsonRejection::JsonSyntaxError(_) => {
            let place = text.rsplit_once(" at line ").map_or("1", |(_, place)| place);
            format!("the body is no valid JSON at line {place}; see docs/api.md for an example")
        }
        JsonRejection::MissingJsonContentType(_) => {
            "the body is not said to be JSON; send it with `Content-Type: application/json`".into()
        }
        _ => unread(rejection.status()),
    }
}

fn unread(status: StatusCode) -> String {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            "the body is too large; a decision has a few hundred bytes"
        }
        _ => "the body could not be read; send it again",
    }
    .into()
}

/// What serde says of a field, behind its name where there is one.
fn field(text: &str) -> String {
    let is_path =
        |path: &str| path.chars().all(|c| c.is_ascii_alphanumeric() || "_.[]".contains(c));
    let (path, problem) = match text.split_once(": ") {
        Some((path, problem)) if is_path(path) => (format!("`{path}`"), problem),
        _ => ("the body".to_owned(), text),
    };
    if let Some(name) = problem.strip_prefix("missing field ") {
        return format!("{name} is missing; see docs/api.md");
    }
    if let Some(name) = problem.strip_prefix("duplicate field ") {
        return format!("{name} is there twice; keep one");
    }
    if let Some(names) = problem.strip_prefix("unknown field ") {
        let (name, possible) = names.rsplit_once(", expected ").unwrap_or((names, "nothing"));
        let possible = possible.strip_prefix("one of ").unwrap_or(possible);
        return format!("{name} is not known here; possible are {possible}");
    }
    if problem.contains("expected struct ") {
        return format!("{path} is no JSON object; see docs/api.md for its keys");
    }
    let Some((kind, wanted)) = problem
        .strip_prefix("invalid type: ")
        .and_then(|problem| problem.rsplit_once(", expected "))
    else {
        return match problem {
            "provided string was not `true` or `false`" => format!("{path} is true or false"),
            problem => format!("{path} {problem}"),
        };
    };
    format!("{path} is {}; write {}", given(kind), to_write(wanted))
}

/// What a value is, without the value.
fn given(kind: &str) -> &str {
    let kind = kind.split(['`', '"']).next().unwrap_or_default().trim();
    match kind {
        "integer" | "floating point" => "a number",
        "boolean" => "true or false",
        "string" => "a text",
        "map" => "an object",
        "sequence" => "a list",
        kind => kind,
    }
}

fn to_write(wanted: &str) -> &str {
    match wanted {
        "a string" => "a text, in quotes",
        "a boolean" => "true or false, without quotes",
        "a map" => "an object, as {\"alertname\": \"SsoFleetFailing\"}",
        wanted => wanted,
    }
}
