use super::*;
use crate::event::Personal;
use crate::event::edge::{Caller, Method};

fn kind(route: &str, code: u16) -> Kind {
    Kind { route: route.into(), method: Method::Get, code, internal: false }
}

fn tally(second: i64, cells: &[(Kind, u64)]) -> EdgeTally {
    EdgeTally { second, tier: "web".into(), cells: cells.to_vec(), ..EdgeTally::default() }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1000)
}

#[test]
fn a_scan_of_random_paths_does_not_take_the_places_of_real_routes() {
    let mut tier = Tier::new("web");
    for n in 0..5_000i64 {
        let path = format!("/wp-{n}.php");
        tier.take(&tally(n, &[(kind(&path, 404), 1)]), at(n + 1));
    }
    tier.take(&tally(5_000, &[(kind("/login", 200), 1), (kind("/login", 404), 2)]), at(5_001));
    let view = tier.view(at(5_001));
    let told: Vec<_> =
        view.requests.iter().map(|(kind, count)| (&*kind.route, kind.code, *count)).collect();
    assert_eq!(told, [("/login", 200, 1), ("/login", 404, 2), (OTHER_ROUTE, 404, 5_000)]);
}

#[test]
fn routes_are_bounded_and_totals_stay_whole() {
    let mut tier = Tier::new("web");
    for n in 0..1_000i64 {
        tier.take(
            &tally(n, &[(kind(&format!("/r{n}"), 200), 1), (kind("none", 414), 1)]),
            at(n + 1),
        );
    }
    let view = tier.view(at(1_001));
    let total: u64 = view.requests.iter().map(|(_, count)| count).sum();
    let routes: BTreeSet<_> = view.requests.iter().map(|(kind, _)| &kind.route).collect();
    assert_eq!((total, routes.len()), (2_000, ROUTES_MAX + 2));
}

#[test]
fn windows_slide_by_the_minute_and_name_who_was_hit() {
    let mut tier = Tier::new("web");
    let name = |text: &str| Personal::shown(text).unwrap();
    let mut hit = tally(60, &[(kind("/a", 429), 3), (kind("/a", 503), 1), (kind("/b", 403), 2)]);
    for client in [1u64 << 50, 2 << 50] {
        hit.limited.insert(client.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }
    let caller = Caller {
        name: name("a"),
        internal: true,
        requests: 6,
        limited: 3,
        blocked: 0,
        too_long: 0,
    };
    hit.callers = vec![caller];
    tier.take(&hit, at(61));
    let [five, hour] = tier.view(at(61)).windows;
    assert_eq!(five, hour);
    let counts =
        TierCounts { requests: 6, errors: 1, limited: 3, blocked: 2, ..TierCounts::default() };
    assert_eq!((five.counts, five.limited_clients, five.blocked_clients), (counts, 2, 0));
    assert_eq!((five.talkers[0].name.as_str(), five.talkers[0].requests), ("a", 6));
    let [five, hour] = tier.view(at(360)).windows;
    assert_eq!((five.counts.requests, hour.counts.requests), (0, 6));
    assert!(tier.advance(at(3_660)));
    assert_eq!(tier.view(at(3_660)).windows[1], TierWindow::default());
    // Old lines count in the totals alone.
    tier.take(&hit, at(9_000));
    assert_eq!(tier.view(at(9_000)).windows[1], TierWindow::default());
    assert_eq!(tier.view(at(9_000)).requests[0].1, 6);
}
