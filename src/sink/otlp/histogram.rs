//! Histograms of a scrape as OTLP has them: the SDK has no observable one, so they are written by
//! hand.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Histogram, HistogramDataPoint, Metric,
};

use super::instrument::unit;
use super::scrape::Scrape;
use crate::signal::catalog::{self, Kind};

/// Labels without `le`.
type Labels = Vec<(String, String)>;

/// One series, as a scrape shows it.
#[derive(Default)]
struct Point {
    /// Upper bounds, with how many observations are at most as large.
    buckets: Vec<(f64, f64)>,
    sum: f64,
}

/// Every histogram of the catalogue that has a series.
pub(super) fn histograms(scrape: &Scrape) -> Vec<Metric> {
    let all = catalog::ALL.iter().filter(|metric| metric.kind == Kind::Histogram);
    let shown = all.filter_map(|metric| {
        let points = points(scrape, metric.name)?;
        let data = Histogram {
            data_points: points.into_iter().map(encode).collect(),
            aggregation_temporality: AggregationTemporality::Cumulative.into(),
        };
        Some(Metric {
            name: metric.dotted(),
            description: metric.help.to_owned(),
            unit: unit(metric.unit),
            metadata: Vec::new(),
            data: Some(Data::Histogram(data)),
        })
    });
    shown.collect()
}

fn points(scrape: &Scrape, name: &str) -> Option<BTreeMap<Labels, Point>> {
    let mut points: BTreeMap<Labels, Point> = BTreeMap::new();
    for sample in scrape.get(&format!("{name}_bucket"))?.iter() {
        let mut labels = sample.labels.clone();
        let bound = labels.iter().position(|(label, _)| label == "le")?;
        let (_, bound) = labels.remove(bound);
        // `+Inf` is a number, too.
        let bound = bound.parse().ok()?;
        points.entry(labels).or_default().buckets.push((bound, sample.value));
    }
    for sample in scrape.get(&format!("{name}_sum"))?.iter() {
        points.entry(sample.labels.clone()).or_default().sum = sample.value;
    }
    Some(points)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are whole and not negative"
)]
fn encode((labels, mut point): (Labels, Point)) -> HistogramDataPoint {
    point.buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut below = 0;
    let mut counts = Vec::with_capacity(point.buckets.len());
    for (_, count) in &point.buckets {
        let count = *count as u64;
        counts.push(count - below);
        below = count;
    }
    let bounds = point.buckets.iter().map(|(bound, _)| *bound);
    HistogramDataPoint {
        attributes: labels.into_iter().map(|(key, value)| attribute(key, value)).collect(),
        count: below,
        sum: Some(point.sum),
        bucket_counts: counts,
        explicit_bounds: bounds.filter(|bound| bound.is_finite()).collect(),
        ..HistogramDataPoint::default()
    }
}

/// An attribute of text.
pub(super) fn attribute(key: String, value: String) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value)) });
    KeyValue { key, value, ..KeyValue::default() }
}
