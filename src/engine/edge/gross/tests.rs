use super::*;
use crate::engine::edge::stream::BIN_SECONDS;

const BAR: Bar =
    Bar { prior: None, shift_min: 0.8, share_min: 0.5, turned: true, false_alarm_days: 1_800.0 };

/// What is told, and seconds after three calm hours, where so many good and bad requests come a minute: first in those hours, and then for
/// so many minutes.
fn told(usual: (f64, f64), then: &[(i64, f64, f64)]) -> Vec<(Verdict, i64)> {
    let (mut gross, mut random) = (Gross::default(), fastrand::Rng::with_seed(5));
    let mut told = Vec::new();
    let mut second = BIN_SECONDS;
    let calm = [(180, usual.0, usual.1)];
    for (minutes, good, bad) in calm.iter().chain(then) {
        for _ in 0..minutes * 60 / BIN_SECONDS {
            let mut of = |rate: f64| (0..600).filter(|_| random.f64() < rate / 7_200.0).count();
            let (good, bad) = (of(*good) as u64, of(*bad) as u64);
            if good + bad > 0 {
                let bin = Bin { second, requests: good + bad, bad };
                let verdict = gross.judge(Sign::Refused, bin, &BAR).unwrap();
                if verdict != Verdict::Nothing {
                    told.push((verdict, second + BIN_SECONDS - 3 * 3_600));
                }
            }
            second += BIN_SECONDS;
        }
    }
    told
}

#[test]
fn most_requests_that_turn_bad_page() {
    for (good, bad, most) in
        [(290.0, 10.0, 60), (240.0, 60.0, 60), (58.0, 2.0, 120), (10.0, 0.2, 600)]
    {
        let all = good + bad;
        // All come, half of them leave, they try three times.
        for comes in [1.0, 0.5, 3.0] {
            let then = [(15, 0.05 * all * comes, 0.95 * all * comes), (60, good, bad)];
            let told = told((good, bad), &then);
            let [(Verdict::Page, after), (Verdict::PageOver, _)] = told[..] else {
                panic!("{good} {bad} {comes}: {told:?}")
            };
            assert!(after <= most, "{good} {bad} {comes}: {told:?}");
        }
    }
}

#[test]
fn what_strangers_add_and_what_does_not_sleep_pages_nobody() {
    for good in [290.0, 58.0, 10.0] {
        let cases: [&[(i64, f64, f64)]; 8] = [
            // A batch, and a scan soon or long after it.
            &[(25, 10.0 * good, good), (15, good, 0.1 * good), (60, good, 6.0 * good)],
            &[(25, 10.0 * good, good), (60, good, 0.1 * good), (60, good, 6.0 * good)],
            // A scan that goes on while people leave.
            &[
                (60, good, 2.0 * good),
                (40, 0.8 * good, 2.0 * good),
                (40, 0.6 * good, 2.0 * good),
                (40, 0.45 * good, 2.0 * good),
                (40, 0.35 * good, 2.0 * good),
                (40, 0.25 * good, 2.0 * good),
            ],
            // A scan of random paths.
            &[(30, good, 8.0 * good), (60, good, 1.0)],
            // People leave within an hour, robots do not.
            &[
                (20, 0.7 * good, 0.1 * good),
                (20, 0.4 * good, 0.1 * good),
                (300, 0.05 * good, 0.1 * good),
            ],
            // A third, for long; and nobody at all.
            &[(60, 0.67 * good, 0.33 * good), (60, good, 1.0)],
            &[(60, 0.0, 0.0), (60, good, 1.0)],
            // The half of a tier goes elsewhere.
            &[(120, 0.5 * good, 0.1 * good)],
        ];
        for then in cases {
            let told = told((good, 0.1 * good), then);
            assert_eq!(told, [], "{good} {then:?}");
        }
    }
}

#[test]
fn a_tier_that_has_never_had_another_answer_pages_nobody() {
    assert_eq!(told((0.0, 60.0), &[(600, 0.0, 60.0)]), []);
    assert_eq!(told((10.0, 60.0), &[(600, 10.0, 60.0)]), []);
}
