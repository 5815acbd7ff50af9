//! A piece of a file, cut into lines.

use crate::event::Reason;
use crate::event::batch::{LineReader, too_long};
use crate::event::decode::Rejection;

use super::mark::Mark;

/// Rejected lines of a chunk that are named; all are counted.
pub(super) const NAMED_MAX: usize = 10;

/// What was read in one go, and where reading stands after it.
#[derive(Debug)]
pub(super) struct Chunk<T> {
    /// What the good lines say, in order.
    pub(super) taken: Vec<T>,
    /// The others, counted.
    pub(super) rejected: Vec<(Reason, u64)>,
    /// The first of them, by line number from 1.
    pub(super) named: Vec<(u64, Rejection)>,
    /// Where reading stands when all of this is durable.
    pub(super) mark: Mark,
}

/// What is known about the place at which a piece ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// The piece is as large as a piece may be; the content goes on.
    Cut,
    /// The file ends here for now; a line without an end may be going on, or be whole: it says so itself.
    Open,
    /// The file ends here for now; a line without an end is going on, as far as anyone can tell.
    Growing,
    /// The file ends here for good.
    Final,
}

impl<T> Chunk<T> {
    /// A chunk that only says where reading stands.
    pub(super) fn at(mark: Mark) -> Self {
        Self { taken: Vec::new(), rejected: Vec::new(), named: Vec::new(), mark }
    }

    /// Cuts `content`, which begins at `mark.tail_from()`, into lines from `mark` on. `decode`
    /// reads a line.
    ///
    /// A last line without an end waits for it, except when it is whole already (JSON says where it
    /// ends), when nothing will follow, or when it alone fills the piece: then it is over every
    /// limit and is passed over. A good line that was given to `decode` is always taken.
    pub(super) fn read(
        mark: &Mark,
        content: &[u8],
        ending: Ending,
        decode: &mut impl FnMut(&[u8]) -> Result<T, Rejection>,
    ) -> Self {
        let mut chunk = Self::at(mark.clone());
        let (mut end, mut inside) = behind_the_line(mark, content);
        let (mut line_count, begin) = (mark.lines, end);
        let mut lines = LineReader::new(&content[begin..], line_count);
        while let Some(line) = lines.next_line().expect("memory can be read") {
            let fills_the_piece = ending == Ending::Cut && end == mark.tail_bytes();
            let decoded = match line.content {
                _ if !line.complete && fills_the_piece => Some(Err(too_long())),
                _ if !line.complete && matches!(ending, Ending::Cut | Ending::Growing) => break,
                Ok([]) => None,
                Ok(bytes) => Some(decode(bytes)),
                Err(rejection) => Some(Err(rejection)),
            };
            if !line.complete && ending == Ending::Open && !matches!(decoded, Some(Ok(_))) {
                break;
            }
            match decoded {
                Some(Ok(taken)) => chunk.taken.push(taken),
                Some(Err(rejection)) => chunk.reject(line.number, rejection),
                None => {}
            }
            end += usize::try_from(line.consumed).expect("it is in memory");
            inside = !line.complete;
            line_count = line.number;
        }
        chunk.mark = mark.advance(&content[..end], line_count - mark.lines, inside);
        chunk
    }

    /// Counts what stands on line `number` as rejected.
    pub(super) fn reject(&mut self, number: u64, rejection: Rejection) {
        match self.rejected.iter_mut().find(|(reason, _)| *reason == rejection.reason) {
            Some((_, count)) => *count += 1,
            None => self.rejected.push((rejection.reason, 1)),
        }
        if self.named.len() < NAMED_MAX {
            self.named.push((number, rejection));
        }
    }
}

/// Where in `content` the first line begins that is not done with, and whether the end of the one
/// before is still missing.
fn behind_the_line(mark: &Mark, content: &[u8]) -> (usize, bool) {
    let at = mark.tail_bytes();
    if !mark.inside {
        return (at, false);
    }
    match content[at..].iter().position(|byte| *byte == b'\n') {
        Some(end) => (at + end + 1, false),
        None => (content.len(), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A good line begins with `{` and ends with `}`.
    fn decode(line: &[u8]) -> Result<String, Rejection> {
        let text =
            std::str::from_utf8(line).map_err(|_| Rejection::new(Reason::NotUtf8, "bytes"))?;
        let whole = text.starts_with('{') && text.ends_with('}');
        whole.then(|| text.to_owned()).ok_or(Rejection::new(Reason::NotJson, "rubbish"))
    }

    #[test]
    fn lines_are_taken_when_they_are_whole() {
        use Ending::{Cut, Final, Growing, Open};
        type Want = (&'static [&'static str], &'static [(Reason, u64)], u64, u64, bool);
        let cases: [(&str, &[u8], Ending, Want); 12] = [
            ("nothing", b"", Open, (&[], &[], 0, 0, false)),
            ("whole lines", b"{1}\r\n\n{2}\n", Open, (&["{1}", "{2}"], &[], 10, 3, false)),
            ("a part", b"{1}\n{2", Open, (&["{1}"], &[], 4, 1, false)),
            ("a part that looks whole", b"{1}\n{2}", Growing, (&["{1}"], &[], 4, 1, false)),
            (
                "an event without its line end",
                b"{1}\n{2}",
                Open,
                (&["{1}", "{2}"], &[], 7, 2, true),
            ),
            ("a part where the piece ends", b"{1}\n{2", Cut, (&["{1}"], &[], 4, 1, false)),
            ("an event where the piece ends", b"{1}\n{2}", Cut, (&["{1}"], &[], 4, 1, false)),
            (
                "a part and no more",
                b"{1}\n{2",
                Final,
                (&["{1}"], &[(Reason::NotJson, 1)], 6, 2, true),
            ),
            ("spaces and no more", b"{1}\n  ", Final, (&["{1}"], &[], 6, 2, true)),
            ("spaces", b"{1}\n  ", Open, (&["{1}"], &[], 4, 1, false)),
            (
                "a line that fills the piece",
                b"{1{2{3",
                Cut,
                (&[], &[(Reason::TooLarge, 1)], 6, 1, true),
            ),
            (
                "rubbish between",
                b"x\n{1}\n\xff\ny\n",
                Open,
                (&["{1}"], &[(Reason::NotJson, 2), (Reason::NotUtf8, 1)], 10, 4, false),
            ),
        ];
        for (name, content, ending, want) in cases {
            let chunk = Chunk::read(&Mark::default(), content, ending, &mut decode);
            let Mark { offset, lines, inside, .. } = chunk.mark;
            let taken: Vec<_> = chunk.taken.iter().map(String::as_str).collect();
            assert_eq!((&*taken, &*chunk.rejected, offset, lines, inside), want, "{name}");
        }
    }

    #[test]
    fn the_rest_of_a_line_that_was_counted_is_passed_over() {
        let content = b"{1}   \n{2}\n";
        let first = Chunk::read(&Mark::default(), &content[..3], Ending::Open, &mut decode);
        assert_eq!((first.taken.len(), first.mark.inside), (1, true));
        let spaces = Chunk::read(&first.mark, &content[..5], Ending::Open, &mut decode);
        assert_eq!((spaces.taken.len(), spaces.mark.offset, spaces.mark.inside), (0, 5, true));
        let rest = Chunk::read(&spaces.mark, content, Ending::Open, &mut decode);
        assert_eq!(
            (rest.taken, rest.mark.lines, rest.mark.offset),
            (vec!["{2}".to_owned()], 2, 11)
        );
    }

    #[test]
    fn rubbish_is_named_by_its_line_up_to_a_limit() {
        let chunk = Chunk::read(&Mark::default(), &b"x\n".repeat(50), Ending::Open, &mut decode);
        assert_eq!(chunk.rejected, [(Reason::NotJson, 50)]);
        let numbers: Vec<_> = chunk.named.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
    }

    proptest::proptest! {
        #[test]
        fn property_test_pieces_give_what_the_whole_gives(
            lines in proptest::collection::vec("[{}x ]{0,12}", 0..30),
            cuts in proptest::collection::vec(1usize..40, 1..60),
        ) {
            let mut content = lines.join("\n").into_bytes();
            content.push(b'\n');
            let whole = Chunk::read(&Mark::default(), &content, Ending::Final, &mut decode);
            let (mut mark, mut taken, mut rejected) = (Mark::default(), Vec::new(), 0);
            let mut cuts = cuts.iter().cycle();
            while mark.offset < content.len() as u64 {
                let from = usize::try_from(mark.tail_from()).unwrap();
                // No line is longer than 12 bytes, so every piece has room for one.
                let until = usize::try_from(mark.offset).unwrap() + 13 + cuts.next().unwrap();
                let piece = &content[from..until.min(content.len())];
                let ending = if until < content.len() { Ending::Cut } else { Ending::Open };
                let chunk = Chunk::read(&mark, piece, ending, &mut decode);
                taken.extend(chunk.taken);
                rejected += chunk.rejected.iter().map(|(_, count)| count).sum::<u64>();
                mark = chunk.mark;
            }
            proptest::prop_assert_eq!(taken, whole.taken);
            let want: u64 = whole.rejected.iter().map(|(_, count)| count).sum();
            proptest::prop_assert_eq!(rejected, want);
            proptest::prop_assert_eq!(mark, whole.mark);
        }
    }
}
