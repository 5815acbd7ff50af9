//! The loop: asks for a page, hands it over with the cursor, decides when to ask again.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::api::{Api, Outcome, Refusal};
use super::names::Names;
use super::page::{Follows, Page};
use super::place::{Place, Query};
use super::{CURSOR, Workos};
use crate::event::{AuthEvent, Record, Source, Timestamp};
use crate::journal::{Delivery, InletError, Receipt};
use crate::outbound::{Backoff, Transport};
use crate::source::health::Health;
use crate::telemetry;

/// First wait after a failure.
const BACKOFF_BASE: Duration = Duration::from_secs(1);
/// Longest wait after a failure: someone may be waiting for a page.
const BACKOFF_MAX: Duration = Duration::from_mins(1);

/// How often the log says how far a backfill is.
const PROGRESS: Duration = Duration::from_secs(10);

/// A source that had no page for this long has fallen behind, and says so when it has caught up.
const BEHIND: Duration = Duration::from_mins(5);

/// How often it is looked at how it goes, while it waits.
const HEALTH: Duration = Duration::from_secs(15);

/// Pages that are read again after an id was refused, without a pause: a minute at 160 events a
/// second.
const REREAD_PAGES_MAX: u32 = 100;

/// How long names that the API refuses are left out before they are tried again: a new version may
/// know them.
const LEFT_OUT: Duration = Duration::from_hours(24);

/// Reads events.
#[derive(Debug)]
pub(super) struct Poller<'a, T> {
    api: &'a Api<T>,
    workos: &'a Workos,
    place: Place,
    names: Names,
    /// When refused names are tried again.
    names_due: Instant,
    /// The newest time of an event so far: what does not get beyond it and brings nothing new is no
    /// progress.
    reached: Timestamp,
    /// Whether the last request with an id was answered: then the next refusal goes back a little
    /// in time. Else it does not, or the same events would be read for ever.
    overlap: bool,
    /// Pages that may bring nothing new, since an id was refused; `None` once there was something
    /// new.
    reread: Option<u32>,
    backoff: Backoff,
    behind: Behind,
    health: Health,
}

/// How the catching up goes.
#[derive(Debug)]
struct Behind {
    /// When there last was nothing more to read; `None` before the first time.
    caught_up: Option<Instant>,
    /// New events since then.
    events: u64,
    /// When the log is told next.
    tell: Instant,
}

/// What to do next.
enum Then {
    Ask,
    Wait(Duration),
    Stop,
}

impl<'a, T: Transport> Poller<'a, T> {
    /// A poller that goes on from `place`; without one it is the first start.
    pub(super) fn new(api: &'a Api<T>, workos: &'a Workos, place: Option<Place>) -> Self {
        let back = i64::try_from(workos.settings.start.as_millis()).unwrap_or(i64::MAX);
        let begin = || Place::since(workos.clock.now().plus_millis(-back));
        let now = Instant::now();
        Self {
            api,
            workos,
            reached: place.as_ref().map_or(Timestamp::default(), |place| place.at),
            place: place.unwrap_or_else(begin),
            names: Names::default(),
            names_due: now,
            overlap: true,
            reread: None,
            backoff: Backoff::new(BACKOFF_BASE, BACKOFF_MAX, None),
            behind: Behind { events: 0, caught_up: None, tell: now + PROGRESS },
            health: Health::new(),
        }
    }

    /// Reads until nobody takes deliveries any more.
    pub(super) async fn run(mut self) {
        loop {
            let then = self.turn().await;
            self.tell_health().await;
            match then {
                Then::Ask => {}
                Then::Wait(wait) => self.rest(wait).await,
                Then::Stop => return,
            }
        }
    }

    /// Waits. That it does not work is told in time, however long the wait.
    async fn rest(&mut self, wait: Duration) {
        let end = Instant::now() + wait;
        while Instant::now() < end {
            sleep_until(end.min(Instant::now() + HEALTH)).await;
            self.tell_health().await;
        }
    }

    /// Tells the engine how it goes, where that has changed. What could not be told is told next time.
    async fn tell_health(&mut self) {
        let Some(trouble) = self.health.news(self.workos.clock.now()) else { return };
        let record = Record::SourceHealth { source: Source::WorkosApi, trouble: trouble.clone() };
        let delivery = Delivery { events: Vec::new(), records: vec![record] };
        if self.workos.inlet.deliver(delivery).await.is_ok() {
            self.health.recorded(trouble.as_ref());
        }
    }

    /// One request, and what comes of it.
    async fn turn(&mut self) -> Then {
        if self.names.is_partial() && Instant::now() >= self.names_due {
            self.names = Names::default();
        }
        let query = self.place.query(self.names.joined(), self.workos.clock.now());
        let parameters = query.parameters();
        let parameters: Vec<_> =
            parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        match self.api.get("/events", &parameters).await {
            Outcome::Body(body) => {
                let text = String::from_utf8_lossy(&body);
                let now = self.workos.clock.now();
                match Page::read(&text, &self.place, &self.workos.privacy, now) {
                    Ok(page) => self.take(page, &query).await,
                    Err(problem) => self.fail("retried", &problem, None),
                }
            }
            Outcome::Refused(refusal) => self.refused(&refusal, &query),
            Outcome::Denied(problem) | Outcome::Forbidden(problem) => {
                let problem = format!("{problem}; check `sources.workos_api.api_key`");
                self.fail("held", &problem, None)
            }
            Outcome::Later(problem, asked) => self.fail("retried", &problem, asked),
        }
    }

    /// Hands a page over.
    async fn take(&mut self, page: Page, query: &Query) -> Then {
        let Page { events, rejected, next, follows } = page;
        telemetry::source_request(CURSOR, "accepted", &next);
        self.health.works();
        let receipt = match self.deliver(events, &next).await {
            Ok(receipt) => receipt,
            Err(InletError::Closed) => return Then::Stop,
            Err(error) => return self.pause(&error),
        };
        for rejection in &rejected {
            self.workos.inlet.refuse(Source::WorkosApi, rejection.reason, 1);
        }
        if let Some(first) = rejected.first() {
            telemetry::source_rejected(CURSOR, rejected.len(), first);
        }
        let progress = receipt.accepted > 0 || next.at > self.reached;
        self.reached = self.reached.max(next.at);
        self.behind.events += receipt.accepted;
        self.overlap |= query.after.is_some();
        self.place = next;
        if progress {
            self.reread = None;
        }
        match (follows, query.range_end) {
            (Follows::Page, _) if progress || self.may_reread() => {
                self.backoff.reset();
                self.tell_progress();
                Then::Ask
            }
            (Follows::Page | Follows::Unreachable, _) => {
                self.pause(&"pages bring nothing new and name more; they are asked for slowly")
            }
            (Follows::Ahead, _) => self.pause(
                &"the newest events lie ahead of this machine's clock; set the clock; they are asked for again",
            ),
            (Follows::Nothing, Some(end)) => {
                self.backoff.reset();
                self.place = Place::from_end(end);
                Then::Ask
            }
            (Follows::Nothing, None) => {
                self.backoff.reset();
                self.caught_up().await
            }
        }
    }

    /// Whether a page without anything new was to be expected.
    fn may_reread(&mut self) -> bool {
        let Some(left) = self.reread.as_mut().filter(|left| **left > 0) else { return false };
        *left -= 1;
        true
    }

    async fn deliver(&self, events: Vec<AuthEvent>, next: &Place) -> Result<Receipt, InletError> {
        let records: Vec<_> = (*next != self.place).then(|| cursor(next)).into_iter().collect();
        if events.is_empty() && records.is_empty() {
            return Ok(Receipt::default());
        }
        let events = events.into_iter().map(|event| (Source::WorkosApi, event)).collect();
        self.workos.inlet.deliver(Delivery { events, records }).await
    }

    /// There is nothing more to read for now.
    async fn caught_up(&mut self) -> Then {
        let now = Instant::now();
        let before = self.behind.caught_up.replace(now);
        let patience = BEHIND.max(self.workos.settings.poll_interval * 2);
        if before.is_none_or(|before| now.duration_since(before) > patience) {
            telemetry::source_caught_up(CURSOR, self.behind.events);
            let at = self.workos.clock.now();
            let fact = Record::CaughtUp { source: Source::WorkosApi, at };
            // The place, too: an environment without events is not read from the configured start
            // again.
            let records = vec![cursor(&self.place), fact];
            match self.workos.inlet.deliver(Delivery { events: Vec::new(), records }).await {
                Ok(_) => {}
                Err(InletError::Closed) => return Then::Stop,
                Err(error) => {
                    self.behind.caught_up = before;
                    return self.pause(&error);
                }
            }
        }
        self.behind.events = 0;
        self.behind.tell = now + PROGRESS;
        Then::Wait(self.workos.settings.poll_interval)
    }

    fn tell_progress(&mut self) {
        let now = Instant::now();
        if now >= self.behind.tell {
            self.behind.tell = now + PROGRESS;
            telemetry::source_behind(CURSOR, &self.reached, self.behind.events);
        }
    }

    /// Parameters were refused: goes on without what the refusal is about.
    fn refused(&mut self, refusal: &Refusal, query: &Query) -> Then {
        let problem = refusal.describe();
        if let Some(names) = self.names.leave_out(&refusal.words, refusal.is_about_names()) {
            telemetry::source_request(CURSOR, "refused", &problem);
            telemetry::source_without(CURSOR, &names.join(", "), &problem);
            self.names_due = Instant::now() + LEFT_OUT;
            return Then::Ask;
        }
        if query.after.is_some() {
            telemetry::source_request(CURSOR, "refused", &problem);
            self.place = self.place.without_id(self.overlap);
            self.overlap = false;
            self.reread.get_or_insert(REREAD_PAGES_MAX);
            return Then::Ask;
        }
        if query.range_end.is_some() && refusal.status != 404 {
            telemetry::source_request(CURSOR, "refused", &problem);
            telemetry::source_without(CURSOR, &"events older than 30 days", &problem);
            self.place = Place::recent(self.workos.clock.now());
            return Then::Ask;
        }
        let problem = format!("{problem}; check `sources.workos_api.base_url` and `start`");
        self.fail("refused", &problem, None)
    }

    /// A request failed.
    fn fail(&mut self, result: &'static str, problem: &str, asked: Option<Duration>) -> Then {
        telemetry::source_request(CURSOR, result, &problem);
        self.health.failed(self.workos.clock.now(), result == "held", problem);
        Then::Wait(self.backoff.next_wait(asked))
    }

    /// It is not the request that failed.
    fn pause(&mut self, problem: &dyn Display) -> Then {
        telemetry::source_trouble(CURSOR, problem);
        Then::Wait(self.backoff.next_wait(None))
    }
}

fn cursor(place: &Place) -> Record {
    Record::Cursor { key: CURSOR.into(), value: place.to_string().into() }
}

#[cfg(test)]
mod tests;
