//! What people meet, and where: what tells alarms apart.

use std::collections::BTreeSet;

use super::outbreak::Alarm;
use super::{Kind, Signal};
use crate::engine::calendar::Place;

/// What people meet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Symptom {
    /// Their sign-ins fail, or those of a provider do not succeed in any way.
    Refused,
    /// They wait.
    Waiting,
    /// Nobody comes, or nobody gets through.
    Silence,
    /// They wait a little, which comes with any of the others.
    Slow,
}

pub(super) fn symptom((place, signal): Alarm) -> Symptom {
    match (place, signal) {
        (_, Signal::Drought(_)) => Symptom::Silence,
        (_, Signal::Stream(Kind::Slow)) => Symptom::Slow,
        (Place::Connection(_) | Place::Fleet, Signal::Stream(Kind::Hanging)) => Symptom::Waiting,
        (_, Signal::Stream(_) | Signal::Code(_)) => Symptom::Refused,
    }
}

pub(super) fn level(place: Place) -> u8 {
    match place {
        Place::Connection(_) => 0,
        Place::Provider(_) => 1,
        Place::Fleet => 2,
    }
}

/// Whether `place` lies within one of `places`.
pub(super) fn covers(
    places: &BTreeSet<Place>,
    place: Place,
    provider_of: impl Fn(u32) -> u32,
) -> bool {
    let around = match place {
        Place::Connection(index) => Place::Provider(provider_of(index)),
        Place::Provider(_) | Place::Fleet => place,
    };
    [place, around, Place::Fleet].iter().any(|place| places.contains(place))
}
