use super::*;

/// Two weeks of arrivals at random, one in `every` seconds on average; then, for so many seconds, only `left` of them come, and
/// then all again. The seconds of each drought and its end after the onset, in half a day.
fn weathers(every: f64, left: f64, seconds: u32) -> Vec<(u32, Weather)> {
    let mut flow = Flow::default();
    let start = 20_000 * 86_400;
    let onset = start + 15 * 86_400;
    let mut state = 1u64;
    let mut told = Vec::new();
    for second in start..onset + seconds + 43_200 {
        // Steele and others, SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let chance =
            f64::from(u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap()) / f64::from(u32::MAX);
        let share = if (onset..onset + seconds).contains(&second) { left } else { 1.0 };
        if chance * every < share {
            flow.arrival();
        }
        while let Some(weather) = flow.advance(second, 17.0) {
            if weather != Weather::Same {
                told.push((second.saturating_sub(onset), weather));
            }
        }
    }
    told
}

#[test]
fn a_loss_of_most_arrivals_is_one_drought_for_as_long_as_it_goes_on() {
    for (left, seconds) in [(0.2, 7_200), (0.2, 28_800), (0.25, 7_200), (0.0, 7_200)] {
        let told = weathers(4.0, left, seconds);
        let [(begun, Weather::Drought), (over, Weather::Rain)] = told[..] else {
            panic!("{left} of {seconds} s: {told:?}")
        };
        assert!(begun < 1_800, "{left}: {told:?}");
        assert!((seconds + 60..seconds + 1_200).contains(&over), "{left}: {told:?}");
    }
}

#[test]
fn one_arrival_in_a_silence_does_not_end_it() {
    // Fifteen an hour, of which one comes: a single one is half of what two minutes bring.
    let told = weathers(240.0, 0.07, 36_000);
    assert!(matches!(told[..], [(_, Weather::Drought), (36_000.., Weather::Rain)]), "{told:?}");
}

#[test]
fn what_comes_for_a_day_is_the_level_and_silence_never_is() {
    let told = weathers(4.0, 0.2, 3 * 86_400);
    let [(_, Weather::Drought), (over, Weather::Rain), ..] = told[..] else { panic!("{told:?}") };
    assert!((86_400..86_400 + 1_800).contains(&over), "{told:?}");
    assert!(told.len() == 2, "its level is known then: {told:?}");
    let told = weathers(4.0, 0.0, 3 * 86_400);
    assert!(matches!(told[..], [(_, Weather::Drought), (259_200.., _)]), "{told:?}");
}

/// Two weeks of an arrival every `every` seconds by day (half of the slots), then silence; when it was noticed, in seconds.
fn noticed_after(every: u32, threshold: f64) -> Option<u32> {
    let mut flow = Flow::default();
    let start = 20_000 * 86_400;
    let end = start + 15 * 86_400 + 43_200;
    let mut second = start;
    while second < end + 7_200 {
        if second < end && second % every == 0 {
            flow.arrival();
        }
        while let Some(weather) = flow.advance(second, threshold) {
            if weather == Weather::Drought {
                return Some(second - end);
            }
        }
        second += 1;
    }
    None
}

#[test]
fn silence_is_noticed_after_what_was_due_outweighs_chance() {
    // 17 nats at a due of 0.8 an arrival: 22 arrivals and a bin or two.
    let after = noticed_after(2, 17.0).unwrap();
    assert!((40..=80).contains(&after), "{after}");
    let after = noticed_after(60, 17.0).unwrap();
    assert!((1_200..=2_000).contains(&after), "{after}");
    assert_eq!(noticed_after(900, 17.0), None, "four an hour say nothing in two hours");
}

/// A flow that brings one every `every(week, second of the week)` seconds for `weeks`, and what is then due in ten minutes at
/// noon of the second day of the week.
fn due_after(weeks: u32, every: impl Fn(u32, u32) -> u32) -> f64 {
    let mut flow = Flow::default();
    let (week, start) = (7 * 86_400, 2_900 * 7 * 86_400);
    let noon = 86_400 + 43_200;
    for second in start..start + weeks * week + noon {
        if second % every((second - start) / week, second % week) == 0 {
            flow.arrival();
        }
        while flow.advance(second, 1_000.0).is_some() {}
    }
    flow.usual().unwrap() * f64::from(SLOT_SECONDS / BIN_SECONDS)
}

#[test]
fn a_burst_is_not_due_again_a_week_later_and_traffic_that_stays_higher_is_learned() {
    let noon = 86_400 + 43_200;
    // Twenty in ten minutes are usual; once, somebody tests for an hour and makes it 120.
    let burst = |week, second: u32| {
        if week == 2 && second.abs_diff(noon) < 1_800 { 5 } else { 30 }
    };
    let due = due_after(3, burst);
    assert!((20.0..26.0).contains(&due), "{due}");
    let trebled = |week, _| if week < 2 { 30 } else { 10 };
    let due = due_after(10, trebled);
    assert!((54.0..61.0).contains(&due), "{due}");
}

#[test]
fn silence_while_nobody_listened_is_no_drought() {
    for (listening, want) in [(true, true), (false, false)] {
        let mut flow = Flow::default();
        let (start, end) = (20_000 * 86_400, 20_015 * 86_400);
        for second in start..end {
            if second % 2 == 0 {
                flow.arrival();
            }
            while flow.advance(second, 17.0).is_some() {}
        }
        if !listening {
            flow.resume(end + 600);
        }
        let weathers = std::iter::from_fn(|| flow.advance(end + 605, 17.0));
        assert_eq!(weathers.into_iter().any(|it| it == Weather::Drought), want, "{listening}");
    }
}

impl Flow {
    /// As if nobody had arrived since then.
    pub(in crate::engine::detect) fn dry_since(&mut self, since: u32) {
        let (back_bins, back_due, back_came) = (0, 0.0, 0);
        self.alarm =
            Some(Dry { since, due: 100.0, came: 0, nats: 30.0, back_bins, back_due, back_came });
    }
}
