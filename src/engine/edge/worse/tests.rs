use super::*;
use crate::engine::edge::bar::Bar;
use crate::engine::edge::stream::{BIN_SECONDS, Stream, Verdict};

const BAR: Bar = Bar {
    prior: Some(0.002),
    shift_min: 0.015,
    share_min: 0.0,
    turned: true,
    false_alarm_days: 1_800.0,
};

/// Seconds after two calm hours at which something is told of `minutes`, each with its share of bad requests, of so many a minute.
fn told(requests_a_minute: u64, minutes: &[(i64, f64)]) -> Vec<(Verdict, i64)> {
    let (mut stream, mut random) = (Stream::default(), fastrand::Rng::with_seed(3));
    let mut told = Vec::new();
    let mut second = 0;
    for (minutes, share) in [(120, 0.001)].iter().chain(minutes) {
        for _ in 0..minutes * 60 / BIN_SECONDS {
            let requests =
                (0..60).filter(|_| random.u64(0..720) < requests_a_minute).count() as u64;
            let bad = (0..requests).filter(|_| random.f64() < *share).count() as u64;
            let verdict = stream.take(Bin { second, requests, bad }, &BAR);
            second += BIN_SECONDS;
            if verdict != Verdict::Nothing {
                told.push((verdict, second - 7_200));
            }
        }
    }
    told
}

fn worse(told: &[(Verdict, i64)]) -> Vec<i64> {
    let worse = told.iter().filter(|(verdict, _)| *verdict == Verdict::Worse);
    worse.map(|(_, after)| *after).collect()
}

#[test]
fn a_small_trouble_does_not_hide_a_large_one() {
    for (rate, most) in [(100, 90), (300, 45), (700, 45)] {
        let told = told(rate, &[(30, 0.06), (15, 0.6), (60, 0.001)]);
        let [(Verdict::Page, _), (Verdict::Worse, after), (Verdict::PageOver, _)] = told[..] else {
            panic!("{rate}: {told:?}")
        };
        assert!((1_800..1_800 + most).contains(&after), "{rate}: {told:?}");
    }
}

#[test]
fn what_wanders_or_grows_soon_after_its_onset_is_one_outage() {
    for minutes in [
        &[(30, 0.06), (30, 0.1), (30, 0.05), (30, 0.12)][..],
        &[(2, 0.06), (2, 0.2), (60, 0.8)],
        &[(8, 0.4), (30, 0.05), (20, 0.4), (30, 0.05)],
    ] {
        for rate in [30, 300] {
            let told = told(rate, minutes);
            assert_eq!(worse(&told), [0; 0], "{rate} {minutes:?}: {told:?}");
        }
    }
}

#[test]
fn what_comes_and_goes_is_told_once_and_again_after_half_an_hour_as_before() {
    let mut minutes = vec![(30, 0.05)];
    minutes.extend([(5, 0.5), (10, 0.05)].repeat(8));
    let flaps = told(300, &minutes);
    assert_eq!(worse(&flaps).len(), 1, "{flaps:?}");
    let again = told(300, &[(30, 0.05), (5, 0.5), (90, 0.05), (5, 0.5), (10, 0.05)]);
    assert_eq!(worse(&again).len(), 2, "{again:?}");
}

#[test]
fn what_creeps_up_is_told() {
    let minutes: Vec<_> = (0..60).map(|step| (2, 0.03 + 0.01 * f64::from(step))).collect();
    let told = told(300, &minutes);
    assert_eq!(worse(&told).len(), 1, "{told:?}");
}
