//! Many events at once: request bodies and recorded files, plain or compressed, as NDJSON, a JSON array or one event.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead, Read};

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::decode::{Rejection, decode, decode_datadog_log};
use super::{AuthEvent, Privacy, Reason};

/// Longest line. A WorkOS event has about 700 bytes; a line over this is not one and is skipped without being held.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;

/// What a body holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// WorkOS events.
    Events,
    /// Entries of Datadog's log intake, each with an event in it.
    DatadogLogs,
}

/// Decodes every event of `body`, which is NDJSON, a JSON array or one event however it is laid out. `each` is given the
/// line (in an array: the place), from 1, and what stands there; a bad one never costs the others. Empty lines are nothing.
pub fn each(
    body: &[u8],
    shape: Shape,
    privacy: &Privacy,
    mut each: impl FnMut(u64, Result<AuthEvent, Rejection>),
) {
    let one = |bytes: &[u8]| match shape {
        Shape::Events => decode(bytes, privacy),
        Shape::DatadogLogs => decode_datadog_log(bytes, privacy),
    };
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
    match body.first() {
        None => {}
        Some(b'[') => elements(body, |place, element| each(place, element.and_then(&one))),
        Some(_) if is_one_document(body) => each(1, one(body)),
        Some(_) => {
            for (number, line) in (1..).zip(body.split(|byte| *byte == b'\n')) {
                let line = line.trim_ascii();
                if line.len() > LINE_BYTES_MAX {
                    each(number, Err(too_long()));
                } else if !line.is_empty() {
                    each(number, one(line));
                }
            }
        }
    }
}

/// Whether `body` is one JSON value over several lines, not one value a line.
fn is_one_document(body: &[u8]) -> bool {
    let first = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
    first.len() == body.len()
        || (serde_json::from_slice::<&RawValue>(first).is_err()
            && serde_json::from_slice::<&RawValue>(body).is_ok())
}

/// Gives each element of the array; where the array breaks off, the break is one more, rejected, and what came before
/// stays.
fn elements(body: &[u8], mut each: impl FnMut(u64, Result<&[u8], Rejection>)) {
    let mut place = 0;
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let seed = Elements { place: &mut place, each: &mut each };
    let outcome = seed.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    if let Err(error) = outcome {
        let problem =
            format!("the JSON array breaks at line {} column {}", error.line(), error.column());
        each(place + 1, Err(Rejection::new(Reason::NotJson, problem)));
    }
}

struct Elements<'a, F> {
    place: &'a mut u64,
    each: &'a mut F,
}

impl<'de, F: FnMut(u64, Result<&[u8], Rejection>)> DeserializeSeed<'de> for Elements<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(u64, Result<&[u8], Rejection>)> Visitor<'de> for Elements<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(element) = seq.next_element::<&RawValue>()? {
            *self.place += 1;
            (self.each)(*self.place, Ok(element.get().as_bytes()));
        }
        Ok(())
    }
}

fn too_long() -> Rejection {
    let problem = format!("the line is longer than {LINE_BYTES_MAX} bytes; one event a line");
    Rejection::new(Reason::TooLarge, problem)
}

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
        let mut consumed = 0u64;
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
            let end = available.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(available.len(), |end| end + 1);
            // One byte over the limit is kept, so that the line is known to be too long.
            let room = (LINE_BYTES_MAX + 2).saturating_sub(self.line.len());
            self.line.extend_from_slice(&available[..used.min(room)]);
            self.input.consume(used);
            consumed += used as u64;
            complete = end.is_some();
        }
        if consumed == 0 {
            return Ok(None);
        }
        self.number += 1;
        let line = self.line.trim_ascii();
        let content = if line.len() > LINE_BYTES_MAX { Err(too_long()) } else { Ok(line) };
        Ok(Some(Line { number: self.number, content, consumed, complete }))
    }
}

/// Undoes a `Content-Encoding`: none, `identity`, `gzip`, `deflate` or `zstd`. `bytes_max` limits what comes out, so that
/// a small body cannot fill the memory.
pub fn decompress<'a>(
    body: &'a [u8],
    encoding: Option<&str>,
    bytes_max: usize,
) -> Result<Cow<'a, [u8]>, Rejection> {
    let encoding = encoding.unwrap_or("identity").trim().to_ascii_lowercase();
    let mut reader: Box<dyn Read + 'a> = match encoding.as_str() {
        "" | "identity" => {
            return if body.len() > bytes_max {
                Err(too_large(bytes_max))
            } else {
                Ok(Cow::Borrowed(body))
            };
        }
        "gzip" | "x-gzip" => Box::new(flate2::bufread::MultiGzDecoder::new(body)),
        "deflate" => Box::new(flate2::bufread::ZlibDecoder::new(body)),
        "zstd" => {
            Box::new(zstd::stream::read::Decoder::with_buffer(body).map_err(|_| broken("zstd"))?)
        }
        _ => {
            let problem = "`Content-Encoding` is not known; use gzip, deflate, zstd or none";
            return Err(Rejection::new(Reason::BadEncoding, problem));
        }
    };
    let mut out = Vec::new();
    let limit = bytes_max as u64 + 1;
    reader.by_ref().take(limit).read_to_end(&mut out).map_err(|_| broken(&encoding))?;
    if out.len() > bytes_max {
        return Err(too_large(bytes_max));
    }
    Ok(Cow::Owned(out))
}

fn broken(encoding: &str) -> Rejection {
    Rejection::new(Reason::BadEncoding, format!("the body is not valid {encoding}, or cut off"))
}

fn too_large(bytes_max: usize) -> Rejection {
    let problem =
        format!("the body has more than {bytes_max} bytes when decompressed; send smaller batches");
    Rejection::new(Reason::TooLarge, problem)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::event::Treatment;

    fn ids(body: &str) -> Vec<(u64, Result<String, Reason>)> {
        let privacy = Privacy::new(Treatment::Hash, b"key");
        let mut found = Vec::new();
        each(body.as_bytes(), Shape::Events, &privacy, |place, event| {
            found.push((
                place,
                event.map(|event| event.id.to_string()).map_err(|error| error.reason),
            ));
        });
        found
    }

    fn event(id: u32) -> String {
        format!(r#"{{"id":"e{id}","event":"x.y","created_at":"2026-01-15T12:00:00Z"}}"#)
    }

    fn good(places: &[(u64, &str)]) -> Vec<(u64, Result<String, Reason>)> {
        places.iter().map(|(place, id)| (*place, Ok((*id).to_owned()))).collect()
    }

    #[test]
    fn lines_arrays_and_single_events_give_the_same_events() {
        let (one, two) = (event(1), event(2));
        let want = good(&[(1, "e1"), (2, "e2")]);
        assert_eq!(ids(&format!("{one}\n{two}")), want);
        assert_eq!(ids(&format!("\u{feff}{one}\r\n{two}\r\n")), want);
        assert_eq!(ids(&format!("[{one},\n {two}]")), want);
        assert_eq!(ids(&format!("{one}\n\n{two}\n")), good(&[(1, "e1"), (3, "e2")]));
        assert_eq!(ids(&one.replace(',', ",\n  ")), good(&[(1, "e1")]));
        assert_eq!(ids(" \n"), good(&[]));
        assert_eq!(ids("[]"), good(&[]));
    }

    #[test]
    fn a_bad_line_or_a_broken_array_never_costs_the_good_ones() {
        let (one, two) = (event(1), event(2));
        let (ok1, ok2) = (Ok("e1".to_owned()), Ok("e2".to_owned()));
        assert_eq!(
            ids(&format!("{one}\nrubbish\n{{}}\n{two}")),
            [
                (1, ok1.clone()),
                (2, Err(Reason::NotJson)),
                (3, Err(Reason::NotAnEvent)),
                (4, ok2.clone())
            ]
        );
        assert_eq!(
            ids(&format!("[{one}, 7, {two}]")),
            [(1, ok1.clone()), (2, Err(Reason::NotAnEvent)), (3, ok2)]
        );
        assert_eq!(ids(&format!("[{one}, {{")), [(1, ok1), (2, Err(Reason::NotJson))]);
    }

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
    fn bodies_are_decompressed_up_to_a_limit() {
        let plain = vec![b'a'; 100_000];
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&plain).unwrap();
        let gzip = gzip.finish().unwrap();
        let zstd = zstd::encode_all(&plain[..], 0).unwrap();
        for (body, encoding) in [(&gzip, "gzip"), (&zstd, "zstd"), (&plain, "identity")] {
            assert_eq!(*decompress(body, Some(encoding), 100_000).unwrap(), *plain, "{encoding}");
            let bomb = decompress(body, Some(encoding), 99_999).unwrap_err();
            assert_eq!(bomb.reason, Reason::TooLarge, "{encoding}");
        }
        assert_eq!(
            decompress(&gzip[..50], Some("gzip"), 100_000).unwrap_err().reason,
            Reason::BadEncoding
        );
        assert_eq!(decompress(&gzip, Some("br"), 100_000).unwrap_err().reason, Reason::BadEncoding);
    }
}
