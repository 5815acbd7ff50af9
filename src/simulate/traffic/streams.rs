//! The random numbers of the sign-ins: a stream for each decision, so that one more of a kind changes no other.

use crate::simulate::random::{NormalStream, Stream};

#[derive(Debug)]
pub(super) struct Streams {
    pub(super) region_burst: NormalStream,
    pub(super) arrivals: Stream,
    pub(super) second: Stream,
    pub(super) burst: NormalStream,
    pub(super) connection: Stream,
    pub(super) user: Stream,
    pub(super) chronic: Stream,
    pub(super) chronic_denied: Stream,
    pub(super) chronic_now: Stream,
    pub(super) outcome: Stream,
    pub(super) sticky: Stream,
    pub(super) code: Stream,
    pub(super) latency: NormalStream,
    pub(super) retry: Stream,
    pub(super) retry_delay: NormalStream,
    pub(super) bunch: NormalStream,
    pub(super) bunch_all: NormalStream,
}

impl Streams {
    pub(super) fn new(seed: u64, fleet_seed: u64) -> Self {
        Self {
            region_burst: NormalStream::new(seed, "rb"),
            arrivals: Stream::new(seed, "arr"),
            second: Stream::new(seed, "sec"),
            burst: NormalStream::new(seed, "burst"),
            connection: Stream::new(seed, "conn"),
            user: Stream::new(seed, "user"),
            chronic: Stream::new(fleet_seed, "chron"),
            chronic_denied: Stream::new(fleet_seed, "chrond"),
            chronic_now: Stream::new(seed, "chz"),
            outcome: Stream::new(seed, "out"),
            sticky: Stream::new(seed, "stick"),
            code: Stream::new(seed, "code"),
            latency: NormalStream::new(seed, "lat"),
            retry: Stream::new(seed, "retry"),
            retry_delay: NormalStream::new(seed, "rdel"),
            bunch: NormalStream::new(seed, "bunch"),
            bunch_all: NormalStream::new(seed, "bunchall"),
        }
    }
}
