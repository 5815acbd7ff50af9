//! How many are listed: the parameter `limit`.

use std::num::{IntErrorKind, NonZeroU32, ParseIntError};

use serde::{Deserialize, Deserializer, de};

/// One or more; each list has a bound of its own.
#[derive(Clone, Copy)]
pub(super) struct Limit(pub(super) NonZeroU32);

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|error: ParseIntError| {
            de::Error::custom(match error.kind() {
                IntErrorKind::PosOverflow => "is more than there can be; write e.g. 100",
                _ => "is not a whole number of 1 or more; write e.g. 100",
            })
        })
    }
}
