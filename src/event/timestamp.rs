//! A moment in UTC, as WorkOS and access logs write it.
//!
//! WorkOS documents ISO 8601 with a zone (`2026-01-15T12:00:00.000Z`), but shows samples with a space, with six
//! digits of a second and without a zone. All are read; a missing zone means UTC.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z. Prints as RFC 3339 with milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `millis` after the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// This moment `millis` later (earlier, when negative); saturates at the ends of time.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this moment; negative when `earlier` is later.
    #[must_use]
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Time from `earlier` to this moment, zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.millis_since(earlier)).unwrap_or(0))
    }

    /// Seconds since the epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Reads ISO 8601 leniently: `T` or a space, any number of digits of a second, `Z`, an offset or nothing (UTC).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(zoned) = text.parse::<jiff::Timestamp>() {
            return Some(Self(zoned.as_millisecond()));
        }
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        let utc = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Self(utc.timestamp().as_millisecond()))
    }

    /// RFC 3339 in UTC with whole seconds, for people and for `replay`.
    #[must_use]
    pub fn to_rfc3339_seconds(self) -> String {
        jiff::Timestamp::from_millisecond(self.seconds().saturating_mul(1000))
            .map_or_else(|_| format!("{}ms", self.0), |at| format!("{at:.0}"))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => write!(f, "{at:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_that_workos_shows_is_read_as_utc() {
        let cases = [
            ("2026-01-15T12:00:00.000Z", Some("2026-01-15T12:00:00.000Z")),
            ("2023-04-28 20:05:31.093", Some("2023-04-28T20:05:31.093Z")),
            ("2023-04-28T20:05:31.093123Z", Some("2023-04-28T20:05:31.093Z")),
            ("2023-04-28T22:05:31+02:00", Some("2023-04-28T20:05:31.000Z")),
            (" 2023-04-28T20:05:31 ", Some("2023-04-28T20:05:31.000Z")),
            ("yesterday", None),
            ("", None),
        ];
        for (text, want) in cases {
            assert_eq!(Timestamp::parse(text).map(|at| at.to_string()).as_deref(), want, "{text}");
        }
    }
}
