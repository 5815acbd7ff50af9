//! How long trouble lasted that a threshold told of, and how much it was: the window of a rule holds what is bad long after the
//! trouble, and forgets what came before.

use super::Engine;
use super::alert::Key;
use super::calendar::Place;
use super::people::Trouble;
use super::rule::{Phase, Rule};
use crate::event::Timestamp;
use crate::signal::{Happened, Minute};

/// The minutes of a trouble.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Lasted {
    from: Timestamp,
    until: Timestamp,
    attempts: u64,
    bad: u64,
}

impl Engine {
    /// Notes with an incident whose condition no longer holds when its trouble ended; one that holds again has not ended.
    pub(super) fn note_course(
        &mut self,
        rule: &Rule,
        place: Place,
        key: &Key,
        (before, after): (Phase, Phase),
    ) {
        let holds = |phase: Phase| phase == Phase::Firing { clear_since: None };
        match (holds(before), holds(after)) {
            (true, false) => {
                let Some(lasted) = self.lasted(rule, place, key) else { return };
                let Lasted { from, until, attempts, bad } = lasted;
                self.memory.alerts.ended(key, Some(until));
                let counted = Happened::Counted { from, until, attempts, bad };
                self.memory.alerts.note(key, counted, self.memory.now);
            }
            (false, true) if matches!(before, Phase::Firing { .. }) => {
                self.memory.alerts.ended(key, None);
            }
            _ => {}
        }
    }

    /// The minutes from the incident's beginning up to the one in which what is bad exceeds half of the threshold by most. `None` for
    /// what the counts of an hour do not show: what began before, and what is not about failures or time-outs.
    fn lasted(&self, rule: &Rule, place: Place, key: &Key) -> Option<Lasted> {
        let trouble = rule.metric.trouble().filter(|_| !rule.op.looks_for_little())?;
        let incident = self.memory.alerts.incident(key)?;
        if !rule.compares(&incident.evidence) {
            return None;
        }
        let threshold = incident.evidence.threshold?;
        let hour = &self.memory.tally(place).windows[1];
        let began = incident.started_at.seconds().div_euclid(60) * 60;
        if began < hour.since(self.memory.now).seconds() {
            return None;
        }
        let minutes = f64::from(incident.evidence.window_seconds?) / 60.0;
        let excess = |minute: &Minute| {
            let half = if rule.metric.is_ratio() {
                f64::from(minute.ended) * threshold / 2.0
            } else {
                threshold / 2.0 / minutes
            };
            f64::from(bad(trouble, minute)) - half
        };
        let (mut sum, mut most) = (0.0, 0.0);
        let (mut counted, mut lasted) = ((0, 0), None);
        for minute in hour.minutes().filter(|minute| minute.start_seconds >= began) {
            counted.0 += u64::from(minute.ended);
            counted.1 += u64::from(bad(trouble, &minute));
            sum += excess(&minute);
            if sum > most {
                most = sum;
                let until = Timestamp::from_millis((minute.start_seconds + 60) * 1000);
                lasted = Some(Lasted {
                    from: Timestamp::from_millis(began * 1000),
                    until: until.min(self.memory.now),
                    attempts: counted.0,
                    bad: counted.1,
                });
            }
        }
        lasted
    }
}

fn bad(trouble: Trouble, minute: &Minute) -> u32 {
    match trouble {
        Trouble::Failed => minute.failed,
        Trouble::TimedOut => minute.timed_out,
    }
}
