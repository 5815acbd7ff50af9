//! `outbound`: whom requests to services trust, and through which proxy they go.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::setting::Secret;

/// `outbound`: for every request that ssowatch sends.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Certificates of authorities, PEM, that are trusted beside those of the machine: for a proxy that looks into TLS, or an
    /// Alertmanager with a certificate of one's own.
    pub ca_file: Option<PathBuf>,
    /// URL of a proxy, with its user and password when it needs them, for all requests. Default: what `HTTPS_PROXY`, `HTTP_PROXY`
    /// and `NO_PROXY` say.
    pub proxy: Option<Secret>,
    /// A file that holds the proxy's URL.
    pub proxy_file: Option<PathBuf>,
}

/// [`Config`], read.
#[derive(Clone, Debug, Default)]
pub struct Route {
    pub(super) roots: Vec<reqwest::Certificate>,
    pub(super) proxy: Option<reqwest::Proxy>,
}

impl Route {
    /// Authorities that are trusted beside the machine's.
    #[must_use]
    pub fn authorities(&self) -> usize {
        self.roots.len()
    }
}

impl Config {
    /// Reads the files. The error names the key and holds no secret.
    pub fn route(&self) -> Result<Route, String> {
        let roots = match &self.ca_file {
            None => Vec::new(),
            Some(file) => {
                let wrong = |why: &str| format!("`outbound.ca_file` {}: {why}", file.display());
                let pem = std::fs::read(file).map_err(|error| wrong(&error.to_string()))?;
                let roots = reqwest::Certificate::from_pem_bundle(&pem);
                let roots = roots.map_err(|_| wrong("no certificate in PEM can be read"))?;
                if roots.is_empty() {
                    return Err(wrong("no certificate in PEM is in it"));
                }
                roots
            }
        };
        let proxy = Secret::one_of("proxy", self.proxy.clone(), self.proxy_file.clone());
        let proxy = proxy.map_err(|error| format!("`outbound`: {error}"))?;
        let proxy = match proxy {
            None => None,
            Some(url) => {
                let url = url.reveal().map_err(|error| format!("`outbound.proxy`: {error}"))?;
                let proxy = reqwest::Proxy::all(url.trim());
                // The library's error repeats the URL.
                Some(proxy.map_err(|_| "`outbound.proxy` is not the URL of a proxy")?)
            }
        };
        Ok(Route { roots, proxy })
    }
}
