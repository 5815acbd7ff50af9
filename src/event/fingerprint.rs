//! Sixty-four bits by which texts are told apart where a table of the texts themselves would be too large.

/// Odd numbers without a pattern (digits of π, e, √2 and √3).
const KEYS: [u64; 4] =
    [0x243F_6A88_85A3_08D3, 0xB7E1_5162_8AED_2A6B, 0x6A09_E667_F3BC_C909, 0xBB67_AE85_84CA_A73B];

/// The fingerprint of `text`: the same on every machine and in every version, since checkpoints hold it. Of four million
/// texts two have the same one with a probability of 4 · 10^-7. It hides nothing: whoever chooses the texts can make two
/// that collide.
///
/// Sixteen bytes a multiplication: an id takes 4 ns, byte-wise FNV took 60.
#[must_use]
pub fn fingerprint(text: impl AsRef<[u8]>) -> u64 {
    seeded(KEYS[0], text.as_ref())
}

/// The same with a seed in place of the first key.
pub(super) fn seeded(seed: u64, mut bytes: &[u8]) -> u64 {
    let mut hash = seed ^ bytes.len() as u64;
    while let Some((pair, rest)) = bytes.split_first_chunk::<16>() {
        let (low, high) = pair.split_at(8);
        hash = fold(word(low) ^ KEYS[1], word(high) ^ hash);
        bytes = rest;
    }
    let (low, high) = bytes.split_at(bytes.len().min(8));
    hash = fold(word(low) ^ KEYS[2], word(high) ^ hash);
    fold(hash, KEYS[3])
}

/// Both halves of the product.
pub(super) fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    #[expect(clippy::cast_possible_truncation, reason = "the lower half, and then the upper one")]
    let folded = product as u64 ^ (product >> 64) as u64;
    folded
}

/// Up to eight bytes as a number.
fn word(bytes: &[u8]) -> u64 {
    if let Ok(whole) = bytes.try_into() {
        return u64::from_le_bytes(whole);
    }
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn fingerprints_are_what_checkpoints_hold() {
        let cases = [
            ("", 0xD753_6DC8_E356_54B2),
            ("event_01ARZ3NDEKTSV4RRFFQ69G5FAV", 0x8D83_6474_47F3_30BC),
            ("conn_01E4ZCR3C56J083X43JQXF3JK5", 0x9DA3_3362_3995_0336),
        ];
        for (text, want) in cases {
            assert_eq!(fingerprint(text), want, "{text}");
        }
    }

    #[test]
    fn texts_that_differ_in_one_place_have_fingerprints_that_differ_everywhere() {
        let mut seen = HashSet::new();
        let mut differing = 0;
        let base = "session_01E4ZCR3C56J083X43JQXF3JK5";
        for place in 0..base.len() {
            for byte in b'a'..=b'z' {
                let mut text = base.as_bytes().to_vec();
                text[place] = byte;
                let hash = fingerprint(std::str::from_utf8(&text).unwrap());
                differing += (hash ^ fingerprint(base)).count_ones();
                seen.insert(hash);
            }
        }
        let texts = base.len() * 26;
        // Seven of them are the base itself.
        assert_eq!(seen.len(), texts - 6);
        let bits = 64 * u32::try_from(texts).unwrap();
        assert!((bits * 48..bits * 52).contains(&(differing * 100)), "{differing} of {bits}");
    }

    #[test]
    fn text_that_ends_in_zeros_is_not_its_beginning() {
        assert_ne!(fingerprint("a"), fingerprint("a\0"));
        assert_ne!(fingerprint("a".repeat(16)), fingerprint("a".repeat(32)));
    }
}
