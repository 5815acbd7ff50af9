//! Where the quotes of a text stand, found for all of it at once.
//!
//! An event has nearly a hundred, mostly a few bytes apart: to search for each by itself took a quarter of decoding.

use wide::u8x16;

/// Bytes that one word of the map stands for.
const BLOCK: usize = 64;

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
        let mut found = false;
        for block in blocks.iter().chain([&last]) {
            let (quotes, wild) = of_block(block);
            self.map.push(quotes);
            found |= wild;
        }
        !found
    }

    /// From the first one on.
    pub(super) fn cursor(&self) -> Cursor<'_> {
        Cursor { map: &self.map, block: 0, left: self.map.first().copied().unwrap_or(0) }
    }
}

/// Goes from quote to quote: a reader that meets each of them searches for none.
#[derive(Debug)]
pub(super) struct Cursor<'q> {
    map: &'q [u64],
    block: usize,
    /// Those of the block that are still ahead.
    left: u64,
}

impl Iterator for Cursor<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        while self.left == 0 {
            self.block += 1;
            self.left = *self.map.get(self.block)?;
        }
        let place = self.left.trailing_zeros() as usize;
        self.left &= self.left - 1;
        Some(self.block * BLOCK + place)
    }
}

/// Which bytes are quotes, and whether any is a backslash or a control character.
fn of_block(block: &[u8; BLOCK]) -> (u64, bool) {
    let (mut quotes, mut wild) = (0, u8x16::splat(0));
    for (place, bytes) in block.as_chunks::<16>().0.iter().enumerate() {
        let bytes = u8x16::new(*bytes);
        quotes |= u64::from(bytes.simd_eq(u8x16::splat(b'"')).to_bitmask()) << (16 * place);
        wild |= bytes.min(u8x16::splat(0x1F)).simd_eq(bytes) | bytes.simd_eq(u8x16::splat(b'\\'));
    }
    (quotes, wild.any())
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
                let want: Vec<usize> = (0..length).step_by(step).collect();
                assert_eq!(quotes.cursor().collect::<Vec<_>>(), want, "{length} {step}");
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
                let first = quotes.cursor().next();
                assert_eq!(first, (byte == b'"').then_some(place), "{byte} at {place}");
            }
        }
        assert!(quotes.map(&"ü\u{10ffff}\u{80}".repeat(20)));
        assert_eq!(quotes.cursor().next(), None);
    }
}
