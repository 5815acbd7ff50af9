//! The formats of access logs: those that are known by name, and the operator's own.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::json::Keys;
use super::line::{Clock, EdgeLine, Field, Unit};
use super::pattern::Pattern;
use super::preset::{Layout, PRESETS};
use crate::event::decode::Rejection;

/// Keys of one JSON format at most.
const KEYS_MAX: usize = 64;

/// `edge.formats`: a format of the operator's own, either JSON or a pattern.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FormatConfig {
    /// By which `sources.edge` and `POST /v1/edge?format=` name it.
    pub name: Box<str>,
    /// A `log_format` of nginx, e.g. `$remote_addr [$time_local] "$request" $status $request_time`.
    pub pattern: Option<Box<str>>,
    /// JSON: which key is which field. Dots lead into objects.
    pub json: Option<KeysConfig>,
    /// Whether `time` is the `end` of a request (default) or its `start`.
    #[serde(default)]
    pub time_is: TimeIs,
}

/// Which key of a JSON log holds which field.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeysConfig {
    /// The time: seconds or a finer unit since 1970, ISO 8601, or `$time_local`.
    pub time: Box<str>,
    /// When the request ended, where `time` is its start and there is no duration.
    pub end: Option<Box<str>>,
    /// The client's address, with or without a port, or a list as in `X-Forwarded-For`.
    pub client: Option<Box<str>>,
    /// The method.
    pub method: Option<Box<str>>,
    /// The host.
    pub host: Option<Box<str>>,
    /// Path and query.
    pub uri: Option<Box<str>>,
    /// Method, URI and protocol in one, e.g. `GET /x HTTP/1.1`.
    pub request: Option<Box<str>>,
    /// The status code that the client got.
    pub status: Box<str>,
    /// How long the request took.
    pub duration: Option<Box<str>>,
    /// Unit of `duration`: `s` (default), `ms`, `us` or `ns`.
    #[serde(default)]
    pub duration_unit: DurationUnit,
    /// The user or account.
    pub account: Option<Box<str>>,
    /// Request headers that `limits` and `internal` look at, by name.
    #[serde(default)]
    pub headers: BTreeMap<Box<str>, Box<str>>,
}

/// Which moment of a request a log names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TimeIs {
    /// Its end.
    #[default]
    End,
    /// Its beginning.
    Start,
}

/// Unit of a duration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DurationUnit {
    /// Seconds.
    #[default]
    S,
    /// Milliseconds.
    Ms,
    /// Microseconds.
    Us,
    /// Nanoseconds.
    Ns,
}

/// Reads the lines of one format.
#[derive(Clone, Debug)]
pub struct Format {
    name: Box<str>,
    reader: Reader,
    clock: Clock,
}

#[derive(Clone, Debug)]
enum Reader {
    Json(Keys),
    Text(Pattern),
}

impl Format {
    /// Names of the built-in formats.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PRESETS.iter().map(|preset| preset.name)
    }

    /// The built-in formats. `headers` are the watched ones in lower case.
    #[must_use]
    pub fn built_in(headers: &[Box<str>]) -> Vec<Self> {
        let one = |preset: &super::preset::Preset| {
            let reader = match &preset.layout {
                Layout::Text(text) => Reader::Text(
                    Pattern::compile(text, headers).expect("the built-in patterns compile"),
                ),
                Layout::Json { keys, headers: object } => {
                    let own = keys.iter().map(|(field, key)| (*field, (*key).to_owned()));
                    let watched = (0..).zip(headers).map(|(index, name)| {
                        let key = match object {
                            Some(object) => format!("{object}.{name}"),
                            None => format!("http_{}", name.replace('-', "_")),
                        };
                        (Field::Header(index), key)
                    });
                    Reader::Json(keys_of(own.chain(watched)))
                }
            };
            Self { name: preset.name.into(), reader, clock: preset.clock }
        };
        PRESETS.iter().map(one).collect()
    }

    /// The operator's own format. The error is a sentence without the format's name.
    pub fn own(config: &FormatConfig, headers: &[Box<str>]) -> Result<Self, String> {
        if Self::names().any(|name| name == &*config.name) {
            return Err("the name is that of a built-in format; choose another".into());
        }
        let reader = match (&config.pattern, &config.json) {
            (Some(pattern), None) => Reader::Text(Pattern::compile(pattern, headers)?),
            (None, Some(keys)) => Reader::Json(keys_of(keys.fields(headers)?.into_iter())),
            _ => return Err("needs either `pattern` or `json`".into()),
        };
        let clock = match config.time_is {
            TimeIs::End => Clock::End,
            TimeIs::Start => Clock::Start,
        };
        Ok(Self { name: config.name.clone(), reader, clock })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads one line, without its line end.
    pub fn read<'a>(&self, line: &'a str) -> Result<EdgeLine<'a>, Rejection> {
        let found = match &self.reader {
            Reader::Json(keys) => keys.read(line)?,
            Reader::Text(pattern) => pattern.read(line)?,
        };
        found.line(self.clock)
    }
}

impl KeysConfig {
    fn fields(&self, watched: &[Box<str>]) -> Result<Vec<(Field, String)>, String> {
        let unit = match self.duration_unit {
            DurationUnit::S => Unit::Seconds,
            DurationUnit::Ms => Unit::Millis,
            DurationUnit::Us => Unit::Micros,
            DurationUnit::Ns => Unit::Nanos,
        };
        let all = [
            (Field::Time, Some(&self.time)),
            (Field::End, self.end.as_ref()),
            (Field::Client, self.client.as_ref()),
            (Field::Method, self.method.as_ref()),
            (Field::Host, self.host.as_ref()),
            (Field::Uri, self.uri.as_ref()),
            (Field::Request, self.request.as_ref()),
            (Field::Status, Some(&self.status)),
            (Field::Duration(unit), self.duration.as_ref()),
            (Field::Account, self.account.as_ref()),
        ];
        let mut fields: Vec<(Field, String)> =
            all.into_iter().filter_map(|(field, key)| Some((field, key?.to_string()))).collect();
        for (name, key) in &self.headers {
            let place = watched.iter().position(|watched| name.eq_ignore_ascii_case(watched));
            fields.extend(place.map(|place| (Field::Header(place), key.to_string())));
        }
        if fields.iter().any(|(_, key)| key.split('.').any(str::is_empty)) {
            return Err(
                "a key is empty; write the name of a JSON key, or `a.b` for `b` in `a`".into()
            );
        }
        if fields.len() > KEYS_MAX {
            return Err(format!("has more than {KEYS_MAX} keys"));
        }
        Ok(fields)
    }
}

fn keys_of(fields: impl Iterator<Item = (Field, String)>) -> Keys {
    let mut keys = Keys::default();
    for (rank, (field, key)) in fields.enumerate() {
        keys.add(&key, field, rank);
    }
    keys
}

#[cfg(test)]
mod tests;
