//! The stream's test against what theory promises, on independent attempts.

use super::Watch;
use super::bar::Bar;
use super::config::{Config, Kind, Level};
use super::stream::{Attempt, Stream, Verdict};
use super::wander::Wander;

/// Attempts between false alarms that these tests accept.
const GAMMA: f64 = 100_000.0;

/// A bar under which one false alarm in [`GAMMA`] attempts is accepted, at `per_minute`.
fn bar(per_minute: f64) -> Bar {
    let day = per_minute * 1_440.0;
    Bar {
        false_alarm_days: GAMMA / day.max(3.0),
        // Attempts enter no baseline while a test runs.
        wait_seconds: u32::MAX,
        shift_min: 0.0,
        people_min: u32::MAX,
        ..Config::default().bar(Level::Connection, Kind::Failing)
    }
}

/// What a connection of which a thousand attempts were learned calls usual when `p` is true.
fn usual_at(p: f64) -> f64 {
    let mut watch = Watch::default();
    watch.streams[0].learn(1_000.0, 1_000.0 * p);
    watch.expectation(Kind::Failing, p).usual
}

/// Attempts `from` a second on, at `per_minute`, each bad with probability `p`, until the page or `most`.
fn attempts_until_page(
    stream: &mut Stream,
    random: &mut fastrand::Rng,
    (from, per_minute): (f64, f64),
    (usual, p): (f64, f64),
    most: u32,
) -> Option<u32> {
    let bar = bar(per_minute);
    for n in 0..most {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time")]
        let second = (from + f64::from(n) * 60.0 / per_minute) as u32;
        let bad = random.f64() < p;
        let attempt = Attempt {
            second,
            bad,
            first: bad,
            fresh: true,
            usual,
            expected: 0.0,
            weight: 1.0,
            explained: false,
        };
        if let (Verdict::Page(_), _) = stream.attempt(&attempt, &bar) {
            return Some(n + 1);
        }
    }
    None
}

/// The day on which the tests begin.
const DAY: u32 = 20_000;

/// A stream whose daily rate is known, and when it begins.
fn known(per_minute: f64) -> (Stream, f64) {
    let mut stream = Stream::default();
    stream.at_pace(DAY, per_minute * 1_440.0);
    (stream, 86_400.0 * f64::from(DAY))
}

/// False alarms in `attempts` independent attempts, of which `p` are bad and `usual` are thought to be.
fn false_alarms((usual, p): (f64, f64), per_minute: f64, attempts: u32) -> u32 {
    let mut random = fastrand::Rng::with_seed(7);
    let (calm, from) = known(per_minute);
    let (mut alarms, mut left) = (0, attempts);
    while left > 0 {
        let mut stream = calm.clone();
        let place = (from, per_minute);
        let until = attempts_until_page(&mut stream, &mut random, place, (usual, p), left);
        let Some(used) = until else { break };
        alarms += 1;
        left -= used;
    }
    alarms
}

#[test]
fn false_alarms_stay_within_twice_the_nominal_rate_whatever_is_usual_and_however_busy() {
    for p in [0.004, 0.012, 0.05, 0.2] {
        let usual = usual_at(p);
        for per_minute in [0.1, 20.0, 1_000.0] {
            let alarms = false_alarms((usual, usual), per_minute, 800_000);
            // Eight are due for one shift. Eight are looked for at once, and a step of a rare failure is large: twice as many.
            // That a connection pages only for three people is what keeps the pages below the budget.
            assert!(alarms <= 22, "{p}, {per_minute} a minute: {alarms} false alarms");
        }
    }
}

#[test]
fn what_a_baseline_is_lifted_by_keeps_false_alarms_below_the_nominal_rate() {
    for p in [0.004, 0.012, 0.05, 0.2] {
        let alarms = false_alarms((usual_at(p), p), 20.0, 800_000);
        assert!(alarms <= 8, "{p}: {alarms} false alarms");
    }
}

#[test]
fn the_delay_is_near_the_bound_from_one_percent_to_all_and_from_rare_to_busy() {
    let divergence = |p1: f64, p0: f64| {
        let rest = if p1 < 1.0 { (1.0 - p1) * ((1.0 - p1) / (1.0 - p0)).ln() } else { 0.0 };
        p1 * (p1 / p0).ln() + rest
    };
    let p0 = 0.01;
    let usual = usual_at(p0);
    for per_minute in [0.1, 1.0, 30.0, 1_000.0] {
        let (calm, from) = known(per_minute);
        for shift in [0.01, 0.05, 0.2, 0.5, 1.0] {
            let p = p0 + shift * (1.0 - p0);
            let mut random = fastrand::Rng::with_seed(11);
            let runs = 60;
            let total: u32 = (0..runs)
                .map(|_| {
                    let mut stream = calm.clone();
                    let place = (from, per_minute);
                    attempts_until_page(&mut stream, &mut random, place, (usual, p), 100_000)
                        .expect("every shift is found")
                })
                .sum();
            let mean = f64::from(total) / f64::from(runs);
            // ln(T) / KL is the least that any test needs on average; a whole attempt is the least step.
            let bound = (GAMMA.ln() / divergence(p, p0)).max(1.0);
            assert!(
                mean <= 1.8 * bound + 2.0,
                "{per_minute} a minute, shift {shift}: {mean:.1} attempts, bound {bound:.1}"
            );
        }
    }
}

/// False alarms of a group over `days` of 60 attempts a minute, whose log-odds wander by 0.3 from ten minutes to ten minutes,
/// and the attempts until an outage pages that lets four in ten fail besides; `held` against what is measured of the wandering.
fn wandering(usual: f64, days: u32, held: bool) -> (u32, u32) {
    let mut random = fastrand::Rng::with_seed(3);
    let (mut stream, from) = known(60.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time")]
    let from = from as u32;
    let mut wander = Wander::default();
    let bar = Bar { false_alarm_days: 30.0 / 0.06, shift_min: 0.015, ..bar(60.0) };
    let mut alarms = 0;
    let mut p = usual;
    let attempt = |second, bad| Attempt {
        second,
        bad,
        first: bad,
        fresh: true,
        usual: usual * 1.15,
        expected: 0.0,
        weight: 1.0,
        explained: false,
    };
    for second in 0..days * 86_400 {
        if second % 600 == 0 {
            let normal = (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
            let odds = usual / (1.0 - usual) * (0.3 * normal).exp();
            p = odds / (1.0 + odds);
        }
        let bad = random.f64() < p;
        // The mean of wandering odds is a little more than their median.
        wander.measure(bad, usual * 1.04, second);
        let variance = if held { wander.variance() } else { 0.0 };
        let bar = Bar { wander: variance, ..bar };
        if let (Verdict::Page(_), _) = stream.attempt(&attempt(from + second, bad), &bar) {
            alarms += 1;
            stream.hand_over();
        }
    }
    stream.hand_over();
    let bar = Bar { wander: if held { wander.variance() } else { 0.0 }, ..bar };
    let until = (0..10_000).find(|second| {
        let bad = random.f64() < usual + 0.4;
        let attempt = attempt(from + days * 86_400 + second, bad);
        matches!(stream.attempt(&attempt, &bar), (Verdict::Page(_), _))
    });
    (alarms, until.expect("many fail"))
}

#[test]
fn where_odds_wander_there_is_hardly_a_false_alarm_and_an_outage_is_found_all_the_same() {
    let mut all = 0;
    // Where an eighth hangs anyway, half of all is only six standard deviations away: to tell takes some minutes.
    for (usual, least, slower) in [(0.012, 0, 2), (0.125, 3, 6)] {
        let (without, soon) = wandering(usual, 20, false);
        let (alarms, until) = wandering(usual, 20, true);
        assert!(without >= least, "{usual}: {without} false alarms without it");
        assert!(until <= slower * soon + 10, "{usual}: {until}, {soon} without");
        all += alarms;
    }
    assert!(all <= 1, "{all} false alarms in 40 days");
}
