//! Silences: which last, and which ended lately.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::{Silence, Timestamp};
use crate::signal::{Happened, Incident};

/// Silences that are remembered at most, so that a script that makes them without end fills no memory. Those that ended
/// longest ago make room; one that lasts never does.
const SILENCES_MAX: usize = 1_000;

/// How long one is remembered after its end.
const AGE_MILLIS: i64 = 7 * 86_400_000;

/// All that are remembered, in order of their beginning.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Silences(Vec<Arc<Silence>>);

impl Silences {
    /// Takes one over; `false` when there is no room, or when it ends what is over.
    pub(super) fn take(&mut self, silence: &Silence, now: Timestamp) -> bool {
        let oldest = now.plus_millis(-AGE_MILLIS);
        let lasted = self.0.iter().any(|known| known.id == silence.id && known.lasts(now));
        self.0.retain(|known| known.id != silence.id && known.until >= oldest);
        if self.0.len() >= SILENCES_MAX {
            let over = self.0.iter().enumerate().filter(|(_, known)| known.until <= now);
            let Some((index, _)) = over.min_by_key(|(_, known)| known.until) else { return false };
            self.0.remove(index);
        }
        let place = self.0.partition_point(|known| known.from <= silence.from);
        self.0.insert(place, Arc::new(silence.clone()));
        lasted || silence.lasts(now)
    }

    /// Notes with an incident that begins to fire that nobody is told of it.
    pub(super) fn note(&self, incident: &mut Incident, now: Timestamp) {
        let lasting = self.0.iter().filter(|silence| silence.lasts(now));
        if let Some(silence) = lasting.into_iter().find(|silence| silence.covers(&incident.labels))
        {
            incident.course.add(now, step(silence));
        }
    }

    /// All of them.
    pub(super) fn list(&self) -> Vec<Arc<Silence>> {
        self.0.clone()
    }
}

/// How it stands in a timeline.
pub(super) fn step(silence: &Silence) -> Happened {
    Happened::Silenced {
        by: silence.author.clone(),
        reason: silence.reason.clone(),
        until: silence.until,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silence(n: i64, until: i64) -> Silence {
        Silence {
            id: format!("s-{n}").into(),
            matchers: [("alertname".into(), "A".into())].into(),
            author: "ada".into(),
            reason: "known".into(),
            from: Timestamp::from_millis(n),
            until: Timestamp::from_millis(until),
        }
    }

    #[test]
    fn what_lasts_never_makes_room_and_what_is_over_does() {
        let now = Timestamp::from_millis(2_000);
        let mut silences = Silences::default();
        for n in 0..1_000 {
            assert!(silences.take(&silence(n, 9_000), now));
        }
        assert!(!silences.take(&silence(1_500, 9_000), now));
        // Its end is news, a second end is not.
        assert!(silences.take(&silence(7, 2_000), now));
        assert!(!silences.take(&silence(7, 2_000), now));
        assert!(silences.take(&silence(1_500, 9_000), now));
        assert_eq!(silences.list().len(), SILENCES_MAX);
        let later = Timestamp::from_millis(9_001 + AGE_MILLIS);
        assert!(silences.take(&silence(later.millis(), later.millis() + 1), later));
        assert_eq!(silences.list().len(), 1);
    }
}
