use proptest::prelude::*;

use super::*;
use crate::event::{Privacy, Treatment};

fn name(n: u64) -> Personal {
    Privacy::new(Treatment::Keep, b"").treat(&n.to_string()).unwrap()
}

/// A tally of one request of everything.
fn one(n: u64, code: u16) -> EdgeTally {
    let kind = Kind {
        route: format!("/{}", n % 5).into(),
        method: Method::Get,
        code,
        internal: n.is_multiple_of(2),
    };
    let mut limited = Distinct::default();
    limited.insert(n << 40);
    let arrivals = Arrivals { even: 1, ..Arrivals::default() };
    EdgeTally {
        second: 7,
        tier: "web".into(),
        cells: vec![(kind, 1)],
        durations: Histogram { buckets: vec![(u8::try_from(n % 9).unwrap(), 1)], sum: n },
        uri_bytes: Histogram { buckets: vec![(1, 1)], sum: n },
        long_uris: n % 2,
        limited,
        blocked: Distinct::default(),
        callers: vec![Caller {
            name: name(n % 7),
            internal: false,
            requests: 1,
            limited: 1,
            blocked: 0,
            too_long: 0,
        }],
        limits: vec![LimitUse {
            limit: "l".into(),
            keys: vec![(name(n % 6), arrivals)],
            others: 0,
        }],
    }
}

fn sum(tallies: &[EdgeTally]) -> EdgeTally {
    let mut sum = EdgeTally { second: 7, tier: "web".into(), ..EdgeTally::default() };
    for tally in tallies {
        sum.merge(tally);
    }
    sum
}

proptest! {
    #[test]
    fn property_test_parts_merge_into_the_whole_in_any_order(
        mut members in prop::collection::vec((0u64..50, 200u16..204), 0..60), cut in 0usize..60,
    ) {
        let tallies: Vec<_> = members.iter().map(|(n, code)| one(*n, *code)).collect();
        let whole = sum(&tallies);
        let (left, right) = tallies.split_at(cut.min(tallies.len()));
        prop_assert_eq!(&sum(&[sum(right), sum(left)]), &whole);
        members.reverse();
        let reversed: Vec<_> = members.iter().map(|(n, code)| one(*n, *code)).collect();
        prop_assert_eq!(&sum(&reversed), &whole);
        prop_assert_eq!(whole.requests(), members.len() as u64);
        let bytes = postcard::to_stdvec(&whole).unwrap();
        prop_assert_eq!(postcard::from_bytes::<EdgeTally>(&bytes).unwrap(), whole);
    }
}

#[test]
fn beyond_a_bound_the_smallest_are_missing_and_nothing_is_lost_from_the_sums() {
    let many: Vec<_> = (0..2_000u64)
        .map(|n| {
            let mut tally = one(n, 200);
            tally.cells[0].0.route = format!("/{n}").into();
            tally.callers[0] = Caller {
                name: name(n),
                internal: false,
                requests: n,
                limited: 0,
                blocked: 2_000 - n,
                too_long: 0,
            };
            tally.limits[0].keys[0].0 = name(n);
            tally
        })
        .chain([one(3, 200)])
        .collect();
    let sum = sum(&many);
    assert_eq!(sum.requests(), 2_001);
    assert!(sum.cells.len() <= CELLS_MAX + 4);
    assert!(sum.cells.iter().any(|(kind, _)| &*kind.route == OTHER_ROUTE));
    assert!(sum.callers.len() <= 3 * CALLERS_EACH_MAX);
    assert!(sum.callers.iter().any(|caller| caller.requests == 1_999));
    assert!(sum.callers.iter().any(|caller| caller.blocked == 2_000));
    let limit = &sum.limits[0];
    assert_eq!(limit.keys.len(), KEYS_MAX);
    assert_eq!(limit.keys.iter().map(|(_, use_)| use_.count()).sum::<u64>() + limit.others, 2_001);
}

#[test]
fn requests_of_a_whole_second_are_spread_over_it() {
    let arrivals = Arrivals { slots: [1, 0, 0, 0, 0, 0, 0, 0, 0, 2], even: 13 };
    let spread = arrivals.spread();
    assert_eq!(spread.iter().sum::<u64>(), arrivals.count());
    assert!(spread[1..9].iter().all(|count| (1..=2).contains(count)), "{spread:?}");
}
