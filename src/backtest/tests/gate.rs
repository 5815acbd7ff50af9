//! A migration that asks the gate every ten seconds, on the day of a large outage.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::{Body as HttpBody, to_bytes};
use axum::http::Request;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use tokio::sync::watch;
use tower::ServiceExt;

use super::super::*;
use crate::clock::Clock;
use crate::journal;
use crate::signal::Snapshot;
use crate::web::series::Series;
use crate::web::sessions::Sessions;
use crate::web::{self, Admin};

/// How often the script asks, and how often at most for one answer that is not `hold`.
const EVERY_MILLIS: i64 = 10_000;
const ASKS_MAX: i64 = 90;

/// The daemon before the outage, which hears events as they come, and its admin listener.
struct Day<'a> {
    engine: Engine,
    wire: Wire<'a>,
    privacy: Privacy,
    recording: Recording<'a>,
    publish: watch::Sender<Arc<Snapshot>>,
    router: axum::Router,
}

impl<'a> Day<'a> {
    fn new(simulation: &'a Simulation, from: &str) -> Self {
        let (publish, snapshots) = watch::channel(Arc::default());
        let privacy = Privacy::new(Treatment::Hash, b"gate");
        let from = Timestamp::parse(from).unwrap();
        let admin = Admin {
            snapshots,
            own: PrometheusBuilder::new().build_recorder().handle(),
            token: None,
            series: Arc::new(Series::new(0)),
            inlet: journal::inlet(1).0,
            clock: Clock::starting_at(from),
            external_url: String::new(),
            reload: None,
            guard: web::Guard::default(),
            sessions: Sessions::new(PathBuf::new(), privacy.clone(), 0),
        };
        Self {
            engine: Engine::new(Config::default()),
            wire: Wire::new(simulation),
            privacy,
            recording: simulation.recording_from(simulation.minute_of(Some(from), 0)),
            publish,
            router: web::router(admin),
        }
    }

    /// Everything up to `now` has been heard.
    fn hear(&mut self, now: Timestamp) {
        while let Some(happening) = self.recording.next_before(now) {
            let bytes = self.wire.bytes(&happening);
            let event = decode(&bytes, &self.privacy).expect("what we write can be read");
            let record = Record::Event { source: Source::Files, event };
            self.engine.apply(&Entry { received_at: happening.at, record });
        }
        self.engine.advance(now);
        self.publish.send_replace(Arc::new(self.engine.snapshot()));
    }

    async fn ask(&self, since: Timestamp) -> String {
        let path = format!("/api/v1/gate?scope=fleet&since={since}");
        let request = Request::builder().uri(path).body(HttpBody::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let body = to_bytes(response.into_body(), 1 << 16).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        body["verdict"].as_str().unwrap().to_owned()
    }

    /// What a migration that begins at `start` is told first that is not `hold`, and after how many seconds.
    async fn migrate(&mut self, start: &str) -> (String, i64) {
        let start = Timestamp::parse(start).unwrap();
        for ask in 1..=ASKS_MAX {
            self.hear(start.plus_millis(ask * EVERY_MILLIS));
            let verdict = self.ask(start).await;
            if verdict != "hold" {
                return (verdict, ask * EVERY_MILLIS / 1000);
            }
        }
        ("hold".into(), ASKS_MAX * EVERY_MILLIS / 1000)
    }
}

#[tokio::test(start_paused = true)]
async fn a_migration_in_the_outage_is_stopped_within_a_minute_and_a_healthy_one_passes() {
    let scenario = crate::config::scenario("workos-2025-10-10-authkit-28pct").unwrap();
    let simulation = Simulation::new(scenario, None);
    let mut day = Day::new(&simulation, "2025-10-10T12:00:00Z");
    for start in ["2025-10-10T15:00:00Z", "2025-10-10T15:30:00Z"] {
        let (verdict, after) = day.migrate(start).await;
        assert_eq!(verdict, "pass", "{start}: after {after} s");
    }
    // The outage begins at 16:05 and takes five minutes to its peak.
    for start in ["2025-10-10T16:10:00Z", "2025-10-10T16:15:00Z", "2025-10-10T16:25:00Z"] {
        let (verdict, after) = day.migrate(start).await;
        assert_eq!(verdict, "fail", "{start}");
        assert!(after <= 60, "{start}: stopped after {after} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_migration_that_begins_with_the_outage_is_never_let_through() {
    let scenario = crate::config::scenario("workos-2025-10-10-authkit-28pct").unwrap();
    let simulation = Simulation::new(scenario, None);
    let mut day = Day::new(&simulation, "2025-10-10T12:00:00Z");
    let (verdict, after) = day.migrate("2025-10-10T16:05:00Z").await;
    assert_eq!(verdict, "fail", "after {after} s");
    assert!(after <= 180, "stopped after {after} s, while it takes 300 to its peak");
}
