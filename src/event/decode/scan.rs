//! What is checked of the raw bytes before they are parsed, and where a JSON value ends.

use super::{DEPTH_MAX, Rejection};
use crate::event::Reason;

/// The byte order mark that some editors and exports put in front of UTF-8.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// `bytes` as text, without a byte order mark and white space around it.
pub(super) fn text(bytes: &[u8]) -> Result<&str, Rejection> {
    let text = std::str::from_utf8(without_bom(bytes)).map_err(|error| {
        Rejection::new(
            Reason::NotUtf8,
            format!("not UTF-8 at byte {}; send JSON in UTF-8", error.valid_up_to() + 1),
        )
    })?;
    Ok(text.trim())
}

/// `bytes` without a byte order mark at the start.
pub(in crate::event) fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BOM).unwrap_or(bytes)
}

/// Refuses JSON that nests deeper than [`DEPTH_MAX`].
pub(super) fn check_depth(text: &str) -> Result<(), Rejection> {
    let bytes = text.as_bytes();
    // Text with few brackets cannot nest deep, wherever they stand. Nearly all input ends here, at memory
    // speed: `[` and `{` differ in the one bit that is set here.
    if bytes.iter().filter(|byte| **byte | 0x20 == b'{').count() <= DEPTH_MAX {
        return Ok(());
    }
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string_end(bytes, at).unwrap_or(bytes.len());
                continue;
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(Rejection::new(
                        Reason::TooDeep,
                        format!("JSON nests deeper than {DEPTH_MAX} levels at byte {}", at + 1),
                    ));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// The end of the JSON value that starts at `bytes[0]`, found by brackets and quotes alone; `None` when it is
/// cut off. Whether it is valid inside is for the parser to say.
pub(in crate::event) fn value_end(bytes: &[u8]) -> Option<usize> {
    match bytes.first()? {
        b'"' => string_end(bytes, 0),
        b'{' | b'[' => brackets_end(bytes),
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace();
            // At least one byte, so that whoever walks over values always gets ahead.
            Some(bytes.iter().skip(1).position(ends).map_or(bytes.len(), |at| at + 1))
        }
    }
}

fn brackets_end(bytes: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string_end(bytes, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The position after the quote that closes the string which opens at `start`.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_its_brackets_and_quotes_close() {
        let cases: [(&str, Option<usize>); 10] = [
            ("{}x", Some(2)),
            (r#"{"a":[1,{"b":"}"}]},"#, Some(19)),
            (r#""a\"b",1"#, Some(6)),
            ("12,3", Some(2)),
            ("nul", Some(3)),
            ("}", Some(1)),
            ("{[", None),
            (r#"{"a"#, None),
            (r#""a\"#, None),
            ("", None),
        ];
        for (text, want) in cases {
            assert_eq!(value_end(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn depth_counts_brackets_outside_of_strings_only() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let cases = [
            ("at the limit", nested(DEPTH_MAX), true),
            ("one over", nested(DEPTH_MAX + 1), false),
            ("never closed", "[{".repeat(500_000), false),
            ("in a string", format!("\"{}\"", "[".repeat(1000)), true),
            ("after an escaped quote", format!(r#""\"{}""#, "[".repeat(1000)), true),
            ("wide, not deep", format!("[{}1]", "[],".repeat(1000)), true),
        ];
        for (name, text, fine) in cases {
            let outcome = check_depth(&text).map_err(|rejection| rejection.reason);
            assert_eq!(outcome, if fine { Ok(()) } else { Err(Reason::TooDeep) }, "{name}");
        }
    }
}
