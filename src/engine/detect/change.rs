//! What the detection is told, and what it tells.

use serde::{Deserialize, Serialize};

use super::Kind;
use crate::engine::calendar::Place;

/// One attempt.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Trial<'a> {
    pub(in crate::engine) second: u32,
    pub(in crate::engine) kind: Kind,
    pub(in crate::engine) bad: bool,
    pub(in crate::engine) connection: u32,
    pub(in crate::engine) provider: u32,
    pub(in crate::engine) person: u64,
    /// Whether `person` names somebody, or only this sign-in.
    pub(in crate::engine) known: bool,
    /// Where it comes from.
    pub(in crate::engine) address: Option<u64>,
    /// Error code of a failure.
    pub(in crate::engine) code: Option<&'a str>,
    /// Of what it says anything.
    pub(in crate::engine) telling: Telling,
    /// Whether it is history that comes beside what tells it in order: it teaches, and is not judged.
    pub(in crate::engine) beside: bool,
}

/// The widest scope of which an attempt says anything.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::engine) enum Telling {
    Connection,
    Provider,
    Fleet,
}

/// A stream of evidence at one scope.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(in crate::engine) enum Signal {
    Stream(Kind),
    /// A code that spreads, by its hash.
    Code(u64),
    /// Arrivals that stop.
    Drought(Arrival),
}

/// What arrives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(in crate::engine) enum Arrival {
    Start,
    Success,
}

/// Something began or ended.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub(in crate::engine) struct Change {
    pub(in crate::engine) second: u32,
    pub(in crate::engine) place: Place,
    pub(in crate::engine) signal: Signal,
    pub(in crate::engine) what: What,
}

/// What began or ended.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub(in crate::engine) enum What {
    Raised,
    Over,
    Ticket,
    TicketOver,
}
