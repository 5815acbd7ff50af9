//! Any HTTP endpoint that takes JSON: Opsgenie, chat systems, an automation. The body is documented in
//! `docs/receivers.md` and only ever gains keys while its version stays.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Audience, Notification, Pace, Reason, Verdicts, config, words};
use crate::event::Timestamp;
use crate::outbound::{Request, Verdict};
use crate::setting::{Secret, SecretError};
use crate::signal::{Happened, Incident, Severity};

/// The version of the body.
const VERSION: &str = "1";

/// What its answers mean. 425 is "too early": a replica that is starting.
pub(super) const VERDICTS: Verdicts = &[
    (200..=299, Verdict::Accepted),
    (401..=401, Verdict::Hold),
    (403..=403, Verdict::Hold),
    // A wrong address, or something in between that answers for it: worse to give up for it than to try again slowly.
    (300..=399, Verdict::Hold),
    (404..=405, Verdict::Hold),
    (408..=408, Verdict::Retry),
    (425..=425, Verdict::Retry),
    (429..=429, Verdict::Retry),
    (500..=599, Verdict::Retry),
];

/// Its pace.
pub(super) const PACE: Pace = Pace {
    batch_max: 1,
    repeat: None,
    // Ten a second: a flood of incidents must not be a flood of requests.
    spacing: Duration::from_millis(100),
    backoff_base: Duration::from_secs(2),
    backoff_max: Duration::from_mins(2),
    rate_limited_wait: Duration::from_secs(30),
};

/// Any HTTP endpoint that takes JSON.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "WebhookReceiver")]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to; treated as a secret, because many services have a key in it. Required.
    pub url: Option<Secret>,
    /// A file that holds the URL.
    pub url_file: Option<PathBuf>,
    /// Bearer token. Default: none.
    pub token: Option<Secret>,
    /// A file that holds the token.
    pub token_file: Option<PathBuf>,
    /// Name in metrics, logs and records, unique. Default `webhook`, then `webhook-2` and so on.
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
pub(super) struct Webhook {
    url: Secret,
    token: Option<Secret>,
}

impl Config {
    pub(super) fn service(&self, at: &str) -> Result<Webhook, String> {
        let url = config::address(at, "url", self.url.as_ref(), self.url_file.as_ref())?;
        let token = config::optional(at, "token", self.token.as_ref(), self.token_file.as_ref())?;
        Ok(Webhook { url, token })
    }

    pub(super) fn audience(&self) -> Audience {
        Audience {
            severity: self.severity.clone(),
            labels: self.labels.clone(),
            send_resolved: self.send_resolved,
        }
    }
}

impl Webhook {
    /// Where to.
    pub(super) fn address(&self) -> &Secret {
        &self.url
    }

    pub(super) fn secrets(&self) -> Vec<&Secret> {
        std::iter::once(&self.url).chain(&self.token).collect()
    }

    pub(super) fn request(
        &self,
        receiver: &str,
        notification: &Notification,
    ) -> Result<Request, SecretError> {
        let mut headers = vec![("idempotency-key", idempotency_key(notification))];
        if let Some(token) = &self.token {
            headers.push(("authorization", format!("Bearer {}", token.reveal()?)));
        }
        Ok(words::post(config::revealed(&self.url)?, &body(receiver, notification), headers))
    }
}

fn body(receiver: &str, notification: &Notification) -> Value {
    let Notification { incident, links, reason, .. } = notification;
    let end = incident.resolved_at.filter(|_| notification.is_end());
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    json!({
        "version": VERSION,
        "receiver": receiver,
        "status": notification.status(),
        "reason": reason.as_str(),
        "fingerprint": incident.fingerprint,
        "incident_id": incident.id,
        "labels": incident.labels,
        "annotations": words::annotations(notification),
        "startsAt": incident.started_at.to_string(),
        "firedAt": time(incident.fired_at),
        "endsAt": time(end),
        "goesOnAs": incident.course.joined(),
        "generatorURL": links.json(incident),
        "externalURL": links.external_url,
        "evidence": words::evidence(incident),
    })
}

/// The second at which it began to go on as the alert that it is now.
fn grew_at(incident: &Incident) -> i64 {
    let mut steps = incident.course.steps.iter().rev();
    let step = steps.find(|step| matches!(step.what, Happened::Grew(_)));
    step.map_or(0, |step| step.at.seconds())
}

/// The same for each try of one notification, and for no other: `fingerprint:state:started`.
fn idempotency_key(notification: &Notification) -> String {
    let incident = &notification.incident;
    let state = match notification.reason {
        // A page that was a ticket is news, though both are firing; so is what goes on as another alert.
        Reason::Escalated => "escalated".into(),
        Reason::Grew => format!("grew-{}", grew_at(incident)),
        Reason::Opened | Reason::StillOpen => "firing".into(),
        Reason::Closed => "resolved".to_owned(),
    };
    // The second at which this incident began to fire: the onset is an estimate, and may move.
    // Of an end that is all that is left of an incident it is not known.
    let began = incident.fired_at.map_or(0, Timestamp::seconds);
    format!("{}:{state}:{began}", incident.fingerprint)
}
