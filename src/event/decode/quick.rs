//! Reads the JSON that WorkOS writes, in one pass and without a copy; whatever is out of the ordinary is left to
//! [`lenient`](super::lenient).
//!
//! Ordinary is what senders of events write: strings without escapes, whole numbers, shallow nesting. Such
//! text is valid JSON, and means here what it means there: a property test holds the two against each other.
//! Of ten million events hardly one is not ordinary, and this takes a third of the time of a general parser.

use serde_json::value::RawValue;

use super::lenient::{Fields, Object, Text, Values};
use super::quotes::{Cursor, Quotes};

/// Nesting that is ordinary; WorkOS's events nest five deep. The limit for what is read at all is
/// [`DEPTH_MAX`](super::DEPTH_MAX).
const DEPTH_MAX: usize = 16;

/// Something out of the ordinary: invalid, or only unusual.
pub(super) struct Unusual;

/// Reads the object that `text` is into `object`; `false` when it has anything in it that is out of the ordinary.
pub(super) fn parse<'a, T: Fields<'a>>(
    text: &'a str,
    quotes: &mut Quotes,
    object: &mut Object<T>,
) -> bool {
    let tame = quotes.map(text);
    let mut reader = Reader { text, at: 0, depth: 0, quotes: tame.then(|| quotes.cursor()) };
    reader.object(object).is_ok() && reader.at == text.len()
}

struct Reader<'a, 'q> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// The quotes from here on; `None` where something else may end a string.
    quotes: Option<Cursor<'q>>,
}

impl<'a> Values<'a> for Reader<'a, '_> {
    type Error = Unusual;

    fn text(&mut self) -> Result<Text<'a>, Unusual> {
        match self.peek() {
            Some(b'"') => Ok(Text::Str(self.string()?.into())),
            Some(b'n') => self.word("null").map(|()| Text::Absent),
            _ => Err(Unusual),
        }
    }

    fn object<T: Fields<'a>>(&mut self, object: &mut Object<T>) -> Result<(), Unusual> {
        if self.peek() == Some(b'n') {
            object.0 = None;
            return self.word("null");
        }
        let fields = object.0.insert(T::default());
        self.members(|key, values| fields.field(key, values))
    }

    fn raw(&mut self) -> Result<&'a RawValue, Unusual> {
        Err(Unusual)
    }

    fn skip(&mut self) -> Result<(), Unusual> {
        match self.peek() {
            Some(b'"') => self.string_end().map(|end| self.at = end + 1),
            Some(b'{') => self.members(|_, values| values.skip()),
            Some(b'[') => self.elements(),
            Some(b'n') => self.word("null"),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'1'..=b'9') => {
                let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit());
                self.at += digits.count();
                // What follows is a delimiter, or is found to be none by whoever expects one.
                Ok(())
            }
            _ => Err(Unusual),
        }
    }
}

impl<'a> Reader<'a, '_> {
    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes over white space, of which there is hardly any.
    fn space(&mut self) {
        while let Some(byte) = self.peek().filter(|byte| *byte <= b' ') {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return;
            }
            self.at += 1;
        }
    }

    /// Passes over `byte` and the white space after it; whether it was there.
    fn takes(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        if there {
            self.at += 1;
            self.space();
        }
        there
    }

    fn word(&mut self, word: &str) -> Result<(), Unusual> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(Unusual);
        }
        self.at += word.len();
        Ok(())
    }

    /// The members of an object; `each` takes the value of each key.
    fn members(
        &mut self,
        mut each: impl FnMut(&'a str, &mut Self) -> Result<(), Unusual>,
    ) -> Result<(), Unusual> {
        self.enter(b'{')?;
        if self.leaves(b'}') {
            return Ok(());
        }
        loop {
            let key = self.string()?;
            self.space();
            if !self.takes(b':') {
                return Err(Unusual);
            }
            each(key, self)?;
            if self.leaves(b'}') {
                return Ok(());
            }
            if !self.takes(b',') {
                return Err(Unusual);
            }
        }
    }

    fn elements(&mut self) -> Result<(), Unusual> {
        self.enter(b'[')?;
        if self.leaves(b']') {
            return Ok(());
        }
        loop {
            self.skip()?;
            if self.leaves(b']') {
                return Ok(());
            }
            if !self.takes(b',') {
                return Err(Unusual);
            }
        }
    }

    fn enter(&mut self, bracket: u8) -> Result<(), Unusual> {
        self.depth += 1;
        if self.depth > DEPTH_MAX || self.peek() != Some(bracket) {
            return Err(Unusual);
        }
        self.at += 1;
        self.space();
        Ok(())
    }

    /// Passes over white space and, if it is next, the bracket that closes.
    fn leaves(&mut self, bracket: u8) -> bool {
        self.space();
        let end = self.peek() == Some(bracket);
        if end {
            self.at += 1;
            self.depth -= 1;
        }
        end
    }

    /// A string without escapes.
    fn string(&mut self) -> Result<&'a str, Unusual> {
        let start = self.at + 1;
        let end = self.string_end()?;
        self.at = end + 1;
        self.text.get(start..end).ok_or(Unusual)
    }

    /// Where the string that begins here has its closing quote.
    fn string_end(&mut self) -> Result<usize, Unusual> {
        if let Some(quotes) = &mut self.quotes {
            // Strings are met in order, each with both of its quotes, and nothing else has one.
            return if quotes.next() == Some(self.at) { quotes.next() } else { None }
                .ok_or(Unusual);
        }
        let [b'"', inner @ ..] = self.rest() else { return Err(Unusual) };
        let length = special(inner).ok_or(Unusual)?;
        if inner[length] == b'"' { Ok(self.at + 1 + length) } else { Err(Unusual) }
    }
}

/// Where the first quote, backslash or control character stands. Eight bytes at a time: half of an event is the
/// inside of strings.
fn special(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // The high bit of each byte that is below `limit`; exact up to the first one, which is all that counts.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGHS;
    let (words, tail) = bytes.as_chunks::<8>();
    for (place, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = below(word ^ (ONES * u64::from(b'"')), 1);
        let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
        let found = quote | backslash | below(word, 0x20);
        if found != 0 {
            return Some(place * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let in_tail = tail.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
    Some(words.len() * 8 + in_tail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::lenient;
    use super::super::raw::Envelope;
    use super::*;

    const EVENT: &str = r#"{"object":"event","id":"event_1","event":"authentication.sso_failed","data":{"type":"sso","status":"failed","user_id":null,"email":"todd@example.com","n":[1,true,{"a":[]}],"sso":{"organization_id":"org_1","connection_id":"conn_1","session_id":"session_1"},"error":{"code":"x","message":"Gr\u00fc\u00dfe"}},"created_at":"2026-01-15T12:00:00.000Z","context":{}}"#;

    fn read(text: &str) -> Option<String> {
        let mut envelope = Object::<Envelope<'_>>::default();
        parse(text, &mut Quotes::default(), &mut envelope).then(|| format!("{envelope:?}"))
    }

    #[test]
    fn what_is_ordinary_is_read_and_all_else_is_left() {
        let plain = EVENT.replace("\\u00fc\\u00df", "\u{fc}\u{df}");
        assert!(read(&plain).is_some());
        assert!(read(&plain.replace(',', " ,\r\n\t").replace(':', " : ")).is_some());
        assert!(read("null").is_some() && read("{}").is_some());
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(16), "]".repeat(16));
        for unusual in
            [EVENT, "{\"id\":1}", "{\"a\":01}", "{\"a\":-1}", "{\"a\":1.5}", "[]", "", &deep]
        {
            assert_eq!(read(unusual), None, "{unusual}");
        }
    }

    #[test]
    fn special_characters_are_found_at_every_place() {
        for place in 0..40 {
            for byte in 0..=255u8 {
                let mut bytes = vec![b'x'; 40];
                bytes[place] = byte;
                bytes[39] = b'"';
                let want = if byte < 0x20 || byte == b'"' || byte == b'\\' { place } else { 39 };
                assert_eq!(special(&bytes), Some(want), "{byte} at {place}");
            }
        }
        assert_eq!(special(b"plain text"), None);
    }

    proptest! {
        #[test]
        fn property_test_what_is_read_is_what_the_general_parser_reads(
            damage in prop::collection::vec((0usize..400, prop::sample::select(
                b"\"\\{}[]:,0123 .-+enultrfas\n\x01\x7f".to_vec()), 0u8..3), 0..4),
        ) {
            let mut bytes = EVENT.replace("\\u00fc\\u00df", "ue").into_bytes();
            for (place, byte, how) in damage {
                let place = place % bytes.len();
                match how {
                    0 => bytes[place] = byte,
                    1 => bytes.insert(place, byte),
                    _ => drop(bytes.remove(place)),
                }
            }
            let text = String::from_utf8(bytes).unwrap();
            if let Some(read) = read(text.trim()) {
                let general = lenient::parse::<Envelope<'_>>(text.trim());
                prop_assert_eq!(Some(read), general.ok().map(|envelope| format!("{envelope:?}")));
            }
        }
    }
}
