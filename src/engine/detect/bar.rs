//! What the streams of a scope are held to.

/// What a scope's streams are held to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bar {
    /// People who must be hit before a ticket is cut.
    pub(super) people_min: u32,
    /// Days a false alarm, over all scopes of this kind.
    pub(super) false_alarm_days: f64,
    /// Scopes of this kind.
    pub(super) scopes: f64,
    /// Below 1: each attempt counts less.
    pub(super) tempering: f64,
    /// Variance with which the log-odds wander by themselves.
    pub(super) wander: f64,
    /// The smallest shift that pages.
    pub(super) shift_min: f64,
    /// Whether the usual is that of the last attempt or an average over many connections.
    pub(super) averaged: bool,
    /// How long attempts wait before they enter the baseline.
    pub(super) wait_seconds: u32,
    /// Whether the scope is known well enough to judge it.
    pub(super) established: bool,
    /// Nats that end an alarm.
    pub(super) relief_nats: f64,
    /// How long an alarm lasts at least.
    pub(super) alarm_seconds_min: u32,
    /// Days in which half of a baseline is forgotten.
    pub(super) half_life_days: f64,
}

impl Bar {
    /// Share of a baseline that is left after `days`. Computed when a day is over, not for each attempt.
    pub(super) fn left_after(&self, days: f64) -> f64 {
        libm::pow(libm::exp2(-1.0 / self.half_life_days), days)
    }
}
