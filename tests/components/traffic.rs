//! Requests to real edge servers from several addresses of this machine, and what the servers answered.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::blocking::Client;
use serde_json::Value;

use crate::daemon::Daemon;
use crate::{http, wait};

/// Rounds of traffic at most until an alert must fire: each takes a tenth of a second and more.
const ROUNDS_MAX: u32 = 1_200;

/// Callers by the last part of their addresses, and what they were answered.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    clients: BTreeMap<u8, Client>,
    pub(crate) answers: BTreeMap<u16, u64>,
}

impl Traffic {
    /// Sends a request from `127.0.0.{caller}`, and counts the answer. Gives its status.
    pub(crate) fn send(&mut self, caller: u8, url: &str) -> u16 {
        let client = self.clients.entry(caller).or_insert_with(|| {
            let address = IpAddr::from([127, 0, 0, caller]);
            let client = Client::builder().no_proxy().local_address(address);
            client.timeout(Duration::from_mins(1)).build().unwrap()
        });
        let status = client.get(url).send().unwrap().status().as_u16();
        *self.answers.entry(status).or_default() += 1;
        status
    }

    /// How many requests were sent.
    pub(crate) fn requests(&self) -> u64 {
        self.answers.values().sum()
    }

    /// Makes `round` after round until `daemon` has open incidents of all these names, and gives them in the same order.
    pub(crate) fn until_open<const N: usize>(
        &mut self,
        daemon: &Daemon,
        names: [&str; N],
        mut round: impl FnMut(&mut Self),
    ) -> [Value; N] {
        for _ in 0..ROUNDS_MAX {
            round(self);
            let open = open(daemon);
            let found =
                names.map(|name| open.iter().find(|incident| incident["alertname"] == name));
            if found.iter().all(Option::is_some) {
                return found.map(|incident| incident.unwrap().clone());
            }
            // So that the bins of several seconds that are judged fill one after the other.
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{names:?} are not all open: {:?}", open(daemon));
    }
}

/// Open incidents.
pub(crate) fn open(daemon: &Daemon) -> Vec<Value> {
    let answer = http::get(&format!("{}/api/v1/incidents?state=open", daemon.admin)).json();
    answer["incidents"].as_array().unwrap().clone()
}

/// The caller that an incident names first.
pub(crate) fn first_caller(incident: &Value) -> &str {
    incident["evidence"]["callers"][0][0].as_str().unwrap_or_else(|| panic!("{incident:#}"))
}

/// Waits until the requests of `tier` by code, as the daemon counts them, are those that `wanted` gives.
pub(crate) fn counted(daemon: &Daemon, tier: &str, wanted: impl Fn() -> BTreeMap<u16, u64>) {
    wait::until(&format!("{tier} is counted as its server counts"), || {
        (by_code(daemon, tier) == wanted()).then_some(())
    });
}

fn by_code(daemon: &Daemon, tier: &str) -> BTreeMap<u16, u64> {
    let mut codes = BTreeMap::new();
    let tier = format!("tier=\"{tier}\"");
    for line in daemon.metrics().lines().filter(|line| line.starts_with("edge_requests_total{")) {
        if !line.contains(&tier) {
            continue;
        }
        let (_, code) = line.split_once("code=\"").unwrap();
        let code = code.split('"').next().unwrap().parse().unwrap();
        let (_, count) = line.rsplit_once(' ').unwrap();
        *codes.entry(code).or_default() += count.parse::<u64>().unwrap();
    }
    codes
}
