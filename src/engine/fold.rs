//! Entries and time: how each changes the memory.

use std::sync::Arc;

use super::Engine;
use super::calendar::Place;
use super::detect::{Arrival, Kind, Trial};
use super::hanging::Waiting;
use super::memory::Memory;
use super::page::{RENEW_SECONDS, second_of};
use super::people::Trouble;
use super::session::{Ended, Sessions, Started};
use crate::event::edge::EdgeTally;
use crate::event::{
    AuthEvent, Body, CertificateNotice, ConnectionInfo, Entry, EventId, Record, SessionId, Source,
    Sso, Step, Timestamp, UserKey, fingerprint,
};
use crate::signal::{Certificate, Counts};

/// How often certificates are looked at, which change by the day, and old incidents forgotten.
const HOUSEKEEPING_SECONDS: i64 = 60;

/// The class of failures by which the user, or the identity provider on their behalf, said no.
const DENIED: &str = "denied";

/// How late the end of a sign-in may come after its start came late: polling and retries take seconds.
const LAG_MILLIS_MAX: i64 = 60_000;

impl Engine {
    /// Folds one entry, after moving time to its `received_at`. An event that is known changes nothing but the count of
    /// duplicates.
    pub fn apply(&mut self, entry: &Entry) {
        if entry.record == Record::Resumed {
            self.resume(entry.received_at);
        }
        self.advance(entry.received_at);
        self.memory.entries += 1;
        match &entry.record {
            Record::Event { source, event } => self.event(*source, event),
            Record::Refused { source, duplicates, rejected } => {
                let tally = self.memory.sources.entry(*source).or_default();
                tally.duplicates += duplicates;
                for (reason, count) in rejected {
                    *tally.rejected.entry(*reason).or_default() += count;
                }
                if let Some(window) = self.memory.closing.now(self.memory.now) {
                    window.source(*source).refuse(*duplicates, rejected);
                }
                if *source == Source::WorkosWebhook {
                    self.webhook_refused(rejected.iter().map(|(_, count)| count).sum());
                    if *duplicates > 0 {
                        self.webhook_brought(&[]);
                    }
                }
            }
            Record::Directory(infos) => {
                for info in infos {
                    self.learn(info, entry.received_at);
                }
            }
            Record::Planned(planned) => {
                self.memory.announced.announce(planned, entry.received_at);
            }
            Record::SinkHealth { sink, trouble } => {
                self.sink_health(sink, trouble.as_deref());
            }
            Record::Sent { sink, mark } => {
                let until = i64::try_from(*mark).unwrap_or(i64::MAX);
                self.memory.closing.take(sink, until, &self.config.window_sinks);
            }
            Record::Told(told) => self.memory.alerts.told(told),
            Record::Silenced(silence) => self.memory.alerts.silence(silence, entry.received_at),
            Record::Marked(marker) => {
                if marker.expected {
                    self.memory.announced.announce(&marker.work, entry.received_at);
                }
                self.memory.alerts.mark(marker, entry.received_at);
            }
            Record::Cursor { .. } | Record::CaughtUp { .. } | Record::Resumed | Record::Reached => {
            }
            Record::Edge(tally) => self.edge(tally),
            Record::SourceHealth { source, trouble } => {
                self.source_health(*source, trouble.as_ref());
            }
            Record::Brought(keys) => self.webhook_brought(keys),
            Record::Novel(novelties) => self.novel(novelties),
        }
    }

    /// Nobody listened until `now`. What did not arrive says nothing, and neither do sign-ins whose ends were not heard. Time
    /// moves there.
    pub(crate) fn resume(&mut self, now: Timestamp) {
        self.memory.hanging.clear();
        self.memory.delivery.resume();
        self.memory.detection.resume(second_of(now));
        self.unheard_until = Some(now);
        self.advance(now);
        self.unheard_until = None;
    }

    /// Moves time to `now`, a second at a time where something may happen and at once where nothing can.
    pub fn advance(&mut self, now: Timestamp) {
        if self.memory.now == Timestamp::default() {
            self.memory.now = now;
            self.begin();
        }
        if self.memory.now < now && self.memory.now.seconds() == now.seconds() {
            // Nothing happens by itself within a second, and most entries come within one.
            self.memory.now = now;
            return;
        }
        while self.memory.now < now {
            let second = self.memory.now.seconds();
            let next = self.next_second(second).min(now.seconds());
            if next <= second {
                self.memory.now = now;
                return;
            }
            self.memory.now = Timestamp::from_millis(next * 1000);
            self.step(next);
        }
    }

    /// The next second at which something may happen by itself.
    fn next_second(&self, second: i64) -> i64 {
        if self.stirred {
            return second + 1;
        }
        let at = |moment: Timestamp| moment.plus_millis(999).seconds();
        let next = [
            self.memory.calendar.next_second(),
            self.memory.sessions.next_deadline().map(at),
            self.memory.closing.next_second(),
            self.next_look_at_hanging().map(at),
            self.next_look_at_flows(),
            self.next_ticket(),
            self.memory.edge.next_second(&self.config.edge),
            self.memory.alerts.next_deadline().map(at),
            self.memory.delivery.next_deadline().map(at),
            self.next_renewal(second),
            Some((second.div_euclid(HOUSEKEEPING_SECONDS) + 1) * HOUSEKEEPING_SECONDS),
        ];
        next.into_iter().flatten().min().unwrap_or(i64::MAX).max(second + 1)
    }

    /// When the words of what goes on are renewed, however little else is due: also by an engine that was not loaded just now.
    fn next_renewal(&self, second: i64) -> Option<i64> {
        let goes_on = self.memory.outbreaks.iter().next().is_some()
            || !self.memory.edge.troubled().is_empty();
        goes_on.then_some((second.div_euclid(RENEW_SECONDS) + 1) * RENEW_SECONDS)
    }

    fn step(&mut self, second: i64) {
        let now = self.memory.now;
        while let Some(connection) = self.memory.sessions.next_stalled(now) {
            self.stalled(connection);
        }
        self.look_at_hanging();
        for place in self.memory.calendar.due(second) {
            if self.memory.expire(place) {
                self.mark(place);
            }
        }
        let Memory { closing, connections, .. } = &mut self.memory;
        closing.advance(now, connections, &self.config.window_sinks);
        self.memory.edge.advance(now, &self.config.edge);
        self.look_at_limits();
        self.look_at_tiers();
        self.look_at_sources();
        if second % HOUSEKEEPING_SECONDS == 0 {
            self.look_at_certificates();
            self.look_at_drift();
            self.memory.alerts.forget(now, self.config.incident_retention);
        }
        self.look_at_evidence();
        self.look();
    }

    /// Notes that a scope's numbers have changed: its view is out of date, and rules must look at it.
    fn mark(&mut self, place: Place) {
        self.stirred = true;
        if !self.config.rules.is_empty() {
            self.dirty.insert(place);
        }
        if let Place::Connection(index) = place {
            self.stale.mark(index);
        }
    }

    fn event(&mut self, source: Source, event: &AuthEvent) {
        let now = self.memory.now;
        let fresh = self.memory.dedup.remember(&event.id, now);
        let tally = self.memory.sources.entry(source).or_default();
        let window = self.memory.closing.now(now).map(|window| window.source(source));
        if !fresh {
            tally.duplicates += 1;
            if let Some(window) = window {
                window.duplicates += 1;
            }
            return;
        }
        tally.received += 1;
        if let Some(window) = window {
            window.received += 1;
        }
        tally.last_event_at = tally.last_event_at.max(Some(event.at));
        tally.lag_millis = Some(u64::try_from(now.millis_since(event.at)).unwrap_or(0));
        self.memory.event_type(&event.name, event.at);
        self.memory.drift.heard(event.at);
        if !event.novel.is_empty() {
            self.novel(&event.novelties());
        }
        self.came(source, event);
        let on_time = match &event.body {
            Body::Sso(sso) => self.sign_in(sso, &event.id, event.at),
            Body::Connection(info) => {
                self.learn(info, event.at);
                true
            }
            Body::Certificate(notice) => {
                self.certificate(notice, event.at);
                true
            }
            Body::Authentication(_) | Body::Other => true,
        };
        if !on_time {
            self.memory.sources.entry(source).or_default().late += 1;
            if let Some(window) = self.memory.closing.now(now) {
                window.source(source).late += 1;
            }
        }
    }

    /// Counts a second of access logs.
    fn edge(&mut self, tally: &EdgeTally) {
        let now = self.memory.now;
        let late = self.memory.edge.take(tally, now);
        // A second ends where the next one begins.
        let end = Timestamp::from_millis(tally.second.saturating_mul(1000)).plus_millis(1000);
        let source = self.memory.sources.entry(Source::Edge).or_default();
        source.received += tally.requests();
        source.late += late;
        source.last_event_at = source.last_event_at.max(Some(end.min(now)));
        source.lag_millis = Some(u64::try_from(now.millis_since(end)).unwrap_or(0));
        if let Some(window) = self.memory.closing.now(now) {
            let window = window.source(Source::Edge);
            window.received += tally.requests();
            window.late += late;
        }
    }

    /// Counts a step of a sign-in; `false` when every window has passed it. Tests say nothing about customers and count only
    /// as events.
    fn sign_in(&mut self, sso: &Sso, id: &EventId, at: Timestamp) -> bool {
        let now = self.memory.now;
        let index = self.memory.connection(sso.connection_id.as_ref());
        let judged = self.judged_on(sso, index);
        let (telling, provider) =
            (self.telling(judged), self.memory.connections[judged as usize].provider);
        self.stale.mark(index);
        let connection = &mut self.memory.connections[index as usize];
        if sso.test || connection.is_test() {
            return true;
        }
        self.memory.detection.heard(second_of(at), second_of(now));
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
                let timeout = self.config.session_timeout;
                match self.memory.sessions.start(session, index, at, now, timeout) {
                    Started::InProgress { evicted } => {
                        self.wait_for_end(session, &trial, at);
                        self.in_progress(index, 1);
                        if let Some(evicted) = evicted {
                            self.stalled(evicted);
                        }
                    }
                    Started::Over { millis } => {
                        self.wait_for_end(session, &trial, at);
                        if let Some(millis) = millis {
                            self.observe(index, at, millis);
                        }
                    }
                    Started::Repeated => {}
                }
            } else {
                let measured = sso.step != Step::TimedOut;
                let Ended { closes, millis } = self.memory.sessions.end(session, at, measured, now);
                if let Some(connection) = closes {
                    self.in_progress(connection, -1);
                }
                if let Some(millis) = millis {
                    if sso.step == Step::Succeeded {
                        self.judge_duration(&trial, millis);
                    }
                    // A failure may not name the connection that its start named.
                    let named = sso.connection_id.as_ref().map(|_| index);
                    self.observe(named.or(closes).unwrap_or(index), at, millis);
                }
            }
        }
        on_time
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
            Step::Started => self.arrived(Arrival::Start, at),
            Step::TimedOut => {}
            Step::Succeeded => {
                self.arrived(Arrival::Success, at);
                self.judge(trial);
                self.judge(&Trial { kind: Kind::Denied, ..*trial });
            }
            Step::Failed if cause == Some(DENIED) => {
                self.judge(&Trial { kind: Kind::Denied, bad: true, ..*trial });
            }
            Step::Failed => self.judge(&Trial { bad: true, code: code.or(Some("")), ..*trial }),
        }
    }

    /// A sign-in was started: it is looked at when it should have ended. Ends come as late as other events do.
    fn wait_for_end(&mut self, session: &SessionId, trial: &Trial<'_>, at: Timestamp) {
        let Some(config) = &self.config.detection else { return };
        let lag = self.memory.now.millis_since(at).clamp(0, LAG_MILLIS_MAX);
        self.memory.hanging.push(Waiting {
            due: at.plus_millis(config.hanging_after.millis() + lag),
            session: Sessions::key(session),
            connection: trial.connection,
            person: self.memory.detection.who_waits(trial),
        });
        if !self.memory.detection.is_live() {
            self.look_at_hanging();
        }
    }

    /// When the next sign-in should have ended, while the present is looked at and ends can be heard.
    fn next_look_at_hanging(&self) -> Option<Timestamp> {
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

    fn stalled(&mut self, index: u32) {
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

    /// Takes over what was so `at` that time. What happens on a connection counts for the type that it has then; sign-ins in
    /// progress move with it.
    fn learn(&mut self, info: &ConnectionInfo, at: Timestamp) {
        let index = self.memory.connection(Some(&info.id));
        let connection = &mut self.memory.connections[index as usize];
        connection.learn(info, at);
        let connection_type =
            connection.info.as_ref().and_then(|info| info.connection_type.clone());
        let provider = self.memory.provider(connection_type.as_deref().unwrap_or("unknown"));
        let connection = &mut self.memory.connections[index as usize];
        let before = std::mem::replace(&mut connection.provider, provider);
        let moving = connection.tally.in_progress;
        self.memory.providers[before as usize].tally.in_progress -= moving;
        self.memory.providers[provider as usize].tally.in_progress += moving;
        self.stale.mark(index);
    }

    fn certificate(&mut self, notice: &CertificateNotice, at: Timestamp) {
        let index = self.memory.connection(Some(&notice.connection_id));
        let connection = &mut self.memory.connections[index as usize];
        let news = Certificate { expires_at: notice.expires_at, known_at: at };
        let known = connection.certificates.get(&notice.certificate_type);
        if known.is_none_or(|known| known.known_at <= at) {
            connection.certificates.insert(notice.certificate_type.clone(), news);
            self.memory.certified.insert(index);
        }
        self.stale.mark(index);
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
