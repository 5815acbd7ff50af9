//! Where the quotes of a text stand, found for all of it at once.
//!
//! An event has nearly a hundred, mostly a few bytes apart: to search for each by itself took a quarter of decoding.

/// Bytes that one word of the map stands for.
const BLOCK: usize = 64;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Gathers the lowest bit of each byte in the highest byte.
const GATHER: u64 = 0x0102_0408_1020_4080;

/// The quotes of one text. Made once and used for many, so that its memory is.
#[derive(Debug, Default)]
pub(super) struct Quotes {
    /// A bit for each byte of the text.
    map: Vec<u64>,
}

impl Quotes {
    /// Maps `text`. Whether a quote is all that can end a string in it: there is no backslash and no control character.
    pub(super) fn map(&mut self, text: &str) -> bool {
        self.map.clear();
        let (blocks, tail) = text.as_bytes().as_chunks::<BLOCK>();
        let mut last = [b' '; BLOCK];
        last[..tail.len()].copy_from_slice(tail);
        let mut found = 0;
        for block in blocks.iter().chain([&last]) {
            let (quotes, wild) = of_block(block);
            self.map.push(quotes);
            found |= wild;
        }
        found == 0
    }

    /// The first quote at `from` or later.
    pub(super) fn next(&self, from: usize) -> Option<usize> {
        let mut place = from / BLOCK;
        let mut left = self.map.get(place)? >> (from % BLOCK);
        if left != 0 {
            return Some(from + left.trailing_zeros() as usize);
        }
        while left == 0 {
            place += 1;
            left = *self.map.get(place)?;
        }
        Some(place * BLOCK + left.trailing_zeros() as usize)
    }
}

/// Which bytes are quotes, and whether any is a backslash or a control character. Eight bytes at a time.
fn of_block(block: &[u8; BLOCK]) -> (u64, u64) {
    let (mut quotes, mut wild) = (0, 0);
    for (place, word) in block.as_chunks::<8>().0.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let same = zeros(word ^ (ONES * u64::from(b'"')));
        quotes |= ((same >> 7).wrapping_mul(GATHER) >> 56) << (8 * place);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        wild |= control | zeros(word ^ (ONES * u64::from(b'\\')));
    }
    (quotes, wild)
}

/// The high bit of each byte that is zero.
fn zeros(word: u64) -> u64 {
    !(((word & !HIGHS) + !HIGHS) | word | !HIGHS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quote_is_found_wherever_it_stands() {
        let mut quotes = Quotes::default();
        for length in [0, 1, 63, 64, 65, 127, 128, 200] {
            for step in 1..70 {
                let text: String =
                    (0..length).map(|at| if at % step == 0 { '"' } else { 'x' }).collect();
                assert!(quotes.map(&text), "{length} {step}");
                for from in 0..length + 70 {
                    let want = (from..length).find(|at| at % step == 0);
                    assert_eq!(quotes.next(from), want, "{length} {step} {from}");
                }
            }
        }
    }

    #[test]
    fn what_is_wild_is_seen_at_every_place() {
        let mut quotes = Quotes::default();
        for place in 0..100 {
            for byte in 0..=0x7Fu8 {
                let mut bytes = [b'\x7f'; 100];
                bytes[place] = byte;
                let text = std::str::from_utf8(&bytes).unwrap();
                assert_eq!(quotes.map(text), byte >= 0x20 && byte != b'\\', "{byte} at {place}");
                assert_eq!(quotes.next(0), (byte == b'"').then_some(place), "{byte} at {place}");
            }
        }
        assert!(quotes.map(&"ü\u{10ffff}\u{80}".repeat(20)) && quotes.next(0).is_none());
    }
}
