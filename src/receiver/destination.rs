//! Which place a receiver was told at, where a secret says that.
//!
//! What was told is recorded by a receiver's name. When PagerDuty's routing key becomes that of another service, that one knows
//! nothing of what is open, and cannot end what the one before was told. So a mark of the key stands in the record among the
//! incidents: a hash, cut short, from which no key can be found.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::dispatcher::ToldLog;

/// How the mark begins: no incident's fingerprint does.
const PREFIX: &str = "destination:";

/// The mark of the place with this key.
pub(super) fn mark(key: &str) -> Box<str> {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"ssowatch receiver").expect("any length will do");
    mac.update(key.as_bytes());
    let hash = mac.finalize().into_bytes();
    // Enough to tell two keys apart, and far less than a key is.
    let (first, _) = hash.split_first_chunk().expect("it has 32 bytes");
    format!("{PREFIX}{:016x}", u64::from_be_bytes(*first)).into()
}

/// Takes the marks out of what was told, and gives the one of the place that was told last.
pub(super) fn take(told: &mut ToldLog) -> Option<Box<str>> {
    let marks = told.extract_if(.., |fingerprint, _| fingerprint.starts_with(PREFIX));
    let open = marks.filter(|(_, (open, _))| *open);
    open.max_by_key(|(_, (_, at))| *at).map(|(mark, _)| mark)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Timestamp;

    #[test]
    fn the_mark_of_the_last_place_is_found_and_no_incident_is_taken_for_one() {
        let at = Timestamp::from_millis;
        let (first, second) = (mark("key-1"), mark("key-2"));
        assert_ne!(first, second);
        assert!(!first.contains("key") && first.len() == PREFIX.len() + 16, "{first}");
        let mut told: ToldLog = [
            (first, (false, at(3))),
            (mark("key-0"), (true, at(1))),
            (second.clone(), (true, at(2))),
            ("9f3a5c7e11d20b48".into(), (true, at(9))),
        ]
        .into();
        assert_eq!(take(&mut told), Some(second));
        assert_eq!(told.keys().map(|key| &**key).collect::<Vec<_>>(), ["9f3a5c7e11d20b48"]);
        assert_eq!(take(&mut told), None);
    }
}
