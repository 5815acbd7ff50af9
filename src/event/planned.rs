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

/// Which connections planned work is about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Covers {
    /// All of them.
    All,
    /// Those of one type.
    ConnectionType(Box<str>),
    /// These.
    Connections(Vec<ConnectionId>),
}
