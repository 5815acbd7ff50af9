//! Waiting for a condition, with a bound.

use std::thread::sleep;
use std::time::Duration;

/// How often a condition is looked at.
const STEP: Duration = Duration::from_millis(20);

/// How long a test waits at most for one condition: far more than any takes on a busy machine with two cores, so that
/// only what will never happen fails.
const LOOKS_MAX: u32 = 60_000 / 20;

/// The first `Some` that `condition` gives within a few seconds, for what may as well never come.
pub(crate) fn briefly<T>(mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    (0..LOOKS_MAX / 12).find_map(|look| {
        if look > 0 {
            sleep(STEP);
        }
        condition()
    })
}

/// The first `Some` that `condition` gives; panics with `what` when none comes. What components wrote is shown then.
pub(crate) fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    for _ in 0..LOOKS_MAX {
        if let Some(value) = condition() {
            return value;
        }
        sleep(STEP);
    }
    panic!("{what}: waited in vain");
}
