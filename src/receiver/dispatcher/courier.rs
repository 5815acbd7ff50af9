//! The task of one place that is told.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::ToldLog;
use crate::clock::Clock;
use crate::event::{Record, Timestamp, Told};
use crate::journal::{Delivery, Inlet};
use crate::outbound::{Answer, Backoff, Request, SendError, Transport, Verdict};
use crate::receiver::destination;
use crate::receiver::log::{self, Log, Owed, Standing};
use crate::receiver::{Links, Notification, Pace, Reason, Target, words};
use crate::signal::{Incident, Severity, Snapshot, State, joined};
use crate::telemetry;

/// How long a request that is under way may still take when the daemon stops.
pub(super) const STOP_GRACE: Duration = Duration::from_secs(5);

/// How long the journal may take to record what was told: longer than a slow disk, and no page waits for
/// more.
const RECORD_TIMEOUT: Duration = Duration::from_secs(5);

/// Of so many tries in a row one is of a beginning itself, where the end of what was before should be told first: no page waits for
/// an end that is never answered.
const PATIENCE: u32 = 6;

/// When the journal is tried again after it failed.
const RECORD_PAUSE: Duration = Duration::from_secs(30);

/// The task of one place.
pub(super) struct Courier<T> {
    target: Target,
    pace: Pace,
    links: Arc<Links>,
    transport: T,
    inlet: Inlet,
    clock: Clock,
    log: Log,
    /// The mark of the place that is told, where there is one.
    place: Option<Box<str>>,
    /// Whether that mark is not in the journal yet.
    unmarked: bool,
    backoff: Backoff,
    /// No request before this.
    free_at: Instant,
    /// Notifications in the next request: fewer after one that was refused as a whole.
    batch_limit: usize,
    /// Failed tries by fingerprint: one that fails again and again waits behind the others.
    failures: BTreeMap<Box<str>, u32>,
    /// What was told and is not in the journal yet, by fingerprint.
    unrecorded: BTreeMap<Box<str>, Told>,
    /// When the journal is tried again.
    record_at: Instant,
    /// Whether it was asked what a process before this one may have told.
    recalled: bool,
    /// The engine's time of what is told: after a restart it says which of an incident's steps were told, and its steps have that time.
    as_of: Timestamp,
}

impl<T: Transport> Courier<T> {
    pub(super) fn new(
        target: Target,
        told: &ToldLog,
        mark: Option<Box<str>>,
        links: Arc<Links>,
        transport: T,
        inlet: Inlet,
        clock: Clock,
    ) -> Self {
        let pace = target.pace();
        Self {
            place: mark,
            unmarked: false,
            log: Log::new(told),
            target,
            pace,
            links,
            transport,
            inlet,
            clock,
            backoff: Backoff::new(pace.backoff_base, pace.backoff_max, None),
            free_at: Instant::now(),
            batch_limit: pace.batch_max,
            failures: BTreeMap::new(),
            unrecorded: BTreeMap::new(),
            recalled: false,
            as_of: Timestamp::default(),
            record_at: Instant::now(),
        }
    }

    pub(super) async fn run(
        mut self,
        mut snapshots: watch::Receiver<Arc<Snapshot>>,
        mut stop: watch::Receiver<bool>,
    ) {
        while !*stop.borrow() {
            if Instant::now() >= self.free_at {
                let snapshot = Arc::clone(&snapshots.borrow_and_update());
                self.round(&snapshot, &mut stop).await;
            }
            self.record().await;
            let waits = self.free_at > Instant::now();
            tokio::select! {
                biased;
                // An error means that the daemon is gone: stop as well.
                _ = stop.wait_for(|stop| *stop) => break,
                changed = snapshots.changed() => if changed.is_err() { break },
                () = sleep_until(self.free_at), if waits => {}
            }
        }
        self.record_at = Instant::now();
        self.record().await;
    }

    /// Sends one request with what is owed first, if anything is.
    async fn round(&mut self, snapshot: &Snapshot, stop: &mut watch::Receiver<bool>) {
        // Before the engine has spoken nothing is known, which is not the same as that nothing is open.
        if snapshot.now == Timestamp::default() {
            return;
        }
        self.as_of = snapshot.now;
        let now = self.clock.now();
        self.look_where(snapshot, now);
        let batch = self.batch(snapshot, now);
        if batch.is_empty() {
            return;
        }
        let request = match self.target.request(&batch) {
            Ok(request) => request,
            Err(error) => {
                self.fail(&batch, "held", &error.to_string(), None);
                return;
            }
        };
        match self.send(&request, stop).await {
            None => {}
            Some(Err(error)) => self.fail(&batch, "retried", &error.to_string(), None),
            Some(Ok(answer)) => self.settle(&batch, &answer),
        }
    }

    /// Begins anew where another place is told from now on: it knows nothing of what is open, and what the one before was told
    /// cannot be ended there.
    fn look_where(&mut self, snapshot: &Snapshot, now: Timestamp) {
        // The secret may be a file: while nothing is open, and there is nothing to tell, it is not read each second.
        let fires =
            |one: &Arc<Incident>| one.state == State::Firing && self.target.audience.wants(one);
        if self.log.is_at_rest() && !snapshot.incidents.iter().any(fires) {
            return;
        }
        let Some(found) = self.target.destination() else { return };
        let before = self.place.replace(found);
        if before == self.place {
            return;
        }
        self.unmarked = true;
        if before.is_some() {
            let open = self.log.open();
            self.log.leave(now);
            self.failures.clear();
            // The mark ends in the journal, too, what the one before was told: a restart before this one takes what is open must
            // not take the one for the other. So must nothing that the one before was told stand behind it.
            self.unrecorded.clear();
            if open > 0 {
                telemetry::receiver_moved(&self.target.name, open);
            }
        }
    }

    /// What the next request says.
    fn batch(&mut self, snapshot: &Snapshot, now: Timestamp) -> Vec<Notification> {
        let audience = &self.target.audience;
        let Snapshot { incidents, silences, .. } = snapshot;
        let told = |one: &Incident| audience.wants(one) && !log::is_quiet(one, silences, now);
        let told_as: Cow<'_, [_]> =
            if self.target.joins() { joined(incidents, told).into() } else { incidents.into() };
        let incidents = &*told_as;
        if !std::mem::replace(&mut self.recalled, true) && self.target.ignores_unknown_ends() {
            self.log.recall(incidents, audience, now);
        }
        let owed = self.log.owed(incidents, audience, silences, now, self.pace.repeat);
        let owed = owed.into_iter().map(|one| {
            let tries = self.failures.get(&one.incident.fingerprint).copied().unwrap_or_default();
            let first = self.target.rings_by_key() && tries % PATIENCE != PATIENCE - 1;
            if first { self.log.end_first(one, now) } else { one }
        });
        let owed = owed.collect::<Vec<_>>();
        let mut notifications = Vec::with_capacity(owed.len());
        let blind = self.clock.is_far_from(snapshot.now);
        for Owed { incident, reason } in owed {
            // What says that somebody watches must not be heard while nobody does.
            if blind && incident.severity == Severity::None {
                continue;
            }
            let links = Arc::clone(&self.links);
            let their_now = self.clock.theirs();
            let notification = Notification { incident, reason, now, their_now, links };
            if self.target.sends(&notification) {
                notifications.push(notification);
            } else {
                self.note(&notification);
            }
        }
        let failures = std::mem::take(&mut self.failures);
        let tries = |one: &Notification| failures.get(&one.incident.fingerprint).copied();
        notifications.sort_by_key(|one| tries(one).unwrap_or_default());
        for one in &notifications {
            if let Some(tries) = tries(one) {
                self.failures.insert(one.incident.fingerprint.clone(), tries);
            }
        }
        notifications.truncate(self.batch_limit);
        notifications
    }

    /// `None`: the daemon stops, and the answer took too long.
    async fn send(
        &self,
        request: &Request,
        stop: &mut watch::Receiver<bool>,
    ) -> Option<Result<Answer, SendError>> {
        let patience = async {
            drop(stop.wait_for(|stop| *stop).await);
            sleep(STOP_GRACE).await;
        };
        tokio::select! {
            biased;
            answer = self.transport.send(request) => Some(answer),
            () = patience => None,
        }
    }

    fn settle(&mut self, batch: &[Notification], answer: &Answer) {
        let verdict = answer.judged(self.target.classify(answer.status));
        match verdict {
            Verdict::Accepted => {
                self.backoff.reset();
                self.batch_limit = self.batch_limit.saturating_mul(2).min(self.pace.batch_max);
                self.free_at = Instant::now() + self.pace.spacing;
                let detail = words::detail(&self.target, batch, answer, verdict);
                for notification in batch {
                    self.note(notification);
                }
                let news = batch.iter().any(|one| one.reason != Reason::StillOpen);
                telemetry::notified(&self.target.name, batch.len(), news, &detail);
            }
            Verdict::Split if batch.len() > 1 => {
                self.batch_limit = batch.len() / 2;
                self.free_at = Instant::now() + self.pace.spacing;
                let detail = words::detail(&self.target, batch, answer, verdict);
                self.count(batch, "retried", &detail);
            }
            Verdict::Drop | Verdict::Split => {
                self.backoff.reset();
                self.free_at = Instant::now() + self.pace.spacing;
                let detail = words::detail(&self.target, batch, answer, verdict);
                self.count(batch, "dropped", &detail);
                for notification in batch {
                    self.give_up(notification);
                }
            }
            Verdict::Retry | Verdict::Hold => {
                let limited = (answer.status == 429).then_some(self.pace.rate_limited_wait);
                let asked = answer.retry_after.or(limited);
                let result = if verdict == Verdict::Hold { "held" } else { "retried" };
                let detail = words::detail(&self.target, batch, answer, verdict);
                self.fail(batch, result, &detail, asked);
            }
        }
    }

    /// It did not work; the newest state of things is told after a pause.
    fn fail(
        &mut self,
        batch: &[Notification],
        result: &'static str,
        detail: &str,
        asked: Option<Duration>,
    ) {
        self.free_at = Instant::now() + self.backoff.next_wait(asked);
        for notification in batch {
            let fingerprint = notification.incident.fingerprint.clone();
            let failures = self.failures.entry(fingerprint).or_default();
            *failures = failures.saturating_add(1);
            if notification.reason == Reason::Opened && self.target.ignores_unknown_ends() {
                self.log.unsure(&notification.incident);
            }
        }
        self.count(batch, result, detail);
    }

    fn count(&self, batch: &[Notification], result: &'static str, detail: &str) {
        telemetry::notification_failed(&self.target.name, result, batch.len(), &detail);
    }

    /// It was told, or need not be.
    fn note(&mut self, notification: &Notification) {
        let owed =
            Owed { incident: Arc::clone(&notification.incident), reason: notification.reason };
        let fingerprint = &notification.incident.fingerprint;
        let known = match (self.log.standing(fingerprint), notification.reason) {
            (_, Reason::StillOpen) => true,
            (standing, Reason::Closed) => matches!(standing, Some(Standing::Closed { .. })),
            (_, Reason::Opened | Reason::Escalated | Reason::Grew) => false,
        };
        self.log.told(&owed, notification.now);
        if !known {
            let told = Told {
                receiver: self.target.key.clone(),
                fingerprint: fingerprint.clone(),
                open: !notification.is_end(),
                at: self.as_of,
            };
            self.unrecorded.insert(fingerprint.clone(), told);
        }
    }

    /// It was refused for good.
    fn give_up(&mut self, notification: &Notification) {
        // Of what it was told before, no more is owed than if it had been told.
        if notification.reason == Reason::Opened {
            self.log.refused(&notification.incident);
        } else {
            self.note(notification);
        }
    }

    /// Puts what was told into the journal. When that fails the memory goes on, and it is tried again later.
    async fn record(&mut self) {
        if (self.unrecorded.is_empty() && !self.unmarked) || Instant::now() < self.record_at {
            return;
        }
        let told = self.unrecorded.values().cloned().map(Record::Told);
        let place = self.place.as_deref().filter(|_| self.unmarked);
        let place = place.map(|mark| destination::record(&self.target.key, mark));
        let records = place.into_iter().chain(told).collect();
        let delivery = Delivery { events: Vec::new(), records };
        let problem = match timeout(RECORD_TIMEOUT, self.inlet.deliver(delivery)).await {
            Ok(Ok(_)) => {
                self.unrecorded.clear();
                self.unmarked = false;
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("the journal took longer than {} s", RECORD_TIMEOUT.as_secs()),
        };
        self.record_at = Instant::now() + RECORD_PAUSE;
        telemetry::notification_unrecorded(&self.target.name, &problem);
    }
}
