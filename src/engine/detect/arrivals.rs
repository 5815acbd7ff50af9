//! What arrives, when, and what should have.

use super::change::{Arrival, Change, Signal, What};
use super::config::{Config, SHARE_DROUGHT};
use super::drought::{self, Flow, Weather};
use super::watch::Watch;
use super::{DAY, Detection, Kind, LATE_SECONDS};
use crate::engine::calendar::Place;

impl Detection {
    /// Whether what comes now is about the present.
    pub(in crate::engine) fn is_live(&self) -> bool {
        self.live
    }

    /// An event about `at` came at `now`; whether history ends with it. After a silence, late ones are history that is told in
    /// order.
    pub(in crate::engine) fn heard(&mut self, at: u32, now: u32) -> bool {
        let late = |second: u32| now.saturating_sub(second) > LATE_SECONDS;
        let was_live = self.live;
        if late(at) && late(self.newest) {
            self.live = false;
        } else if !late(at) {
            self.live = true;
        }
        if !self.live || !late(at) {
            self.newest = self.newest.max(at.min(now));
        }
        self.live && !was_live
    }

    /// The time for judgements: the present, or while history is told the time of its newest event.
    pub(in crate::engine) fn time(&self, now: u32) -> u32 {
        if self.live { now } else { self.newest }
    }

    /// A start or a success about `at` came at `now`, on a connection that has a name.
    pub(in crate::engine) fn arrived(
        &mut self,
        arrival: Arrival,
        connection: Option<u32>,
        (at, now): (u32, u32),
        config: &Config,
    ) {
        if self.live && now.saturating_sub(at) > LATE_SECONDS {
            return;
        }
        let time = self.time(now);
        self.look_at_flows(time, config);
        self.flow_mut(arrival).arrival();
        if let Some(connection) = connection.filter(|_| arrival == Arrival::Start) {
            self.rhythms.start(connection, daily(&self.connections, connection), time);
        }
    }

    /// Nobody listened until `second`: counting arrivals begins anew.
    pub(in crate::engine) fn resume(&mut self, second: u32) {
        self.starts.resume(second);
        self.successes.resume(second);
        self.rhythms.resume(second);
    }

    /// Something else explains the silence at `place` until now.
    pub(in crate::engine) fn dismiss_silence(&mut self, place: Place) {
        if let Place::Connection(connection) = place {
            self.rhythms.dismiss(connection);
        }
    }

    /// Looks at what should have arrived by `second`.
    pub(in crate::engine) fn look_at_flows(&mut self, second: u32, config: &Config) {
        let bins_a_day = f64::from(DAY / drought::BIN_SECONDS);
        let days = config.false_alarm_days(SHARE_DROUGHT);
        let threshold = libm::log(days * bins_a_day * 2.0);
        for arrival in [Arrival::Start, Arrival::Success] {
            while let Some(weather) = self.flow_mut(arrival).advance(second, threshold) {
                let what = match weather {
                    Weather::Same => continue,
                    Weather::Drought => What::Raised,
                    Weather::Rain => What::Over,
                };
                let signal = Signal::Drought(arrival);
                self.changes.push(Change { second, place: Place::Fleet, signal, what });
            }
        }
        let Self { rhythms, connections, changes, .. } = self;
        rhythms.look(
            second,
            days,
            |connection| daily(connections, connection),
            |connection, second, weather| {
                let (place, signal) =
                    (Place::Connection(connection), Signal::Drought(Arrival::Start));
                // One customer's silence may be a holiday.
                let what =
                    if weather == Weather::Drought { What::Ticket } else { What::TicketOver };
                changes.push(Change { second, place, signal, what });
            },
        );
    }

    /// When [`Detection::look_at_flows`] finds something new.
    pub(in crate::engine) fn next_look_at_flows(&self) -> Option<u32> {
        let flows = [self.starts.bin_ends(), self.successes.bin_ends(), self.rhythms.next_look()];
        flows.into_iter().flatten().min()
    }

    fn flow_mut(&mut self, arrival: Arrival) -> &mut Flow {
        match arrival {
            Arrival::Start => &mut self.starts,
            Arrival::Success => &mut self.successes,
        }
    }
}

/// Sign-ins that end on an ordinary day.
fn daily(connections: &[Watch], connection: u32) -> f64 {
    let watch = connections.get(connection as usize);
    watch.map_or(0.0, |watch| watch.streams[Kind::Failing as usize].daily())
}
