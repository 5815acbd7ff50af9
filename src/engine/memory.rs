//! Everything that an engine remembers; the content of a checkpoint.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Config;
use super::alert::{Alerts, Key};
use super::calendar::{Calendar, Place};
use super::closing::Closing;
use super::dedup::Dedup;
use super::delivery::Delivery;
use super::detect::{Change, Detection, Outbreak, Outbreaks};
use super::drift::Drift;
use super::edge::Edge;
use super::hanging::Hanging;
use super::keyed::TextMap;
use super::planned::Announced;
use super::session::Sessions;
use super::tally::{Connection, Tally};
use super::window::Sliding;
use crate::event::{ConnectionId, Reason, Source, Timestamp};
use crate::signal::{ConnectionView, Durations, ProviderView, Snapshot, SourceView};

/// Connections at most, 1 KiB each; the rest is counted together under `other`. WorkOS's largest customers have tens of
/// thousands.
const CONNECTIONS_MAX: usize = 200_000;

/// Connection types at most; WorkOS has about 50. The rest is `other`.
const PROVIDERS_MAX: usize = 128;

/// Event names at most; WorkOS has about 110. The rest is `other`.
const EVENT_TYPES_MAX: usize = 256;

/// The id and name under which what is beyond a limit is counted.
const OTHER: &str = "other";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Memory {
    pub(super) now: Timestamp,
    pub(super) entries: u64,
    pub(super) dedup: Dedup,
    pub(super) sessions: Sessions,
    pub(super) connections: Vec<Connection>,
    #[serde(skip)]
    index: TextMap<ConnectionId, u32>,
    /// Where sign-ins without a connection count.
    #[serde(skip)]
    nameless: Option<u32>,
    pub(super) providers: Vec<Provider>,
    pub(super) fleet: Tally,
    pub(super) event_types: BTreeMap<Arc<str>, u64>,
    pub(super) sources: BTreeMap<Source, SourceTally>,
    pub(super) closing: Closing,
    #[serde(skip)]
    pub(super) calendar: Calendar,
    /// Connections with a certificate.
    pub(super) certified: BTreeSet<u32>,
    pub(super) alerts: Alerts,
    pub(super) detection: Detection,
    pub(super) outbreaks: Outbreaks,
    /// Alarms that nobody was paged for yet: they were found late, or are expected.
    pub(super) held: Vec<Change>,
    /// Evidence for tickets that wait: it is young, or an incident covers it.
    pub(super) tickets: Vec<Change>,
    pub(super) announced: Announced,
    pub(super) hanging: Hanging,
    pub(super) edge: Edge,
    pub(super) delivery: Delivery,
    /// Stands behind all else in a checkpoint.
    #[serde(skip)]
    pub(super) drift: Drift,
    lengths: Vec<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Provider {
    pub(super) connection_type: Arc<str>,
    pub(super) tally: Tally,
    pub(super) durations: Durations,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct SourceTally {
    pub(super) received: u64,
    pub(super) duplicates: u64,
    pub(super) late: u64,
    pub(super) missing: u64,
    pub(super) rejected: BTreeMap<Reason, u64>,
    pub(super) last_event_at: Option<Timestamp>,
    pub(super) lag_millis: Option<u64>,
}

impl Memory {
    pub(super) fn new(lengths: &[u32]) -> Self {
        Self {
            now: Timestamp::default(),
            entries: 0,
            dedup: Dedup::default(),
            sessions: Sessions::default(),
            connections: Vec::new(),
            index: TextMap::default(),
            nameless: None,
            providers: Vec::new(),
            fleet: Tally::new(lengths),
            event_types: BTreeMap::new(),
            sources: BTreeMap::new(),
            closing: Closing::default(),
            calendar: Calendar::default(),
            certified: BTreeSet::new(),
            alerts: Alerts::default(),
            detection: Detection::default(),
            outbreaks: Outbreaks::default(),
            held: Vec::new(),
            tickets: Vec::new(),
            announced: Announced::default(),
            hanging: Hanging::default(),
            edge: Edge::default(),
            delivery: Delivery::default(),
            drift: Drift::default(),
            lengths: lengths.to_vec(),
        }
    }

    /// Restores what is not saved, and fits the windows to `lengths`.
    pub(super) fn adapt(&mut self, lengths: &[u32]) {
        for (place, connection) in (0u32..).zip(&mut self.connections) {
            match &connection.id {
                Some(id) => drop(self.index.insert(id.clone(), place)),
                None => self.nameless = Some(place),
            }
            connection.recall();
        }
        let before = std::mem::replace(&mut self.lengths, lengths.to_vec());
        let fit = |tally: &mut Tally| {
            let mut known: BTreeMap<u32, Sliding> =
                before.iter().copied().zip(std::mem::take(&mut tally.windows)).collect();
            let windows = lengths.iter();
            tally.windows = windows
                .map(|seconds| known.remove(seconds).unwrap_or_else(|| Sliding::new(*seconds)))
                .collect();
        };
        self.connections.iter_mut().for_each(|connection| fit(&mut connection.tally));
        self.providers.iter_mut().for_each(|provider| fit(&mut provider.tally));
        fit(&mut self.fleet);
        self.know_told();
        self.calendar = Calendar::default();
        for place in self.places() {
            self.change(place, |_| ());
        }
    }

    /// Tells the detection which providers' trouble is told as theirs.
    pub(super) fn know_told(&mut self) {
        self.detection.know_told(self.outbreaks.iter().flat_map(Outbreak::widest));
    }

    /// Looks at the numbers of the outbreaks' alarms that are up.
    pub(super) fn note_flares(&mut self) {
        let Self { outbreaks, detection, .. } = self;
        outbreaks.note(|(place, signal)| {
            detection.numbers(place, signal).filter(|_| detection.is_up(place, signal))
        });
    }

    /// Every scope.
    pub(super) fn places(&self) -> Vec<Place> {
        let connections = self.connection_indices().map(Place::Connection);
        let providers = indices(self.providers.len()).map(Place::Provider);
        connections.chain(providers).chain([Place::Fleet]).collect()
    }

    /// Every connection.
    pub(super) fn connection_indices(&self) -> std::ops::Range<u32> {
        indices(self.connections.len())
    }

    /// A scope's counts.
    pub(super) fn tally(&self, place: Place) -> &Tally {
        match place {
            Place::Connection(index) => &self.connections[index as usize].tally,
            Place::Provider(index) => &self.providers[index as usize].tally,
            Place::Fleet => &self.fleet,
        }
    }

    /// Settles why sign-ins failed at `place` since the trouble of an open alert began.
    pub(super) fn settle_causes(&mut self, key: &Key, place: Place) {
        let tally = match place {
            Place::Connection(index) => &self.connections[index as usize].tally,
            Place::Provider(index) => &self.providers[index as usize].tally,
            Place::Fleet => &self.fleet,
        };
        self.alerts.settle_causes(key, &tally.windows[1], self.now);
    }

    /// Changes a scope's windows, and notes when they change next by themselves.
    pub(super) fn change<T>(&mut self, place: Place, change: impl FnOnce(&mut Tally) -> T) -> T {
        let tally = match place {
            Place::Connection(index) => &mut self.connections[index as usize].tally,
            Place::Provider(index) => &mut self.providers[index as usize].tally,
            Place::Fleet => &mut self.fleet,
        };
        let result = change(tally);
        let next = tally.next_second();
        if tally.planned != next {
            tally.planned = next;
            self.calendar.plan(place, next);
        }
        result
    }

    /// Takes out of a scope's windows what is too old; whether there was anything.
    pub(super) fn expire(&mut self, place: Place) -> bool {
        let now = self.now;
        let due = self.tally(place).next_second().is_some_and(|second| second <= now.seconds());
        due && self.change(place, |tally| tally.advance(now))
    }

    /// The place of a connection, which is made when it is new.
    pub(super) fn connection(&mut self, id: Option<&ConnectionId>) -> u32 {
        if let Some(place) = self.place(id) {
            return place;
        }
        let other = ConnectionId::new(OTHER);
        let id = if self.connections.len() < CONNECTIONS_MAX { id } else { Some(&other) };
        if let Some(place) = self.place(id) {
            return place;
        }
        let provider = self.provider("unknown");
        let place = u32::try_from(self.connections.len()).expect("connections are bounded");
        self.connections.push(Connection::new(id.cloned(), provider, &self.lengths));
        match id {
            Some(id) => drop(self.index.insert(id.clone(), place)),
            None => self.nameless = Some(place),
        }
        place
    }

    /// The place of a connection that is known.
    pub(super) fn place(&self, id: Option<&ConnectionId>) -> Option<u32> {
        match id {
            Some(id) => self.index.get(id).copied(),
            None => self.nameless,
        }
    }

    /// The place of a connection type, which is made when it is new.
    pub(super) fn provider(&mut self, connection_type: &str) -> u32 {
        let find = |providers: &[Provider], name: &str| {
            providers.iter().position(|provider| &*provider.connection_type == name)
        };
        let full = self.providers.len() >= PROVIDERS_MAX;
        let place = find(&self.providers, connection_type)
            .or_else(|| if full { find(&self.providers, OTHER) } else { None })
            .unwrap_or_else(|| {
                let name = if full { OTHER } else { connection_type };
                let tally = Tally::new(&self.lengths);
                let durations = Durations::default();
                self.providers.push(Provider { connection_type: name.into(), tally, durations });
                self.providers.len() - 1
            });
        u32::try_from(place).expect("connection types are bounded")
    }

    /// Counts an event about `at` under its name, also in its window.
    pub(super) fn event_type(&mut self, name: &str, at: Timestamp) {
        let window = self.closing.at(at, self.now);
        if let (None, Some(count)) = (&window, self.event_types.get_mut(name)) {
            *count += 1;
            return;
        }
        let full = self.event_types.len() >= EVENT_TYPES_MAX;
        let name = if full && !self.event_types.contains_key(name) { OTHER } else { name };
        let known = self.event_types.get_key_value(name).map(|(known, _)| Arc::clone(known));
        let name = known.unwrap_or_else(|| name.into());
        if let Some(window) = window {
            window.event(&name);
        }
        *self.event_types.entry(name).or_default() += 1;
    }

    pub(super) fn snapshot(
        &mut self,
        connections: Vec<Arc<ConnectionView>>,
        config: &Config,
    ) -> Snapshot {
        let tiers = self.edge.tier_views(self.now);
        let mut providers: Vec<_> = self.providers.iter().collect();
        providers.sort_by(|a, b| a.connection_type.cmp(&b.connection_type));
        let views = providers.iter().map(|provider| ProviderView {
            connection_type: Arc::clone(&provider.connection_type),
            scope: provider.tally.view(),
        });
        let durations = providers.iter().filter(|provider| provider.durations.count() > 0);
        let sources = Source::ALL
            .iter()
            .filter_map(|source| self.sources.get(source).map(|tally| tally.view(*source)));
        Snapshot {
            now: self.now,
            position: self.entries,
            fleet: self.fleet.view(),
            crowd: config.detection.as_ref().map(|_| self.detection.crowd()),
            providers: views.collect(),
            connections,
            durations: durations
                .map(|provider| (Arc::clone(&provider.connection_type), provider.durations))
                .collect(),
            event_types: self
                .event_types
                .iter()
                .map(|(name, count)| (Arc::clone(name), *count))
                .collect(),
            novel: self.drift.counts(),
            sources: sources.collect(),
            windows: self.closing.closed(),
            closed_until_seconds: self.closing.closed_until(),
            incidents: self.alerts.incidents(),
            silences: self.alerts.silences(),
            markers: self.alerts.markers(),
            tiers,
            limits: self.edge.limit_views(self.now, &config.edge),
        }
    }
}

fn indices(count: usize) -> std::ops::Range<u32> {
    0..u32::try_from(count).expect("scopes are bounded")
}

impl SourceTally {
    fn view(&self, source: Source) -> SourceView {
        SourceView {
            source,
            received: self.received,
            duplicates: self.duplicates,
            late: self.late,
            missing: self.missing,
            rejected: self.rejected.iter().map(|(reason, count)| (*reason, *count)).collect(),
            last_event_at: self.last_event_at,
            lag_millis: self.lag_millis,
        }
    }
}
