//! What a syslog message carries, without its header.

/// `Nov 22 01:11:36 `.
const TIME_BYTES: usize = 16;

/// Fields of RFC 5424 between the version and the structured data: time, host, application, process, message id.
const FIELDS: usize = 5;

/// The line in a message: what follows the header of RFC 3164, as nginx, HAProxy and rsyslog write it, or of RFC 5424.
/// Without a header, as Caddy sends it, all of it.
pub(super) fn message(bytes: &[u8]) -> &[u8] {
    let Some(rest) = behind_priority(bytes) else { return bytes };
    match rest.strip_prefix(b"1 ") {
        Some(rest) => behind_rfc5424(rest).unwrap_or(rest),
        None => behind_rfc3164(rest),
    }
}

/// Behind `<190>`.
fn behind_priority(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(b"<")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=3).contains(&digits) {
        return None;
    }
    rest[digits..].strip_prefix(b">")
}

/// Behind `Nov 22 01:11:36 host tag[17]: `, of which the host may be missing.
fn behind_rfc3164(rest: &[u8]) -> &[u8] {
    let is_time = rest.len() >= TIME_BYTES
        && [(3, b' '), (6, b' '), (9, b':'), (12, b':'), (15, b' ')]
            .iter()
            .all(|(at, byte)| rest[*at] == *byte);
    if !is_time {
        return rest;
    }
    let rest = &rest[TIME_BYTES..];
    let (first, behind) = word(rest);
    if first.ends_with(b":") {
        return behind;
    }
    let (second, behind) = word(behind);
    if second.ends_with(b":") { behind } else { rest }
}

/// Behind `2026-11-22T01:11:36Z host nginx 17 - - `; `None` when it ends before that.
fn behind_rfc5424(mut rest: &[u8]) -> Option<&[u8]> {
    for _ in 0..FIELDS {
        let space = rest.iter().position(|byte| *byte == b' ')?;
        rest = &rest[space + 1..];
    }
    rest = match rest.strip_prefix(b"-") {
        Some(rest) => rest,
        None => behind_elements(rest)?,
    };
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    Some(rest.strip_prefix("\u{feff}".as_bytes()).unwrap_or(rest))
}

/// Behind `[id name="value"][…]`: a bracket in quotes ends nothing, nor does a quote behind a backslash.
fn behind_elements(rest: &[u8]) -> Option<&[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b']' if !quoted && rest.get(at + 1) != Some(&b'[') => return rest.get(at + 1..),
            _ => {}
        }
    }
    None
}

/// The first word, and what follows its space.
fn word(rest: &[u8]) -> (&[u8], &[u8]) {
    match rest.iter().position(|byte| *byte == b' ') {
        Some(space) => (&rest[..space], &rest[space + 1..]),
        None => (rest, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_every_kind_are_taken_off_and_lines_without_one_are_left_alone() {
        let cases = [
            ("<190>Nov 22 01:11:36 edge1 nginx: {\"a\": 1}", "{\"a\": 1}"),
            (
                "<134>Nov  2 01:11:36 haproxy[17]: 127.0.0.1:1 [x] \"GET / HTTP/1.1\"",
                "127.0.0.1:1 [x] \"GET / HTTP/1.1\"",
            ),
            ("<134>Nov 22 01:11:36 127.0.0.1 - - no tag", "127.0.0.1 - - no tag"),
            ("<134>1 2026-11-22T01:11:36Z h haproxy 17 - - 127.0.0.1:1 x", "127.0.0.1:1 x"),
            ("<134>1 2026-11-22T01:11:36Z h nginx - - [a@1 k=\"]\\\"\"][b] \u{feff}{}", "{}"),
            ("<134>1 2026-11-22T01:11:36Z h nginx", "2026-11-22T01:11:36Z h nginx"),
            ("<6>{\"status\":200}", "{\"status\":200}"),
            ("{\"status\":200}", "{\"status\":200}"),
            ("<1234>x", "<1234>x"),
            ("<>x", "<>x"),
            ("", ""),
        ];
        for (whole, want) in cases {
            assert_eq!(std::str::from_utf8(message(whole.as_bytes())).unwrap(), want, "{whole}");
        }
    }

    proptest::proptest! {
        #[test]
        fn property_test_any_bytes_give_an_end_of_themselves(
            head in "(<[0-9]{0,4}>)?(1 )?(Nov 22 01:11:36 )?[ -\\]\"\\[]{0,12}", tail in proptest::collection::vec(0u8..=255, 0..40)
        ) {
            let whole = [head.as_bytes(), &tail].concat();
            proptest::prop_assert!(whole.ends_with(message(&whole)));
        }
    }
}
