//! Access logs of the edge: their lines, and what a second of them adds up to.
//!
//! A line lives only as long as it is read: [`Tallier`] adds lines up to an [`EdgeTally`] for each second and tier, and
//! those are what the journal holds. What a line needs to be understood, the operator's formats, tiers, routes and limits,
//! is the [`Scheme`].

mod address;
mod distinct;
mod format;
mod hasher;
mod json;
mod line;
mod method;
mod moment;
mod pattern;
mod preset;
mod route;
mod scheme;
mod tallier;
mod tally;
mod tier;
mod watch;

pub use address::{Internal, Network};
pub use distinct::Distinct;
pub use format::{DurationUnit, Format, FormatConfig, KeysConfig, TimeIs};
pub use line::{EdgeLine, HEADERS_MAX};
pub use method::Method;
pub use moment::Moment;
pub use route::PathPattern;
pub use scheme::{DEFAULT_TIER, LIMITS_MAX, NO_ROUTE, Scheme, TIERS_MAX};
pub use tallier::Tallier;
pub use tally::{
    Arrivals, CELLS_MAX, Caller, DURATION_BOUNDS_MICROS, EdgeTally, Histogram, KEYS_MAX, Kind,
    LimitUse, OTHER_ROUTE, SLOTS, URI_BOUNDS_BYTES,
};
pub use tier::{LONG_URI_BYTES, Tier, label};
pub use watch::{Key, Watch};
