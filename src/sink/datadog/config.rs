//! `sinks.datadog` as it is written, and as it is meant.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::series::Style;
use super::{Identity, LOGS, METRICS, logs, metrics, tag::Tags};
use crate::outbound::{base_url, check_datadog_site, host};
use crate::setting::{Period, Secret};
use crate::signal::WINDOW_SECONDS;

/// The site that Datadog's own agent takes when none is named.
const SITE: &str = "datadoghq.com";

/// Tags of the operator at most: each is in every series.
const TAGS_MAX: usize = 32;

/// Longest host name that Datadog takes.
const HOST_CHARS_MAX: usize = 255;

/// Longest interval of counts: a window must be closed and sent well before it is an hour old.
const METRICS_INTERVAL_SECONDS_MAX: u64 = 300;

/// Longest interval of gauges: longer, and monitors see no data.
const GAUGES_INTERVAL_SECONDS_MAX: u64 = 600;

/// Longest interval of logs: people follow them live.
const LOGS_INTERVAL_SECONDS_MAX: u64 = 60;

/// `sinks.datadog`. What it costs is in docs/datadog.md.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Datadog")]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// API key; required, or its file. An application key is not needed.
    pub api_key: Option<Secret>,
    /// A file that holds the key, read anew for every request.
    pub api_key_file: Option<PathBuf>,
    /// Datadog site, e.g. `datadoghq.eu` or `us5.datadoghq.com`. Default `datadoghq.com`.
    #[serde(default = "site")]
    pub site: String,
    /// Whether metrics are sent. Default true.
    #[serde(default = "yes")]
    pub metrics: bool,
    /// Whether each event is sent as a log. Default true.
    #[serde(default = "yes")]
    pub logs: bool,
    /// Tags of every metric and log, e.g. `env:prod`; at most 32. A fixed tag adds no custom metrics.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Host of every metric and log. Default: none. Choose a name that stays when the machine changes: a new one makes every
    /// series a new custom metric.
    pub host: Option<String>,
    /// Base URL of the metrics intake and of the key check, in place of `https://api.<site>`.
    pub metrics_url: Option<String>,
    /// Base URL of the logs intake, in place of `https://http-intake.logs.<site>`.
    pub logs_url: Option<String>,
    /// Time between two requests with logs, as long as one holds all: 1s to 1m. Default 5s. Costs nothing but requests.
    #[serde(default = "logs_interval")]
    pub logs_interval: Period,
    /// Time between two points of a count: 10s to 5m, a multiple of 10s. Default 10s. Longer means fewer datapoints and later
    /// graphs; the number of custom metrics stays.
    #[serde(default = "metrics_interval")]
    pub metrics_interval: Period,
    /// Time between two points of a gauge: 10s to 10m. Default 1m.
    #[serde(default = "gauges_interval")]
    pub gauges_interval: Period,
    /// Tags that tell connections apart. Default `[connection_id, connection_type, organization_id]`, which is up to 5 custom
    /// metrics for each connection that is in use, and one for each cause of its failures. Without `connection_id` the
    /// connections that share the other tags are one; `[]` leaves the fleet. Names add no custom metrics beside
    /// `connection_id`, but a renamed connection does.
    #[serde(default = "connection_tags")]
    pub connection_tags: Vec<ConnectionTag>,
    /// Whether sign-ins in progress and the ratios are sent for each connection, too: up to 5 custom metrics more for each.
    /// Default false: ratios are computed in queries.
    #[serde(default)]
    pub connection_gauges: bool,
}

/// A tag that tells connections apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionTag {
    /// `conn_…`, or `unknown`.
    ConnectionId,
    /// e.g. `OktaSAML`, or `unknown`.
    ConnectionType,
    /// `org_…`.
    OrganizationId,
    /// The connection's name.
    ConnectionName,
    /// The customer's name.
    OrganizationName,
}

impl ConnectionTag {
    /// Its key.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::ConnectionId => "connection_id",
            Self::ConnectionType => "connection_type",
            Self::OrganizationId => "organization_id",
            Self::ConnectionName => "connection_name",
            Self::OrganizationName => "organization_name",
        }
    }
}

fn site() -> String {
    SITE.to_owned()
}

fn yes() -> bool {
    true
}

fn metrics_interval() -> Period {
    Period::from_secs(WINDOW_SECONDS.into())
}

fn logs_interval() -> Period {
    Period::from_secs(5)
}

fn gauges_interval() -> Period {
    Period::from_secs(60)
}

fn connection_tags() -> Vec<ConnectionTag> {
    vec![ConnectionTag::ConnectionId, ConnectionTag::ConnectionType, ConnectionTag::OrganizationId]
}

impl Config {
    /// Fails with the key and the remedy when something is wrong.
    pub fn check(&self) -> Result<(), String> {
        self.api_key()?;
        self.logs()?;
        self.metrics().map(drop)
    }

    /// The API key.
    pub fn api_key(&self) -> Result<Secret, String> {
        let key = (self.api_key.clone(), self.api_key_file.clone());
        Secret::one_of("api_key", key.0, key.1)
            .map_err(|error| format!("`sinks.datadog`: {error}"))?
            .ok_or_else(|| "`sinks.datadog` needs `api_key` or `api_key_file`".to_owned())
    }

    /// What would run, in a line: hosts in place of URLs, whose paths may hold what nobody should see.
    #[must_use]
    pub fn summary(&self) -> String {
        let on = |on: bool, url: &Option<String>| match url {
            _ if !on => "off".to_owned(),
            None => "on".to_owned(),
            Some(url) => format!("on to {}", host(url)),
        };
        let (metrics, logs) = (on(self.metrics, &self.metrics_url), on(self.logs, &self.logs_url));
        let site = &self.site;
        let tags: Vec<_> = self.connection_tags.iter().map(|tag| tag.as_str()).collect();
        let tags = if tags.is_empty() { "the fleet only".to_owned() } else { tags.join(", ") };
        let every = self.metrics_interval;
        format!("{site}, metrics {metrics} (by {tags}, every {every}), logs {logs}")
    }

    /// All sinks that are on.
    #[must_use]
    pub fn sinks(&self) -> Vec<Box<str>> {
        let all = [(METRICS, self.metrics), (LOGS, self.logs)];
        all.into_iter().filter(|(_, on)| *on).map(|(sink, _)| sink.into()).collect()
    }

    /// The sinks that take closed windows.
    #[must_use]
    pub fn window_sinks(&self) -> Vec<Box<str>> {
        if self.metrics { vec![METRICS.into()] } else { Vec::new() }
    }

    /// What the metrics sink is told; `None` when it is off.
    pub(super) fn metrics(&self) -> Result<Option<metrics::Settings>, String> {
        let interval = self.metrics_interval;
        let width = u64::from(WINDOW_SECONDS);
        if interval.millis() % (1000 * i64::from(WINDOW_SECONDS)) != 0
            || !(width..=METRICS_INTERVAL_SECONDS_MAX).contains(&interval.seconds())
        {
            return Err(
                "`sinks.datadog.metrics_interval` must be 10s to 5m, a multiple of 10s".into()
            );
        }
        let gauges = self.gauges_interval.seconds();
        if !(width..=GAUGES_INTERVAL_SECONDS_MAX).contains(&gauges) {
            return Err("`sinks.datadog.gauges_interval` must be 10s to 10m".into());
        }
        let style = Style {
            identity: self.identity()?,
            connection_tags: self.connection_tags.clone(),
            connection_gauges: self.connection_gauges,
        };
        let seconds = |seconds: u64| i64::try_from(seconds).expect("it is at most ten minutes");
        Ok(self.metrics.then_some(metrics::Settings {
            url: format!("{}/api/v2/series", self.metrics_base()?),
            api_key: self.api_key()?,
            style,
            interval_seconds: seconds(interval.seconds()),
            gauges_seconds: seconds(gauges),
        }))
    }

    /// What the logs sink is told; `None` when it is off.
    pub(super) fn logs(&self) -> Result<Option<logs::Settings>, String> {
        if !(1..=LOGS_INTERVAL_SECONDS_MAX).contains(&self.logs_interval.seconds()) {
            return Err("`sinks.datadog.logs_interval` must be 1s to 1m".into());
        }
        let base = self.base("logs_url", self.logs_url.as_deref(), "http-intake.logs")?;
        Ok(self.logs.then_some(logs::Settings {
            url: format!("{base}/api/v2/logs"),
            api_key: self.api_key()?,
            identity: self.identity()?,
            interval: self.logs_interval.duration(),
        }))
    }

    pub(super) fn metrics_base(&self) -> Result<String, String> {
        self.base("metrics_url", self.metrics_url.as_deref(), "api")
    }

    fn base(&self, key: &str, own: Option<&str>, host: &str) -> Result<String, String> {
        if own.is_none() {
            let urls = "`metrics_url` and `logs_url`";
            check_datadog_site("sinks.datadog.site", &self.site, urls)?;
        }
        let of_site = format!("https://{host}.{}", self.site);
        base_url(own.unwrap_or(&of_site))
            .map_err(|problem| format!("`sinks.datadog.{key}` {problem}"))
    }

    fn identity(&self) -> Result<Identity, String> {
        if self.tags.len() > TAGS_MAX {
            return Err(format!(
                "`sinks.datadog.tags` has {}; at most {TAGS_MAX}",
                self.tags.len()
            ));
        }
        let tags = Tags::parse(&self.tags).map_err(|place| {
            format!(
                "`sinks.datadog.tags[{place}]` does not begin with a letter; write e.g. env:prod"
            )
        })?;
        let host = self.host.clone();
        if host.as_ref().is_some_and(|host| host.is_empty() || host.len() > HOST_CHARS_MAX) {
            return Err(format!("`sinks.datadog.host` must be 1 to {HOST_CHARS_MAX} characters"));
        }
        Ok(Identity { tags, host })
    }
}

#[cfg(test)]
mod tests;
