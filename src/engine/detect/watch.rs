//! What is watched on one connection, and what it expects.

use serde::{Deserialize, Serialize};

use super::config::{Config, Kind};
use super::people::{Addresses, Unlucky};
use super::slow::SlowMark;
use super::stream::Stream;
use super::takeover::Takeover;
use super::wander::Gauge;

/// Attempts that the prior is worth.
const CONNECTION_PRIOR: f64 = 60.0;
/// The usual of a connection is lifted by this share and one standard deviation: its baseline is an estimate.
const LIFT: f64 = 1.1;
const USUAL_MIN: f64 = 0.004;
const USUAL_MAX: f64 = 0.6;
/// Connections that are heard of within this time of the first one are not new.
const BEGINNING_SECONDS: u32 = 21_600;

/// What is watched on one connection.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Watch {
    pub(super) streams: [Stream; Kind::ALL.len()],
    /// Second of its first attempt; 0: none yet.
    pub(super) first_at: u32,
    pub(super) successes: u32,
    /// Finished attempts of people who did not fail lately.
    pub(super) attempts: u32,
    pub(super) provider: u32,
    pub(super) unlucky: Unlucky,
    pub(super) addresses: Addresses,
    pub(super) slow: SlowMark,
    pub(super) takeover: Option<Box<Takeover>>,
    pub(super) takeover_day: u32,
    /// Of a busy one: how its odds wander. A part of the state that older builds did not have.
    #[serde(skip)]
    pub(super) gauges: Option<Box<[Gauge; Kind::ALL.len()]>>,
}

/// What a connection expects of an attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expectation {
    pub(super) mean: f64,
    pub(super) usual: f64,
}

impl Watch {
    /// Fetches it: some of each part.
    pub(super) fn look(&self) -> usize {
        let learned = |stream: &Stream| usize::from(stream.learned.attempts > 0.0);
        let streams: usize = self.streams.iter().map(learned).sum();
        streams + usize::from(self.first_at > 0) + self.addresses.len() + self.unlucky.len()
    }

    /// Fetches what it leads to.
    pub(super) fn look_inside(&self) -> usize {
        self.addresses.look() + self.unlucky.look()
    }

    /// Whether it is known well enough to be judged. A connection that was there from the beginning is new to us, not to its
    /// customer.
    pub(super) fn is_established(
        &self,
        kind: Kind,
        second: u32,
        began: u32,
        config: &Config,
    ) -> bool {
        let old = self.first_at <= began.saturating_add(BEGINNING_SECONDS);
        let stream = &self.streams[kind as usize];
        let attempts = stream.learned.attempts + stream.learned.fresh_attempts;
        // An alarm forgets what was not yet usual: that makes nobody a stranger while it is up.
        (attempts >= f64::from(config.min_attempts) || stream.alarm.is_some())
            && self.works(config)
            && (old || u64::from(second.saturating_sub(self.first_at)) >= config.min_age.seconds())
    }

    /// Whether sign-ins have ever worked here: what is broken since it was set up says nothing of what others should expect.
    pub(super) fn works(&self, config: &Config) -> bool {
        self.successes >= config.min_successes
    }

    /// The posterior of a bad attempt: the population's prior and what was learned here.
    pub(super) fn expectation(&self, kind: Kind, prior: f64) -> Expectation {
        let learned = &self.streams[kind as usize].learned;
        let bad = CONNECTION_PRIOR * prior + learned.bad;
        let good = (CONNECTION_PRIOR * (1.0 - prior) + learned.attempts - learned.bad).max(1.0);
        let mean = (bad / (bad + good)).max(kind.usual_min());
        let deviation = libm::sqrt(mean * (1.0 - mean) / (bad + good + 1.0));
        Expectation { mean, usual: (mean * LIFT + deviation).clamp(USUAL_MIN, USUAL_MAX) }
    }
}
