//! The JSON of an event as it is written: every field optional, text borrowed.

use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::lenient::{Fields, Object, Text, skip};

/// An event.
#[derive(Debug, Default)]
pub(super) struct Envelope<'a> {
    pub(super) id: Text<'a>,
    pub(super) event: Text<'a>,
    pub(super) created_at: Text<'a>,
    pub(super) data: Object<Data<'a>>,
    pub(super) context: Object<Context<'a>>,
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
#[expect(clippy::struct_field_names, reason = "the names are WorkOS's")]
pub(super) struct Sso<'a> {
    pub(super) connection_id: Text<'a>,
    pub(super) organization_id: Text<'a>,
    pub(super) session_id: Text<'a>,
}

/// `data.error`.
#[derive(Debug, Default)]
pub(super) struct Error<'a> {
    pub(super) code: Text<'a>,
    pub(super) message: Text<'a>,
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
}

/// `data.certificate`.
#[derive(Debug, Default)]
pub(super) struct Certificate<'a> {
    pub(super) certificate_type: Text<'a>,
    pub(super) expiry_date: Text<'a>,
}

/// `context`.
#[derive(Debug, Default)]
pub(super) struct Context<'a> {
    pub(super) actor: Object<Actor<'a>>,
}

/// `context.actor`.
#[derive(Debug, Default)]
pub(super) struct Actor<'a> {
    pub(super) source: Text<'a>,
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
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "id" => self.id = map.next_value()?,
            "event" => self.event = map.next_value()?,
            "created_at" => self.created_at = map.next_value()?,
            "data" => self.data = map.next_value()?,
            "context" => self.context = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Fields<'de> for Data<'a> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "user_id" => self.user_id = map.next_value()?,
            "email" => self.email = map.next_value()?,
            "ip_address" => self.ip_address = map.next_value()?,
            "user_agent" => self.user_agent = map.next_value()?,
            "sso" => self.sso = map.next_value()?,
            "error" => self.error = map.next_value()?,
            "connection" => self.connection = map.next_value()?,
            "certificate" => self.certificate = map.next_value()?,
            _ => self.here.field(key, map)?,
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Fields<'de> for Sso<'a> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "connection_id" => self.connection_id = map.next_value()?,
            "organization_id" => self.organization_id = map.next_value()?,
            "session_id" => self.session_id = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Fields<'de> for Error<'a> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "code" => self.code = map.next_value()?,
            "message" => self.message = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Fields<'de> for Connection<'a> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "id" => self.id = map.next_value()?,
            "organization_id" => self.organization_id = map.next_value()?,
            "connection_type" => self.connection_type = map.next_value()?,
            "name" => self.name = map.next_value()?,
            "state" => self.state = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Fields<'de> for Certificate<'a> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "certificate_type" => self.certificate_type = map.next_value()?,
            "expiry_date" => self.expiry_date = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Fields<'de> for Context<'a> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "actor" => self.actor = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Fields<'de> for Actor<'a> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "source" => self.source = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Fields<'de> for Log<'a> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "event" => self.event = map.next_value()?,
            "created_at" => self.created_at = map.next_value()?,
            "message" => self.message = Some(map.next_value()?),
            "attributes" => self.attributes = Some(map.next_value()?),
            _ => skip(map)?,
        }
        Ok(())
    }
}
