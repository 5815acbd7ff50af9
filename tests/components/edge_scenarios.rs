//! The scenarios of the edge: two hours of requests of one tier, of which something is wrong with those of twenty minutes.

use std::sync::Arc;

use serde_json::json;
use ssowatch::config::Config;
use ssowatch::event::edge::Tallier;
use ssowatch::event::{Privacy, Record, Timestamp, Treatment};

use crate::scenarios::{assert_thresholds, scraped};

/// What is wrong at a tier between minutes 60 and 80.
#[derive(Default)]
struct Wrong {
    /// Of eight requests so many are answered with `code`.
    bad: u32,
    code: u16,
    /// So many `callers` more send together so many requests in each second, which are answered with `their_code`.
    more: u32,
    callers: u32,
    their_code: u16,
}

/// Two hours of requests of one tier, eight in each second.
fn edge(scenario: &str, wrong: &Wrong) {
    let text = "data_dir: /tmp\nedge: { limits: [ { name: login, tier: web, key: client, quota: 600/m } ] }\n";
    let config = Config::parse("scenario", text, |_| None).unwrap();
    let scheme = Arc::new(config.edge_scheme().unwrap());
    let privacy = Privacy::new(Treatment::Hash, b"rules");
    let mut tallier = Tallier::new(scheme, "nginx_json", Some("web"), privacy).unwrap();
    let begin = Timestamp::parse("2026-01-15T08:00:00.000Z").unwrap();
    let mut deliveries = Vec::new();
    for second in 0..2 * 3600_u32 {
        let at = begin.plus_millis(i64::from(second) * 1000);
        let now = (3600..4800).contains(&second);
        let more = if now { wrong.more } else { 0 };
        for n in 0..8 + more {
            let status = match n {
                8.. => wrong.their_code,
                n if now && n < wrong.bad => wrong.code,
                _ => 200,
            };
            let remote = match n {
                8.. => format!("198.51.100.{}", n % wrong.callers),
                n => format!("203.0.113.{n}"),
            };
            let line = json!({"msec": at.seconds(), "remote_addr": remote, "request_method": "GET",
                "host": "example.com", "request_uri": "/login", "status": status, "request_time": 0.02});
            tallier.add(line.to_string().as_bytes(), at).unwrap();
        }
        let known = at.plus_millis(1000);
        deliveries.extend(tallier.take().into_iter().map(|tally| (known, Record::Edge(tally))));
    }
    assert_thresholds(scenario, &scraped(&config, deliveries));
}

#[test]
fn a_tier_that_fails_is_paged_alone() {
    edge("edge-502", &Wrong { bad: 1, code: 502, ..Wrong::default() });
}

#[test]
fn a_tier_that_limits_is_paged_alone() {
    edge("edge-429", &Wrong { bad: 1, code: 429, ..Wrong::default() });
}

#[test]
fn a_tier_that_blocks_is_paged_alone() {
    edge("edge-403", &Wrong { bad: 1, code: 403, ..Wrong::default() });
}

#[test]
fn a_tier_whose_clients_leave_before_an_answer_is_paged_alone() {
    edge("edge-499", &Wrong { bad: 6, code: 499, ..Wrong::default() });
}

#[test]
fn a_tier_that_refuses_nearly_all_is_paged_alone() {
    edge("edge-401", &Wrong { bad: 6, code: 401, ..Wrong::default() });
}

/// Three quarters of all requests get a 404, and nobody misses an answer.
#[test]
fn a_scan_pages_nobody() {
    edge("edge-scan", &Wrong { more: 24, callers: 24, their_code: 404, ..Wrong::default() });
}

#[test]
fn a_limit_that_is_nearly_used_up_is_paged_alone() {
    edge("edge-limit", &Wrong { more: 9, callers: 1, their_code: 200, ..Wrong::default() });
}
