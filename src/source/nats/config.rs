//! `sources.nats` as it is written, and as it is meant.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::bus::{Access, Keys, Tls};
use crate::setting::{Period, Secret};

/// What names of streams and subjects may have; servers take no longer ones in requests either.
const NAME_BYTES_MAX: usize = 255;

/// How far back the first start may read: as far as with the Events API.
const START_MAX: Duration = Duration::from_hours(90 * 24);

/// `sources.nats`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NatsSource")]
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
    /// The JetStream stream that holds the events. Required.
    pub stream: String,
    /// Only messages of these subjects; `*` stands for one word, `>` for the rest. Default: all of the stream.
    pub subject: Option<String>,
    /// How far back the first start reads, 0s to 90d. Later starts go on where the last one ended. Default 24h.
    #[serde(default = "start")]
    pub start: Period,
}

fn start() -> Period {
    Period::from_secs(24 * 3600)
}

/// What the source is told, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) access: Access,
    pub(super) stream: String,
    pub(super) subject: Option<String>,
    pub(super) start: Duration,
}

impl Config {
    /// The meant form. An error names its key in backquotes.
    pub fn settings(&self) -> Result<Settings, String> {
        let Self { urls, user, password, password_file, token, token_file, .. } = self.clone();
        let Self { credentials, credentials_file, tls, stream, subject, .. } = self.clone();
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
        let access = Access::new("sources.nats", keys)?;
        if !is_word(&stream) || stream.contains(['.', '*', '>', '/', '\\']) {
            return Err("`sources.nats.stream` must be the name of a stream, without dots, `*`, `>`, slashes and spaces".into());
        }
        let words =
            |subject: &String| is_word(subject) && subject.split('.').all(|word| !word.is_empty());
        if !subject.as_ref().is_none_or(words) {
            return Err("`sources.nats.subject` must be words with dots between them, like `workos.events.>`".into());
        }
        let start = self.start.duration();
        if start > START_MAX {
            return Err("`sources.nats.start` must be 0s to 90d".into());
        }
        Ok(Settings { access, stream, subject, start })
    }
}

fn is_word(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains(char::is_whitespace)
}

impl Settings {
    /// In one line, without secrets.
    #[must_use]
    pub fn summary(&self) -> String {
        let subject = self.subject.as_deref().unwrap_or(">");
        format!("{}, stream {}, subject {subject}", self.access.summary(), self.stream)
    }
}
