//! What was found: the numbers behind alarms and tickets, and whom they are about.

use std::collections::BTreeSet;

use super::stream::Stream;
use super::worse::Rise;
use super::{Arrival, Detection, Kind, Numbers, Signal, binomial};
use crate::engine::calendar::Place;
use crate::signal::{CrowdView, Share};

impl Detection {
    /// How an alarm has got much worse, if it has.
    pub(in crate::engine) fn rise(&self, place: Place, kind: Kind) -> Option<Rise> {
        self.stream(place, kind)?.alarm.as_ref()?.worse.rise()
    }

    /// The share of all sign-ins that those of these places are.
    pub(in crate::engine) fn share_of_all(&self, places: &BTreeSet<Place>) -> f64 {
        let is_counted = |place: &&Place| match place {
            // Those of its provider are counted with that.
            Place::Connection(index) => {
                let watch = self.connections.get(*index as usize);
                watch.is_some_and(|watch| !places.contains(&Place::Provider(watch.provider)))
            }
            Place::Provider(_) | Place::Fleet => true,
        };
        let kind = Kind::Failing;
        let daily = |place: &Place| self.stream(*place, kind).map_or(0.0, Stream::daily);
        let those = places.iter().filter(is_counted).map(daily).sum();
        share_of_day(those, self.fleet.stream(kind).stream.daily())
    }

    /// What happens on a connection on an ordinary day; on the first one so far.
    pub(in crate::engine) fn attempts_a_day(&self, connection: u32) -> f64 {
        self.stream(Place::Connection(connection), Kind::Failing).map_or(0.0, Stream::daily_so_far)
    }

    /// The share of those hit lately, of an alarm that is up.
    pub(in crate::engine) fn share_lately(&self, place: Place, kind: Kind) -> f64 {
        let alarm = self.stream(place, kind).and_then(|stream| stream.alarm.as_ref());
        alarm.map_or(0.0, |alarm| alarm.worse.lately())
    }

    /// The fleet's people of the last hour, and what is usual of them.
    pub(in crate::engine) fn crowd(&self) -> CrowdView {
        let share = |kind: Kind| {
            let (all, bad) = self.population[kind as usize];
            Share { all, bad }
        };
        let (failing, hanging) = (share(Kind::Failing), share(Kind::Hanging));
        CrowdView { minutes: self.crowd.minutes(), failing, hanging }
    }

    /// Nats by which those of the fleet who are not `told` are hit more than is usual, of a trouble that began at `since`.
    pub(in crate::engine) fn rest_nats(
        &self,
        kind: Kind,
        since: u32,
        told: impl Fn(u32) -> bool,
    ) -> f64 {
        let Some(own) = self.numbers(Place::Fleet, Signal::Stream(kind)) else { return 0.0 };
        let per_day = |stream: &Stream| stream.per_day();
        let all = (0..).zip(&self.connections);
        let told_per_day: f64 = all
            .filter(|(index, _)| told(*index))
            .map(|(_, watch)| per_day(&watch.streams[kind as usize]))
            .sum();
        let fleet = &self.fleet.stream(kind).stream;
        let rest = (1.0 - told_per_day / per_day(fleet)).max(0.0);
        // Only the last hits are remembered by connection.
        let carriers = self.carriers(Place::Fleet, Signal::Stream(kind), since);
        let count =
            |hit: &mut dyn Iterator<Item = &(u32, u32)>| -> u32 { hit.map(|(_, bad)| *bad).sum() };
        let known = f64::from(count(&mut carriers.iter()));
        let others = f64::from(count(&mut carriers.iter().filter(|(index, _)| !told(*index))));
        let (bad, all) = own.hit_of();
        let bad = bad * others / known.max(1.0);
        binomial::nats(bad, (all * rest).max(bad), own.usual)
    }

    /// The numbers behind an alarm or a ticket.
    pub(in crate::engine) fn numbers(&self, place: Place, signal: Signal) -> Option<Numbers> {
        match signal {
            Signal::Code(code) => self.spreading.numbers(code),
            Signal::Stream(kind) => self.stream(place, kind)?.numbers(),
            Signal::Drought(Arrival::Start) => match place {
                Place::Connection(index) => self.rhythms.get(index)?.numbers(),
                Place::Provider(_) | Place::Fleet => self.starts.numbers(),
            },
            Signal::Drought(Arrival::Success) => self.successes.numbers(),
        }
    }

    /// Whether the alarm is up.
    pub(in crate::engine) fn is_up(&self, place: Place, signal: Signal) -> bool {
        match signal {
            Signal::Stream(kind) => {
                self.stream(place, kind).is_some_and(|stream| stream.alarm.is_some())
            }
            Signal::Code(_) | Signal::Drought(_) => self.numbers(place, signal).is_some(),
        }
    }

    /// Whether the evidence for a ticket is still there.
    pub(in crate::engine) fn has_ticket(&self, place: Place, signal: Signal) -> bool {
        match signal {
            Signal::Stream(kind) => {
                self.stream(place, kind).is_some_and(|stream| stream.known_since().is_some())
            }
            Signal::Drought(_) => self.numbers(place, signal).is_some(),
            Signal::Code(_) => false,
        }
    }

    pub(super) fn stream(&self, place: Place, kind: Kind) -> Option<&Stream> {
        match place {
            Place::Connection(index) => {
                Some(&self.connections.get(index as usize)?.streams[kind as usize])
            }
            Place::Provider(_) | Place::Fleet => Some(&self.group(place)?.stream(kind).stream),
        }
    }

    /// The connections that carry what a group's alarm is about, worst first.
    pub(in crate::engine) fn carriers(
        &self,
        place: Place,
        signal: Signal,
        since: u32,
    ) -> Vec<(u32, u32)> {
        match signal {
            Signal::Stream(kind) => self
                .group(place)
                .map(|group| group.stream(kind).hit_since(since))
                .unwrap_or_default(),
            Signal::Code(code) => self.spreading.carriers(code),
            Signal::Drought(_) => Vec::new(),
        }
    }
}

/// The share of `all` sign-ins of an ordinary day that some are; 0 where no day is known. The fleet does not count those who are not
/// judged yet, or whose trouble is told by itself.
pub(super) fn share_of_day(some: f64, all: f64) -> f64 {
    if all > 0.0 { (some / all).min(1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two connections of a provider, and one of another, with so many sign-ins a day; their groups count them.
    fn with(daily: [f64; 3]) -> Detection {
        let mut detection = Detection::default();
        detection.connections.resize_with(3, Default::default);
        detection.providers.resize_with(2, Default::default);
        detection.connections[2].provider = 1;
        let at = |stream: &mut Stream, daily| stream.at_pace(20_000, daily);
        for (watch, daily) in detection.connections.iter_mut().zip(daily) {
            at(&mut watch.streams[Kind::Failing as usize], daily);
        }
        let [first, second, third] = daily;
        for (group, daily) in detection.providers.iter_mut().zip([first + second, third]) {
            at(&mut group.stream_mut(Kind::Failing).stream, daily);
        }
        let all = daily.iter().sum();
        at(&mut detection.fleet.stream_mut(Kind::Failing).stream, all);
        detection
    }

    #[test]
    fn the_share_of_places_counts_nobody_twice() {
        let detection = with([20.0, 10.0, 70.0]);
        let share = |places: &[Place]| detection.share_of_all(&places.iter().copied().collect());
        let [first, second, third] = [0, 1, 2].map(Place::Connection);
        let all = [
            (vec![first], 0.2),
            (vec![first, second], 0.3),
            (vec![first, second, Place::Provider(0)], 0.3),
            (vec![third, Place::Provider(0)], 1.0),
        ];
        for (places, want) in all {
            assert!((share(&places) - want).abs() < 1e-9, "{places:?}: {}", share(&places));
        }
    }

    #[test]
    fn a_share_of_a_day_that_nobody_knows_is_none() {
        assert!(with([0.0; 3]).share_of_all(&[Place::Connection(0)].into()) == 0.0);
        assert!(share_of_day(5.0, 0.0) == 0.0 && share_of_day(5.0, 4.0) <= 1.0);
        assert!(with([0.0; 3]).attempts_a_day(0) == 0.0, "an idle connection is no traffic");
    }
}
