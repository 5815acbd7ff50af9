//! Files that people write.

use super::event::privacy;
use crate::config;
use crate::config::Config;
use crate::event::Timestamp;
use crate::event::decode::decode;
use crate::simulate::{Scenario, Simulation, Wire};

/// Events of a scenario that are looked at.
const EVENTS_MAX: usize = 50;

/// Where `${NAME}` leads in a configuration.
const SECRET: &str = "fuzzed-secret-value";

/// A configuration. A mistake has its place, and no message repeats what a variable held.
pub(super) fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let read =
        Config::parse("fuzz.yaml", &text, |name| (name == "SECRET").then(|| SECRET.to_owned()));
    match read {
        Err(error) => {
            let error = error.to_string();
            assert!(error.starts_with("fuzz.yaml"), "{error}");
            // A search that has learned the value writes it into the file itself.
            assert!(text.contains(SECRET) || !error.contains(SECRET), "{error}");
        }
        Ok(config) => {
            // What is checked once must hold when it is used.
            config.engine().expect("it was checked");
            config.edge_scheme().expect("it was checked");
        }
    }
}

/// A scenario. One that passes has bounds, and can be played.
pub(super) fn scenario(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match config::parse_scenario("fuzz.yaml", &text) {
        Err(error) => assert!(error.to_string().starts_with("fuzz.yaml"), "{error}"),
        Ok(scenario) => play(scenario),
    }
}

/// The first events of a small scenario: in order of time, and such as are accepted.
fn play(scenario: Scenario) {
    let seconds = scenario.warmup.0 + scenario.duration.0;
    assert!((1..=50_000).contains(&scenario.fleet.connections) && seconds <= 366.0 * 86_400.0);
    let small = scenario.fleet.connections <= 100
        && scenario.fleet.attempts_per_day <= 100_000.0
        && scenario.nuisance.iter().all(|nuisance| nuisance.attempts.unwrap_or(1) <= 1_000)
        && seconds <= 3.0 * 86_400.0;
    if !small {
        return;
    }
    let simulation = Simulation::new(scenario, None);
    let wire = Wire::new(&simulation);
    let (mut recording, mut last) = (simulation.recording(), Timestamp::from_millis(i64::MIN));
    for _ in 0..EVENTS_MAX {
        let Some(happening) = recording.next_before(simulation.ends()) else { return };
        assert!(happening.at >= last, "{} behind {last}", happening.at);
        last = happening.at;
        let event = wire.bytes(&happening);
        let read = decode(&event, &privacy());
        assert!(read.is_ok(), "{read:?} {}", String::from_utf8_lossy(&event));
    }
}
