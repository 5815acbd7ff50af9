//! A deserializer around another one that remembers at which key it is, and puts environment variables into strings.
//!
//! The path of keys stays as it was when something fails, so that any error, whoever made it, can name its key.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::variable::Variables;
use crate::setting::Secret;

/// Said of a key with nothing behind it. An optional section would be off by it, and nobody would hear of that.
pub(super) const NO_VALUE: &str = "has no value; what belongs to it may be a comment, or not indented. Write it, or take the key out";

/// A step from a value to one inside it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// Where the deserializer is.
pub(super) struct Track<'a> {
    pub(super) path: RefCell<Vec<Step>>,
    pub(super) variables: Variables<'a>,
    /// Whether the next scalar is a secret.
    pub(super) secret: Cell<bool>,
}

impl Track<'_> {
    /// `text` with its variables.
    fn expand<E: Error>(&self, text: &str) -> Result<Option<String>, E> {
        let file = match (self.secret.take(), self.path.borrow().last()) {
            (true, Some(Step::Key(key))) => Some(format!("{key}_file")),
            _ => None,
        };
        self.variables.expand(text, file.as_deref()).map_err(E::custom)
    }

    /// Runs `inside` one step further in; the step stays when it fails.
    fn within<T, E>(&self, step: Step, inside: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.path.borrow_mut().push(step);
        let value = inside()?;
        self.path.borrow_mut().pop();
        Ok(value)
    }
}

/// `inner`, tracked.
#[derive(Clone, Copy)]
pub(super) struct Tracked<'t, 'a, T> {
    pub(super) inner: T,
    pub(super) track: &'t Track<'a>,
}

impl<'t, 'a, T> Tracked<'t, 'a, T> {
    fn around<U>(&self, inner: U) -> Tracked<'t, 'a, U> {
        Tracked { inner, track: self.track }
    }
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Tracked<'_, '_, T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T::Value, D::Error> {
        let deserializer = self.around(deserializer);
        self.inner.deserialize(deserializer)
    }
}

/// Hands each method on with a tracked visitor. A macro, because serde has 30 of them that differ in nothing else.
macro_rules! hand_on {
    ($($method:ident($($argument:ident: $type:ty),*);)*) => {
        $(fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            let visitor = self.around(visitor);
            self.inner.$method($($argument,)* visitor)
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Tracked<'_, '_, D> {
    type Error = D::Error;

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.track.secret.set(name == Secret::TYPE);
        let visitor = self.around(visitor);
        self.inner.deserialize_newtype_struct(name, visitor)
    }

    hand_on! {
        deserialize_any(); deserialize_bool(); deserialize_i8(); deserialize_i16(); deserialize_i32();
        deserialize_i64(); deserialize_i128(); deserialize_u8(); deserialize_u16(); deserialize_u32();
        deserialize_u64(); deserialize_u128(); deserialize_f32(); deserialize_f64(); deserialize_char();
        deserialize_str(); deserialize_string(); deserialize_bytes(); deserialize_byte_buf();
        deserialize_option(); deserialize_unit(); deserialize_seq(); deserialize_map();
        deserialize_identifier(); deserialize_ignored_any();
        deserialize_unit_struct(name: &'static str);
        deserialize_tuple(length: usize); deserialize_tuple_struct(name: &'static str, length: usize);
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
    }
}

/// Hands scalars on as they are.
macro_rules! visit_scalars {
    ($($method:ident: $type:ty;)*) => {
        $(fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.inner.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Tracked<'_, '_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    visit_scalars! {
        visit_bool: bool; visit_i64: i64; visit_i128: i128; visit_u64: u64; visit_u128: u128; visit_f64: f64;
        visit_char: char; visit_bytes: &[u8]; visit_borrowed_bytes: &'de [u8]; visit_byte_buf: Vec<u8>;
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        match self.track.expand(text)? {
            Some(expanded) => self.inner.visit_string(expanded),
            None => self.inner.visit_str(text),
        }
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<V::Value, E> {
        match self.track.expand(text)? {
            Some(expanded) => self.inner.visit_string(expanded),
            None => self.inner.visit_borrowed_str(text),
        }
    }

    fn visit_string<E: Error>(self, text: String) -> Result<V::Value, E> {
        let expanded = self.track.expand(&text)?;
        self.inner.visit_string(expanded.unwrap_or(text))
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        Err(E::custom(NO_VALUE))
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        Err(E::custom(NO_VALUE))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let deserializer = self.around(deserializer);
        self.inner.visit_some(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<V::Value, D::Error> {
        let deserializer = self.around(deserializer);
        self.inner.visit_newtype_struct(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        let items = Items { inner: self.around(seq), next: 0 };
        self.inner.visit_seq(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let entries = Entries { inner: self.around(map), key: String::new() };
        self.inner.visit_map(entries)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
        let data = self.around(data);
        self.inner.visit_enum(data)
    }
}

struct Items<'t, 'a, A> {
    inner: Tracked<'t, 'a, A>,
    next: usize,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Items<'_, '_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let seed = self.inner.around(seed);
        let step = Step::Index(self.next);
        self.next += 1;
        self.inner.track.within(step, || self.inner.inner.next_element_seed(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.inner.size_hint()
    }
}

struct Entries<'t, 'a, A> {
    inner: Tracked<'t, 'a, A>,
    key: String,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Entries<'_, '_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.inner.inner.next_key_seed(Heard { inner: seed, heard: &mut self.key })
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.inner.around(seed);
        let step = Step::Key(std::mem::take(&mut self.key));
        self.inner.track.within(step, || self.inner.inner.next_value_seed(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.inner.size_hint()
    }
}

/// A key's seed or visitor that also writes down what it is given. Variables have no meaning in keys.
struct Heard<'h, T> {
    inner: T,
    heard: &'h mut String,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Heard<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(Heard { inner: deserializer, heard: self.heard })
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Heard<'_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_str(Heard { inner: visitor, heard: self.heard })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Heard<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<V::Value, E> {
        key.clone_into(self.heard);
        self.inner.visit_str(key)
    }
}

impl<'de, 't, 'a, A: EnumAccess<'de>> EnumAccess<'de> for Tracked<'t, 'a, A> {
    type Error = A::Error;
    type Variant = Variant<'t, 'a, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let mut name = String::new();
        let track = self.track;
        let (value, inner) = self.inner.variant_seed(Heard { inner: seed, heard: &mut name })?;
        Ok((value, Variant { inner: Tracked { inner, track }, name }))
    }
}

/// The rest of an enum, after its variant's name.
pub(super) struct Variant<'t, 'a, A> {
    inner: Tracked<'t, 'a, A>,
    name: String,
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Variant<'_, '_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.inner.around(seed);
        let Tracked { inner, track } = self.inner;
        track.within(Step::Key(self.name), || inner.newtype_variant_seed(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = self.inner.around(visitor);
        let Tracked { inner, track } = self.inner;
        track.within(Step::Key(self.name), || inner.tuple_variant(length, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = self.inner.around(visitor);
        let Tracked { inner, track } = self.inner;
        track.within(Step::Key(self.name), || inner.struct_variant(fields, visitor))
    }
}
