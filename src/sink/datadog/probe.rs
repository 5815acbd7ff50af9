//! Questions to Datadog that change nothing there, for `check --online`.

use bytes::Bytes;

use super::{Config, KEY_HEADER};
use crate::outbound::{Method, Request};

/// What Datadog's own agent sends at its start to ask whether logs would be taken: no log comes of it.
const NO_LOGS: &[u8] = b"{}";

impl Config {
    /// The request that asks whether the key is valid: 200 it is, 403 it is not.
    pub fn key_check(&self) -> Result<Request, String> {
        let url = format!("{}/api/v1/validate", self.metrics_base()?);
        let headers = vec![(KEY_HEADER.into(), self.revealed_key()?)];
        Ok(Request { method: Method::Get, url, headers, body: Bytes::new() })
    }

    /// The request that asks the intake of logs whether it would take any; `None` where it is sent none.
    pub fn no_logs(&self) -> Result<Option<Request>, String> {
        let Some(settings) = self.logs()? else { return Ok(None) };
        let headers = vec![
            ("content-type".into(), "application/json".to_owned()),
            (KEY_HEADER.into(), self.revealed_key()?),
        ];
        let body = Bytes::from_static(NO_LOGS);
        Ok(Some(Request { method: Method::Post, url: settings.url, headers, body }))
    }

    fn revealed_key(&self) -> Result<String, String> {
        self.api_key()?.reveal().map_err(|error| error.to_string())
    }
}
