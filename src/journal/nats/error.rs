//! Why a journal in NATS cannot be used.

use crate::bus::BusError;

/// It cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// NATS does not do what it was asked.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// A stream is not as it should be.
    #[error(
        "the stream {stream} has `{setting}` {found}, and the configuration asks for {wanted}; \
        change one of them (`nats stream edit {stream}`), or take another `journal.nats.stream`"
    )]
    Differs {
        /// Which.
        stream: String,
        /// NATS's name for the setting.
        setting: &'static str,
        /// As it is.
        found: String,
        /// As it should be.
        wanted: String,
    },
    /// The journal ends before what was read of it.
    #[error(
        "the journal in NATS ends before what was read of it: its servers have lost messages, or it was made anew"
    )]
    Shrunk,
    /// Another instance owns the journal.
    #[error("another instance of ssowatch owns the journal now")]
    NotOwner,
}

impl NatsError {
    /// The label `reason` of `ssowatch_journal_failures_total`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Bus(BusError::Settings { .. }) | Self::Differs { .. } => "nats_settings",
            Self::Bus(BusError::Unreachable { .. } | BusError::Away { .. }) => "nats_away",
            Self::Bus(BusError::Refused { .. } | BusError::Forbidden { .. }) => "nats_refused",
            Self::Shrunk => "nats_shrunk",
            Self::NotOwner => "not_owner",
        }
    }
}
