//! Datadog: metrics to `POST /api/v2/series`, logs to `POST /api/v2/logs`.
//!
//! The intake takes a misspelt field and a repeated log without a word, so what is sent is held to the official schema by
//! tests, and what may not be sent twice has its own time.

mod config;
mod edge;
mod gauge;
mod log;
mod logs;
mod metrics;
mod probe;
mod series;
mod tag;

pub use config::{Config, ConnectionTag};
pub use logs::logs;
pub use metrics::{Metrics, Own};

#[cfg(test)]
mod stage;

use super::{Endpoint, Verdicts};
use crate::outbound::Verdict;
use crate::setting::Secret;
use tag::Tags;

/// The metrics sink: the label `sink` and the key of its mark.
pub const METRICS: &str = "datadog_metrics";

/// The logs sink.
pub const LOGS: &str = "datadog_logs";

/// Where Datadog wants its key.
const KEY_HEADER: &str = "dd-api-key";

/// What the answers of the intake mean, as Datadog's own senders read them. Everything else is a mistake that a second try
/// would repeat.
const VERDICTS: Verdicts = &[
    (200..=299, Verdict::Accepted),
    (401..=401, Verdict::Hold),
    (403..=403, Verdict::Hold),
    // A wrong address, or something in between that answers for it: worse to give up for it than to try again slowly.
    (300..=399, Verdict::Hold),
    (404..=405, Verdict::Hold),
    (408..=408, Verdict::Retry),
    (413..=413, Verdict::Split),
    (429..=429, Verdict::Retry),
    (500..=599, Verdict::Retry),
];

/// What series and logs carry besides their own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Identity {
    /// From the configuration, made valid.
    pub(crate) tags: Tags,
    /// From the configuration.
    pub(crate) host: Option<String>,
}

/// An intake of Datadog.
fn endpoint(sink: &'static str, url: String, api_key: Secret) -> Endpoint {
    let headers = [("content-type", "application/json"), ("content-encoding", "gzip")]
        .map(|(name, value)| (name.into(), value.to_owned()));
    Endpoint {
        sink,
        url,
        headers: headers.into(),
        credentials: vec![(KEY_HEADER.into(), api_key)],
        credential_remedy: "check `sinks.datadog.api_key`, and that `sinks.datadog.site` is the site that the key is of",
        address_remedy: if sink == LOGS {
            "check `sinks.datadog.site`, or `logs_url` in its place"
        } else {
            "check `sinks.datadog.site`, or `metrics_url` in its place"
        },
        verdicts: VERDICTS,
        refused: |_| 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_the_meaning_that_datadog_gives_it() {
        let endpoint = endpoint(METRICS, "http://127.0.0.1".into(), Secret::inline("key"));
        for status in 100..=599 {
            let want = match status {
                200..=299 => Verdict::Accepted,
                300..=399 | 401 | 403 | 404 | 405 => Verdict::Hold,
                413 => Verdict::Split,
                408 | 429 | 500..=599 => Verdict::Retry,
                _ => Verdict::Drop,
            };
            assert_eq!(endpoint.classify(status), want, "{status}");
        }
    }
}
