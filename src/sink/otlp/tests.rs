use std::fmt::Write;

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, MetricData, ResourceMetrics, ScopeMetrics,
};

use super::*;

/// A metric of a push: its name, whether it is a cumulative sum, and its points with their labels.
type Pushed = (String, bool, Vec<(String, f64)>);

/// Keeps what it is told of the last push.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<Pushed>>>);

impl PushMetricExporter for Captured {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let mut captured = self.0.lock().unwrap();
        captured.clear();
        for metric in metrics.scope_metrics().flat_map(ScopeMetrics::metrics) {
            let labels = |attributes: Vec<&KeyValue>| -> String {
                let each = attributes.iter().map(|label| format!("{}={}", label.key, label.value));
                each.collect::<Vec<_>>().join(",")
            };
            let points: Vec<(String, f64)> = match metric.data() {
                AggregatedMetrics::F64(MetricData::Sum(sum)) => sum
                    .data_points()
                    .map(|point| (labels(point.attributes().collect()), point.value()))
                    .collect(),
                AggregatedMetrics::F64(MetricData::Gauge(gauge)) => gauge
                    .data_points()
                    .map(|point| (labels(point.attributes().collect()), point.value()))
                    .collect(),
                other => panic!("{other:?}"),
            };
            let sum = matches!(metric.data(), AggregatedMetrics::F64(MetricData::Sum(_)));
            captured.push((metric.name().to_owned(), sum, points));
        }
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

/// The exposition of so many connections, as ssowatch writes it.
fn exposition(connections: usize) -> String {
    let mut text = String::from("sso_fleet_failure_ratio{window=\"5m\"} 0.25\n");
    for n in 0..connections {
        let _ = writeln!(text, "sso_sessions_started_total{{connection_id=\"conn_{n}\"}} {n}");
    }
    text.push_str("sso_session_duration_seconds_bucket{connection_type=\"OktaSAML\",le=\"1\"} 3\n");
    text + "sso_session_duration_seconds_count{connection_type=\"OktaSAML\"} 4\n"
}

#[test]
fn more_connections_than_the_sdk_expects_keep_their_series_and_their_totals() {
    let captured = Captured::default();
    let reader = PeriodicReader::builder(captured.clone()).build();
    let provider = provider(reader, Arc::new(|| exposition(5_000)));
    provider.force_flush().unwrap();
    let metrics = captured.0.lock().unwrap().clone();
    let find = |name: &str| metrics.iter().find(|metric| metric.0 == name).unwrap();
    let (_, sum, points) = find("sso.sessions_started");
    assert!(sum, "a cumulative sum");
    assert_eq!(points.len(), 5_000, "nothing is folded into an overflow series");
    for (labels, value) in points {
        assert_eq!(*labels, format!("connection_id=conn_{value}"));
    }
    assert_eq!(
        *find("sso.fleet_failure_ratio"),
        ("sso.fleet_failure_ratio".into(), false, vec![("window=5m".into(), 0.25)])
    );
    assert_eq!(find("sso.session_duration_seconds.bucket").2.len(), 1);
    drop(metrics);
    provider.shutdown().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_are_pushed_to_the_receiver_with_its_headers_and_once_more_at_the_end() {
    use wiremock::matchers::{header, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};
    let server = MockServer::start().await;
    let pushed = Mock::given(method("POST"))
        .and(path("/v1/metrics"))
        .and(header("authorization", "Bearer k"))
        .and(header("content-type", "application/x-protobuf"));
    pushed.respond_with(ResponseTemplate::new(200)).expect(1..).mount(&server).await;
    let yaml =
        format!("endpoint: \"{}\"\nheaders: {{ authorization: \"Bearer k\" }}", server.uri());
    let config: Config = serde_saphyr::from_str(&yaml).unwrap();
    config.check().unwrap();
    let otlp = Otlp::new(&config, Arc::new(|| exposition(3))).unwrap();
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(otlp.run(stopped));
    stop.send_replace(true);
    running.await.unwrap();
    let bodies: Vec<_> = server.received_requests().await.unwrap();
    let body = &bodies.last().unwrap().body;
    let holds = |word: &[u8]| body.windows(word.len()).any(|at| at == word);
    assert!(holds(b"sso.sessions_started") && holds(b"conn_2") && holds(b"ssowatch"));
}
