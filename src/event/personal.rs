//! Personal data: dropped, hashed with a key, or kept, before an event is anything else.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::fingerprint;

/// What happens to e-mail addresses, user ids, IP addresses and user agents.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Treatment {
    /// Nothing of them is kept.
    Drop,
    /// Replaced by a keyed hash: equal values stay equal, nothing can be read back without the key.
    #[default]
    Hash,
    /// Kept as they are.
    Keep,
}

/// Longest personal value that is kept, in bytes; the rest is cut (user agents can be long).
pub const PERSONAL_BYTES_MAX: usize = 256;

/// A personal value after its treatment: `h:` and 32 hex digits, or the value itself where the operator said `keep`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Personal(Arc<str>);

/// Tells users apart without naming them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserKey(pub u64);

/// Treats personal data as the operator says.
#[derive(Clone)]
pub struct Privacy {
    treatment: Treatment,
    digests: Digests,
    /// The key before, under which what was kept earlier is found.
    previous: Option<Digests>,
}

/// How values are hashed.
#[derive(Clone)]
enum Digests {
    /// With a key, so that nobody can try values.
    Keyed(Hmac<Sha256>),
    /// Only to tell values apart while they are in memory.
    Passing,
}

impl Privacy {
    /// `key` is the operator's, or one that ssowatch made and keeps in its data directory.
    #[must_use]
    pub fn new(treatment: Treatment, key: &[u8]) -> Self {
        let keyed = Hmac::new_from_slice(key).expect("HMAC takes a key of any length");
        Self { treatment, digests: Digests::Keyed(keyed), previous: None }
    }

    /// The same, knowing the key before.
    #[must_use]
    pub fn with_previous(mut self, key: &[u8]) -> Self {
        let keyed = Hmac::new_from_slice(key).expect("HMAC takes a key of any length");
        self.previous = Some(Digests::Keyed(keyed));
        self
    }

    /// For events that are folded and forgotten: people are told apart by hashes without a key, and their ids and addresses
    /// are dropped. A keyed hash takes as long as all the rest of decoding.
    #[must_use]
    pub fn passing() -> Self {
        Self { treatment: Treatment::Hash, digests: Digests::Passing, previous: None }
    }

    /// Whether nothing is written down.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.digests, Digests::Passing)
    }

    /// What becomes of values.
    #[must_use]
    pub fn treatment(&self) -> Treatment {
        self.treatment
    }

    /// `value` after its treatment; `None` when it is dropped or empty.
    #[must_use]
    pub fn treat(&self, value: &str) -> Option<Personal> {
        if value.is_empty() {
            return None;
        }
        match self.treatment {
            Treatment::Drop => None,
            Treatment::Hash => Some(Personal(hex(&self.digest(value)).into())),
            Treatment::Keep => Some(Personal(cut(value, PERSONAL_BYTES_MAX).into())),
        }
    }

    /// `value` after its treatment, and 64 bits by which it is told apart; `None` when it is dropped or empty.
    #[must_use]
    pub fn caller(&self, value: &str) -> Option<(Personal, u64)> {
        if value.is_empty() || self.treatment == Treatment::Drop {
            return None;
        }
        let digest = self.digest(value);
        let name = match self.treatment {
            Treatment::Keep => Personal(cut(value, PERSONAL_BYTES_MAX).into()),
            Treatment::Drop | Treatment::Hash => Personal(hex(&digest).into()),
        };
        Some((name, key(&digest)))
    }

    /// The 64 bits of [`Privacy::caller`] alone.
    pub(super) fn key(&self, value: &str) -> Option<u64> {
        let none = value.is_empty() || self.treatment == Treatment::Drop;
        (!none).then(|| key(&self.digest(value)))
    }

    /// The hash of a value that must never be kept, whatever becomes of personal data: a key that opens something.
    #[must_use]
    pub fn conceal(&self, value: &str) -> Option<Personal> {
        (!value.is_empty()).then(|| Personal(hex(&self.digest(value)).into()))
    }

    /// [`Privacy::conceal`] under the key and under the one before: what `value` may have been kept as.
    #[must_use]
    pub fn concealed(&self, value: &str) -> Vec<Personal> {
        if value.is_empty() {
            return Vec::new();
        }
        let keys = [Some(&self.digests), self.previous.as_ref()].into_iter().flatten();
        keys.map(|key| Personal(hex(&key.digest(value)).into())).collect()
    }

    fn digest(&self, value: &str) -> [u8; 32] {
        self.digests.digest(value)
    }
}

impl Digests {
    /// E-mail addresses are compared without regard to case, as people type them.
    fn digest(&self, value: &str) -> [u8; 32] {
        let lower;
        let value = if value.contains('@') {
            lower = value.to_lowercase();
            &lower
        } else {
            value
        };
        match self {
            Self::Keyed(keyed) => {
                let mut keyed = keyed.clone();
                keyed.update(value.as_bytes());
                keyed.finalize().into_bytes().into()
            }
            Self::Passing => {
                let mut digest = [0; 32];
                digest[..8].copy_from_slice(&fingerprint(value).to_be_bytes());
                digest
            }
        }
    }
}

impl Personal {
    /// A value that is neither personal nor secret: the operator said so. `None` when it is empty.
    #[must_use]
    pub fn shown(value: &str) -> Option<Self> {
        (!value.is_empty()).then(|| Self(cut(value, PERSONAL_BYTES_MAX).into()))
    }

    /// The treated value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The first 64 bits.
fn key(digest: &[u8; 32]) -> u64 {
    u64::from_be_bytes(digest[..8].try_into().expect("a digest has 32 bytes"))
}

/// `h:` and 32 hex digits.
fn hex(digest: &[u8; 32]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(34);
    text.push_str("h:");
    for byte in &digest[..16] {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Personal(…)")
    }
}

impl fmt::Debug for Privacy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Privacy").field("treatment", &self.treatment).finish_non_exhaustive()
    }
}

/// The longest prefix of `text` of at most `bytes_max` bytes that ends between characters.
#[must_use]
pub fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
