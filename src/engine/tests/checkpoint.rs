//! Which states are read, and which refused.

use super::*;
use crate::engine::checkpoint::*;

/// The newest parts of a state.
pub(super) fn tolls(engine: &Engine) -> (detect::Tolls, detect::Worsening) {
    (engine.memory.detection.tolls(), engine.memory.detection.worsening())
}

pub(super) fn counted(engine: &Engine) -> (detect::Counted, detect::PeaksOfAll) {
    (engine.memory.outbreaks.counted(), engine.memory.detection.peaks())
}

#[test]
fn a_state_of_another_version_or_a_damaged_one_is_refused() {
    let mut bytes = Engine::new(Config::default()).save();
    bytes[0] = 99;
    let newer = Engine::load(Config::default(), &bytes).unwrap_err();
    assert!(matches!(newer, LoadError::Version(99)) && newer.is_newer());
    assert!(!LoadError::Version(OLDEST_VERSION - 1).is_newer() && !LoadError::Empty.is_newer());
    assert!(matches!(
        Engine::load(Config::default(), &[STATE_VERSION, 1]),
        Err(LoadError::Damaged(_))
    ));
    assert!(matches!(Engine::load(Config::default(), &[]), Err(LoadError::Empty)));
}

#[test]
fn a_state_of_a_version_that_had_fewer_parts_is_read() {
    let engine = Engine::new(Config::default());
    let mut parts = vec![OLDEST_VERSION];
    parts.extend(postcard::to_stdvec(&engine.memory).unwrap());
    Engine::load(Config::default(), &parts).unwrap();
    parts[0] = SINCE_DRIFT;
    parts.extend(postcard::to_stdvec(&engine.memory.drift).unwrap());
    Engine::load(Config::default(), &parts).unwrap();
    parts[0] = SINCE_WANDER;
    assert!(matches!(Engine::load(Config::default(), &parts), Err(LoadError::Damaged(_))));
    parts.extend(postcard::to_stdvec(&engine.memory.detection.wandering()).unwrap());
    Engine::load(Config::default(), &parts).unwrap();
    parts[0] = SINCE_BUSY;
    parts.extend(postcard::to_stdvec(&engine.memory.detection.busy_wandering()).unwrap());
    Engine::load(Config::default(), &parts).unwrap();
    parts[0] = SINCE_CAUSES;
    parts.extend(postcard::to_stdvec(&engine.memory.alerts.causes_of_all()).unwrap());
    Engine::load(Config::default(), &parts).unwrap();
    parts[0] = SINCE_WIDE;
    parts.extend(postcard::to_stdvec(&engine.memory.outbreaks.wide()).unwrap());
    Engine::load(Config::default(), &parts).unwrap();
    parts[0] = SINCE_TOLLS;
    parts.extend(postcard::to_stdvec(&tolls(&engine)).unwrap());
    Engine::load(Config::default(), &parts).unwrap();
    parts[0] = SINCE_COUNTED;
    parts.extend(postcard::to_stdvec(&counted(&engine)).unwrap());
    Engine::load(Config::default(), &parts).unwrap();
    parts[0] = SINCE_HOURS;
    parts.extend(postcard::to_stdvec(&engine.memory.edge.hours()).unwrap());
    Engine::load(Config::default(), &parts).unwrap();
    parts[0] = SINCE_WORSE;
    parts.extend(postcard::to_stdvec(&engine.memory.edge.worsening()).unwrap());
    Engine::load(Config::default(), &parts).unwrap();
    parts[0] = SINCE_GROSS;
    parts.extend(postcard::to_stdvec(&engine.memory.edge.gross()).unwrap());
    Engine::load(Config::default(), &parts).unwrap();
    parts[0] = SINCE_PAST;
    parts.extend(postcard::to_stdvec(&engine.memory.edge.past()).unwrap());
    Engine::load(Config::default(), &parts).unwrap();
    parts[0] = SINCE_LATE;
    parts.extend(postcard::to_stdvec(&engine.memory.edge.late()).unwrap());
    Engine::load(Config::default(), &parts).unwrap();
    parts[0] = SINCE_RHYTHMS;
    parts.extend(postcard::to_stdvec(engine.memory.detection.rhythms()).unwrap());
    Engine::load(Config::default(), &parts).unwrap();
    parts[0] = STATE_VERSION;
    parts.extend(postcard::to_stdvec(&engine.memory.edge.bursts()).unwrap());
    assert!(parts == engine.save(), "there are no more");
}
