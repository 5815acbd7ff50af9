//! `detection`: how sure is sure. Every key has a default that needs no tuning.

use schemars::JsonSchema;
use serde::Deserialize;

use super::bar::Bar;
use crate::setting::Period;

/// `detection`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Pages in 30 days that chance alone may cause, all scopes together, 0.01 to 100. Default 0.33: one in three months.
    /// Ten times as many make a page about a seventh sooner.
    pub false_pages_per_month: f64,
    /// People whose sign-ins must have failed before a connection pages, 1 to 100. Default 3.
    pub min_users: u32,
    /// Connections that must carry it before a provider or the fleet pages, none of them more than half, 2 to 100. Default 3.
    pub min_connections: usize,
    /// Attempts on a connection before it is judged, 10 to 10000. Default 30.
    pub min_attempts: u32,
    /// Successes on a connection before it is judged, 1 to 1000: before that it is being set up. Default 8.
    pub min_successes: u32,
    /// How long a connection must be known before it is judged, 0s to 30d. Default 2d.
    pub min_age: Period,
    /// The rise of the failure ratio of a connection that pages, 0.02 to 0.95; smaller ones are tickets. Default 0.2.
    pub connection_failing: f64,
    /// The rise of the share of hanging sign-ins of a connection that pages, 0.02 to 0.95. Default 0.5.
    pub connection_hanging: f64,
    /// The rise of the failure ratio of a provider or the fleet that pages, 0.002 to 0.95. Default 0.015.
    pub fleet_failing: f64,
    /// The rise of the share of hanging sign-ins of a provider or the fleet that pages, 0.002 to 0.95. Default 0.1.
    pub fleet_hanging: f64,
    /// A sign-in without an end after this time hangs, 20s to 5m. Default 60s.
    pub hanging_after: Period,
    /// Time in which half of a baseline is replaced, 1d to 90d. Default 14d.
    pub half_life: Period,
    /// How long trouble must be gone before its incident is resolved, 1m to 2h. Default 10m.
    pub keep_firing_for: Period,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            false_pages_per_month: 0.33,
            min_users: 3,
            min_connections: 3,
            min_attempts: 30,
            min_successes: 8,
            min_age: Period::from_secs(2 * 86_400),
            connection_failing: 0.2,
            connection_hanging: 0.5,
            fleet_failing: 0.015,
            fleet_hanging: 0.1,
            hanging_after: Period::from_secs(60),
            half_life: Period::from_secs(14 * 86_400),
            keep_firing_for: Period::from_secs(600),
        }
    }
}

/// The 0/1 streams of a scope.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize, Deserialize)]
pub(crate) enum Kind {
    /// Failed, not denied by the user.
    Failing,
    /// No end in time.
    Hanging,
    /// Denied by the user, or by the identity provider on their behalf.
    Denied,
    /// Slower than nineteen in twenty used to be.
    Slow,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Failing, Self::Hanging, Self::Denied, Self::Slow];

    /// The least that is usual. Slow is what one in twenty is: fewer were slower while the mark was on its way there.
    pub(super) fn usual_min(self) -> f64 {
        match self {
            Self::Failing | Self::Hanging | Self::Denied => 0.0,
            Self::Slow => super::slow::SHARE,
        }
    }
}

/// What kind of scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Level {
    Connection,
    Provider,
    Fleet,
}

/// Shares of the accepted false alarms: by level, by kind in the order of [`Kind::ALL`]. What a share costs is its logarithm,
/// so they only have to be about right: more to what matters more and to what uses little of its share. Failing streams use most of
/// theirs, for a few failures are large steps; hanging ones a fifth.
const SHARES: [[f64; 4]; 3] =
    [[0.14, 0.15, 0.05, 0.05], [0.04, 0.05, 0.02, 0.02], [0.04, 0.06, 0.015, 0.04]];

/// Share of codes that spread over the fleet, and of those that take a connection over: these use hardly any of theirs, which a
/// test holds, and find after three failures what has expired.
pub(super) const SHARE_SPREADING: f64 = 0.15;
pub(super) const SHARE_TAKEOVER: f64 = 0.25;

/// Share of droughts.
pub(super) const SHARE_DROUGHT: f64 = 0.1;

/// What would be 0.33 false pages a month if all streams were independent and exactly at their thresholds.
const NOMINAL_PER_MONTH: f64 = 0.33;

const MONTH_DAYS: f64 = 30.0;

/// People who must be hit before a ticket is cut for a provider or the fleet.
const PEOPLE_MIN: u32 = 5;

/// How long attempts wait before they enter a baseline.
pub(super) const WAIT_SECONDS: u32 = 7_200;

/// A connection with more than this share of all sign-ins is most of the fleet.
const MOST: f64 = 0.5;

/// Nats for the usual against the trouble that end an alarm, and how long it lasts at least.
const RELIEF_NATS: f64 = 5.3;
const ALARM_SECONDS_MIN: u32 = 300;

impl Config {
    /// The first value out of range: its key and what it may be.
    pub(crate) fn check(&self) -> Result<(), String> {
        let of = |key: &str, range: &str| Err(format!("`detection.{key}` must be {range}"));
        let days = |period: Period, from: u64, to: u64| (from..=to).contains(&period.seconds());
        if !(0.01..=100.0).contains(&self.false_pages_per_month) {
            return of("false_pages_per_month", "0.01 to 100");
        }
        if !(1..=100).contains(&self.min_users) {
            return of("min_users", "1 to 100");
        }
        if !(2..=100).contains(&self.min_connections) {
            return of("min_connections", "2 to 100");
        }
        if !(10..=10_000).contains(&self.min_attempts) {
            return of("min_attempts", "10 to 10000");
        }
        if !(1..=1_000).contains(&self.min_successes) {
            return of("min_successes", "1 to 1000");
        }
        for (key, value, least) in [
            ("connection_failing", self.connection_failing, 0.02),
            ("connection_hanging", self.connection_hanging, 0.02),
            ("fleet_failing", self.fleet_failing, 0.002),
            ("fleet_hanging", self.fleet_hanging, 0.002),
        ] {
            if !(least..=0.95).contains(&value) {
                return of(key, &format!("{least} to 0.95"));
            }
        }
        if !days(self.min_age, 0, 30 * 86_400) {
            return of("min_age", "0s to 30d");
        }
        if !days(self.hanging_after, 20, 300) {
            return of("hanging_after", "20s to 5m");
        }
        if !days(self.half_life, 86_400, 90 * 86_400) {
            return of("half_life", "1d to 90d");
        }
        if !days(self.keep_firing_for, 60, 7_200) {
            return of("keep_firing_for", "1m to 2h");
        }
        Ok(())
    }

    /// Days a false alarm for a part of the accepted ones.
    pub(in crate::engine) fn false_alarm_days(&self, share: f64) -> f64 {
        MONTH_DAYS * NOMINAL_PER_MONTH / self.false_pages_per_month / share
    }

    /// What a connection with such a share of all sign-ins is held to. No page about the fleet can come of one that is most of it, so
    /// that one's own limit is the rise that the fleet would feel.
    pub(super) fn bar_of(&self, share: f64, kind: Kind) -> Bar {
        let own = self.bar(Level::Connection, kind);
        if share <= MOST {
            return own;
        }
        let felt = self.bar(Level::Fleet, kind).shift_min / share;
        Bar { shift_min: own.shift_min.min(felt), ..own }
    }

    /// What streams of this level and kind are held to.
    pub(super) fn bar(&self, level: Level, kind: Kind) -> Bar {
        let shift_min = match (level, kind) {
            (Level::Connection, Kind::Failing | Kind::Denied) => self.connection_failing,
            (Level::Connection, Kind::Hanging | Kind::Slow) => self.connection_hanging,
            (Level::Provider | Level::Fleet, Kind::Failing | Kind::Denied) => self.fleet_failing,
            (Level::Provider | Level::Fleet, Kind::Hanging | Kind::Slow) => self.fleet_hanging,
        };
        #[expect(clippy::cast_precision_loss, reason = "days")]
        let half_life_days = self.half_life.seconds() as f64 / 86_400.0;
        Bar {
            people_min: self.min_users.max(if level == Level::Connection { 1 } else { PEOPLE_MIN }),
            false_alarm_days: self.false_alarm_days(SHARES[level as usize][kind as usize]),
            scopes: 1.0,
            tempering: 1.0,
            wander: 0.0,
            shift_min,
            averaged: level != Level::Connection,
            wait_seconds: WAIT_SECONDS,
            established: true,
            relief_nats: RELIEF_NATS,
            alarm_seconds_min: ALARM_SECONDS_MIN,
            half_life_days,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_most_of_the_fleet_pages_for_what_the_fleet_feels() {
        let config = Config::default();
        let least = |share, kind| (config.bar_of(share, kind).shift_min * 1e4).round();
        assert_eq!((least(0.5, Kind::Hanging), least(0.5, Kind::Failing)), (5_000.0, 2_000.0));
        assert_eq!((least(0.8, Kind::Hanging), least(0.8, Kind::Failing)), (1_250.0, 188.0));
    }
}
