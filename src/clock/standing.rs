//! How the engine's time stands to a clock.

use super::Clock;
use crate::event::Timestamp;

/// Engine's time that is no further ahead of the clock hides nothing: events come later than that.
pub const AHEAD_MILLIS: i64 = 5_000;

/// What is further from the clock than this does not watch: no disk that works, and no tick, takes as long.
const UNHEARD_MILLIS: i64 = 30_000;

/// How the engine's time stands to a clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// The present is judged.
    Even,
    /// Time has stood since then: nothing can be made durable.
    Held(Timestamp),
    /// The clock was set back: time stands until the clock has come here.
    Ahead(Timestamp),
}

impl Standing {
    /// Of an engine whose time is `engine`.
    #[must_use]
    pub fn of(engine: Timestamp, clock: Clock) -> Self {
        let ahead_millis = engine.millis_since(clock.now());
        if ahead_millis > AHEAD_MILLIS {
            Self::Ahead(engine)
        } else if -ahead_millis > clock.unheard_millis() {
            Self::Held(engine)
        } else {
            Self::Even
        }
    }
}

impl Clock {
    /// Whether an engine whose time is `engine` watches nothing of the present: then nothing may say that all is well.
    #[must_use]
    pub fn is_far_from(self, engine: Timestamp) -> bool {
        engine.millis_since(self.now()).abs() > self.unheard_millis()
    }

    /// How far from this clock an engine's time may be that goes by it.
    #[must_use]
    pub fn unheard_millis(self) -> i64 {
        UNHEARD_MILLIS * i64::from(self.speed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_watches_goes_with_the_clock() {
        let at = |second: i64| Timestamp::from_millis(second * 1000);
        let clock = Clock::starting_at(at(1000));
        for (engine, standing, blind) in [
            (969, Standing::Held(at(969)), true),
            (970, Standing::Even, false),
            (1005, Standing::Even, false),
            (1006, Standing::Ahead(at(1006)), false),
            (1031, Standing::Ahead(at(1031)), true),
        ] {
            assert_eq!(Standing::of(at(engine), clock), standing);
            assert_eq!(clock.is_far_from(at(engine)), blind, "{engine}");
        }
        // A tick of a clock that runs ten times faster is ten times as long.
        let clock = Clock::running(at(1000), 10);
        for (engine, standing, blind) in
            [(699, Standing::Held(at(699)), true), (700, Standing::Even, false)]
        {
            assert_eq!(Standing::of(at(engine), clock), standing);
            assert_eq!(clock.is_far_from(at(engine)), blind, "{engine}");
        }
    }
}
