//! What is wrong with NATS.

/// NATS does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// What the configuration names cannot be used.
    #[error("`{place}`: {error}")]
    Settings {
        /// Where it stands in the configuration.
        place: &'static str,
        /// What is wrong.
        error: String,
    },
    /// It cannot be reached.
    #[error(
        "cannot reach NATS at {urls}: {error}; look at the servers, `{place}.urls` and the login"
    )]
    Unreachable {
        /// Where the servers stand in the configuration.
        place: &'static str,
        /// Where.
        urls: String,
        /// Why.
        error: String,
    },
    /// No answer, or one that says: later.
    #[error(
        "NATS does not answer ({what}): {error}; it needs JetStream and most servers of its cluster"
    )]
    Away {
        /// To what.
        what: String,
        /// Why.
        error: String,
    },
    /// The login may not.
    #[error(
        "NATS lets this login not publish to `{subject}`; give it the right to, and to what docs/scaling.md lists beside it"
    )]
    Forbidden {
        /// To what.
        subject: String,
    },
    /// It will not.
    #[error("NATS refuses ({what}): {error}")]
    Refused {
        /// What.
        what: String,
        /// Its number for it.
        code: u64,
        /// Its words.
        error: String,
    },
}

impl BusError {
    /// Whether the same request may be answered later.
    pub(super) fn is_temporary(&self) -> bool {
        matches!(self, Self::Away { .. })
    }
}
