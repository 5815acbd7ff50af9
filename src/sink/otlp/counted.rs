//! An exporter whose results are counted, and whose backlog is known.

use std::sync::Mutex;
use std::time::Duration;

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use tokio::time::Instant;

use super::SINK;
use crate::telemetry;

/// Counts what becomes of each push.
pub(super) struct Counted<E> {
    exporter: E,
    /// When the last push was accepted, or the sink was made.
    accepted_at: Mutex<Instant>,
}

impl<E> Counted<E> {
    pub(super) fn new(exporter: E) -> Self {
        Self { exporter, accepted_at: Mutex::new(Instant::now()) }
    }
}

impl<E: PushMetricExporter> PushMetricExporter for Counted<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let result = self.exporter.export(metrics).await;
        let mut accepted_at =
            self.accepted_at.lock().expect("nobody panics while holding the time");
        match &result {
            Ok(()) => {
                *accepted_at = Instant::now();
                telemetry::sink_request(SINK, "accepted", &"");
                telemetry::sink_backlog(SINK, 0.0);
            }
            Err(error) => {
                // Totals are cumulative: the next push carries them.
                telemetry::sink_request(SINK, "retried", &reason(error));
                telemetry::sink_backlog(SINK, accepted_at.elapsed().as_secs_f64());
            }
        }
        result
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}

/// Without the URL, which may hold a key.
fn reason(error: &OTelSdkError) -> &'static str {
    match error {
        OTelSdkError::Timeout(_) => "no answer in time; check `sinks.otlp.endpoint`",
        OTelSdkError::AlreadyShutdown => "the sink is stopping",
        OTelSdkError::InternalFailure(_) => {
            "the push failed; check `sinks.otlp.endpoint`, its headers and the receiver's log"
        }
    }
}
