//! Names that WorkOS gives to things. Opaque: nothing here reads meaning from their text.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::short::Short;

/// Longest id that is accepted, in bytes. WorkOS ids are a prefix and a ULID, about 40 bytes; anything much longer is
/// not an id and would only fill memory.
pub const ID_BYTES_MAX: usize = 128;

/// `event_…`: the key by which an event counts once, the same in webhooks and in the Events API.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(Short);

/// `conn_…`: one customer's connection to one identity provider.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionId(Arc<str>);

/// `org_…`: one customer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrganizationId(Arc<str>);

/// `session_…`: one sign-in, from its start to its end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(Short);

impl EventId {
    /// An id with this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Short::new(text))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Its text, as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl ConnectionId {
    /// An id with this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// An id with this text, which others may have too.
    #[must_use]
    pub fn shared(text: Arc<str>) -> Self {
        Self(text)
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl OrganizationId {
    /// An id with this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// An id with this text, which others may have too.
    #[must_use]
    pub fn shared(text: Arc<str>) -> Self {
        Self(text)
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SessionId {
    /// An id with this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Short::new(text))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Its text, as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
