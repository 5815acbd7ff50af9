//! What goes over the wire: the SDK's export with what the SDK cannot say.
//!
//! - The start of a total is left open. The SDK would say that it is now; a receiver that turns
//!   totals into changes would then take everything since the journal began for the change since
//!   the last restart.
//! - Histograms are added.
//! - Points and attributes are in order, so that the same totals give the same bytes.
//! - It is cut into pieces that receivers take.

use std::cmp::Ordering;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use crate::event::Timestamp;
use crate::sink::batch::{Envelope, Item};

/// Points in a piece at most: about 300 KiB. A receiver that takes less refuses with 413, and pieces are halved down to one point.
const POINTS_MAX: usize = 1000;

/// `POST /v1/metrics` and `/v1/logs`. Requests of protobuf add up when they are put one behind the
/// other. 4 MiB is what gateways take that speak gRPC behind HTTP; the collector takes 20 MiB.
pub(super) const ENVELOPE: Envelope = Envelope {
    before: "",
    between: "",
    after: "",
    gzip: false,
    items_max: usize::MAX,
    bytes_max: 4 * 1024 * 1024,
    wire_bytes_max: 4 * 1024 * 1024,
    halve,
};

/// The two halves of a piece of metrics, by points.
fn halve(piece: &Item) -> Option<[Item; 2]> {
    let half = piece.count.div_ceil(2);
    let request = ExportMetricsServiceRequest::decode(&*piece.bytes).ok()?;
    <[Item; 2]>::try_from(cut(request, Vec::new(), half, None)).ok()
}

/// The pieces of `export` with `histograms` beside it, all of them as it is at `now`.
pub(super) fn pieces(
    export: ExportMetricsServiceRequest,
    histograms: Vec<Metric>,
    now: Timestamp,
) -> Vec<Item> {
    cut(export, histograms, POINTS_MAX, Some(now))
}

/// Pieces of at most `points_max` points. Points that are not finished become so, as they are at `now`.
fn cut(
    export: ExportMetricsServiceRequest,
    histograms: Vec<Metric>,
    points_max: usize,
    now: Option<Timestamp>,
) -> Vec<Item> {
    let (mut resource, mut scope, mut metrics) = (None, None, histograms);
    for of_resource in export.resource_metrics {
        resource = of_resource.resource;
        for of_scope in of_resource.scope_metrics {
            scope = of_scope.scope;
            metrics.extend(of_scope.metrics);
        }
    }
    metrics.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(resource) = &mut resource {
        resource.attributes.sort_by(|a, b| a.key.cmp(&b.key));
    }
    let mut pieces = Pieces {
        resource,
        scope,
        points_max,
        now,
        metrics: Vec::new(),
        points: 0,
        done: Vec::new(),
    };
    for metric in metrics {
        pieces.add(metric);
    }
    pieces.seal();
    pieces.done
}

/// Pieces under way.
struct Pieces {
    resource: Option<Resource>,
    scope: Option<InstrumentationScope>,
    points_max: usize,
    now: Option<Timestamp>,
    metrics: Vec<Metric>,
    points: usize,
    done: Vec<Item>,
}

impl Pieces {
    fn add(&mut self, mut metric: Metric) {
        match metric.data.take() {
            Some(Data::Gauge(mut data)) => {
                let points = std::mem::take(&mut data.data_points);
                self.spread(&metric, points, |data_points| {
                    Data::Gauge(opentelemetry_proto::tonic::metrics::v1::Gauge { data_points })
                });
            }
            Some(Data::Sum(mut data)) => {
                let points = std::mem::take(&mut data.data_points);
                self.spread(&metric, points, |data_points| {
                    let mut data = data.clone();
                    data.data_points = data_points;
                    Data::Sum(data)
                });
            }
            Some(Data::Histogram(mut data)) => {
                let points = std::mem::take(&mut data.data_points);
                self.spread(&metric, points, |data_points| {
                    let mut data = data.clone();
                    data.data_points = data_points;
                    Data::Histogram(data)
                });
            }
            // The catalogue has none of these.
            Some(Data::ExponentialHistogram(_) | Data::Summary(_)) | None => {}
        }
    }

    /// Adds `points` to as many pieces as they need; `data` makes a metric of some of them.
    fn spread<P: Point>(
        &mut self,
        metric: &Metric,
        mut points: Vec<P>,
        data: impl Fn(Vec<P>) -> Data,
    ) {
        if let Some(now) = self.now {
            for point in &mut points {
                point.finish(now);
            }
            points.sort_by(|a, b| compare(a.attributes(), b.attributes()));
        }
        while !points.is_empty() {
            let rest = points.split_off(points.len().min(self.points_max - self.points));
            self.points += points.len();
            self.metrics.push(Metric { data: Some(data(points)), ..metric.clone() });
            points = rest;
            if self.points == self.points_max {
                self.seal();
            }
        }
    }

    fn seal(&mut self) {
        let metrics = std::mem::take(&mut self.metrics);
        let count = std::mem::take(&mut self.points);
        if metrics.is_empty() {
            return;
        }
        let of_scope =
            ScopeMetrics { scope: self.scope.clone(), metrics, schema_url: String::new() };
        let of_resource = ResourceMetrics {
            resource: self.resource.clone(),
            scope_metrics: vec![of_scope],
            schema_url: String::new(),
        };
        let request = ExportMetricsServiceRequest { resource_metrics: vec![of_resource] };
        self.done.push(Item { bytes: request.encode_to_vec().into(), count });
    }
}

/// A point of a metric.
trait Point {
    fn attributes(&self) -> &[KeyValue];

    /// Sets its time, leaves its start open, and puts its attributes in order.
    fn finish(&mut self, now: Timestamp);
}

impl Point for NumberDataPoint {
    fn attributes(&self) -> &[KeyValue] {
        &self.attributes
    }

    fn finish(&mut self, now: Timestamp) {
        (self.start_time_unix_nano, self.time_unix_nano) = (0, nanos(now));
        self.attributes.sort_by(|a, b| a.key.cmp(&b.key));
    }
}

impl Point for HistogramDataPoint {
    fn attributes(&self) -> &[KeyValue] {
        &self.attributes
    }

    fn finish(&mut self, now: Timestamp) {
        (self.start_time_unix_nano, self.time_unix_nano) = (0, nanos(now));
        self.attributes.sort_by(|a, b| a.key.cmp(&b.key));
    }
}

/// OTLP's time; a moment before 1970 is one that nobody knows.
pub(super) fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.millis()).unwrap_or(0).saturating_mul(1_000_000)
}

fn compare(a: &[KeyValue], b: &[KeyValue]) -> Ordering {
    let texts =
        |of: &[KeyValue]| -> Vec<String> { of.iter().map(|one| text(one).to_owned()).collect() };
    texts(a).cmp(&texts(b))
}

/// All of ours are texts.
pub(super) fn text(attribute: &KeyValue) -> &str {
    match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text,
        _ => "",
    }
}
