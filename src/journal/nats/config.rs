//! `journal.nats`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::bus::{Access, Keys, Tls};
use crate::setting::{ByteSize, Period, Secret};

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

impl Config {
    /// What can be said without a network. The message names the key first.
    pub fn check(&self) -> Result<(), String> {
        self.access()?;
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
        Ok(())
    }

    /// How the servers are reached.
    pub fn access(&self) -> Result<Access, String> {
        let Self { urls, user, password, password_file, token, token_file, .. } = self.clone();
        let Self { credentials, credentials_file, tls, .. } = self.clone();
        let keys = Keys {
            urls,
            user,
            password,
            password_file,
            token,
            token_file,
            credentials,
            credentials_file,
            tls,
        };
        Access::new("journal.nats", keys)
    }

    /// In one line, without secrets.
    #[must_use]
    pub fn summary(&self) -> String {
        let access = self.access().map_or_else(|problem| problem, |access| access.summary());
        let Self { stream, replicas, .. } = self;
        format!("{access}, streams {stream}_*, {replicas} replica(s)")
    }
}
