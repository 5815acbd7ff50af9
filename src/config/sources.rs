//! `sources`: where events come from.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Config;
use crate::setting::{Period, Secret};
use crate::source::{edge as access_log, file, nats, workos_api};

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
pub(super) const TOLERANCE_MIN: Period = Period::from_secs(1);

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

impl Config {
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
}
