//! `sinks.otlp`: the metrics of a scrape, pushed by OTLP over HTTP.
//!
//! Observable instruments over cumulative totals, so that a push that fails loses nothing: the next one carries the newer
//! totals. They read what a scrape would have answered, name for name and label for label, so that the two cannot disagree.
//! The SDK has no observable histogram: buckets, sum and count are pushed as three counters, as Prometheus shows them.

mod config;
mod counted;
mod scrape;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_otlp::{MetricExporter, Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{
    Instrument, PeriodicReader, SdkMeterProvider, Stream, Temporality,
};
use tokio::sync::watch;

pub use self::config::Config;
use self::counted::Counted;
use self::scrape::{Sample, Scrape, Series};
use crate::signal::catalog::{self, Kind};
use crate::telemetry;

/// The label `sink` of the metrics about it.
pub const SINK: &str = "otlp";

/// From the first byte sent to the last byte received.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Largest body: 20,000 connections take about 100 MB before they are compressed by nobody.
const BODY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Series of one instrument at most, as many as 20,000 connections with ten causes each; the SDK would fold everything
/// beyond 2,000 into one.
const CARDINALITY_MAX: usize = 200_000;

/// What a scrape would answer now.
pub type Exposition = Arc<dyn Fn() -> String + Send + Sync>;

/// The sink, not yet started.
pub struct Otlp {
    config: Config,
    headers: HashMap<String, String>,
    exposition: Exposition,
}

impl std::fmt::Debug for Otlp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Otlp").field("endpoint", &self.config.endpoint).finish_non_exhaustive()
    }
}

/// The last scrape, shared by all instruments: each collection reads it once.
struct Latest {
    exposition: Exposition,
    last: Mutex<(u64, Arc<Scrape>)>,
}

impl Otlp {
    /// Pushes what `exposition` gives.
    pub fn new(config: &Config, exposition: Exposition) -> Result<Self, String> {
        Ok(Self { config: config.clone(), headers: config.headers()?, exposition })
    }

    /// Runs until `stopped`; then pushes the last totals.
    pub async fn run(self, mut stopped: watch::Receiver<bool>) {
        let (stop, stopping) = mpsc::channel::<()>();
        // The SDK's client blocks, and may not be made or dropped on a thread of the runtime.
        let pushing = std::thread::spawn(move || self.push_until(&stopping));
        // An error means that the daemon is gone: stop as well.
        drop(stopped.wait_for(|stop| *stop).await);
        drop(stop);
        let joined = tokio::task::spawn_blocking(move || pushing.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            telemetry::sink_request(SINK, "dropped", &"the pushing thread ended in a panic");
        }
    }

    fn push_until(self, stopping: &mpsc::Receiver<()>) {
        let url = format!("{}/v1/metrics", self.config.endpoint.trim_end_matches('/'));
        let exporter = MetricExporter::builder()
            .with_http()
            .with_endpoint(url)
            .with_protocol(Protocol::HttpBinary)
            .with_headers(self.headers.clone())
            .with_max_request_body_size(BODY_BYTES_MAX)
            .with_timeout(TIMEOUT)
            .with_temporality(Temporality::Cumulative)
            .build();
        let exporter = match exporter {
            Ok(exporter) => Counted::new(exporter),
            Err(error) => return telemetry::sink_request(SINK, "dropped", &error),
        };
        let reader =
            PeriodicReader::builder(exporter).with_interval(self.config.interval.duration());
        let provider = provider(reader.build(), self.exposition);
        // Nothing is ever sent: the channel closes when the daemon stops.
        let _closed = stopping.recv();
        if let Err(error) = provider.shutdown() {
            telemetry::sink_request(SINK, "dropped", &error);
        }
    }
}

fn provider<E: PushMetricExporter>(
    reader: PeriodicReader<E>,
    exposition: Exposition,
) -> SdkMeterProvider {
    let limit =
        |_: &Instrument| Stream::builder().with_cardinality_limit(CARDINALITY_MAX).build().ok();
    let resource = Resource::builder()
        .with_service_name("ssowatch")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let builder = SdkMeterProvider::builder().with_reader(reader).with_resource(resource);
    let provider = builder.with_view(limit).build();
    let latest = Arc::new(Latest { exposition, last: Mutex::default() });
    observe(&provider.meter("ssowatch"), &latest);
    provider
}

/// An instrument for each family of the catalogue. The first one of a collection makes the scrape anew.
fn observe(meter: &Meter, latest: &Arc<Latest>) {
    let mut first = true;
    for metric in catalog::ALL {
        let parts: &[(&str, &str)] = match metric.kind {
            Kind::Counter | Kind::Gauge => &[("", "")],
            Kind::Histogram => &[("_bucket", ".bucket"), ("_sum", ".sum"), ("_count", ".count")],
        };
        for (suffix, dotted) in parts {
            let family = format!("{}{suffix}", metric.name);
            let name = format!("{}{dotted}", metric.dotted());
            let (latest, anew) = (Arc::clone(latest), std::mem::take(&mut first));
            let samples = move || {
                let scrape = latest.scrape(anew);
                scrape.get(&family).cloned().unwrap_or_default()
            };
            if metric.kind == Kind::Gauge {
                let gauge = meter.f64_observable_gauge(name).with_description(metric.help);
                let _instrument = gauge
                    .with_callback(move |to| give(&samples(), |v, l| to.observe(v, l)))
                    .build();
            } else {
                let counter = meter.f64_observable_counter(name).with_description(metric.help);
                let _instrument = counter
                    .with_callback(move |to| give(&samples(), |v, l| to.observe(v, l)))
                    .build();
            }
        }
    }
}

fn give(series: &Series, to: impl Fn(f64, &[KeyValue])) {
    for Sample { labels, value } in series.iter() {
        let labels: Vec<KeyValue> =
            labels.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone())).collect();
        to(*value, &labels);
    }
}

impl Latest {
    fn scrape(&self, anew: bool) -> Arc<Scrape> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if anew || last.0 == 0 {
            *last = (last.0 + 1, Arc::new(scrape::parse(&(self.exposition)())));
        }
        Arc::clone(&last.1)
    }
}

#[cfg(test)]
mod tests;
