//! Why sign-ins failed is told of the whole incident.

use super::*;

/// Sign-ins on ten connections for five hours, one of which has failures alone after the first: ten in a minute and a half, then one
/// in seven minutes. When `again` is set, the engine is saved and loaded each hour.
fn failing_slowly(again: bool) -> (Engine, u64) {
    let mut engine = Engine::new(Config::default());
    let mut failed = 0;
    for n in 0..6_000u64 {
        let at = i64::try_from(n).unwrap() * 3;
        // The customer of `c3` does not get in any more.
        let place = if n % 10 == 3 && at >= 3_600 { 4 } else { n % 10 };
        let connection = format!("c{place}");
        engine.apply(&entry(at, event(&format!("g{n}"), at, Step::Succeeded, &connection, "", n)));
        let since = at - 3_600;
        if (0..90).contains(&since) && since % 9 == 0 || since > 90 && since % 420 == 0 {
            failed += 1;
            let bad = event(&format!("b{n}"), at, Step::Failed, "c3", "", 100_000 + n);
            engine.apply(&entry(at, bad));
        }
        if again && at % 3_600 == 0 {
            engine = Engine::load(Config::default(), &engine.save()).unwrap();
        }
    }
    (engine, failed)
}

#[test]
fn causes_are_those_of_the_whole_incident_across_quiet_minutes_and_restarts() {
    for again in [false, true] {
        let (mut engine, failed) = failing_slowly(again);
        let incidents = engine.snapshot().incidents;
        let found = incidents.iter().find(|one| &*one.alertname == "SsoConnectionFailing").unwrap();
        assert_eq!(found.state, State::Firing);
        assert_eq!(found.evidence.bad, failed, "{again}");
        assert_eq!(found.evidence.causes, [("certificate".into(), failed)], "{again}");
        assert!(found.description.contains(&format!("Causes: certificate {failed}.")));
    }
}
