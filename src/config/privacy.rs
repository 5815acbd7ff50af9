//! `privacy`: what happens to personal data, and the keys of its hashes.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Config;
use crate::event::Treatment;
use crate::setting::Secret;

/// `privacy`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PrivacyConfig {
    /// `drop`, `hash` (default) or `keep`.
    pub personal: Treatment,
    /// Key of the hashes, 16 bytes or more. Default: one that is made once and kept in `data_dir`.
    pub key: Option<Secret>,
    /// A file that holds the key.
    pub key_file: Option<PathBuf>,
    /// The key before: people whose sign-ins were kept under it are still found by their e-mail address.
    pub previous_key: Option<Secret>,
    /// A file that holds the key before.
    pub previous_key_file: Option<PathBuf>,
}

impl Config {
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
}
