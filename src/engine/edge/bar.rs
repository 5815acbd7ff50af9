//! What a stream is held to.

/// What a stream is held to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bar {
    /// What is thought of a tier of which nothing is known; `None`: it is not judged before it is known.
    pub(super) prior: Option<f64>,
    /// The smallest shift that pages.
    pub(super) shift_min: f64,
    /// The share of bad requests without which nothing is told, not even a ticket.
    pub(super) share_min: f64,
    /// Whether what rises may page: where bad requests must stand in place of good ones, whether they do.
    pub(super) turned: bool,
    /// Days a false alarm, over all streams of all tiers.
    pub(super) false_alarm_days: f64,
}
