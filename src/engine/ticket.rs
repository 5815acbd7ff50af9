//! Tickets of the detection: what is real and too small, or too narrow, to page.

use super::Engine;
use super::alert::Key;
use super::calendar::Place;
use super::detect::{Change, Kind, OWN_NATS, Signal, is_shared};
use super::memory::Memory;
use super::page::{DROUGHT, kind_of, second_of};
use super::rule::Phase;
use crate::signal::Severity;

/// How long the evidence for a ticket must last: nobody hurries to it, and what becomes a page meanwhile needs none.
const TICKET_WAIT_SECONDS: u32 = 60;

/// The ticket for a rise that is real but too small, or too narrow, to page.
pub(super) const SLOW_BURN: &str = "SsoSlowBurn";

impl Engine {
    /// When a ticket that waits is due.
    pub(super) fn next_ticket(&self) -> Option<i64> {
        let due = |change: &Change| i64::from(change.second.saturating_add(TICKET_WAIT_SECONDS));
        let due = self.memory.tickets.iter().map(due);
        due.filter(|due| *due > self.memory.now.seconds()).min()
    }

    pub(super) fn end_ticket(&mut self, change: Change) {
        if let Some(key) = self.ticket_key(change) {
            self.memory.alerts.end(&key, self.memory.now);
        }
    }

    pub(super) fn ticket(&mut self, change: Change) {
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
        // Nobody looks for customers who have left, whose work was announced, or who have an incident: whoever is back when that has
        // ended was not missing.
        let dry = matches!(change.signal, Signal::Drought(_));
        let is_explained = || self.is_expected(change.place, &[]) || !self.is_in_use(change.place);
        if dry && (told(change.place) || is_explained()) {
            return self.memory.detection.dismiss_silence(change.place);
        }
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

    /// Whether people may sign in on a connection.
    fn is_in_use(&self, place: Place) -> bool {
        let Place::Connection(index) = place else { return true };
        let connection = &self.memory.connections[index as usize];
        connection.is_alive() && !connection.is_test()
    }

    /// Looks at the evidence for a ticket later.
    pub(super) fn wait_for(&mut self, change: Change) {
        let same =
            |known: &&mut Change| (known.place, known.signal) == (change.place, change.signal);
        match self.memory.tickets.iter_mut().find(same) {
            Some(known) => *known = change,
            None => self.memory.tickets.push(change),
        }
    }

    /// Whether a ticket for the fleet is about more than what is `told` and than one connection, which has a ticket of its own.
    pub(super) fn is_of_many(
        &self,
        change: &Change,
        since: u32,
        told: impl Fn(Place) -> bool,
    ) -> bool {
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
    pub(super) fn ticket_key(&self, change: Change) -> Option<Key> {
        let alertname = match (change.place, change.signal) {
            // A silence of all is a page.
            (Place::Provider(_), _) | (_, Signal::Code(_)) | (Place::Fleet, Signal::Drought(_)) => {
                return None;
            }
            (Place::Connection(_), Signal::Drought(_)) => DROUGHT,
            (_, Signal::Stream(Kind::Slow)) => "SsoLatencyHigh",
            (_, Signal::Stream(Kind::Failing | Kind::Hanging | Kind::Denied)) => SLOW_BURN,
        };
        Some(Key { alertname: alertname.into(), scope: self.scope(change.place) })
    }
}
