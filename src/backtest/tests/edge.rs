//! The edge of published incidents, second by second through the whole engine: what pages, at which tier, how soon.

use super::super::*;

/// Pages of tiers: alert, tier, seconds after the onset. The edge alone is heard, from three hours before to half an hour after.
fn pages(name: &str, onset: Timestamp, seed: u64) -> Vec<(String, String, i64)> {
    let scenario = crate::config::scenario(name).unwrap();
    let simulation = Simulation::new(scenario, Some(seed));
    let mut engine = Engine::new(Config::default());
    let mut now = onset.plus_millis(-3 * 3_600_000);
    let mut pages = Vec::new();
    while now < onset.plus_millis(30 * 60_000) {
        let next = now.plus_millis(1_000);
        for tally in simulation.edge_second(now) {
            engine.apply(&Entry { received_at: next, record: Record::Edge(tally) });
        }
        now = next;
        engine.advance(now);
        for transition in engine.transitions() {
            let incident = &transition.incident;
            let page = incident.severity == Severity::Page && incident.state == State::Firing;
            if let (Scope::Tier(tier), true) = (&incident.scope, page) {
                let after = transition.at.millis_since(onset) / 1_000;
                pages.push((incident.alertname.to_string(), tier.to_string(), after));
            }
        }
    }
    pages
}

/// A scenario, its onset, and who pages within how many seconds: alert and tier.
type Case = (&'static str, &'static str, &'static [(&'static str, &'static str, i64)]);

/// What the reference does not wait for: the end of a bin, and slower logs of the same second.
const WAIT_SECONDS: i64 = 7;

#[test]
fn the_edge_of_published_incidents_pages_as_fast_as_the_reference_and_nowhere_else() {
    // The reference's delays in the median, in seconds. The tier of `sso_5xx` had 0.18 % more: nobody gets up for that.
    let cases: [Case; 2] = [
        (
            "workos-2025-10-10-authkit-28pct",
            "2025-10-10T16:05:00Z",
            &[
                ("EdgeErrors", "authkit_5xx", 60),
                ("EdgeErrors", "sessions_5xx", 40),
                ("EdgeRateLimited", "vault_internal_429", 40),
            ],
        ),
        (
            "1password-2025-09-24-403-blocklist",
            "2025-09-24T02:27:00Z",
            &[("EdgeBlocked", "admin_403", 222)],
        ),
    ];
    for (name, onset, wanted) in cases {
        let onset = Timestamp::parse(onset).unwrap();
        let all: Vec<_> = (1..=3).map(|seed| pages(name, onset, seed)).collect();
        for (alertname, tier, most) in wanted {
            let first = |pages: &Vec<(String, String, i64)>| {
                let mut about = pages.iter().filter(|(a, t, _)| a == alertname && t == tier);
                about.next().map_or(i64::MAX, |(.., after)| *after)
            };
            let mut delays: Vec<_> = all.iter().map(first).collect();
            delays.sort_unstable();
            let most = most + WAIT_SECONDS;
            assert!(delays[1] <= most, "{alertname} at {tier}: {delays:?} s, wanted {most} s");
            assert!(delays[2] < i64::MAX, "{alertname} at {tier}: {delays:?} s");
        }
        for (alertname, tier, after) in all.iter().flatten() {
            let known = wanted.iter().any(|(a, t, _)| a == alertname && t == tier);
            assert!(known && *after > 0, "{name}: {alertname} at {tier} after {after} s");
        }
    }
}
