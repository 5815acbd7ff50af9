//! Trouble that comes and goes.

use super::*;

/// What is told of a tier where half of 100 requests a second fail for the first minute of every `period`, from 9,000 s on.
fn told(keep: &str, period: i64) -> Vec<(String, i64, String)> {
    let detection = format!(r#"{{"keep_firing_for": "{keep}"}}"#);
    let config = || EngineConfig {
        detection: Some(serde_json::from_str(&detection).unwrap()),
        ..EngineConfig::default()
    };
    let mut engine = Engine::new(config());
    let mut told = Vec::new();
    for second in 0..12_000 {
        let fails = (9_000..10_500).contains(&second) && (second - 9_000) % period < 60;
        apply(
            &mut engine,
            second + 1,
            second_of(second, if fails { 50 } else { 0 }, 502, false, 3),
        );
        for transition in engine.transitions() {
            let incident = &transition.incident;
            if incident.scope.is_of_edge() {
                let after = transition.at.seconds() - START - 9_000;
                told.push((incident.state.as_str().to_owned(), after, incident.summary.clone()));
            }
        }
        if second % 97 == 0 {
            engine = Engine::load(config(), &engine.save()).unwrap();
        }
    }
    told
}

#[test]
fn a_tier_that_flaps_is_one_incident_whose_numbers_are_those_of_its_last_flare() {
    let told = told("10m", 360);
    let [(fired, _, _), (resolved, after, words)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&**fired, &**resolved), ("firing", "resolved"));
    // The last flare begins at 1,440 s, is over five minutes after it paged, and ten minutes later forgotten.
    assert!((2_340..2_400).contains(after), "{after}");
    assert!(words.contains("since about 04:04:00 UTC"), "{words}");
}

#[test]
fn what_comes_again_later_than_the_configuration_says_is_another_incident() {
    for (keep, incidents) in [("1m", 3), ("10m", 1)] {
        let told = told(keep, 600);
        let pages = told.iter().filter(|(state, ..)| state == "firing").count();
        assert_eq!(pages, incidents, "{told:?}");
    }
}
