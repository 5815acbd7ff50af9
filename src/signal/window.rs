//! Closed windows, for sinks that take what changed in place of what is.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::snapshot::{connection_type, label};
use super::{Counts, Durations};
use crate::event::{ConnectionId, ConnectionInfo, Reason, Source};

/// Length of a window for push sinks, in seconds: what Datadog's own agent flushes at.
pub const WINDOW_SECONDS: u32 = 10;

/// What changed in one closed window of [`WINDOW_SECONDS`]: sign-ins in event time, the work of the sources in the time of
/// their arrival. Complete in itself and never changed once it is closed, so that it is the same whenever it is sent.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ClosedWindow {
    /// Its start in seconds since the epoch, a multiple of [`WINDOW_SECONDS`]; grows from window to window.
    pub start_seconds: i64,
    /// By connection, in order of first appearance of the connection; only what changed.
    pub connections: Vec<ConnectionDelta>,
    /// Durations by connection type.
    pub durations: Vec<DurationDelta>,
    /// Events by name.
    pub event_types: Vec<(Arc<str>, u64)>,
    /// What sources did, in order of the source.
    pub sources: Vec<SourceDelta>,
}

/// What changed on one connection in a window.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ConnectionDelta {
    /// `None`: the unknown bucket.
    pub id: Option<ConnectionId>,
    /// What was known of it when the window closed.
    pub info: Option<Arc<ConnectionInfo>>,
    /// What happened.
    pub counts: Counts,
    /// Failures by cause.
    pub causes: Vec<(Arc<str>, u64)>,
}

/// Durations of one connection type in a window.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DurationDelta {
    /// e.g. `OktaSAML`.
    pub connection_type: Arc<str>,
    /// What was observed.
    pub durations: Durations,
}

/// What one source did in a window.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SourceDelta {
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
}

impl ConnectionDelta {
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
