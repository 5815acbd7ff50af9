//! One event as one log.

use serde::Serialize;

use super::Identity;
use crate::event::{
    AuthError, AuthEvent, Body, CertificateNotice, ConnectionId, ConnectionInfo, OrganizationId,
    Person, Personal, SessionId, Sso, Step,
};
use crate::sink::batch::Envelope;

/// `POST /api/v2/logs`, with Datadog's numbers, which are of decompressed bytes. It also cuts a log at 1 MB: one of ours has
/// less than 10 KiB, because decoding bounds what an event holds.
pub(super) const ENVELOPE: Envelope = Envelope {
    before: "[",
    between: ",",
    after: "]",
    gzip: true,
    items_max: 1_000,
    bytes_max: 5_000_000,
    wire_bytes_max: 5_000_000,
};

/// The integration whose facets Datadog offers.
const SOURCE: &str = "workos";

/// Who sends.
const SERVICE: &str = "ssowatch";

/// A log as it goes over the wire. Attributes are named as in Datadog's standard, where it has a name.
#[derive(Serialize)]
struct Log<'a> {
    message: String,
    status: &'static str,
    /// Milliseconds since the epoch.
    timestamp: i64,
    ddsource: &'static str,
    service: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    ddtags: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<&'a str>,
    evt: Evt<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sso: Option<SsoIds<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorInfo<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usr: Option<Usr<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<Network<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<Http<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<Connection<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<Certificate<'a>>,
}

#[derive(Serialize)]
struct Evt<'a> {
    /// The dedup key: a log may arrive twice.
    id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
}

#[derive(Default, Serialize)]
struct SsoIds<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
    /// A sign-in of the Admin Portal's test.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    test: bool,
}

#[derive(Serialize)]
struct ErrorInfo<'a> {
    /// WorkOS's name of it, and Datadog's.
    code: &'a str,
    kind: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct Usr<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
}

#[derive(Serialize)]
struct Network<'a> {
    client: Client<'a>,
}

#[derive(Serialize)]
struct Client<'a> {
    ip: &'a str,
}

#[derive(Serialize)]
struct Http<'a> {
    useragent: &'a str,
}

#[derive(Serialize)]
struct Connection<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
}

#[derive(Serialize)]
struct Certificate<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    expires_at: String,
}

/// The log of `event`. Same event, same bytes.
pub(super) fn log(event: &AuthEvent, identity: &Identity, ddtags: &str) -> Box<str> {
    let outcome = outcome(event);
    let mut log = Log {
        message: message(event),
        status: status(event, outcome),
        timestamp: event.at.millis(),
        ddsource: SOURCE,
        service: SERVICE,
        ddtags,
        hostname: identity.host.as_deref(),
        evt: Evt { id: event.id.as_str(), name: &event.name, outcome },
        sso: None,
        error: None,
        usr: None,
        network: None,
        http: None,
        connection: None,
        certificate: None,
    };
    match &event.body {
        Body::Sso(sso) => {
            log.sso = Some(SsoIds {
                session_id: sso.session_id.as_ref().map(SessionId::as_str),
                test: sso.test,
                ..ids(sso.connection_id.as_ref(), sso.organization_id.as_ref())
            });
            log.error = sso.error.as_ref().map(error);
            log.person(&sso.person);
        }
        Body::Authentication(other) => {
            log.error = other.error.as_ref().map(error);
            log.person(&other.person);
        }
        Body::Connection(info) => {
            log.sso = Some(ids(Some(&info.id), info.organization_id.as_ref()));
            log.connection = Some(Connection {
                name: info.name.as_deref(),
                kind: info.connection_type.as_deref(),
                state: info.state.as_deref(),
            });
        }
        Body::Certificate(notice) => {
            log.sso = Some(ids(Some(&notice.connection_id), notice.organization_id.as_ref()));
            log.certificate = Some(Certificate {
                kind: &notice.certificate_type,
                expires_at: notice.expires_at.to_string(),
            });
        }
        Body::Other => {}
    }
    serde_json::to_string(&log).expect("names and numbers can be encoded").into()
}

impl<'a> Log<'a> {
    fn person(&mut self, person: &'a Person) {
        let text = |value: &'a Option<Personal>| value.as_ref().map(Personal::as_str);
        let (id, email) = (text(&person.user_id), text(&person.email));
        self.usr = (id.is_some() || email.is_some()).then_some(Usr { id, email });
        self.network = text(&person.ip_address).map(|ip| Network { client: Client { ip } });
        self.http = text(&person.user_agent).map(|useragent| Http { useragent });
    }
}

fn ids<'a>(
    connection: Option<&'a ConnectionId>,
    organization: Option<&'a OrganizationId>,
) -> SsoIds<'a> {
    SsoIds {
        connection_id: connection.map(ConnectionId::as_str),
        organization_id: organization.map(OrganizationId::as_str),
        ..SsoIds::default()
    }
}

fn error(error: &AuthError) -> ErrorInfo<'_> {
    ErrorInfo { code: &error.code, kind: &error.code, message: &error.message }
}

/// In the words of the metrics' tag `outcome`.
fn outcome(event: &AuthEvent) -> Option<&'static str> {
    match &event.body {
        Body::Sso(sso) => match sso.step {
            Step::Started => None,
            Step::Succeeded => Some("succeeded"),
            Step::Failed => Some("failed"),
            Step::TimedOut => Some("timed_out"),
        },
        Body::Authentication(_) => {
            ["succeeded", "failed"].into_iter().find(|word| event.name.ends_with(word))
        }
        Body::Connection(_) | Body::Certificate(_) | Body::Other => None,
    }
}

fn status(event: &AuthEvent, outcome: Option<&str>) -> &'static str {
    let due = event.name.ends_with("certificate_renewal_required");
    match outcome {
        Some("failed") => "error",
        Some("timed_out") => "warn",
        Some(_) | None => {
            if due {
                "warn"
            } else {
                "info"
            }
        }
    }
}

/// What happened, in plain words.
fn message(event: &AuthEvent) -> String {
    match &event.body {
        Body::Sso(sso) => sign_in(sso),
        Body::Connection(info) => connection(info, &event.name),
        Body::Certificate(notice) => certificate(notice, &event.name),
        Body::Authentication(other) => {
            let words = words(&event.name);
            other.error.as_ref().map_or(words.clone(), |error| format!("{words}: {}", why(error)))
        }
        Body::Other => words(&event.name),
    }
}

fn sign_in(sso: &Sso) -> String {
    let step = match sso.step {
        Step::Started => "started",
        Step::Succeeded => "succeeded",
        Step::Failed => "failed",
        Step::TimedOut => "timed out",
    };
    let on = sso.connection_id.as_ref().map_or_else(
        || "without a connection".to_owned(),
        |connection| format!("on {}", connection.as_str()),
    );
    let test = if sso.test { "Test sign-in" } else { "Sign-in" };
    let why = sso.error.as_ref().map_or_else(String::new, |error| format!(": {}", why(error)));
    format!("{test} {step} {on}{why}")
}

fn why(error: &AuthError) -> String {
    match (&*error.code, &*error.message) {
        ("", message) => message.to_owned(),
        (code, "") => code.to_owned(),
        (code, message) => format!("{code}, {message}"),
    }
}

fn connection(info: &ConnectionInfo, name: &str) -> String {
    let id = info.id.as_str();
    let known = info.name.as_ref().map_or_else(|| id.to_owned(), |name| format!("{name} ({id})"));
    let (_, what) = name.rsplit_once('.').unwrap_or(("", name));
    format!("Connection {known} {}", what.replace('_', " "))
}

fn certificate(notice: &CertificateNotice, name: &str) -> String {
    let CertificateNotice { connection_id, certificate_type, expires_at, .. } = notice;
    let (connection, expires) = (connection_id.as_str(), expires_at.to_rfc3339_seconds());
    let what = if name.ends_with("renewed") { "was renewed and" } else { "must be renewed, it" };
    format!("Certificate {certificate_type} of {connection} {what} expires at {expires}")
}

/// `authentication.password_failed` as `Password failed`.
fn words(name: &str) -> String {
    let (_, what) = name.split_once('.').unwrap_or(("", name));
    let what = if name.starts_with("authentication.") { what } else { name };
    let mut words = what.replace(['_', '.'], " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

#[cfg(test)]
mod tests;
