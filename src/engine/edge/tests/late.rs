//! Logs that come late, or in batches.

use super::*;

/// What is told where half of 100 requests a second fail in `trouble`, in seconds from the onset at 9,000 s, and lines come in batches of
/// so many seconds, so many seconds late.
fn told(batch: i64, lag: i64, trouble: i64, cuts: i64) -> Vec<(String, i64, String)> {
    let mut engine = Engine::new(EngineConfig::default());
    let mut told = Vec::new();
    for second in 0..11_100 {
        if second % batch == 0 {
            for of in second - batch..second {
                let bad = if (9_000..9_000 + trouble).contains(&of) { 50 } else { 0 };
                apply(&mut engine, second + lag, second_of(of, bad, 502, false, 3));
            }
        }
        engine.advance(at(second + lag));
        for transition in engine.transitions() {
            let incident = &transition.incident;
            if incident.scope.is_of_edge() {
                let after = transition.at.seconds() - START - 9_000;
                let words = format!("{} {}", incident.summary, incident.description);
                told.push((incident.state.as_str().to_owned(), after, words));
            }
        }
        if second % 7 < cuts {
            engine = Engine::load(EngineConfig::default(), &engine.save()).unwrap();
        }
    }
    told
}

#[test]
fn the_first_batch_with_trouble_pages_with_its_beginning_routes_and_callers() {
    for (batch, lag, most) in [(1, 0, 35), (60, 1, 80), (300, 2, 320), (1, 180, 220), (1, 300, 340)]
    {
        let all = told(batch, lag, 600, 0);
        let [(fired, after, words), (resolved, ..)] = &all[..] else {
            panic!("{batch} {lag}: {all:?}")
        };
        assert_eq!((&**fired, &**resolved), ("firing", "resolved"));
        assert!(*after <= most, "{batch} {lag}: {after} {words}");
        // The onset is at 03:40:00.
        assert!(words.contains("since about 03:40:00 UTC"), "{batch} {lag}: {words}");
        assert!(words.contains("routes: 502 /api/items") && words.contains("c0 "), "{words}");
    }
}

#[test]
fn a_restart_of_twenty_seconds_pages_nobody_however_late_it_is_told() {
    for (batch, lag) in [(1, 0), (60, 1), (300, 2), (1, 180)] {
        assert_eq!(told(batch, lag, 20, 0), [], "{batch} {lag}");
    }
}

#[test]
fn what_came_late_is_there_after_a_restart() {
    for (batch, lag) in [(60, 1), (1, 180)] {
        assert_eq!(told(batch, lag, 600, 0), told(batch, lag, 600, 3), "{batch} {lag}");
    }
}
