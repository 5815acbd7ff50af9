//! A rise of the share of a tier's requests that show a sign.

use serde::{Deserialize, Serialize};

use super::evidence::Strongest;
use crate::event::Timestamp;

/// A rise.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Trouble {
    /// When it is believed to have begun, in seconds.
    pub(super) since: i64,
    pub(super) requests: u64,
    pub(super) bad: u64,
    /// What is usual.
    pub(super) usual: f64,
    pub(super) nats: f64,
}

impl Trouble {
    pub(super) fn of(found: Strongest, usual: f64) -> Self {
        let Strongest { nats, run, .. } = found;
        Self { since: run.since, requests: run.requests, bad: run.bad, usual, nats }
    }

    pub(super) fn began(&self) -> Timestamp {
        Timestamp::from_millis(self.since.saturating_mul(1000))
    }

    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
    pub(super) fn share(&self) -> f64 {
        self.bad as f64 / self.requests.max(1) as f64
    }
}
