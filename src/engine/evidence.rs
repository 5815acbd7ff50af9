//! Feeds sign-ins, and those that do not come or do not end, to the detection.

use super::Engine;
use super::detect::{Arrival, Kind, Trial};
use super::page::second_of;
use crate::event::Timestamp;

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
    pub(super) fn arrived(&mut self, arrival: Arrival, connection: u32, at: Timestamp) {
        let Some(config) = &self.config.detection else { return };
        let time = (second_of(at), second_of(self.memory.now));
        let has_name = self.memory.connections[connection as usize].id.is_some();
        let connection = has_name.then_some(connection);
        self.memory.detection.arrived(arrival, connection, time, config);
    }

    /// When silence is looked at next.
    pub(super) fn next_look_at_flows(&self) -> Option<i64> {
        let live =
            self.memory.detection.is_live() && !self.is_deaf() && self.config.detection.is_some();
        self.memory.detection.next_look_at_flows().filter(|_| live).map(i64::from)
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
                beside: false,
            };
            self.judge(&trial);
        }
    }
}
