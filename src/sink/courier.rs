//! Carries the bodies of one job to a service, one at a time, until each is taken or given up.

use std::collections::VecDeque;
use std::fmt::Display;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::Endpoint;
use super::batch::{Batch, Envelope, Item};
use super::health::{Condition, Health};
use crate::event::Timestamp;
use crate::outbound::{Answer, Backoff, SendError, Transport, Verdict, host};
use crate::signal::{SINK_FAILING, Scope, Snapshot, State};
use crate::telemetry;

/// First wait after a failure.
const BACKOFF_BASE: Duration = Duration::from_secs(1);

/// Longest wait after failures: as far as Datadog's own agent goes.
const BACKOFF_MAX: Duration = Duration::from_secs(64);

/// How long a request that is under way may still take when the daemon stops.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// How much of a refusal is logged.
const EXCERPT_CHARS_MAX: usize = 200;

/// Items that were refused for good: the label `reason`.
const REFUSED: &str = "refused";

/// Items that are too large for the service, each by itself.
const TOO_LARGE: &str = "too_large";

/// Carries one job after the other.
pub(super) struct Courier<T> {
    endpoint: Endpoint,
    envelope: Envelope,
    transport: T,
    backoff: Backoff,
    /// What is left of the job, in order.
    left: VecDeque<Batch>,
    /// No request before this.
    free_at: Instant,
    health: Health,
}

impl<T: Transport> Courier<T> {
    pub(super) fn new(endpoint: Endpoint, envelope: Envelope, transport: T) -> Self {
        telemetry::sink_begins(endpoint.sink);
        let backoff = Backoff::new(BACKOFF_BASE, BACKOFF_MAX, None);
        let free_at = Instant::now();
        Self {
            endpoint,
            envelope,
            transport,
            backoff,
            left: VecDeque::new(),
            free_at,
            health: Health::default(),
        }
    }

    /// Takes on a job; there must be none.
    pub(super) fn load(&mut self, batches: Vec<Batch>) {
        assert!(self.left.is_empty(), "a job begins after the one before has ended");
        self.left = batches.into();
    }

    /// Whether nothing is left to carry.
    pub(super) fn is_idle(&self) -> bool {
        self.left.is_empty()
    }

    /// When the next request may be sent.
    pub(super) fn free_at(&self) -> Instant {
        self.free_at
    }

    /// Puts down what is left of the job, in order: its last items. The wait that the service asked for stays.
    pub(super) fn unload(&mut self) -> Vec<Item> {
        self.left.drain(..).flat_map(Batch::into_items).collect()
    }

    /// Sends the first body that is left, if it is time.
    pub(super) async fn step(&mut self, now: Timestamp, stop: &mut watch::Receiver<bool>) {
        if Instant::now() < self.free_at {
            return;
        }
        let Some(batch) = self.left.front() else { return };
        let request = match self.endpoint.request(batch.body.clone()) {
            Ok(request) => request,
            Err(error) => return self.wait(now, "held", &error, None),
        };
        let patience = async {
            drop(stop.wait_for(|stop| *stop).await);
            sleep(STOP_GRACE).await;
        };
        tokio::select! {
            biased;
            answer = self.transport.send(&request) => self.settle(now, answer),
            () = patience => {}
        }
    }

    fn settle(&mut self, now: Timestamp, answer: Result<Answer, SendError>) {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return self.wait(now, "retried", &error, None),
        };
        let verdict = answer.judged(self.endpoint.classify(answer.status));
        let detail = self.detail(verdict, &answer);
        match verdict {
            Verdict::Accepted => {
                self.backoff.reset();
                self.health.answered();
                self.left.pop_front();
                telemetry::sink_request(self.endpoint.sink, "accepted", &detail);
                self.give_up(now, REFUSED, (self.endpoint.refused)(&answer.body));
            }
            Verdict::Retry => self.wait(now, "retried", &detail, answer.retry_after),
            Verdict::Hold => self.wait(now, "held", &detail, answer.retry_after),
            Verdict::Drop => self.drop_first(now, REFUSED, &detail),
            Verdict::Split => {
                let first = self.left.pop_front().expect("it was just sent");
                match self.envelope.split(first) {
                    Ok([first, second]) => {
                        self.left.push_front(second);
                        self.left.push_front(first);
                        telemetry::sink_request(self.endpoint.sink, "split", &detail);
                    }
                    Err(whole) => {
                        self.left.push_front(whole);
                        self.drop_first(now, TOO_LARGE, &detail);
                    }
                }
            }
        }
    }

    /// Counts items that were given up.
    pub(super) fn give_up(&mut self, now: Timestamp, reason: &'static str, count: u64) {
        if count > 0 {
            self.health.gave_up(now, reason, count);
            telemetry::sink_dropped(self.endpoint.sink, reason, count);
        }
    }

    /// How the sink is, where `snapshot` does not know it yet: its trouble, or that there is none any more.
    pub(super) fn news(&mut self, now: Timestamp, snapshot: &Snapshot) -> Option<Condition> {
        let scope = Scope::Sink(self.endpoint.sink.into());
        let known = snapshot.incidents.iter().any(|incident| {
            incident.state == State::Firing
                && *incident.alertname == *SINK_FAILING
                && incident.scope == scope
        });
        self.health.report(now, known)
    }

    fn wait(
        &mut self,
        now: Timestamp,
        result: &'static str,
        detail: &dyn Display,
        asked: Option<Duration>,
    ) {
        self.health.failed(now, result == "held", detail.to_string());
        self.free_at = Instant::now() + self.backoff.next_wait(asked);
        telemetry::sink_request(self.endpoint.sink, result, detail);
    }

    fn drop_first(&mut self, now: Timestamp, reason: &'static str, detail: &dyn Display) {
        // The service works, it just does not want this.
        self.backoff.reset();
        let batch = self.left.pop_front().expect("it was just sent");
        telemetry::sink_request(self.endpoint.sink, "dropped", detail);
        self.health.answered();
        self.give_up(now, reason, batch.count() as u64);
    }

    /// What the service said, for the log, with the remedy.
    fn detail(&self, verdict: Verdict, answer: &Answer) -> String {
        let mut detail = format!("HTTP {} from {}", answer.status, host(&self.endpoint.url));
        if verdict == Verdict::Accepted {
            return detail;
        }
        if verdict == Verdict::Hold {
            detail.push_str("; ");
            let refused = matches!(answer.status, 401 | 403);
            let Endpoint { credential_remedy, address_remedy, .. } = self.endpoint;
            detail.push_str(if refused { credential_remedy } else { address_remedy });
        }
        detail.push_str(answer.doubt());
        let secrets = self.endpoint.credentials.iter();
        let secrets: Vec<_> = secrets.filter_map(|(_, secret)| secret.reveal().ok()).collect();
        let said = answer.excerpt(&secrets, EXCERPT_CHARS_MAX);
        if !said.is_empty() {
            detail.push_str(": ");
            detail.push_str(&said);
        }
        detail
    }
}
