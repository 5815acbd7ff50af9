//! `sinks`: where metrics and logs go.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Config;
use crate::sink::{datadog, otlp};

/// `sinks`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sinks {
    /// `GET /metrics`.
    pub prometheus: Prometheus,
    /// Metrics and logs to Datadog.
    pub datadog: Option<datadog::Config>,
    /// OpenTelemetry.
    pub otlp: Option<otlp::Config>,
}

/// `sinks.prometheus`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Prometheus {
    /// Connections with series of their own; the rest add up under `connection_id="other"`. Default 20000.
    pub max_connections: usize,
}

impl Default for Prometheus {
    fn default() -> Self {
        Self { max_connections: 20_000 }
    }
}

impl Config {
    /// The label `sink` of each.
    pub(super) fn sink_names(&self) -> Vec<Box<str>> {
        [
            self.sinks.datadog.as_ref().map_or_else(Vec::new, datadog::Config::sinks),
            self.sinks.otlp.as_ref().map_or_else(Vec::new, otlp::Config::sinks),
        ]
        .concat()
    }
}
