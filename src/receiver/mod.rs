//! Who is told of incidents: Alertmanager, PagerDuty, Slack, Datadog events and any HTTP endpoint that takes
//! JSON.
//!
//! Each service is one file: a pure function from notifications to a request, a table of what its answers
//! mean, and its pace. [`log`] knows what a receiver was told and is owed, [`dispatcher`] sends.

pub mod alertmanager;
mod config;
pub mod datadog_event;
mod destination;
pub mod dispatcher;
pub mod log;
pub mod pagerduty;
pub mod slack;
pub mod webhook;
mod words;

pub use config::{Config, Inherited, LinksConfig, targets};
pub use log::Reason;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use crate::event::Timestamp;
use crate::outbound::{Request, Verdict, host};
use crate::setting::{Secret, SecretError};
use crate::signal::{Incident, Severity};

/// What a receiver is told.
#[derive(Clone, Debug)]
pub struct Notification {
    /// About what.
    pub incident: Arc<Incident>,
    /// Why now.
    pub reason: Reason,
    /// When it is sent.
    pub now: Timestamp,
    /// The same moment on the receiver's clock.
    pub their_now: Timestamp,
    /// Where to read more.
    pub links: Arc<Links>,
}

/// Where people read more about an incident.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Links {
    /// Base URL under which people reach the admin listener, without a slash at its end.
    pub external_url: String,
    /// Where the runbooks are: `{alertname}` in it is replaced, or the name is appended after a slash.
    pub runbooks: String,
    /// Alerts that have none there.
    pub unwritten: BTreeSet<Box<str>>,
}

/// One place that is told. An Alertmanager cluster is as many as it has members, each with its own retries
/// and records.
#[derive(Clone, Debug)]
pub struct Target {
    /// Unique among the configured receivers; the label `receiver`.
    pub name: Box<str>,
    /// Unique among places: the key of the record of what was told.
    pub key: Box<str>,
    /// What it wants to hear.
    pub audience: Audience,
    service: Service,
}

/// What a receiver wants to hear.
#[derive(Clone, PartialEq, Debug)]
pub struct Audience {
    /// Incidents of these severities.
    pub severity: Vec<Severity>,
    /// Incidents with all these labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it hears of ends.
    pub send_resolved: bool,
}

/// How fast a service wants to be told, and how much at once.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pace {
    /// Notifications in one request.
    pub batch_max: usize,
    /// Whether it forgets what it does not hear again.
    pub repeat: Option<Repeat>,
    /// Least time between two requests.
    pub spacing: Duration,
    /// First wait after a failure.
    pub backoff_base: Duration,
    /// Longest wait after failures.
    pub backoff_max: Duration,
    /// Wait after 429 without `Retry-After`.
    pub rate_limited_wait: Duration,
}

/// How a service that forgets is reminded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Repeat {
    /// What is open is told again after this.
    pub every_millis: i64,
    /// Ends are told again for this long.
    pub closed_for_millis: i64,
}

/// A request that tells nobody anything, by what its answer means.
#[derive(Debug)]
pub enum Knock {
    /// 2xx means that it works.
    Health(Request),
    /// Datadog says whether the key is valid.
    DatadogKey(Request),
    /// Any answer means that somebody is there.
    Address(Request),
}

/// What the answers of a service mean, by status; what is not in the table is dropped.
type Verdicts = &'static [(RangeInclusive<u16>, Verdict)];

#[derive(Clone, Debug)]
enum Service {
    Alertmanager(alertmanager::Alertmanager),
    Pagerduty(pagerduty::Pagerduty),
    Slack(slack::Slack),
    DatadogEvent(datadog_event::DatadogEvent),
    Webhook(webhook::Webhook),
}

impl Target {
    /// The request that tells `notifications`, at most [`Pace::batch_max`]. Same input, same bytes; fails
    /// when a secret cannot be read.
    pub fn request(&self, notifications: &[Notification]) -> Result<Request, SecretError> {
        assert!(
            !notifications.is_empty() && notifications.len() <= self.pace().batch_max,
            "a request holds 1 to `batch_max` notifications"
        );
        match &self.service {
            Service::Alertmanager(service) => service.request(notifications),
            Service::Pagerduty(service) => service.request(&notifications[0]),
            Service::Slack(service) => service.request(&notifications[0]),
            Service::DatadogEvent(service) => service.request(&notifications[0]),
            Service::Webhook(service) => service.request(&self.name, &notifications[0]),
        }
    }

    /// What an answer with this status means.
    #[must_use]
    pub fn classify(&self, status: u16) -> Verdict {
        let verdicts = match &self.service {
            Service::Alertmanager(_) => alertmanager::VERDICTS,
            Service::Pagerduty(_) => pagerduty::VERDICTS,
            Service::Slack(_) => slack::VERDICTS,
            Service::DatadogEvent(_) => datadog_event::VERDICTS,
            Service::Webhook(_) => webhook::VERDICTS,
        };
        let found = verdicts.iter().find(|(statuses, _)| statuses.contains(&status));
        found.map_or(Verdict::Drop, |(_, verdict)| *verdict)
    }

    /// How fast it wants to be told.
    #[must_use]
    pub fn pace(&self) -> Pace {
        match &self.service {
            Service::Alertmanager(_) => alertmanager::PACE,
            Service::Pagerduty(_) => pagerduty::PACE,
            Service::Slack(_) => slack::PACE,
            Service::DatadogEvent(_) => datadog_event::PACE,
            Service::Webhook(_) => webhook::PACE,
        }
    }

    /// Reads its secrets, and says how many it has.
    pub fn read_secrets(&self) -> Result<usize, SecretError> {
        let secrets = self.service.secrets();
        secrets.iter().try_for_each(|secret| secret.reveal().map(drop))?;
        if let Some(address) = self.service.address() {
            config::revealed(address)?;
        }
        Ok(secrets.len())
    }

    /// What shows whether it is there, and tells nobody anything.
    pub fn knock(&self) -> Result<Knock, SecretError> {
        let get = |url, headers| words::get(url, headers);
        let root = |secret| {
            Ok(Knock::Address(get(format!("{}/", host(&config::revealed(secret)?)), Vec::new())))
        };
        match &self.service {
            Service::Alertmanager(service) => service.ready().map(Knock::Health),
            Service::Pagerduty(service) => Ok(Knock::Address(get(service.url(), Vec::new()))),
            Service::DatadogEvent(service) => service.key_check().map(Knock::DatadogKey),
            // The path is the secret, and may do something by itself.
            Service::Slack(service) => root(service.address()),
            Service::Webhook(service) => root(service.address()),
        }
    }

    /// Its secrets as they are now, to take them out of what a service says.
    fn secrets(&self) -> Vec<String> {
        self.service.secrets().into_iter().filter_map(|secret| secret.reveal().ok()).collect()
    }

    /// What tells the place that is told from another one under the same name, where a secret does: its mark in the journal.
    #[must_use]
    pub(crate) fn destination(&self) -> Option<Box<str>> {
        match &self.service {
            Service::Pagerduty(service) => service.destination().map(|key| destination::mark(&key)),
            _ => None,
        }
    }

    /// Whether alerts of one cause are one incident to it. Alertmanager is told of alerts, and groups them itself.
    #[must_use]
    pub(crate) fn joins(&self) -> bool {
        !matches!(self.service, Service::Alertmanager(_))
    }

    /// Whether an end of which it never heard the beginning does no harm: it knows incidents by a key.
    #[must_use]
    pub(crate) fn ignores_unknown_ends(&self) -> bool {
        matches!(self.service, Service::Alertmanager(_) | Service::Pagerduty(_))
    }

    /// Whether it wakes nobody for what begins under a key that it holds for open.
    #[must_use]
    pub(crate) fn rings_by_key(&self) -> bool {
        matches!(self.service, Service::Pagerduty(_))
    }

    /// Whether `notification` is sent at all: an end may be unwanted, and Alertmanager cannot be told of an
    /// alert whose labels are not known any more (it forgets it by itself).
    #[must_use]
    pub fn sends(&self, notification: &Notification) -> bool {
        let wanted = self.audience.send_resolved || notification.reason != Reason::Closed;
        let possible = !matches!(self.service, Service::Alertmanager(_))
            || !notification.incident.labels.is_empty();
        wanted && possible
    }
}

impl Service {
    /// The secret that is a URL.
    fn address(&self) -> Option<&Secret> {
        match self {
            Self::Slack(service) => Some(service.address()),
            Self::Webhook(service) => Some(service.address()),
            Self::Alertmanager(_) | Self::Pagerduty(_) | Self::DatadogEvent(_) => None,
        }
    }

    fn secrets(&self) -> Vec<&Secret> {
        match self {
            Self::Alertmanager(service) => service.secrets(),
            Self::Pagerduty(service) => service.secrets(),
            Self::Slack(service) => service.secrets(),
            Self::DatadogEvent(service) => service.secrets(),
            Self::Webhook(service) => service.secrets(),
        }
    }
}

impl Audience {
    /// Whether `incident` is of interest.
    #[must_use]
    pub fn wants(&self, incident: &Incident) -> bool {
        let has = |(label, value): (&String, &String)| {
            incident.labels.get(&**label).is_some_and(|found| **found == **value)
        };
        self.severity.contains(&incident.severity) && self.labels.iter().all(has)
    }
}

impl Links {
    /// The incident on the status page.
    #[must_use]
    pub fn dashboard(&self, incident: &Incident) -> String {
        format!("{}/incidents/{}", self.external_url, words::percent_encoded(&incident.id))
    }

    /// The incident as JSON.
    #[must_use]
    pub fn json(&self, incident: &Incident) -> String {
        format!("{}/api/v1/incidents/{}", self.external_url, words::percent_encoded(&incident.id))
    }

    /// What to do about it, where that is written down.
    #[must_use]
    pub fn runbook(&self, incident: &Incident) -> Option<String> {
        if self.unwritten.contains(&incident.alertname) {
            return None;
        }
        let name = words::percent_encoded(&incident.alertname);
        if self.runbooks.contains("{alertname}") {
            return Some(self.runbooks.replace("{alertname}", &name));
        }
        Some(format!("{}/{name}", self.runbooks.trim_end_matches('/')))
    }
}

impl Notification {
    /// Whether it says that the incident is over.
    #[must_use]
    pub fn is_end(&self) -> bool {
        self.reason == Reason::Closed
    }

    /// `firing` or `resolved`.
    #[must_use]
    pub fn status(&self) -> &'static str {
        if self.is_end() { "resolved" } else { "firing" }
    }
}

#[cfg(test)]
mod tests;
