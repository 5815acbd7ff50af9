//! Lines of recorded files, however long the file and its lines are.

use std::io::{self, BufRead};

use super::{LINE_BYTES_MAX, too_long};
use crate::event::decode::Rejection;

/// Reads NDJSON line by line in bounded memory.
#[derive(Debug)]
pub struct LineReader<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
}

/// One line of a [`LineReader`].
#[derive(Debug)]
pub struct Line<'a> {
    /// Counted from 1.
    pub number: u64,
    /// Its bytes without the line end, or why they were skipped.
    pub content: Result<&'a [u8], Rejection>,
    /// Bytes consumed from the input, line end included.
    pub consumed: u64,
    /// Whether it ended with a line feed; the last line of a growing file may not be complete.
    pub complete: bool,
}

impl<R: BufRead> LineReader<R> {
    /// Reads from `input`, whose next line has the number `number` + 1.
    #[must_use]
    pub fn new(input: R, number: u64) -> Self {
        Self { input, line: Vec::new(), number }
    }

    /// The next line; `None` at the end.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let (mut consumed, mut held_all) = (0u64, true);
        let mut complete = false;
        while !complete {
            let available = match self.input.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                break;
            }
            let end = memchr::memchr(b'\n', available);
            let used = end.map_or(available.len(), |end| end + 1);
            // Two bytes for the line end. What is over the limit is passed over, not held.
            held_all &= self.line.len() + used <= LINE_BYTES_MAX + 2;
            if held_all {
                self.line.extend_from_slice(&available[..used]);
            }
            self.input.consume(used);
            consumed += used as u64;
            complete = end.is_some();
        }
        if consumed == 0 {
            return Ok(None);
        }
        self.number += 1;
        let line = self.line.trim_ascii();
        let content =
            if !held_all || line.len() > LINE_BYTES_MAX { Err(too_long()) } else { Ok(line) };
        Ok(Some(Line { number: self.number, content, consumed, complete }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Reason;

    #[test]
    fn an_endless_line_is_skipped_in_bounded_memory() {
        let text =
            format!("{}\n{}\nlast", "x".repeat(LINE_BYTES_MAX * 3), "y".repeat(LINE_BYTES_MAX));
        let mut reader = LineReader::new(text.as_bytes(), 0);
        let line = reader.next_line().unwrap().unwrap();
        assert_eq!((line.number, line.content.unwrap_err().reason), (1, Reason::TooLarge));
        assert!(reader.line.capacity() < LINE_BYTES_MAX * 2 + 16);
        assert_eq!(reader.next_line().unwrap().unwrap().content.unwrap().len(), LINE_BYTES_MAX);
        let last = reader.next_line().unwrap().unwrap();
        assert_eq!((last.number, last.content.unwrap(), last.complete), (3, &b"last"[..], false));
        assert!(reader.next_line().unwrap().is_none());
    }

    #[test]
    fn lines_are_numbered_and_measured_however_the_input_is_read() {
        let text = "one\r\n\n  three \nfour";
        for capacity in [1, 2, 3, 64] {
            let input = io::BufReader::with_capacity(capacity, text.as_bytes());
            let mut reader = LineReader::new(input, 10);
            let (mut seen, mut offset) = (Vec::new(), 0);
            while let Some(line) = reader.next_line().unwrap() {
                offset += line.consumed;
                let content = String::from_utf8(line.content.unwrap().to_vec()).unwrap();
                seen.push((line.number, content, offset, line.complete));
            }
            let line =
                |number, text: &str, offset, complete| (number, text.to_owned(), offset, complete);
            let want = [
                line(11, "one", 5, true),
                line(12, "", 6, true),
                line(13, "three", 15, true),
                line(14, "four", 19, false),
            ];
            assert_eq!(seen, want, "{capacity}");
        }
    }

    #[test]
    fn an_event_before_a_megabyte_of_white_space_is_not_cut_out_of_its_line() {
        let text = format!("{{}}{}rubbish\n{{}}", " ".repeat(LINE_BYTES_MAX));
        let mut reader = LineReader::new(text.as_bytes(), 0);
        let line = reader.next_line().unwrap().unwrap();
        assert_eq!(line.content.unwrap_err().reason, Reason::TooLarge);
        assert_eq!(reader.next_line().unwrap().unwrap().content.unwrap(), b"{}");
    }
}
