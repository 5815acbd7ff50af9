//! Webhooks, pushes and the Events API under load, and what was promised for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use ssowatch::event::Timestamp;
use ssowatch::source::signature::sign;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::services::Services;
use crate::until;

pub(crate) const SECRET: &str = "whsec_1";

/// Connections; most sign-ins on the first fail from time to time.
const CONNECTIONS: u64 = 3;

/// Time after which the first connection ceases or begins to fail: the rule's window fills and empties.
const PHASE: Duration = Duration::from_secs(90);

/// How long a sender rests between two deliveries: the load is for the daemon, not for the machine.
const REST: Duration = Duration::from_millis(2);

/// Senders of webhooks, each of which waits for its answer.
const WEBHOOKS: u64 = 4;

/// Senders of pushed batches.
const PUSHES: u64 = 2;

/// Sign-ins by connection and what became of them: `started`, `succeeded` or `failed`.
#[derive(Clone, Default, PartialEq, Debug)]
pub(crate) struct Totals(BTreeMap<(String, String), u64>);

impl Totals {
    pub(crate) fn add(&mut self, connection: &str, kind: &str, count: u64) {
        if count > 0 {
            *self.0.entry((connection.to_owned(), kind.to_owned())).or_default() += count;
        }
    }

    pub(crate) fn events(&self) -> u64 {
        self.0.values().sum()
    }
}

/// The load.
pub(crate) struct Load {
    services: Services,
    http: reqwest::Client,
    random: Mutex<fastrand::Rng>,
    intake: Mutex<String>,
    begin: Instant,
    next: AtomicU64,
    sent: Mutex<Totals>,
    promised: Mutex<BTreeSet<String>>,
    /// How many had been promised when the daemon was last started.
    before: AtomicU64,
    over: AtomicBool,
}

impl Load {
    pub(crate) fn new(services: Services, random: fastrand::Rng) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10));
        Self {
            services,
            http: http.build().unwrap(),
            random: Mutex::new(random),
            intake: Mutex::default(),
            begin: Instant::now(),
            next: AtomicU64::new(0),
            sent: Mutex::default(),
            promised: Mutex::default(),
            before: AtomicU64::new(0),
            over: AtomicBool::new(false),
        }
    }

    /// From now on the daemon is at `intake`.
    pub(crate) fn aim(&self, intake: &str) {
        intake.clone_into(&mut self.intake.lock().unwrap());
        self.before.store(self.promised(), Ordering::SeqCst);
    }

    /// Starts all senders.
    pub(crate) fn start(self: &Arc<Self>) -> JoinSet<()> {
        let mut senders = JoinSet::new();
        for _ in 0..WEBHOOKS {
            senders.spawn(Arc::clone(self).webhooks());
        }
        for _ in 0..PUSHES {
            senders.spawn(Arc::clone(self).pushes());
        }
        senders.spawn(Arc::clone(self).api());
        senders
    }

    /// Waits for so many more acknowledgements.
    pub(crate) async fn acknowledged(&self, more: u64) {
        let enough = self.promised() + more;
        until("events are acknowledged", async || (self.promised() >= enough).then_some(())).await;
    }

    /// Sends nothing new, and everything that was begun until it is acknowledged.
    pub(crate) async fn finish(&self, mut senders: JoinSet<()>) {
        self.over.store(true, Ordering::SeqCst);
        while let Some(ended) = senders.join_next().await {
            ended.unwrap();
        }
    }

    pub(crate) fn sent(&self) -> Totals {
        self.sent.lock().unwrap().clone()
    }

    pub(crate) fn promised(&self) -> u64 {
        self.promised.lock().unwrap().len() as u64
    }

    pub(crate) fn promised_before_the_start(&self) -> u64 {
        self.before.load(Ordering::SeqCst)
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    fn random(&self, most: u64) -> u64 {
        self.random.lock().unwrap().u64(..most)
    }

    /// A sign-in: its start and its end.
    fn sign_in(&self) -> [Value; 2] {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        let connection = self.random(CONNECTIONS);
        let phase = self.begin.elapsed().as_secs() / PHASE.as_secs();
        let bad = connection == 0 && phase.is_multiple_of(2);
        let kind = if bad { "failed" } else { "succeeded" };
        let id = format!("conn_{connection}");
        let mut sent = self.sent.lock().unwrap();
        ["started", kind].map(|kind| {
            sent.add(&id, kind, 1);
            let mut data = json!({"sso": {"connection_id": id, "session_id": format!("session_{number}")}});
            if kind == "failed" {
                data["error"] = json!({"code": "saml_certificate_expired", "message": "expired"});
            }
            json!({"id": format!("event_{number}_{kind}"), "event": format!("authentication.sso_{kind}"),
                "created_at": now().to_string(), "data": data})
        })
    }

    async fn webhooks(self: Arc<Self>) {
        while !self.is_over() {
            for event in self.sign_in() {
                // Many of them are in the Events API, too, before or after they came by webhook.
                if self.random(2) == 0 {
                    self.services.show(event.clone());
                }
                let body = event.to_string();
                let signed = || Some(sign(SECRET, body.as_bytes(), now()));
                self.send("/webhooks/workos", &body, signed).await;
                self.promise(&[event]);
            }
        }
    }

    async fn pushes(self: Arc<Self>) {
        while !self.is_over() {
            let count = 1 + self.random(20);
            let events: Vec<Value> = (0..count).flat_map(|_| self.sign_in()).collect();
            let lines: Vec<String> = events.iter().map(Value::to_string).collect();
            self.send("/v1/events", &lines.join("\n"), || None).await;
            self.promise(&events);
        }
    }

    /// Events that nobody pushes.
    async fn api(self: Arc<Self>) {
        while !self.is_over() {
            for event in self.sign_in() {
                self.services.show(event);
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn promise(&self, events: &[Value]) {
        let ids = events.iter().map(|event| event["id"].as_str().unwrap().to_owned());
        self.promised.lock().unwrap().extend(ids);
    }

    /// Sends until it is answered with 200, to wherever the daemon is.
    async fn send(&self, path: &str, body: &str, signed: impl Fn() -> Option<String>) {
        loop {
            let url = format!("{}{path}", self.intake.lock().unwrap());
            let mut request = self.http.post(url).body(body.to_owned());
            if let Some(signature) = signed() {
                request = request.header("workos-signature", signature);
            }
            let status = request.send().await.map(|answer| answer.status().as_u16());
            match status {
                Ok(200) => return sleep(REST).await,
                Ok(503) | Err(_) => sleep(Duration::from_millis(10)).await,
                Ok(other) => panic!("{path}: {other}"),
            }
        }
    }
}

fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "events happen on the machine's clock")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(now.as_millis()).unwrap())
}
