//! The configuration file: YAML, checked when it is read, with errors that name file, line, column, key and remedy.

mod door;
mod http;
mod kept;
mod names;
mod place;
mod privacy;
mod read;
mod reference;
mod scenario;
mod sinks;
mod sources;
mod syntax;
mod tracked;
mod variable;

use std::net::SocketAddr;
use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use self::door::Door;
pub use self::http::{Admin, Http, Listener};
pub use self::kept::{DataDir, Incidents, JournalConfig, Sessions};
use self::place::Place;
pub use self::privacy::PrivacyConfig;
use self::read::{Mistake, read};
pub use self::reference::{reference, schema};
#[cfg(any(test, fuzzing))]
pub(crate) use self::scenario::parse as parse_scenario;
pub use self::scenario::scenario;
pub use self::sinks::{Prometheus, Sinks};
use self::sources::TOLERANCE_MIN;
pub use self::sources::{Push, Sources, Webhook};
use crate::engine::detect;
use crate::engine::edge;
use crate::engine::rule::{RULES_MAX, Rule};
use crate::event::Source;
use crate::event::cause::{self, Causes};
use crate::event::edge::Scheme;
use crate::outbound;
use crate::receiver::{self, Target};
use crate::setting::machine;
use crate::sink::{datadog, otlp};

/// Largest file: 64 rules take 20 KiB, a scenario 2.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The configuration as it is written. Every key has a default.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the journal and the checkpoint are kept. Default `./ssowatch-data`.
    pub data_dir: DataDir,
    /// The two listeners.
    pub http: Http,
    /// What happens to e-mail addresses, user ids, IP addresses and user agents.
    pub privacy: PrivacyConfig,
    /// Where events come from.
    pub sources: Sources,
    /// The log of everything that was accepted.
    pub journal: JournalConfig,
    /// Sign-ins.
    pub sessions: Sessions,
    /// Incidents.
    pub incidents: Incidents,
    /// Access logs: tiers, formats, internal callers, rate limits run in shadow.
    pub edge: edge::Config,
    /// Where metrics go.
    pub sinks: Sinks,
    /// The operator's own thresholds beside the built-in alerts; at most 64.
    pub rules: Vec<Rule>,
    /// The way of requests to services: trusted authorities, proxy.
    pub outbound: outbound::Config,
    /// Who is told of incidents, at most 32; each item is a map of one key.
    pub receivers: Vec<receiver::Config>,
    /// Where people read more about an incident.
    pub links: receiver::LinksConfig,
    /// How sure the built-in alerts are.
    pub detection: detect::Config,
    /// Whether the built-in alerts are on. Default true.
    pub built_in_alerts: On,
    /// Classes of `error.code` beside the built-in ones; `*` at the end of a code stands for any rest.
    pub causes: cause::Config,
}

/// A switch that is on by default.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct On(pub bool);

impl Default for On {
    fn default() -> Self {
        Self(true)
    }
}

/// The configuration cannot be used. Prints as `file:line:column: problem and remedy`, and never holds a secret.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ConfigError {
    place: String,
    problem: String,
}

/// The content of a file within the limit.
fn text_of(file: &Path) -> Result<String, ConfigError> {
    let fail = |problem: String| ConfigError { place: file.display().to_string(), problem };
    let unreadable = |error: std::io::Error| fail(format!("cannot be read: {error}"));
    let size = std::fs::metadata(file).map_err(unreadable)?.len();
    if size > FILE_BYTES_MAX {
        return Err(fail(format!("has {size} bytes; at most {FILE_BYTES_MAX} are read")));
    }
    std::fs::read_to_string(file).map_err(unreadable)
}

/// Reads a YAML `text`, which is called `file` in errors, and checks it. `variable` gives environment variables; a message of
/// `check` names the key first, in backquotes.
fn parse_yaml<T: DeserializeOwned>(
    file: &str,
    text: &str,
    variable: &dyn Fn(&str) -> Option<String>,
    check: impl FnOnce(&T) -> Result<(), String>,
) -> Result<T, ConfigError> {
    let locate = |mistake: Mistake| ConfigError {
        place: match mistake.place {
            Some(Place { line, column }) => format!("{file}:{line}:{column}"),
            None => file.to_owned(),
        },
        problem: mistake.problem,
    };
    let (value, variables) = read(text, variable).map_err(locate)?;
    check(&value).map_err(|problem| locate(read::at_key(text, &problem, &variables)))?;
    Ok(value)
}

impl Config {
    /// Reads and checks `file`; without one, the default.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(file) = file else { return Ok(Self::default()) };
        let text = text_of(file)?;
        Self::parse(&file.display().to_string(), &text, |name| std::env::var(name).ok())
    }

    /// Reads and checks `text`, which is called `file` in errors; `variable` gives environment variables.
    pub fn parse(
        file: &str,
        text: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Self::default());
        }
        parse_yaml(file, text, &variable, Self::check)
    }

    fn check(&self) -> Result<(), String> {
        if self.rules.len() > RULES_MAX {
            return Err(format!("`rules` has {} rules; at most {RULES_MAX}", self.rules.len()));
        }
        let mut names: Vec<_> = self.rules.iter().map(|rule| rule.name.clone()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| &pair[0]) {
            return Err(format!("`rules`: the name `{twice}` is taken; choose another"));
        }
        self.check_nats()?;
        self.http.intake.access.guard()?;
        self.sessions.check()?;
        self.incidents.check()?;
        self.detection.check()?;
        self.causes()?;
        self.edge_scheme()?;
        self.edge.settings(true)?;
        self.edge.check_privacy(self.privacy.personal)?;
        self.privacy_secret()?;
        self.previous_privacy_secret()?;
        self.sinks.datadog.as_ref().map_or(Ok(()), datadog::Config::check)?;
        self.sinks.otlp.as_ref().map_or(Ok(()), otlp::Config::check)?;
        self.files()?;
        self.access_logs()?;
        self.targets()?;
        self.check_limits()?;
        let vocabulary = self.vocabulary();
        for (index, receiver) in self.receivers.iter().enumerate() {
            receiver.check_match(index, &vocabulary)?;
        }
        self.links(self.http.admin.listen)?;
        let (admin, push) = (self.admin_token()?, self.push_token()?);
        if !self.http.admin.listen.ip().is_loopback() && admin.is_none() {
            return Err(
                "`http.admin.listen` is reachable from outside; set `http.admin.token`".into()
            );
        }
        if !self.http.intake.listen.ip().is_loopback() && push.is_none() {
            return Err(
                "`http.intake.listen` is reachable from outside; set `sources.push.token`".into()
            );
        }
        self.check_doors()?;
        self.workos_api()?;
        self.nats()?;
        let webhook = self.sources.workos_webhook.as_ref();
        if webhook.is_some_and(|webhook| webhook.tolerance < TOLERANCE_MIN) {
            return Err(format!(
                "`sources.workos_webhook.tolerance` must be {TOLERANCE_MIN} or more: \
                WorkOS signs what it sends when it sends it, and clocks differ"
            ));
        }
        self.webhook_secrets().map(drop)
    }

    /// What is to be said where nobody is told of incidents: that is allowed, and must not be found out at night.
    #[must_use]
    pub fn nobody_is_paged(&self) -> Option<&'static str> {
        if self.receivers.is_empty() {
            return Some(
                "`receivers` is empty: ssowatch pages nobody. Name a receiver, or page by its Prometheus rules or Datadog monitors",
            );
        }
        let silent = !self.built_in_alerts.0 && self.rules.is_empty();
        silent.then_some(
            "`built_in_alerts` is false and there are no `rules`: ssowatch pages of no sign-in. Write rules, or leave `built_in_alerts` out",
        )
    }

    /// What several instances need.
    fn check_nats(&self) -> Result<(), String> {
        let Some(nats) = &self.journal.nats else { return Ok(()) };
        nats.check()?;
        if self.journal.embedded.is_some() {
            return Err("`journal` takes `embedded` or `nats`; keep one".into());
        }
        if self.privacy_secret()?.is_none() {
            return Err(
                "`privacy.key` is needed with `journal.nats`: all instances must have the same"
                    .into(),
            );
        }
        if !self.files()?.is_empty() || !self.access_logs()?.files.is_empty() {
            return Err("`journal.nats` takes no files, which only one machine has; push what is in them to \
                `/v1/events` or `/v1/edge`, or send access logs by syslog"
                .into());
        }
        Ok(())
    }

    /// Every place that is told of incidents.
    pub fn targets(&self) -> Result<Vec<Target>, String> {
        let inherited = match &self.sinks.datadog {
            None => receiver::Inherited::default(),
            Some(datadog) => receiver::Inherited {
                datadog_api_key: Some(datadog.api_key()?),
                datadog_site: Some(datadog.site.clone()),
                datadog_tags: datadog.tags.clone(),
            },
        };
        receiver::targets(&self.receivers, &inherited)
    }

    /// Where people read more about an incident, when the admin listener is at `admin`.
    pub fn links(&self, admin: SocketAddr) -> Result<receiver::Links, String> {
        let scheme = if self.http.admin.tls.is_some() { "https" } else { "http" };
        // Nobody follows a link to 0.0.0.0.
        let all = Some(admin).filter(|admin| admin.ip().is_unspecified());
        let named = all.and_then(|admin| Some(format!("{}:{}", machine()?, admin.port())));
        let place = named.unwrap_or_else(|| admin.to_string());
        let own = self.rules.iter().map(|rule| rule.name.clone());
        self.links.links(&format!("{scheme}://{place}"), own.collect())
    }

    /// What reading access logs needs.
    pub fn edge_scheme(&self) -> Result<Scheme, String> {
        self.edge.scheme()
    }

    /// The table of causes.
    pub fn causes(&self) -> Result<Causes, String> {
        Causes::new(&self.causes).map_err(|error| format!("`causes`: {error}"))
    }

    /// What the engine is told.
    pub fn engine(&self) -> Result<crate::engine::Config, String> {
        let datadog = self.sinks.datadog.as_ref();
        Ok(crate::engine::Config {
            session_timeout: self.sessions.timeout.duration(),
            incident_retention: self.incidents.retention.duration(),
            causes: self.causes()?,
            rules: self.rules.clone(),
            detection: self.built_in_alerts.0.then(|| self.detection.clone()),
            sources: [
                self.sources.workos_api.is_some().then_some(Source::WorkosApi),
                self.sources.nats.is_some().then_some(Source::Nats),
                self.sources.workos_webhook.is_some().then_some(Source::WorkosWebhook),
            ]
            .into_iter()
            .flatten()
            .collect(),
            sinks: self.sink_names(),
            window_sinks: datadog.map_or_else(Vec::new, datadog::Config::window_sinks),
            edge: self.edge.settings(self.built_in_alerts.0)?.with_tiers(self.known_tiers()),
        })
    }
}

#[cfg(test)]
mod tests;
