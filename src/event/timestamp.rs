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
        if let Some(millis) = usual(text) {
            return Some(Self(millis));
        }
        if let Ok(zoned) = text.parse::<jiff::Timestamp>() {
            return Some(Self(zoned.as_millisecond()));
        }
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        let utc = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Self(utc.timestamp().as_millisecond()))
    }

    /// Reads what a person asks for: as [`Self::parse`] does, but not without a zone, because people think in their own. The
    /// error says what to write, behind the name of the field.
    pub fn zoned(text: &str) -> Result<Self, &'static str> {
        match Self::parse(text) {
            None => Err(
                "is a time, e.g. 2026-01-15T12:00:00Z or, in a URL, 2026-01-15T14:00:00%2B02:00",
            ),
            Some(_) if text.trim().parse::<jiff::Timestamp>().is_err() => {
                Err("has no zone; add Z for UTC, or an offset such as +02:00 (in a URL %2B02:00)")
            }
            Some(at) => Ok(at),
        }
    }

    /// RFC 3339 in UTC with whole seconds, for people and for `replay`.
    #[must_use]
    pub fn to_rfc3339_seconds(self) -> String {
        jiff::Timestamp::from_millisecond(self.seconds().saturating_mul(1000))
            .map_or_else(|_| format!("{}ms", self.0), |at| format!("{at:.0}"))
    }
}

/// Milliseconds of `2026-01-15T12:00:00.000Z`, the one shape in which events come; `None` for every other. A general parser
/// takes ten times as long, which is a tenth of decoding.
fn usual(text: &str) -> Option<i64> {
    let bytes: &[u8; 24] = text.as_bytes().try_into().ok()?;
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (23, b'Z')];
    if marks.iter().any(|(place, mark)| bytes[*place] != *mark) {
        return None;
    }
    let number = |from: usize, to: usize| {
        bytes[from..to].iter().try_fold(0i64, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0'))
        })
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // Days that not every month has, and leap seconds, are for the general parser.
    let in_range = (1..=12).contains(&month) && (1..=28).contains(&day);
    if !in_range || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Years that begin in March end with the leap day.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days = year * 365 + leap_days + (153 * month + 2) / 5 + day - 719_469;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + number(20, 23)?)
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

    #[test]
    fn a_person_says_the_zone() {
        let moment = Timestamp::parse("2026-01-15T12:00:00Z").unwrap();
        for text in
            ["2026-01-15T12:00:00Z", " 2026-01-15 12:00:00.000Z", "2026-01-15T14:00:00+02:00"]
        {
            assert_eq!(Timestamp::zoned(text), Ok(moment), "{text}");
        }
        for text in ["2026-01-15T12:00:00", "2026-01-15 12:00", "2026-01-15"] {
            assert!(
                Timestamp::parse(text).is_some()
                    && Timestamp::zoned(text).unwrap_err().starts_with("has no zone; add Z"),
                "{text}"
            );
        }
        // What became of a `+` in a URL.
        for text in ["noon", "", "2026-01-15T14:00:00 02:00"] {
            assert!(
                Timestamp::zoned(text)
                    .unwrap_err()
                    .starts_with("is a time, e.g. 2026-01-15T12:00:00Z"),
                "{text}"
            );
        }
    }

    #[test]
    fn the_usual_shape_means_what_the_general_parser_says() {
        // Every day of four centuries and a bit, at odd times.
        for day in -100_000..100_000i64 {
            let millis = day * 86_400_000 + day.rem_euclid(86_399) * 1000 + day.rem_euclid(997);
            let text = Timestamp::from_millis(millis).to_string();
            let general: jiff::Timestamp = text.parse().unwrap();
            if let Some(usual) = usual(&text) {
                assert_eq!(usual, general.as_millisecond(), "{text}");
            } else {
                assert!(&text[8..10] > "28", "{text}");
            }
        }
        for text in
            ["2026-13-01T00:00:00.000Z", "2026-02-30T00:00:00.000Z", "2026-01-01T24:00:00.000Z"]
        {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }
}
