//! Access logs with one JSON object a line: which key, however deep, is which field.
//!
//! The line is read once. Keys that mean nothing are skipped without being built, values stay borrowed unless they hold
//! escapes.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::line::{Field, Found};
use crate::event::Reason;
use crate::event::decode::Rejection;

/// How `serde_json` says that it nests deeper than it reads, which is 128 levels.
const DEPTH_PROBLEM: &str = "recursion limit exceeded";

/// The keys of an object that mean something.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys(Vec<Key>);

#[derive(Clone, Debug)]
struct Key {
    name: Box<str>,
    /// HTTP header names are written in any case.
    any_case: bool,
    target: Target,
}

#[derive(Clone, Debug)]
enum Target {
    /// A field, and its rank among several keys that hold it: the lowest that has a value counts.
    Field(Field, usize),
    /// An object with such keys in it.
    Object(Keys),
}

impl Keys {
    /// Adds `path`, keys joined by dots, as `field`. The dotted name is also looked for as a key of its own, as ECS and
    /// others write it flat. Of several paths for one field the first that has a value counts; durations add up.
    pub(super) fn add(&mut self, path: &str, field: Field, rank: usize) {
        let any_case = matches!(field, Field::Header(_));
        self.add_at(path, field, rank, any_case);
        if path.contains('.') {
            self.0.push(Key { name: path.into(), any_case, target: Target::Field(field, rank) });
        }
    }

    fn add_at(&mut self, path: &str, field: Field, rank: usize, any_case: bool) {
        let Some((first, rest)) = path.split_once('.') else {
            self.0.push(Key { name: path.into(), any_case, target: Target::Field(field, rank) });
            return;
        };
        for key in &mut self.0 {
            if let Target::Object(inner) = &mut key.target
                && *key.name == *first
            {
                inner.add_at(rest, field, rank, any_case);
                return;
            }
        }
        let mut inner = Self::default();
        inner.add_at(rest, field, rank, any_case);
        self.0.push(Key { name: first.into(), any_case: false, target: Target::Object(inner) });
    }

    fn find(&self, name: &str) -> Option<&Target> {
        let fits = |key: &&Key| {
            key.name.len() == name.len()
                && (*key.name == *name || (key.any_case && key.name.eq_ignore_ascii_case(name)))
        };
        self.0.iter().find(fits).map(|key| &key.target)
    }

    /// What the object on `line` says.
    pub(super) fn read<'a>(&self, line: &'a str) -> Result<Found<'a>, Rejection> {
        let mut ranked = Ranked { found: Found::default(), taken: [usize::MAX; Field::PLACES] };
        let mut deserializer = serde_json::Deserializer::from_str(line);
        Object { keys: self, into: &mut ranked }
            .deserialize(&mut deserializer)
            .and_then(|()| deserializer.end())
            .map_err(|error| explain(&error))?;
        Ok(ranked.found)
    }
}

fn explain(error: &serde_json::Error) -> Rejection {
    let text = error.to_string();
    if text.starts_with(DEPTH_PROBLEM) {
        return Rejection::new(Reason::TooDeep, "nested too deep");
    }
    let problem = "not one JSON object a line, or cut off";
    Rejection::new(Reason::NotJson, format!("column {}: {problem}", error.column()))
}

/// What was found so far, and the ranks of the keys that gave it.
struct Ranked<'a> {
    found: Found<'a>,
    taken: [usize; Field::PLACES],
}

impl<'a> Ranked<'a> {
    fn set(&mut self, field: Field, rank: usize, raw: &'a str) {
        let taken = &mut self.taken[field.place()];
        let adds_up = matches!(field, Field::Duration(_));
        if rank > *taken && !adds_up {
            return;
        }
        if let Some(value) = scalar(raw).filter(|value| !value.is_empty() && value != "-") {
            *taken = rank;
            self.found.set(field, value);
        }
    }
}

/// A text without its quotes, a number as it is written, the first of a list; `None` for null and for objects.
fn scalar(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first()? {
        b'"' => {
            let inner = raw.get(1..raw.len() - 1)?;
            if inner.contains('\\') {
                return serde_json::from_str(raw).ok().map(Cow::Owned);
            }
            Some(Cow::Borrowed(inner))
        }
        b'[' => {
            let list: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
            scalar(list.first()?.get())
        }
        b'n' | b'{' => None,
        _ => Some(Cow::Borrowed(raw)),
    }
}

struct Object<'k, 'f, 'a> {
    keys: &'k Keys,
    into: &'f mut Ranked<'a>,
}

impl<'a> DeserializeSeed<'a> for Object<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for Object<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(target) = map.next_key_seed(Name(self.keys))? {
            match target {
                None => drop(map.next_value::<IgnoredAny>()?),
                Some(Target::Field(field, rank)) => {
                    let raw: &'a RawValue = map.next_value()?;
                    self.into.set(*field, *rank, raw.get());
                }
                Some(Target::Object(keys)) => {
                    map.next_value_seed(Inner(Object { keys, into: &mut *self.into }))?;
                }
            }
        }
        Ok(())
    }
}

/// An object within; what stands there instead of one means nothing.
struct Inner<'k, 'f, 'a>(Object<'k, 'f, 'a>);

impl<'a> DeserializeSeed<'a> for Inner<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        let raw: &'a RawValue = serde::Deserialize::deserialize(deserializer)?;
        if !raw.get().starts_with('{') {
            return Ok(());
        }
        let mut inner = serde_json::Deserializer::from_str(raw.get());
        self.0.deserialize(&mut inner).map_err(serde::de::Error::custom)
    }
}

/// A key, looked up while it is read.
struct Name<'k>(&'k Keys);

impl<'de, 'k> DeserializeSeed<'de> for Name<'k> {
    type Value = Option<&'k Target>;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'k> Visitor<'_> for Name<'k> {
    type Value = Option<&'k Target>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.find(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::edge::line::{Clock, EdgeLine};

    fn keys() -> Keys {
        let mut keys = Keys::default();
        let paths = [
            ("msec", Field::Time),
            ("ts", Field::Time),
            ("request.uri", Field::Uri),
            ("request.headers.x-key", Field::Header(1)),
            ("client.ip", Field::Client),
            ("status", Field::Status),
        ];
        for (rank, (path, field)) in paths.into_iter().enumerate() {
            keys.add(path, field, rank);
        }
        keys
    }

    fn read(line: &str) -> Result<EdgeLine<'_>, Reason> {
        keys().read(line).and_then(|found| found.line(Clock::End)).map_err(|error| error.reason)
    }

    #[test]
    fn keys_are_found_however_deep_in_any_order_and_form() {
        let line = r#"{"ts":1,"msec":2.5,"x":{"status":500},"request":{"headers":{"X-Key":["a\"b","c"],"Y":[]},"uri":"\/a"},"client.ip":"::1","status":"204"}"#;
        let line = read(line).unwrap();
        assert_eq!((line.moment.at.millis(), line.status), (2_500, 204));
        assert_eq!((line.uri.as_deref(), line.client.as_deref()), (Some("/a"), Some("::1")));
        assert_eq!(line.headers[1].as_deref(), Some("a\"b"));
        let odd = r#" {"status":200,"msec":null,"ts":"1","request":"none","client":{"ip":{}},"msec":"-"} "#;
        let odd = read(odd).unwrap();
        assert_eq!((odd.moment.at.millis(), odd.uri, odd.client), (1_000, None, None));
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        let deep = format!(r#"{{"x":{}"#, "[".repeat(100_000));
        let cases = [
            ("", Reason::NotJson),
            ("[]", Reason::NotJson),
            ("1", Reason::NotJson),
            (r#"{"status":200,"ts":1"#, Reason::NotJson),
            (r#"{"status":200,"ts":1} {}"#, Reason::NotJson),
            (r#"{"status":200,"ts":1,"request":{"uri":"/a}}"#, Reason::NotJson),
            (r#"{"status":200}"#, Reason::BadTimestamp),
            (r#"{"ts":1}"#, Reason::BadStatus),
        ];
        for (line, reason) in cases {
            assert_eq!(read(line).unwrap_err(), reason, "{line}");
        }
        assert!(matches!(read(&deep).unwrap_err(), Reason::TooDeep | Reason::NotJson));
    }
}
