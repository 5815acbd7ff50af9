//! Access logs as lines of text, described as nginx describes them: `$remote_addr [$time_local] "$request" $status`.
//!
//! A variable goes up to the text that follows it. Whatever is not needed is not looked at, so that a log may have more
//! fields at its end than the pattern knows.

use std::borrow::Cow;

use super::line::{Field, Found, Unit};
use crate::event::Reason;
use crate::event::decode::Rejection;

/// Longest pattern; nginx's `main` has 130 bytes.
const PATTERN_BYTES_MAX: usize = 4096;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// Text before the first variable.
    head: Box<str>,
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
struct Part {
    /// `None`: of no interest.
    field: Option<Field>,
    /// Address and port, of which only the address counts.
    has_port: bool,
    /// What follows; empty: the rest of the line.
    until: Box<str>,
}

/// Variables of nginx, and our own for what nginx does not have.
const VARIABLES: [(&str, Field); 20] = [
    ("remote_addr", Field::Client),
    ("realip_remote_addr", Field::Client),
    ("client", Field::Client),
    ("client_port", Field::Client),
    ("remote_user", Field::Account),
    ("account", Field::Account),
    ("time_local", Field::Time),
    ("time_iso8601", Field::Time),
    ("msec", Field::Time),
    ("time", Field::Time),
    ("request", Field::Request),
    ("request_method", Field::Method),
    ("request_uri", Field::Uri),
    ("host", Field::Host),
    ("http_host", Field::Host),
    ("status", Field::Status),
    ("request_time", Field::Duration(Unit::Seconds)),
    ("duration_s", Field::Duration(Unit::Seconds)),
    ("duration_ms", Field::Duration(Unit::Millis)),
    ("duration_us", Field::Duration(Unit::Micros)),
];

impl Pattern {
    /// Compiles `text`; `headers` are the watched ones, in lower case, which nginx writes as `$http_x_api_key`.
    pub(super) fn compile(text: &str, headers: &[Box<str>]) -> Result<Self, String> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(format!("the pattern has more than {PATTERN_BYTES_MAX} bytes"));
        }
        let (head, mut rest) = text.split_at(text.find('$').unwrap_or(text.len()));
        let mut parts = Vec::new();
        while let Some(after) = rest.strip_prefix('$') {
            let (name, after) = variable(after)?;
            let end = after.find('$').unwrap_or(after.len());
            if end == 0 && !after.is_empty() {
                return Err(format!("nothing stands between `${name}` and the next variable"));
            }
            let until = after[..end].into();
            parts.push(Part {
                field: field(name, headers),
                has_port: name == "client_port",
                until,
            });
            rest = &after[end..];
        }
        for (field, name) in [(Field::Time, "$time_local"), (Field::Status, "$status")] {
            if !parts.iter().any(|part| part.field == Some(field)) {
                return Err(format!("the pattern has no `{name}`"));
            }
        }
        let needed = parts.iter().rposition(|part| part.field.is_some()).map_or(0, |last| last + 1);
        parts.truncate(needed);
        Ok(Self { head: head.into(), parts })
    }

    /// What `line` says.
    pub(super) fn read<'a>(&self, line: &'a str) -> Result<Found<'a>, Rejection> {
        if let Some(found) = self.fit(line) {
            return Ok(found);
        }
        // Syslog daemons put `Nov 22 01:11:42 host haproxy[123]: ` before the line when they write it to a file.
        let behind = line.split_once("]: ").and_then(|(_, rest)| self.fit(rest));
        behind.ok_or_else(|| {
            Rejection::new(Reason::NotALine, "the line does not fit the pattern of its format")
        })
    }

    fn fit<'a>(&self, line: &'a str) -> Option<Found<'a>> {
        // To compare nothing is not free: the C library reads through the pointer of an empty text, masks all of what it
        // reads, and the processor takes 40 ns to find that this was no fault.
        let mut rest = if self.head.is_empty() { line } else { line.strip_prefix(&*self.head)? };
        let mut found = Found::default();
        let mut quoted = self.head.ends_with('"');
        let last = self.parts.len() - 1;
        for (index, Part { field, has_port, until }) in self.parts.iter().enumerate() {
            let (value, after) = match end(rest, until, quoted) {
                Some(end) => (&rest[..end], &rest[end + until.len()..]),
                // A server cuts a line that is too long: its last field counts as far as it goes.
                None if index == last => (rest, ""),
                None => return None,
            };
            if let Some(field) = field {
                let value = if *has_port { without_port(value) } else { value };
                // Only lists have spaces, behind commas: this is something else before an address.
                if *field == Field::Client && has_space(value) && !value.contains(", ") {
                    return None;
                }
                found.set(*field, Cow::Borrowed(value));
            }
            quoted = until.ends_with('"');
            rest = after;
        }
        Some(found)
    }
}

/// The variable's name in `$name` or `${name}`, and what follows it.
fn variable(text: &str) -> Result<(&str, &str), String> {
    let (name, after) = if let Some(inside) = text.strip_prefix('{') {
        inside.split_once('}').ok_or("a `${` is not closed")?
    } else {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        text.split_at(end.unwrap_or(text.len()))
    };
    if name.is_empty() {
        return Err("a `$` has no name behind it".into());
    }
    Ok((name, after))
}

fn field(name: &str, headers: &[Box<str>]) -> Option<Field> {
    let known = VARIABLES.iter().find(|(known, _)| *known == name).map(|(_, field)| *field);
    known.or_else(|| {
        let header = name.strip_prefix("http_")?.replace('_', "-");
        headers.iter().position(|watched| **watched == *header).map(Field::Header)
    })
}

/// Where `until` begins in `text`; behind a quote a `\"` belongs to the value, as Apache writes it.
///
/// By its first byte, which in a log is rare enough: a search that prepares itself for the whole text takes longer to prepare than
/// to find.
fn end(text: &str, until: &str, quoted: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let Some((first, others)) = until.as_bytes().split_first() else { return Some(bytes.len()) };
    let ends = |at: &usize| {
        let (before, behind) = (&bytes[..*at], &bytes[at + 1..]);
        // Two bytes, or three: a call to compare them takes longer.
        let fits = behind.len() >= others.len() && others.iter().zip(behind).all(|(a, b)| a == b);
        fits && !(quoted && *first == b'"' && is_escaped(before))
    };
    memchr::memchr_iter(*first, bytes).find(ends)
}

fn has_space(text: &str) -> bool {
    memchr::memchr(b' ', text.as_bytes()).is_some()
}

/// Whether what follows `text` is escaped: it ends in an odd number of backslashes.
fn is_escaped(text: &[u8]) -> bool {
    text.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// `[2001:db8::1]:443` and `192.0.2.1:443` without the port.
fn without_port(value: &str) -> &str {
    value.rsplit_once(':').map_or(value, |(address, _)| address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::edge::line::{Clock, EdgeLine};

    fn read<'a>(pattern: &str, line: &'a str) -> Result<EdgeLine<'a>, Reason> {
        let pattern = Pattern::compile(pattern, &["x-api-key".into()]).unwrap();
        pattern.read(line).and_then(|found| found.line(Clock::End)).map_err(|error| error.reason)
    }

    #[test]
    fn a_log_format_of_nginx_is_read_as_it_is_written_there() {
        let main = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_api_key" ${request_time}s"#;
        let line = r#"192.0.2.7 - ann [22/Nov/2026:01:11:36 +0000] "GET /x?a=\"b\" HTTP/1.1" 200 3 "-" "curl \"1\"" "secret" 0.250s more"#;
        let line = read(main, line).unwrap();
        assert_eq!(
            (line.client.as_deref(), line.account.as_deref()),
            (Some("192.0.2.7"), Some("ann"))
        );
        assert_eq!(line.uri.as_deref(), Some(r#"/x?a=\"b\""#));
        assert_eq!(line.headers[0].as_deref(), Some("secret"));
        assert_eq!((line.status, line.duration_micros), (200, Some(250_000)));
    }

    #[test]
    fn only_what_is_needed_must_be_there() {
        let pattern = r#"$remote_addr [$time_local] $status "$request" $bytes"#;
        let whole = read(pattern, r#"::1 [22/Nov/2026:01:11:36 +0000] 414 "GET /aaaa"#).unwrap();
        assert_eq!((whole.status, whole.uri.as_deref()), (414, Some("/aaaa")));
        for cut in ["::1 [22/Nov/2026:01:11:36 +0000] 414", "::1 [22/Nov", "", "x"] {
            assert_eq!(read(pattern, cut).unwrap_err(), Reason::NotALine, "{cut}");
        }
    }

    #[test]
    fn addresses_lose_their_ports_and_syslog_its_header() {
        let pattern = "$client_port [$time] $status";
        for (line, want) in [
            ("[2001:db8::1]:443 [1795309896] 200", "[2001:db8::1]"),
            ("2001:db8::1:443 [1795309896] 200", "2001:db8::1"),
            ("Nov 22 01:11:42 h haproxy[12]: 192.0.2.1:9 [1795309896] 200", "192.0.2.1"),
        ] {
            let line = read(pattern, line);
            assert_eq!(line.unwrap().client.as_deref(), Some(want));
        }
    }

    /// The same as [`end`], search by search.
    fn end_by_searches(text: &str, until: &str, quoted: bool) -> Option<usize> {
        let mut from = 0;
        loop {
            let at = from + text[from..].find(until)?;
            let escapes = text[..at].bytes().rev().take_while(|byte| *byte == b'\\').count();
            if !(quoted && until.starts_with('"')) || escapes % 2 == 0 {
                return Some(at);
            }
            from = at + 1;
        }
    }

    proptest::proptest! {
        #[test]
        fn property_test_the_end_of_a_value_is_the_first_that_is_not_escaped(
            text in "([ab\\]\" -]|é){0,24}", until in "[a\"\\] -]{1,3}", quoted: bool,
        ) {
            proptest::prop_assert_eq!(end(&text, &until, quoted), end_by_searches(&text, &until, quoted));
        }
    }

    #[test]
    fn a_pattern_that_cannot_work_is_refused_in_words() {
        let cases = [
            ("", "no `$time_local`"),
            ("$time_local", "no `$status`"),
            ("$status$time_local", "nothing stands between `$status`"),
            ("${status", "not closed"),
            ("$ $status", "no name"),
        ];
        for (pattern, want) in cases {
            let error = Pattern::compile(pattern, &[]).unwrap_err();
            assert!(error.contains(want), "{pattern}: {error}");
        }
    }
}
