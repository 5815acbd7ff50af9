//! Whether the machine's clock is believed.
//!
//! What follows a step ahead that was a mistake ends open incidents at once, and judges nothing until the clock has come that
//! far once more, since the engine's time never goes back. So the clock is held against the time for which the machine has run,
//! sleep included: a step ahead is followed when it has lasted. A step back is followed at once: time stands, and nothing is
//! lost by waiting.

use std::time::Duration;

use super::{AHEAD_MILLIS, millis};
use crate::event::Timestamp;

/// A step of so little is no step: it ends no incident, and taken back it hides nothing.
const STEP_MILLIS: i64 = AHEAD_MILLIS;

/// How long a step ahead must last before it is followed: longer than a slip of the hand, and short beside the quarter of an
/// hour after which whoever feeds us would give events up. A virtual machine that was paused waits for this, too: nothing on
/// it tells a pause from a step.
const PATIENCE: Duration = Duration::from_mins(1);

/// What is believed of a clock.
#[derive(Debug, Default)]
pub(super) struct Belief {
    /// What was believed last, and how long the machine had run then.
    last: Option<(Timestamp, Duration)>,
    doubt: Option<Doubt>,
}

/// A step ahead that is not followed yet.
#[derive(Clone, Copy, Debug)]
struct Doubt {
    /// How long the machine had run when it was seen.
    since: Duration,
    /// How far it goes.
    ahead_millis: i64,
}

impl Belief {
    /// Of a clock that nobody has looked at.
    pub(super) const NEW: Self = Self { last: None, doubt: None };

    /// The time that is believed when the clock shows `shown` and the machine has run for so long.
    pub(super) fn look(&mut self, shown: Timestamp, run: Duration) -> Timestamp {
        let believed = self.weigh(shown, run);
        self.last = Some((believed, run));
        believed
    }

    /// How far the clock is ahead of what is believed, while a step is not followed.
    pub(super) fn doubted_millis(&self) -> Option<i64> {
        self.doubt.map(|doubt| doubt.ahead_millis)
    }

    fn weigh(&mut self, shown: Timestamp, run: Duration) -> Timestamp {
        let Some((last, then)) = self.last else { return shown };
        let expected = last.plus_millis(millis(run.saturating_sub(then)));
        let ahead_millis = shown.millis_since(expected);
        if ahead_millis <= STEP_MILLIS {
            self.doubt = None;
            return shown;
        }
        // A clock that is set again is doubted anew.
        let same = |doubt: &Doubt| (doubt.ahead_millis - ahead_millis).abs() <= STEP_MILLIS;
        let doubt = self.doubt.filter(same).unwrap_or(Doubt { since: run, ahead_millis });
        if run.saturating_sub(doubt.since) >= PATIENCE {
            self.doubt = None;
            return shown;
        }
        self.doubt = Some(doubt);
        expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is believed second by second of a clock that is wrong by so many seconds at each.
    fn believed(wrong: impl Fn(i64) -> i64, seconds: i64) -> Vec<i64> {
        let mut belief = Belief::default();
        let mut look = |second: i64| {
            let shown = Timestamp::from_millis((1_000_000 + second + wrong(second)) * 1000);
            let run = Duration::from_secs(u64::try_from(second).unwrap());
            belief.look(shown, run).seconds() - 1_000_000 - second
        };
        (0..seconds).map(&mut look).collect()
    }

    #[test]
    fn a_step_ahead_that_is_taken_back_was_never_believed() {
        let stepped = |second| if (10..16).contains(&second) { 3600 } else { 0 };
        assert_eq!(believed(stepped, 100), [0; 100]);
        // Small ones are followed: they end nothing.
        let stepped = |second| if (10..16).contains(&second) { 5 } else { 0 };
        assert_eq!(believed(stepped, 20)[9..17], [0, 5, 5, 5, 5, 5, 5, 0]);
    }

    #[test]
    fn a_step_ahead_that_lasts_is_followed_after_a_minute() {
        let all = believed(|second| if second < 10 { 0 } else { 3600 }, 100);
        assert_eq!(all.iter().position(|wrong| *wrong != 0), Some(70));
        assert_eq!(all[70..], [3600; 30]);
    }

    #[test]
    fn a_clock_that_steps_on_and_on_is_doubted_anew_each_time() {
        let all = believed(|second| second.div_euclid(50) * 100, 170);
        assert_eq!(all[..150], [0; 150]);
        assert_eq!(all[150..], [0; 20]);
    }

    #[test]
    fn a_step_back_is_followed_at_once() {
        let all = believed(|second| if second < 10 { 0 } else { -3600 }, 20);
        assert_eq!(all[9..11], [0, -3600]);
    }

    #[test]
    fn a_machine_that_slept_has_run_meanwhile() {
        let mut belief = Belief::default();
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        belief.look(at(1_000), Duration::from_secs(5));
        assert_eq!(belief.look(at(29_801), Duration::from_secs(28_806)), at(29_801));
        assert_eq!(belief.doubted_millis(), None);
        assert_eq!(belief.look(at(40_000), Duration::from_secs(28_807)), at(29_802));
        assert_eq!(belief.doubted_millis(), Some(10_198_000));
    }
}
