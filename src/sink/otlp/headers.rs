//! `sinks.otlp.headers` as they are written: `x` is a header's value, `x_file` a file that holds it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::setting::Secret;

/// Headers at most: a key and a tenant are two.
const HEADERS_MAX: usize = 16;

/// What the keys of files end with.
const FILE: &str = "_file";

/// Headers by their names in lower case.
#[derive(Clone, Debug, Default)]
pub struct Headers(BTreeMap<String, Secret>);

impl Headers {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.0.len() > HEADERS_MAX {
            return Err(format!("`sinks.otlp.headers` has more than {HEADERS_MAX} headers"));
        }
        for name in self.0.keys() {
            let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            if name.is_empty() || !name.bytes().all(valid) {
                return Err(format!("`sinks.otlp.headers.{name}` is no name of a header"));
            }
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn list(&self) -> Vec<(Cow<'static, str>, Secret)> {
        let headers = self.0.iter();
        headers.map(|(name, value)| (name.clone().into(), value.clone())).collect()
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Headers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("headers, as `name: value` or `name_file: path`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
        let mut headers = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            let key = key.to_lowercase();
            let of_file = key.strip_suffix(FILE).filter(|name| !name.is_empty());
            let (name, value) = match of_file {
                Some(name) => (name.to_owned(), Secret::file(map.next_value::<PathBuf>()?)),
                None => (key, map.next_value()?),
            };
            if headers.contains_key(&name) {
                return Err(A::Error::custom(format!("have the header `{name}` twice; keep one")));
            }
            headers.insert(name, value);
        }
        Ok(Headers(headers))
    }
}

impl JsonSchema for Headers {
    fn schema_name() -> Cow<'static, str> {
        "Headers".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "patternProperties": {"_file$": {"type": "string"}},
            "additionalProperties": generator.subschema_for::<Secret>(),
        })
    }
}
