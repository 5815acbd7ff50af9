use super::*;
use crate::event::Personal;
use crate::event::edge::{Caller, EdgeTally, Kind, Method};

/// How many are told to have nearly all, where so many requests were seen, with so many 403s of clients that have one each, and of these.
fn told(requests: u64, everyday: u64, clients: &[u64]) -> Option<usize> {
    let bad = everyday + clients.iter().sum::<u64>();
    let kind = |code: u16| Kind { route: "/".into(), method: Method::Get, code, internal: false };
    let caller = |number: usize, blocked: u64| Caller {
        name: Personal::shown(&format!("c{number:03}")).unwrap(),
        internal: false,
        requests: blocked,
        limited: 0,
        blocked,
        too_long: 0,
    };
    let each = clients.iter().copied().chain((0..everyday).map(|_| 1));
    let tally = EdgeTally {
        cells: vec![(kind(200), requests - bad), (kind(403), bad)],
        callers: each.enumerate().map(|(number, blocked)| caller(number, blocked)).collect(),
        ..EdgeTally::default()
    };
    let mut seen = Minute::default();
    seen.take(&tally);
    let talkers = seen.blocked_talkers.top(10);
    let trouble = Trouble { since: 0, requests, bad, usual: 0.004, nats: 20.0 };
    few(everyday + clients.len() as u64, trouble, Sign::Blocked, &seen, &talkers)
}

#[test]
fn who_has_nearly_all_beyond_the_usual_is_few_however_long_ago_it_was() {
    assert_eq!(told(200, 2, &[60]), Some(1));
    assert_eq!(told(200, 2, &[60, 50]), Some(2));
    assert_eq!(told(200, 2, &[40, 40, 30]), None, "a third joins");
    // Half an hour later: eighteen were due by chance, and 27 came.
    assert_eq!(told(4_559, 27, &[48]), Some(1));
    assert_eq!(told(4_559, 60, &[48]), None, "many have more than usual");
    // An hour later whoever it was is not among those that are seen.
    assert_eq!(told(2_561, 12, &[]), Some(0));
    assert_eq!(told(2_561, 106, &[]), None);
    assert_eq!(told(300, 0, &[]), Some(0));
    assert_eq!(told(87, 3, &[10]), Some(1), "three by chance");
    assert_eq!(told(87, 0, &[4, 4, 4]), None, "three customers");
}
