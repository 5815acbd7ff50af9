use super::*;

/// A Thursday, 00:00.
const BEGAN: u32 = 20_006 * DAY;
const WEEKS: u32 = 3;

/// Chances between 0 and 1, the same in each run (Steele and others, `SplitMix64`).
fn chance(second: u32, seed: u64) -> f64 {
    let state = (seed << 32 | u64::from(second)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    f64::from(u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap()) / f64::from(u32::MAX)
}

/// The share of an hour's sign-ins that an office sends from eight to six on working days, and few at other times.
fn office(second: u32) -> f64 {
    let (day, hour) = (second / DAY % 7, second % DAY / HOUR);
    // Day 0 is a Thursday.
    let weekend = matches!(day, 2 | 3);
    match hour {
        _ if weekend => 0.02,
        7 | 18 => 0.3,
        8..18 => 1.0,
        _ => 0.02,
    }
}

/// What is told of `days` days after three weeks of so many sign-ins an hour, as seconds after these, where `then` tells which share
/// of the usual comes at which second.
fn told(
    hourly: f64,
    seed: u64,
    days: u32,
    usual: impl Fn(u32) -> f64,
    then: impl Fn(u32) -> f64,
) -> Vec<(u32, Weather)> {
    let mut rhythm = Rhythm::new(BEGAN);
    let end = BEGAN + WEEKS * WEEK;
    let mut told = Vec::new();
    for second in BEGAN..end + days * DAY {
        let share = if second < end { 1.0 } else { then(second - end) };
        if chance(second, seed) < hourly / f64::from(HOUR) * usual(second) * share {
            rhythm.start(second);
        }
        if second % 60 == 0 {
            match rhythm.look(second, 15.0) {
                Weather::Same => {}
                weather => {
                    assert_eq!(rhythm.numbers().is_some(), weather == Weather::Drought);
                    told.push((second.saturating_sub(end), weather));
                }
            }
        }
    }
    told
}

/// From eleven to three on Thursday.
fn lunch(second: u32) -> f64 {
    if (11 * HOUR..15 * HOUR).contains(&second) { 0.0 } else { 1.0 }
}

#[test]
fn a_silence_in_the_midst_of_the_day_is_told_and_its_end() {
    // Evidence comes with sign-ins: some hours, or minutes.
    for (hourly, latest, back) in
        [(15.0, 3 * HOUR, 2 * HOUR), (60.0, 1_800, 1_800), (600.0, 240, 300)]
    {
        for seed in 1..=4 {
            let told = told(hourly, seed, 2, office, lunch);
            let [(begun, Weather::Drought), (over, Weather::Rain)] = told[..] else {
                panic!("{hourly} an hour, seed {seed}: {told:?}")
            };
            assert!((11 * HOUR..11 * HOUR + latest).contains(&begun), "{hourly}: {told:?}");
            assert!((15 * HOUR..15 * HOUR + back).contains(&over), "{hourly}: {told:?}");
        }
    }
}

#[test]
fn what_hardly_comes_any_more_is_told() {
    let told = told(120.0, 1, 1, office, |second| if second < 11 * HOUR { 1.0 } else { 0.05 });
    assert!(matches!(told[..], [(begun, Weather::Drought)] if begun < 13 * HOUR), "{told:?}");
}

#[test]
fn nobody_is_told_of_a_holiday() {
    let end = BEGAN + WEEKS * WEEK;
    for hourly in [15.0, 60.0, 600.0] {
        for left in [0.0, 0.05, 0.2] {
            // The nights are as usual, and two days like nights; some work then.
            let usual = |second: u32| {
                let night = office(second).min(0.02);
                if (end..end + 2 * DAY).contains(&second) {
                    night + left * (office(second) - night)
                } else {
                    office(second)
                }
            };
            for seed in 1..=4 {
                let told = told(hourly, seed, 4, usual, |_| 1.0);
                assert!(told.is_empty(), "{hourly} an hour, {left} left, seed {seed}: {told:?}");
            }
        }
    }
}

#[test]
fn a_night_in_which_nobody_ever_comes_says_nothing_of_the_day_behind_it() {
    let end = BEGAN + WEEKS * WEEK;
    let days = |second: u32| {
        let works = (8 * HOUR..18 * HOUR).contains(&(second % DAY));
        let holiday = (end + DAY..end + 2 * DAY).contains(&second);
        if works && !holiday { 1.0 } else { 0.0 }
    };
    for seed in 1..=4 {
        let told = told(60.0, seed, 3, days, |_| 1.0);
        assert!(told.is_empty(), "seed {seed}: {told:?}");
    }
}

#[test]
fn nobody_is_told_when_the_clocks_change() {
    for (hourly, shift) in [(600.0, HOUR), (600.0, WEEK - HOUR), (60.0, HOUR), (60.0, WEEK - HOUR)]
    {
        let end = BEGAN + WEEKS * WEEK;
        let moved = |second: u32| office(if second < end { second } else { second + shift });
        let told = told(hourly, 1, 7, moved, |_| 1.0);
        assert!(told.is_empty(), "{hourly} an hour: {told:?}");
    }
}

#[test]
fn an_ordinary_month_has_no_silence() {
    for hourly in [8.0, 15.0, 60.0, 600.0] {
        for seed in 1..=3 {
            let told = told(hourly, seed, 28, office, |_| 1.0);
            assert!(told.is_empty(), "{hourly} an hour, seed {seed}: {told:?}");
        }
    }
}

#[test]
fn hours_that_bring_much_and_little_are_no_silence() {
    // A factor for each hour, from 0.2 to 3: the sum of four chances is nearly normal.
    let bursts = |second: u32| {
        let sum: f64 = (0..4).map(|part| chance(second / HOUR, 90 + part)).sum();
        office(second) * libm::exp((sum - 2.0) * 0.9)
    };
    for seed in 1..=3 {
        let told = told(30.0, seed, 56, bursts, |_| 1.0);
        assert!(told.is_empty(), "seed {seed}: {told:?}");
    }
    // Nor is one hour without anybody, though chance alone brings it never; four are one all the same.
    let hour = |second: u32| if second / HOUR == 11 { 0.0 } else { 1.0 };
    assert!(told(30.0, 1, 1, bursts, hour).is_empty());
    let told = told(30.0, 1, 1, bursts, lunch);
    assert!(matches!(told[..], [(_, Weather::Drought), _]), "{told:?}");
}

#[test]
fn evidence_is_held_against_the_best_of_ordinary_hours() {
    let run = Run { due: 17.0, ..Run::default() };
    let beyond = |variance, hours| (run.nats_beyond(variance, hours) * 10.0).round().to_string();
    // By hand: e^-1.2 of 17 is 5.1, and 1.44 / 0.5 is 2.9; e^-0.6 of them is 9.3, and 4 hours of 0.36 / 0.5 are 2.9.
    assert_eq!([beyond(0.25, 0.5), beyond(0.25, 4.0), beyond(0.0, 0.5)], ["80", "122", "148"]);
}

#[test]
fn between_two_lessons_it_is_silent() {
    // Sixty sign-ins in the first five minutes of each hour.
    let lessons = |second: u32| office(second) * if second % HOUR < 300 { 12.0 } else { 0.0 };
    let told_of = |then: fn(u32) -> f64| told(60.0, 1, 7, lessons, then);
    assert!(told_of(|_| 1.0).is_empty());
    let silent = told_of(lunch);
    assert!(
        matches!(silent[..], [(begun, Weather::Drought), _] if begun < 13 * HOUR),
        "{silent:?}"
    );
}

#[test]
fn what_stays_away_for_a_day_is_not_due_any_more() {
    let told = told(60.0, 1, 14, office, |second| if second < 11 * HOUR { 1.0 } else { 0.0 });
    let [(begun, Weather::Drought), (over, Weather::Rain)] = told[..] else { panic!("{told:?}") };
    assert!((DAY - HOUR..DAY + HOUR).contains(&(over - begun)), "{told:?}");
}

#[test]
fn restarts_do_not_keep_a_ticket_open_and_blind_nobody() {
    // A restart each day at half past ten, which takes ten seconds.
    let restarted = |then: &dyn Fn(u32) -> f64, days: u32| {
        let mut rhythm = Rhythm::new(BEGAN);
        let (end, mut told) = (BEGAN + WEEKS * WEEK, Vec::new());
        for second in BEGAN..end + days * DAY {
            let share = if second < end { 1.0 } else { then(second - end) };
            if second % DAY == 37_800 {
                rhythm.resume(second + 10);
            }
            if chance(second, 1) < 60.0 / f64::from(HOUR) * office(second) * share {
                rhythm.start(second);
            }
            if second % 60 == 0 {
                let weather = rhythm.look(second, 15.0);
                if weather != Weather::Same {
                    told.push((second.saturating_sub(end), weather));
                }
            }
        }
        told
    };
    let gone = restarted(&|second| if second < 11 * HOUR { 1.0 } else { 0.0 }, 5);
    let [(begun, Weather::Drought), (over, Weather::Rain)] = gone[..] else { panic!("{gone:?}") };
    assert!(begun < 12 * HOUR && over < begun + DAY, "{gone:?}");
    // From ten o'clock.
    let early = restarted(&|second| if (36_000..50_400).contains(&second) { 0.0 } else { 1.0 }, 1);
    assert!(matches!(early[..], [(begun, _), _] if begun < 39_600), "{early:?}");
}

#[test]
fn an_outage_that_was_not_told_hides_no_later_one() {
    // Four hours in the time in which it listens.
    let outage = |second: u32| {
        let at = second.wrapping_sub(BEGAN + WEEK + 10 * HOUR);
        if at < 14_000 { 0.0 } else { office(second) }
    };
    let told = told(600.0, 1, 1, outage, lunch);
    assert!(matches!(told[..], [(begun, Weather::Drought), _] if begun < 12 * HOUR), "{told:?}");
}

#[test]
fn a_meeting_of_every_week_is_known_after_four() {
    let meeting = |second: u32| {
        if (14 * HOUR..16 * HOUR).contains(&(second % WEEK)) { 0.0 } else { 1.0 }
    };
    let told = told(60.0, 1, 49, office, meeting);
    assert!(told.len() <= 8 && told.last().is_some_and(|(at, _)| *at < 4 * WEEK), "{told:?}");
}

#[test]
fn a_time_in_which_nobody_listened_is_no_silence() {
    let mut rhythm = Rhythm::new(BEGAN);
    let at = BEGAN + 2 * WEEK + 12 * HOUR;
    for second in (BEGAN..at).step_by(60) {
        rhythm.start(second);
        assert_eq!(rhythm.look(second, 15.0), Weather::Same);
    }
    let mut deaf = rhythm.clone();
    assert_eq!(rhythm.look(at + HOUR, 15.0), Weather::Drought);
    deaf.resume(at + HOUR);
    assert_eq!(deaf.look(at + HOUR, 15.0), Weather::Same);
    assert_eq!(deaf.look(at + 2 * HOUR, 15.0), Weather::Drought, "it listens again");
}
