//! Those who send events: WorkOS's webhooks and somebody who pushes. Both try again until they are answered with 200, and
//! sometimes once more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::Request;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tower::ServiceExt;

use super::network::{Network, json};
use super::plan::Happening;
use crate::event::Timestamp;
use crate::source::signature::sign;

pub(super) const WEBHOOK_SECRET: &str = "whsec_1";

/// What was promised: ids of events that were answered with 200, and by which life of the daemon.
pub(super) type Promised = Arc<Mutex<BTreeMap<String, u32>>>;

/// The daemon's intake, while there is one: which life it is, and its routes.
pub(super) type Door = watch::Receiver<Option<(u32, Router)>>;

/// What all senders share.
#[derive(Clone)]
pub(super) struct Sender {
    pub(super) door: Door,
    pub(super) network: Network,
    pub(super) promised: Promised,
    pub(super) epoch: Timestamp,
    pub(super) begin: Instant,
    /// How many of a hundred requests fail on their way, there or back.
    pub(super) failing: watch::Receiver<u32>,
}

impl Sender {
    /// Sends everything that is not pulled.
    pub(super) fn start(
        &self,
        happenings: &[Happening],
        random: &mut fastrand::Rng,
        tasks: &mut JoinSet<()>,
    ) {
        for happening in happenings.iter().filter(|happening| happening.ways.webhook) {
            let (sender, happening) = (self.clone(), happening.clone());
            let random = random.fork();
            tasks.spawn(async move { sender.webhook(&happening, random).await });
        }
        let mut pushed = happenings.iter().filter(|happening| happening.ways.push).peekable();
        while pushed.peek().is_some() {
            let count = random.usize(1..9);
            let batch: Vec<_> = pushed.by_ref().take(count).cloned().collect();
            let (sender, random) = (self.clone(), random.fork());
            tasks.spawn(async move { sender.push(&batch, random).await });
        }
    }

    async fn webhook(&self, happening: &Happening, mut random: fastrand::Rng) {
        // Deliveries overtake each other.
        let delay = if random.u32(..10) == 0 { 60_000 } else { 3_000 };
        self.wait_until(happening.seen_at + random.u64(..delay)).await;
        let body = happening.json.to_string();
        let mut again = random.u32(..5) == 0;
        loop {
            let signature = sign(WEBHOOK_SECRET, body.as_bytes(), self.now());
            let headers = [("workos-signature", signature)];
            let answer = self.post(&mut random, "/webhooks/workos", &headers, &body).await;
            if let Some((life, 200, _)) = answer {
                self.promise([happening.id.as_str()], life);
                if !std::mem::take(&mut again) {
                    return;
                }
            }
            sleep(Duration::from_millis(random.u64(1_000..20_000))).await;
        }
    }

    async fn push(&self, batch: &[Happening], mut random: fastrand::Rng) {
        let last = batch.iter().map(|happening| happening.seen_at).max().unwrap();
        self.wait_until(last + random.u64(..3_000)).await;
        let lines: Vec<String> = batch.iter().map(|happening| happening.json.to_string()).collect();
        let mut body = lines.join("\n");
        let bad = random.u32(..5) == 0;
        if bad {
            body.push_str("\n{\"id\": 7");
        }
        loop {
            let answer = self.post(&mut random, "/v1/events", &[], &body).await;
            if let Some((life, 200, answer)) = answer {
                let answer = json(std::str::from_utf8(&answer).unwrap());
                let count = |name: &str| answer[name].as_u64().unwrap();
                let rejected = answer["rejected"].as_array().unwrap().len();
                let taken = count("accepted") + count("duplicates");
                assert_eq!(taken + rejected as u64, (batch.len() + usize::from(bad)) as u64);
                // By a clock that is an hour behind, events lie in the future: they are sent again.
                if rejected == usize::from(bad) {
                    self.promise(batch.iter().map(|happening| happening.id.as_str()), life);
                    return;
                }
            }
            sleep(Duration::from_millis(random.u64(1_000..20_000))).await;
        }
    }

    fn promise<'a>(&self, ids: impl IntoIterator<Item = &'a str>, life: u32) {
        let ids: BTreeSet<_> = ids.into_iter().collect();
        self.network.note(&format!("promised {ids:?}"));
        let mut promised = self.promised.lock().unwrap();
        for id in ids {
            promised.entry(id.to_owned()).or_insert(life);
        }
    }

    /// The life that answered, the status and the body; `None` when no answer came.
    async fn post(
        &self,
        random: &mut fastrand::Rng,
        path: &str,
        headers: &[(&str, String)],
        body: &str,
    ) -> Option<(u32, u16, Bytes)> {
        sleep(Duration::from_millis(random.u64(1..400))).await;
        let failing = *self.failing.borrow();
        if random.u32(..100) < failing {
            return None;
        }
        let answer_lost = random.u32(..100) < failing;
        let mut door = self.door.clone();
        let (life, router) = door.borrow_and_update().clone()?;
        let mut request = Request::post(path);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = tokio::select! {
            biased;
            // Who dies in the middle of it, answers nothing.
            _ = door.changed() => return None,
            response = router.oneshot(request) => response.unwrap(),
        };
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (!answer_lost).then_some((life, status, body))
    }

    async fn wait_until(&self, millis: u64) {
        sleep_until(self.begin + Duration::from_millis(millis)).await;
    }

    /// The time as it is; the daemon's clock may be wrong.
    fn now(&self) -> Timestamp {
        self.epoch.plus_millis(i64::try_from(self.begin.elapsed().as_millis()).unwrap())
    }
}
