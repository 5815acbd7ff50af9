//! Datadog events, API v1: the v2 intake needs an application key besides. Events of one incident share an
//! aggregation key.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{Audience, Inherited, Notification, Pace, Verdicts, config, words};
use crate::event::Timestamp;
use crate::outbound::{Request, Verdict, check_datadog_site};
use crate::setting::{Secret, SecretError};
use crate::signal::Severity;

/// The site that Datadog's own agent takes when none is named.
const SITE: &str = "datadoghq.com";

/// Where the key stands.
const KEY_HEADER: &str = "dd-api-key";

/// Datadog's documentation has named this limit for titles; its schema names none.
const TITLE_CHARS_MAX: usize = 100;

/// Datadog refuses longer texts.
const TEXT_CHARS_MAX: usize = 4000;

/// Datadog refuses longer keys.
const AGGREGATION_KEY_CHARS_MAX: usize = 100;

/// Datadog cuts longer tags.
const TAG_CHARS_MAX: usize = 200;

/// Datadog refuses events older than 18 hours; ten minutes are left for retries.
const AGE_MILLIS_MAX: i64 = (18 * 60 - 10) * 60_000;

/// What its answers mean: 400 and 413 are final.
pub(super) const VERDICTS: Verdicts = &[
    (200..=299, Verdict::Accepted),
    (401..=401, Verdict::Hold),
    (403..=403, Verdict::Hold),
    // A wrong address, or something in between that answers for it: worse to give up for it than to try again slowly.
    (300..=399, Verdict::Hold),
    (404..=405, Verdict::Hold),
    (408..=408, Verdict::Retry),
    (429..=429, Verdict::Retry),
    (500..=599, Verdict::Retry),
];

/// Its pace.
pub(super) const PACE: Pace = Pace {
    batch_max: 1,
    repeat: None,
    // A flood is spread: Datadog names no number of events, and answers 429 when there are too many.
    spacing: Duration::from_millis(250),
    backoff_base: Duration::from_secs(2),
    // As far as Datadog's own agent goes.
    backoff_max: Duration::from_secs(64),
    rate_limited_wait: Duration::from_secs(30),
};

/// Events in Datadog.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "DatadogEventReceiver")]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// API key. Default: that of `sinks.datadog`.
    pub api_key: Option<Secret>,
    /// A file that holds the key.
    pub api_key_file: Option<PathBuf>,
    /// Datadog site, e.g. `datadoghq.eu`. Default: that of `sinks.datadog`, else `datadoghq.com`.
    pub site: Option<String>,
    /// Base URL in place of `https://api.<site>`.
    pub url: Option<String>,
    /// Name in metrics, logs and records, unique. Default `datadog_event`, then `datadog_event-2` and so on.
    pub name: Option<String>,
    /// Severities that it is told. Default `[page, ticket]`.
    #[serde(default = "config::pages_and_tickets")]
    pub severity: Vec<Severity>,
    /// Labels that an incident must have. Default: none.
    #[serde(default, rename = "match")]
    pub labels: BTreeMap<String, String>,
    /// Whether ends are told. Default true.
    #[serde(default = "config::yes")]
    pub send_resolved: bool,
}

/// The service.
#[derive(Clone, Debug)]
pub(super) struct DatadogEvent {
    url: String,
    api_key: Secret,
    tags: Vec<String>,
}

impl Config {
    pub(super) fn service(&self, at: &str, inherited: &Inherited) -> Result<DatadogEvent, String> {
        let own =
            config::optional(at, "api_key", self.api_key.as_ref(), self.api_key_file.as_ref())?;
        let api_key = own.or_else(|| inherited.datadog_api_key.clone()).ok_or_else(|| {
            format!("`{at}` needs `api_key`, `api_key_file` or the key of `sinks.datadog`")
        })?;
        let site = self.site.as_deref().or(inherited.datadog_site.as_deref()).unwrap_or(SITE);
        if self.url.is_none() {
            check_datadog_site(&format!("{at}.site"), site, &format!("`{at}.url`"))?;
        }
        let url = self.url.clone().unwrap_or_else(|| format!("https://api.{site}"));
        let url = config::base_url(&format!("{at}.url"), &url)?;
        Ok(DatadogEvent { url, api_key, tags: inherited.datadog_tags.clone() })
    }

    pub(super) fn audience(&self) -> Audience {
        Audience {
            severity: self.severity.clone(),
            labels: self.labels.clone(),
            send_resolved: self.send_resolved,
        }
    }
}

impl DatadogEvent {
    pub(super) fn secrets(&self) -> Vec<&Secret> {
        vec![&self.api_key]
    }

    pub(super) fn request(&self, notification: &Notification) -> Result<Request, SecretError> {
        let incident = &notification.incident;
        let labels = incident.labels.iter().filter(|(_, value)| !value.is_empty());
        let labels = labels.map(|(name, value)| format!("{name}:{value}"));
        let own = ["service:ssowatch".to_owned(), format!("status:{}", notification.status())];
        let tags = self.tags.iter().cloned().chain(own).chain(labels);
        let tags: Vec<_> = tags.map(|tag| words::cut(&tag, TAG_CHARS_MAX).into_owned()).collect();
        let title = format!("{} ({})", words::headline(notification), words::thing(incident));
        let body = json!({
            "title": words::cut(&title, TITLE_CHARS_MAX),
            "text": text(notification),
            "aggregation_key": words::cut(&incident.fingerprint, AGGREGATION_KEY_CHARS_MAX),
            "alert_type": match (notification.is_end(), incident.severity) {
                (true, _) if incident.course.goes_on() => "info",
                (true, _) => "success",
                (false, Severity::Page) => "error",
                (false, Severity::Ticket) => "warning",
                (false, Severity::None) => "info",
            },
            "date_happened": happened(notification).seconds(),
            "priority": "normal",
            "tags": tags,
        });
        let url = format!("{}/api/v1/events", self.url);
        Ok(words::post(url, &body, vec![(KEY_HEADER, self.api_key.reveal()?)]))
    }

    /// Asks whether the key is valid.
    pub(super) fn key_check(&self) -> Result<Request, SecretError> {
        let url = format!("{}/api/v1/validate", self.url);
        Ok(words::get(url, vec![(KEY_HEADER, self.api_key.reveal()?)]))
    }
}

/// Plain text: names in it must not become markdown. The links are short and stay whole.
fn text(notification: &Notification) -> String {
    let (incident, links) = (&notification.incident, &notification.links);
    let runbook = links.runbook(incident).map(|url| format!("\nRunbook: {url}"));
    let runbook = runbook.unwrap_or_default();
    let tail = format!("\n\nStatus page: {}{runbook}", links.dashboard(incident));
    let lasted = words::lasted(incident).filter(|_| notification.is_end());
    let lasted = lasted.map_or_else(String::new, |lasted| format!("It lasted {lasted}."));
    let parts = [&incident.summary, &incident.description, &lasted];
    let parts: Vec<&str> =
        parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    let words = parts.join("\n\n");
    let room = TEXT_CHARS_MAX.saturating_sub(tail.chars().count());
    words::cut(&format!("{}{tail}", words::cut(&words, room)), TEXT_CHARS_MAX).into_owned()
}

/// When it changed, or now when Datadog would call that too old or not yet come.
fn happened(notification: &Notification) -> Timestamp {
    let incident = &notification.incident;
    let changed = if notification.is_end() { incident.resolved_at } else { incident.fired_at };
    let fresh = |at: &Timestamp| (0..AGE_MILLIS_MAX).contains(&notification.now.millis_since(*at));
    changed.filter(fresh).unwrap_or(notification.now)
}
