//! What a browser shows instead of the token: when it was given expires, signed with the token.
//!
//! Nothing is kept for it: it holds through restarts, and a new token ends it.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::event::Timestamp;

/// Its name.
pub(super) const NAME: &str = "ssowatch";

/// How long a browser stays signed in: a shift.
pub(super) const AGE_SECONDS: i64 = 12 * 3600;

/// A value that holds until [`AGE_SECONDS`] after `now`.
pub(super) fn value(token: &str, now: Timestamp) -> String {
    let until = now.seconds() + AGE_SECONDS;
    format!("{until}.{}", hex(&mac(token, until).finalize().into_bytes()))
}

/// Whether `value` was made with `token` and holds at `now`.
pub(super) fn holds(value: &str, token: &str, now: Timestamp) -> bool {
    let Some((until, signature)) = value.split_once('.') else { return false };
    let Ok(until) = until.parse::<i64>() else { return false };
    let wanted = hex(&mac(token, until).finalize().into_bytes());
    let lasts = (now.seconds()..=now.seconds() + AGE_SECONDS).contains(&until);
    lasts && crate::setting::same(signature, &wanted)
}

/// The cookie's value in a `Cookie` header.
pub(super) fn find(header: &str) -> Option<&str> {
    let pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(name, _)| *name == NAME).map(|(_, value)| value)
}

fn mac(token: &str, until: i64) -> Hmac<Sha256> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(token.as_bytes()).expect("HMAC takes a key of any length");
    // The token signs nothing else.
    mac.update(b"ssowatch admin session until ");
    mac.update(until.to_string().as_bytes());
    mac
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from_digit(digit.into(), 16).expect("a nibble is a digit")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_for_its_token_and_its_time_and_cannot_be_made_up() {
        let now = Timestamp::from_millis(1_768_478_400_000);
        let value = value("secret", now);
        let later = now.plus_millis((AGE_SECONDS + 1) * 1000);
        let (until, signature) = value.split_once('.').unwrap();
        let longer = format!("{}.{signature}", until.parse::<i64>().unwrap() - 1);
        let cases = [
            (value.as_str(), "secret", now, true),
            (&value, "secret", now.plus_millis(AGE_SECONDS * 1000), true),
            (&value, "secret", later, false),
            (&value, "other", now, false),
            (&longer, "secret", now, false),
            (&value[..value.len() - 1], "secret", now, false),
            (until, "secret", now, false),
            ("", "secret", now, false),
            (".", "secret", now, false),
        ];
        for (value, token, now, want) in cases {
            assert_eq!(holds(value, token, now), want, "{value} {token} {now}");
        }
    }

    #[test]
    fn it_is_found_among_others() {
        for (header, want) in [
            ("ssowatch=1.a", Some("1.a")),
            ("a=b; ssowatch=1.a; c=d", Some("1.a")),
            ("xssowatch=1.a", None),
            ("ssowatch", None),
            ("", None),
        ] {
            assert_eq!(find(header), want, "{header}");
        }
    }
}
