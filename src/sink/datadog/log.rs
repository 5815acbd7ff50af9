//! One event as one log.

use serde::Serialize;

use super::Identity;
use crate::event::{
    AuthError, AuthEvent, Body, ConnectionId, OrganizationId, Person, Personal, SessionId,
};
use crate::sink::batch::{Envelope, whole};
use crate::sink::event_log::{level, message, outcome};

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
    halve: whole,
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
    let mut log = Log {
        message: message(event),
        status: level(event).as_str(),
        timestamp: event.at.millis(),
        ddsource: SOURCE,
        service: SERVICE,
        ddtags,
        hostname: identity.host.as_deref(),
        evt: Evt { id: event.id.as_str(), name: &event.name, outcome: outcome(event) },
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

#[cfg(test)]
mod tests;
