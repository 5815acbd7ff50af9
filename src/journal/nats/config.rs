//! `journal.nats`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::setting::{ByteSize, Period, Secret};

/// Servers at most: more than any cluster has.
const URLS_MAX: usize = 16;

/// `journal.nats`: several instances share one journal, one of them at a time owns it.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Servers of one NATS cluster with JetStream, `nats://host:4222` or `tls://host:4222`, without users or passwords.
    pub urls: Vec<String>,
    /// User, with `password`.
    pub user: Option<String>,
    /// Password of `user`.
    pub password: Option<Secret>,
    /// A file that holds the password.
    pub password_file: Option<PathBuf>,
    /// Token, in place of a user.
    pub token: Option<Secret>,
    /// A file that holds the token.
    pub token_file: Option<PathBuf>,
    /// Content of a `.creds` file (JWT and seed), in place of a user.
    pub credentials: Option<Secret>,
    /// The `.creds` file.
    pub credentials_file: Option<PathBuf>,
    /// Default: TLS when a URL is `tls://` or the server asks for it, with the authorities of the machine.
    pub tls: Option<Tls>,
    /// The streams' names begin with this: letters, digits, `-` and `_`. Default `ssowatch`.
    #[serde(default = "stream")]
    pub stream: String,
    /// On how many servers each message is: 1, 3 or 5. Default 3.
    #[serde(default = "replicas")]
    pub replicas: u8,
    /// How long entries are kept. Default 7d.
    #[serde(default = "retention")]
    pub retention: Period,
    /// How large the journal may grow; the oldest entries go first. At least 16MiB. Default 4GiB.
    #[serde(default = "max_bytes")]
    pub max_bytes: ByteSize,
    /// How much that standbys took may wait for the owner; beyond it they answer 503. At least 16MiB. Default 1GiB.
    #[serde(default = "intake_max_bytes")]
    pub intake_max_bytes: ByteSize,
}

/// `journal.nats.tls`.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_field_names, reason = "keys of the configuration")]
pub struct Tls {
    /// Certificates of authorities, PEM, that are trusted in place of those of the machine.
    pub ca_file: Option<PathBuf>,
    /// Certificate that is shown to the server, PEM, with `key_file`.
    pub cert_file: Option<PathBuf>,
    /// Its key, PEM.
    pub key_file: Option<PathBuf>,
}

fn stream() -> String {
    "ssowatch".into()
}

fn replicas() -> u8 {
    3
}

fn retention() -> Period {
    Period::from_secs(7 * 86_400)
}

fn max_bytes() -> ByteSize {
    ByteSize::from_bytes(4 << 30)
}

fn intake_max_bytes() -> ByteSize {
    ByteSize::from_bytes(1 << 30)
}

/// How one is let in.
#[derive(Clone, Debug)]
pub(super) enum Login {
    Nobody,
    User(String, Secret),
    Token(Secret),
    Credentials(Secret),
}

impl Config {
    /// What can be said without a network. The message names the key first.
    pub fn check(&self) -> Result<(), String> {
        if self.urls.is_empty() || self.urls.len() > URLS_MAX {
            return Err(format!(
                "`journal.nats.urls` needs 1 to {URLS_MAX} servers, `nats://host:4222`"
            ));
        }
        for url in &self.urls {
            let host = url.strip_prefix("nats://").or_else(|| url.strip_prefix("tls://"));
            if host.is_none_or(|host| host.is_empty() || host.contains(['@', '/', ' '])) {
                // Not repeated: it may hold a password.
                return Err(
                    "`journal.nats.urls` must be like `nats://host:4222` or `tls://host:4222`; \
                    a password belongs into `password`"
                        .into(),
                );
            }
        }
        let named = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.stream.is_empty() || self.stream.len() > 64 || !self.stream.chars().all(named) {
            return Err("`journal.nats.stream` must be 1 to 64 letters, digits, `-` or `_`".into());
        }
        if ![1, 3, 5].contains(&self.replicas) {
            return Err("`journal.nats.replicas` must be 1, 3 or 5".into());
        }
        if !(3_600..=400 * 86_400).contains(&self.retention.seconds()) {
            return Err("`journal.nats.retention` must be 1h to 400d".into());
        }
        for (key, size) in
            [("max_bytes", self.max_bytes), ("intake_max_bytes", self.intake_max_bytes)]
        {
            if size.bytes() < 16 << 20 {
                return Err(format!("`journal.nats.{key}` must be at least 16MiB"));
            }
        }
        let tls = self.tls.clone().unwrap_or_default();
        if tls.cert_file.is_some() != tls.key_file.is_some() {
            return Err(
                "`journal.nats.tls` needs both `cert_file` and `key_file`, or neither".into()
            );
        }
        self.login().map(drop)
    }

    pub(super) fn login(&self) -> Result<Login, String> {
        let one_of = |name, value: &Option<Secret>, file: &Option<PathBuf>| {
            Secret::one_of(name, value.clone(), file.clone())
                .map_err(|error| format!("`journal.nats`: {error}"))
        };
        let password = one_of("password", &self.password, &self.password_file)?;
        let token = one_of("token", &self.token, &self.token_file)?;
        let credentials = one_of("credentials", &self.credentials, &self.credentials_file)?;
        match (self.user.clone(), password, token, credentials) {
            (None, None, None, None) => Ok(Login::Nobody),
            (Some(user), Some(password), None, None) => Ok(Login::User(user, password)),
            (None, None, Some(token), None) => Ok(Login::Token(token)),
            (None, None, None, Some(credentials)) => Ok(Login::Credentials(credentials)),
            _ => Err("`journal.nats` takes `user` with `password`, or `token`, or `credentials`; keep one".into()),
        }
    }

    /// In one line, without secrets.
    #[must_use]
    pub fn summary(&self) -> String {
        let login = match self.login() {
            Ok(Login::Nobody) | Err(_) => "without a login",
            Ok(Login::User(..)) => "with a password",
            Ok(Login::Token(_)) => "with a token",
            Ok(Login::Credentials(_)) => "with credentials",
        };
        let Self { stream, replicas, .. } = self;
        format!("{} {login}, streams {stream}_*, {replicas} replica(s)", self.urls.join(", "))
    }
}
