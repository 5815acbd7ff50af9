//! What is told, and what has been.

use std::collections::BTreeSet;

use super::{Alarm, Detection, Kind, Signal};
use crate::engine::calendar::Place;

impl Detection {
    /// Takes over what outbreaks are told as.
    pub(in crate::engine) fn know_told(&mut self, alarms: impl Iterator<Item = Alarm>) {
        self.told.clear();
        self.told_by_code.clear();
        for (place, signal) in alarms.filter(|(place, _)| *place != Place::Fleet) {
            let kind = match signal {
                Signal::Stream(kind) => kind,
                Signal::Code(_) => {
                    self.told_by_code.insert(place);
                    Kind::Failing
                }
                Signal::Drought(_) => continue,
            };
            self.told.insert((place, kind));
        }
    }

    /// An outbreak is over: what was seen in it is no evidence of another one.
    pub(in crate::engine) fn forget(&mut self, places: &BTreeSet<Place>) {
        for place in places {
            if let Place::Connection(index) = place
                && let Some(watch) = self.connections.get_mut(*index as usize)
                && let Some(takeover) = &mut watch.takeover
            {
                takeover.forget();
            }
        }
    }
}
