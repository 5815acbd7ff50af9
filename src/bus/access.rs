//! How a cluster is reached, and by whom: the keys that every part of the configuration with servers of NATS has.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::setting::Secret;

/// Servers at most: more than any cluster has.
const URLS_MAX: usize = 16;

/// The key `tls`.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Certificates of authorities, PEM, that are trusted in place of those of the machine.
    pub ca_file: Option<PathBuf>,
    /// Certificate that is shown to the server, PEM, with `key_file`.
    pub cert_file: Option<PathBuf>,
    /// Its key, PEM.
    pub key_file: Option<PathBuf>,
}

/// The keys as they are in the configuration.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the configuration documents them")]
pub struct Keys {
    pub urls: Vec<String>,
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub password_file: Option<PathBuf>,
    pub token: Option<Secret>,
    pub token_file: Option<PathBuf>,
    pub credentials: Option<Secret>,
    pub credentials_file: Option<PathBuf>,
    pub tls: Option<Tls>,
}

/// What they say.
#[derive(Clone, Debug)]
pub struct Access {
    /// Where they stand, e.g. `journal.nats`: errors name it.
    pub(super) place: &'static str,
    pub(super) urls: Vec<String>,
    pub(super) login: Login,
    pub(super) tls: Option<Tls>,
}

/// How one is let in.
#[derive(Clone, Debug)]
pub(super) enum Login {
    Nobody,
    User(String, Secret),
    Token(Secret),
    Credentials(Secret),
}

impl Access {
    /// What can be said without a network. The message names the key first.
    pub fn new(place: &'static str, keys: Keys) -> Result<Self, String> {
        let Keys { urls, tls, .. } = keys.clone();
        if urls.is_empty() || urls.len() > URLS_MAX {
            return Err(format!(
                "`{place}.urls` needs 1 to {URLS_MAX} servers, `nats://host:4222`"
            ));
        }
        for url in &urls {
            let host = url.strip_prefix("nats://").or_else(|| url.strip_prefix("tls://"));
            if host.is_none_or(|host| host.is_empty() || host.contains(['@', '/', ' '])) {
                // Not repeated: it may hold a password.
                return Err(format!(
                    "`{place}.urls` must be like `nats://host:4222` or `tls://host:4222`; \
                    a password belongs into `password`"
                ));
            }
        }
        let certificate = tls.clone().unwrap_or_default();
        if certificate.cert_file.is_some() != certificate.key_file.is_some() {
            return Err(format!("`{place}.tls` needs both `cert_file` and `key_file`, or neither"));
        }
        Ok(Self { place, urls, login: login(place, keys)?, tls })
    }

    /// In one line, without secrets.
    #[must_use]
    pub fn summary(&self) -> String {
        let login = match &self.login {
            Login::Nobody => "without a login",
            Login::User(..) => "with a password",
            Login::Token(_) => "with a token",
            Login::Credentials(_) => "with credentials",
        };
        format!("{} {login}", self.urls.join(", "))
    }
}

fn login(place: &str, keys: Keys) -> Result<Login, String> {
    let one_of = |name, value, file| {
        Secret::one_of(name, value, file).map_err(|error| format!("`{place}`: {error}"))
    };
    let password = one_of("password", keys.password, keys.password_file)?;
    let token = one_of("token", keys.token, keys.token_file)?;
    let credentials = one_of("credentials", keys.credentials, keys.credentials_file)?;
    match (keys.user, password, token, credentials) {
        (None, None, None, None) => Ok(Login::Nobody),
        (Some(user), Some(password), None, None) => Ok(Login::User(user, password)),
        (None, None, Some(token), None) => Ok(Login::Token(token)),
        (None, None, None, Some(credentials)) => Ok(Login::Credentials(credentials)),
        _ => Err(format!(
            "`{place}` takes `user` with `password`, or `token`, or `credentials`; keep one"
        )),
    }
}
