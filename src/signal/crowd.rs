//! Who signed in lately, counted as people and not as tries.

use serde::{Deserialize, Serialize};

/// People of one connection who are remembered as failed: 16 bytes each. Beyond that those who were hit longest ago are forgotten.
pub const PEOPLE_MAX: usize = 256;

/// The fleet's people of the last hour. Whoever failed in the twelve hours before is left out.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct CrowdView {
    /// By the minute, oldest first.
    pub minutes: Vec<CrowdMinute>,
    /// In all, decaying: of those who ended a sign-in, and of those who should have ended one.
    pub failing: Share,
    /// The same for hanging.
    pub hanging: Share,
}

/// People of one minute.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct CrowdMinute {
    /// Its start in seconds since the epoch, a multiple of 60.
    pub start_seconds: i64,
    /// Whose sign-in ended, and failed.
    pub failing: Came,
    /// Whose sign-in should have ended, and has not.
    pub hanging: Came,
}

/// How many, and how many of them were hit.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Came {
    /// All.
    pub all: u64,
    /// Those who were hit.
    pub bad: u64,
}

/// [`Came`], decaying with time.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct Share {
    /// All.
    pub all: f64,
    /// Those who were hit.
    pub bad: f64,
}
