//! How often the admin listener may be asked, on tokio's clock.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use crate::listener::network;

/// Requests a second of everybody together, and at once: a page and its parts for a team in an incident, and scrapes. More is a
/// script gone wild, which must not cost the pager its processor.
const ASKS_PER_SECOND: NonZeroU32 = NonZeroU32::new(200).expect("above zero");
const ASKS_BURST: NonZeroU32 = NonZeroU32::new(1000).expect("above zero");

/// Changes (silences, markers) a minute of everybody together, and at once: each is a synced write.
const CHANGES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).expect("above zero");
const CHANGES_BURST: NonZeroU32 = NonZeroU32::new(30).expect("above zero");

/// Wrong tokens a minute from one address, and at once: people mistype a few times, and guessing a token of 20 letters at this
/// rate takes longer than the sun lasts.
const WRONGS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(10).expect("above zero");
const WRONGS_BURST: NonZeroU32 = NonZeroU32::new(10).expect("above zero");

/// Addresses that are remembered for their wrong tokens; beyond that those who have been quiet are forgotten.
const ADDRESSES_MAX: usize = 10_000;

type Limiter<K> = RateLimiter<K, DashMapStateStore<K>, Ticks, NoOpMiddleware<Nanos>>;

/// All quotas of one listener.
#[derive(Debug)]
pub(super) struct Quotas {
    clock: Ticks,
    asks: Limiter<()>,
    changes: Limiter<()>,
    wrongs: Limiter<Option<IpAddr>>,
}

/// Time since the quotas were made; moves with tokio's clock, so that tests can pause it.
#[derive(Clone, Copy, Debug)]
struct Ticks(Instant);

impl Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

impl Default for Quotas {
    fn default() -> Self {
        let clock = Ticks(Instant::now());
        let asks = Quota::per_second(ASKS_PER_SECOND).allow_burst(ASKS_BURST);
        let changes = Quota::per_minute(CHANGES_PER_MINUTE).allow_burst(CHANGES_BURST);
        let wrongs = Quota::per_minute(WRONGS_PER_MINUTE).allow_burst(WRONGS_BURST);
        Self {
            clock,
            asks: limiter(asks, clock),
            changes: limiter(changes, clock),
            wrongs: limiter(wrongs, clock),
        }
    }
}

fn limiter<K: Hash + Eq + Clone>(quota: Quota, clock: Ticks) -> Limiter<K> {
    RateLimiter::new(quota, DashMapStateStore::default(), clock)
}

impl Quotas {
    /// Whether one more request may be answered; otherwise how long to wait.
    pub(super) fn ask(&self) -> Result<(), Duration> {
        self.take(&self.asks, &())
    }

    /// Whether one more change may be made.
    pub(super) fn change(&self) -> Result<(), Duration> {
        self.take(&self.changes, &())
    }

    /// Whether one more wrong token from there is met with an answer. Taken before the token is looked at, and given back by
    /// nobody: a right token is free of it because it is checked first.
    pub(super) fn wrong(&self, from: Option<IpAddr>) -> Result<(), Duration> {
        if self.wrongs.len() >= ADDRESSES_MAX {
            self.wrongs.retain_recent();
        }
        self.take(&self.wrongs, &from.map(network))
    }

    fn take<K: Hash + Eq + Clone>(&self, limiter: &Limiter<K>, key: &K) -> Result<(), Duration> {
        limiter.check_key(key).map_err(|early| early.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn wrong_tokens_are_counted_by_address_and_forgiven_with_time() {
        let quotas = Quotas::default();
        let from = |text: &str| Some(text.parse().unwrap());
        let met = (0..20).filter(|_| quotas.wrong(from("192.0.2.1")).is_ok()).count();
        assert_eq!(met, 10);
        assert!(quotas.wrong(from("192.0.2.2")).is_ok());
        tokio::time::advance(Duration::from_secs(6)).await;
        assert!(quotas.wrong(from("192.0.2.1")).is_ok());
        assert!(quotas.wrong(from("192.0.2.1")).unwrap_err() <= Duration::from_secs(6));
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_of_ipv6_is_one_address() {
        let quotas = Quotas::default();
        let met = (0..20u16).filter(|n| {
            let address = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, *n);
            quotas.wrong(Some(address.into())).is_ok()
        });
        assert_eq!(met.count(), 10);
    }
}
