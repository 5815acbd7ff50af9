//! `sinks.otlp` as it is written.

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::outbound::base_url;
use crate::setting::{Period, Secret};

/// Headers at most: a key and a tenant are two.
const HEADERS_MAX: usize = 16;

/// `sinks.otlp`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Otlp")]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Base URL of the receiver, e.g. `http://127.0.0.1:4318`; `/v1/metrics` is appended.
    pub endpoint: String,
    /// `http/protobuf`, the one that there is.
    #[serde(default)]
    pub protocol: Protocol,
    /// Whether metrics are pushed. Default true.
    #[serde(default = "yes")]
    pub metrics: bool,
    /// Headers of each request, e.g. `authorization`; at most 16. Their values are secrets.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// Time between two pushes, 5s to 10m. Default 15s.
    #[serde(default = "interval")]
    pub interval: Period,
}

/// How it is spoken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
pub enum Protocol {
    /// Protobuf over HTTP.
    #[default]
    #[serde(rename = "http/protobuf")]
    HttpProtobuf,
}

fn yes() -> bool {
    true
}

fn interval() -> Period {
    Period::from_secs(15)
}

impl Config {
    /// The first thing that is wrong: its key and the remedy.
    pub fn check(&self) -> Result<(), String> {
        base_url(&self.endpoint).map_err(|problem| format!("`sinks.otlp.endpoint` {problem}"))?;
        if !(5..=600).contains(&self.interval.seconds()) {
            return Err("`sinks.otlp.interval` must be 5s to 10m".into());
        }
        if self.headers.len() > HEADERS_MAX {
            return Err(format!("`sinks.otlp.headers` has more than {HEADERS_MAX} headers"));
        }
        self.headers().map(drop)
    }

    /// The headers with their values.
    pub(super) fn headers(&self) -> Result<HashMap<String, String>, String> {
        let each = self.headers.iter().map(|(name, value)| {
            let value = value.reveal().map_err(|error| format!("`sinks.otlp.headers`: {error}"))?;
            Ok((name.to_lowercase(), value))
        });
        each.collect()
    }
}
