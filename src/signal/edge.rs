//! What is known of the edge: its tiers and the declared limits.

use std::ops::AddAssign;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::WINDOWS;
use crate::event::edge::Kind;
use crate::event::{Personal, Timestamp};

/// One tier.
#[derive(Clone, PartialEq, Debug)]
pub struct TierView {
    /// Its name.
    pub tier: Arc<str>,
    /// Requests since the beginning by kind, in order of the kind.
    pub requests: Vec<(Kind, u64)>,
    /// How long they took, in microseconds, by [`crate::event::edge::DURATION_BOUNDS_MICROS`].
    pub durations: Buckets,
    /// How long their URIs were, by [`crate::event::edge::URI_BOUNDS_BYTES`].
    pub uri_bytes: Buckets,
    /// Content of the sliding windows, as in [`WINDOWS`]. They slide by a minute.
    pub windows: [TierWindow; WINDOWS.len()],
    /// The longest of those windows by the minute, oldest first; minutes without a request are left out.
    pub minutes: Vec<TierMinute>,
    /// When its newest request ended.
    pub last_at: Option<Timestamp>,
}

/// One minute of a tier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TierMinute {
    /// Its start in seconds since the epoch, a multiple of 60.
    pub start_seconds: i64,
    /// How many requests did what.
    pub counts: TierCounts,
}

/// What happened at a tier in a window.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct TierWindow {
    /// How many requests did what.
    pub counts: TierCounts,
    /// Different clients that got a 429; the standard error is 2.3 %.
    pub limited_clients: u64,
    /// Different clients that got a 403; the standard error is 2.3 %.
    pub blocked_clients: u64,
    /// The callers with most requests, most first.
    pub talkers: Vec<Talker>,
}

/// How many requests of a tier did what.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct TierCounts {
    /// All.
    pub requests: u64,
    /// Those from within.
    pub internal: u64,
    /// Answered with 5xx.
    pub errors: u64,
    /// Answered with 429.
    pub limited: u64,
    /// Answered with 403.
    pub blocked: u64,
    /// Answered with 414.
    pub too_long: u64,
    /// With a URI that was nearly too long, and another answer than 414.
    pub long_uris: u64,
}

/// A caller with many requests.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Talker {
    /// The client's address, treated as personal data is.
    pub name: Personal,
    /// Whether it is internal.
    pub internal: bool,
    /// Its requests: never too few, and too many by at most `over`.
    pub requests: u64,
    /// How many of them may belong to others that are no longer remembered.
    pub over: u64,
}

/// Observations in buckets, not cumulative; the last is +Inf.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Buckets {
    /// How many in each.
    pub counts: Vec<u64>,
    /// Sum of all observations.
    pub sum: u64,
}

/// One declared limit.
#[derive(Clone, PartialEq, Debug)]
pub struct LimitView {
    /// Its name.
    pub limit: Box<str>,
    /// Quota and burst as they are declared, e.g. `200/s, burst 50`.
    pub quota: Box<str>,
    /// The busiest key's highest use in the last minute, 1 for all of the quota or of the burst; `None` before the first
    /// request.
    pub utilization: Option<f64>,
    /// Requests that were held against it.
    pub requests: u64,
    /// Requests that were not, because too many keys were busier in their second.
    pub unnamed: u64,
    /// Requests that it would have refused.
    pub exceeded: u64,
    /// Keys that would have been refused, up to 256.
    pub refused_keys: u64,
    /// When the first request would have been refused.
    pub first_refused_at: Option<Timestamp>,
    /// The keys with most refusals, and after them the busiest; at most 10.
    pub keys: Vec<KeyView>,
}

/// One key of a declared limit.
#[derive(Clone, PartialEq, Debug)]
pub struct KeyView {
    /// The client's address, the header's value or the account, treated as personal data is.
    pub key: Personal,
    /// Its use now.
    pub utilization: f64,
    /// Its highest use since it was seen first.
    pub peak: f64,
    /// Its requests since then.
    pub requests: u64,
    /// Those that would have been refused.
    pub refused: u64,
    /// The first of them.
    pub first_refused_at: Option<Timestamp>,
    /// The last of them.
    pub last_refused_at: Option<Timestamp>,
}

impl AddAssign for TierCounts {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.internal += other.internal;
        self.errors += other.errors;
        self.limited += other.limited;
        self.blocked += other.blocked;
        self.too_long += other.too_long;
        self.long_uris += other.long_uris;
    }
}

impl TierCounts {
    /// Those with which something is wrong: 5xx, 429, 403 and 414.
    #[must_use]
    pub fn bad(&self) -> u64 {
        self.errors + self.limited + self.blocked + self.too_long
    }

    /// Share of requests from within; `None` without a request.
    #[must_use]
    pub fn internal_share(&self) -> Option<f64> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a ratio of counts needs no more than 52 bits"
        )]
        let share = self.internal as f64 / self.requests as f64;
        (self.requests > 0).then_some(share)
    }
}

impl Buckets {
    /// How many observations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}
