//! From evidence to incidents: takes what the detection found, and tells it.

use std::collections::BTreeMap;

use super::alert::Key;
use super::apart::{akin, stands_out};
use super::calendar::Place;
use super::detect::{
    Alarm, Change, Kin, Kind, LATE_SECONDS, Numbers, Outbreak, Signal, Step, What,
};
use super::memory::Memory;
use super::rule::Phase;
use super::ticket::SLOW_BURN;
use super::{Engine, worse};
use crate::event::Timestamp;
use crate::signal::Severity;

/// How often the words of an incident that goes on are renewed.
pub(super) const RENEW_SECONDS: i64 = 10;

/// What was found late goes on still if somebody suffered from it within this time.
pub(super) const STILL_SECONDS: u32 = 1_800;

/// The alert for silence.
pub(super) const DROUGHT: &str = "SsoSuccessDrought";

/// Alerts that the detection raises.
pub(super) const ALERTNAMES: [&str; 9] = [
    "SsoConnectionFailing",
    "SsoConnectionTimingOut",
    "SsoProviderFailing",
    "SsoFleetFailing",
    "SsoFleetTimingOut",
    "SsoLatencyHigh",
    DROUGHT,
    SLOW_BURN,
    worse::ALERTNAME,
];

impl Engine {
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
                    let told = self.memory.outbreaks.tell_silence();
                    for (place, kind) in self.memory.detection.start_afresh(&explained, told) {
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
        let leads = self.memory.outbreaks.iter().map(|outbreak| outbreak.lead);
        let told = leads.filter_map(|lead| {
            let incident = self.memory.alerts.incident(&self.key(lead))?;
            Some((lead, second_of(incident.fired_at?)))
        });
        let told: BTreeMap<Alarm, u32> = told.collect();
        let Memory { outbreaks, detection, connections, providers, .. } = &mut self.memory;
        if outbreaks.explain_silence(change.signal, |places| detection.share_of_all(places)) {
            return self.memory.held.push(change);
        }
        let is_akin = |place: Place, other: u32| {
            let whose = match place {
                Place::Connection(index) => {
                    let one = &connections[index as usize];
                    (one.provider, &one.tally)
                }
                Place::Provider(index) => (index, &providers[index as usize].tally),
                Place::Fleet => return false,
            };
            akin(change.signal, whose, &connections[other as usize])
        };
        let kin = Kin {
            provider_of: &|index| connections[index as usize].provider,
            akin: &|one, other| is_akin(Place::Connection(one), other),
            like_most: &|lead| {
                let alike = carriers.iter().filter(|(index, _)| is_akin(lead, *index)).count();
                alike * 2 > carriers.len()
            },
            told_at: &|lead| told.get(&lead).copied(),
            stands_out: &|alarm, wide| stands_out(detection, connections, alarm, wide),
        };
        let (step, absorbed) = outbreaks.raised(&change, numbers.since, alone, kin);
        self.memory.note_flares();
        // What tells of it from now on.
        let alarm = (change.place, change.signal);
        let (place, signal) = self.memory.outbreaks.holding(alarm).unwrap_or(alarm);
        let wider = alertname(place, signal);
        for lead in absorbed {
            let key = self.key(lead);
            self.memory.alerts.join(&key, wider, self.memory.now);
        }
        if change.signal != Signal::Stream(Kind::Slow) {
            // The page says more than the ticket.
            if let Some(key) = self.ticket_key(change) {
                self.memory.alerts.join(&key, wider, self.memory.now);
            }
        }
        match step {
            Step::Began(index) => self.tell(&self.memory.outbreaks.get(index).clone()),
            Step::Grew(index, before) => {
                self.rename(before, &self.memory.outbreaks.get(index).clone());
            }
            Step::Outgrew(index, before) => {
                // Who was woken for one customer long ago has to hear of all.
                let key = self.key(before);
                self.memory.alerts.join(&key, wider, self.memory.now);
                self.tell(&self.memory.outbreaks.get(index).clone());
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

    pub(super) fn key(&self, (place, signal): (Place, Signal)) -> Key {
        Key { alertname: alertname(place, signal).into(), scope: self.scope(place) }
    }
}

/// The name of the alert that an alarm raises.
pub(super) fn alertname(place: Place, signal: Signal) -> &'static str {
    match (place, kind_of(signal)) {
        (_, None) => DROUGHT,
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

/// Seconds since the epoch, as the detection counts them.
pub(super) fn second_of(at: Timestamp) -> u32 {
    u32::try_from(at.seconds()).unwrap_or(if at.seconds() < 0 { 0 } else { u32::MAX })
}
