//! `sinks.otlp` as it is written.

use std::ops::RangeInclusive;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Headers, LOGS, METRICS};
use crate::outbound::{Request, base_url, host};
use crate::setting::Period;

/// Shorter, and a push of many connections is not over when the next begins; longer, and graphs lag
/// behind alerts.
const INTERVAL_SECONDS: RangeInclusive<u64> = 5..=600;

/// `sinks.otlp`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Otlp")]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Base URL of the receiver, e.g. `http://127.0.0.1:4318`; `/v1/metrics` and `/v1/logs` are
    /// appended. Required.
    pub endpoint: String,
    /// `http/protobuf`, the one that there is.
    #[serde(default)]
    pub protocol: Protocol,
    /// Whether metrics are pushed. Default true.
    #[serde(default = "yes")]
    pub metrics: bool,
    /// Whether each event is sent as a log record. Default false.
    #[serde(default)]
    pub logs: bool,
    /// Headers of each request, e.g. `authorization`; at most 16. Their values are secrets: `authorization_file` is a file that
    /// holds that of `authorization`, read anew when it is needed.
    #[serde(default)]
    pub headers: Headers,
    /// Time between two pushes of metrics, 5s to 10m. Default 15s. Logs go every 5 seconds.
    #[serde(default = "interval")]
    pub interval: Period,
    /// `service.instance.id`: what tells two daemons apart. Default: the machine's host name; with `journal.nats` the name of
    /// its `stream` for everything that is counted from the journal, so that it is the same whichever instance owns it.
    pub instance: Option<String>,
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
        if !INTERVAL_SECONDS.contains(&self.interval.seconds()) {
            return Err("`sinks.otlp.interval` must be 5s to 10m".into());
        }
        self.headers.check()?;
        self.base().map(drop)
    }

    /// The request that exports nothing: who takes it takes the rest.
    pub fn empty_export(&self) -> Result<Request, String> {
        let path = if self.metrics { "/v1/metrics" } else { "/v1/logs" };
        let sink = if self.metrics { METRICS } else { LOGS };
        let endpoint = super::endpoint(self, sink, path, |_| 0)?;
        endpoint.request(Bytes::new()).map_err(|error| error.to_string())
    }

    /// What would run, in a line, without what the headers hold.
    #[must_use]
    pub fn summary(&self) -> String {
        let on = |on: bool| if on { "on" } else { "off" };
        let (metrics, logs, headers) = (on(self.metrics), on(self.logs), self.headers.len());
        let (host, every) = (host(&self.endpoint), self.interval);
        format!("{host}, metrics {metrics} (every {every}), logs {logs}, {headers} header(s)")
    }

    /// The sinks that say how they are.
    #[must_use]
    pub fn sinks(&self) -> Vec<Box<str>> {
        let on = [(METRICS, self.metrics), (LOGS, self.logs)];
        on.into_iter().filter(|(_, on)| *on).map(|(name, _)| name.into()).collect()
    }

    /// Where `path` of the receiver is.
    pub(super) fn url(&self, path: &str) -> Result<String, String> {
        Ok(format!("{}{path}", self.base()?))
    }

    fn base(&self) -> Result<String, String> {
        base_url(&self.endpoint).map_err(|problem| format!("`sinks.otlp.endpoint` {problem}"))
    }
}
