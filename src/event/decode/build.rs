//! From what is written to what it means, within bounds.

use super::known::{self, Unknown};
use super::lenient::{Object, Text};
use super::memo::Memo;
use super::raw::{Certificate, Connection, Context, Data, Envelope, Error};
use super::{NAME_BYTES_MAX, Rejection, message};
use crate::event::{
    AuthError, AuthEvent, Authentication, Body, CertificateNotice, ConnectionId, ConnectionInfo,
    EventId, ID_BYTES_MAX, Novel, OrganizationId, Person, Privacy, Reason, SessionId, Sso, Step,
    Timestamp, UserKey,
};

/// Longest state, connection type or certificate type that is kept, in bytes: words of WorkOS, about 30 at
/// most.
const WORD_BYTES_MAX: usize = 64;

/// Longest name of a connection that is kept, in bytes. People choose it; it becomes a label value.
const LABEL_BYTES_MAX: usize = 256;

/// What an event is about, told by its name alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Sso(Step),
    Authentication,
    /// A connection changed; its state afterwards, where the name of the event says it.
    Connection(&'static str),
    Certificate,
    /// A name under `authentication.` that is not known yet.
    NewAuthentication,
    Other,
}

/// The event that `envelope` describes.
pub(super) fn event(
    envelope: &Object<Envelope<'_>>,
    privacy: &Privacy,
    memo: &mut Memo,
) -> Result<AuthEvent, Rejection> {
    let envelope =
        envelope.get().ok_or_else(|| not_an_event("not a WorkOS event; send one JSON object"))?;
    let id = event_id(envelope.id.required("id")?)?;
    let name = name(envelope.event.required("event")?)?;
    let at = timestamp(&envelope.created_at, "created_at")?;
    let kind = Kind::of(name);
    let body = body(kind, envelope, privacy, memo)?;
    let novel =
        if is_familiar(kind, name, envelope) { Vec::new() } else { novel(kind, name, envelope) };
    Ok(AuthEvent { id, at, name: memo.share(name), body, novel })
}

/// Whether there is nothing in the event that this version does not know, as far as it reads such events.
fn is_familiar(kind: Kind, name: &str, envelope: &Envelope<'_>) -> bool {
    match kind {
        Kind::Other => known::is_type(name),
        Kind::NewAuthentication => false,
        Kind::Sso(_) | Kind::Authentication | Kind::Connection(_) | Kind::Certificate => {
            parts(envelope).into_iter().all(|(_, unknown)| unknown.is_none_or(Unknown::is_empty))
        }
    }
}

/// What is read of an event, and the paths to it.
fn parts<'e>(envelope: &'e Envelope<'_>) -> [(&'static str, Option<&'e Unknown>); 8] {
    let (data, context) = (envelope.data.get(), envelope.context.get());
    let actor = context.and_then(|context| context.actor.get());
    let of = |part: fn(&'e Data<'_>) -> Option<&'e Unknown>| data.and_then(part);
    [
        ("", Some(&envelope.unknown)),
        ("context.", context.map(|context| &context.unknown)),
        ("context.actor.", actor.map(|actor| &actor.unknown)),
        ("data.", of(|data| Some(&data.here.unknown))),
        ("data.certificate.", of(|data| data.certificate.get().map(|part| &part.unknown))),
        ("data.connection.", of(|data| data.connection.get().map(|part| &part.unknown))),
        ("data.error.", of(|data| data.error.get().map(|part| &part.unknown))),
        ("data.sso.", of(|data| data.sso.get().map(|part| &part.unknown))),
    ]
}

/// The type, or else what is new about an event of a type that is read.
#[cold]
fn novel(kind: Kind, name: &str, envelope: &Envelope<'_>) -> Vec<(Novel, Box<str>)> {
    if matches!(kind, Kind::Other | Kind::NewAuthentication) {
        return vec![(Novel::Type, known::shown(name).into())];
    }
    let mut novel = Vec::new();
    for (path, unknown) in parts(envelope) {
        let Some(unknown) = unknown else { continue };
        novel.extend(unknown.fields().map(|field| (Novel::Field, format!("{path}{field}").into())));
        let words = unknown.words();
        novel.extend(words.map(|(at, word)| (Novel::Value, format!("{path}{at}={word}").into())));
    }
    novel
}

fn body(
    kind: Kind,
    envelope: &Envelope<'_>,
    privacy: &Privacy,
    memo: &mut Memo,
) -> Result<Body, Rejection> {
    let Some(data) = envelope.data.get() else {
        return match kind {
            Kind::NewAuthentication | Kind::Other => Ok(Body::Other),
            Kind::Sso(_) | Kind::Authentication | Kind::Connection(_) | Kind::Certificate => {
                Err(not_an_event("`data` is missing or not an object"))
            }
        };
    };
    Ok(match kind {
        Kind::Sso(step) => Body::Sso(sso(step, data, &envelope.context, privacy, memo)?),
        Kind::Authentication | Kind::NewAuthentication => Body::Authentication(Authentication {
            error: error(&data.error, privacy, memo),
            person: person(data, privacy, memo),
        }),
        Kind::Connection(state) => Body::Connection(connection(Some(state), &data.here)?),
        Kind::Certificate => Body::Certificate(certificate(data)?),
        Kind::Other => Body::Other,
    })
}

impl Kind {
    fn of(name: &str) -> Self {
        if let Some(rest) = name.strip_prefix("authentication.") {
            return Self::of_authentication(rest);
        }
        match name.strip_prefix("connection.") {
            Some("activated") => Self::Connection("active"),
            Some("deactivated") => Self::Connection("inactive"),
            Some("deleted") => Self::Connection("deleted"),
            Some("saml_certificate_renewal_required" | "saml_certificate_renewed") => {
                Self::Certificate
            }
            _ => Self::Other,
        }
    }

    fn of_authentication(rest: &str) -> Self {
        match rest {
            "sso_started" => return Self::Sso(Step::Started),
            "sso_succeeded" => return Self::Sso(Step::Succeeded),
            "sso_failed" => return Self::Sso(Step::Failed),
            "sso_timed_out" => return Self::Sso(Step::TimedOut),
            "reauthentication_succeeded" | "radar_risk_detected" => return Self::Authentication,
            _ => {}
        }
        let method = rest.strip_suffix("_succeeded").or_else(|| rest.strip_suffix("_failed"));
        match method {
            Some(
                "email_verification" | "magic_auth" | "mfa" | "oauth" | "passkey" | "password",
            ) => Self::Authentication,
            _ => Self::NewAuthentication,
        }
    }
}

fn sso(
    step: Step,
    data: &Data<'_>,
    context: &Object<Context<'_>>,
    privacy: &Privacy,
    memo: &mut Memo,
) -> Result<Sso, Rejection> {
    let source = context.get().and_then(|context| context.actor.get()?.source.optional());
    let mut sso = Sso {
        step,
        connection_id: None,
        organization_id: None,
        session_id: None,
        error: match step {
            Step::Failed | Step::TimedOut => error(&data.error, privacy, memo),
            Step::Started | Step::Succeeded => None,
        },
        person: person(data, privacy, memo),
        test: source == Some("admin_portal"),
    };
    if let Some(ids) = data.sso.get() {
        sso.connection_id = optional_id(&ids.connection_id, "data.sso.connection_id")?
            .filter(|id| !STANDING_IN.contains(id))
            .map(|id| ConnectionId::shared(memo.share(id)));
        sso.organization_id = optional_id(&ids.organization_id, "data.sso.organization_id")?
            .map(|id| OrganizationId::shared(memo.share(id)));
        sso.session_id = optional_id(&ids.session_id, "data.sso.session_id")?.map(SessionId::new);
    }
    Ok(sso)
}

/// A connection in a list. It says no name of its organization.
pub(super) fn listed_connection(
    listed: &Object<Connection<'_>>,
) -> Result<ConnectionInfo, Rejection> {
    connection(None, listed.get().ok_or_else(|| not_an_event("not a connection"))?)
}

/// An organization in a list: what is read of it has the same keys as a connection's.
pub(super) fn listed_organization(
    listed: &Object<Connection<'_>>,
) -> Result<(OrganizationId, Option<Box<str>>), Rejection> {
    let listed = listed.get().ok_or_else(|| not_an_event("not an organization"))?;
    Ok((OrganizationId::new(required_id(&listed.id, "id")?), label(&listed.name)))
}

/// `implied` is the state after such an event; what `data` says is more exact, except that what is deleted
/// stays so.
fn connection(implied: Option<&str>, data: &Connection<'_>) -> Result<ConnectionInfo, Rejection> {
    let state = word(&data.state).filter(|_| implied != Some("deleted"));
    Ok(ConnectionInfo {
        id: connection_id(&data.id, "data.id")?,
        organization_id: optional_id(&data.organization_id, "data.organization_id")?
            .map(OrganizationId::new),
        organization_name: None,
        connection_type: word(&data.connection_type),
        name: label(&data.name),
        state: state.or(implied.map(Into::into)),
    })
}

fn certificate(data: &Data<'_>) -> Result<CertificateNotice, Rejection> {
    let absent_connection = Connection::default();
    let absent_certificate = Certificate::default();
    let connection = data.connection.get().unwrap_or(&absent_connection);
    let certificate = data.certificate.get().unwrap_or(&absent_certificate);
    Ok(CertificateNotice {
        connection_id: connection_id(&connection.id, "data.connection.id")?,
        organization_id: optional_id(
            &connection.organization_id,
            "data.connection.organization_id",
        )?
        .map(OrganizationId::new),
        certificate_type: word(&certificate.certificate_type).unwrap_or_else(|| "unknown".into()),
        expires_at: timestamp(&certificate.expiry_date, "data.certificate.expiry_date")?,
    })
}

fn error(error: &Object<Error<'_>>, privacy: &Privacy, memo: &mut Memo) -> Option<AuthError> {
    let error = error.get()?;
    let code = error.code.optional().unwrap_or_default();
    let text = error.message.optional().unwrap_or_default();
    // Messages are for logs.
    let text = if privacy.is_passing() { "" } else { text };
    Some(AuthError {
        code: memo.code(code.trim(), privacy),
        message: message::treat(text, privacy).into(),
    })
}

/// Told apart by the user id, or else by the e-mail address.
fn person(data: &Data<'_>, privacy: &Privacy, memo: &mut Memo) -> Person {
    let mut treat = |text: &Text<'_>| text.optional().and_then(|value| memo.treat(value, privacy));
    let (ip_address, user_agent) = (treat(&data.ip_address), treat(&data.user_agent));
    let (user, email) = (data.user_id.optional(), data.email.optional());
    if privacy.is_passing() {
        let key = user.and_then(|user| privacy.key(user));
        let key = key.or_else(|| privacy.key(email?)).map(UserKey);
        return Person { key, user_id: None, email: None, ip_address, user_agent };
    }
    let user = user.and_then(|user| privacy.caller(user));
    let email = email.and_then(|email| privacy.caller(email));
    let key = user.as_ref().or(email.as_ref()).map(|(_, key)| UserKey(*key));
    let (user_id, email) = (user.map(|(user, _)| user), email.map(|(email, _)| email));
    Person { key, user_id, email, ip_address, user_agent }
}

/// What labels say in place of an id: that there is none, or one beyond a limit. As an id it would be two series of one name.
/// Senders who fill gaps mean the first.
const STANDING_IN: [&str; 2] = ["unknown", "other"];

fn event_id(text: &str) -> Result<EventId, Rejection> {
    checked_id(text, "id").map(EventId::new)
}

fn connection_id(text: &Text<'_>, field: &str) -> Result<ConnectionId, Rejection> {
    let id = required_id(text, field)?;
    if STANDING_IN.contains(&id) {
        let problem = format!("`{field}` is a word that stands for no connection");
        return Err(Rejection::new(Reason::BadId, problem));
    }
    Ok(ConnectionId::new(id))
}

fn required_id<'a>(text: &'a Text<'_>, field: &str) -> Result<&'a str, Rejection> {
    checked_id(text.required(field)?, field)
}

fn optional_id<'a>(text: &'a Text<'_>, field: &str) -> Result<Option<&'a str>, Rejection> {
    text.optional().map(|text| checked_id(text, field)).transpose()
}

/// Ids become keys of memory and values of labels: bounded, not empty, and free of control characters.
fn checked_id<'a>(text: &'a str, field: &str) -> Result<&'a str, Rejection> {
    if is_plain(text, ID_BYTES_MAX) {
        return Ok(text);
    }
    let problem = if text.trim().is_empty() {
        format!("`{field}` is empty")
    } else if text.len() > ID_BYTES_MAX {
        format!("`{field}` is longer than {ID_BYTES_MAX} bytes")
    } else if text.contains(message::is_control) {
        format!("`{field}` has a control character in it")
    } else {
        return Ok(text);
    };
    Err(Rejection::new(Reason::BadId, problem))
}

/// Whether `text` has visible ASCII characters alone, at least one. Nearly every id and name is settled here, without a look
/// at each character by itself.
fn is_plain(text: &str, bytes_max: usize) -> bool {
    let odd = |byte: u8| u8::from(byte.wrapping_sub(0x21) > 0x7E - 0x21);
    let plain = text.bytes().fold(0, |found, byte| found | odd(byte)) == 0;
    plain && !text.is_empty() && text.len() <= bytes_max
}

fn name(text: &str) -> Result<&str, Rejection> {
    if is_plain(text, NAME_BYTES_MAX) {
        return Ok(text);
    }
    if text.trim().is_empty() {
        return Err(not_an_event("`event` is empty"));
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(not_an_event(&format!("`event` is longer than {NAME_BYTES_MAX} bytes")));
    }
    if text.contains(message::is_control) {
        return Err(not_an_event("`event` has a control character in it"));
    }
    Ok(text)
}

fn timestamp(text: &Text<'_>, field: &str) -> Result<Timestamp, Rejection> {
    Timestamp::parse(text.required(field)?).ok_or_else(|| {
        Rejection::new(
            Reason::BadTimestamp,
            format!("`{field}` is not a time; write ISO 8601, e.g. 2026-01-15T12:00:00.000Z"),
        )
    })
}

fn label(text: &Text<'_>) -> Option<Box<str>> {
    text.optional().map(|text| message::printable(text, LABEL_BYTES_MAX).into())
}

fn word(text: &Text<'_>) -> Option<Box<str>> {
    text.optional().map(|text| message::printable(text.trim(), WORD_BYTES_MAX).into())
}

fn not_an_event(problem: &str) -> Rejection {
    Rejection::new(Reason::NotAnEvent, problem)
}
