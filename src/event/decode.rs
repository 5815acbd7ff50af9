//! WorkOS's JSON into [`AuthEvent`].
//!
//! Lenient where WorkOS is loose (a missing `object`, null or missing `sso` fields, numbers where text is expected, types
//! and fields that nobody knew yet), strict where an event would be meaningless (no id, no name, no time). Text is borrowed
//! from the input until the event is built; fields that are not used are skipped without being built.

mod raw;

use raw::{RawData, RawEvent, RawSso};

use super::personal::cut;
use super::{
    AuthError, AuthEvent, Authentication, Body, CertificateNotice, ConnectionId, ConnectionInfo,
    EventId, ID_BYTES_MAX, OrganizationId, Person, Privacy, Reason, SessionId, Sso, Step,
    Timestamp,
};

/// How far `created_at` may lie ahead of our clock: more than clocks differ, and what Datadog accepts.
pub const FUTURE_MILLIS_MAX: i64 = 10 * 60 * 1000;

/// Longest event name. WorkOS's longest has 50 bytes; names become label values.
pub const NAME_BYTES_MAX: usize = 100;

/// Longest `error.code` that is kept; the rest is cut.
pub const CODE_BYTES_MAX: usize = 128;

/// Longest `error.message` that is kept; the rest is cut.
pub const MESSAGE_BYTES_MAX: usize = 512;

/// Longest name or type of a connection or organization that is kept; the rest is cut.
const TITLE_BYTES_MAX: usize = 200;

/// Input that is not an event. Says where and what to do, and repeats nothing of the input but field names.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{problem}")]
pub struct Rejection {
    /// The label under which it is counted.
    pub reason: Reason,
    /// A sentence for whoever sent it.
    pub problem: String,
}

impl Rejection {
    /// A rejection for `reason`, in words.
    #[must_use]
    pub fn new(reason: Reason, problem: impl Into<String>) -> Self {
        Self { reason, problem: problem.into() }
    }
}

/// Decodes one event: one JSON object, as webhooks and the Events API give it.
pub fn decode(bytes: &[u8], privacy: &Privacy) -> Result<AuthEvent, Rejection> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let place = error.valid_up_to();
        Rejection::new(Reason::NotUtf8, format!("byte {place} is not UTF-8; send JSON in UTF-8"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let raw: RawEvent<'_> = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    build(&raw, privacy)
}

/// Decodes one entry of Datadog's log intake: the event as the whole object, under `message` (an object or JSON text), or
/// under `attributes`. Which of them WorkOS's stream uses is documented nowhere.
pub fn decode_datadog_log(bytes: &[u8], privacy: &Privacy) -> Result<AuthEvent, Rejection> {
    let whole = match decode(bytes, privacy) {
        Err(rejection) if rejection.reason == Reason::NotAnEvent => rejection,
        decided => return decided,
    };
    let Ok(wrapper) = serde_json::from_slice::<raw::RawLog<'_>>(bytes) else { return Err(whole) };
    if let Some(message) = wrapper.message {
        let inner = match serde_json::from_str::<String>(message.get()) {
            Ok(text) => decode(text.as_bytes(), privacy),
            Err(_) => decode(message.get().as_bytes(), privacy),
        };
        if inner.is_ok() {
            return inner;
        }
    }
    match wrapper.attributes {
        Some(attributes) => decode(attributes.get().as_bytes(), privacy),
        None => Err(Rejection::new(
            Reason::NotAnEvent,
            "no WorkOS event in this log: expected one as the log itself, under `message` or under `attributes`",
        )),
    }
}

/// Refuses an event from the future: it would move windows that have not begun.
pub fn check_time(event: &AuthEvent, now: Timestamp) -> Result<(), Rejection> {
    let ahead = event.at.millis_since(now);
    if ahead <= FUTURE_MILLIS_MAX {
        return Ok(());
    }
    let problem = format!(
        "`created_at` is {} s ahead of this machine's clock; check the clocks (at most {} s are accepted)",
        ahead / 1000,
        FUTURE_MILLIS_MAX / 1000
    );
    Err(Rejection::new(Reason::FutureTimestamp, problem))
}

fn not_json(error: &serde_json::Error) -> Rejection {
    let place = format!("line {} column {}", error.line(), error.column());
    match error.classify() {
        serde_json::error::Category::Data => {
            let problem = format!(
                "{place}: not a WorkOS event; expected one JSON object with `id`, `event`, `data` and `created_at`, each once"
            );
            Rejection::new(Reason::NotAnEvent, problem)
        }
        _ if error.to_string().contains("recursion limit") => Rejection::new(
            Reason::TooDeep,
            format!("{place}: nested too deep; events nest below 10"),
        ),
        _ => Rejection::new(Reason::NotJson, format!("{place}: not valid JSON, or cut off")),
    }
}

fn build(raw: &RawEvent<'_>, privacy: &Privacy) -> Result<AuthEvent, Rejection> {
    let id = raw.id.get().ok_or_else(|| missing("id"))?;
    let id = EventId::new(checked_id("id", id)?);
    let name = raw.event.get().ok_or_else(|| missing("event"))?;
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        let problem = format!(
            "`event` is not the name of an event: 1 to {NAME_BYTES_MAX} bytes, e.g. authentication.sso_failed"
        );
        return Err(Rejection::new(Reason::NotAnEvent, problem));
    }
    let created_at = raw.created_at.get().ok_or_else(|| missing("created_at"))?;
    let at = timestamp("created_at", created_at)?;
    let body = body(name, raw, privacy)?;
    Ok(AuthEvent { id, at, name: name.into(), body })
}

fn body(name: &str, raw: &RawEvent<'_>, privacy: &Privacy) -> Result<Body, Rejection> {
    let data = || raw.data.0.as_ref().ok_or_else(|| missing("data"));
    let step = match name {
        "authentication.sso_started" => Step::Started,
        "authentication.sso_succeeded" => Step::Succeeded,
        "authentication.sso_failed" => Step::Failed,
        "authentication.sso_timed_out" => Step::TimedOut,
        "connection.activated" | "connection.deactivated" | "connection.deleted" => {
            return connection(name, data()?).map(Body::Connection);
        }
        "connection.saml_certificate_renewal_required" | "connection.saml_certificate_renewed" => {
            return certificate(data()?).map(Body::Certificate);
        }
        _ if name.starts_with("authentication.") => {
            let Some(data) = raw.data.0.as_ref() else { return Ok(Body::Other) };
            let (error, person) = (auth_error(data, privacy), person(data, privacy));
            return Ok(Body::Authentication(Authentication { error, person }));
        }
        _ => return Ok(Body::Other),
    };
    let data = data()?;
    let none = RawSso::default();
    let sso = data.sso.0.as_ref().unwrap_or(&none);
    let test = raw.context.0.as_ref().and_then(|context| context.actor.0.as_ref());

    Ok(Body::Sso(Sso {
        step,
        connection_id: optional_id("data.sso.connection_id", sso.connection_id.get())?
            .map(ConnectionId::new),
        organization_id: optional_id("data.sso.organization_id", sso.organization_id.get())?
            .map(OrganizationId::new),
        session_id: optional_id("data.sso.session_id", sso.session_id.get())?.map(SessionId::new),
        error: match step {
            Step::Failed | Step::TimedOut => auth_error(data, privacy),
            Step::Started | Step::Succeeded => None,
        },
        person: person(data, privacy),
        test: test.is_some_and(|actor| actor.source.get() == Some("admin_portal")),
    }))
}

fn connection(name: &str, data: &RawData<'_>) -> Result<ConnectionInfo, Rejection> {
    let id = data.id.get().ok_or_else(|| missing("data.id"))?;
    let state = if name == "connection.deleted" { Some("deleted") } else { data.state.get() };
    Ok(ConnectionInfo {
        id: ConnectionId::new(checked_id("data.id", id)?),
        organization_id: optional_id("data.organization_id", data.organization_id.get())?
            .map(OrganizationId::new),
        organization_name: None,
        connection_type: title(data.connection_type.get()),
        name: title(data.name.get()),
        state: title(state),
    })
}

fn certificate(data: &RawData<'_>) -> Result<CertificateNotice, Rejection> {
    let connection = data.connection.0.as_ref().ok_or_else(|| missing("data.connection"))?;
    let certificate = data.certificate.0.as_ref().ok_or_else(|| missing("data.certificate"))?;
    let id = connection.id.get().ok_or_else(|| missing("data.connection.id"))?;
    let organization_id = connection.organization_id.get();
    let expiry =
        certificate.expiry_date.get().ok_or_else(|| missing("data.certificate.expiry_date"))?;
    Ok(CertificateNotice {
        connection_id: ConnectionId::new(checked_id("data.connection.id", id)?),
        organization_id: optional_id("data.connection.organization_id", organization_id)?
            .map(OrganizationId::new),
        certificate_type: title(certificate.certificate_type.get())
            .unwrap_or_else(|| "unknown".into()),
        expires_at: timestamp("data.certificate.expiry_date", expiry)?,
    })
}

fn person(data: &RawData<'_>, privacy: &Privacy) -> Person {
    let treat = |value: Option<&str>| value.and_then(|value| privacy.treat(value));
    Person {
        key: privacy.user_key(data.user_id.get(), data.email.get()),
        user_id: treat(data.user_id.get()),
        email: treat(data.email.get()),
        ip_address: treat(data.ip_address.get()),
        user_agent: treat(data.user_agent.get()),
    }
}

fn auth_error(data: &RawData<'_>, privacy: &Privacy) -> Option<AuthError> {
    let error = data.error.0.as_ref()?;
    let code = cut(error.code.get().unwrap_or_default(), CODE_BYTES_MAX);
    Some(AuthError {
        code: printable(code).into(),
        message: scrubbed(error.message.get(), privacy).into(),
    })
}

/// Free text may name a person: words that look like an address or a user id are treated like the fields that hold them.
fn scrubbed(message: Option<&str>, privacy: &Privacy) -> String {
    let message = cut(message.unwrap_or_default(), MESSAGE_BYTES_MAX);
    let mut words = String::with_capacity(message.len());
    for (index, word) in message.split(' ').enumerate() {
        if index > 0 {
            words.push(' ');
        }
        let core = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '_');
        let personal = core.contains('@')
            || core.starts_with("user_")
            || core.parse::<std::net::IpAddr>().is_ok();
        if personal {
            let treated = privacy.treat(core);
            words.push_str(treated.as_ref().map_or("[removed]", |value| value.as_str()));
        } else {
            words.push_str(word);
        }
    }
    printable(&words)
}

fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn title(text: Option<&str>) -> Option<Box<str>> {
    text.filter(|text| !text.is_empty()).map(|text| printable(cut(text, TITLE_BYTES_MAX)).into())
}

fn timestamp(field: &str, text: &str) -> Result<Timestamp, Rejection> {
    Timestamp::parse(text).ok_or_else(|| {
        let problem =
            format!("`{field}` is not a time; write ISO 8601, e.g. 2026-01-15T12:00:00.000Z");
        Rejection::new(Reason::BadTimestamp, problem)
    })
}

/// Ids become label values and keys: bounded, not empty, no control characters.
fn checked_id<'a>(field: &str, id: &'a str) -> Result<&'a str, Rejection> {
    if id.is_empty() || id.len() > ID_BYTES_MAX || id.chars().any(char::is_control) {
        let problem =
            format!("`{field}` is not an id: 1 to {ID_BYTES_MAX} bytes without control characters");
        return Err(Rejection::new(Reason::BadId, problem));
    }
    Ok(id)
}

/// An empty id means the same as null.
fn optional_id<'a>(field: &str, id: Option<&'a str>) -> Result<Option<&'a str>, Rejection> {
    id.filter(|id| !id.is_empty()).map(|id| checked_id(field, id)).transpose()
}

fn missing(field: &str) -> Rejection {
    Rejection::new(Reason::NotAnEvent, format!("`{field}` is missing: not a WorkOS event"))
}

#[cfg(test)]
mod tests;
