//! `sources.workos_api` as it is written, and as it is meant.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::outbound;
use crate::setting::{Period, Secret};

/// How long WorkOS keeps events.
pub(super) const KEPT_DAYS: u64 = 90;

/// WorkOS's limit for a key, all of its users together, is 6,000 a minute. Fewer than six would not
/// serve the shortest poll.
const REQUESTS_PER_MINUTE: RangeInclusive<u32> = 6..=6000;

/// `sources.workos_api`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "WorkosApi")]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// API key of one WorkOS environment, `sk_…`. Required.
    pub api_key: Option<Secret>,
    /// A file that holds the API key; read anew for each request.
    pub api_key_file: Option<PathBuf>,
    /// Where WorkOS's API is. Default `https://api.workos.com`.
    pub base_url: String,
    /// How long to wait when there is nothing more to read, 1s to 1h. Default 10s.
    pub poll_interval: Period,
    /// How far back the first start reads, 0s to 90d, which is as long as WorkOS keeps events.
    /// Later starts go on where the last one ended. Default 24h.
    pub start: Period,
    /// Share of the key's quota (WorkOS allows 6000 requests a minute), 6 to 6000. Default 600.
    pub requests_per_minute: u32,
    /// How often names of connections and organizations are read, 1m to 7d. Default 1h.
    pub directory_interval: Period,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            api_key: None,
            api_key_file: None,
            base_url: "https://api.workos.com".into(),
            poll_interval: Period::from_secs(10),
            start: Period::from_secs(24 * 3600),
            requests_per_minute: 600,
            directory_interval: Period::from_secs(3600),
        }
    }
}

/// What the source is told, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) key: Secret,
    /// Without a slash at its end.
    pub(super) base_url: String,
    pub(super) poll_interval: Duration,
    pub(super) start: Duration,
    pub(super) requests_per_minute: NonZeroU32,
    pub(super) directory_interval: Duration,
}

impl Config {
    /// The meant form. An error names its key in backquotes.
    pub fn settings(&self) -> Result<Settings, String> {
        const HOUR: u64 = 3600;
        const DAY: u64 = 24 * HOUR;
        let key = Secret::one_of("api_key", self.api_key.clone(), self.api_key_file.clone())
            .map_err(|error| format!("`sources.workos_api`: {error}"))?
            .ok_or("`sources.workos_api` needs `api_key` or `api_key_file`")?;
        let base_url = outbound::base_url_before(&self.base_url, "/events")
            .map_err(|problem| format!("`sources.workos_api.base_url` {problem}"))?;
        let within = |name: &str, period: Period, least: u64, most: u64, range: &str| {
            let fine = period.duration() >= Duration::from_secs(least)
                && period.duration() <= Duration::from_secs(most);
            let problem = || format!("`sources.workos_api.{name}` must be {range}");
            if fine { Ok(period.duration()) } else { Err(problem()) }
        };
        let requests = Some(self.requests_per_minute)
            .filter(|requests| REQUESTS_PER_MINUTE.contains(requests))
            .and_then(NonZeroU32::new)
            .ok_or("`sources.workos_api.requests_per_minute` must be 6 to 6000")?;
        Ok(Settings {
            key,
            base_url,
            poll_interval: within("poll_interval", self.poll_interval, 1, HOUR, "1s to 1h")?,
            start: within("start", self.start, 0, KEPT_DAYS * DAY, "0s to 90d")?,
            requests_per_minute: requests,
            directory_interval: within(
                "directory_interval",
                self.directory_interval,
                60,
                7 * DAY,
                "1m to 7d",
            )?,
        })
    }
}

impl Settings {
    /// For the log and `check`: everything but the key.
    #[must_use]
    pub fn summary(&self) -> String {
        format!(
            "{}, every {}, first start reads {}, at most {} requests a minute",
            self.base_url,
            Period::from_secs(self.poll_interval.as_secs()),
            Period::from_secs(self.start.as_secs()),
            self.requests_per_minute
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(text: &str) -> Period {
        text.parse().unwrap()
    }

    #[test]
    fn each_bound_holds_and_its_error_names_the_key_and_the_range() {
        type Change = fn(&mut Config);
        let cases: [(&str, Change, &str); 13] = [
            ("default", |_| {}, ""),
            ("shortest", |c| c.poll_interval = period("1s"), ""),
            ("everything", |c| c.start = period("90d"), ""),
            ("nothing", |c| c.start = period("0s"), ""),
            (
                "too short",
                |c| c.poll_interval = period("900ms"),
                "`sources.workos_api.poll_interval` must be 1s to 1h",
            ),
            (
                "too long",
                |c| c.poll_interval = period("61m"),
                "`sources.workos_api.poll_interval` must be 1s to 1h",
            ),
            (
                "too far",
                |c| c.start = period("91d"),
                "`sources.workos_api.start` must be 0s to 90d",
            ),
            (
                "too slow",
                |c| c.requests_per_minute = 5,
                "`sources.workos_api.requests_per_minute` must be 6 to 6000",
            ),
            (
                "too fast",
                |c| c.requests_per_minute = 6001,
                "`sources.workos_api.requests_per_minute` must be 6 to 6000",
            ),
            (
                "too often",
                |c| c.directory_interval = period("59s"),
                "`sources.workos_api.directory_interval` must be 1m to 7d",
            ),
            (
                "its own path",
                |c| c.base_url = "https://api.workos.com/events".into(),
                "`sources.workos_api.base_url` ends with the path of an API",
            ),
            (
                "no URL",
                |c| c.base_url = "api.workos.com".into(),
                "`sources.workos_api.base_url` is not a base URL",
            ),
            (
                "no key",
                |c| c.api_key = None,
                "`sources.workos_api` needs `api_key` or `api_key_file`",
            ),
        ];
        for (name, change, want) in cases {
            let mut config = Config { api_key: Some(Secret::inline("sk_1")), ..Config::default() };
            change(&mut config);
            match config.settings() {
                Ok(settings) => {
                    assert_eq!(want, "", "{name}");
                    assert!(!settings.summary().contains("sk_1"));
                }
                Err(error) => {
                    assert!(!want.is_empty() && error.starts_with(want), "{name}: {error}");
                }
            }
        }
    }
}
