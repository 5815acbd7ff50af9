//! What is kept, where and for how long: `data_dir`, `journal`, `sessions`, `incidents`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::journal;
use crate::setting::{ByteSize, Period};

/// `data_dir`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DataDir(pub PathBuf);

impl Default for DataDir {
    fn default() -> Self {
        Self("ssowatch-data".into())
    }
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
    pub(super) fn check(&self) -> Result<(), String> {
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
    pub(super) fn check(self) -> Result<(), String> {
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
