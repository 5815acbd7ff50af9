//! Where metrics and logs are pushed to.
//!
//! A sink encodes with pure functions and has a task and a position of its own, so that a slow one delays nobody. What the
//! sinks share is here: bodies within limits ([`batch`]), the one who carries them ([`courier`]), how a
//! sink is ([`health`]), the record of that and of how far it has come ([`ledger`]), and events as logs ([`logs`]).

mod batch;
mod courier;
pub mod datadog;
mod event_log;
mod health;
mod ledger;
mod logs;
pub mod otlp;
mod tail;

use std::borrow::Cow;
use std::ops::RangeInclusive;

use bytes::Bytes;

pub use logs::Logs;

use crate::outbound::{Method, Request, Verdict};
use crate::setting::{Secret, SecretError};

/// What the answers of a service mean, by status; what is not in the table is dropped.
pub(crate) type Verdicts = &'static [(RangeInclusive<u16>, Verdict)];

/// Where the bodies of a sink go.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// The sink's name: the label `sink` of the metrics and the key of its records.
    pub(crate) sink: &'static str,
    pub(crate) url: String,
    pub(crate) headers: Vec<(Cow<'static, str>, String)>,
    /// Headers that hold secrets.
    pub(crate) credentials: Vec<(Cow<'static, str>, Secret)>,
    /// What to do when it refuses the secrets: the key in the configuration, and what else may be wrong.
    pub(crate) credential_remedy: &'static str,
    /// What to do when it is not there.
    pub(crate) address_remedy: &'static str,
    pub(crate) verdicts: Verdicts,
    /// How many items of a body that was taken the service refused all the same, as its answer says.
    pub(crate) refused: fn(&[u8]) -> u64,
}

impl Endpoint {
    /// The request that sends `body`. Fails when a secret cannot be read, which is done anew for every request.
    pub(crate) fn request(&self, body: Bytes) -> Result<Request, SecretError> {
        let mut headers = self.headers.clone();
        for (name, secret) in &self.credentials {
            headers.push((name.clone(), secret.reveal()?));
        }
        Ok(Request { method: Method::Post, url: self.url.clone(), headers, body })
    }

    /// What an answer with this status means.
    pub(crate) fn classify(&self, status: u16) -> Verdict {
        let found = self.verdicts.iter().find(|(statuses, _)| statuses.contains(&status));
        found.map_or(Verdict::Drop, |(_, verdict)| *verdict)
    }
}
