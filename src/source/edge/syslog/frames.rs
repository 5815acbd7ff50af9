//! Cuts a stream of bytes into syslog messages (RFC 6587).
//!
//! A message is announced by its length (`57 <190>…`) or ends with a line feed. Lines without a header may begin with a
//! digit as well, as addresses do, so a number is a length only where a `<` follows.

/// Digits of a length at most.
const LENGTH_DIGITS_MAX: usize = 8;

/// The messages of one connection.
#[derive(Debug)]
pub(super) struct Frames {
    buffer: Vec<u8>,
    /// The messages in `buffer` that are whole: where they begin and end.
    whole: Vec<(usize, usize)>,
    /// Behind the last of them.
    done: usize,
    /// Where the search for a line feed goes on.
    searched: usize,
    skip: Skip,
    bytes_max: usize,
}

/// What is left to pass over of a message that is too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Skip {
    Nothing,
    Bytes(usize),
    Line,
}

/// What the buffer holds next.
enum Next {
    /// A message from here to there, and where the next begins.
    Message(usize, usize, usize),
    /// One that is longer than allowed.
    TooLong(Skip),
    /// More bytes are needed.
    Part,
}

impl Frames {
    /// For messages of at most `bytes_max`.
    pub(super) fn new(bytes_max: usize) -> Self {
        let (buffer, whole) = (Vec::new(), Vec::new());
        Self { buffer, whole, done: 0, searched: 0, skip: Skip::Nothing, bytes_max }
    }

    /// Takes in what was received. Says how many messages were too long, and are passed over.
    pub(super) fn push(&mut self, received: &[u8]) -> usize {
        self.buffer.extend_from_slice(received);
        let mut too_long = 0;
        while self.skip_on() {
            match self.following() {
                Next::Message(begin, end, next) => {
                    self.whole.push((begin, end));
                    self.done = next;
                    self.searched = next;
                }
                Next::TooLong(skip) => {
                    too_long += 1;
                    self.skip = skip;
                }
                Next::Part => {
                    self.searched = self.buffer.len();
                    break;
                }
            }
        }
        too_long
    }

    /// The messages that are whole.
    pub(super) fn whole(&self) -> impl Iterator<Item = &[u8]> {
        self.whole.iter().map(|(begin, end)| &self.buffer[*begin..*end])
    }

    /// Forgets them.
    pub(super) fn forget(&mut self) {
        self.whole.clear();
        self.buffer.drain(..self.done);
        self.searched -= self.done;
        self.done = 0;
    }

    /// The last message of a connection that has ended, if its end is all that it lacks.
    pub(super) fn rest(&self) -> Option<&[u8]> {
        let rest = &self.buffer[self.done..];
        let line = self.skip == Skip::Nothing && !rest.is_empty() && announced(rest).is_none();
        line.then_some(rest)
    }

    /// Passes over what is left of a message that is too long; whether that is done.
    fn skip_on(&mut self) -> bool {
        let held = self.buffer.len() - self.done;
        match self.skip {
            Skip::Nothing => return true,
            Skip::Bytes(left) => {
                let passed = left.min(held);
                self.done += passed;
                self.skip = if passed < left { Skip::Bytes(left - passed) } else { Skip::Nothing };
            }
            Skip::Line => match self.buffer[self.done..].iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    self.done += end + 1;
                    self.skip = Skip::Nothing;
                }
                None => self.done = self.buffer.len(),
            },
        }
        self.searched = self.done;
        self.skip == Skip::Nothing
    }

    fn following(&self) -> Next {
        let rest = &self.buffer[self.done..];
        if let Some((digits, length)) = announced(rest) {
            let begin = self.done + digits + 1;
            let end = begin + length;
            return if length > self.bytes_max {
                Next::TooLong(Skip::Bytes(digits + 1 + length))
            } else if end <= self.buffer.len() {
                Next::Message(begin, end, end)
            } else {
                Next::Part
            };
        }
        match self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
            Some(at) if self.searched + at - self.done <= self.bytes_max => {
                let end = self.searched + at;
                Next::Message(self.done, end, end + 1)
            }
            None if rest.len() <= self.bytes_max => Next::Part,
            Some(_) | None => Next::TooLong(Skip::Line),
        }
    }
}

/// The digits of the length that announces a message, and the length.
fn announced(rest: &[u8]) -> Option<(usize, usize)> {
    let digits = rest.iter().take(LENGTH_DIGITS_MAX + 1).take_while(|byte| byte.is_ascii_digit());
    let digits = digits.count();
    if digits == 0 || digits > LENGTH_DIGITS_MAX || rest.get(digits..digits + 2) != Some(b" <") {
        return None;
    }
    let length = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
    Some((digits, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All messages of a stream that comes in pieces, and how many were too long.
    fn cut<'a>(pieces: impl Iterator<Item = &'a [u8]>, bytes_max: usize) -> (Vec<String>, usize) {
        let (mut frames, mut messages, mut too_long) = (Frames::new(bytes_max), Vec::new(), 0);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        for piece in pieces {
            too_long += frames.push(piece);
            messages.extend(frames.whole().map(text));
            frames.forget();
        }
        messages.extend(frames.rest().map(text));
        (messages, too_long)
    }

    #[test]
    fn messages_are_cut_by_length_or_line_end_and_one_that_is_too_long_costs_no_other() {
        let cases: [(&str, &[&str], usize); 8] = [
            ("<1>a\n<1>b\n", &["<1>a", "<1>b"], 0),
            ("4 <1>a4 <1>b", &["<1>a", "<1>b"], 0),
            ("4 <1>a<1>b\n5 <1>\nd", &["<1>a", "<1>b", "<1>\nd"], 0),
            ("10.0.0.1 - x\n10 - x\n", &["10.0.0.1 - x", "10 - x"], 0),
            ("no end", &["no end"], 0),
            ("9 <1>cut", &[], 0),
            ("12345678901234567\nok\n", &["ok"], 1),
            ("20 <1>34567890123456789ok\n", &["ok"], 1),
        ];
        for (stream, want, too_long) in cases {
            assert_eq!(
                cut([stream.as_bytes()].into_iter(), 16),
                (want.iter().map(|text| (*text).to_owned()).collect(), too_long),
                "{stream:?}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn property_test_pieces_give_what_the_whole_gives(
            parts in proptest::collection::vec("(4 <1>a|[0-9]{1,3} <x|[a-c<0-9 \\n]{0,24}\\n)", 0..12),
            size in 1usize..9,
        ) {
            let stream = parts.concat().into_bytes();
            let whole = cut([&*stream].into_iter(), 16);
            proptest::prop_assert_eq!(cut(stream.chunks(size), 16), whole);
        }
    }
}
