//! Alertmanager, API v2.
//!
//! Every member of a cluster is told by itself: members agree among each other on who notifies, and a load
//! balancer before them would make them disagree. A member forgets an alert at its `endsAt`, so what is open
//! is told again every minute with an end a few minutes ahead: when ssowatch dies, its alerts (and with them
//! `Watchdog`) end.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Audience, Notification, Pace, Repeat, Verdicts, config, words};
use crate::outbound::{Request, Verdict};
use crate::setting::{Secret, SecretError};
use crate::signal::Severity;

/// Members of a cluster at most.
pub(super) const MEMBERS_MAX: usize = 16;

/// How far ahead the end of an open alert lies: three tellings may be lost, as Prometheus does it.
const END_AHEAD_MILLIS: i64 = 4 * 60_000;

/// What its answers mean. A mixed batch is answered with 400 (422 for what the schema forbids) and its valid
/// alerts are kept: halves find the bad one. A wrong address (404, 405, a redirect) is as much the operator's
/// as a wrong token: to give a page up for it would be worse than to try again slowly.
pub(super) const VERDICTS: Verdicts = &[
    (200..=299, Verdict::Accepted),
    (400..=400, Verdict::Split),
    (413..=413, Verdict::Split),
    (422..=422, Verdict::Split),
    (408..=408, Verdict::Retry),
    (429..=429, Verdict::Retry),
    (300..=499, Verdict::Hold),
    (500..=599, Verdict::Retry),
];

/// Its pace.
pub(super) const PACE: Pace = Pace {
    // Prometheus sends 256 alerts at once; at 1.5 KB each this is 400 KB.
    batch_max: 256,
    // The minute and the quarter of an hour are Prometheus's own.
    repeat: Some(Repeat { every_millis: 60_000, closed_for_millis: 15 * 60_000 }),
    spacing: Duration::from_millis(100),
    // It must hear again before `END_AHEAD_MILLIS` is over.
    backoff_base: Duration::from_secs(1),
    backoff_max: Duration::from_secs(30),
    rate_limited_wait: Duration::from_secs(5),
};

/// An Alertmanager cluster; every member is told by itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "AlertmanagerReceiver")]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Base URL of every member of the cluster, 1 to 16; never a load balancer. Required.
    pub urls: Vec<String>,
    /// Bearer token. Default: none.
    pub token: Option<Secret>,
    /// A file that holds the token.
    pub token_file: Option<PathBuf>,
    /// Name in metrics, logs and records, unique. Default `alertmanager`, then `alertmanager-2` and so on.
    pub name: Option<String>,
    /// Severities that it is told. Default all: `[none, ticket, page]`; `none` is `Watchdog`.
    #[serde(default = "everything")]
    pub severity: Vec<Severity>,
    /// Labels that an incident must have. Default: none.
    #[serde(default, rename = "match")]
    pub labels: BTreeMap<String, String>,
    /// Whether ends are told. Default true; without, an alert ends four minutes after it was last told.
    #[serde(default = "config::yes")]
    pub send_resolved: bool,
}

fn everything() -> Vec<Severity> {
    vec![Severity::None, Severity::Ticket, Severity::Page]
}

/// One member.
#[derive(Clone, Debug)]
pub(super) struct Alertmanager {
    url: String,
    token: Option<Secret>,
}

impl Config {
    /// The members; `at` is where the configuration stands.
    pub(super) fn members(&self, at: &str) -> Result<Vec<Alertmanager>, String> {
        if !(1..=MEMBERS_MAX).contains(&self.urls.len()) {
            let count = self.urls.len();
            return Err(format!(
                "`{at}.urls` has {count} members; name every member, 1 to {MEMBERS_MAX}"
            ));
        }
        let token = config::optional(at, "token", self.token.as_ref(), self.token_file.as_ref())?;
        let member = |(index, url): (usize, &String)| {
            let url = config::base_url(&format!("{at}.urls[{index}]"), url)?;
            Ok(Alertmanager { url, token: token.clone() })
        };
        let members: Vec<Alertmanager> =
            self.urls.iter().enumerate().map(member).collect::<Result<_, String>>()?;
        let mut urls: Vec<_> = members.iter().map(|member| &member.url).collect();
        urls.sort_unstable();
        if urls.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(format!("`{at}.urls` names a member twice; name each once"));
        }
        Ok(members)
    }

    pub(super) fn audience(&self) -> Audience {
        Audience {
            severity: self.severity.clone(),
            labels: self.labels.clone(),
            send_resolved: self.send_resolved,
        }
    }
}

impl Alertmanager {
    pub(super) fn secrets(&self) -> Vec<&Secret> {
        self.token.iter().collect()
    }

    /// The member's address without its scheme, which tells it from the others.
    pub(super) fn address(&self) -> &str {
        self.url.split_once("://").map_or(&*self.url, |(_, address)| address)
    }

    pub(super) fn request(&self, notifications: &[Notification]) -> Result<Request, SecretError> {
        let alerts: Vec<Value> = notifications.iter().map(alert).collect();
        let url = format!("{}/api/v2/alerts", self.url);
        Ok(words::post(url, &Value::Array(alerts), self.headers()?))
    }

    /// Asks whether it is ready.
    pub(super) fn ready(&self) -> Result<Request, SecretError> {
        Ok(words::get(format!("{}/-/ready", self.url), self.headers()?))
    }

    fn headers(&self) -> Result<Vec<(&'static str, String)>, SecretError> {
        let token = self.token.as_ref().map(Secret::reveal).transpose()?;
        Ok(token.map(|token| ("authorization", format!("Bearer {token}"))).into_iter().collect())
    }
}

fn alert(notification: &Notification) -> Value {
    let Notification { incident, their_now, links, .. } = notification;
    let end = match incident.resolved_at.filter(|_| notification.is_end()) {
        // An end before the start is answered with 400.
        Some(end) => end.max(incident.started_at.plus_millis(1)),
        None => their_now.plus_millis(END_AHEAD_MILLIS),
    };
    let labels: BTreeMap<String, &str> = incident
        .labels
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (label_name(name), &**value))
        .collect();
    json!({
        "labels": labels,
        "annotations": words::annotations(notification),
        "startsAt": incident.started_at.to_string(),
        "endsAt": end.to_string(),
        "generatorURL": links.json(incident),
    })
}

/// A name that Alertmanager accepts: `[a-zA-Z_][a-zA-Z0-9_]*`.
fn label_name(name: &str) -> String {
    let valid = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = name.chars().map(valid).collect();
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return format!("_{name}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_names_are_made_valid() {
        let cases = [
            ("connection_id", "connection_id"),
            ("team.name", "team_name"),
            ("1st", "_1st"),
            ("größe", "gr__e"),
            ("", "_"),
        ];
        for (name, want) in cases {
            assert_eq!(label_name(name), want);
        }
    }
}
