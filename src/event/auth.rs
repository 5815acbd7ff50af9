//! One WorkOS event, as the engine sees it: parsed once, bounded, personal data already treated.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    ConnectionId, EventId, Novel, OrganizationId, Personal, SessionId, Timestamp, UserKey,
};

/// One event. Two events with the same [`EventId`] are the same event, whichever way they came.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AuthEvent {
    /// The dedup key.
    pub id: EventId,
    /// `created_at`: decides the window to which the event belongs.
    pub at: Timestamp,
    /// WorkOS's name of the event, e.g. `authentication.sso_failed`.
    pub name: Arc<str>,
    /// What it says.
    pub body: Body,
    /// What this version does not know of it. It goes into the journal as a record of its own ([`super::Novelties`]).
    #[serde(skip)]
    pub novel: Vec<(Novel, Box<str>)>,
}

/// What an event says, as far as ssowatch uses it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Body {
    /// `authentication.sso_*`: a step of a sign-in.
    Sso(Sso),
    /// Other `authentication.*` events (password, magic link, …): counted and shipped as logs.
    Authentication(Authentication),
    /// `connection.activated`, `.deactivated`, `.deleted`.
    Connection(ConnectionInfo),
    /// `connection.saml_certificate_renewal_required`, `.saml_certificate_renewed`.
    Certificate(CertificateNotice),
    /// Everything else: counted by its name, never an error.
    Other,
}

/// The step of a sign-in that an event reports.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Step {
    /// `sso_started`.
    Started,
    /// `sso_succeeded`: the application has exchanged the code.
    Succeeded,
    /// `sso_failed`.
    Failed,
    /// `sso_timed_out`: in progress for five minutes.
    TimedOut,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Started, Self::Succeeded, Self::Failed, Self::TimedOut];

    /// WorkOS's name of the event.
    #[must_use]
    pub const fn event_name(self) -> &'static str {
        match self {
            Self::Started => "authentication.sso_started",
            Self::Succeeded => "authentication.sso_succeeded",
            Self::Failed => "authentication.sso_failed",
            Self::TimedOut => "authentication.sso_timed_out",
        }
    }
}

/// A step of a sign-in. Every id may be absent or null in the source; that is kept as `None`, never dropped.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Sso {
    /// Which step.
    pub step: Step,
    /// Null when it failed before a connection was chosen: the `unknown` bucket.
    pub connection_id: Option<ConnectionId>,
    /// The customer.
    pub organization_id: Option<OrganizationId>,
    /// Joins the start to its end.
    pub session_id: Option<SessionId>,
    /// Why it failed; present on failures and time-outs.
    pub error: Option<AuthError>,
    /// Whose sign-in, as far as privacy allows.
    pub person: Person,
    /// Whether the event comes from a test in the Admin Portal (`context.actor.source == "admin_portal"`).
    pub test: bool,
}

/// Any other authentication event.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Authentication {
    /// Why it failed, when it did.
    pub error: Option<AuthError>,
    /// Whose, as far as privacy allows.
    pub person: Person,
}

/// `error` of an event. `code` is a free string: there is no official list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuthError {
    /// At most 128 bytes.
    pub code: Arc<str>,
    /// At most 512 bytes, with e-mail addresses, IP addresses and ids of users treated like other personal data.
    pub message: Box<str>,
}

/// Who signed in. Under `privacy.personal: drop` every field is `None`.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Person {
    /// Tells users apart without naming them: a keyed hash of the user id, or else of the e-mail address.
    pub key: Option<UserKey>,
    /// `user_id`.
    pub user_id: Option<Personal>,
    /// `email`.
    pub email: Option<Personal>,
    /// `ip_address`.
    pub ip_address: Option<Personal>,
    /// `user_agent`.
    pub user_agent: Option<Personal>,
}

/// What is known of a connection, from `connection.*` events, `GET /connections` and `GET /organizations`. `None` means
/// that this source does not say: what another source said stays.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ConnectionInfo {
    /// Which connection.
    pub id: ConnectionId,
    /// Whose.
    pub organization_id: Option<OrganizationId>,
    /// The customer's name (not unique).
    pub organization_name: Option<Box<str>>,
    /// e.g. `OktaSAML`: about 50 values, differing by version, so a string.
    pub connection_type: Option<Box<str>>,
    /// The connection's name.
    pub name: Option<Box<str>>,
    /// `draft`, `active`, `validating`, `inactive`, `deleting`, or a later word; `deleted` after `connection.deleted`.
    pub state: Option<Box<str>>,
}

impl ConnectionInfo {
    /// Whether people may sign in with it: it was neither removed nor switched off.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        !matches!(self.state.as_deref(), Some("deleted" | "deleting" | "inactive"))
    }
}

/// What an event says of a connection's certificate.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CertificateNotice {
    /// Which connection.
    pub connection_id: ConnectionId,
    /// Whose.
    pub organization_id: Option<OrganizationId>,
    /// `ResponseSigning`, `RequestSigning`, `ResponseEncryption`, or a later word.
    pub certificate_type: Box<str>,
    /// When it expires.
    pub expires_at: Timestamp,
}
