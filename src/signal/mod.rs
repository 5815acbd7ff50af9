//! The right side of the hourglass: what the engine knows, as one immutable value that scrape, push, page, API and pager
//! all read, so that they cannot disagree.

pub mod catalog;
mod counts;
mod course;
mod crowd;
mod edge;
mod incident;
mod joined;
mod snapshot;
mod stretch;
mod vocabulary;
mod window;

pub use counts::{Counts, DURATION_BOUNDS_SECONDS, Durations, Minute};
pub use course::{Course, Happened, Reach, Step, Unwatched};
pub use crowd::{Came, CrowdMinute, CrowdView, PEOPLE_MAX, Share};
pub use edge::{Buckets, KeyView, LimitView, Talker, TierCounts, TierMinute, TierView, TierWindow};
pub use incident::{
    EDGE_ERRORS, EDGE_RATE_LIMITED, Evidence, Incident, SINK_FAILING, Scope, Severity, State,
    TOGETHER_SECONDS, Transition,
};
pub use joined::joined;
pub use snapshot::{
    Certificate, ConnectionView, ProviderView, ScopeView, Snapshot, SourceView, WINDOWS,
};
pub use stretch::{MinuteOf, Stretch};
pub use vocabulary::Vocabulary;
pub use window::{ClosedWindow, ConnectionDelta, DurationDelta, SourceDelta, WINDOW_SECONDS};
