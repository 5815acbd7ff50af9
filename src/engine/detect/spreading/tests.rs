use super::super::code::Run;
use super::*;

/// Attempts between false alarms on one code that the test accepts.
const GAMMA: f64 = 1e6;

fn code(learned: f64) -> Code {
    Code {
        id: 1,
        name: "x".into(),
        learned,
        fresh: 0.0,
        last: 0.0,
        runs: Default::default(),
        hits: VecDeque::new(),
        alarm: None,
        toll: Toll::default(),
    }
}

#[test]
fn a_code_with_an_alarm_keeps_its_place_however_many_others_come() {
    let alarm = CodeAlarm {
        raised_at: 0,
        since: 0,
        attempts: 9,
        bad: 9,
        last_bad: 0,
        nats: 20.0,
        chance_days: 1e3,
        usual: 0.01,
        during: 0.5,
        relief: 0.0,
    };
    let told = Code { alarm: Some(alarm), ..code(0.0) };
    let mut spreading = Spreading { codes: vec![told], ..Spreading::default() };
    for id in 2..100 {
        let place = spreading.place("y", id).expect("others make room");
        spreading.codes[place].learned = 5.0;
    }
    assert_eq!((spreading.codes[0].id, spreading.codes.len()), (1, CODES_MAX));
    for code in &mut spreading.codes {
        code.alarm = Some(alarm);
    }
    assert_eq!(spreading.place("z", 100), None);
}

#[test]
fn a_code_gives_no_more_false_alarms_than_are_accepted_however_rare_it_is() {
    let learned = 500_000.0;
    for share in [2e-5, 1e-4, 2e-4, 3e-4, 5e-4, 1e-3, 2e-3, 3e-3, 5e-3, 1e-2] {
        let mut code = code(share * learned);
        let usual = code.usual(learned);
        let mut random = fastrand::Rng::with_seed(3);
        let (mut attempts, mut alarms) = (0.0, 0u32);
        for _ in 0..150_000 {
            // Attempts until the next one that fails with it.
            let good = libm::floor(libm::log(1.0 - random.f64()) / libm::log1p(-share));
            attempts += good + 1.0;
            let nats = code.weigh(usual, good, attempts, 0).map_or(0.0, |(_, nats)| nats);
            if nats >= libm::log(GAMMA) {
                alarms += 1;
                code.runs = Default::default();
            }
        }
        let due = attempts / GAMMA;
        assert!(f64::from(alarms) <= due + 3.0, "{share}: {alarms} false alarms, {due:.0} due");
    }
}

#[test]
fn all_codes_of_an_ordinary_fleet_give_no_more_false_alarms_than_the_threshold_covers() {
    let (learned, failing) = (500_000.0, 0.012);
    let shares = [40.0, 20.0, 12.0, 8.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.5, 1.0, 0.5];
    let most = 2e8;
    let mut alarms = 0u32;
    for share in shares.map(|share| share / 100.0 * failing) {
        let mut code = code(share * learned);
        let usual = code.usual(learned);
        let mut random = fastrand::Rng::with_seed(4);
        let mut attempts = 0.0;
        while attempts < most {
            let good = libm::floor(libm::log(1.0 - random.f64()) / libm::log1p(-share));
            attempts += good + 1.0;
            let found = code.weigh(usual, good, attempts, 0);
            let Some((index, nats)) = found else { continue };
            if nats >= libm::log(GAMMA) && code.runs[index].bad >= 3 {
                alarms += 1;
                code.runs = Default::default();
            }
        }
    }
    let due = most / GAMMA;
    // Half of what the threshold covers at most: in a fleet odds swing by the hour and differ by connection as well.
    assert!(
        f64::from(alarms) <= 0.5 * STREAMS * due,
        "{alarms} false alarms, {due:.0} for one stream"
    );
}

#[test]
fn a_code_spreads_over_others_however_often_it_comes_from_one_that_is_told() {
    let failures: Vec<u32> = [vec![0; 20], vec![1, 2, 3]].concat();
    let spreads = |told: Option<u32>| {
        let mut spreading = Spreading { learned: 10_000.0, ..Spreading::default() };
        let (config, stream) = (Config::default(), GroupStream::default());
        let mut spreads = false;
        for (minute, connection) in (0..).zip(&failures) {
            let is_told = |one: u32| minute >= 20 && Some(one) == told;
            let fleet = Around { stream: &stream, is_told: &is_told };
            let mut attempt = |failure, connection: u32| {
                spreading.attempt(failure, (connection, false), minute * 60, &fleet, &config)
            };
            attempt(None, 4);
            spreads |= !attempt(Some(("x", 7)), *connection).is_empty();
        }
        spreads
    };
    assert!(spreads(Some(0)) && !spreads(None));
}

#[test]
fn evidence_fades_with_the_attempts_after_the_last_failure() {
    let mut code = code(100.0);
    let usual = code.usual(500_000.0);
    for failure in 1..5u8 {
        let attempts = f64::from(failure) * 20.0;
        code.weigh(usual, 19.0, attempts, 0);
        code.last = attempts;
    }
    let nats = |attempts: f64| code.nats(usual, attempts).0;
    assert!(nats(80.0) > 15.0, "{}", nats(80.0));
    assert!(nats(80.0) > nats(200.0) && nats(200.0) > nats(2_000.0));
    assert!(nats(1e9) < 1.0);
}

#[test]
fn failures_that_are_told_elsewhere_are_neither_evidence_nor_counted() {
    let mut code = code(0.0);
    let run = |since, bad| Run { weight: 8.0, since, began: 0.0, bad };
    (code.runs[0], code.runs[1]) = (run(0, 4), run(30, 2));
    code.hits = [(10, 1), (20, 1), (30, 2), (40, 2)].into();
    code.take_out(&|connection| connection == 1);
    let left = |code: &Code, index: usize| {
        (code.runs[index].weight, code.runs[index].bad, code.runs[index].began)
    };
    assert_eq!(
        (left(&code, 0), left(&code, 1)),
        ((4.0, 2, 2.0), (8.0, 2, 0.0)),
        "by what came since each began"
    );
    code.take_out(&|_| true);
    assert_eq!(
        (left(&code, 0), left(&code, 1), code.hits.len()),
        ((0.0, 0, 4.0), (0.0, 0, 2.0), 0)
    );
}
