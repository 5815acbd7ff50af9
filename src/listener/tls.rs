//! `tls` of a listener: certificate and key from PEM files, and who may connect.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// `http.admin.tls`, `http.intake.tls`. The files are read at a start and at each reload.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The listener's certificate and those that lead from it to the root, PEM.
    pub cert_file: PathBuf,
    /// The certificate's private key, PEM.
    pub key_file: PathBuf,
    /// Mutual TLS: certificates of the authorities, PEM, of which one must have signed a caller's certificate. Default: anybody
    /// may connect.
    #[serde(default)]
    pub client_ca_file: Option<PathBuf>,
}

impl Tls {
    /// Reads the files. The error names the key, the file and what is wrong, and holds nothing of a file.
    pub fn acceptor(&self) -> Result<TlsAcceptor, String> {
        let chain = certificates("cert_file", &self.cert_file)?;
        let key = PrivateKeyDer::from_pem_file(&self.key_file).map_err(|_| {
            format!("`key_file` {}: no private key in PEM can be read", self.key_file.display())
        })?;
        let builder = match &self.client_ca_file {
            None => ServerConfig::builder().with_no_client_auth(),
            Some(file) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates("client_ca_file", file)? {
                    roots
                        .add(certificate)
                        .map_err(|error| format!("`client_ca_file` {}: {error}", file.display()))?;
                }
                let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build();
                let verifier = verifier
                    .map_err(|error| format!("`client_ca_file` {}: {error}", file.display()))?;
                ServerConfig::builder().with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|error| {
            format!("`cert_file` and `key_file` do not belong together: {error}")
        })?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn certificates(key: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unreadable = || format!("`{key}` {}: no certificate in PEM can be read", file.display());
    let read = CertificateDer::pem_file_iter(file).map_err(|_| unreadable())?;
    let all = read.collect::<Result<Vec<_>, _>>().map_err(|_| unreadable())?;
    if all.is_empty() { Err(unreadable()) } else { Ok(all) }
}
