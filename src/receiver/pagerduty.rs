//! PagerDuty, Events API v2. The fingerprint is the dedup key: a second trigger changes nothing, a resolve
//! finds its incident.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Audience, Notification, Pace, Verdicts, config, words};
use crate::outbound::{Request, Verdict};
use crate::setting::{Secret, SecretError};
use crate::signal::{Incident, Severity};

/// Base URL of PagerDuty's service region US; EU has its own.
const URL: &str = "https://events.pagerduty.com";

/// PagerDuty refuses longer summaries.
const SUMMARY_CHARS_MAX: usize = 1024;

/// PagerDuty refuses longer keys.
const DEDUP_KEY_CHARS_MAX: usize = 255;

/// PagerDuty refuses larger events.
const EVENT_BYTES_MAX: usize = 512 * 1024;

/// Text in the details: ten pages are enough for anybody at night, and keep an event far below
/// [`EVENT_BYTES_MAX`].
const DETAIL_CHARS_MAX: usize = 16 * 1024;

/// What its answers mean: 202 is the good one, 400 is final.
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
    // A flood is spread: PagerDuty answers 429 to too many at once, and then wants minutes of silence.
    spacing: Duration::from_millis(500),
    // PagerDuty asks for minutes; the first tries come sooner, because someone sleeps through them.
    backoff_base: Duration::from_secs(5),
    backoff_max: Duration::from_mins(5),
    rate_limited_wait: Duration::from_mins(1),
};

/// PagerDuty, Events API v2.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "PagerdutyReceiver")]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Integration key of an Events API v2 integration. Required.
    pub routing_key: Option<Secret>,
    /// A file that holds the key.
    pub routing_key_file: Option<PathBuf>,
    /// Base URL. Default `https://events.pagerduty.com`; `https://events.eu.pagerduty.com` for the EU region.
    pub url: Option<String>,
    /// Name in metrics, logs and records, unique. Default `pagerduty`, then `pagerduty-2` and so on.
    pub name: Option<String>,
    /// Severities that it is told. Default `[page]`.
    #[serde(default = "pages")]
    pub severity: Vec<Severity>,
    /// Labels that an incident must have. Default: none.
    #[serde(default, rename = "match")]
    pub labels: BTreeMap<String, String>,
    /// Whether ends are told. Default true.
    #[serde(default = "config::yes")]
    pub send_resolved: bool,
}

fn pages() -> Vec<Severity> {
    vec![Severity::Page]
}

/// The service.
#[derive(Clone, Debug)]
pub(super) struct Pagerduty {
    url: String,
    routing_key: Secret,
}

impl Config {
    pub(super) fn service(&self, at: &str) -> Result<Pagerduty, String> {
        let url = config::base_url(&format!("{at}.url"), self.url.as_deref().unwrap_or(URL))?;
        let (key, file) = (self.routing_key.as_ref(), self.routing_key_file.as_ref());
        Ok(Pagerduty { url, routing_key: config::required(at, "routing_key", key, file)? })
    }

    pub(super) fn audience(&self) -> Audience {
        Audience {
            severity: self.severity.clone(),
            labels: self.labels.clone(),
            send_resolved: self.send_resolved,
        }
    }
}

impl Pagerduty {
    /// The key of a service, which knows the incidents that it was told: with another one it is another place.
    pub(super) fn destination(&self) -> Option<String> {
        self.routing_key.reveal().ok()
    }

    pub(super) fn secrets(&self) -> Vec<&Secret> {
        vec![&self.routing_key]
    }

    /// Where events go.
    pub(super) fn url(&self) -> String {
        format!("{}/v2/enqueue", self.url)
    }

    pub(super) fn request(&self, notification: &Notification) -> Result<Request, SecretError> {
        let incident = &notification.incident;
        let mut event = json!({
            "routing_key": self.routing_key.reveal()?,
            "event_action": if notification.is_end() { "resolve" } else { "trigger" },
            "dedup_key": words::cut(&incident.fingerprint, DEDUP_KEY_CHARS_MAX),
        });
        if !notification.is_end() {
            event["client"] = "ssowatch".into();
            event["client_url"] = notification.links.dashboard(incident).into();
            event["payload"] = payload(notification);
            let dashboard = Some((notification.links.dashboard(incident), "Status page"));
            let runbook = notification.links.runbook(incident).map(|href| (href, "Runbook"));
            let links = [dashboard, runbook].into_iter().flatten();
            event["links"] =
                links.map(|(href, text)| json!({"href": href, "text": text})).collect();
        }
        let request = words::post(self.url(), &event, vec![]);
        if request.body.len() <= EVENT_BYTES_MAX {
            return Ok(request);
        }
        event["payload"]["custom_details"] = json!({"note": "left out: too large"});
        Ok(words::post(self.url(), &event, vec![]))
    }
}

fn payload(notification: &Notification) -> Value {
    let incident = &notification.incident;
    let text = if incident.summary.is_empty() {
        words::headline(notification)
    } else {
        incident.summary.clone()
    };
    let group =
        incident.labels.get("organization_id").map_or(incident.scope.as_str(), |group| group);
    json!({
        "summary": words::cut(&text, SUMMARY_CHARS_MAX),
        "source": words::thing(incident),
        "severity": match incident.severity {
            Severity::Page => "critical",
            Severity::Ticket => "warning",
            Severity::None => "info",
        },
        "timestamp": incident.fired_at.unwrap_or(notification.now).to_string(),
        "component": words::thing(incident),
        "group": group,
        "class": incident.alertname,
        "custom_details": details(incident),
    })
}

/// One line each, because PagerDuty shows them as a table.
fn details(incident: &Incident) -> Map<String, Value> {
    let cut = |text: &str| Value::from(words::cut(text, DETAIL_CHARS_MAX).into_owned());
    let mut details = words::evidence(incident);
    for (name, counts) in
        [("causes", &incident.evidence.causes), ("connections", &incident.evidence.connections)]
    {
        if let Some(value) = details.get_mut(name) {
            *value = cut(&words::counts(counts));
        }
    }
    let labels = incident.labels.iter().filter(|(_, value)| !value.is_empty());
    let labels: Vec<_> = labels.map(|(name, value)| format!("{name}={value}")).collect();
    details.insert("description".into(), cut(&incident.description));
    details.insert("labels".into(), cut(&labels.join(" ")));
    details.insert("started_at".into(), incident.started_at.to_string().into());
    details.insert("incident_id".into(), cut(&incident.id));
    details
}
