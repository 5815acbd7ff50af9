//! The engine's knowledge at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    ClosedWindow, Counts, CrowdView, Durations, Incident, LimitView, Minute, TierView, joined,
};
use crate::event::{
    ConnectionId, ConnectionInfo, Marker, Novel, Reason, Silence, Source, Timestamp,
};

/// The sliding windows of the ratio gauges: label value and length in seconds.
pub const WINDOWS: [(&str, u32); 2] = [("5m", 300), ("1h", 3600)];

/// Everything the engine knows at `now`. Cheap to clone: views are shared, and replaced when they change.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The engine's time.
    pub now: Timestamp,
    /// How many journal entries have been folded since the journal began.
    pub position: u64,
    /// All connections together.
    pub fleet: ScopeView,
    /// All people; `None` where the built-in detection is off.
    pub crowd: Option<CrowdView>,
    /// By connection type, in order of the type; a connection without a known type is under `unknown`.
    pub providers: Vec<ProviderView>,
    /// Every connection, in order of first appearance; an index stays valid as long as the process lives.
    pub connections: Vec<Arc<ConnectionView>>,
    /// Sign-in durations by connection type.
    pub durations: Vec<(Arc<str>, Durations)>,
    /// Events by their `event` name, `other` beyond the bound on names.
    pub event_types: Vec<(Arc<str>, u64)>,
    /// What came that this version does not know, by kind.
    pub novel: Vec<(Novel, u64)>,
    /// Every source that is configured or was ever heard of, in the order of [`Source::ALL`].
    pub sources: Vec<SourceView>,
    /// Closed windows that hold any change and that a sink has not taken yet, oldest first. Empty where no sink takes any.
    pub windows: Vec<Arc<ClosedWindow>>,
    /// Every window that starts before this second is closed, whether it is among `windows` or held no change.
    pub closed_until_seconds: i64,
    /// Incidents: pending, firing, and resolved ones that are still remembered; in order of `started_at`, then id.
    pub incidents: Vec<Arc<Incident>>,
    /// Silences that last or ended lately, in order of their beginning.
    pub silences: Vec<Arc<Silence>>,
    /// Planned work that was marked, in order of its beginning.
    pub markers: Vec<Arc<Marker>>,
    /// Tiers of the edge, in order of their names.
    pub tiers: Vec<Arc<TierView>>,
    /// Declared limits, in the order of their declaration.
    pub limits: Vec<LimitView>,
}

/// A scope's totals and windows.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct ScopeView {
    /// Since the beginning.
    pub totals: Counts,
    /// Sessions that have started and not ended, and are not stalled.
    pub in_progress: u64,
    /// Content of the sliding windows, as in [`WINDOWS`].
    pub windows: [Counts; WINDOWS.len()],
    /// The longest of those windows by the minute, oldest first; minutes in which no sign-in ended are left out.
    pub minutes: Arc<[Minute]>,
}

/// One connection type.
#[derive(Clone, PartialEq, Debug)]
pub struct ProviderView {
    /// e.g. `OktaSAML`, or `unknown`.
    pub connection_type: Arc<str>,
    /// Its numbers.
    pub scope: ScopeView,
}

/// One connection.
#[derive(Clone, PartialEq, Debug)]
pub struct ConnectionView {
    /// `None`: the unknown bucket.
    pub id: Option<ConnectionId>,
    /// Names, type and state, when a source has told.
    pub info: Option<Arc<ConnectionInfo>>,
    /// By certificate type.
    pub certificates: BTreeMap<Box<str>, Certificate>,
    /// Its numbers.
    pub scope: ScopeView,
    /// Failures by cause since the beginning, in order of the cause.
    pub causes: Vec<(Arc<str>, u64)>,
    /// People by the minute of their newest failure, of the minutes of its numbers, oldest first.
    pub failers: Box<[(i64, u32)]>,
    /// `created_at` of its newest event.
    pub last_event_at: Option<Timestamp>,
}

/// A certificate of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Certificate {
    /// When it expires.
    pub expires_at: Timestamp,
    /// `created_at` of the event that said so: a later event wins, whatever the order of arrival.
    pub known_at: Timestamp,
}

/// What one source did.
#[derive(Clone, PartialEq, Debug)]
pub struct SourceView {
    /// Which.
    pub source: Source,
    /// Events taken, duplicates not included.
    pub received: u64,
    /// Events that had been seen before.
    pub duplicates: u64,
    /// Events whose windows were all closed when they came.
    pub late: u64,
    /// Events that another source had and this one did not bring within ten minutes.
    pub missing: u64,
    /// Rejected input by reason.
    pub rejected: Vec<(Reason, u64)>,
    /// `created_at` of its newest event.
    pub last_event_at: Option<Timestamp>,
    /// Received minus `created_at` of the last event that it delivered, in milliseconds, never negative.
    pub lag_millis: Option<u64>,
}

impl Snapshot {
    /// The silence that keeps receivers from being told of `incident` now: of several the one that lasts longest.
    #[must_use]
    pub fn silence_of(&self, incident: &Incident) -> Option<&Silence> {
        let lasting = self.silences.iter().map(AsRef::as_ref);
        let lasting = lasting.filter(|silence| silence.lasts(self.now));
        let about = lasting.filter(|silence| silence.covers(&incident.labels));
        about.max_by_key(|silence| silence.until)
    }

    /// The incidents as people are told of them: see [`joined`].
    #[must_use]
    pub fn joined(&self) -> Vec<Arc<Incident>> {
        joined(&self.incidents, |incident| self.silence_of(incident).is_none())
    }

    /// The one with this id, with its parts.
    #[must_use]
    pub fn incident(&self, id: &str) -> Option<Arc<Incident>> {
        self.joined().into_iter().find(|incident| *incident.id == *id)
    }
}

impl SourceView {
    /// About when it delivered last.
    #[must_use]
    pub fn delivered_at(&self) -> Timestamp {
        let lag = i64::try_from(self.lag_millis.unwrap_or_default()).unwrap_or(i64::MAX);
        self.last_event_at.map_or_else(Timestamp::default, |newest| newest.plus_millis(lag))
    }
}

impl ConnectionView {
    /// Those that somebody must renew in time: none of a connection that was removed or switched off.
    #[must_use]
    pub fn certificates_in_use(&self) -> Option<&BTreeMap<Box<str>, Certificate>> {
        self.info.as_deref().is_none_or(ConnectionInfo::is_in_use).then_some(&self.certificates)
    }

    /// The id, or `unknown`.
    #[must_use]
    pub fn label(&self) -> &str {
        label(self.id.as_ref())
    }

    /// The type, or `unknown`.
    #[must_use]
    pub fn connection_type(&self) -> &str {
        connection_type(self.info.as_deref())
    }
}

pub(super) fn label(id: Option<&ConnectionId>) -> &str {
    id.map_or("unknown", ConnectionId::as_str)
}

pub(super) fn connection_type(info: Option<&ConnectionInfo>) -> &str {
    info.and_then(|info| info.connection_type.as_deref()).unwrap_or("unknown")
}
