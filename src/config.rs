//! The configuration file: YAML, checked when it is read, with errors that name file, line, column, key and remedy.

mod door;
mod names;
mod place;
mod read;
mod reference;
mod scenario;
mod tracked;
mod variable;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio_rustls::TlsAcceptor;

pub use self::door::Door;
use self::place::Place;
use self::read::{Mistake, read};
pub use self::reference::{reference, schema};
#[cfg(any(test, fuzzing))]
pub(crate) use self::scenario::parse as parse_scenario;
pub use self::scenario::scenario;

use crate::engine::detect;
use crate::engine::edge;
use crate::engine::rule::{RULES_MAX, Rule};
use crate::event::cause::{self, Causes};
use crate::event::edge::Scheme;
use crate::event::{Source, Treatment};
use crate::journal;
use crate::listener::Tls;
use crate::outbound;
use crate::receiver::{self, Target};
use crate::setting::{ByteSize, Period, Secret, machine};
use crate::sink::{datadog, otlp};
use crate::source::intake::Access;
use crate::source::{edge as access_log, file, nats, workos_api};

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

/// `data_dir`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DataDir(pub PathBuf);

impl Default for DataDir {
    fn default() -> Self {
        Self("ssowatch-data".into())
    }
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

/// `http`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Metrics and API.
    pub admin: Admin,
    /// Webhooks and pushed events.
    pub intake: Listener,
}

/// `http.admin`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// Address and port. Default `127.0.0.1:9470`. Any other address than loopback needs a token.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// Bearer token for everything but health.
    pub token: Option<Secret>,
    /// A file that holds the token.
    pub token_file: Option<PathBuf>,
    /// Default: plain HTTP.
    pub tls: Option<Tls>,
}

impl Default for Admin {
    fn default() -> Self {
        Self { listen: ([127, 0, 0, 1], 9470).into(), token: None, token_file: None, tls: None }
    }
}

/// `http.intake`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Listener {
    /// Address and port. Default `127.0.0.1:9471`. Any other address than loopback needs `sources.push.token`.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// Default: plain HTTP.
    pub tls: Option<Tls>,
    /// Who may send, and how often.
    pub access: Access,
}

impl Default for Listener {
    fn default() -> Self {
        Self { listen: ([127, 0, 0, 1], 9471).into(), tls: None, access: Access::default() }
    }
}

/// `privacy`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PrivacyConfig {
    /// `drop`, `hash` (default) or `keep`.
    pub personal: Treatment,
    /// Key of the hashes. Default: one that is made once and kept in `data_dir`.
    pub key: Option<Secret>,
    /// A file that holds the key.
    pub key_file: Option<PathBuf>,
    /// The key before: people whose sign-ins were kept under it are still found by their e-mail address.
    pub previous_key: Option<Secret>,
    /// A file that holds the key before.
    pub previous_key_file: Option<PathBuf>,
}

/// `sources`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sources {
    /// `POST /webhooks/workos`.
    pub workos_webhook: Option<Webhook>,
    /// WorkOS's Events API, and the names of its connections.
    pub workos_api: Option<workos_api::Config>,
    /// `POST /v1/events` and `POST /api/v2/logs`.
    pub push: Push,
    /// A stream of NATS that holds events: a message bus.
    pub nats: Option<nats::Config>,
    /// Recorded events, at most 64 entries.
    pub files: Vec<file::Config>,
    /// Access logs in files and by syslog, at most 64 entries.
    pub edge: Vec<access_log::Config>,
}

/// `sources.workos_webhook`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The endpoint's secret, `whsec_…`.
    pub secret: Option<Secret>,
    /// A file that holds the secret.
    pub secret_file: Option<PathBuf>,
    /// The secret before, while it is being rotated.
    pub previous_secret: Option<Secret>,
    /// A file that holds the secret before.
    pub previous_secret_file: Option<PathBuf>,
    /// How old a signature may be, 1s or more. Default 3m.
    #[serde(default = "tolerance")]
    pub tolerance: Period,
}

/// Less than this refuses every webhook.
const TOLERANCE_MIN: Period = Period::from_secs(1);

fn tolerance() -> Period {
    Period::from_secs(180)
}

/// `sources.push`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Push {
    /// Bearer token that senders must have. Default: none, on loopback only.
    pub token: Option<Secret>,
    /// A file that holds the token.
    pub token_file: Option<PathBuf>,
}

/// `journal`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JournalConfig {
    /// On this machine's disk; this is the default.
    pub embedded: Option<journal::Config>,
    /// In NATS JetStream, for several instances, in place of `embedded`.
    pub nats: Option<journal::nats::Config>,
}

impl JournalConfig {
    /// `journal.embedded`.
    #[must_use]
    pub fn embedded(&self) -> journal::Config {
        self.embedded.unwrap_or_default()
    }
}

/// `sessions`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sessions {
    /// How long WorkOS lets a sign-in be in progress, 30s to 1h. Default 5m.
    pub timeout: Period,
    /// How long sign-ins can be searched, 1h to 400d. Default 90d.
    pub retention: Period,
    /// Disk space for the search, 16MiB to 1TiB; beyond it the oldest sign-ins are forgotten. Default 2GiB.
    pub max_bytes: ByteSize,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            timeout: Period::from_secs(300),
            retention: Period::from_secs(90 * 86_400),
            max_bytes: ByteSize::from_bytes(2 << 30),
        }
    }
}

/// `incidents`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Incidents {
    /// How long a resolved incident is remembered, 1d to 730d; 5,000 at most. Default 90d.
    pub retention: Period,
}

impl Sessions {
    fn check(&self) -> Result<(), String> {
        if !(30..=3600).contains(&self.timeout.seconds()) {
            return Err("`sessions.timeout` must be 30s to 1h".into());
        }
        if !(3_600..=400 * 86_400).contains(&self.retention.seconds()) {
            return Err("`sessions.retention` must be 1h to 400d".into());
        }
        if !(16 << 20..=1 << 40).contains(&self.max_bytes.bytes()) {
            return Err("`sessions.max_bytes` must be 16MiB to 1TiB".into());
        }
        Ok(())
    }
}

impl Incidents {
    fn check(self) -> Result<(), String> {
        if !(86_400..=730 * 86_400).contains(&self.retention.seconds()) {
            return Err("`incidents.retention` must be 1d to 730d".into());
        }
        Ok(())
    }
}

impl Default for Incidents {
    fn default() -> Self {
        Self { retention: Period::from_secs(90 * 86_400) }
    }
}

/// `sinks`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sinks {
    /// `GET /metrics`.
    pub prometheus: Prometheus,
    /// Metrics and logs to Datadog.
    pub datadog: Option<datadog::Config>,
    /// OpenTelemetry.
    pub otlp: Option<otlp::Config>,
}

/// `sinks.prometheus`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Prometheus {
    /// Connections with series of their own; the rest add up under `connection_id="other"`. Default 20000.
    pub max_connections: usize,
}

impl Default for Prometheus {
    fn default() -> Self {
        Self { max_connections: 20_000 }
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

    /// `http.admin.token`.
    pub fn admin_token(&self) -> Result<Option<Secret>, String> {
        let Admin { token, token_file, .. } = self.http.admin.clone();
        Secret::one_of("token", token, token_file).map_err(|error| format!("`http.admin`: {error}"))
    }

    /// What the admin and the intake listener need for TLS. Reads files.
    pub fn acceptors(&self) -> Result<[Option<TlsAcceptor>; 2], String> {
        let acceptor = |name: &str, tls: &Option<Tls>| {
            let read = tls.as_ref().map(Tls::acceptor).transpose();
            read.map_err(|error| format!("`http.{name}.tls`: {error}"))
        };
        Ok([acceptor("admin", &self.http.admin.tls)?, acceptor("intake", &self.http.intake.tls)?])
    }

    /// `privacy.key`, when the operator has one.
    pub fn privacy_secret(&self) -> Result<Option<Secret>, String> {
        let PrivacyConfig { key, key_file, .. } = self.privacy.clone();
        Secret::one_of("key", key, key_file).map_err(|error| format!("`privacy`: {error}"))
    }

    /// `privacy.previous_key`.
    pub fn previous_privacy_secret(&self) -> Result<Option<Secret>, String> {
        let PrivacyConfig { previous_key, previous_key_file, .. } = self.privacy.clone();
        Secret::one_of("previous_key", previous_key, previous_key_file)
            .map_err(|error| format!("`privacy`: {error}"))
    }

    /// `sources.push.token`.
    pub fn push_token(&self) -> Result<Option<Secret>, String> {
        let Push { token, token_file } = self.sources.push.clone();
        Secret::one_of("token", token, token_file)
            .map_err(|error| format!("`sources.push`: {error}"))
    }

    /// What `sources.files` stands for, with whether it is followed.
    pub fn files(&self) -> Result<Vec<(file::Pattern, bool)>, String> {
        file::patterns(&self.sources.files)
    }

    /// What `sources.edge` stands for.
    pub fn access_logs(&self) -> Result<access_log::Settings, String> {
        access_log::settings(&self.sources.edge, &self.edge_scheme()?)
    }

    /// The webhook's secrets, any of which may sign.
    pub fn webhook_secrets(&self) -> Result<Vec<Secret>, String> {
        let Some(webhook) = self.sources.workos_webhook.clone() else { return Ok(Vec::new()) };
        let one_of = |name, value, file| {
            Secret::one_of(name, value, file)
                .map_err(|error| format!("`sources.workos_webhook`: {error}"))
        };
        let secret = one_of("secret", webhook.secret, webhook.secret_file)?
            .ok_or("`sources.workos_webhook` needs `secret` or `secret_file`")?;
        let (previous, file) = (webhook.previous_secret, webhook.previous_secret_file);
        let previous = one_of("previous_secret", previous, file)?;
        Ok([Some(secret), previous].into_iter().flatten().collect())
    }

    /// `sources.workos_api`, when it is on.
    pub fn workos_api(&self) -> Result<Option<workos_api::Settings>, String> {
        self.sources.workos_api.as_ref().map(workos_api::Config::settings).transpose()
    }

    /// `sources.nats`, when it is on.
    pub fn nats(&self) -> Result<Option<nats::Settings>, String> {
        self.sources.nats.as_ref().map(nats::Config::settings).transpose()
    }

    /// The label `sink` of each.
    fn sink_names(&self) -> Vec<Box<str>> {
        [
            self.sinks.datadog.as_ref().map_or_else(Vec::new, datadog::Config::sinks),
            self.sinks.otlp.as_ref().map_or_else(Vec::new, otlp::Config::sinks),
        ]
        .concat()
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
            edge: self.edge.settings(self.built_in_alerts.0)?,
        })
    }
}

#[cfg(test)]
mod tests;
