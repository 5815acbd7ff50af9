//! Lengths of time and moments as scenario files write them.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use crate::event::Timestamp;

/// A length of time in seconds: `90s`, `1h57m`, `14d`, `+14d9h`, or a plain number of seconds.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Span(pub f64);

/// A moment: after the beginning of the scenario, or a date and time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum When {
    /// This long after `start`.
    After(Span),
    /// At this time.
    At(Timestamp),
}

const UNITS: [(char, f64); 4] = [('s', 1.0), ('m', 60.0), ('h', 3600.0), ('d', 86_400.0)];

impl Span {
    /// In milliseconds.
    #[must_use]
    pub fn millis(self) -> i64 {
        millis(self.0)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix('+').unwrap_or(text);
        let mut seconds = 0.0;
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let unit = rest[end..].chars().next()?;
            let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
            seconds += rest[..end].parse::<f64>().ok()? * factor;
            rest = &rest[end + unit.len_utf8()..];
        }
        Some(Self(seconds))
    }
}

impl When {
    fn parse(text: &str) -> Option<Self> {
        let date = text.as_bytes().get(4) == Some(&b'-');
        if date { Timestamp::parse(text).map(Self::At) } else { Span::parse(text).map(Self::After) }
    }

    /// In seconds after `start`.
    #[must_use]
    pub fn seconds_after(self, start: Timestamp) -> f64 {
        match self {
            Self::After(span) => span.0,
            Self::At(at) => seconds(at.millis_since(start)),
        }
    }
}

/// Milliseconds as seconds.
#[expect(clippy::cast_precision_loss, reason = "times are far below 2^52 milliseconds")]
pub(super) fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

/// Seconds as milliseconds, rounded down.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the length of a scenario is limited; saturates"
)]
pub(super) fn millis(seconds: f64) -> i64 {
    (seconds * 1000.0).floor() as i64
}

/// Reads a number of seconds, or text that `parse` understands.
struct Text<T> {
    parse: fn(&str) -> Option<T>,
    number: fn(f64) -> T,
    expected: &'static str,
}

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text.trim())
            .ok_or_else(|| E::custom(format!("`{text}` cannot be read; write {}", self.expected)))
    }

    #[expect(clippy::cast_precision_loss, reason = "no scenario lasts 2^52 seconds")]
    fn visit_u64<E>(self, number: u64) -> Result<T, E> {
        Ok((self.number)(number as f64))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        if number.is_finite() && number >= 0.0 {
            return Ok((self.number)(number));
        }
        Err(E::custom(format!("`{number}` is not a time; write {}", self.expected)))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text {
            parse: Self::parse,
            number: Self,
            expected: "a length of time, e.g. 90s, 25m, 1h57m or 14d",
        })
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text {
            parse: Self::parse,
            number: |number| Self::After(Span(number)),
            expected: "a moment, e.g. 2025-10-10T16:05:00Z, or +14d9h after `start`",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_form_that_scenarios_use() {
        let cases = [
            ("25m", Some(1500.0)),
            ("1h57m", Some(7020.0)),
            ("+14d0h", Some(1_209_600.0)),
            ("1.5h", Some(5400.0)),
            ("0d", Some(0.0)),
            ("", None),
            ("+", None),
            ("10", None),
            ("5 minutes", None),
            ("-3s", None),
            ("1.2.3s", None),
        ];
        for (text, want) in cases {
            assert_eq!(Span::parse(text).map(|span| span.0), want, "{text}");
        }
        let start = Timestamp::parse("2025-09-26T00:00:00Z").unwrap();
        let cases = [("2025-09-26T00:01:30Z", 90.0), ("+90s", 90.0), ("1m30s", 90.0)];
        for (text, want) in cases {
            assert_eq!(
                When::parse(text).map(|when| when.seconds_after(start)),
                Some(want),
                "{text}"
            );
        }
        assert_eq!(When::parse("2025-13-40"), None);
    }
}
