//! When a request ended, as the many clocks of access logs write it.

use crate::event::Timestamp;

/// A moment, and how exactly the log named it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// Whether the log says more than the second.
    pub exact: bool,
}

const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

impl Moment {
    /// Reads `22/Nov/2026:01:11:36 +0000` (nginx, Apache; HAProxy with milliseconds and without a zone), ISO 8601, and
    /// seconds, milliseconds, microseconds or nanoseconds since 1970. A missing zone means UTC.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.get(2) == Some(&b'/') {
            return common_log(bytes);
        }
        if bytes.get(4) == Some(&b'-') {
            return iso8601(bytes).or_else(|| other(text));
        }
        if bytes.first().is_some_and(u8::is_ascii_digit) && !bytes.contains(&b':') {
            return epoch(text);
        }
        other(text)
    }

    /// This moment `micros` later, in whole milliseconds.
    #[must_use]
    pub(super) fn plus_micros(self, micros: u64) -> Self {
        let millis = i64::try_from(micros / 1000).unwrap_or(i64::MAX);
        Self { at: self.at.plus_millis(millis), ..self }
    }
}

fn other(text: &str) -> Option<Moment> {
    Timestamp::parse(text).map(|at| Moment { at, exact: text.contains(['.', ',']) })
}

/// `22/Nov/2026:01:11:36.893 +0000`; fraction and zone may be missing.
fn common_log(bytes: &[u8]) -> Option<Moment> {
    let (day, month, year) =
        (number(bytes.get(..2)?)?, bytes.get(3..6)?, number(bytes.get(7..11)?)?);
    let month = MONTHS.iter().position(|name| *name == month)?;
    if (bytes[6], *bytes.get(11)?) != (b'/', b':') {
        return None;
    }
    let month = i64::try_from(month).ok()? + 1;
    moment(days(year, month, day)?, bytes.get(12..)?)
}

/// `2026-11-22T01:11:36.893+00:00`.
fn iso8601(bytes: &[u8]) -> Option<Moment> {
    let (year, month, day) =
        (number(bytes.get(..4)?)?, number(bytes.get(5..7)?)?, number(bytes.get(8..10)?)?);
    if bytes[7] != b'-' || !matches!(bytes.get(10), Some(b'T' | b't' | b' ')) {
        return None;
    }
    moment(days(year, month, day)?, bytes.get(11..)?)
}

/// The time of day, its fraction and its zone, on a day since 1970.
fn moment(day: i64, bytes: &[u8]) -> Option<Moment> {
    let (hour, minute, second) =
        (number(bytes.get(..2)?)?, number(bytes.get(3..5)?)?, number(bytes.get(6..8)?)?);
    // A leap second is the next second, as POSIX has it.
    if (bytes[2], bytes[5]) != (b':', b':') || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut rest = &bytes[8..];
    let (mut millis, mut exact) = (0, false);
    if let [b'.' | b',', fraction @ ..] = rest {
        let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        millis = thousandths(&fraction[..length])?;
        exact = true;
        rest = &fraction[length..];
    }
    let seconds = day * 86_400 + hour * 3600 + minute * 60 + second - zone(rest)?;
    Some(Moment { at: Timestamp::from_millis(seconds * 1000 + millis), exact })
}

/// Seconds east of Greenwich.
fn zone(bytes: &[u8]) -> Option<i64> {
    let (sign, hours, minutes) = match bytes.trim_ascii() {
        [] | [b'Z' | b'z'] => return Some(0),
        [sign @ (b'+' | b'-'), a, b, b':', c, d] | [sign @ (b'+' | b'-'), a, b, c, d] => {
            (*sign, number(&[*a, *b])?, number(&[*c, *d])?)
        }
        _ => return None,
    };
    let seconds = hours * 3600 + minutes * 60;
    (hours <= 15 && minutes <= 59).then_some(if sign == b'-' { -seconds } else { seconds })
}

/// Seconds since 1970 or a finer unit, told apart by size: as seconds, 10^11 is the year 5138.
fn epoch(text: &str) -> Option<Moment> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction.as_bytes())),
        None => (text, None),
    };
    let whole: i64 = whole.parse().ok()?;
    let rest = fraction.map_or(Some(0), thousandths)?;
    let (millis, exact) = if whole < 100_000_000_000 {
        (whole * 1000 + rest, fraction.is_some())
    } else if whole < 100_000_000_000_000 {
        (whole, true)
    } else if whole < 100_000_000_000_000_000 {
        (whole / 1000, true)
    } else {
        (whole / 1_000_000, true)
    };
    Some(Moment { at: Timestamp::from_millis(millis), exact })
}

/// The first three digits of a fraction.
fn thousandths(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |place: usize| digits.get(place).map_or(0, |byte| i64::from(byte - b'0'));
    Some(digit(0) * 100 + digit(1) * 10 + digit(2))
}

fn number(digits: &[u8]) -> Option<i64> {
    digits
        .iter()
        .try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

/// Days since 1970 in the Gregorian calendar, counted from March so that leap days come last.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(1970..=9999).contains(&year) {
        return None;
    }
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let of_year = (153 * month + 2) / 5 + day - 1;
    Some(year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_clock_of_an_access_log_is_read() {
        let cases = [
            ("22/Nov/2026:01:11:36 +0000", Some("2026-11-22T01:11:36.000Z"), false),
            ("22/Nov/2026:01:11:36 -0730", Some("2026-11-22T08:41:36.000Z"), false),
            ("22/Nov/2026:01:11:36.893", Some("2026-11-22T01:11:36.893Z"), true),
            ("29/Feb/2028:23:59:60 +0000", Some("2028-03-01T00:00:00.000Z"), false),
            ("2026-11-22T01:11:36+00:00", Some("2026-11-22T01:11:36.000Z"), false),
            ("2026-11-22 01:11:36,5", Some("2026-11-22T01:11:36.500Z"), true),
            ("2026-11-22T01:11:36.186641Z", Some("2026-11-22T01:11:36.186Z"), true),
            ("1795309896", Some("2026-11-22T01:11:36.000Z"), false),
            ("1795309896.815", Some("2026-11-22T01:11:36.815Z"), true),
            ("1795309896.01", Some("2026-11-22T01:11:36.010Z"), true),
            ("1795309896815", Some("2026-11-22T01:11:36.815Z"), true),
            ("1795309896815000", Some("2026-11-22T01:11:36.815Z"), true),
            ("1795309896815000000", Some("2026-11-22T01:11:36.815Z"), true),
            ("", None, false),
            ("-", None, false),
            ("22/Nov/2026", None, false),
            ("22/Nox/2026:01:11:36 +0000", None, false),
            ("22/Nov/2026:01:11:36 +1", None, false),
            ("22/Nov/2026:25:11:36 +0000", None, false),
            ("2026-11-22T01:11:36.", None, false),
            ("99999999999999999999", None, false),
            ("1795309896.8a5", None, false),
        ];
        for (text, want, exact) in cases {
            let moment = Moment::parse(text);
            assert_eq!(moment.map(|m| m.at.to_string()).as_deref(), want, "{text}");
            assert_eq!(moment.is_some_and(|m| m.exact), exact, "{text}");
        }
    }

    proptest! {
        #[test]
        fn property_test_days_agree_with_the_calendar_library(millis in 0i64..253_402_300_799_000) {
            let at = Timestamp::from_millis(millis);
            prop_assert_eq!(Moment::parse(&at.to_string()), Some(Moment { at, exact: true }));
        }

        #[test]
        fn property_test_no_text_makes_the_parser_panic(text in "[0-9:/+T.Nov -]{0,32}|\\PC{0,16}") {
            let _ = Moment::parse(&text);
        }
    }
}
