//! Events as OTLP's log records.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use super::payload::ENVELOPE;
use super::{Config, Identity, LOGS, endpoint};
use crate::clock::Clock;
use crate::event::{
    AuthError, AuthEvent, Body, ConnectionId, OrganizationId, Person, Personal, SessionId,
    Timestamp,
};
use crate::journal::{Inlet, Reader};
use crate::outbound::Transport;
use crate::sink::Logs;
use crate::sink::batch::{Envelope, Item};
use crate::sink::event_log::{Level, level, message, outcome};
use crate::sink::logs::Format;

/// How often the journal is read.
const INTERVAL: Duration = Duration::from_secs(5);

/// Events of a request at most, as many as a batch of the SDK's own exporter has twice.
const EVENTS_MAX: usize = 1_000;

/// Records that share a resource. A request that is refused as too large is halved down to one record.
const RECORDS_MAX: usize = 100;

/// The sink that `config` asks for, if it does. `reader` stands at the position to go on from.
pub fn logs<T: Transport>(
    config: &Config,
    identity: &Identity,
    reader: Reader,
    transport: T,
    inlet: Inlet,
    clock: Clock,
) -> Result<Option<Logs<T>>, String> {
    if !config.logs {
        return Ok(None);
    }
    let endpoint = endpoint(config, LOGS, "/v1/logs", refused_records)?;
    let resource = Resource::from(identity.journal());
    let encode = move |events: &[AuthEvent]| {
        let now = clock.now();
        events.chunks(RECORDS_MAX).map(|events| piece(events, &resource, now)).collect()
    };
    // Which age a receiver takes is its own affair: what it refuses it says.
    let format = Format {
        envelope: Envelope { halve, ..ENVELOPE },
        events_max: EVENTS_MAX,
        age_millis_max: None,
        encode: Box::new(encode),
    };
    Ok(Some(Logs::new(endpoint, format, INTERVAL, reader, transport, inlet, clock)))
}

/// A request of these events.
pub(super) fn piece(events: &[AuthEvent], resource: &Resource, now: Timestamp) -> Item {
    of_records(events.iter().map(|event| record(event, now)).collect(), resource.clone())
}

fn of_records(log_records: Vec<LogRecord>, resource: Resource) -> Item {
    let count = log_records.len();
    let scope = InstrumentationScope { name: "ssowatch".into(), ..InstrumentationScope::default() };
    let scope_logs = ScopeLogs { scope: Some(scope), log_records, schema_url: String::new() };
    let resource_logs = ResourceLogs {
        resource: Some(resource),
        scope_logs: vec![scope_logs],
        schema_url: String::new(),
    };
    let request = ExportLogsServiceRequest { resource_logs: vec![resource_logs] };
    Item { bytes: request.encode_to_vec().into(), count }
}

/// The two halves of a piece, by records.
fn halve(piece: &Item) -> Option<[Item; 2]> {
    let request = ExportLogsServiceRequest::decode(&*piece.bytes).ok()?;
    let of_resource = request.resource_logs.into_iter().next()?;
    let resource = of_resource.resource?;
    let mut first = of_resource.scope_logs.into_iter().next()?.log_records;
    if first.len() < 2 {
        return None;
    }
    let second = first.split_off(first.len() / 2);
    Some([of_records(first, resource.clone()), of_records(second, resource)])
}

/// The record of `event`. Attributes are named as OpenTelemetry's conventions name them, where they do, and else as the
/// metrics' labels.
fn record(event: &AuthEvent, now: Timestamp) -> LogRecord {
    let (severity, level) = severity(level(event));
    let mut attributes = Attributes(Vec::new());
    attributes.text("event.id", Some(event.id.as_str()));
    attributes.text("outcome", outcome(event));
    match &event.body {
        Body::Sso(sso) => {
            attributes.scope(sso.connection_id.as_ref(), sso.organization_id.as_ref());
            attributes.text("session.id", sso.session_id.as_ref().map(SessionId::as_str));
            if sso.test {
                attributes.add("test", Value::BoolValue(true));
            }
            attributes.error(sso.error.as_ref());
            attributes.person(&sso.person);
        }
        Body::Authentication(other) => {
            attributes.error(other.error.as_ref());
            attributes.person(&other.person);
        }
        Body::Connection(info) => {
            attributes.scope(Some(&info.id), info.organization_id.as_ref());
            attributes.text("connection_name", info.name.as_deref());
            attributes.text("connection_type", info.connection_type.as_deref());
            attributes.text("state", info.state.as_deref());
        }
        Body::Certificate(notice) => {
            attributes.scope(Some(&notice.connection_id), notice.organization_id.as_ref());
            attributes.text("certificate_type", Some(&notice.certificate_type));
            attributes.text("certificate_expires_at", Some(&notice.expires_at.to_string()));
        }
        Body::Other => {}
    }
    LogRecord {
        time_unix_nano: nanos(event.at),
        observed_time_unix_nano: nanos(now),
        severity_number: severity.into(),
        severity_text: level.into(),
        body: Some(AnyValue { value: Some(Value::StringValue(message(event))) }),
        attributes: attributes.0,
        event_name: event.name.to_string(),
        ..LogRecord::default()
    }
}

struct Attributes(Vec<KeyValue>);

impl Attributes {
    fn add(&mut self, key: &str, value: Value) {
        let value = Some(AnyValue { value: Some(value) });
        self.0.push(KeyValue { key: key.into(), value, ..KeyValue::default() });
    }

    fn text(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.add(key, Value::StringValue(text.into()));
        }
    }

    fn scope(&mut self, connection: Option<&ConnectionId>, organization: Option<&OrganizationId>) {
        self.text("connection_id", connection.map(ConnectionId::as_str));
        self.text("organization_id", organization.map(OrganizationId::as_str));
    }

    fn error(&mut self, error: Option<&AuthError>) {
        self.text("error.type", error.map(|error| &*error.code));
        self.text("error.message", error.map(|error| &*error.message));
    }

    fn person(&mut self, person: &Person) {
        self.text("user.id", person.user_id.as_ref().map(Personal::as_str));
        self.text("user.email", person.email.as_ref().map(Personal::as_str));
        self.text("client.address", person.ip_address.as_ref().map(Personal::as_str));
        self.text("user_agent.original", person.user_agent.as_ref().map(Personal::as_str));
    }
}

fn severity(level: Level) -> (SeverityNumber, &'static str) {
    match level {
        Level::Info => (SeverityNumber::Info, "INFO"),
        Level::Warn => (SeverityNumber::Warn, "WARN"),
        Level::Error => (SeverityNumber::Error, "ERROR"),
    }
}

/// Nanoseconds since the epoch; a time before it is the epoch.
fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.millis()).unwrap_or(0).saturating_mul(1_000_000)
}

/// Records that a receiver refused of a request that it took.
fn refused_records(answer: &[u8]) -> u64 {
    let answer = ExportLogsServiceResponse::decode(answer).unwrap_or_default();
    let refused = answer.partial_success.map_or(0, |part| part.rejected_log_records);
    u64::try_from(refused).unwrap_or(0)
}

#[cfg(test)]
mod tests;
