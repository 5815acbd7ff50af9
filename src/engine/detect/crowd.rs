//! The fleet's people by the minute: who signed in, and who of them failed or hung. Whoever failed lately is left out, so that
//! one person who tries again and again is one.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::config::Kind;
use crate::signal::{Came, CrowdMinute};

/// Minutes that are kept: as the longest window of the counts.
const MINUTES: i64 = 60;

/// The last hour, in order of time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Crowd(VecDeque<CrowdMinute>);

impl Crowd {
    /// Somebody who did not fail lately ended a sign-in, or should have by now.
    pub(super) fn note(&mut self, kind: Kind, second: u32, bad: bool) {
        let start_seconds = i64::from(second / 60 * 60);
        let place = self.0.partition_point(|minute| minute.start_seconds < start_seconds);
        if self.0.get(place).is_none_or(|minute| minute.start_seconds != start_seconds) {
            self.0.insert(place, CrowdMinute { start_seconds, ..CrowdMinute::default() });
        }
        let minute = &mut self.0[place];
        let came: &mut Came = match kind {
            Kind::Failing => &mut minute.failing,
            Kind::Hanging => &mut minute.hanging,
            Kind::Denied | Kind::Slow => return,
        };
        came.all += 1;
        came.bad += u64::from(bad);
        let newest = self.0.back().map_or(0, |minute| minute.start_seconds);
        let gone = |minute: &mut CrowdMinute| minute.start_seconds <= newest - MINUTES * 60;
        while self.0.pop_front_if(gone).is_some() {}
    }

    pub(super) fn minutes(&self) -> Vec<CrowdMinute> {
        self.0.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_of_failing_and_hanging_is_kept_by_the_minute() {
        let mut crowd = Crowd::default();
        for (kind, second, bad) in [
            (Kind::Failing, 7_199, true),
            (Kind::Failing, 7_130, false),
            (Kind::Hanging, 7_141, true),
            (Kind::Denied, 7_150, true),
            (Kind::Slow, 7_150, true),
        ] {
            crowd.note(kind, second, bad);
        }
        let minute = |start_seconds, failing: (u64, u64), hanging: (u64, u64)| CrowdMinute {
            start_seconds,
            failing: Came { all: failing.0, bad: failing.1 },
            hanging: Came { all: hanging.0, bad: hanging.1 },
        };
        let (older, newer) = (minute(7_080, (1, 0), (0, 0)), minute(7_140, (1, 1), (1, 1)));
        assert_eq!(crowd.minutes(), [older, newer]);
        crowd.note(Kind::Failing, 7_080 + 3_600, false);
        assert_eq!(crowd.minutes(), [newer, minute(10_680, (1, 0), (0, 0))]);
    }
}
