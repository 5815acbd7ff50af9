//! Value types of configuration fields: parsed once, with errors that say what would be right. Imports no other module.

mod secret;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

pub use self::secret::{Secret, SecretError, same};

/// A length of time, written `250ms`, `10s`, `5m`, `24h`, `7d` or a sum of these (`1h30m`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Period(Duration);

/// A number of bytes, written `512KiB`, `4GiB`, `10MB` or a plain number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ByteSize(u64);

const UNITS_MILLIS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const UNITS_BYTES: [(&str, u64); 9] = [
    ("", 1),
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TiB", 1 << 40),
];

impl Period {
    /// This many seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// As a standard duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// In milliseconds.
    #[must_use]
    pub fn millis(self) -> i64 {
        i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX)
    }

    /// In whole seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0.as_secs()
    }
}

impl ByteSize {
    /// This many bytes.
    #[must_use]
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem =
            || format!("`{text}` is not a length of time; write e.g. 30s, 5m, 24h or 1h30m");
        let mut rest = text.trim();
        let mut millis: u64 = 0;
        if rest.is_empty() {
            return Err(problem());
        }
        while !rest.is_empty() {
            let (number, unit, tail) = quantity(rest).ok_or_else(problem)?;
            let (_, factor) =
                UNITS_MILLIS.iter().find(|(name, _)| *name == unit).ok_or_else(problem)?;
            millis = number
                .checked_mul(*factor)
                .and_then(|part| millis.checked_add(part))
                .ok_or_else(problem)?;
            rest = tail;
        }
        Ok(Self(Duration::from_millis(millis)))
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem = || format!("`{text}` is not a size; write e.g. 512KiB, 64MiB or 4GiB");
        let (number, unit, tail) = quantity(text.trim()).ok_or_else(problem)?;
        let (_, factor) = UNITS_BYTES.iter().find(|(name, _)| *name == unit).ok_or_else(problem)?;
        let bytes = number.checked_mul(*factor).filter(|_| tail.is_empty()).ok_or_else(problem)?;
        Ok(Self(bytes))
    }
}

/// The name of this machine.
#[must_use]
pub fn machine() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Splits `90m30s` into 90, `m` and `30s`.
fn quantity(text: &str) -> Option<(u64, &str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let rest = &text[digits..];
    let unit_end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
    let number = text[..digits].parse().ok()?;
    Some((number, rest[..unit_end].trim(), &rest[unit_end..]))
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if millis == 0 {
            return f.write_str("0s");
        }
        for (unit, factor) in UNITS_MILLIS.iter().rev() {
            if millis >= *factor {
                write!(f, "{}{unit}", millis / factor)?;
                millis %= factor;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^([0-9]+(ms|s|m|h|d))+$", "description": "A length of time: 250ms, 10s, 5m, 24h, 7d or 1h30m."})
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "integer"], "description": "A number of bytes: 512KiB, 64MiB, 4GiB or a plain number."})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_and_sizes_read_what_people_write_and_say_what_is_wrong() {
        let periods = [
            ("10s", Some(10_000)),
            ("1h30m", Some(5_400_000)),
            ("250ms", Some(250)),
            ("7d", Some(604_800_000)),
        ];
        for (text, want) in periods {
            assert_eq!(text.parse::<Period>().ok().map(Period::millis), want, "{text}");
        }
        for text in ["", "10", "5 minutes", "-3s", "99999999999999999999d"] {
            assert!(text.parse::<Period>().unwrap_err().contains("30s, 5m"), "{text}");
        }
        let sizes = [
            ("4GiB", Some(4 << 30)),
            ("10MB", Some(10_000_000)),
            ("77", Some(77)),
            ("4 GiB", Some(4 << 30)),
        ];
        for (text, want) in sizes {
            assert_eq!(text.parse::<ByteSize>().ok().map(ByteSize::bytes), want, "{text}");
        }
        assert!("4Gibi".parse::<ByteSize>().unwrap_err().contains("512KiB"));
    }

    #[test]
    fn periods_print_as_they_are_written() {
        for text in ["10s", "1h30m", "250ms", "7d", "0s"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
    }
}
