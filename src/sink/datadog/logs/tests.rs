use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::stage::{Asked, EPOCH_SECONDS, Stage, config};
use super::*;
use crate::event::{AuthEvent, Body, Entry, EventId, Record, Source};
use crate::journal::{self, Journal};
use crate::telemetry;

const HOUR: u64 = 3600;

/// A sink with a journal of its own.
struct World {
    stage: Stage,
    journal: Journal,
    dir: TempDir,
}

impl World {
    fn new(script: impl Fn(&Asked) -> u16 + Send + Sync + 'static) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(dir.path(), journal::Config::default()).unwrap();
        Self { stage: Stage::new(move |asked| script(asked).into()), journal, dir }
    }

    /// Lets the sink go on from `position`.
    fn start(&mut self, position: u64) {
        let (reader, transport) = (self.journal.reader(position), self.stage.intake.clone());
        let inlet = self.stage.inlet.take().unwrap();
        let config = config(&json!({}));
        let sink = logs(&config, reader, transport, inlet, self.stage.clock);
        let sink = sink.unwrap().unwrap();
        self.stage.run(|snapshots, stop| sink.run(snapshots, stop));
    }

    /// Appends events `names` that come now and happened `age` seconds ago, in one go.
    fn append(&mut self, names: impl IntoIterator<Item = u64>, age: u64) {
        let received_at = self.stage.clock.now();
        let at = received_at.plus_millis(-1000 * i64::try_from(age).unwrap());
        let entry = |name: u64| {
            let id = EventId::new(&format!("event_{name}"));
            let event = AuthEvent {
                id,
                at,
                name: "user.created".into(),
                body: Body::Other,
                novel: Vec::new(),
            };
            Entry { received_at, record: Record::Event { source: Source::Push, event } }
        };
        let entries: Vec<_> = names.into_iter().map(entry).collect();
        self.journal.append(&entries).unwrap();
    }

    /// Appends `count` entries that are no events.
    fn append_others(&mut self, count: u64) {
        let received_at = self.stage.clock.now();
        let entry = |n: u64| Entry {
            received_at,
            record: Record::Cursor { key: "key".into(), value: n.to_string().into() },
        };
        self.journal.append(&(0..count).map(entry).collect::<Vec<_>>()).unwrap();
    }

    /// The positions that were recorded.
    fn marks(&self) -> Vec<i64> {
        self.stage.marks().into_iter().map(|mark| mark + EPOCH_SECONDS).collect()
    }

    /// `second status first..last` of each request.
    fn sent(&self) -> Vec<String> {
        let describe = |asked: Asked| {
            assert_eq!(asked.url, "http://l/api/v2/logs");
            let logs: Vec<Value> = serde_json::from_str(&asked.body).unwrap();
            let id = |log: &Value| log["evt"]["id"].as_str().unwrap().replace("event_", "");
            let (first, last) = (id(&logs[0]), id(logs.last().unwrap()));
            format!("{} {} {first}..{last}", asked.second, asked.status)
        };
        self.stage.intake.asked().into_iter().map(describe).collect()
    }
}

/// Runs `test` on paused time; gives the daemon's own telemetry to it.
fn counted<F: Future<Output = ()>>(test: impl FnOnce(PrometheusHandle) -> F) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build().unwrap();
    metrics::with_local_recorder(&recorder, || runtime.block_on(test(recorder.handle())));
}

/// Given up by reason.
fn dropped(own: &PrometheusHandle) -> Vec<(String, f64)> {
    let samples = telemetry::samples(&own.render());
    let dropped =
        samples.into_iter().filter(|sample| sample.metric.name == "ssowatch_sink_dropped_total");
    dropped.map(|sample| (sample.values[1].clone(), sample.value)).collect()
}

#[tokio::test(start_paused = true)]
async fn each_event_is_a_log_and_the_position_is_recorded() {
    let mut world = World::new(|_| 202);
    world.append(0..3, 1);
    world.start(1);
    world.stage.pass(2).await;
    assert_eq!(world.sent(), ["0 202 1..2"]);
    assert_eq!(world.marks(), [3]);
    world.append_others(2);
    world.append(3..4, 1);
    world.append(4..6, 1);
    world.stage.pass(10).await;
    assert_eq!(world.sent(), ["5 202 3..5"]);
    assert_eq!(world.marks(), [8]);
    world.stage.end().await;
}

#[test]
fn requests_are_counted_from_zero() {
    counted(|own| async move {
        let mut world = World::new(|_| 202);
        world.start(0);
        world.stage.pass(2).await;
        for result in ["accepted", "retried", "held", "split", "dropped"] {
            let series = format!("{{sink=\"datadog_logs\",result=\"{result}\"}} 0");
            assert!(own.render().contains(&format!("ssowatch_sink_requests_total{series}")));
        }
        world.stage.end().await;
    });
}

#[tokio::test(start_paused = true)]
async fn a_request_holds_a_thousand_and_a_full_one_is_followed_at_once() {
    let mut world = World::new(|_| 202);
    world.append(0..2_500, 1);
    world.start(0);
    world.stage.pass(2).await;
    assert_eq!(world.sent(), ["0 202 0..999", "0 202 1000..1999", "0 202 2000..2499"]);
    assert_eq!(world.marks(), [1_000, 2_000, 2_500]);
    world.stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_taken_is_sent_again_before_anything_else() {
    let mut world = World::new(|asked| if asked.second < 60 { 503 } else { 202 });
    world.append(0..2, 1);
    world.start(0);
    world.stage.pass(30).await;
    world.append(2..3, 1);
    world.stage.pass(100).await;
    let sent = world.sent();
    assert!(sent.len() > 4 && sent[..sent.len() - 2].iter().all(|one| one.ends_with("503 0..1")));
    assert!(
        sent[sent.len() - 2].ends_with("202 0..1") && sent[sent.len() - 1].ends_with("202 2..2")
    );
    assert_eq!(world.marks(), [2, 3]);
    world.stage.end().await;
}

#[test]
fn what_was_long_ago_when_it_came_is_passed_over_in_bulk() {
    counted(|own| async move {
        let mut world = World::new(|_| 202);
        world.append(0..60_000, 24 * HOUR);
        world.append(60_000..60_001, HOUR);
        world.start(0);
        world.stage.pass(2).await;
        assert_eq!(world.sent(), ["0 202 60000..60000"]);
        assert_eq!(world.marks(), [50_000, 60_001], "and seldom recorded");
        assert_eq!(dropped(&own), [("backfilled".to_owned(), 60_000.0)]);
        world.stage.end().await;
    });
}

#[test]
fn after_a_day_of_outage_what_is_young_enough_is_sent_and_the_rest_counted() {
    counted(|own| async move {
        let mut world = World::new(|asked| if asked.second < 24 * HOUR { 500 } else { 202 });
        world.start(0);
        for hour in 0..24 {
            world.append(hour * 10..hour * 10 + 10, 1);
            world.stage.pass_by(HOUR, 60).await;
        }
        world.stage.intake.asked();
        world.stage.pass(120).await;
        // Of the first seven hours all is over 18 hours old, less ten minutes. What was read last time is a request of its own.
        let sent = world.sent();
        assert_eq!(sent.len(), 2, "{sent:?}");
        assert!(sent[0].contains(" 202 70..") && sent[1].ends_with("..239"), "{sent:?}");
        assert_eq!(dropped(&own), [("too_old".to_owned(), 70.0)]);
        world.stage.end().await;
    });
}

#[tokio::test(start_paused = true)]
async fn entries_that_are_no_events_are_recorded_seldom() {
    let mut world = World::new(|_| 202);
    world.start(0);
    for _ in 0..9 {
        world.append_others(1_111);
        world.stage.pass(6).await;
    }
    assert_eq!(world.marks(), [0; 0], "a record of it would be one more");
    world.append_others(1);
    world.stage.pass(6).await;
    assert_eq!(world.marks(), [10_000]);
    assert!(world.sent().is_empty());
    world.stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_cannot_be_read_is_tried_again() {
    let mut world = World::new(|_| 202);
    world.append(0..2, 1);
    let segment = std::fs::read_dir(world.dir.path()).unwrap().find_map(|file| {
        let path = file.unwrap().path();
        path.extension().is_some_and(|ending| ending == "journal").then_some(path)
    });
    let segment = segment.unwrap();
    let aside = segment.with_extension("aside");
    std::fs::rename(&segment, &aside).unwrap();
    std::fs::create_dir(&segment).unwrap();
    world.start(0);
    world.stage.pass(10).await;
    assert!(world.sent().is_empty());
    std::fs::remove_dir(&segment).unwrap();
    std::fs::rename(&aside, &segment).unwrap();
    world.stage.pass(40).await;
    assert_eq!(world.sent(), ["30 202 0..1"]);
    world.stage.end().await;
}
