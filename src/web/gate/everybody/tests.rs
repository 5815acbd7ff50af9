use std::sync::Arc;

use super::super::{About, Answer, Verdict, judge};
use super::*;
use crate::signal::{Counts, CrowdMinute, CrowdView, ScopeView};
use crate::web::sample;

const MINUTE: i64 = 1_760_112_300;

/// A connection on which so many ended before, of which some failed, and so many in the last minute, each of somebody else.
fn one(id: &str, before: (u64, u64), since: (u32, u32)) -> Arc<ConnectionView> {
    let mut view = sample::connection(Some(id), 0);
    let (ended, failed) = since;
    let minute = Minute { start_seconds: MINUTE, ended, failed, timed_out: 0 };
    let failed = before.1 + u64::from(failed);
    let succeeded = before.0 + u64::from(ended) - failed;
    let totals = Counts { succeeded, failed, ..Counts::default() };
    view.scope = ScopeView { totals, minutes: [minute].into(), ..ScopeView::default() };
    view.failers = [(MINUTE, since.1)].into();
    Arc::new(view)
}

/// The gate's answer where so many people are judged and `population` is the past of everybody.
fn with_crowd(
    connections: Vec<Arc<ConnectionView>>,
    minutes: &[(i64, u64, u64)],
    population: Share,
) -> Answer {
    let minute = |(start_seconds, all, bad): &(i64, u64, u64)| CrowdMinute {
        start_seconds: *start_seconds,
        failing: Came { all: *all, bad: *bad },
        hanging: Came { all: *all, bad: *all / 8 },
    };
    let minutes: Vec<CrowdMinute> = minutes.iter().map(minute).collect();
    let hanging = Share { all: population.all, bad: population.all / 8.0 };
    let crowd = CrowdView { minutes, failing: population, hanging };
    let now = Timestamp::from_millis((MINUTE + 59) * 1000);
    let since = Timestamp::from_millis(MINUTE * 1000);
    let snapshot = Snapshot { crowd: Some(crowd), connections, now, ..Snapshot::default() };
    judge(&snapshot, &About::Fleet, since)
}

#[test]
fn what_fails_on_connections_that_are_not_judged_is_no_excuse_for_those_that_are() {
    // Before the moment 1 % of 4,000 people on twenty connections failed; 900 failed on new ones, which the past has as well.
    let mut connections: Vec<_> =
        (0..20).map(|n| one(&format!("conn_{n}"), (200, 2), (100, 8))).collect();
    connections.extend((0..10).map(|n| one(&format!("conn_new{n}"), (90, 90), (0, 0))));
    let population = Share { all: 6_900.0, bad: 1_100.0 };
    let minutes = [(MINUTE - 600, 4_000, 40), (MINUTE, 2_000, 160)];
    let answer = with_crowd(connections, &minutes, population);
    assert_eq!(answer.verdict, Verdict::Fail, "{answer:?}");
    insta::assert_snapshot!(answer.reasons.join("\n"), @r"
    160 of 2000 people on all connections could not sign in (8.0 %); 1.3 % is usual
    160 of 2000 people could not sign in (8.0 %); 1.5 % is usual
    ");
}

#[test]
fn what_a_migration_makes_is_seen_before_it_is_judged() {
    // The rest of the fleet is well, and the new connections' failures since then stand in the past of everybody.
    let ask = |new: &[(u32, u32)]| {
        let mut connections: Vec<_> =
            (0..20).map(|n| one(&format!("conn_{n}"), (20_000, 200), (100, 1))).collect();
        let new = (0..).zip(new).map(|(n, since)| one(&format!("conn_new{n}"), (0, 0), *since));
        connections.extend(new);
        let population = Share { all: 402_100.0, bad: 4_120.0 };
        with_crowd(connections, &[(MINUTE, 2_000, 20)], population)
    };
    assert_eq!(ask(&[(12, 0), (9, 1)]).verdict, Verdict::Pass);
    let stopped = ask(&[(12, 12), (9, 9), (5, 1)]);
    assert_eq!(stopped.verdict, Verdict::Fail, "{stopped:?}");
    insta::assert_snapshot!(stopped.reasons.join("\n"), @"22 of 26 people on new connections could not sign in (85 %); 1.8 % is usual");
    // One of them alone is worth a look: whoever sets a connection up fails.
    let looked_at = ask(&[(22, 22), (9, 0)]);
    assert_eq!(looked_at.verdict, Verdict::Hold, "{looked_at:?}");
    insta::assert_snapshot!(looked_at.reasons.join("\n"), @"22 of 31 people on new connections could not sign in (71 %); 2.0 % is usual; most of them are on conn_new0");
}

#[test]
fn before_anything_is_judged_everybody_counts() {
    let ask = |each: (u32, u32)| {
        let fleet = (0..2_000).map(|n| one(&format!("conn_{n}"), (3, 0), each)).collect();
        with_crowd(fleet, &[], Share { all: 6_000.0, bad: 60.0 })
    };
    assert_eq!(ask((3, 0)).verdict, Verdict::Pass);
    assert_eq!(ask((3, 1)).verdict, Verdict::Fail);
    insta::assert_snapshot!(ask((0, 0)).reasons.join("\n"), @"0 people on all connections in the minutes since then: too few to see a rise by 5 percentage points");
}

#[test]
fn who_has_failed_for_an_hour_stops_no_change() {
    // On three connections everything failed in the hour before, and fails still: known ones, or new ones.
    for (past, hour, since) in [((9_000, 90), 40, 50), ((16, 16), 16, 40)] {
        let broken = |n: u32| {
            let mut view = ConnectionView::clone(&one(&format!("bad_{n}"), past, (since, since)));
            let before =
                Minute { start_seconds: MINUTE - 600, ended: hour, failed: hour, timed_out: 0 };
            view.scope.minutes = [before, view.scope.minutes[0]].into();
            Arc::new(view)
        };
        let well = (0..20).map(|n| one(&format!("conn_{n}"), (20_000, 200), (100, 1)));
        let connections: Vec<_> = well.chain((0..3).map(broken)).collect();
        let past = Share { all: 4e5, bad: 4e3 };
        let answer = with_crowd(connections, &[(MINUTE, 2_000, 20)], past);
        assert_eq!(answer.verdict, Verdict::Pass, "{answer:?}");
    }
}

#[test]
fn what_has_crept_up_in_a_year_stops_no_change() {
    // Each connection's past has 1 %, the hour before 6 % of a few each: too few to be worse by themselves.
    let fleet = |failed: u32| -> Vec<_> {
        let each = |n: u32| {
            let mut view =
                ConnectionView::clone(&one(&format!("conn_{n}"), (900, 9), (10, failed)));
            let hour = (n % 5 < 3).into();
            let before =
                Minute { start_seconds: MINUTE - 600, ended: 10, failed: hour, timed_out: 0 };
            view.scope.minutes = [before, view.scope.minutes[0]].into();
            Arc::new(view)
        };
        (0..300).map(each).collect()
    };
    let population = Share { all: 3e4, bad: 1.8e3 };
    let ask = |failed: u32| {
        let bad = u64::from(failed) * 300;
        with_crowd(fleet(failed), &[(MINUTE - 600, 3_000, 180), (MINUTE, 3_000, bad)], population)
    };
    assert_eq!(ask(0).verdict, Verdict::Pass);
    assert_eq!(ask(2).verdict, Verdict::Fail);
    let mut some = fleet(0);
    some.truncate(120);
    some.extend(fleet(1).into_iter().take(180));
    let minutes = [(MINUTE - 600, 3_000, 180), (MINUTE, 3_000, 180)];
    let answer = with_crowd(some, &minutes, population);
    assert_eq!(answer.verdict, Verdict::Pass, "{answer:?}");
}
