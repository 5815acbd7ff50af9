//! Parts of the detection's state that stand behind all else in a checkpoint.

use super::busy::Busy;
use super::group::Group;
use super::rhythms::Rhythms;
use super::stream::Stream;
use super::toll::Toll;
use super::wander::{Gauge, Wander};
use super::worse::Worse;
use super::{Detection, Kind, grid};
use crate::engine::calendar::Place;

/// How the odds of groups wander, by kind.
pub(in crate::engine) type Wandering = Vec<[Wander; Kind::ALL.len()]>;

/// The same of busy connections: what is known of all, and by connection what is being measured.
pub(in crate::engine) type BusyWandering = (Busy, Vec<(u32, Box<[Gauge; Kind::ALL.len()]>)>);

/// Whom alarms have hit: by kind of the providers and last of the fleet, and by code.
pub(in crate::engine) type Tolls = (Vec<[Toll; Kind::ALL.len()]>, Vec<Toll>);

/// Which alarms get worse.
pub(in crate::engine) type Worsening = Vec<(Place, Kind, Worse)>;

/// How strong evidence was.
pub(in crate::engine) type PeaksOfAll = Vec<(Place, Kind, grid::Peaks)>;

impl Detection {
    /// How odds wander, of the providers and last of the fleet.
    pub(in crate::engine) fn wandering(&self) -> Wandering {
        self.providers.iter().chain([&self.fleet]).map(Group::wanders).collect()
    }

    /// Takes over [`Detection::wandering`].
    pub(in crate::engine) fn wander_as(&mut self, known: Wandering) {
        for (group, known) in self.providers.iter_mut().chain([&mut self.fleet]).zip(known) {
            for (wander, known) in group.wander_mut().into_iter().zip(known) {
                *wander = known;
            }
        }
    }

    /// How the odds of busy connections wander.
    pub(in crate::engine) fn busy_wandering(&self) -> BusyWandering {
        let connections = (0..).zip(&self.connections);
        let gauges = connections.filter_map(|(index, watch)| Some((index, watch.gauges.clone()?)));
        (self.busy.clone(), gauges.collect())
    }

    /// Takes over [`Detection::busy_wandering`].
    pub(in crate::engine) fn busy_wander_as(&mut self, (busy, gauges): BusyWandering) {
        self.busy = busy;
        for (connection, gauges) in gauges {
            if let Some(watch) = self.connections.get_mut(connection as usize) {
                watch.gauges = Some(gauges);
            }
        }
    }

    /// When the sign-ins of connections begin.
    pub(in crate::engine) fn rhythms(&self) -> &Rhythms {
        &self.rhythms
    }

    /// Takes over [`Detection::rhythms`].
    pub(in crate::engine) fn know_rhythms(&mut self, known: Rhythms) {
        self.rhythms = known;
    }

    /// Whom the alarms of providers, of the fleet and on codes have hit since their trouble began.
    pub(in crate::engine) fn tolls(&self) -> Tolls {
        let groups = self.providers.iter().chain([&self.fleet]);
        (groups.map(Group::tolls).collect(), self.spreading.tolls())
    }

    /// Counts on whom alarms hit from what is remembered, for a state of a build that did not count it.
    pub(in crate::engine) fn begin_tolls(&mut self) {
        let groups = self.providers.iter_mut().chain([&mut self.fleet]);
        groups.for_each(Group::begin_tolls);
        self.spreading.begin_tolls();
    }

    /// Takes over [`Detection::tolls`].
    pub(in crate::engine) fn know_tolls(&mut self, (groups, codes): Tolls) {
        for (group, tolls) in self.providers.iter_mut().chain([&mut self.fleet]).zip(groups) {
            group.know_tolls(tolls);
        }
        self.spreading.know_tolls(codes);
    }

    /// All streams, by place and kind.
    fn streams(&self) -> impl Iterator<Item = (Place, Kind, &Stream)> {
        let connections = (0..).zip(&self.connections).map(|(index, _)| Place::Connection(index));
        let providers = (0..).zip(&self.providers).map(|(index, _)| Place::Provider(index));
        let places = connections.chain(providers).chain([Place::Fleet]);
        let streams = places.flat_map(|place| Kind::ALL.map(|kind| (place, kind)));
        streams.filter_map(|(place, kind)| Some((place, kind, self.stream(place, kind)?)))
    }

    /// Which alarms get worse.
    pub(in crate::engine) fn worsening(&self) -> Worsening {
        let worse = self.streams().filter_map(|(place, kind, stream)| {
            let alarm = stream.alarm.as_ref()?;
            alarm.worse.is_any().then_some((place, kind, alarm.worse))
        });
        worse.collect()
    }

    /// How strong the evidence of each stream was.
    pub(in crate::engine) fn peaks(&self) -> PeaksOfAll {
        let peaks = self
            .streams()
            .filter_map(|(place, kind, stream)| Some((place, kind, stream.grid.as_ref()?.peaks())));
        peaks.collect()
    }

    /// Takes over [`Detection::peaks`].
    pub(in crate::engine) fn know_peaks(&mut self, known: PeaksOfAll) {
        for (place, kind, peaks) in known {
            let stream = self.stream_mut(place, kind);
            if let Some(grid) = stream.and_then(|stream| stream.grid.as_mut()) {
                grid.know_peaks(peaks);
            }
        }
    }

    /// Takes over [`Detection::worsening`].
    pub(in crate::engine) fn know_worsening(&mut self, known: Worsening) {
        for (place, kind, worse) in known {
            let stream = self.stream_mut(place, kind);
            if let Some(alarm) = stream.and_then(|stream| stream.alarm.as_mut()) {
                alarm.worse = worse;
            }
        }
    }
}
