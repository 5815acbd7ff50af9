//! What a rule that fires makes of few sign-ins, and of none.

use super::*;

/// What happened to `ConnectionFailing` of `c1`, with the second.
fn told(engine: &mut Engine) -> Vec<(i64, State)> {
    let all = engine.transitions().into_iter();
    let of_rule = all.filter(|one| &*one.incident.alertname == "ConnectionFailing");
    of_rule.map(|one| (one.at.seconds() - START, one.incident.state)).collect()
}

#[test]
fn a_ratio_over_few_ends_an_alert_only_where_it_is_below() {
    let mut engine = Engine::new(thresholds());
    trouble(&mut engine, 100, "c1", 12, 0, 5);
    assert_eq!(told(&mut engine), [(110, State::Firing)]);
    // Two people try every four minutes, and all of it fails: fewer than `min_attempts`, and than `min_users`.
    for round in 1..20 {
        trouble(&mut engine, 100 + round * 240, "c1", 2, 0, 2);
    }
    assert_eq!(told(&mut engine), [], "it goes on");
    let shown = engine.snapshot().incidents;
    let goes_on = shown.iter().find(|one| &*one.alertname == "ConnectionFailing").unwrap();
    assert!(goes_on.summary.contains(": 14 of 14 sign-ins failed"), "{}", goes_on.summary);
    // One of six is below the threshold of 30 %, of however few.
    trouble(&mut engine, 4_980, "c1", 1, 5, 2);
    engine.advance(second(5_400));
    assert!(matches!(told(&mut engine)[..], [(_, State::Resolved)]));
    // The minimums hold again.
    trouble(&mut engine, 6_000, "c1", 9, 0, 5);
    engine.advance(second(6_100));
    assert_eq!(told(&mut engine), []);
}

#[test]
fn an_empty_window_ends_an_alert_after_the_time_that_it_is_kept_up() {
    let mut engine = Engine::new(thresholds());
    trouble(&mut engine, 100, "c1", 12, 0, 5);
    assert_eq!(told(&mut engine).len(), 1);
    engine.advance(second(660));
    assert_eq!(told(&mut engine), [], "the window of 5m and then 5m of `keep_firing_for`");
    engine.advance(second(800));
    assert!(matches!(told(&mut engine)[..], [(_, State::Resolved)]));
}
