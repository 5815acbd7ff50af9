//! Which place a receiver was told at, where a secret says that.
//!
//! What was told is recorded by a receiver's name. When PagerDuty's routing key becomes that of another service, that one knows
//! nothing of what is open, and cannot end what the one before was told. So a mark of the key stands in the journal: a hash, cut
//! short, from which no key can be found.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::event::{PLACES, Record};

/// The mark of the place with this key.
pub(super) fn mark(key: &str) -> Box<str> {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"ssowatch receiver").expect("any length will do");
    mac.update(key.as_bytes());
    let hash = mac.finalize().into_bytes();
    // Enough to tell two keys apart, and far less than a key is.
    let (first, _) = hash.split_first_chunk().expect("it has 32 bytes");
    format!("{:016x}", u64::from_be_bytes(*first)).into()
}

/// The record that `receiver` is told at the place with this mark from now on.
pub(super) fn record(receiver: &str, mark: &str) -> Record {
    Record::Cursor { key: format!("{PLACES}{receiver}").into(), value: mark.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_tells_keys_apart_and_shows_none() {
        let (first, second) = (mark("key-1"), mark("key-2"));
        assert_ne!(first, second);
        assert!(!first.contains("key") && first.len() == 16, "{first}");
    }
}
