//! A scrape as the SDK exports it: one observable instrument for each family.
//!
//! The instruments live for one export. An observable gauge of the SDK goes on showing the last
//! value of a series that is no longer observed: an incident would stay open for ever.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_otlp::{MetricExporter, Protocol, RetryPolicy, WithExportConfig, WithHttpConfig};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{
    Instrument, PeriodicReader, SdkMeterProvider, Stream, Temporality,
};
use prost::Message;

use super::scrape::{Sample, Scrape, Series};
use super::tap::Tap;
use crate::signal::catalog::{self, Kind};

/// How long an export may take. It is encoding, nothing is sent.
const EXPORT_TIMEOUT: Duration = Duration::from_mins(1);

/// The reader exports when it is told to, never by itself.
const NEVER: Duration = Duration::from_hours(24);

/// Who says it.
const SCOPE: &str = "ssowatch";

/// Counters and gauges of `scrape`, as the exporter encodes them.
pub(super) fn export(
    scrape: &Arc<Scrape>,
    resource: Resource,
) -> Result<ExportMetricsServiceRequest, String> {
    let tap = Tap::default();
    let exporter = MetricExporter::builder()
        .with_http()
        .with_http_client(tap.clone())
        // Nothing goes there.
        .with_endpoint("http://localhost/v1/metrics")
        .with_protocol(Protocol::HttpBinary)
        .with_retry_policy(RetryPolicy::disabled())
        .with_max_request_body_size(usize::MAX)
        .with_temporality(Temporality::Cumulative)
        .build()
        .map_err(|error| format!("the exporter cannot be made: {error}"))?;
    // Beyond its limit, 2,000 by default, the SDK folds series into one; this is as many as there
    // are.
    let limit = scrape.values().map(|series| series.len()).max().unwrap_or_default() + 1;
    let view = move |_: &Instrument| Stream::builder().with_cardinality_limit(limit).build().ok();
    let reader = PeriodicReader::builder(exporter).with_interval(NEVER).build();
    let provider = SdkMeterProvider::builder()
        .with_reader(reader)
        .with_resource(resource)
        .with_view(view)
        .build();
    declare(&provider.meter(SCOPE), scrape);
    // A provider that is shut down collects and exports once more, on the reader's own thread.
    provider
        .shutdown_with_timeout(EXPORT_TIMEOUT)
        .map_err(|error| format!("the totals cannot be encoded: {error}"))?;
    let body = tap.take().unwrap_or_default();
    ExportMetricsServiceRequest::decode(&*body)
        .map_err(|error| format!("the exporter's own encoding cannot be read: {error}"))
}

/// An instrument for each counter and gauge of the catalogue that has a series.
fn declare(meter: &Meter, scrape: &Scrape) {
    for metric in catalog::ALL {
        let Some(series) = scrape.get(metric.name).cloned() else { continue };
        let (name, unit) = (metric.dotted(), unit(metric.unit));
        match metric.kind {
            Kind::Counter => {
                let counter = meter.f64_observable_counter(name).with_unit(unit);
                let _counter = counter
                    .with_description(metric.help)
                    .with_callback(move |to| observe(&series, |value, of| to.observe(value, of)))
                    .build();
            }
            Kind::Gauge => {
                let gauge = meter.f64_observable_gauge(name).with_unit(unit);
                let _gauge = gauge
                    .with_description(metric.help)
                    .with_callback(move |to| observe(&series, |value, of| to.observe(value, of)))
                    .build();
            }
            // There is no observable histogram.
            Kind::Histogram => {}
        }
    }
}

fn observe(series: &Series, to: impl Fn(f64, &[KeyValue])) {
    for Sample { labels, value } in series.iter() {
        let labels = labels.iter();
        let labels = labels.map(|(name, text)| KeyValue::new(name.clone(), text.clone()));
        to(*value, &labels.collect::<Vec<_>>());
    }
}

/// A unit of the catalogue as OpenTelemetry writes it: of UCUM where it has one, in braces where it
/// is a word.
pub(super) fn unit(word: &str) -> String {
    match word {
        "second" => "s".to_owned(),
        "byte" => "By".to_owned(),
        "1" | "ratio" => "1".to_owned(),
        word => format!("{{{word}}}"),
    }
}
