//! Time: what happens by itself, and when the next such moment is.

use super::Engine;
use super::calendar::Place;
use super::memory::Memory;
use super::page::RENEW_SECONDS;
use crate::event::Timestamp;

/// How often certificates are looked at, which change by the day, and old incidents forgotten.
const HOUSEKEEPING_SECONDS: i64 = 60;

impl Engine {
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
    pub(super) fn mark(&mut self, place: Place) {
        self.stirred = true;
        if !self.config.rules.is_empty() {
            self.dirty.insert(place);
        }
        if let Place::Connection(index) = place {
            self.stale.mark(index);
        }
    }
}
