use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest,
};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::payload::{ENVELOPE, text};
mod refused;

use super::*;
use crate::clock::Clock;
use crate::event::Timestamp;
use crate::journal;
use crate::outbound::{Answer, Request, SendError, Transport};
use crate::signal::Snapshot;

const NOW: Timestamp = Timestamp::from_millis(1_760_000_000_000);

const EXPOSITION: &str = r#"# HELP sso_sessions_finished_total Sign-ins that came to an end.
# TYPE sso_sessions_finished_total counter
sso_sessions_finished_total{connection_id="conn_2",outcome="failed"} 3
sso_sessions_finished_total{connection_id="conn_1",outcome="succeeded"} 9007199254740991
sso_sessions_finished_total{connection_id="conn_1",outcome="failed"} 0
sso_failure_ratio{connection_id="conn_1",window="5m"} 0.25
sso_session_duration_seconds_bucket{connection_type="OktaSAML",le="1"} 2
sso_session_duration_seconds_bucket{connection_type="OktaSAML",le="2.5"} 2
sso_session_duration_seconds_bucket{connection_type="OktaSAML",le="+Inf"} 5
sso_session_duration_seconds_sum{connection_type="OktaSAML"} 12.5
sso_session_duration_seconds_count{connection_type="OktaSAML"} 5
sso_connection_info{connection_id="conn_1",connection_name="a \"b\" \\ \n c"} 1
ssowatch_journal_bytes 1024
not_in_the_catalogue 1
"#;

fn config(yaml: &str) -> Config {
    let text = format!("endpoint: \"http://127.0.0.1:4318/\"\n{yaml}");
    let config: Config = serde_saphyr::from_str(&text).unwrap();
    config.check().unwrap();
    config
}

/// What a receiver makes of the bodies of one push.
fn decoded(exposition: &str) -> Vec<ExportMetricsServiceRequest> {
    decoded_of(exposition, &Identity::new(&config("instance: test-1"), None))
}

fn decoded_of(exposition: &str, identity: &Identity) -> Vec<ExportMetricsServiceRequest> {
    let items = metrics::encode(exposition, identity, NOW).unwrap();
    let batches = ENVELOPE.pack(items);
    assert!(batches.iter().all(|batch| batch.body.len() <= ENVELOPE.bytes_max));
    batches.iter().map(|batch| ExportMetricsServiceRequest::decode(&*batch.body).unwrap()).collect()
}

fn all_metrics(requests: &[ExportMetricsServiceRequest]) -> impl Iterator<Item = &Metric> {
    let resources = requests.iter().flat_map(|request| &request.resource_metrics);
    resources.flat_map(|resource| &resource.scope_metrics).flat_map(|scope| &scope.metrics)
}

fn points(metric: &Metric) -> &[NumberDataPoint] {
    match metric.data.as_ref().unwrap() {
        Data::Sum(sum) => &sum.data_points,
        Data::Gauge(gauge) => &gauge.data_points,
        other => panic!("{other:?}"),
    }
}

fn value(point: &NumberDataPoint) -> f64 {
    match point.value {
        Some(Value::AsDouble(value)) => value,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_push_is_as_agreed() {
    let mut shown = String::new();
    for request in decoded(EXPOSITION) {
        for resource in &request.resource_metrics {
            // The SDK says its own version, which is no matter of ours.
            let ours = |key: &str| !key.starts_with("telemetry.");
            let attributes = &resource.resource.as_ref().unwrap().attributes;
            for attribute in attributes.iter().filter(|attribute| ours(&attribute.key)) {
                writeln!(shown, "resource {}: {}", attribute.key, text(attribute)).unwrap();
            }
            writeln!(shown, "{:#?}", resource.scope_metrics).unwrap();
        }
    }
    insta::assert_snapshot!(shown.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    assert_eq!(decoded(EXPOSITION), decoded(EXPOSITION), "the same totals give the same bytes");
}

/// The names of metrics by the `service.instance.id` under which they come.
fn by_instance(identity: &Identity) -> BTreeMap<String, BTreeSet<String>> {
    let mut names: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for request in decoded_of(EXPOSITION, identity) {
        for resource in &request.resource_metrics {
            let attributes = &resource.resource.as_ref().unwrap().attributes;
            let id = attributes.iter().find(|one| one.key == "service.instance.id").unwrap();
            let metrics = resource.scope_metrics.iter().flat_map(|scope| &scope.metrics);
            let of = names.entry(text(id).to_owned()).or_default();
            of.extend(metrics.map(|metric| metric.name.clone()));
        }
    }
    names
}

#[test]
fn what_several_instances_count_from_one_journal_comes_from_one_whoever_owns_it() {
    let machine = crate::setting::machine().unwrap();
    let mut shared = by_instance(&Identity::new(&config(""), Some("the-journal")));
    let process = BTreeSet::from(["ssowatch.journal_bytes".to_owned()]);
    assert_eq!(shared.remove(&machine), Some(process.clone()), "{shared:?}");
    let of_journal = shared.remove("the-journal").unwrap();
    assert!(
        of_journal.contains("sso.session_duration_seconds") && of_journal.is_disjoint(&process)
    );
    assert!(shared.is_empty(), "{shared:?}");

    let all: BTreeSet<_> = of_journal.union(&process).cloned().collect();
    let alone = by_instance(&Identity::new(&config(""), None));
    assert_eq!(alone, BTreeMap::from([(machine, all.clone())]));
    let written = by_instance(&Identity::new(&config("instance: own"), Some("the-journal")));
    assert_eq!(written, BTreeMap::from([("own".to_owned(), all)]));
}

#[test]
fn more_connections_than_the_sdk_expects_keep_their_series_and_their_totals() {
    let mut exposition = String::new();
    for n in 0..25_000 {
        writeln!(exposition, "sso_sessions_started_total{{connection_id=\"conn_{n}\"}} {n}")
            .unwrap();
    }
    let requests = decoded(&exposition);
    let mut seen = vec![false; 25_000];
    for point in all_metrics(&requests).flat_map(points) {
        let [attribute] = &*point.attributes else { panic!("{point:?}") };
        assert_eq!(text(attribute), format!("conn_{}", value(point)), "nothing is folded into one");
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small and whole"
        )]
        let place = value(point) as usize;
        assert!(!std::mem::replace(&mut seen[place], true), "each once");
    }
    assert!(seen.iter().all(|seen| *seen));
}

#[test]
fn a_series_that_is_gone_is_not_pushed_any_more() {
    let open = "ssowatch_incidents{alertname=\"A\",severity=\"page\",state=\"firing\"} 1\n";
    assert_eq!(all_metrics(&decoded(open)).count(), 1);
    assert_eq!(all_metrics(&decoded("ssowatch_journal_bytes 1\n")).count(), 1);
    assert_eq!(decoded(""), []);
}

#[test]
fn every_status_has_the_meaning_that_the_protocol_gives_it() {
    let endpoint = endpoint(&config(""), METRICS, "/v1/metrics", refused_points).unwrap();
    assert_eq!(endpoint.url, "http://127.0.0.1:4318/v1/metrics");
    for status in 100..=599 {
        let want = match status {
            200..=299 => Verdict::Accepted,
            300..=399 | 401 | 403 | 404 | 405 => Verdict::Hold,
            413 => Verdict::Split,
            408 | 429 | 502 | 503 | 504 => Verdict::Retry,
            _ => Verdict::Drop,
        };
        assert_eq!(endpoint.classify(status), want, "{status}");
    }
}

#[test]
fn what_a_header_holds_may_be_in_a_file_that_is_read_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    let config = config(&format!("headers: {{ Authorization_file: {} }}", path.display()));
    let endpoint = endpoint(&config, METRICS, "/v1/metrics", refused_points).unwrap();
    assert!(endpoint.request(vec![].into()).unwrap_err().to_string().contains("cannot read"));
    for value in ["Bearer one", "Bearer two"] {
        std::fs::write(&path, format!("{value}\n")).unwrap();
        let headers = endpoint.request(vec![].into()).unwrap().headers;
        assert_eq!(headers[1..], [("authorization".into(), value.to_owned())]);
    }
}

/// A receiver that answers with the next status, the last one for ever, after a while.
#[derive(Clone)]
struct Receiver {
    takes: Duration,
    statuses: Arc<Mutex<Vec<u16>>>,
    requests: watch::Sender<Vec<Request>>,
}

impl Transport for Receiver {
    async fn send(&self, request: &Request) -> Result<Answer, SendError> {
        tokio::time::sleep(self.takes).await;
        self.requests.send_modify(|requests| requests.push(request.clone()));
        let mut statuses = self.statuses.lock().unwrap();
        let status = if statuses.len() > 1 { statuses.remove(0) } else { statuses[0] };
        Ok(Answer { status, retry_after: None, body: Vec::new().into() })
    }
}

/// A running sink, what it reads, and who hears it.
struct Play {
    receiver: Receiver,
    total: watch::Sender<u64>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    stop: watch::Sender<bool>,
    run: JoinHandle<()>,
    _journal: tokio::sync::mpsc::Receiver<journal::Parcel>,
}

impl Play {
    fn begin(statuses: &[u16], connections: u64) -> Self {
        Self::begin_slowly(Duration::ZERO, statuses, connections)
    }

    fn begin_slowly(takes: Duration, statuses: &[u16], connections: u64) -> Self {
        let config = config("headers: { Authorization: \"Bearer k\", X-Tenant: acme }");
        let receiver = Receiver {
            takes,
            statuses: Arc::new(Mutex::new(statuses.to_vec())),
            requests: watch::Sender::default(),
        };
        let (inlet, journal) = journal::inlet(8);
        let total = watch::Sender::new(1);
        let reader = total.clone();
        let exposition: Exposition = Arc::new(move || {
            let total = *reader.borrow();
            let part = move |n| {
                format!("sso_sessions_stalled_total{{connection_id=\"{n:01000}\"}} {total}\n")
            };
            Box::new((0..connections).map(part))
        });
        let clock = Clock::starting_at(NOW);
        let identity = Identity::new(&config, None);
        let metrics =
            Metrics::new(&config, identity, receiver.clone(), inlet, clock, exposition).unwrap();
        let snapshot = Snapshot { now: NOW, ..Snapshot::default() };
        let snapshots = watch::Sender::new(Arc::new(snapshot));
        let stop = watch::Sender::new(false);
        let run = metrics.unwrap().run(snapshots.subscribe(), stop.subscribe());
        Self { receiver, total, snapshots, stop, run: tokio::spawn(run), _journal: journal }
    }

    /// The totals of all pushes, once there are so many.
    async fn pushes(&self, count: usize) -> Vec<f64> {
        let mut requests = self.receiver.requests.subscribe();
        let mut beat = tokio::time::interval(Duration::from_secs(1));
        while requests.borrow_and_update().len() < count {
            tokio::select! {
                _ = beat.tick() => self.snapshots.send_modify(|_| {}),
                _ = requests.changed() => {}
            }
        }
        let requests = requests.borrow();
        let total = |request: &Request| {
            let request = [ExportMetricsServiceRequest::decode(&*request.body).unwrap()];
            all_metrics(&request).flat_map(points).map(value).sum()
        };
        requests.iter().map(total).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn totals_are_pushed_at_each_interval_with_the_headers_of_the_operator() {
    let play = Play::begin(&[200], 1);
    assert_eq!(play.pushes(1).await, [1.0]);
    play.total.send_replace(5);
    assert_eq!(play.pushes(2).await, [1.0, 5.0]);
    let requests = play.receiver.requests.borrow().clone();
    assert_eq!(requests[0].url, "http://127.0.0.1:4318/v1/metrics");
    let headers = [
        ("content-type", "application/x-protobuf"),
        ("authorization", "Bearer k"),
        ("x-tenant", "acme"),
    ];
    let headers = headers.map(|(name, value)| (name.into(), value.to_owned()));
    assert_eq!(requests[0].headers, headers);
}

#[tokio::test(start_paused = true)]
async fn a_push_that_fails_is_made_again_and_then_with_newer_totals() {
    let play = Play::begin(&[503, 503, 503, 503, 503, 503, 503, 200], 1);
    play.pushes(1).await;
    play.total.send_replace(9);
    let totals = play.pushes(8).await;
    assert_eq!((totals[0], totals[7]), (1.0, 9.0), "{totals:?}");
}

#[tokio::test(start_paused = true)]
async fn the_last_totals_are_pushed_when_the_daemon_stops() {
    let play = Play::begin(&[200], 1);
    play.pushes(1).await;
    play.total.send_replace(2);
    play.stop.send_replace(true);
    assert_eq!(play.pushes(2).await, [1.0, 2.0]);
    play.run.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_push_of_many_connections_is_made_request_by_request() {
    // A kilobyte each. The second request is refused for good; the third is taken when it comes again.
    let play = Play::begin(&[200, 400, 503, 200], 8_000);
    let totals = play.pushes(4).await;
    assert!(totals.iter().all(|total| (1_500.0..4_000.0).contains(total)), "{totals:?}");
    assert!((totals[0] + totals[1] + totals[3] - 8_000.0).abs() < 0.1, "{totals:?}");
    let requests = play.receiver.requests.borrow().clone();
    assert_eq!(requests[2].body, requests[3].body);
    assert!(requests.iter().all(|request| request.body.len() <= ENVELOPE.bytes_max));
    play.stop.send_replace(true);
    play.run.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_push_that_takes_longer_than_the_interval_is_made_whole() {
    let takes = Duration::from_secs(90);
    let play = Play::begin_slowly(takes, &[200], 8_000);
    let totals = play.pushes(3).await;
    assert!((totals.iter().sum::<f64>() - 8_000.0).abs() < 0.1, "{totals:?}");
    // The one after the next begins when the totals have changed.
    play.total.send_replace(2);
    let totals = play.pushes(9).await;
    assert!((totals[6..].iter().sum::<f64>() - 16_000.0).abs() < 0.1, "{totals:?}");
}
