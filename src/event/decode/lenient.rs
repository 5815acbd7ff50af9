//! Readers of JSON that refuse nothing but what is not JSON.
//!
//! Written by hand and not derived: a derived reader refuses a key that is there twice and a value of another
//! type, and both occur in exports that have passed through other tools.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Rejection;
use crate::event::Reason;

/// A field that should hold a string.
#[derive(Debug, Default)]
pub(super) enum Text<'a> {
    /// Missing or null.
    #[default]
    Absent,
    /// A string.
    Str(Cow<'a, str>),
    /// A number, as it is written.
    Number(&'a str),
    /// An object, an array, true or false.
    Other,
}

/// A field that should hold an object; `None` when it is missing, null or something else.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) Option<T>);

/// Something that is read field by field.
pub(super) trait Fields<'de>: Default {
    /// Takes the value of `key` from `values`, or skips it.
    fn field<V: Values<'de>>(&mut self, key: &str, values: &mut V) -> Result<(), V::Error>;
}

/// The values of an object, each to be taken once, in their order.
pub(super) trait Values<'de> {
    /// Why there is none.
    type Error;

    /// What should be a string.
    fn text(&mut self) -> Result<Text<'de>, Self::Error>;

    /// What should be an object; it takes the place of what `object` was. Filled where it lies: to move an event's
    /// fields from level to level took a tenth of decoding.
    fn object<T: Fields<'de>>(&mut self, object: &mut Object<T>) -> Result<(), Self::Error>;

    /// Anything, as it is written.
    fn raw(&mut self) -> Result<&'de RawValue, Self::Error>;

    /// Passes over a value that is not used.
    fn skip(&mut self) -> Result<(), Self::Error>;
}

impl Text<'_> {
    /// The text of an optional field; `None` when there is none or it is empty. Numbers pass as they are
    /// written.
    pub(super) fn optional(&self) -> Option<&str> {
        let text = match self {
            Text::Str(text) => text.as_ref(),
            Text::Number(text) => text,
            Text::Absent | Text::Other => return None,
        };
        // Nearly every text begins with what can be seen.
        let seen = matches!(text.as_bytes().first(), Some(0x21..=0x7E));
        (seen || !text.trim().is_empty()).then_some(text)
    }

    /// The text of a field without which there is no event.
    pub(super) fn required(&self, field: &str) -> Result<&str, Rejection> {
        let problem = match self {
            Text::Str(text) => return Ok(text),
            Text::Absent => format!("`{field}` is missing; send the event as WorkOS gives it"),
            Text::Number(_) | Text::Other => format!("`{field}` is not a string"),
        };
        Err(Rejection::new(Reason::NotAnEvent, problem))
    }
}

impl<T> Default for Object<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Object<T> {
    /// The object, if it is one.
    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }
}

/// Parses `text`; `Object(None)` when it is JSON but no object.
pub(super) fn parse<'a, T: Fields<'a>>(text: &'a str) -> Result<Object<T>, Rejection> {
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let problem = format!("line {line} column {column}: not valid JSON, or cut off");
        Rejection::new(Reason::NotJson, problem)
    })
}

/// `text` with the halves of UTF-16 pairs that stand alone (`\ud83d` without its partner, as cut-off user
/// agents and names have them) replaced by U+FFFD; `None` when there are none. Only tried on text that does
/// not parse.
pub(super) fn with_pairs_repaired(text: &str) -> Option<String> {
    let mut repaired = String::with_capacity(text.len());
    let mut changed = false;
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        repaired.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = match (surrogate(rest), rest.get(6..).and_then(surrogate)) {
            (Some(Half::High), Some(Half::Low)) => 12,
            (Some(_), _) => {
                changed = true;
                repaired.push_str("\\ufffd");
                rest = &rest[6..];
                continue;
            }
            // The character after a backslash goes with it, whatever it is.
            (None, _) => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
        repaired.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    repaired.push_str(rest);
    changed.then_some(repaired)
}

/// Half of a UTF-16 pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Half {
    High,
    Low,
}

/// Which half the escape at the start of `text` is, if any.
fn surrogate(text: &str) -> Option<Half> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xD800..=0xDBFF => Some(Half::High),
        0xDC00..=0xDFFF => Some(Half::Low),
        _ => None,
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?.get();
        Ok(match raw.as_bytes() {
            [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => {
                Text::Str(Cow::Borrowed(&raw[1..raw.len() - 1]))
            }
            [b'"', ..] => {
                Text::Str(Cow::Owned(serde_json::from_str(raw).map_err(de::Error::custom)?))
            }
            [b'-' | b'0'..=b'9', ..] => Text::Number(raw),
            [b'n', ..] => Text::Absent,
            _ => Text::Other,
        })
    }
}

impl<'de, T: Fields<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Fields<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = T::default();
        while let Some(Key(key)) = map.next_key()? {
            fields.field(&key, &mut Parsed(&mut map))?;
        }
        Ok(Object(Some(fields)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Object(None))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Object(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
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

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Object(None))
    }
}

/// A key, borrowed unless it is written with escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Key(Cow::Borrowed(key)))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Key(Cow::Owned(key.to_owned())))
    }
}

/// Values as serde gives them.
struct Parsed<'m, A>(&'m mut A);

impl<'de, A: MapAccess<'de>> Values<'de> for Parsed<'_, A> {
    type Error = A::Error;

    fn text(&mut self) -> Result<Text<'de>, A::Error> {
        self.0.next_value()
    }

    fn object<T: Fields<'de>>(&mut self, object: &mut Object<T>) -> Result<(), A::Error> {
        *object = self.0.next_value()?;
        Ok(())
    }

    fn raw(&mut self) -> Result<&'de RawValue, A::Error> {
        self.0.next_value()
    }

    fn skip(&mut self) -> Result<(), A::Error> {
        self.0.next_value::<IgnoredAny>().map(|_| ())
    }
}
