//! The JSON of an event as it is written: every field optional, text borrowed.

use serde_json::value::RawValue;

use super::known::{self, Unknown};
use super::lenient::{Fields, Object, Text, Values};

/// An event.
#[derive(Debug, Default)]
pub(super) struct Envelope<'a> {
    pub(super) id: Text<'a>,
    pub(super) event: Text<'a>,
    pub(super) created_at: Text<'a>,
    pub(super) data: Object<Data<'a>>,
    pub(super) context: Object<Context<'a>>,
    pub(super) unknown: Unknown,
}

/// `data` of every type of event that is read: what belongs to other types is absent.
#[derive(Debug, Default)]
pub(super) struct Data<'a> {
    pub(super) user_id: Text<'a>,
    pub(super) email: Text<'a>,
    pub(super) ip_address: Text<'a>,
    pub(super) user_agent: Text<'a>,
    pub(super) sso: Object<Sso<'a>>,
    pub(super) error: Object<Error<'a>>,
    pub(super) connection: Object<Connection<'a>>,
    pub(super) certificate: Object<Certificate<'a>>,
    /// `connection.activated` and its like have a connection's fields right here.
    pub(super) here: Connection<'a>,
}

/// `data.sso`.
#[derive(Debug, Default)]
pub(super) struct Sso<'a> {
    pub(super) connection_id: Text<'a>,
    pub(super) organization_id: Text<'a>,
    pub(super) session_id: Text<'a>,
    pub(super) unknown: Unknown,
}

/// `data.error`.
#[derive(Debug, Default)]
pub(super) struct Error<'a> {
    pub(super) code: Text<'a>,
    pub(super) message: Text<'a>,
    pub(super) unknown: Unknown,
}

/// A connection.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "the names are WorkOS's")]
pub(super) struct Connection<'a> {
    pub(super) id: Text<'a>,
    pub(super) organization_id: Text<'a>,
    pub(super) connection_type: Text<'a>,
    pub(super) name: Text<'a>,
    pub(super) state: Text<'a>,
    pub(super) unknown: Unknown,
}

/// `data.certificate`.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "the names are WorkOS's")]
pub(super) struct Certificate<'a> {
    pub(super) certificate_type: Text<'a>,
    pub(super) expiry_date: Text<'a>,
    pub(super) unknown: Unknown,
}

/// `context`.
#[derive(Debug, Default)]
pub(super) struct Context<'a> {
    pub(super) actor: Object<Actor<'a>>,
    pub(super) unknown: Unknown,
}

/// `context.actor`.
#[derive(Debug, Default)]
pub(super) struct Actor<'a> {
    pub(super) source: Text<'a>,
    pub(super) unknown: Unknown,
}

/// A log in one of the shapes in which Datadog carries an event.
#[derive(Debug, Default)]
pub(super) struct Log<'a> {
    pub(super) event: Text<'a>,
    pub(super) created_at: Text<'a>,
    pub(super) message: Option<&'a RawValue>,
    pub(super) attributes: Option<&'a RawValue>,
}

impl<'de: 'a, 'a> Fields<'de> for Envelope<'a> {
    fn field<V: Values<'de>>(&mut self, key: &str, values: &mut V) -> Result<(), V::Error> {
        match key {
            "id" => self.id = values.text()?,
            "event" => self.event = values.text()?,
            "created_at" => self.created_at = values.text()?,
            "data" => values.object(&mut self.data)?,
            "context" => values.object(&mut self.context)?,
            "object" => values.skip()?,
            _ => {
                self.unknown.field(key);
                values.skip()?;
            }
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Fields<'de> for Data<'a> {
    fn field<V: Values<'de>>(&mut self, key: &str, values: &mut V) -> Result<(), V::Error> {
        match key {
            "user_id" => self.user_id = values.text()?,
            "email" => self.email = values.text()?,
            "ip_address" => self.ip_address = values.text()?,
            "user_agent" => self.user_agent = values.text()?,
            "sso" => values.object(&mut self.sso)?,
            "error" => values.object(&mut self.error)?,
            "connection" => values.object(&mut self.connection)?,
            "certificate" => values.object(&mut self.certificate)?,
            "type" => self.here.unknown.check("type", &values.text()?, known::METHODS),
            "status" => self.here.unknown.check("status", &values.text()?, known::STATUSES),
            // Of certificates and of risks; no list says which words there are.
            "days_until_expiry" | "renewed_at" | "auth_method" | "action" | "control"
            | "blocklist_type" => values.skip()?,
            _ => self.here.field(key, values)?,
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Fields<'de> for Sso<'a> {
    fn field<V: Values<'de>>(&mut self, key: &str, values: &mut V) -> Result<(), V::Error> {
        match key {
            "connection_id" => self.connection_id = values.text()?,
            "organization_id" => self.organization_id = values.text()?,
            "session_id" => self.session_id = values.text()?,
            _ => {
                self.unknown.field(key);
                values.skip()?;
            }
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Fields<'de> for Error<'a> {
    fn field<V: Values<'de>>(&mut self, key: &str, values: &mut V) -> Result<(), V::Error> {
        match key {
            "code" => self.code = values.text()?,
            "message" => self.message = values.text()?,
            _ => {
                self.unknown.field(key);
                values.skip()?;
            }
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Fields<'de> for Connection<'a> {
    fn field<V: Values<'de>>(&mut self, key: &str, values: &mut V) -> Result<(), V::Error> {
        match key {
            "id" => self.id = values.text()?,
            "organization_id" => self.organization_id = values.text()?,
            "connection_type" => {
                self.connection_type = values.text()?;
                self.unknown.check("connection_type", &self.connection_type, known::CONNECTIONS);
            }
            "name" => self.name = values.text()?,
            "state" => {
                self.state = values.text()?;
                self.unknown.check("state", &self.state, known::STATES);
            }
            "object" | "created_at" | "updated_at" | "external_key" | "domains" | "status" => {
                values.skip()?;
            }
            _ => {
                self.unknown.field(key);
                values.skip()?;
            }
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Fields<'de> for Certificate<'a> {
    fn field<V: Values<'de>>(&mut self, key: &str, values: &mut V) -> Result<(), V::Error> {
        match key {
            "certificate_type" => {
                self.certificate_type = values.text()?;
                let (text, known) = (&self.certificate_type, known::CERTIFICATES);
                self.unknown.check("certificate_type", text, known);
            }
            "expiry_date" => self.expiry_date = values.text()?,
            "is_expired" => values.skip()?,
            _ => {
                self.unknown.field(key);
                values.skip()?;
            }
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Fields<'de> for Context<'a> {
    fn field<V: Values<'de>>(&mut self, key: &str, values: &mut V) -> Result<(), V::Error> {
        match key {
            "actor" => values.object(&mut self.actor)?,
            "google_analytics_client_id"
            | "google_analytics_sessions"
            | "ajs_anonymous_id"
            | "client_id"
            | "previous_attributes" => values.skip()?,
            _ => {
                self.unknown.field(key);
                values.skip()?;
            }
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Fields<'de> for Actor<'a> {
    fn field<V: Values<'de>>(&mut self, key: &str, values: &mut V) -> Result<(), V::Error> {
        match key {
            "source" => {
                self.source = values.text()?;
                self.unknown.check("source", &self.source, known::ACTORS);
            }
            "id" | "name" => values.skip()?,
            _ => {
                self.unknown.field(key);
                values.skip()?;
            }
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Fields<'de> for Log<'a> {
    fn field<V: Values<'de>>(&mut self, key: &str, values: &mut V) -> Result<(), V::Error> {
        match key {
            "event" => self.event = values.text()?,
            "created_at" => self.created_at = values.text()?,
            "message" => self.message = Some(values.raw()?),
            "attributes" => self.attributes = Some(values.raw()?),
            _ => values.skip()?,
        }
        Ok(())
    }
}
