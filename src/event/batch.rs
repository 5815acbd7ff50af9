//! Many events at once: request bodies and recorded files, plain or compressed, as NDJSON, a JSON array or
//! one event.

mod encoding;
mod line;
mod packing;

use super::decode::{Decoder, Rejection, decode_datadog_log, scan};
use super::{AuthEvent, Privacy, Reason};

pub use encoding::decompress;
pub use line::{Line, LineReader};
pub use packing::{Packing, Unpacked};

/// Longest line. A WorkOS event has about 700 bytes; a line over this is not one and is skipped without being
/// held.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;

/// What a body holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// WorkOS events.
    Events,
    /// Entries of Datadog's log intake, each with an event in it.
    DatadogLogs,
}

/// Decodes every event of `body`, which is NDJSON, a JSON array or one event however it is laid out. `each`
/// is given the line (in an array: the place), from 1, and what stands there; a bad one never costs the
/// others. Empty lines are nothing.
pub fn each(
    body: &[u8],
    shape: Shape,
    privacy: &Privacy,
    mut each: impl FnMut(u64, Result<AuthEvent, Rejection>),
) {
    let mut decoder = Decoder::new(privacy);
    let mut one = |bytes: &[u8]| {
        if bytes.len() > LINE_BYTES_MAX {
            return Err(too_long());
        }
        match shape {
            Shape::Events => decoder.decode(bytes),
            Shape::DatadogLogs => decode_datadog_log(bytes, privacy),
        }
    };
    let body = scan::without_bom(body);
    match Layout::of(body) {
        Layout::Lines => {
            for (number, line) in (1..).zip(lines(body)) {
                let line = line.trim_ascii();
                if !line.is_empty() {
                    each(number, one(line));
                }
            }
        }
        Layout::Array => elements(body, |place, element| each(place, element.and_then(&mut one))),
        Layout::Documents => documents(body, |line, document| each(line, one(document))),
    }
}

/// What stands between line feeds, at least one piece.
fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(body);
    std::iter::from_fn(move || {
        let all = rest?;
        let end = memchr::memchr(b'\n', all);
        rest = end.map(|end| &all[end + 1..]);
        Some(&all[..end.unwrap_or(all.len())])
    })
}

/// How a body is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Layout {
    /// One event a line.
    Lines,
    /// A JSON array.
    Array,
    /// Events over several lines each, one after the other: mostly just one.
    Documents,
}

impl Layout {
    fn of(body: &[u8]) -> Self {
        let body = body.trim_ascii();
        if body.first() == Some(&b'[') {
            return Self::Array;
        }
        let first = lines(body).next().unwrap_or_default();
        if first.len() == body.len()
            || body.first() != Some(&b'{')
            || scan::value_end(first).is_some()
        {
            return Self::Lines;
        }
        // The first line is not whole: either an event goes on in the next, or NDJSON begins with a bad line.
        // JSON that is spread out begins only its events at the left edge; NDJSON begins every line with one.
        let lines = lines(body).filter(|line| !line.trim_ascii().is_empty());
        let (edges, others): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with(b"{"));
        let spread = others.len() >= edges.len() && scan::value_end(body).is_some();
        if spread || edges.len() == 1 { Self::Documents } else { Self::Lines }
    }
}

/// Gives each element of the array, told apart by brackets and quotes alone, so that one that is not JSON
/// costs no other. For the same reason a missing or superfluous comma is forgiven.
fn elements(body: &[u8], mut each: impl FnMut(u64, Result<&[u8], Rejection>)) {
    let mut place = 0;
    let mut open = false;
    let mut rest = body.trim_ascii();
    while let Some(byte) = rest.first() {
        match (byte, open) {
            (b'[', false) | (b']', true) => {
                open = !open;
                rest = &rest[1..];
            }
            (b',', true) => rest = &rest[1..],
            (_, false) => {
                let problem =
                    "something follows the JSON array; send one array, or one event a line";
                each(place + 1, Err(Rejection::new(Reason::NotJson, problem)));
                return;
            }
            (_, true) => {
                place += 1;
                let Some(end) = scan::value_end(rest) else {
                    // The array breaks off inside of this element, which says so itself.
                    each(place, Ok(rest));
                    return;
                };
                each(place, Ok(&rest[..end]));
                rest = &rest[end..];
            }
        }
        rest = rest.trim_ascii_start();
    }
    if open {
        let problem = "the JSON array has no `]` at its end; was it cut off?";
        each(place + 1, Err(Rejection::new(Reason::NotJson, problem)));
    }
}

/// Gives each document with the line on which it begins.
fn documents(body: &[u8], mut each: impl FnMut(u64, &[u8])) {
    let mut line = 1;
    let mut rest = body;
    loop {
        let start = rest.trim_ascii_start();
        line += line_feeds(&rest[..rest.len() - start.len()]);
        if start.is_empty() {
            return;
        }
        let end = scan::value_end(start).unwrap_or(start.len());
        each(line, &start[..end]);
        line += line_feeds(&start[..end]);
        rest = &start[end..];
    }
}

fn line_feeds(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

/// What is said of a line over [`LINE_BYTES_MAX`].
pub(crate) fn too_long() -> Rejection {
    let problem =
        format!("longer than {LINE_BYTES_MAX} bytes, which no event is; send one event a line");
    Rejection::new(Reason::TooLarge, problem)
}

#[cfg(test)]
mod tests {
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
    fn the_layout_is_told_by_what_the_first_line_is() {
        let (one, two) = (event(1), event(2));
        let spread = |text: &str| text.replace(',', ",\n  ");
        let broken = one.replace('}', "");
        let ok = |id: &str| Ok(id.to_owned());
        let bad = Err(Reason::NotJson);
        let cases = [
            (
                "blank lines in front count as lines",
                format!("\n\n{one}\nrubbish\n{two}"),
                vec![(3, ok("e1")), (4, bad.clone()), (5, ok("e2"))],
            ),
            (
                "spread-out events have the line on which they begin",
                format!("\n{}\n\n{}\n", spread(&one), spread(&two)),
                vec![(2, ok("e1")), (6, ok("e2"))],
            ),
            ("a spread-out event that breaks off is one", spread(&broken), vec![(1, bad.clone())]),
            (
                "a first line that breaks off costs only itself",
                format!("{broken}\n{one}\n{two}"),
                vec![(1, bad.clone()), (2, ok("e1")), (3, ok("e2"))],
            ),
            (
                "arrays one after the other count on",
                format!("[{one}]\n[{two}]"),
                vec![(1, ok("e1")), (2, ok("e2"))],
            ),
            (
                "an array that something follows",
                format!("[{one}] {two}"),
                vec![(1, ok("e1")), (2, bad.clone())],
            ),
            (
                "an element that is not JSON costs no other",
                format!(r#"[{one}, {{"id":nope}}, {two}]"#),
                vec![(1, ok("e1")), (2, bad), (3, ok("e2"))],
            ),
            (
                "an element over the limit costs no other",
                format!(r#"[{one}, {{"x":"{}"}}, {two}]"#, "y".repeat(LINE_BYTES_MAX)),
                vec![(1, ok("e1")), (2, Err(Reason::TooLarge)), (3, ok("e2"))],
            ),
        ];
        for (name, body, want) in cases {
            assert_eq!(ids(&body), want, "{name}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_cost_only_their_own_event() {
        let privacy = Privacy::new(Treatment::Hash, b"key");
        let (one, two) = (event(1), event(2));
        let bad = b"{\"id\":\"\xff\"}";
        let bodies = [
            [b"[", one.as_bytes(), b",", bad, b",", two.as_bytes(), b"]"].concat(),
            [one.as_bytes(), b"\n", bad, b"\n", two.as_bytes()].concat(),
        ];
        for body in bodies {
            let mut seen = Vec::new();
            each(&body, Shape::Events, &privacy, |place, event| {
                seen.push((place, event.err().map(|rejection| rejection.reason)));
            });
            assert_eq!(seen, [(1, None), (2, Some(Reason::NotUtf8)), (3, None)]);
        }
    }

    proptest::proptest! {
        #[test]
        fn property_test_every_layout_gives_the_same_events(
            members in proptest::collection::vec(0u32..1000, 1..12),
            gap in "[ \t\r]{0,3}",
        ) {
            let events: Vec<_> = members.iter().map(|id| event(*id)).collect();
            let want: Vec<_> = members.iter().map(|id| Ok(format!("e{id}"))).collect();
            let spread: Vec<_> = events.iter().map(|event| event.replace(',', ",\n ")).collect();
            let bodies = [
                events.join(&format!("{gap}\n{gap}")),
                format!("[{gap}{}{gap}]", events.join(&format!("{gap},{gap}"))),
                format!("[\n{}\n]\n", spread.join(",\n")),
                spread.join("\n"),
            ];
            for body in bodies {
                let got: Vec<_> = ids(&body).into_iter().map(|(_, event)| event).collect();
                proptest::prop_assert_eq!(&got, &want, "{}", body);
            }
        }

        #[test]
        fn property_test_no_body_panics_or_loops(
            pieces in proptest::collection::vec("[\\[\\]{}\",:\\\\ \na1]{0,9}", 0..20),
        ) {
            let body = pieces.concat();
            proptest::prop_assert!(ids(&body).len() <= body.len() + 1);
        }
    }
}
