//! Silence of one connection: sign-ins that begin no more in the midst of its day.
//!
//! The evidence is that of [`super::drought`], weighed at each start and once a minute: "hardly any begin" against "as many as are
//! due". What is due is what the hour brings in other weeks, or what came right before the silence if that was less: on a holiday
//! nobody comes from the morning on, and that is no trouble of sign-in.

use serde::{Deserialize, Serialize};

use super::DAY;
use super::drought::Weather;
use super::numbers::Numbers;

const HOUR: u32 = 3_600;

/// Hours of a week, beginning on Thursday, as the epoch did.
const HOURS: usize = 168;
const WEEK: u32 = 7 * DAY;

/// The starts of an hour are kept in eighths, 8,000 at most, so that a week has 336 bytes.
const PARTS: f64 = 8.0;
const UNKNOWN: u16 = u16::MAX;

/// How much a week moves an hour once it is known, and how many times what is usual an hour teaches at most.
const SMOOTHING: f64 = 0.4;
const BURST_MOST: f64 = 1.5;
const BURST_MORE: f64 = 4.0;

/// What is left of the starts when they stop.
const LEFT: f64 = 0.05;

/// The time of which "right before" speaks.
const LATELY_SECONDS: f64 = 7_200.0;
const LATELY_HOURS: f64 = 2.0;

/// How long it is listened to first: a week to know what is due, and another one to know how long it is silent in it.
const LISTEN_SECONDS: u32 = 2 * WEEK;

/// A silence that has not said enough by then is that of the night.
const PATIENCE_SECONDS: u32 = 4 * HOUR;

/// Silences that were none, as between two lessons, raise the threshold: to so many times the longest, of so many nats at most,
/// since some of them were outages. It is forgotten by the day.
const LONGER: f64 = 1.5;
const LONGEST_MOST: f64 = 40.0;
const LONGEST_LEFT: f64 = 0.95;

/// Hours bring more or less than usual by themselves. How much a well-known hour moves the measure of that, the variance of the
/// logarithm; where it begins, and its bounds.
const VARIANCE_SMOOTHING: f64 = 0.01;
const VARIANCE_START: f64 = 0.1;
const VARIANCE: std::ops::RangeInclusive<f64> = 0.02..=1.0;
const WELL_KNOWN: f64 = 4.0;

/// What chance makes of it, of an hour and of what is known of it.
const BY_CHANCE: f64 = 1.5;

/// By how much an hour may bring less, in steps and how many of them, and the least that a silence is thought to leave.
const WANDER_STEP: f64 = 0.1;
const LEFT_LEAST: f64 = 0.002;
const WANDER_STEPS: u32 = 40;

/// It is over when so many begin, at least half as many as are due; with fewer than that, and one more, the count begins anew.
const BACK_STARTS: u32 = 8;
const BACK_SHARE: f64 = 0.5;

/// When the sign-ins of a connection begin, and whether they still do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Rhythm {
    began: u32,
    /// Starts of each hour, in eighths.
    week: Vec<u16>,
    in_hour: u32,
    /// Seconds of this hour in which nobody listened.
    deaf: u32,
    /// Until when it was weighed.
    second: u32,
    /// Starts of about the last two hours before `lately_at`.
    lately: f64,
    lately_at: u32,
    run: Run,
    variance: f64,
    /// The most evidence of a silence that ended by itself.
    longest: f64,
    dry: Option<Back>,
}

/// Evidence that adds up.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Run {
    since: u32,
    /// Starts an hour right before it.
    before: f64,
    nats: f64,
    due: f64,
    came: u32,
}

/// What comes again while nothing is thought to come.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Back {
    due: f64,
    came: u32,
}

impl Rhythm {
    /// One of which nothing is known.
    pub(super) fn new(second: u32) -> Self {
        Self {
            began: second,
            week: vec![UNKNOWN; HOURS],
            in_hour: 0,
            deaf: second % HOUR,
            second,
            lately: 0.0,
            lately_at: second,
            run: Run { since: second, ..Run::default() },
            variance: VARIANCE_START,
            longest: 0.0,
            dry: None,
        }
    }

    /// A sign-in begins.
    pub(super) fn start(&mut self, second: u32) {
        self.pass(second);
        self.in_hour += 1;
        self.lately = self.lately_until(self.second) + 1.0;
        self.lately_at = self.second;
        self.run.came += 1;
        if let Some(back) = &mut self.dry {
            back.came += 1;
            return;
        }
        self.longest = self.longest.max(self.run.nats.min(LONGEST_MOST));
        self.run.nats += libm::log(LEFT);
        if self.run.nats <= 0.0 {
            self.begin();
        }
    }

    /// Looks at what is due by `second`; a silence is told with so many nats.
    pub(super) fn look(&mut self, second: u32, threshold: f64) -> Weather {
        self.pass(second);
        let lasts = self.second.saturating_sub(self.run.since);
        if let Some(back) = &mut self.dry {
            let share = f64::from(back.came) / back.due.max(f64::MIN_POSITIVE);
            if back.came > 0 && back.due >= 1.0 && share < BACK_SHARE {
                *back = Back::default();
            }
            // What stays away for a day is not due any more.
            if lasts < DAY && (back.came < BACK_STARTS || share < BACK_SHARE) {
                return Weather::Same;
            }
            self.dry = None;
            self.begin();
            return Weather::Rain;
        }
        if lasts >= PATIENCE_SECONDS {
            self.begin();
        }
        if self.second.saturating_sub(self.began) < LISTEN_SECONDS
            || self.run.nats < threshold.max(LONGER * self.longest)
        {
            return Weather::Same;
        }
        let hours = f64::from(lasts) / f64::from(HOUR);
        let nats = self.run.nats_beyond(self.variance, hours);
        if nats < threshold {
            return Weather::Same;
        }
        self.run.nats = nats;
        self.dry = Some(Back::default());
        Weather::Drought
    }

    /// Nobody listened until `second`.
    pub(super) fn resume(&mut self, second: u32) {
        let second = self.second.max(second);
        if second / HOUR == self.second / HOUR {
            self.deaf += second - self.second;
        } else {
            (self.in_hour, self.deaf) = (0, second % HOUR);
        }
        self.second = second;
        if self.dry.is_none() {
            self.begin();
        }
    }

    /// Something else explains the silence until now: whoever does not come from now on is found anew.
    pub(super) fn dismiss(&mut self) {
        self.dry = None;
        self.run = Run { since: self.second, before: self.run.before, ..Run::default() };
    }

    /// Starts of a day, by the hours that are known; `None` in the first week.
    pub(super) fn daily(&self) -> Option<f64> {
        let week = self.week.iter().copied().map(starts).sum::<Option<f64>>();
        week.map(|starts| starts / 7.0)
    }

    /// The numbers behind the silence that goes on: `attempts` came, `usual` were due.
    pub(super) fn numbers(&self) -> Option<Numbers> {
        self.dry?;
        let Run { since, nats, due, came, .. } = self.run;
        Some(Numbers {
            since,
            attempts: came.into(),
            bad: 0,
            people: 0,
            repeats: 0,
            // It goes on for as long as it is up.
            last_bad: u32::MAX,
            usual: due,
            nats,
            // Each start begins a silence.
            chance_days: libm::exp(nats.min(60.0)) / self.daily().unwrap_or(1.0).max(1.0),
            code: None,
        })
    }

    /// Moves time to `second`, hour by hour.
    fn pass(&mut self, second: u32) {
        if second > self.second.saturating_add(WEEK) {
            // A time of which no week tells.
            self.resume(second);
        }
        while self.second < second {
            let end = second.min((self.second / HOUR + 1) * HOUR);
            let due = self.due_an_hour() * f64::from(end - self.second) / f64::from(HOUR);
            self.run.due += due;
            match &mut self.dry {
                None => self.run.nats += (1.0 - LEFT) * due,
                Some(back) if back.came > 0 => back.due += due,
                Some(_) => {}
            }
            self.second = end;
            if end.is_multiple_of(HOUR) {
                self.close_hour();
            }
        }
    }

    /// The least that this hour and its neighbours bring: habits and the clocks of summer move by an hour. Nothing while one of
    /// them is not known.
    fn due_an_hour(&self) -> f64 {
        let hour = (self.second / HOUR) as usize;
        let around = [hour + HOURS - 1, hour, hour + 1].map(|hour| self.week[hour % HOURS]);
        if around.contains(&UNKNOWN) {
            return 0.0;
        }
        around.into_iter().filter_map(starts).fold(self.run.before, f64::min)
    }

    fn close_hour(&mut self) {
        let came = f64::from(std::mem::take(&mut self.in_hour));
        if self.second.is_multiple_of(DAY) {
            self.longest *= LONGEST_LEFT;
        }
        let heard = HOUR - std::mem::take(&mut self.deaf).min(HOUR);
        if heard < HOUR / 2 {
            return;
        }
        let came = came * f64::from(HOUR) / f64::from(heard);
        // Also of a silence: what comes back every week is usual.
        let hour = &mut self.week[((self.second / HOUR) as usize + HOURS - 1) % HOURS];
        let known = starts(*hour);
        let silent = self.second - self.run.since >= HOUR;
        if let Some(known) = known.filter(|known| *known >= WELL_KNOWN && !silent) {
            let off = came / known - 1.0;
            let beyond_chance = (off * off - BY_CHANCE / known).min(*VARIANCE.end());
            self.variance += VARIANCE_SMOOTHING * (beyond_chance - self.variance);
        }
        let learned = known.map_or(came, |known| {
            known + SMOOTHING * (came.min(BURST_MOST * known + BURST_MORE) - known)
        });
        *hour = parts(learned);
    }

    /// Evidence begins anew.
    fn begin(&mut self) {
        let before = self.lately_until(self.second) / LATELY_HOURS;
        self.run = Run { since: self.second, before, ..Run::default() };
    }

    fn lately_until(&self, second: u32) -> f64 {
        let ago = f64::from(second.saturating_sub(self.lately_at));
        self.lately * libm::exp(-ago / LATELY_SECONDS)
    }
}

impl Run {
    /// Nats for a silence of so many hours against the best of ordinary ones: each that brings e^−δ of what is due costs δ² / 2σ².
    fn nats_beyond(&self, variance: f64, hours: f64) -> f64 {
        let variance = variance.max(*VARIANCE.start()) / hours.max(1.0);
        let came = f64::from(self.came);
        let left = (came / self.due).clamp(LEFT_LEAST, LEFT);
        let wanders = (0..=WANDER_STEPS).map(|step| f64::from(step) * WANDER_STEP);
        let nats = wanders.map(|less| {
            let share = libm::exp(-less);
            came * libm::log(left / share)
                + (share - left) * self.due
                + less * less / (2.0 * variance)
        });
        nats.fold(f64::INFINITY, f64::min)
    }
}

fn starts(hour: u16) -> Option<f64> {
    (hour != UNKNOWN).then(|| f64::from(hour) / PARTS)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "within bounds, not negative"
)]
fn parts(starts: f64) -> u16 {
    (starts * PARTS).round().min(f64::from(UNKNOWN - 1)) as u16
}

#[cfg(test)]
mod tests;
