//! The connection to a NATS cluster: who is let in, requests with an answer, and what is wrong when there is none.

mod access;
mod error;
mod forbidden;
mod hedge;
mod inbox;
mod link;

pub use access::{Access, Keys, Tls};
pub use error::BusError;
pub(crate) use hedge::hedged;
pub(crate) use inbox::Inbox;
pub(crate) use link::{Link, Tries, parse};
