//! The right side of the hourglass: what the engine knows, as one immutable value that scrape, push, page, API and pager
//! all read, so that they cannot disagree.

pub mod catalog;
mod course;
mod edge;
mod incident;
mod snapshot;

pub use course::{Course, Happened, Reach, Step};
pub use edge::{Buckets, KeyView, LimitView, Talker, TierCounts, TierView, TierWindow};
pub use incident::{Evidence, Incident, SINK_FAILING, Scope, Severity, State, Transition};
pub use snapshot::{
    Certificate, ClosedWindow, ConnectionDelta, ConnectionView, Counts, DURATION_BOUNDS_SECONDS,
    DurationDelta, Durations, Minute, ProviderView, ScopeView, Snapshot, SourceDelta, SourceView,
    WINDOW_SECONDS, WINDOWS,
};
