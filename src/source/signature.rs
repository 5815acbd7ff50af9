//! Verifies the `WorkOS-Signature` header of a webhook request.
//!
//! The header reads `t=1760000000000, v1=<hex>`. The signature is HMAC-SHA256, keyed with the endpoint's secret as it is
//! shown (`whsec_…`), over the decimal timestamp, a full stop and the raw body. The body must be the bytes that arrived:
//! decoding and encoding JSON again changes them.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::event::decode::Rejection;
use crate::event::{Reason, Timestamp};

/// Checks `header` against `body`. Any of `secrets` may have signed it, so that a secret can be rotated. The comparison takes
/// the same time wherever the signatures differ.
pub fn verify(
    secrets: &[String],
    header: Option<&str>,
    body: &[u8],
    now: Timestamp,
    tolerance_millis: i64,
) -> Result<(), Rejection> {
    let (stamp, signature) = given(header)?;
    let signed = secrets.iter().any(|secret| {
        let mut mac = keyed(secret);
        mac.update(stamp.as_bytes());
        mac.update(b".");
        mac.update(body);
        mac.verify_slice(&signature).is_ok()
    });
    if !signed {
        let problem = "the signature does not fit the body; check `sources.workos_webhook.secret`, and that nothing between WorkOS and ssowatch changes the body";
        return Err(Rejection::new(Reason::SignatureMismatch, problem));
    }
    let age = stamp.parse::<i64>().map_or(i64::MAX, |at| now.millis().saturating_sub(at));
    if age.saturating_abs() > tolerance_millis {
        let problem = format!(
            "the signature is {} s old, {} s are allowed; check the clock or raise `sources.workos_webhook.tolerance`",
            age / 1000,
            tolerance_millis / 1000
        );
        return Err(Rejection::new(Reason::SignatureStale, problem));
    }
    Ok(())
}

/// Whether there is a signature at all: what a flood does not bring costs nothing more.
pub fn is_given(header: Option<&str>) -> Result<(), Rejection> {
    given(header).map(drop)
}

fn given(header: Option<&str>) -> Result<(&str, Vec<u8>), Rejection> {
    let header = header.ok_or_else(|| {
        Rejection::new(Reason::SignatureMissing, "the header `WorkOS-Signature` is missing")
    })?;
    parse(header).ok_or_else(|| {
        let problem =
            "`WorkOS-Signature` cannot be read; expected `t=<milliseconds>, v1=<64 hex digits>`";
        Rejection::new(Reason::SignatureMissing, problem)
    })
}

/// The header that WorkOS would send: for the simulated provider and for tests.
#[must_use]
pub fn sign(secret: &str, body: &[u8], now: Timestamp) -> String {
    let stamp = now.millis().to_string();
    let mut mac = keyed(secret);
    mac.update(stamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    let mut hex = String::with_capacity(64);
    for byte in digest {
        write!(hex, "{byte:02x}").expect("memory grows");
    }
    format!("t={stamp}, v1={hex}")
}

fn keyed(secret: &str) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length")
}

fn parse(header: &str) -> Option<(&str, Vec<u8>)> {
    let (mut stamp, mut signature) = (None, None);
    for part in header.split(',') {
        match part.trim().split_once('=')? {
            ("t", value) => stamp = Some(value),
            ("v1", value) => signature = Some(value),
            // Later versions may add schemes.
            _ => {}
        }
    }
    let stamp = stamp
        .filter(|stamp| !stamp.is_empty() && stamp.bytes().all(|byte| byte.is_ascii_digit()))?;
    // Digits alone: a number may have a sign, a digest has none.
    let digits = |hex: &&str| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    let hex = signature.filter(digits)?;
    let digits = (0..64).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok());
    Some((stamp, digits.collect::<Option<_>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, header, body, time, and what comes of it.
    type Case<'a> = (&'a str, &'a str, &'a [u8], i64, Result<(), Reason>);

    const SECRET: &str = "whsec_one";
    const BODY: &[u8] = br#"{"id":"event_1"}"#;
    const TOLERANCE: i64 = 180_000;

    fn check(header: &str, body: &[u8], now: i64) -> Result<(), Reason> {
        let secrets = ["whsec_old".to_owned(), SECRET.to_owned()];
        let now = Timestamp::from_millis(now);
        verify(&secrets, Some(header), body, now, TOLERANCE).map_err(|rejection| rejection.reason)
    }

    #[test]
    fn only_an_untouched_fresh_and_signed_body_passes() {
        let at = 1_700_000_000_000;
        let good = sign(SECRET, BODY, Timestamp::from_millis(at));
        let cut = &good[..good.len() - 1];
        let shifted = good.replacen("t=17", "t=18", 1);
        let other = sign("whsec_other", BODY, Timestamp::from_millis(at));
        let tight = good.replace(", ", ",");
        let cases: [Case<'_>; 12] = [
            ("good", &good, BODY, at, Ok(())),
            ("without a space", &tight, BODY, at, Ok(())),
            (
                "a secret being rotated",
                &sign("whsec_old", BODY, Timestamp::from_millis(at)),
                BODY,
                at,
                Ok(()),
            ),
            ("at the edge", &good, BODY, at + TOLERANCE, Ok(())),
            ("replayed", &good, BODY, at + TOLERANCE + 1, Err(Reason::SignatureStale)),
            ("from the future", &good, BODY, at - TOLERANCE - 1, Err(Reason::SignatureStale)),
            ("tampered body", &good, br#"{"id":"event_2"}"#, at, Err(Reason::SignatureMismatch)),
            ("tampered time", &shifted, BODY, at, Err(Reason::SignatureMismatch)),
            ("another secret", &other, BODY, at, Err(Reason::SignatureMismatch)),
            ("cut", cut, BODY, at, Err(Reason::SignatureMissing)),
            ("garbage", "t=now", BODY, at, Err(Reason::SignatureMissing)),
            ("empty", "", BODY, at, Err(Reason::SignatureMissing)),
        ];
        for (name, header, body, now, want) in cases {
            assert_eq!(check(header, body, now), want, "{name}");
        }
        let missing =
            verify(&[SECRET.to_owned()], None, BODY, Timestamp::from_millis(at), TOLERANCE);
        assert_eq!(missing.unwrap_err().reason, Reason::SignatureMissing);
    }

    #[test]
    fn a_sign_among_the_digits_of_a_signature_is_refused() {
        // A key under which a byte of the digest is below 16: `0f` must not pass as `+f`.
        let at = 1_700_000_000_000;
        let now = Timestamp::from_millis(at);
        let signed = (0..).map(|n| format!("{{\"id\":\"event_{n}\"}}")).find_map(|body| {
            let header = sign(SECRET, body.as_bytes(), now);
            let (before, hex) = header.split_once("v1=")?;
            let place = (0..64).step_by(2).find(|place| hex.as_bytes()[*place] == b'0')?;
            let mut hex = hex.to_owned();
            hex.replace_range(place..=place, "+");
            Some((format!("{before}v1={hex}"), body))
        });
        let (header, body) = signed.unwrap();
        assert_eq!(check(&header, body.as_bytes(), at), Err(Reason::SignatureMissing));
    }

    #[test]
    fn the_vector_of_the_official_crate_verifies() {
        let header =
            "t=1700000000000, v1=32850522003ebbce01a416e5d5df8ec8354a96e921cac7d0ebbaeef5732bdaea";
        let now = Timestamp::from_millis(1_700_000_000_000);
        assert_eq!(sign("secret", b"body", now), header);
        assert_eq!(verify(&["secret".to_owned()], Some(header), b"body", now, TOLERANCE), Ok(()));
    }

    proptest::proptest! {
        #[test]
        fn property_test_no_header_panics(header in ".{0,120}") {
            proptest::prop_assert!(check(&header, BODY, 0).is_err());
        }
    }
}
