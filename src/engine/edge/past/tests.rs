use super::*;
use crate::engine::edge::sign::Signs;
use crate::engine::edge::stream::Verdict;
use crate::event::edge::{Histogram, Kind, Method};

const DAYS: f64 = 1_800.0;
const NOW: i64 = 40 * 86_400;

/// A second with 1,000 requests, so many of them with this code.
fn tally(second: i64, code: u16, bad: u64) -> EdgeTally {
    let kind = |code: u16| Kind { route: "/".into(), method: Method::Get, code, internal: false };
    EdgeTally {
        second,
        tier: "web".into(),
        cells: vec![(kind(200), 1_000 - bad), (kind(code), bad)],
        durations: Histogram { buckets: vec![(5, 990), (9, 10)], sum: 0 },
        ..EdgeTally::default()
    }
}

/// What is told of so many bad requests of 1,000, from the second minute after a past with so many each hour was read.
fn told(code: u16, past: &[u64], bad: u64) -> Vec<(Sign, Verdict, i64)> {
    let mut signs = Signs::default();
    for (hour, bad) in (0..).zip(past) {
        for minute in 0..60 {
            let second = NOW - 48 * 3_600 + hour * 3_600 + minute * 60;
            signs.remember(&tally(second, code, *bad), NOW);
        }
    }
    let mut told = Vec::new();
    for second in 0..1_200 {
        let bad = if second < 120 { 0 } else { bad };
        signs.take(&tally(NOW + second, code, bad), NOW + second, NOW + second);
        let verdicts = signs.judge(NOW + second, 2, DAYS);
        told.extend(verdicts.into_iter().map(|(sign, verdict)| (sign, verdict, second - 120)));
    }
    told
}

#[test]
fn what_was_before_the_first_start_is_the_usual_and_alerts_nobody() {
    let steady = [1; 48];
    let [(Sign::Errors, Verdict::Page, after)] = told(500, &steady, 30)[..] else {
        panic!("{:?}", told(500, &steady, 30))
    };
    assert!(after < 60, "{after}");
    assert_eq!(told(500, &[], 30), [], "it is the tier's way, for all that is known");
    assert_eq!(told(403, &[30; 48], 30), [], "as ever");
    assert!(told(401, &[20; 48], 900).iter().any(|(sign, ..)| *sign == Sign::Refused));
}

#[test]
fn an_outage_before_the_first_start_is_not_the_usual() {
    let mut past = [1; 48];
    past[10..13].fill(600);
    let told = told(500, &past, 30);
    assert!(matches!(told[..], [(Sign::Errors, Verdict::Page, _)]), "{told:?}");
}

#[test]
fn of_two_hours_the_worse_one_may_be_an_outage() {
    let usual = |past: &[u64]| {
        let mut read = Past::default();
        for (hour, bad) in (0..).zip(past) {
            read.take(&tally(NOW - 48 * 3_600 + hour * 3_600, 500, *bad), NOW);
        }
        read.usual(Sign::Errors, None).len()
    };
    assert_eq!((usual(&[1, 600]), usual(&[1, 1]), usual(&[])), (1, 2, 0));
}

#[test]
fn what_is_slow_is_known_from_the_past() {
    let mut signs = Signs::default();
    for minute in 0..600 {
        signs.remember(&tally(NOW - 86_400 + minute * 60, 500, 0), NOW);
    }
    signs.judge(NOW + 59, 2, DAYS);
    assert_eq!(signs.slow_micros(), None);
    assert_eq!(signs.next_second(2), Some(NOW + 60));
    signs.judge(NOW + 60, 2, DAYS);
    assert!(signs.slow_micros().is_some());
    // The past of what is known teaches nothing.
    signs.remember(&tally(NOW - 86_400, 500, 900), NOW + 61);
    assert_eq!(signs.next_second(2), None);
}
