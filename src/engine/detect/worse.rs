//! Trouble that gets much worse while its alarm is up, by another cause or for many more: a small incident must not hide a large
//! one. The alarm's own test only asks whether it is over.

use serde::{Deserialize, Serialize};

use super::alarm::Alarm;
use super::numbers::Numbers;
use super::outbreak::GROW_SECONDS;
use super::stream::Attempt;

/// Attempts over which the share is followed: while an outbreak is young, so that its highest stretch is known, for what comes and goes
/// is as bad as it was.
const STRETCH: f64 = 32.0;

/// How far the share of those hit may wander above that of the worst stretch since the onset: by half, and by this much.
const WANDERS: f64 = 1.5;
const WANDERS_BY: f64 = 0.02;

/// The least rise beyond that which is looked for, as a share of those who are not hit yet.
const RISE: f64 = 0.25;

/// Where more are hit already, it cannot get much worse.
const SHARE_MAX: f64 = 0.6;

/// Nats that say so: once in 160,000 by chance. And people, as for a page about a connection.
const NATS: f64 = 12.0;
const PEOPLE_MIN: u32 = 3;

/// Nats, and seconds, after which it is as before.
const RELIEF_NATS: f64 = 5.3;
const SECONDS_MIN: u32 = 300;

/// The evidence; of people who did not fail lately.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Worse {
    nats: f64,
    /// When it left zero last.
    since: u32,
    attempts: u32,
    bad: u32,
    /// The share lately, 0 before any was seen, and of the worst stretch.
    lately: f64,
    worst: f64,
    raised: Option<Raised>,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Raised {
    at: u32,
    /// The share of those hit before.
    before: f64,
    relief: f64,
    last_bad: u32,
}

/// The numbers behind it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(in crate::engine) struct Rise {
    /// When it is believed to have begun, in seconds.
    pub(in crate::engine) since: u32,
    pub(in crate::engine) attempts: u32,
    pub(in crate::engine) bad: u32,
    pub(in crate::engine) last_bad: u32,
    /// The share of those hit before.
    pub(in crate::engine) before: f64,
}

impl Rise {
    /// Of trouble that was not there before.
    pub(in crate::engine) fn first_met(own: &Numbers) -> Self {
        let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            since: own.since,
            attempts: count(own.attempts.saturating_sub(own.repeats)),
            bad: count(own.people),
            last_bad: own.last_bad,
            before: own.usual,
        }
    }

    /// The share of those who are hit now.
    pub(in crate::engine) fn share(self) -> f64 {
        f64::from(self.bad) / f64::from(self.attempts.max(1))
    }
}

/// The highest share that is as before.
pub(in crate::engine) fn as_before(before: f64) -> f64 {
    before * WANDERS + WANDERS_BY
}

/// Whether trouble that has come back is much worse than it was `before`, when that share of people was hit; where it `is_told`, whether
/// it still is.
pub(in crate::engine) fn is_much_worse(own: &Numbers, before: f64, is_told: bool) -> bool {
    let as_before = as_before(before);
    let (rise, nats) = if is_told { (0.0, RELIEF_NATS) } else { (RISE / 2.0, NATS) };
    before <= SHARE_MAX
        && own.share() >= as_before + rise * (1.0 - as_before)
        && own.nats_against(as_before) >= nats
}

impl Worse {
    /// Another attempt while `alarm` is up, which counts it already.
    pub(super) fn attempt(&mut self, alarm: &Alarm, attempt: &Attempt, tempering: f64) {
        if !attempt.fresh {
            return;
        }
        // What grows soon after its onset is one outbreak's beginning.
        let young = attempt.second.saturating_sub(alarm.since) < GROW_SECONDS;
        self.follow(alarm, attempt.bad, young);
        let before = self.raised.map_or_else(|| self.share_before(alarm), |raised| raised.before);
        if young || before > SHARE_MAX {
            return self.forget();
        }
        let as_before = as_before(before);
        let worse = as_before + RISE * (1.0 - as_before);
        let nats = if attempt.bad {
            libm::log(worse / as_before)
        } else {
            libm::log((1.0 - worse) / (1.0 - as_before))
        };
        let nats = tempering * nats;
        if self.raised.is_none() && self.nats + nats <= 0.0 {
            return self.forget();
        }
        if self.attempts == 0 {
            self.since = attempt.second;
        }
        self.nats += nats;
        self.attempts += 1;
        self.bad += u32::from(attempt.bad);
        let enough = self.nats >= NATS && self.bad >= PEOPLE_MIN;
        match &mut self.raised {
            None if enough => {
                let (at, last_bad) = (attempt.second, attempt.second);
                self.raised = Some(Raised { at, before, relief: 0.0, last_bad });
            }
            None => {}
            Some(raised) => {
                if attempt.bad {
                    raised.last_bad = attempt.second;
                }
                raised.relief = libm::fmax(0.0, raised.relief - nats);
                let lasted = attempt.second.saturating_sub(raised.at);
                if raised.relief >= RELIEF_NATS && lasted >= SECONDS_MIN {
                    self.forget();
                }
            }
        }
    }

    /// Follows the share.
    fn follow(&mut self, alarm: &Alarm, bad: bool, young: bool) {
        if self.lately <= 0.0 {
            let (attempts, people) = alarm.people();
            self.lately = f64::from(people) / f64::from(attempts.max(1));
        }
        self.lately += (f64::from(u8::from(bad)) - self.lately) / STRETCH;
        if young {
            self.worst = self.worst.max(self.lately);
        }
    }

    /// The share of those hit lately.
    pub(super) fn lately(&self) -> f64 {
        self.lately
    }

    /// What was told is a stretch like others.
    fn forget(&mut self) {
        let Self { attempts, bad, lately, mut worst, raised, .. } = *self;
        if raised.is_some() {
            worst = worst.max(f64::from(bad) / libm::fmax(STRETCH, f64::from(attempts)));
        }
        *self = Self { lately, worst, ..Self::default() };
    }

    /// The share of those hit in the worst stretch since the onset, and in all, without what is looked at now.
    fn share_before(&self, alarm: &Alarm) -> f64 {
        let (attempts, people) = alarm.people();
        let attempts = attempts.saturating_sub(self.attempts);
        let people = people.saturating_sub(self.bad);
        self.worst.max((f64::from(people) + 1.0) / (f64::from(attempts) + 2.0))
    }

    /// What is known of it, once it is believed.
    pub(super) fn rise(&self) -> Option<Rise> {
        let Raised { before, last_bad, .. } = self.raised?;
        let Self { since, attempts, bad, .. } = *self;
        Some(Rise { since, attempts, bad, last_bad, before })
    }

    /// Whether there is anything to remember.
    pub(super) fn is_any(&self) -> bool {
        *self != Self::default()
    }
}
