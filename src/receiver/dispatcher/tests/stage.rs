//! A dispatcher among services and a journal that are played.

use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::event::{PLACES, Record, Told};
use crate::journal::{self, InletError, Receipt};
use crate::outbound::{Answer, Request, SendError};
use crate::receiver::dispatcher::*;
use crate::receiver::tests::{START, configs, links};
use crate::receiver::{Inherited, targets};
use crate::signal::Incident;

/// What a service answers: after a while, with a status (0: the network fails) and perhaps `Retry-After`.
#[derive(Clone, Copy)]
pub(super) struct Reply {
    pub(super) after: u64,
    pub(super) status: u16,
    pub(super) retry_after: Option<u64>,
    /// Whether it comes from a login page.
    pub(super) page: bool,
}

pub(super) fn status(status: u16) -> Reply {
    Reply { after: 0, status, retry_after: None, page: false }
}

type Script = dyn Fn(&str, &Value, u64) -> Reply + Send + Sync;

/// Services that answer by a script of URL, body and second; they remember what they were asked.
#[derive(Clone)]
struct Services {
    script: Arc<Script>,
    asked: Arc<Mutex<Vec<String>>>,
    start: Instant,
}

impl Transport for Services {
    async fn send(&self, request: &Request) -> Result<Answer, SendError> {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let second = self.start.elapsed().as_secs();
        let reply = (self.script)(&request.url, &body, second);
        sleep(Duration::from_secs(reply.after)).await;
        let what = describe(&request.url, &body);
        self.asked.lock().unwrap().push(format!("{second} {what} {}", reply.status));
        if reply.status == 0 {
            return Err(SendError { host: "http://a".into(), problem: "cannot connect".into() });
        }
        let retry_after = reply.retry_after.map(Duration::from_secs);
        let body = if reply.page { "<html>Sign in</html>" } else { "" };
        Ok(Answer { status: reply.status, retry_after, body: body.into() })
    }
}

/// `pagerduty trigger f`, `slack Page`, `a: f+ g-`.
fn describe(url: &str, body: &Value) -> String {
    if let Value::Array(alerts) = body {
        let host = url.split("//").nth(1).unwrap().split('/').next().unwrap();
        let alert = |alert: &Value| {
            let ends = Timestamp::parse(alert["endsAt"].as_str().unwrap()).unwrap();
            let mark = if ends.millis() == START + 600_000 { "-" } else { "+" };
            format!("{}{mark}", alert["labels"]["id"].as_str().unwrap())
        };
        let alerts: Vec<_> = alerts.iter().map(alert).collect();
        return format!("{host}: {}", alerts.join(" "));
    }
    if let Some(action) = body["event_action"].as_str() {
        return format!("pagerduty {action} {}", body["dedup_key"].as_str().unwrap());
    }
    format!("slack {}", body["text"].as_str().unwrap().split(':').next().unwrap())
}

/// A dispatcher among services and a journal that are played.
pub(super) struct Stage {
    services: Services,
    /// What the journal has taken.
    records: Arc<Mutex<Vec<Record>>>,
    pub(super) journal_works: watch::Sender<bool>,
    pub(super) publish: watch::Sender<Arc<Snapshot>>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) task: JoinHandle<()>,
    pub(super) clock: Clock,
}

impl Stage {
    pub(super) fn new(
        receivers: &Value,
        told: &[(&str, &str, bool)],
        script: impl Fn(&str, &Value, u64) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let told = told.iter().map(|(receiver, fingerprint, open)| {
            let (receiver, fingerprint) = ((*receiver).into(), (*fingerprint).into());
            let at = Timestamp::from_millis(START);
            Record::Told(Told { receiver, fingerprint, open: *open, at })
        });
        Self::after(receivers, told.collect(), script)
    }

    /// One that goes on from what the journal has.
    pub(super) fn after(
        receivers: &Value,
        records: Vec<Record>,
        script: impl Fn(&str, &Value, u64) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let services =
            Services { script: Arc::new(script), asked: Arc::default(), start: Instant::now() };
        let (mut before, mut places) = (BTreeMap::<_, ToldLog>::new(), BTreeMap::new());
        for record in records {
            match record {
                Record::Told(Told { receiver, fingerprint, open, at }) => {
                    before.entry(receiver).or_default().insert(fingerprint, (open, at));
                }
                Record::Cursor { key, value } => {
                    let receiver = key.strip_prefix(PLACES).unwrap();
                    let changed = |before| before != value;
                    if places.insert(receiver.into(), value.clone()).is_some_and(changed) {
                        let told = before.get_mut(receiver).unwrap();
                        for (open, _) in told.values_mut() {
                            *open = false;
                        }
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        let (inlet, mut parcels) = journal::inlet(8);
        let (journal_works, works) = watch::channel(true);
        let records = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&records);
        tokio::spawn(async move {
            while let Some(parcel) = parcels.recv().await {
                if !*works.borrow() {
                    drop(parcel.reply.send(Err(InletError::Storage("disk full".into()))));
                    continue;
                }
                kept.lock().unwrap().extend(parcel.delivery.records);
                drop(parcel.reply.send(Ok(Receipt::default())));
            }
        });
        let clock = Clock::starting_at(Timestamp::from_millis(START));
        let (publish, snapshots) = watch::channel(Arc::default());
        let (stop, stopped) = watch::channel(false);
        let dispatcher = Dispatcher {
            targets: targets(&configs(receivers), &Inherited::default()).unwrap(),
            links: links(),
            transport: services.clone(),
            told: before,
            places,
            inlet,
            clock,
        };
        let task = tokio::spawn(dispatcher.run(snapshots, stopped));
        Self { services, records, journal_works, publish, stop, task, clock }
    }

    /// Publishes these incidents once a second for so many seconds.
    pub(super) async fn show(&self, incidents: &[Arc<Incident>], seconds: u64) {
        for _ in 0..seconds {
            let (now, incidents) = (self.clock.now(), incidents.to_vec());
            self.publish.send_replace(Arc::new(Snapshot { now, incidents, ..Snapshot::default() }));
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// What was asked since the last call.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.services.asked.lock().unwrap())
    }

    /// What the journal has taken since the last call.
    pub(super) fn records(&self) -> Vec<Record> {
        std::mem::take(&mut self.records.lock().unwrap())
    }

    /// What of it says what was told.
    pub(super) fn told(&self) -> Vec<String> {
        let told = self.records().into_iter().filter_map(|record| match record {
            Record::Told(Told { receiver, fingerprint, open, .. }) => {
                Some(format!("{receiver} {fingerprint}{}", if open { "+" } else { "-" }))
            }
            _ => None,
        });
        told.collect()
    }
}
