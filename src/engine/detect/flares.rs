//! What an outbreak has counted: its alarm may be over and come back, and each time the alarm counts anew.

use serde::{Deserialize, Serialize};

use super::numbers::Numbers;

/// An alarm lasts longer than this: one whose trouble began so soon after the last one's stands on the same failures, and has counted
/// them. So the code that took a connection over raises it again with the next failure.
const SAME_SECONDS: u32 = 300;

/// The counts of all alarms of an outbreak's lead so far.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Flares {
    /// When the trouble of the first one is believed to have begun, in seconds.
    began: u32,
    /// Those that are over.
    past: Counts,
    /// The last one: its onset, and what it had when it was looked at last.
    last: Option<(u32, Counts)>,
    /// How often it came back.
    again: u32,
}

#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
struct Counts {
    attempts: u64,
    bad: u64,
    people: u64,
    repeats: u64,
    nats: f64,
    chance_days: f64,
}

impl Flares {
    /// Looks at the alarm that is up.
    pub(super) fn note(&mut self, own: &Numbers) {
        match self.last {
            Some((since, _)) if own.since < since.saturating_add(SAME_SECONDS) => {}
            Some((_, over)) => {
                self.past = self.past.and(over);
                self.again += 1;
            }
            None => self.began = own.since,
        }
        self.last = Some((own.since, Counts::of(own)));
    }

    /// The numbers of all, with those of the one that is up.
    pub(in crate::engine) fn whole(&self, own: &Numbers) -> Numbers {
        let all = self.past.and(Counts::of(own));
        Numbers {
            since: if self.again == 0 { own.since } else { self.began },
            attempts: all.attempts,
            bad: all.bad,
            people: all.people,
            repeats: all.repeats,
            nats: all.nats,
            chance_days: all.chance_days,
            ..own.clone()
        }
    }

    /// How often it came back, and when it did last.
    pub(in crate::engine) fn again(&self) -> Option<(u32, u32)> {
        let (since, _) = self.last?;
        (self.again > 0).then_some((self.again, since))
    }

    /// When it began first, and the share of those who were hit, without the alarm that is up; `None` before it came back.
    pub(in crate::engine) fn before(&self) -> Option<(u32, f64)> {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let share = |part: u64, all: u64| (part as f64 + 1.0) / (all as f64 + 2.0);
        let Counts { attempts, people, repeats, .. } = self.past;
        let all = attempts.saturating_sub(repeats).max(people);
        (self.again > 0).then(|| (self.began, share(people, all)))
    }
}

impl Counts {
    fn of(own: &Numbers) -> Self {
        let Numbers { attempts, bad, people, repeats, nats, chance_days, .. } = *own;
        Self { attempts, bad, people, repeats, nats, chance_days }
    }

    /// Both; as unlikely as the less likely one.
    fn and(self, other: Self) -> Self {
        Self {
            attempts: self.attempts + other.attempts,
            bad: self.bad + other.bad,
            people: self.people + other.people,
            repeats: self.repeats + other.repeats,
            nats: self.nats.max(other.nats),
            chance_days: self.chance_days.max(other.chance_days),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(since: u32, attempts: u64, people: u64) -> Numbers {
        Numbers {
            since,
            attempts,
            bad: people + 1,
            people,
            repeats: 1,
            last_bad: since,
            usual: 0.01,
            nats: 20.0,
            chance_days: 1e6,
            code: None,
        }
    }

    #[test]
    fn counts_of_what_comes_back_add_up() {
        let mut flares = Flares::default();
        let first = numbers(1_000, 25, 3);
        flares.note(&first);
        assert_eq!((flares.whole(&first), flares.again()), (first.clone(), None));
        assert_eq!(flares.before(), None);
        let grown = numbers(1_000, 51, 9);
        flares.note(&grown);
        let second = Numbers { nats: 17.0, chance_days: 1e5, ..numbers(5_000, 10, 6) };
        flares.note(&second);
        let want =
            Numbers { attempts: 61, people: 15, bad: 17, repeats: 2, last_bad: 5_000, ..grown };
        assert_eq!(flares.whole(&second), want);
        assert_eq!(flares.again(), Some((1, 5_000)));
        assert_eq!(flares.before(), Some((1_000, 10.0 / 52.0)));
    }
}
