//! What the journal holds. State is a fold of these entries, so whatever must survive a restart is one of them.

use serde::{Deserialize, Serialize};

use super::edge::EdgeTally;
use super::{AuthEvent, ConnectionInfo, Marker, Novelty, Planned, Silence, Timestamp};

/// How the key of a cursor begins that says at which place a receiver is told; [`Told::receiver`] follows.
pub const PLACES: &str = "receiver:";

/// One entry of the journal.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// When it was appended. The fold moves its time forward to this moment before it applies the record.
    pub received_at: Timestamp,
    /// What happened.
    pub record: Record,
}

/// What an entry says. New variants go to the end: the encoding numbers them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Record {
    /// An event, seen for the first time.
    Event {
        /// Which way it came.
        source: Source,
        /// The event.
        event: AuthEvent,
    },
    /// Events that were not taken: `duplicates` had been seen before, `rejected` could not be read.
    Refused {
        /// Which way they came.
        source: Source,
        /// How many had been seen before.
        duplicates: u64,
        /// How many were rejected, by reason.
        rejected: Vec<(Reason, u64)>,
    },
    /// Names, types and states from `GET /connections` and `GET /organizations`.
    Directory(Vec<ConnectionInfo>),
    /// How far a pulled source has come; appended in one batch with the events up to there. Or at which place a receiver is told
    /// from now on (see [`PLACES`]): what it was told before, at another one, counts as over.
    Cursor {
        /// Unique among sources and receivers, e.g. `workos_api`, `files:7` or `receiver:pagerduty`.
        key: Box<str>,
        /// Opaque to all but its source or receiver. Empty: the cursor is no longer needed.
        value: Box<str>,
    },
    /// What a receiver was told.
    Told(Told),
    /// A sink has accepted everything up to here.
    Sent {
        /// The sink, e.g. `datadog_metrics`.
        sink: Box<str>,
        /// Opaque to all but its sink; grows with each acceptance.
        mark: u64,
    },
    /// A pulled source has nothing more: what it had at `at` stands before this entry. Said once after each start, and
    /// after each time that it fell behind.
    CaughtUp {
        /// Which source.
        source: Source,
        /// When it was asked last.
        at: Timestamp,
    },
    /// Work that was announced.
    Planned(Planned),
    /// A sink says how it is.
    SinkHealth {
        /// Which, e.g. `datadog_metrics`.
        sink: Box<str>,
        /// What is wrong, in words; `None`: all is well again.
        trouble: Option<Box<str>>,
    },
    /// A second of access logs, or a part of it.
    Edge(EdgeTally),
    /// The daemon runs again: between the entry before and this one nobody listened, so that silence says nothing.
    Resumed,
    /// Somebody does not want to be told of something for a while, or wants to be told again: then it ends now.
    Silenced(Silence),
    /// Somebody marked planned work, or its end.
    Marked(Marker),
    /// A pulled source says how it is.
    SourceHealth {
        /// Which.
        source: Source,
        /// What is wrong; `None`: all is well again.
        trouble: Option<SourceTrouble>,
    },
    /// The webhook brought events that the Events API had brought first: their fingerprints.
    Brought(Vec<u64>),
    /// Something fired, or was resolved, because time came this far: when the journal is read again it must do so again.
    Reached,
    /// Events had what this version does not know.
    Novel(Vec<Novelty>),
}

/// A source cannot do its work.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SourceTrouble {
    /// Since when.
    pub since: Timestamp,
    /// Whether it has lasted for so long that people must be told.
    pub page: bool,
    /// What is wrong, in words.
    pub words: Box<str>,
}

/// A receiver has accepted a notification.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Told {
    /// The receiver's name, unique in the configuration.
    pub receiver: Box<str>,
    /// The incident's fingerprint.
    pub fingerprint: Box<str>,
    /// Whether it was told that the incident is open, or that it has ended.
    pub open: bool,
    /// The engine's time of what it accepted.
    pub at: Timestamp,
}

/// Which way an event came. The label `source` of the metrics.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Source {
    /// `POST /webhooks/workos`.
    WorkosWebhook,
    /// The Events API.
    WorkosApi,
    /// `POST /v1/events` and `POST /api/v2/logs`.
    Push,
    /// Recorded events, once or followed.
    Files,
    /// Access logs, which way they may come.
    Edge,
    /// A stream of NATS.
    Nats,
}

impl Source {
    /// All of them, in the order of their labels.
    pub const ALL: [Self; 6] =
        [Self::Edge, Self::Files, Self::Nats, Self::Push, Self::WorkosApi, Self::WorkosWebhook];

    /// The key under `sources:` in the configuration, and the label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WorkosWebhook => "workos_webhook",
            Self::WorkosApi => "workos_api",
            Self::Push => "push",
            Self::Files => "files",
            Self::Edge => "edge",
            Self::Nats => "nats",
        }
    }
}

/// Why input was rejected. The label `reason` of `ssowatch_events_rejected_total`: closed, so that it stays bounded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Reason {
    /// Not JSON.
    NotJson,
    /// Not UTF-8.
    NotUtf8,
    /// JSON nested too deep.
    TooDeep,
    /// JSON, but without `id`, `event`, `created_at` or `data` of the right types.
    NotAnEvent,
    /// An id longer than [`super::ID_BYTES_MAX`], or empty.
    BadId,
    /// `created_at` cannot be read.
    BadTimestamp,
    /// `created_at` lies further ahead than clocks differ.
    FutureTimestamp,
    /// A line, a body or a decompressed body over its limit.
    TooLarge,
    /// gzip or zstd that cannot be decompressed, or an encoding that is not known.
    BadEncoding,
    /// No `WorkOS-Signature`, or one that cannot be read.
    SignatureMissing,
    /// A signature that does not fit the body.
    SignatureMismatch,
    /// A signature older, or newer, than the tolerance.
    SignatureStale,
    /// No token, or a wrong one.
    Unauthorized,
    /// The intake was at its limit.
    Busy,
    /// A line that does not fit its access-log format.
    NotALine,
    /// A line of an access log without a status of three digits.
    BadStatus,
    /// From an address that may not send.
    NotAllowed,
    /// More requests than an address, or all together, may send.
    RateLimited,
}

impl Reason {
    /// All of them, in the order of declaration.
    pub const ALL: [Self; 18] = [
        Self::NotJson,
        Self::NotUtf8,
        Self::TooDeep,
        Self::NotAnEvent,
        Self::BadId,
        Self::BadTimestamp,
        Self::FutureTimestamp,
        Self::TooLarge,
        Self::BadEncoding,
        Self::SignatureMissing,
        Self::SignatureMismatch,
        Self::SignatureStale,
        Self::Unauthorized,
        Self::Busy,
        Self::NotALine,
        Self::BadStatus,
        Self::NotAllowed,
        Self::RateLimited,
    ];

    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::NotUtf8 => "not_utf8",
            Self::TooDeep => "too_deep",
            Self::NotAnEvent => "not_an_event",
            Self::BadId => "bad_id",
            Self::BadTimestamp => "bad_timestamp",
            Self::FutureTimestamp => "future_timestamp",
            Self::TooLarge => "too_large",
            Self::BadEncoding => "bad_encoding",
            Self::SignatureMissing => "signature_missing",
            Self::SignatureMismatch => "signature_mismatch",
            Self::SignatureStale => "signature_stale",
            Self::Unauthorized => "unauthorized",
            Self::Busy => "busy",
            Self::NotALine => "not_a_line",
            Self::BadStatus => "bad_status",
            Self::NotAllowed => "not_allowed",
            Self::RateLimited => "rate_limited",
        }
    }
}
