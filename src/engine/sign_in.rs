//! A step of a sign-in: what it counts for, whom it says something of, and the session that it begins or ends.

use std::sync::Arc;

use super::Engine;
use super::calendar::Place;
use super::detect::{Arrival, Kind, LATE_SECONDS, Trial};
use super::hanging::Waiting;
use super::page::second_of;
use super::people::Trouble;
use super::session::{Ended, Sessions, Started};
use crate::event::{EventId, SessionId, Source, Sso, Step, Timestamp, UserKey, fingerprint};
use crate::signal::Counts;

/// The class of failures by which the user, or the identity provider on their behalf, said no.
const DENIED: &str = "denied";

/// A webhook that comes later than this was sent again, each by a clock of its own: such are in no order.
const AGAIN_MILLIS: i64 = 3_600_000;

/// How late the end of a sign-in may come in history, which is read in its own time: polling and retries took seconds.
const LAG_MILLIS_MAX: i64 = 60_000;

impl Engine {
    /// Counts a step of a sign-in; `false` when every window has passed it. Tests say nothing about customers and count only
    /// as events.
    pub(super) fn sign_in(
        &mut self,
        sso: &Sso,
        id: &EventId,
        at: Timestamp,
        source: Source,
    ) -> bool {
        let now = self.memory.now;
        let index = self.memory.connection(sso.connection_id.as_ref());
        let judged = self.judged_on(sso, index);
        let (telling, provider) =
            (self.telling(judged), self.memory.connections[judged as usize].provider);
        self.stale.mark(index);
        let beside = self.is_beside(source, at);
        let connection = &mut self.memory.connections[index as usize];
        if sso.test || connection.is_test() {
            return true;
        }
        if !beside && self.memory.detection.heard(second_of(at), second_of(now)) {
            // Their ends are read only now that history is.
            self.memory.hanging.clear();
        }
        if let Some(organization) = &sso.organization_id {
            connection.learn_organization(organization);
        }
        if connection.last_event_at < Some(at) {
            connection.last_event_at = Some(at);
        }
        let mut counts = Counts::default();
        let mut cause = None;
        match sso.step {
            Step::Started => counts.started = 1,
            Step::Succeeded => counts.succeeded = 1,
            Step::Failed => {
                counts.failed = 1;
                let code = sso.error.as_ref().map_or("", |error| &error.code);
                cause = Some(self.config.causes.class(code));
            }
            Step::TimedOut => counts.timed_out = 1,
        }
        let person = person(sso, id);
        let trial = Trial {
            second: second_of(at),
            kind: Kind::Failing,
            bad: false,
            connection: judged,
            provider,
            person: person.0,
            known: sso.person.key.is_some(),
            address: address(sso),
            code: None,
            telling,
            beside,
        };
        if let Some(cause) = &cause {
            connection.fail(cause);
        }
        let trouble = match sso.step {
            Step::Failed => Some(Trouble::Failed),
            Step::TimedOut => Some(Trouble::TimedOut),
            Step::Started | Step::Succeeded => None,
        };
        if let Some(trouble) = trouble {
            connection.people.hit(trouble, person, at.min(now));
        }
        let on_time = self.count(index, at, counts, cause.as_ref());
        self.judge_step(sso, &trial, cause.as_deref(), at);
        if let Some(session) = &sso.session_id {
            if sso.step == Step::Started {
                self.session_begins(session, index, &trial, at);
            } else {
                self.session_ends(session, sso, index, &trial, at);
            }
        }
        on_time
    }

    /// A session's start came: first, or after its end.
    fn session_begins(
        &mut self,
        session: &SessionId,
        index: u32,
        trial: &Trial<'_>,
        at: Timestamp,
    ) {
        let (now, timeout) = (self.memory.now, self.config.session_timeout);
        match self.memory.sessions.start(session, index, at, now, timeout) {
            Started::InProgress { evicted } => {
                self.wait_for_end(session, trial, at);
                self.in_progress(index, 1);
                if let Some(evicted) = evicted {
                    self.stalled(evicted);
                }
            }
            Started::Over { millis } => {
                self.wait_for_end(session, trial, at);
                if let Some(millis) = millis {
                    self.observe(index, at, millis);
                }
            }
            Started::Repeated => {}
        }
    }

    /// A session's end came: first, or after its start.
    fn session_ends(
        &mut self,
        session: &SessionId,
        sso: &Sso,
        index: u32,
        trial: &Trial<'_>,
        at: Timestamp,
    ) {
        let measured = sso.step != Step::TimedOut;
        let Ended { closes, millis } =
            self.memory.sessions.end(session, at, measured, self.memory.now);
        if let Some(connection) = closes {
            self.in_progress(connection, -1);
        }
        if let Some(millis) = millis {
            if sso.step == Step::Succeeded {
                self.judge_duration(trial, millis);
            }
            // A failure may not name the connection that its start named.
            let named = sso.connection_id.as_ref().map(|_| index);
            self.observe(named.or(closes).unwrap_or(index), at, millis);
        }
    }

    /// Whether an event is history that says nothing of its time: the Events API tells all of it in order, and webhooks that are sent again
    /// hours later would make that seem read which is not, so that all whose ends come with the next pages hang.
    fn is_beside(&self, source: Source, at: Timestamp) -> bool {
        let late = self.memory.now.millis_since(at);
        let told = self.config.sources.contains(&Source::WorkosApi) || late > AGAIN_MILLIS;
        source == Source::WorkosWebhook && told && late > i64::from(LATE_SECONDS) * 1000
    }

    /// The connection that a step says something of: an end may not name the one that its start named.
    fn judged_on(&self, sso: &Sso, named: u32) -> u32 {
        let session = sso.session_id.as_ref().filter(|_| sso.connection_id.is_none());
        session.and_then(|session| self.memory.sessions.begun_on(session)).unwrap_or(named)
    }

    /// Judges a success or a failure: whose, why, and whether the user said no.
    fn judge_step(&mut self, sso: &Sso, trial: &Trial<'_>, cause: Option<&str>, at: Timestamp) {
        let code = sso.error.as_ref().map(|error| &*error.code);
        match sso.step {
            Step::Started if trial.beside => {}
            Step::Started => self.arrived(Arrival::Start, trial.connection, at),
            Step::TimedOut => {}
            Step::Succeeded => {
                if !trial.beside {
                    self.arrived(Arrival::Success, trial.connection, at);
                }
                self.judge(trial);
                self.judge(&Trial { kind: Kind::Denied, ..*trial });
            }
            Step::Failed if cause == Some(DENIED) => {
                self.judge(&Trial { kind: Kind::Denied, bad: true, ..*trial });
            }
            Step::Failed => self.judge(&Trial { bad: true, code: code.or(Some("")), ..*trial }),
        }
    }

    /// A sign-in was started: it is looked at when it should have ended. Ends come as late as other events do: what is read after
    /// an outage is looked at when its end should have been read, too. What is history beside the present is not looked at.
    fn wait_for_end(&mut self, session: &SessionId, trial: &Trial<'_>, at: Timestamp) {
        let Some(config) = self.config.detection.as_ref().filter(|_| !trial.beside) else { return };
        let (late, live) =
            (self.memory.now.millis_since(at).max(0), self.memory.detection.is_live());
        if live && late > i64::from(LATE_SECONDS) * 1000 {
            return;
        }
        let lag = if live { late } else { late.min(LAG_MILLIS_MAX) };
        self.memory.hanging.push(Waiting {
            due: at.plus_millis(config.hanging_after.millis() + lag),
            session: Sessions::key(session),
            connection: trial.connection,
            person: self.memory.detection.who_waits(trial),
        });
        if !live {
            self.look_at_hanging();
        }
    }

    /// When the next sign-in should have ended, while the present is looked at and ends can be heard.
    pub(super) fn next_look_at_hanging(&self) -> Option<Timestamp> {
        let live = self.memory.detection.is_live() && !self.is_deaf();
        self.memory.hanging.next_due().filter(|_| live)
    }

    /// Adds to every scope that the connection belongs to.
    fn count(
        &mut self,
        index: u32,
        at: Timestamp,
        counts: Counts,
        cause: Option<&Arc<str>>,
    ) -> bool {
        let now = self.memory.now;
        let provider = self.memory.connections[index as usize].provider;
        let mut on_time = false;
        for place in [Place::Connection(index), Place::Provider(provider), Place::Fleet] {
            on_time = self.memory.change(place, |tally| tally.record(at, now, counts, cause));
            self.mark(place);
        }
        if let Some(window) = self.memory.closing.at(at, now) {
            window.count(index, counts, cause);
        }
        on_time
    }

    pub(super) fn stalled(&mut self, index: u32) {
        self.in_progress(index, -1);
        let counts = Counts { stalled: 1, ..Counts::default() };
        self.count(index, self.memory.now, counts, None);
    }

    fn in_progress(&mut self, index: u32, change: i64) {
        let connection = &mut self.memory.connections[index as usize];
        let provider = &mut self.memory.providers[connection.provider as usize];
        for tally in [&mut connection.tally, &mut provider.tally, &mut self.memory.fleet] {
            tally.in_progress = tally.in_progress.saturating_add_signed(change);
        }
        self.stale.mark(index);
    }

    fn observe(&mut self, index: u32, at: Timestamp, millis: u64) {
        let provider = self.memory.connections[index as usize].provider;
        let provider = &mut self.memory.providers[provider as usize];
        provider.durations.observe(millis);
        if let Some(window) = self.memory.closing.at(at, self.memory.now) {
            window.observe(&provider.connection_type, millis);
        }
    }
}

/// Whose sign-in it is. A failed one often ends before anybody is known: then each session is a person of its own.
fn person(sso: &Sso, id: &EventId) -> UserKey {
    sso.person.key.unwrap_or_else(|| {
        let text = sso.session_id.as_ref().map_or(id.as_bytes(), SessionId::as_bytes);
        UserKey(fingerprint(text))
    })
}

/// Where a sign-in comes from, as far as privacy allows: address and browser.
fn address(sso: &Sso) -> Option<u64> {
    let address = sso.person.ip_address.as_ref()?;
    let browser = sso.person.user_agent.as_ref().map_or("", |agent| agent.as_str());
    Some(fingerprint(address.as_str()).wrapping_add(fingerprint(browser)))
}
