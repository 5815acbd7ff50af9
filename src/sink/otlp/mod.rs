//! `sinks.otlp`: the metrics of a scrape, and each event as a log record, by OTLP over HTTP.
//!
//! Metrics are cumulative totals and read from what a scrape would have answered, name for name and
//! label for label, so that the two cannot disagree and a push that fails loses nothing: the next
//! one carries newer totals. The SDK's instruments and exporter encode ([`instrument`]);
//! [`payload`] adds what they cannot say; the one HTTP client sends.

mod config;
mod headers;
mod histogram;
mod identity;
mod instrument;
mod logs;
mod metrics;
mod payload;
mod scrape;
mod tap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use prost::Message;

pub use config::Config;
pub use headers::Headers;
pub use identity::Identity;
pub use logs::logs;
pub use metrics::{Exposition, Metrics, Parts};

use super::{Endpoint, Verdicts};
use crate::outbound::Verdict;

/// The metrics sink: the label `sink` and the key of its records.
pub const METRICS: &str = "otlp";

/// The logs sink.
pub const LOGS: &str = "otlp_logs";

/// What answers mean, as the protocol says; 408 and wrong addresses besides, which proxies give.
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
    (502..=504, Verdict::Retry),
];

/// A receiver's intake at `path`.
fn endpoint(
    config: &Config,
    sink: &'static str,
    path: &str,
    refused: fn(&[u8]) -> u64,
) -> Result<Endpoint, String> {
    Ok(Endpoint {
        sink,
        url: config.url(path)?,
        headers: vec![("content-type".into(), "application/x-protobuf".to_owned())],
        credentials: config.headers.list(),
        credential_remedy: "check `sinks.otlp.headers`",
        address_remedy: "check `sinks.otlp.endpoint`",
        verdicts: VERDICTS,
        refused,
    })
}

/// Points that a receiver refused of a push that it took.
fn refused_points(answer: &[u8]) -> u64 {
    let answer = ExportMetricsServiceResponse::decode(answer).unwrap_or_default();
    let refused = answer.partial_success.map_or(0, |part| part.rejected_data_points);
    u64::try_from(refused).unwrap_or(0)
}

#[cfg(test)]
mod tests;
