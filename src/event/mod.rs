//! The left side of the hourglass: what happened, in types that cannot be wrong. Imports no other module.

mod auth;
pub mod batch;
pub mod cause;
pub mod decode;
pub mod edge;
mod fingerprint;
mod id;
mod novel;
pub mod personal;
mod planned;
mod record;
mod short;
mod silence;
mod timestamp;

pub use auth::{
    AuthError, AuthEvent, Authentication, Body, CertificateNotice, ConnectionInfo, Person, Sso,
    Step,
};
pub use fingerprint::fingerprint;
pub use id::{ConnectionId, EventId, ID_BYTES_MAX, OrganizationId, SessionId};
pub use novel::{Novel, Novelties, Novelty};
pub use personal::{Personal, Privacy, Treatment, UserKey};
pub use planned::{Covers, Marker, Planned};
pub use record::{Entry, PLACES, Reason, Record, Source, SourceTrouble, Told};
pub use silence::Silence;
pub use timestamp::Timestamp;
