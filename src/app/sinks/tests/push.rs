//! What is pushed by OTLP is what a scrape shows.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    HistogramDataPoint, NumberDataPoint, number_data_point,
};
use prost::Message;

use super::*;
use crate::outbound::{Answer, Request, SendError, Transport};
use crate::signal::catalog::{self, Kind};
use crate::web::exposition::Exposition;
use crate::web::sample;

type Labels = BTreeMap<String, String>;

/// Values by Prometheus name and labels.
type Series = BTreeMap<(String, Labels), f64>;

/// Keeps the bodies.
#[derive(Clone)]
struct Receiver(watch::Sender<Vec<Request>>);

impl Transport for Receiver {
    async fn send(&self, request: &Request) -> Result<Answer, SendError> {
        self.0.send_modify(|requests| requests.push(request.clone()));
        Ok(Answer { status: 200, retry_after: None, body: Vec::new().into() })
    }
}

fn scraped(text: &str) -> Series {
    let lines = text.split('\n').filter(|line| !line.is_empty() && !line.starts_with('#'));
    let series = lines.map(|line| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let name = series.split('{').next().unwrap().to_owned();
        ((name, sample::labels(line).into_iter().collect()), value.parse().unwrap())
    });
    series.collect()
}

fn labels(attributes: &[KeyValue]) -> Labels {
    let text = |attribute: &KeyValue| match attribute.value.clone().unwrap().value.unwrap() {
        any_value::Value::StringValue(text) => text,
        other => panic!("{other:?}"),
    };
    attributes.iter().map(|attribute| (attribute.key.clone(), text(attribute))).collect()
}

/// What a push says, in the words of a scrape.
fn pushed(body: &[u8]) -> Series {
    let mut series = Series::new();
    let request = ExportMetricsServiceRequest::decode(body).unwrap();
    let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
    for metric in scopes.flat_map(|scope| scope.metrics) {
        let known = catalog::ALL.iter().find(|known| known.dotted() == metric.name).unwrap();
        let (kind, name) = (known.kind, known.name);
        match metric.data.unwrap() {
            Data::Sum(sum) => {
                assert!(kind == Kind::Counter && sum.is_monotonic, "{name}");
                assert_eq!(sum.aggregation_temporality, 2, "cumulative: {name}");
                series.extend(sum.data_points.into_iter().map(|point| number(name, &point)));
            }
            Data::Gauge(gauge) => {
                assert_eq!(kind, Kind::Gauge, "{name}");
                series.extend(gauge.data_points.into_iter().map(|point| number(name, &point)));
            }
            Data::Histogram(histogram) => {
                assert_eq!(histogram.aggregation_temporality, 2, "cumulative: {name}");
                for point in &histogram.data_points {
                    spread(name, point, &mut series);
                }
            }
            other => panic!("{other:?}"),
        }
    }
    series
}

fn number(name: &str, point: &NumberDataPoint) -> ((String, Labels), f64) {
    let Some(number_data_point::Value::AsDouble(value)) = point.value else { panic!("{point:?}") };
    ((name.to_owned(), labels(&point.attributes)), value)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a test")]
fn spread(name: &str, point: &HistogramDataPoint, series: &mut Series) {
    let labels = labels(&point.attributes);
    let bounds = point.explicit_bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
    let mut below = 0;
    for (bound, count) in bounds.zip(&point.bucket_counts) {
        below += count;
        let mut labels = labels.clone();
        labels.insert("le".to_owned(), bound);
        series.insert((format!("{name}_bucket"), labels), below as f64);
    }
    series.insert((format!("{name}_count"), labels.clone()), point.count as f64);
    series.insert((format!("{name}_sum"), labels), point.sum.unwrap());
}

#[tokio::test(start_paused = true)]
async fn names_labels_and_values_of_a_push_are_those_of_a_scrape() {
    let snapshot = Arc::new(sample::snapshot());
    let own = "ssowatch_journal_bytes 1024\n";
    // Two connections have series of their own, the others are added up.
    let chosen = [true, true, false, false];
    let text: String = Exposition::new(Arc::clone(&snapshot), &chosen, own.to_owned()).collect();
    let shown = text.clone();
    let yaml = "endpoint: \"http://127.0.0.1:4318\"";
    let config: otlp::Config = serde_saphyr::from_str(yaml).unwrap();
    let receiver = Receiver(watch::Sender::default());
    let (inlet, _journal) = journal::inlet(8);
    let clock = Clock::starting_at(Timestamp::from_millis(EPOCH * 1000));
    let show: otlp::Exposition = Arc::new(move || Box::new(std::iter::once(shown.clone())));
    let identity = otlp::Identity::new(&config, Some("ssowatch"));
    let metrics = otlp::Metrics::new(&config, identity, receiver.clone(), inlet, clock, show);
    let metrics = metrics.unwrap();
    let snapshots = watch::Sender::new(snapshot);
    let stop = watch::Sender::new(false);
    let run = tokio::spawn(metrics.unwrap().run(snapshots.subscribe(), stop.subscribe()));
    let mut requests = receiver.0.subscribe();
    let requests = requests.wait_for(|requests| !requests.is_empty()).await.unwrap().clone();
    let (pushed, scraped) = (pushed(&requests[0].body), scraped(&text));
    assert!(scraped.keys().any(|(name, _)| name.ends_with("_bucket")), "a histogram is in it");
    assert_eq!(pushed, scraped);
    stop.send_replace(true);
    run.await.unwrap();
}
