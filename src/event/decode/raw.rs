//! The wire form: mirrors WorkOS's JSON, borrows from it, and forgives what can be forgiven.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor, value};
use serde_json::value::RawValue;

#[derive(serde::Deserialize)]
pub(super) struct RawEvent<'a> {
    #[serde(borrow, default)]
    pub(super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) event: Text<'a>,
    #[serde(borrow, default)]
    pub(super) created_at: Text<'a>,
    #[serde(borrow, default)]
    pub(super) data: Object<RawData<'a>>,
    #[serde(borrow, default)]
    pub(super) context: Object<RawContext<'a>>,
}

/// The fields of every type of event that ssowatch uses; each type has some of them.
#[derive(serde::Deserialize)]
pub(super) struct RawData<'a> {
    #[serde(borrow, default)]
    pub(super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) user_id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) email: Text<'a>,
    #[serde(borrow, default)]
    pub(super) ip_address: Text<'a>,
    #[serde(borrow, default)]
    pub(super) user_agent: Text<'a>,
    #[serde(borrow, default)]
    pub(super) sso: Object<RawSso<'a>>,
    #[serde(borrow, default)]
    pub(super) error: Object<RawError<'a>>,
    #[serde(borrow, default)]
    pub(super) state: Text<'a>,
    #[serde(borrow, default)]
    pub(super) name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) connection_type: Text<'a>,
    #[serde(borrow, default)]
    pub(super) organization_id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) connection: Object<RawConnection<'a>>,
    #[serde(borrow, default)]
    pub(super) certificate: Object<RawCertificate<'a>>,
}

#[derive(Default, serde::Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names of the wire form")]
pub(super) struct RawSso<'a> {
    #[serde(borrow, default)]
    pub(super) organization_id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) connection_id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) session_id: Text<'a>,
}

#[derive(serde::Deserialize)]
pub(super) struct RawError<'a> {
    #[serde(borrow, default)]
    pub(super) code: Text<'a>,
    #[serde(borrow, default)]
    pub(super) message: Text<'a>,
}

#[derive(serde::Deserialize)]
pub(super) struct RawConnection<'a> {
    #[serde(borrow, default)]
    pub(super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) organization_id: Text<'a>,
}

#[derive(serde::Deserialize)]
pub(super) struct RawCertificate<'a> {
    #[serde(borrow, default)]
    pub(super) certificate_type: Text<'a>,
    #[serde(borrow, default)]
    pub(super) expiry_date: Text<'a>,
}

#[derive(serde::Deserialize)]
pub(super) struct RawContext<'a> {
    #[serde(borrow, default)]
    pub(super) actor: Object<RawActor<'a>>,
}

#[derive(serde::Deserialize)]
pub(super) struct RawActor<'a> {
    #[serde(borrow, default)]
    pub(super) source: Text<'a>,
}

/// An entry of Datadog's log intake, as far as an event may hide in it.
#[derive(serde::Deserialize)]
pub(super) struct RawLog<'a> {
    #[serde(borrow, default)]
    pub(super) message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) attributes: Option<&'a RawValue>,
}

/// Text, or nothing: a number or a boolean is read as its text, null and anything nested as nothing.
#[derive(Default)]
pub(super) struct Text<'a>(Option<Cow<'a, str>>);

impl Text<'_> {
    pub(super) fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

/// An object, or nothing when something else stands in its place.
pub(super) struct Object<T>(pub(super) Option<T>);

impl<T> Default for Object<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(text.to_owned()))))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(value.to_string()))))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Text(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(value::MapAccessDeserializer::new(map)).map(|value| Object(Some(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Object(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Object(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Object(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Object(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Object(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Object(None))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Object(None))
    }
}
