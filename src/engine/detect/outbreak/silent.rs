//! Trouble that is why successes of all do not come.

use std::collections::BTreeSet;

use super::super::Arrival;
use super::super::symptom::{Symptom, level, symptom};
use super::{Alarm, Explained, Outbreaks};
use crate::engine::calendar::Place;
use crate::engine::detect::Signal;

/// Trouble of so large a share of all sign-ins is why successes of all do not come.
pub(super) const SILENT_SHARE: f64 = 0.5;

impl Outbreaks {
    /// Whether a silence of all is no more than what narrower trouble that goes on explains, by the share of all sign-ins that it covers.
    pub(in crate::engine) fn explain_silence(
        &self,
        signal: Signal,
        share_of_all: impl Fn(&BTreeSet<Place>) -> f64,
    ) -> bool {
        // Whoever fails starts all the same.
        signal == Signal::Drought(Arrival::Success)
            && self.0.iter().any(|one| {
                one.quiet_since.is_none()
                    && silences(one.lead)
                    && share_of_all(&one.places) >= SILENT_SHARE
            })
    }

    /// Whether one of them is that successes of all do not come, or has that as a part.
    pub(in crate::engine) fn tell_silence(&self) -> bool {
        let silence = (Place::Fleet, Signal::Drought(Arrival::Success));
        self.0.iter().any(|one| one.alarms.contains(&silence))
    }
}

impl Explained {
    /// Whether it was why successes of all did not come, by the share of all sign-ins that it covers.
    pub(in crate::engine::detect) fn is_silence(&self, share_of_all: f64) -> bool {
        silences(self.lead) && share_of_all >= SILENT_SHARE
    }
}

/// Whether people who meet this do not get through, though they come.
fn silences(lead: Alarm) -> bool {
    level(lead.0) < 2 && matches!(symptom(lead), Symptom::Refused | Symptom::Waiting)
}
