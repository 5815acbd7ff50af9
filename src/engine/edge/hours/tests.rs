use super::*;
use crate::engine::edge::bar::Bar;
use crate::engine::edge::stream::{Stream, Verdict};

const BAR: Bar = Bar {
    prior: Some(0.002),
    shift_min: 0.015,
    share_min: 0.0,
    turned: true,
    false_alarm_days: 1_800.0,
};

/// Days of a tier whose people sleep at night and whose bots, one and a half a minute, do not; at the hour of an outage each day, if
/// there is any, 30 % fail for half of it. How often it paged, by the day.
fn nights(days: i64, outage: Option<i64>) -> Vec<usize> {
    let share = |_, hour, half: bool| if outage == Some(hour) && half { 0.3 } else { 0.0 };
    days_of(days, true, share)
}

/// The same with the share of people whose requests fail by the day, the hour and whether it is its first half.
fn days_of(days: i64, bots: bool, share: impl Fn(i64, i64, bool) -> f64) -> Vec<usize> {
    let (mut stream, mut random) = (Stream::default(), fastrand::Rng::with_seed(7));
    let mut pages = vec![0; usize::try_from(days).unwrap()];
    for bin in 0..days * 17_280 {
        let (day, hour) = (bin / 17_280, bin % 17_280 / 720);
        let people = if (6..20).contains(&hour) { 12 } else { 1 } + random.u64(0..2);
        let bots = u64::from(bots && random.f64() < 0.125);
        let share = share(day, hour, bin % 720 < 360);
        let failed = (0..people).filter(|_| random.f64() < share).count() as u64;
        let verdict =
            stream.take(Bin { second: bin * 5, requests: people + bots, bad: bots + failed }, &BAR);
        pages[usize::try_from(day).unwrap()] += usize::from(verdict == Verdict::Page);
    }
    pages
}

#[test]
fn bots_that_do_not_sleep_page_nobody_from_the_third_night_on() {
    let pages = nights(12, None);
    assert_eq!(pages[2..], [0; 10], "{pages:?}");
}

#[test]
fn an_outage_at_the_same_hour_of_the_next_day_is_no_habit() {
    let pages = nights(8, Some(10));
    assert!(pages.iter().skip(2).all(|pages| *pages == 1), "{pages:?}");
}

#[test]
fn small_trouble_pages_the_day_after_an_outage_of_its_hour() {
    // Half of all fail for an hour of the sixth day, and three in a hundred at that hour of the seventh.
    let share = |day, hour, _| match (day, hour) {
        (5, 10) => 0.5,
        (6, 10) => 0.03,
        _ => 0.001,
    };
    let pages = days_of(7, false, share);
    assert_eq!(pages[2..], [0, 0, 0, 1, 1], "{pages:?}");
}

#[test]
fn what_comes_every_night_becomes_its_usual() {
    let share = |day, hour, _| if day >= 10 && hour == 2 { 0.03 } else { 0.001 };
    let pages = days_of(18, false, share);
    assert_eq!(pages[10..], [1, 1, 1, 1, 1, 0, 0, 0], "{pages:?}");
}
