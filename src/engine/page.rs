//! From evidence to incidents: feeds sign-ins to the detection and says in words what it found.

use std::collections::BTreeMap;

use super::alert::{Finding, Key};
use super::apart::{akin, has_cause_of, stands_out};
use super::calendar::Place;
use super::detect::{
    Alarm, Arrival, Change, Kin, Kind, LATE_SECONDS, Numbers, OWN_NATS, Outbreak, Signal, Step,
    Trial, What, is_shared,
};
use super::memory::Memory;
use super::place::CONNECTIONS_MAX;
use super::rule::Phase;
use super::watch::labels;
use super::worst::Worst;
use super::{Engine, words, worse};
use crate::event::{ConnectionId, Timestamp};
use crate::signal::{Evidence, Severity};

/// How often the words of an incident that goes on are renewed.
pub(super) const RENEW_SECONDS: i64 = 10;

/// How long the evidence for a ticket must last: nobody hurries to it, and what becomes a page meanwhile needs none.
const TICKET_WAIT_SECONDS: u32 = 60;

/// What was found late goes on still if somebody suffered from it within this time.
pub(super) const STILL_SECONDS: u32 = 1_800;

/// The ticket for a rise that is real but too small, or too narrow, to page.
pub(super) const SLOW_BURN: &str = "SsoSlowBurn";

/// Alerts that the detection raises.
pub(super) const ALERTNAMES: [&str; 9] = [
    "SsoConnectionFailing",
    "SsoConnectionTimingOut",
    "SsoProviderFailing",
    "SsoFleetFailing",
    "SsoFleetTimingOut",
    "SsoLatencyHigh",
    "SsoSuccessDrought",
    SLOW_BURN,
    worse::ALERTNAME,
];

impl Engine {
    /// Judges an attempt.
    pub(super) fn judge(&mut self, trial: &Trial<'_>) {
        let Some(config) = &self.config.detection else { return };
        self.memory.detection.take(trial, second_of(self.memory.now), config);
    }

    /// Judges the duration of a success.
    pub(super) fn judge_duration(&mut self, trial: &Trial<'_>, millis: u64) {
        let Some(config) = &self.config.detection else { return };
        self.memory.detection.duration(trial, millis, second_of(self.memory.now), config);
    }

    /// A start or a success came.
    pub(super) fn arrived(&mut self, arrival: Arrival, at: Timestamp) {
        let Some(config) = &self.config.detection else { return };
        let now = second_of(self.memory.now);
        self.memory.detection.arrived(arrival, second_of(at), now, config);
    }

    /// When silence is looked at next.
    pub(super) fn next_look_at_flows(&self) -> Option<i64> {
        let live =
            self.memory.detection.is_live() && !self.is_deaf() && self.config.detection.is_some();
        self.memory.detection.next_look_at_flows().filter(|_| live).map(i64::from)
    }

    /// When a ticket that waits is due.
    pub(super) fn next_ticket(&self) -> Option<i64> {
        let due = |change: &Change| i64::from(change.second.saturating_add(TICKET_WAIT_SECONDS));
        let due = self.memory.tickets.iter().map(due);
        due.filter(|due| *due > self.memory.now.seconds()).min()
    }

    /// Looks at sign-ins that should have ended by now.
    pub(super) fn look_at_hanging(&mut self) {
        let Some(config) = self.config.detection.as_ref().filter(|_| !self.is_deaf()) else {
            return;
        };
        let after = config.hanging_after.millis();
        let time = self.memory.detection.time(second_of(self.memory.now));
        let limit = Timestamp::from_millis(i64::from(time) * 1000 + 999).min(self.memory.now);
        while let Some(waiting) = self.memory.hanging.pop(limit) {
            let Some(bad) = self.memory.sessions.hangs(waiting.session, after) else { continue };
            let provider = self.memory.connections[waiting.connection as usize].provider;
            let trial = Trial {
                second: second_of(waiting.due),
                kind: Kind::Hanging,
                bad,
                connection: waiting.connection,
                provider,
                person: waiting.person,
                known: true,
                address: None,
                code: None,
                telling: self.telling(waiting.connection),
            };
            self.judge(&trial);
        }
    }

    /// Turns what the detection found into incidents.
    pub(super) fn look_at_evidence(&mut self) {
        let Some(config) = &self.config.detection else { return };
        let quiet = u32::try_from(config.keep_firing_for.seconds()).unwrap_or(u32::MAX);
        let now = second_of(self.memory.now);
        if self.memory.detection.is_live() && !self.is_deaf() {
            self.memory.detection.look_at_flows(now, config);
        }
        for change in std::mem::take(&mut self.memory.held) {
            self.raised(change, now, false);
        }
        for change in self.memory.detection.changes() {
            self.take_change(change, now);
        }
        for outbreak in self.ended(now, quiet) {
            self.memory.detection.forget(&outbreak.places);
            self.note_end(outbreak.lead);
            let key = self.key(outbreak.lead);
            self.memory.alerts.end(&key, self.memory.now);
            for (place, signal) in outbreak.left() {
                self.raised(Change { second: now, place, signal, what: What::Raised }, now, true);
            }
        }
        for change in std::mem::take(&mut self.memory.tickets) {
            self.ticket(change);
        }
        if i64::from(now) % RENEW_SECONDS == 0 {
            self.own(now);
            self.split(now);
            self.memory.note_flares();
            self.renew();
            self.tell_worse();
        }
        self.memory.know_told();
    }

    /// Outbreaks that are over.
    fn ended(&mut self, now: u32, quiet: u32) -> Vec<Outbreak> {
        let Some(config) = &self.config.detection else { return Vec::new() };
        let Memory { outbreaks, detection, .. } = &mut self.memory;
        outbreaks.ended(now, quiet, |lead| detection.is_uneasy(lead, config))
    }

    fn take_change(&mut self, change: Change, now: u32) {
        // One customer's slow sign-ins get nobody up.
        let slow = change.signal == Signal::Stream(Kind::Slow);
        let ticket_at_most = slow && matches!(change.place, Place::Connection(_));
        match change.what {
            What::Raised | What::Ticket if ticket_at_most => self.ticket(change),
            What::Over if ticket_at_most => self.end_ticket(change),
            What::Raised => self.raised(change, now, false),
            What::Over => {
                if let Some(explained) = self.memory.outbreaks.over(&change) {
                    for (place, kind) in self.memory.detection.start_afresh(&explained) {
                        let signal = Signal::Stream(kind);
                        self.end_ticket(Change { place, signal, what: What::TicketOver, ..change });
                    }
                }
                if let Some(lead) = self.memory.outbreaks.lead_at((change.place, change.signal)) {
                    self.note_end(lead);
                }
            }
            What::Ticket => self.ticket(change),
            What::TicketOver => self.end_ticket(change),
        }
    }

    /// Notes with the incident that `lead` gives its name when its trouble is believed to have ended. The alarm of a
    /// connection with few sign-ins may keep it open for hours; then the counts of the last hour show no end any more, and what
    /// they showed when the lead's own alarm was over stays.
    fn note_end(&mut self, lead: (Place, Signal)) {
        let key = self.key(lead);
        let known = self.memory.alerts.incident(&key).and_then(|incident| incident.course.ended_at);
        let ended_at = self.end_of(&key, lead).max(known);
        self.memory.alerts.ended(&key, ended_at);
    }

    fn end_ticket(&mut self, change: Change) {
        if let Some(key) = self.ticket_key(change) {
            self.memory.alerts.end(&key, self.memory.now);
        }
    }

    /// `alone`: no wider alarm explains it.
    pub(super) fn raised(&mut self, change: Change, now: u32, alone: bool) {
        let held = self.key((change.place, change.signal));
        if !self.memory.detection.is_up(change.place, change.signal) {
            return self.memory.alerts.settle(&held, self.memory.now);
        }
        let Some(numbers) = self.memory.detection.numbers(change.place, change.signal) else {
            return;
        };
        // Nobody is paged for what was over before it was known; what still goes on when the present is reached is news. Nor is
        // anybody for what was announced, while its window lasts.
        let late = now.saturating_sub(change.second) > LATE_SECONDS
            && now.saturating_sub(numbers.last_bad) > STILL_SECONDS;
        let carriers = self.memory.detection.carriers(change.place, change.signal, numbers.since);
        if late || self.is_expected(change.place, &carriers) {
            return self.hold(change, held, &numbers);
        }
        let change = Change { second: now, ..change };
        let Memory { outbreaks, detection, connections, providers, .. } = &mut self.memory;
        if outbreaks.explain_silence(change.signal, |places| detection.share_of_all(places)) {
            return self.memory.held.push(change);
        }
        let kin = Kin {
            provider_of: &|index| connections[index as usize].provider,
            akin: &|one, other| {
                let [one, other] = [one, other].map(|index| &connections[index as usize]);
                akin(change.signal, one, other)
            },
            like_most: &|lead| {
                let like = |index: u32| {
                    let one = &connections[index as usize];
                    match lead {
                        Place::Connection(lead) => {
                            akin(change.signal, &connections[lead as usize], one)
                        }
                        Place::Provider(lead) => has_cause_of(&providers[lead as usize].tally, one),
                        Place::Fleet => false,
                    }
                };
                let alike = carriers.iter().filter(|(index, _)| like(*index)).count();
                alike * 2 > carriers.len()
            },
            stands_out: &|alarm, wide| stands_out(detection, connections, alarm, wide),
        };
        let (step, absorbed) = outbreaks.raised(&change, numbers.since, alone, kin);
        self.memory.note_flares();
        for lead in absorbed {
            let key = self.key(lead);
            self.memory.alerts.end(&key, self.memory.now);
        }
        if change.signal != Signal::Stream(Kind::Slow) {
            // The page says more than the ticket.
            self.end_ticket(change);
        }
        match step {
            Step::Began(index) => self.tell(&self.memory.outbreaks.get(index).clone()),
            Step::Grew(index, before) => {
                self.rename(before, &self.memory.outbreaks.get(index).clone());
            }
            Step::Joined => {
                self.memory.alerts.settle(&held, self.memory.now);
                // What flares up again has not ended.
                if let Some(lead) = self.memory.outbreaks.lead_at((change.place, change.signal)) {
                    let key = self.key(lead);
                    self.memory.alerts.ended(&key, None);
                }
            }
        }
    }

    /// The incident of an outbreak that had another lead `before` goes on under that of the one that it has now.
    pub(super) fn rename(&mut self, before: Alarm, outbreak: &Outbreak) {
        if let Some(finding) = self.explain(outbreak) {
            let (before, after) = (self.key(before), self.key(outbreak.lead));
            self.memory.alerts.grow(&before, after, finding, self.memory.now);
        }
    }

    /// Keeps an alarm for which nobody is paged, in the record and to be looked at again.
    fn hold(&mut self, change: Change, key: Key, numbers: &Numbers) {
        self.memory.held.push(change);
        if matches!(self.memory.alerts.phase(&key), Phase::Inactive) {
            let (place, signal) = (change.place, change.signal);
            let finding = self.finding_of(place, signal, numbers, &key, Severity::Page);
            let phase = Phase::Pending { since: self.memory.now };
            self.memory.alerts.move_to(key, phase, None, Some(finding), self.memory.now);
        }
    }

    /// When failures are believed to have become usual again: the minute up to which those since the beginning exceed what
    /// lies halfway between usual and bad by most. `None` for what the counts of an hour cannot show.
    fn end_of(&self, key: &Key, (place, signal): (Place, Signal)) -> Option<Timestamp> {
        if !matches!(kind_of(signal), Some(Kind::Failing | Kind::Denied)) {
            return None;
        }
        let incident = self.memory.alerts.incident(key)?;
        let (usual, bad) = (incident.evidence.usual?, incident.evidence.value?);
        let began = incident.started_at.seconds().div_euclid(60) * 60;
        let (mut sum, mut most, mut end) = (0.0, 0.0, None);
        let minutes = self.memory.tally(place).windows[1].minutes();
        for minute in minutes.filter(|minute| minute.start_seconds >= began) {
            sum += f64::from(minute.failed) - f64::midpoint(usual, bad) * f64::from(minute.ended);
            if sum > most {
                most = sum;
                end = Some(Timestamp::from_millis((minute.start_seconds + 60) * 1000));
            }
        }
        end.map(|end| end.min(self.memory.now))
    }

    /// Renews the words of every outbreak.
    fn renew(&mut self) {
        let outbreaks: Vec<Outbreak> = self.memory.outbreaks.iter().cloned().collect();
        for outbreak in outbreaks {
            self.tell(&outbreak);
        }
    }

    fn tell(&mut self, outbreak: &Outbreak) {
        let key = self.key(outbreak.lead);
        // Also while the alarm is over: it may be raised again.
        self.memory.settle_causes(&key, outbreak.lead.0);
        let Some(finding) = self.explain(outbreak) else { return };
        let phase = Phase::Firing { clear_since: None };
        self.memory.alerts.move_to(key, phase, None, Some(finding), self.memory.now);
    }

    fn ticket(&mut self, change: Change) {
        let Some(key) = self.ticket_key(change) else { return };
        if !self.memory.detection.has_ticket(change.place, change.signal) {
            return;
        }
        let provider_of = |index: u32| self.memory.connections[index as usize].provider;
        let waited = second_of(self.memory.now).saturating_sub(change.second);
        let Some(numbers) = self.memory.detection.numbers(change.place, change.signal) else {
            return;
        };
        // What an incident covers is told with it; what is left when that has ended is news, and so is what of history is left when
        // the present is reached.
        let told = |place| self.memory.outbreaks.cover(place, provider_of);
        if waited < TICKET_WAIT_SECONDS
            || !self.memory.detection.is_live()
            || told(change.place)
            || !self.is_of_many(&change, numbers.since, told)
        {
            return self.wait_for(change);
        }
        let finding =
            self.finding_of(change.place, change.signal, &numbers, &key, Severity::Ticket);
        let phase = Phase::Firing { clear_since: None };
        self.memory.alerts.move_to(key, phase, None, Some(finding), self.memory.now);
    }

    /// Looks at the evidence for a ticket later.
    fn wait_for(&mut self, change: Change) {
        let same =
            |known: &&mut Change| (known.place, known.signal) == (change.place, change.signal);
        match self.memory.tickets.iter_mut().find(same) {
            Some(known) => *known = change,
            None => self.memory.tickets.push(change),
        }
    }

    /// Whether a ticket for the fleet is about more than what is `told` and than one connection, which has a ticket of its own.
    fn is_of_many(&self, change: &Change, since: u32, told: impl Fn(Place) -> bool) -> bool {
        let Some(config) = &self.config.detection else { return false };
        let Memory { detection, .. } = &self.memory;
        let told = |index: u32| told(Place::Connection(index));
        let mut carriers = detection.carriers(change.place, change.signal, since);
        carriers.retain(|(index, _)| !told(*index));
        let kind = kind_of(change.signal).filter(|_| change.place == Place::Fleet);
        kind.is_none_or(|kind| {
            is_shared(&carriers, config) && detection.rest_nats(kind, since, told) >= OWN_NATS
        })
    }

    /// The key of the ticket for a change; providers have none.
    fn ticket_key(&self, change: Change) -> Option<Key> {
        let alertname = match change.signal {
            Signal::Stream(Kind::Slow) => "SsoLatencyHigh",
            Signal::Stream(Kind::Failing | Kind::Hanging | Kind::Denied) => SLOW_BURN,
            Signal::Code(_) | Signal::Drought(_) => return None,
        };
        match change.place {
            Place::Provider(_) => None,
            Place::Connection(_) | Place::Fleet => {
                Some(Key { alertname: alertname.into(), scope: self.scope(change.place) })
            }
        }
    }

    fn key(&self, (place, signal): (Place, Signal)) -> Key {
        Key { alertname: alertname(place, signal).into(), scope: self.scope(place) }
    }

    /// What an outbreak says now; `None` when its widest alarm is over.
    fn explain(&self, outbreak: &Outbreak) -> Option<Finding> {
        let (place, signal) = outbreak.lead;
        if !self.memory.detection.is_up(place, signal) {
            return None;
        }
        let mut numbers = self.memory.detection.numbers(place, signal)?;
        let key = self.key(outbreak.lead);
        // Each silence has numbers of its own.
        let again = outbreak.flares.again().filter(|_| !matches!(signal, Signal::Drought(_)));
        if again.is_some() {
            numbers = outbreak.flares.whole(&numbers);
        }
        let mut finding = self.finding_of(place, signal, &numbers, &key, Severity::Page);
        if let Some((times, since)) = again {
            let since = Timestamp::from_millis(i64::from(since) * 1000);
            words::again(&mut finding.summary, times, &words::clock(since, self.memory.now));
        }
        if matches!(place, Place::Connection(_)) {
            let others = outbreak.places.iter().filter(|other| **other != place);
            let named: Vec<String> =
                others.take(words::OTHERS_MAX).map(|other| self.who(*other)).collect();
            words::others(&mut finding.summary, &named, outbreak.places.len().saturating_sub(1));
        }
        Some(finding)
    }

    fn finding_of(
        &self,
        place: Place,
        signal: Signal,
        numbers: &Numbers,
        key: &Key,
        severity: Severity,
    ) -> Finding {
        let known = self.memory.alerts.started_at(key);
        let started_at = known.unwrap_or_else(|| self.began(signal, numbers));
        let connection = match place {
            Place::Connection(index) => Some(&self.memory.connections[index as usize]),
            Place::Provider(_) | Place::Fleet => None,
        };
        let carriers = self.memory.detection.carriers(place, signal, numbers.since);
        let evidence = self.proof((place, signal), numbers, &carriers, key, started_at);
        let code = numbers.code.as_deref();
        let part = code.is_some() && matches!(place, Place::Provider(_));
        let counted = (code, if part { "the fleet's " } else { "" });
        let named =
            self.named(place, carriers.iter().map(|(index, bad)| (*index, u64::from(*bad))));
        let mut description = words::proof(&evidence, &named, numbers.code.as_deref());
        if matches!(signal, Signal::Drought(_)) {
            description.push_str(self.witness());
        }
        let now = self.memory.now;
        words::together(&mut description, &self.together(started_at, key), now);
        // Each silence of an incident has numbers of its own.
        let dry = matches!(signal, Signal::Drought(_));
        let since = if dry { self.began(signal, numbers) } else { started_at };
        let mut summary = words::found(signal, &self.who(place), &evidence, counted, (since, now));
        let reach = self.reach(place, carriers.iter().map(|(index, _)| *index));
        if connection.is_none() && kind_of(signal).is_some() {
            words::hit(&mut summary, reach.connections);
        }
        Finding {
            severity,
            labels: labels(key, severity, &BTreeMap::new(), connection),
            started_at,
            summary,
            description,
            evidence,
            reach,
            // Who failed tries again, and fails again: people are counted, not tries.
            worst: kind_of(signal).map_or(Worst::Unknown, |_| Worst::Among {
                since: Timestamp::from_millis(i64::from(numbers.since) * 1000),
                attempts: numbers.attempts.saturating_sub(numbers.repeats),
                bad: numbers.people,
            }),
        }
    }

    /// When trouble is believed to have begun. A sign-in hangs from its start on, which is judged when its end is due.
    fn began(&self, signal: Signal, numbers: &Numbers) -> Timestamp {
        let millis = i64::from(numbers.since) * 1000;
        let hangs = kind_of(signal) == Some(Kind::Hanging);
        let config = self.config.detection.as_ref().filter(|_| hangs);
        let before = config.map_or(0, |config| config.hanging_after.millis());
        Timestamp::from_millis(millis - before)
    }

    fn proof(
        &self,
        (place, signal): (Place, Signal),
        numbers: &Numbers,
        carriers: &[(u32, u32)],
        key: &Key,
        started_at: Timestamp,
    ) -> Evidence {
        let kind = kind_of(signal);
        let causes = if matches!(kind, Some(Kind::Failing | Kind::Denied)) {
            let settled = self.memory.alerts.causes(key).cloned().unwrap_or_default();
            settled.counted(&self.memory.tally(place).windows[1], started_at)
        } else {
            Vec::new()
        };
        let connections = carriers.iter().take(CONNECTIONS_MAX).map(|(index, bad)| {
            let id = self.memory.connections[*index as usize].id.as_ref();
            (id.map_or("unknown", ConnectionId::as_str).into(), u64::from(*bad))
        });
        Evidence {
            attempts: numbers.attempts,
            bad: numbers.bad,
            users: Some(numbers.people).filter(|people| *people > 0),
            value: kind.map(|_| ratio(numbers.bad, numbers.attempts)),
            usual: Some(numbers.usual),
            causes,
            connections: connections.collect(),
            nats: Some(numbers.nats),
            chance_days: Some(numbers.chance_days),
            ..Evidence::default()
        }
    }
}

/// The name of the alert that an alarm raises.
pub(super) fn alertname(place: Place, signal: Signal) -> &'static str {
    match (place, kind_of(signal)) {
        (_, None) => "SsoSuccessDrought",
        (_, Some(Kind::Slow)) => "SsoLatencyHigh",
        (Place::Connection(_), Some(Kind::Failing | Kind::Denied)) => "SsoConnectionFailing",
        (Place::Connection(_), Some(Kind::Hanging)) => "SsoConnectionTimingOut",
        (Place::Provider(_), Some(_)) => "SsoProviderFailing",
        (Place::Fleet, Some(Kind::Failing | Kind::Denied)) => "SsoFleetFailing",
        (Place::Fleet, Some(Kind::Hanging)) => "SsoFleetTimingOut",
    }
}

/// The stream that a signal is about; droughts are about none.
pub(super) fn kind_of(signal: Signal) -> Option<Kind> {
    match signal {
        Signal::Stream(kind) => Some(kind),
        Signal::Code(_) => Some(Kind::Failing),
        Signal::Drought(_) => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// Seconds since the epoch, as the detection counts them.
pub(super) fn second_of(at: Timestamp) -> u32 {
    u32::try_from(at.seconds()).unwrap_or(if at.seconds() < 0 { 0 } else { u32::MAX })
}
