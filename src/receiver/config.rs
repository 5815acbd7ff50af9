//! The list `receivers:` as it is written, and the places that it stands for.

use std::collections::BTreeSet;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Audience, Links, Service, Target, alertmanager, datadog_event, pagerduty, slack, webhook,
};
use crate::outbound;
use crate::setting::{Secret, SecretError};
use crate::signal::{Severity, Vocabulary};

/// Receivers at most: each has a task and a record of its own.
const RECEIVERS_MAX: usize = 32;

/// Longest name: it is a label value, and the key of records.
const NAME_CHARS_MAX: usize = 64;

/// One item of `receivers`: one key, which says what it is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Receiver")]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Config {
    /// Every member of an Alertmanager cluster.
    Alertmanager(alertmanager::Config),
    /// PagerDuty, Events API v2.
    Pagerduty(pagerduty::Config),
    /// A Slack incoming webhook.
    Slack(slack::Config),
    /// Events in Datadog.
    DatadogEvent(datadog_event::Config),
    /// Any HTTP endpoint that takes JSON.
    Webhook(webhook::Config),
}

/// `links`: where people read more about an incident.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "Links")]
#[serde(deny_unknown_fields, default)]
pub struct LinksConfig {
    /// Base URL under which people reach the admin listener. Default: the listener's own address, with the machine's host
    /// name in place of 0.0.0.0 or [::].
    pub external_url: Option<String>,
    /// Where the runbooks are; `{alertname}` in it is replaced, or the name is appended after a slash.
    /// Default `<external_url>/runbooks`, which has none for `rules`: their notifications then link to none.
    pub runbooks: Option<String>,
}

/// What receivers take from other parts of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Inherited {
    /// `sinks.datadog.api_key`.
    pub datadog_api_key: Option<Secret>,
    /// `sinks.datadog.site`.
    pub datadog_site: Option<String>,
    /// `sinks.datadog.tags`.
    pub datadog_tags: Vec<String>,
}

/// Every place that `configs` stands for. An error names its key in backquotes.
pub fn targets(configs: &[Config], inherited: &Inherited) -> Result<Vec<Target>, String> {
    if configs.len() > RECEIVERS_MAX {
        return Err(format!("`receivers` has {}; at most {RECEIVERS_MAX}", configs.len()));
    }
    let names = names(configs)?;
    let mut targets = Vec::new();
    for (index, (config, name)) in configs.iter().zip(names).enumerate() {
        targets.extend(config.targets(index, &name, inherited)?);
    }
    Ok(targets)
}

/// A name for each: its own, or its kind with the next number that is free.
fn names(configs: &[Config]) -> Result<Vec<String>, String> {
    let mut taken = BTreeSet::new();
    for (index, config) in configs.iter().enumerate() {
        let Some(name) = config.name() else { continue };
        let at = format!("`receivers[{index}].{}.name`", config.kind());
        let valid = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(valid) {
            return Err(format!(
                "{at} must be 1 to {NAME_CHARS_MAX} letters, digits, `_`, `-` or `.`"
            ));
        }
        if !taken.insert(name.to_owned()) {
            return Err(format!("{at}: the name `{name}` is taken; choose another"));
        }
    }
    let mut named = Vec::with_capacity(configs.len());
    for config in configs {
        let kind = config.kind();
        let numbered = (1..).map(|n| if n == 1 { kind.to_owned() } else { format!("{kind}-{n}") });
        let name = config
            .name()
            .map(str::to_owned)
            .or_else(|| numbered.take(RECEIVERS_MAX + 1).find(|name| taken.insert(name.clone())));
        named.push(name.expect("there are more numbers than receivers"));
    }
    Ok(named)
}

impl Config {
    /// The key that it is written under.
    fn kind(&self) -> &'static str {
        match self {
            Self::Alertmanager(_) => "alertmanager",
            Self::Pagerduty(_) => "pagerduty",
            Self::Slack(_) => "slack",
            Self::DatadogEvent(_) => "datadog_event",
            Self::Webhook(_) => "webhook",
        }
    }

    fn name(&self) -> Option<&str> {
        let name = match self {
            Self::Alertmanager(config) => &config.name,
            Self::Pagerduty(config) => &config.name,
            Self::Slack(config) => &config.name,
            Self::DatadogEvent(config) => &config.name,
            Self::Webhook(config) => &config.name,
        };
        name.as_deref()
    }

    fn audience(&self) -> Audience {
        match self {
            Self::Alertmanager(config) => config.audience(),
            Self::Pagerduty(config) => config.audience(),
            Self::Slack(config) => config.audience(),
            Self::DatadogEvent(config) => config.audience(),
            Self::Webhook(config) => config.audience(),
        }
    }

    /// Refuses to match a label that no alert has: this receiver would hear nothing.
    pub fn check_match(&self, index: usize, vocabulary: &Vocabulary) -> Result<(), String> {
        let labels = self.audience().labels;
        let problem = vocabulary.foreign(labels.keys().map(|label| &**label));
        problem.map_or(Ok(()), |problem| Err(format!("`{}`: {problem}", self.match_key(index))))
    }

    /// What it matches: the key, label and value.
    pub fn matched(&self, index: usize) -> impl Iterator<Item = (String, String, String)> {
        let key = self.match_key(index);
        let labels = self.audience().labels.into_iter();
        labels.map(move |(label, value)| (key.clone(), label, value))
    }

    fn match_key(&self, index: usize) -> String {
        format!("receivers[{index}].{}.match", self.kind())
    }

    fn targets(
        &self,
        index: usize,
        name: &str,
        inherited: &Inherited,
    ) -> Result<Vec<Target>, String> {
        let at = format!("receivers[{index}].{}", self.kind());
        let audience = self.audience();
        if audience.severity.is_empty() {
            return Err(format!("`{at}.severity` is empty; name severities or remove the key"));
        }
        let one = |service| {
            let (name, key) = (name.into(), name.into());
            Ok(vec![Target { name, key, audience: audience.clone(), service }])
        };
        match self {
            Self::Alertmanager(config) => {
                let member = |member: alertmanager::Alertmanager| Target {
                    name: name.into(),
                    key: format!("{name}/{}", member.address()).into(),
                    audience: audience.clone(),
                    service: Service::Alertmanager(member),
                };
                Ok(config.members(&at)?.into_iter().map(member).collect())
            }
            Self::Pagerduty(config) => one(Service::Pagerduty(config.service(&at)?)),
            Self::Slack(config) => one(Service::Slack(config.service(&at)?)),
            Self::DatadogEvent(config) => {
                one(Service::DatadogEvent(config.service(&at, inherited)?))
            }
            Self::Webhook(config) => one(Service::Webhook(config.service(&at)?)),
        }
    }
}

impl LinksConfig {
    /// The links; `listener` is the admin listener's own URL, `rules` are the operator's alerts.
    pub fn links(&self, listener: &str, rules: BTreeSet<Box<str>>) -> Result<Links, String> {
        let external_url = self.external_url.as_deref().unwrap_or(listener);
        let external_url = base_url("links.external_url", external_url)?;
        let (runbooks, unwritten) = match &self.runbooks {
            Some(own) => base_url("links.runbooks", &own.replace("{alertname}", "name"))
                .map(|_| (own.clone(), BTreeSet::new()))?,
            None => (format!("{external_url}/runbooks"), rules),
        };
        Ok(Links { external_url, runbooks, unwritten })
    }
}

/// The secret `field` of the keys at `at`, where there may be none.
pub(super) fn optional(
    at: &str,
    field: &'static str,
    value: Option<&Secret>,
    file: Option<&PathBuf>,
) -> Result<Option<Secret>, String> {
    Secret::one_of(field, value.cloned(), file.cloned())
        .map_err(|error| format!("`{at}.{field}`: {error}"))
}

/// The secret `field` of the keys at `at`.
pub(super) fn required(
    at: &str,
    field: &'static str,
    value: Option<&Secret>,
    file: Option<&PathBuf>,
) -> Result<Secret, String> {
    optional(at, field, value, file)?
        .ok_or_else(|| format!("`{at}` needs `{field}` or `{field}_file`"))
}

/// A URL that is a secret, because a key is in it; what stands in the configuration itself is looked at now.
pub(super) fn address(
    at: &str,
    field: &'static str,
    value: Option<&Secret>,
    file: Option<&PathBuf>,
) -> Result<Secret, String> {
    let secret = required(at, field, value, file)?;
    if file.is_none() {
        revealed(&secret).map_err(|error| format!("`{at}.{field}`: {error}"))?;
    }
    Ok(secret)
}

/// The URL that is a secret.
pub(super) fn revealed(secret: &Secret) -> Result<String, SecretError> {
    let url = secret.reveal()?;
    if outbound::is_address(&url) { Ok(url) } else { Err(SecretError::NoUrl) }
}

/// A URL to which paths are appended. Never repeats it: it may hold what it should not.
pub(super) fn base_url(key: &str, url: &str) -> Result<String, String> {
    outbound::base_url(url).map_err(|problem| format!("`{key}` {problem}"))
}

pub(super) fn yes() -> bool {
    true
}

pub(super) fn pages_and_tickets() -> Vec<Severity> {
    vec![Severity::Ticket, Severity::Page]
}

#[cfg(test)]
mod tests;
