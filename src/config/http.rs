//! `http`: the two listeners.

use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio_rustls::TlsAcceptor;

use super::Config;
use crate::listener::Tls;
use crate::setting::Secret;
use crate::source::intake::Access;

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

impl Config {
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
}
