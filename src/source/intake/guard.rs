//! Who may send to the intake listener, and how often.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Intake;
use crate::event::decode::Rejection;
use crate::event::edge::Network;
use crate::event::{Reason, Source};
use crate::listener::{Peer, network};

/// Addresses whose rate is remembered; beyond that those who have been quiet are forgotten.
const ADDRESSES_MAX: usize = 100_000;

/// Networks in one list at most: more belong into a firewall.
const NETWORKS_MAX: usize = 64;

/// `http.intake.access`. Nobody is limited unless told otherwise: what is a fair share depends on who is behind an address.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Networks (`203.0.113.0/24`, `2001:db8::1`) that may send; at most 64. Default: everybody.
    pub allow: Vec<String>,
    /// Networks of one's own proxies, whose `X-Forwarded-For` is believed; at most 64. Default: none, the caller is who
    /// connects.
    pub trusted_proxies: Vec<String>,
    /// Requests a second from one address (IPv6: from one network of 64 bits), twice as many at once. Default: no limit.
    pub per_address: Option<NonZeroU32>,
    /// Requests a second of all together, twice as many at once. Default: no limit.
    pub total: Option<NonZeroU32>,
}

/// [`Config`], read.
#[derive(Debug, Default)]
pub struct Guard {
    allow: Vec<Network>,
    proxies: Vec<Network>,
    per_address: Option<DefaultKeyedRateLimiter<IpAddr>>,
    total: Option<DefaultDirectRateLimiter>,
}

impl Config {
    /// Reads the networks. The error names the key.
    pub fn guard(&self) -> Result<Guard, String> {
        let quota =
            |rate: NonZeroU32| Quota::per_second(rate).allow_burst(rate.saturating_add(rate.get()));
        Ok(Guard {
            allow: networks("allow", &self.allow)?,
            proxies: networks("trusted_proxies", &self.trusted_proxies)?,
            per_address: self.per_address.map(|rate| DefaultKeyedRateLimiter::keyed(quota(rate))),
            total: self.total.map(|rate| DefaultDirectRateLimiter::direct(quota(rate))),
        })
    }
}

fn networks(key: &str, items: &[String]) -> Result<Vec<Network>, String> {
    if items.len() > NETWORKS_MAX {
        return Err(format!("`http.intake.access.{key}` has more than {NETWORKS_MAX} entries"));
    }
    let read = items.iter().map(|item| {
        Network::parse(item).ok_or_else(|| {
            format!("`http.intake.access.{key}`: `{item}` is no network; write e.g. 203.0.113.0/24 or 2001:db8::1")
        })
    });
    read.collect()
}

impl Guard {
    /// Whether a request from `peer` with `headers` may come in.
    fn check(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Result<(), Rejection> {
        let address = peer.map(|peer| self.caller(peer, headers));
        let within = |address: IpAddr| self.allow.iter().any(|network| network.holds(address));
        if !self.allow.is_empty() && !address.is_some_and(within) {
            let problem = "nothing is taken from this address; see `http.intake.access.allow`";
            return Err(Rejection::new(Reason::NotAllowed, problem));
        }
        let slow = |_| {
            Rejection::new(Reason::RateLimited, "too many requests; send fewer, in larger batches")
        };
        if let (Some(limiter), Some(address)) = (&self.per_address, address) {
            if limiter.len() >= ADDRESSES_MAX {
                limiter.retain_recent();
            }
            limiter.check_key(&network(address)).map_err(slow)?;
        }
        self.total.as_ref().map_or(Ok(()), |limiter| limiter.check().map_err(slow))
    }

    /// Who called: each proxy adds who called it to `X-Forwarded-For`, so the last one there that is not a proxy of one's own is as
    /// far as anyone can be believed.
    fn caller(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let ours = |address: IpAddr| self.proxies.iter().any(|network| network.holds(address));
        let mut caller = peer;
        let values = headers.get_all("x-forwarded-for").iter().rev();
        let named =
            values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.rsplit(','));
        for address in named {
            if !ours(caller) {
                break;
            }
            let Ok(address) = address.trim().parse::<IpAddr>() else { break };
            caller = address.to_canonical();
        }
        caller
    }
}

/// Refuses before a byte of the body is read.
pub(super) async fn check(
    State(intake): State<Arc<Intake>>,
    request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let Err(rejection) = intake.guard.check(peer, request.headers()) else {
        return next.run(request).await;
    };
    let source = match request.uri().path() {
        "/webhooks/workos" => Source::WorkosWebhook,
        "/v1/edge" => Source::Edge,
        _ => Source::Push,
    };
    intake.refuse(source, &rejection).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(config: &Config) -> Guard {
        config.guard().unwrap()
    }

    fn check(guard: &Guard, peer: &str, forwarded: &[&str]) -> Option<Reason> {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        guard.check(Some(peer.parse().unwrap()), &headers).err().map(|rejection| rejection.reason)
    }

    fn list(items: &[&str]) -> Vec<String> {
        items.iter().map(|item| (*item).to_owned()).collect()
    }

    #[test]
    fn only_the_addresses_on_the_list_may_send() {
        let guard = guard(&Config {
            allow: list(&["203.0.113.0/24", "2001:db8::/32"]),
            ..Config::default()
        });
        assert_eq!(check(&guard, "203.0.113.7", &[]), None);
        assert_eq!(check(&guard, "2001:db8::7", &[]), None);
        assert_eq!(check(&guard, "198.51.100.7", &[]), Some(Reason::NotAllowed));
        // Nobody becomes another by saying so.
        assert_eq!(check(&guard, "198.51.100.7", &["203.0.113.7"]), Some(Reason::NotAllowed));
        assert!(guard.check(None, &HeaderMap::new()).is_err());
    }

    #[test]
    fn a_proxy_of_ones_own_is_believed_and_nobody_behind_it() {
        let guard = guard(&Config {
            allow: list(&["203.0.113.7"]),
            trusted_proxies: list(&["10.0.0.0/8"]),
            ..Config::default()
        });
        let ok = |forwarded: &[&str]| check(&guard, "10.0.0.1", forwarded).is_none();
        assert!(ok(&["203.0.113.7"]));
        assert!(ok(&["203.0.113.7, 10.0.0.2"]), "two proxies");
        assert!(ok(&["203.0.113.7", "10.0.0.2"]), "two headers");
        assert!(!ok(&["203.0.113.7, 198.51.100.7"]), "what a stranger claims");
        assert!(!ok(&["203.0.113.7, nonsense"]));
        assert!(!ok(&[]), "the proxy itself is not on the list");
    }

    #[test]
    fn each_address_has_its_rate_and_all_together_theirs() {
        let rate = NonZeroU32::new(5);
        let one = guard(&Config { per_address: rate, ..Config::default() });
        let refused = |guard: &Guard, peer: &str| {
            (0..20).filter(|_| check(guard, peer, &[]) == Some(Reason::RateLimited)).count()
        };
        assert!(refused(&one, "203.0.113.7") >= 9);
        assert_eq!(check(&one, "203.0.113.8", &[]), None);
        assert_eq!(check(&one, "2001:db8::1", &[]), None);
        assert!(refused(&one, "2001:db8::2") >= 8, "the same network");
        let all = guard(&Config { total: rate, ..Config::default() });
        assert!(refused(&all, "203.0.113.7") >= 9);
        assert_eq!(check(&all, "203.0.113.8", &[]), Some(Reason::RateLimited));
    }

    #[test]
    fn a_wrong_network_is_named() {
        let config = Config { allow: list(&["203.0.113.0/33"]), ..Config::default() };
        let error = config.guard().unwrap_err();
        assert!(error.starts_with("`http.intake.access.allow`: `203.0.113.0/33`"), "{error}");
    }
}
