//! A played Datadog and a played journal, for tests on paused time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::Config;
use crate::clock::Clock;
use crate::event::{ConnectionId, Record, Timestamp};
use crate::journal::{self, Inlet, InletError, Receipt};
use crate::outbound::{Answer, Request, SendError, Transport};
use crate::setting::Secret;
use crate::signal::{ClosedWindow, ConnectionDelta, Counts, Snapshot};
use crate::sink::batch::tests::text;

/// When each test begins.
pub(super) const EPOCH_SECONDS: i64 = 1_760_000_000;

/// What the service answers: after a while, with a status (0: the network fails) and perhaps `Retry-After`.
#[derive(Clone, Copy)]
pub(super) struct Reply {
    pub(super) after: u64,
    pub(super) status: u16,
    pub(super) retry_after: Option<u64>,
    pub(super) body: &'static str,
}

impl From<u16> for Reply {
    fn from(status: u16) -> Self {
        Self { after: 0, status, retry_after: None, body: "{\"errors\":[]}" }
    }
}

/// A request as the service saw it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Asked {
    /// Seconds since the beginning.
    pub(super) second: u64,
    pub(super) url: String,
    pub(super) key: String,
    pub(super) body: String,
    pub(super) status: u16,
}

type Script = dyn Fn(&Asked) -> Reply + Send + Sync;

/// A service that answers by a script and remembers what it was asked.
#[derive(Clone)]
pub(super) struct Intake {
    script: Arc<Script>,
    asked: Arc<Mutex<Vec<Asked>>>,
    start: Instant,
}

impl Intake {
    pub(super) fn new(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self { script: Arc::new(script), asked: Arc::default(), start: Instant::now() }
    }

    /// What was asked since the last call.
    pub(super) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl Transport for Intake {
    async fn send(&self, request: &Request) -> Result<Answer, SendError> {
        let header = |name: &str| {
            let found = request.headers.iter().find(|(header, _)| *header == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        assert_eq!(header("content-encoding"), "gzip");
        assert_eq!(header("content-type"), "application/json");
        let mut asked = Asked {
            second: self.start.elapsed().as_secs(),
            url: request.url.clone(),
            key: header("dd-api-key"),
            body: text(&request.body),
            status: 0,
        };
        let reply = (self.script)(&asked);
        asked.status = reply.status;
        self.asked.lock().unwrap().push(asked);
        sleep(Duration::from_secs(reply.after)).await;
        if reply.status == 0 {
            return Err(SendError { host: "http://a".into(), problem: "no answer in time".into() });
        }
        let retry_after = reply.retry_after.map(Duration::from_secs);
        Ok(Answer { status: reply.status, retry_after, body: reply.body.into() })
    }
}

/// What surrounds a sink.
pub(super) struct Stage {
    pub(super) intake: Intake,
    pub(super) clock: Clock,
    pub(super) inlet: Option<Inlet>,
    pub(super) publish: watch::Sender<Arc<Snapshot>>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) journal_works: watch::Sender<bool>,
    marks: Arc<Mutex<Vec<u64>>>,
    troubles: Arc<Mutex<Vec<Option<String>>>>,
    task: Option<JoinHandle<()>>,
}

impl Stage {
    pub(super) fn new(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let (inlet, mut parcels) = journal::inlet(8);
        let (journal_works, works) = watch::channel(true);
        let marks: Arc<Mutex<Vec<u64>>> = Arc::default();
        let kept = Arc::clone(&marks);
        let troubles: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
        let told = Arc::clone(&troubles);
        tokio::spawn(async move {
            while let Some(parcel) = parcels.recv().await {
                if !*works.borrow() {
                    drop(parcel.reply.send(Err(InletError::Storage("disk full".into()))));
                    continue;
                }
                for record in parcel.delivery.records {
                    match record {
                        Record::Sent { mark, .. } => kept.lock().unwrap().push(mark),
                        Record::SinkHealth { trouble, .. } => {
                            told.lock().unwrap().push(trouble.map(Into::into));
                        }
                        other => panic!("{other:?}"),
                    }
                }
                drop(parcel.reply.send(Ok(Receipt::default())));
            }
        });
        Self {
            intake: Intake::new(script),
            clock: Clock::starting_at(Timestamp::from_millis(EPOCH_SECONDS * 1000)),
            inlet: Some(inlet),
            publish: watch::channel(Arc::default()).0,
            stop: watch::channel(false).0,
            journal_works,
            marks,
            troubles,
            task: None,
        }
    }

    /// Lets the sink run.
    pub(super) fn run<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        run: impl FnOnce(watch::Receiver<Arc<Snapshot>>, watch::Receiver<bool>) -> F,
    ) {
        self.task = Some(tokio::spawn(run(self.publish.subscribe(), self.stop.subscribe())));
    }

    /// Lets `seconds` pass, with a snapshot each second as the engine gives them.
    pub(super) async fn pass(&self, seconds: u64) {
        self.pass_by(seconds, 1).await;
    }

    /// The same, with a snapshot each `beat` seconds, for long times.
    pub(super) async fn pass_by(&self, seconds: u64, beat: u64) {
        for _ in 0..seconds / beat {
            let now = self.clock.now();
            self.publish.send_modify(|snapshot| Arc::make_mut(snapshot).now = now);
            sleep(Duration::from_secs(beat)).await;
        }
    }

    /// The marks that were recorded since the last call, in seconds since the beginning.
    pub(super) fn marks(&self) -> Vec<i64> {
        let marks = std::mem::take(&mut *self.marks.lock().unwrap());
        marks.into_iter().map(|mark| i64::try_from(mark).unwrap() - EPOCH_SECONDS).collect()
    }

    /// What was recorded of the sink's health since the last call.
    pub(super) fn troubles(&self) -> Vec<Option<String>> {
        std::mem::take(&mut *self.troubles.lock().unwrap())
    }

    /// Stops the sink and waits for its end.
    pub(super) async fn end(mut self) {
        self.stop.send_replace(true);
        self.task.take().unwrap().await.unwrap();
    }
}

/// `sinks.datadog` with `keys` besides the necessary ones.
pub(super) fn config(keys: &Value) -> Config {
    let mut all = json!({"api_key": "key_1", "metrics_url": "http://m", "logs_url": "http://l"});
    all.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    serde_json::from_value(all).unwrap()
}

/// A key in a file that is written anew.
pub(super) fn config_with_key_file(path: &std::path::Path) -> Config {
    let secret: Option<Secret> = None;
    Config { api_key: secret, api_key_file: Some(path.to_owned()), ..config(&json!({})) }
}

/// The window that starts `start` seconds after the beginning, in which `started` sign-ins started on `conn_1`.
pub(super) fn window(start: i64, started: u64) -> Arc<ClosedWindow> {
    let connection = ConnectionDelta {
        id: Some(ConnectionId::new("conn_1")),
        info: None,
        counts: Counts { started, ..Counts::default() },
        causes: Vec::new(),
    };
    Arc::new(ClosedWindow {
        start_seconds: EPOCH_SECONDS + start,
        connections: vec![connection],
        ..ClosedWindow::default()
    })
}
