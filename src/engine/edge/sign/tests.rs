use super::*;
use crate::event::edge::{DURATION_BOUNDS_MICROS, Histogram, Kind, Method};

fn tally(second: i64, code: u16, requests: u64, place: u8) -> EdgeTally {
    let kind = Kind { route: "/".into(), method: Method::Get, code, internal: false };
    EdgeTally {
        second,
        tier: "web".into(),
        cells: vec![(kind, requests)],
        durations: Histogram { buckets: vec![(place, requests)], sum: 0 },
        ..EdgeTally::default()
    }
}

const DAYS: f64 = 1_800.0;

#[test]
fn a_second_counts_once_whenever_it_comes() {
    let mut signs = Signs::default();
    let mut verdicts = Vec::new();
    for second in 0..60 {
        // The second log is eight seconds behind: its seconds count in the bin that is still open.
        signs.take(&tally(second, 200, 50, 1), second, second);
        if second >= 8 {
            signs.take(&tally(second - 8, 503, 50, 1), second - 8, second);
        }
        verdicts.extend(signs.judge(second, 2, DAYS));
    }
    assert_eq!(verdicts, [(Sign::Errors, Verdict::Page)]);
    let trouble = signs.trouble(Sign::Errors).unwrap();
    assert!(trouble.since < 15 && trouble.bad * 2 > trouble.requests * 4 / 5, "{trouble:?}");
    assert_eq!(signs.severity(Sign::Errors), Some(Severity::Page));
    assert_eq!(signs.severity(Sign::Limited), None);
}

#[test]
fn what_is_slow_is_learned_before_it_is_judged() {
    let mut signs = Signs::default();
    let mut verdicts = Vec::new();
    for second in 0..12_000 {
        // Three in a hundred are in bucket 20, the others in bucket 5; from 10,000 on half are in bucket 12.
        signs.take(&tally(second, 200, 97, 5), second, second);
        signs.take(&tally(second, 200, 3, 20), second, second);
        if second >= 10_000 {
            signs.take(&tally(second, 200, 100, 12), second, second);
        }
        for verdict in signs.judge(second, 2, DAYS) {
            verdicts.push((second, verdict));
        }
    }
    assert_eq!(signs.slow_micros(), Some(DURATION_BOUNDS_MICROS[5]));
    let (second, verdict) = verdicts[0];
    assert_eq!(verdict, (Sign::Slow, Verdict::Page));
    assert!((10_010..10_040).contains(&second), "{second}");
    assert_eq!(signs.severity(Sign::Slow), Some(Severity::Ticket), "slow gets nobody up");
}
