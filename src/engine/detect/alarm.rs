//! Trouble that goes on in a stream: its counts, and the test whether it is over.

use serde::{Deserialize, Serialize};

use super::bar::Bar;
use super::grid::{Run, Strongest};
use super::stream::{Attempt, Stream, Verdict};
use super::table::SHIFTS;
use super::worse::Worse;

/// Share of the ratio since the onset that the trouble is thought to have at least, and of the ratio up to the last bad attempt
/// that it is thought to have.
const SEEN_SHARE: f64 = 0.7;
const LAST_SHARE: f64 = 0.8;

/// Nats that a repeated failure of one person takes from the evidence that the trouble is over; after the sixth one each counts half
/// as much as the one before: a test user that fails every minute must not keep an incident open.
const REPEAT_RELIEF: f64 = -0.6;
const REPEATS: f64 = 64.0;

/// Trouble that is going on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Alarm {
    /// When it was raised, in seconds.
    pub(super) raised_at: u32,
    /// When the trouble is believed to have begun.
    pub(super) since: u32,
    /// Attempts since then.
    pub(super) attempts: u32,
    /// Bad ones.
    pub(super) bad: u32,
    /// People among the bad.
    pub(super) people: u32,
    /// Attempts of people who had failed lately.
    pub(super) repeats: u32,
    /// Second of the last bad one.
    pub(super) last_bad: u32,
    /// What is usual.
    pub(super) usual: f64,
    /// Nats when it was raised.
    pub(super) nats: f64,
    /// By chance, one such alarm in this many days.
    pub(super) chance_days: f64,
    /// The trouble's own probability of a bad attempt, as far as it is known.
    during: f64,
    /// Nats that say it is over.
    relief: f64,
    /// Whether it gets much worse. Stands behind all else in a checkpoint.
    #[serde(skip)]
    pub(super) worse: Worse,
}

impl Alarm {
    /// Attempts of people who had not failed lately, and how many of them were hit.
    pub(super) fn people(&self) -> (u32, u32) {
        (self.attempts.saturating_sub(self.repeats), self.people)
    }
}

/// Evidence from elsewhere than the grid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) nats: f64,
    pub(super) since: u32,
    pub(super) attempts: u32,
    pub(super) bad: u32,
    pub(super) shift: f64,
}

impl Stream {
    /// Raises the alarm on `strongest`, with the run behind it.
    pub(super) fn raise(&mut self, strongest: Strongest, run: Run, second: u32, bar: &Bar) {
        let usual = self.usual;
        let shift = SHIFTS[strongest.index];
        let seen = f64::from(run.bad) / f64::from(run.attempts.max(1));
        let at_least = usual + 0.5 * shift * (1.0 - usual);
        self.raise_as(
            Alarm {
                raised_at: second,
                since: run.since,
                attempts: run.attempts,
                bad: run.bad,
                people: run.people,
                repeats: run.bad.saturating_sub(run.people),
                last_bad: second,
                usual,
                nats: strongest.nats,
                chance_days: 0.0,
                during: (0.8 * seen).max(at_least).max(1.8 * usual).min(0.97),
                relief: 0.0,
                worse: Worse::default(),
            },
            bar,
        );
    }

    /// Raises an alarm that other evidence stands behind.
    pub(super) fn raise_on(&mut self, found: Found, second: u32, bar: &Bar) {
        let usual = self.usual;
        self.raise_as(
            Alarm {
                raised_at: second,
                since: found.since,
                attempts: found.attempts,
                bad: found.bad,
                people: found.bad,
                repeats: 0,
                last_bad: second,
                usual,
                nats: found.nats,
                chance_days: 0.0,
                during: (0.6 * found.shift).max(1.8 * usual).min(0.97),
                relief: 0.0,
                worse: Worse::default(),
            },
            bar,
        );
    }

    fn raise_as(&mut self, mut alarm: Alarm, bar: &Bar) {
        alarm.chance_days = libm::exp(alarm.nats.min(60.0)) / (self.per_day() * bar.scopes);
        self.alarm = Some(Box::new(alarm));
        self.learned.forget_fresh();
        self.grid = None;
        self.ticket = None;
    }

    /// The reverse test: is the usual more likely than the trouble?
    pub(super) fn relieve(&mut self, attempt: &Attempt, bar: &Bar) -> Verdict {
        let alarm = self.alarm.as_mut().expect("an alarm is raised");
        alarm.attempts += 1;
        alarm.repeats += u32::from(!attempt.fresh);
        alarm.bad += u32::from(attempt.bad);
        // What was seen since the onset says more about the trouble than the first few attempts did: three bad of three are
        // followed by good ones in an outage of a third.
        let seen = f64::from(alarm.bad) / f64::from(alarm.attempts);
        if attempt.bad {
            alarm.last_bad = attempt.second;
            alarm.people += u32::from(attempt.first);
            alarm.during = (LAST_SHARE * seen).max(1.8 * self.usual);
        }
        if attempt.explained {
            return Verdict::Nothing;
        }
        let mut worse = alarm.worse;
        worse.attempt(alarm, attempt, bar.tempering);
        alarm.worse = worse;
        let during = alarm.during.max(SEEN_SHARE * seen).min(0.97);
        let usual = (self.usual * 1.1).min(during * 0.66);
        let nats = if attempt.bad && !attempt.fresh {
            REPEAT_RELIEF * libm::fmin(1.0, REPEATS * (1.0 - attempt.expected))
        } else if attempt.bad {
            bar.tempering * libm::log(usual / during)
        } else {
            bar.tempering * libm::log((1.0 - usual) / (1.0 - during))
        };
        alarm.relief = (alarm.relief + nats).max(0.0);
        let lasted = attempt.second.saturating_sub(alarm.raised_at);
        if alarm.relief >= bar.relief_nats && lasted >= bar.alarm_seconds_min {
            self.dismiss();
            return Verdict::Over;
        }
        Verdict::Nothing
    }

    /// Ends the alarm.
    pub(super) fn dismiss(&mut self) {
        self.alarm = None;
        self.learned.forget_fresh();
    }
}
