//! Work that was announced: a migration, a deploy.

use serde::{Deserialize, Serialize};

use super::{ConnectionId, Timestamp};

/// A window in which trouble on some connections is expected. It pages when it outlasts the window, and at once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Planned {
    /// Unique; a later one of the same id replaces it.
    pub id: Box<str>,
    /// From when.
    pub from: Timestamp,
    /// Until when; what is still broken then is news.
    pub until: Timestamp,
    /// Which connections.
    pub covers: Covers,
    /// What is done, in words.
    pub note: Box<str>,
}

/// Planned work as people put it into timelines and charts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Marker {
    /// What is done, where and when; a moment has its end at its beginning.
    pub work: Planned,
    /// Who said so.
    pub author: Box<str>,
    /// Whether trouble is expected, so that nobody is paged for it before the end. Otherwise it changes nothing but words.
    pub expected: bool,
}

/// What planned work is about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Covers {
    /// All of them.
    All,
    /// Those of one type.
    ConnectionType(Box<str>),
    /// These.
    Connections(Vec<ConnectionId>),
    /// None of them, but a tier of the edge.
    Tier(Box<str>),
}
