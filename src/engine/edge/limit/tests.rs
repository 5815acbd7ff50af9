use super::*;

fn limit(requests: u64, seconds: u64, burst: u32) -> Limit {
    Limit {
        name: "api".into(),
        quota: Quota::new(requests, seconds, burst).unwrap(),
        words: "words".into(),
        near: 0.8,
        severity: Severity::Page,
        period_seconds: seconds,
    }
}

fn name(text: &str) -> Personal {
    Personal::shown(text).unwrap()
}

fn used(keys: &[(&str, [u32; SLOTS], u32)]) -> LimitUse {
    let keys =
        keys.iter().map(|(key, slots, even)| (name(key), Arrivals { slots: *slots, even: *even }));
    LimitUse { limit: "api".into(), keys: keys.collect(), others: 0 }
}

fn even(key: &str, requests: u32) -> LimitUse {
    used(&[(key, [0; SLOTS], requests)])
}

fn at(second: i64) -> Nanos {
    second * SECOND
}

/// A ramp from nothing to twice the quota in a minute: the warning comes before the first refusal.
#[test]
fn a_key_that_grows_is_near_before_it_is_refused() {
    let limit = limit(100, 1, 50);
    let mut shadow = Shadow::default();
    let (mut near_at, mut refused_at) = (None, None);
    for second in 0..60i64 {
        let requests = u32::try_from(second * 200 / 60).unwrap();
        shadow.take(&limit, second, &even("a", requests), false);
        let near = !shadow.near(Timestamp::default()).is_empty();
        near_at = near_at.or(near.then_some(second));
        refused_at = refused_at.or((shadow.exceeded() > 0).then_some(second));
    }
    let (near_at, refused_at) = (near_at.unwrap(), refused_at.unwrap());
    assert!(near_at + 2 <= refused_at, "near at {near_at} s, refused at {refused_at} s");
    assert!((24..=30).contains(&near_at), "80 of 100 a second are reached at 24 s: {near_at}");
    assert_eq!(shadow.first_refused_at(), Some(Timestamp::from_millis(refused_at * 1000)));
}

#[test]
fn one_page_that_loads_many_things_is_no_trend_but_three_in_ten_seconds_are() {
    let limit = limit(100, 1, 50);
    let mut shadow = Shadow::default();
    let burst = || used(&[("a", [0, 0, 0, 45, 0, 0, 0, 0, 0, 0], 0)]);
    shadow.take(&limit, 0, &burst(), false);
    assert!(shadow.near(Timestamp::default()).is_empty());
    assert_eq!(shadow.view(&limit, Timestamp::from_millis(1_000)).utilization, Some(0.88));
    shadow.take(&limit, 3, &burst(), false);
    shadow.take(&limit, 6, &burst(), false);
    assert_eq!(shadow.near(Timestamp::default()).len(), 1);
    shadow.take(&limit, 10, &even("a", 1), false);
    assert!(shadow.near(Timestamp::default()).is_empty(), "the first of the three is over");
    shadow.take(&limit, 11, &burst(), false);
    assert_eq!(shadow.near(Timestamp::default()).len(), 1);
    shadow.take(&limit, 21, &even("b", 1), false);
    assert!(shadow.near(Timestamp::default()).is_empty(), "nothing was heard of it since");
}

#[test]
fn keys_do_not_share_a_quota_and_the_refused_are_named_with_their_times() {
    let limit = limit(60, 60, 0);
    let mut shadow = Shadow::default();
    for second in 0..120 {
        shadow.take(&limit, second, &even("steady", 1), false);
        if second >= 60 {
            shadow.take(&limit, second, &even("greedy", 3), false);
        }
    }
    let view = shadow.view(&limit, Timestamp::from_millis(120_000));
    assert_eq!((view.requests, view.exceeded, view.refused_keys), (300, 120, 1));
    let greedy = &view.keys[0];
    assert_eq!((greedy.key.as_str(), greedy.refused, greedy.requests), ("greedy", 120, 180));
    assert_eq!(greedy.first_refused_at, Some(Timestamp::from_millis(60_000)));
    assert_eq!(greedy.last_refused_at, Some(Timestamp::from_millis(119_000)));
    assert_eq!((view.keys[1].key.as_str(), view.keys[1].refused), ("steady", 0));
}

#[test]
fn what_comes_late_counts_only_where_the_order_of_the_key_is_kept() {
    let limit = limit(10, 1, 0);
    let mut shadow = Shadow::default();
    shadow.take(&limit, 100, &even("a", 5), false);
    assert_eq!(
        shadow.take(&limit, 90, &used(&[("a", [0; SLOTS], 5), ("b", [0; SLOTS], 5)]), true),
        5
    );
    let view = shadow.view(&limit, Timestamp::from_millis(101_000));
    assert_eq!((view.requests, view.exceeded), (10, 0));
}

#[test]
fn floods_of_keys_stay_within_the_memory_and_the_fullest_remain() {
    let limit = limit(10, 1, 50);
    let mut shadow = Shadow::default();
    shadow.take(&limit, 0, &used(&[("busy", [40, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0)]), false);
    for n in 0..25_000u32 {
        let key = format!("k{n}");
        shadow.take(&limit, 1, &used(&[(&key, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0)]), false);
        assert!(shadow.keys.len() <= KEYS_MAX);
    }
    assert!(shadow.keys.contains_key(&name("busy")));
    shadow.forget(&limit, at(3_600));
    assert!(shadow.keys.is_empty() && shadow.peaks.is_empty());
    let busy = shadow.view(&limit, Timestamp::from_millis(3_600_000));
    assert_eq!((busy.utilization, busy.requests), (Some(0.0), 25_040));
}

#[test]
fn who_was_refused_keeps_its_highest_use_and_its_requests_when_it_is_quiet() {
    let limit = limit(10, 1, 2);
    let mut shadow = Shadow::default();
    // Five at once where two are the burst, once; and twice the quota for a minute.
    shadow.take(&limit, 0, &used(&[("once", [5, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0)]), false);
    for second in 0..60 {
        shadow.take(&limit, second, &even("busy", 20), false);
    }
    let known = |shadow: &Shadow| {
        let view = shadow.view(&limit, Timestamp::from_millis(3_600_000));
        view.keys.iter().map(|key| (key.peak, key.requests)).collect::<Vec<_>>()
    };
    let before = known(&shadow);
    assert!(before[0].0 > 1.5 && before[1].1 == 5, "{before:?}");
    shadow.forget(&limit, at(3_600));
    assert_eq!(known(&shadow), before);
}
