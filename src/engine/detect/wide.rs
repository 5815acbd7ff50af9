//! Alarms of providers and the fleet that an outbreak ever had, and how many they said were hit: what of narrower trouble they explain.

use std::collections::BTreeMap;

use super::Numbers;
use super::outbreak::Alarm;
use super::symptom::level;

/// By alarm.
pub(in crate::engine) type Wide = BTreeMap<Alarm, Seen>;

/// What was seen of one.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(in crate::engine) struct Seen {
    /// When it was over, if it is.
    pub(in crate::engine) over_at: Option<u32>,
    /// The share of those who were hit while it was up. 1, which explains all, where it is not known.
    pub(in crate::engine) share: f64,
}

/// An alarm that is up, when it is one of a provider or the fleet.
pub(super) fn of(alarm: Alarm) -> Wide {
    let seen = Seen { over_at: None, share: 1.0 };
    if level(alarm.0) > 0 { Wide::from([(alarm, seen)]) } else { Wide::new() }
}

/// Looks at those that are up.
pub(super) fn note(wide: &mut Wide, numbers: impl Fn(Alarm) -> Option<Numbers>) {
    for (alarm, seen) in wide.iter_mut().filter(|(_, seen)| seen.over_at.is_none()) {
        if let Some(own) = numbers(*alarm) {
            seen.share = own.share();
        }
    }
}

/// When each was over: the part of it that older builds saved as well.
pub(super) fn over(wide: &Wide) -> BTreeMap<Alarm, Option<u32>> {
    wide.iter().map(|(alarm, seen)| (*alarm, seen.over_at)).collect()
}

/// From [`over`].
pub(super) fn known(over: BTreeMap<Alarm, Option<u32>>) -> Wide {
    over.into_iter().map(|(alarm, over_at)| (alarm, Seen { over_at, share: 1.0 })).collect()
}
