//! From paths to routes: what stands for one thing among many is folded to `:id`, so that `/orders/17` and `/orders/18`
//! are one route and no label grows with the traffic.

use std::borrow::Cow;

/// Segments of a route at most; deeper paths end in `*`.
const SEGMENTS_MAX: usize = 6;

/// Longest segment that is a word.
const WORD_BYTES_MAX: usize = 32;

/// What an id is folded to.
const ID: &str = ":id";

/// Path patterns of a tier, a limit or a list of routes at most, each.
pub(super) const PATTERNS_MAX: usize = 256;

/// The path of a URI: without scheme, host, query and fragment.
pub(super) fn path(uri: &str) -> &str {
    let from = match uri.find("://") {
        Some(scheme) if !uri.starts_with('/') => {
            let behind = &uri[scheme + 3..];
            behind.find('/').map_or("/", |slash| &behind[slash..])
        }
        _ => uri,
    };
    &from[..from.find(['?', '#']).unwrap_or(from.len())]
}

/// The host of an absolute URI.
pub(super) fn host(uri: &str) -> Option<&str> {
    if uri.starts_with('/') {
        return None;
    }
    let (_, behind) = uri.split_once("://")?;
    Some(&behind[..behind.find(['/', '?', '#']).unwrap_or(behind.len())])
}

/// The route of a path for which the operator has no pattern.
pub(super) fn fold(path: &str) -> String {
    let mut route = String::with_capacity(path.len().min(64));
    for (place, segment) in path.split('/').filter(|segment| !segment.is_empty()).enumerate() {
        route.push('/');
        if place == SEGMENTS_MAX {
            route.push('*');
            return route;
        }
        route.push_str(&folded(segment));
    }
    if route.is_empty() {
        route.push('/');
    }
    route
}

/// The segment, with what is an id in it folded. `app.3f2a9b1c.js` keeps what stands around its hash.
fn folded(segment: &str) -> Cow<'_, str> {
    if segment.bytes().all(|byte| byte.is_ascii_alphabetic()) && segment.len() <= WORD_BYTES_MAX {
        return Cow::Borrowed(segment);
    }
    if segment.len() > 2 * WORD_BYTES_MAX || is_id(segment) {
        return Cow::Borrowed(ID);
    }
    if !segment.contains('.') {
        return Cow::Borrowed(segment);
    }
    let parts: Vec<&str> =
        segment.split('.').map(|part| if is_id(part) { ID } else { part }).collect();
    Cow::Owned(parts.join("."))
}

/// Whether a segment is one of many: a number, a date, a UUID, a hash, a prefixed ULID, an address, or nothing that
/// anyone would name a route.
fn is_id(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let count = |is: fn(&u8) -> bool| bytes.iter().filter(|byte| is(byte)).count();
    let digits = count(u8::is_ascii_digit);
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    if bytes.len() > WORD_BYTES_MAX || !bytes.iter().all(plain) {
        return true;
    }
    if digits == 0 {
        return false;
    }
    if count(|byte| !byte.is_ascii_digit() && !b"-_.:".contains(byte)) == 0 {
        return true;
    }
    // Hex of at least 8 digits, with or without dashes: hashes and UUIDs.
    if bytes.len() >= 8 && bytes.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-') {
        return true;
    }
    // `conn_01E4ZCR3C56J083X43JQXF3JK5`, or any token with many digits in it.
    let token = bytes.rsplit(|byte| *byte == b'_').next().unwrap_or_default();
    token.len() >= 16 && token.iter().filter(|byte| byte.is_ascii_digit()).count() >= 3
        || digits >= 5
}

/// A pattern for paths: `:name` stands for one segment, `*` for one, or at the end for all that follow, or none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathPattern(Box<str>);

impl PathPattern {
    /// Reads a pattern. The error is a sentence.
    pub fn new(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') || text.contains(['?', '#', ' ']) {
            return Err(format!("`{text}` is no path pattern; write e.g. /api/*, /orders/:id"));
        }
        Ok(Self(text.into()))
    }

    /// Its text, which is the route's label.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it fits `path`. A slash at the end makes no difference.
    #[must_use]
    pub fn fits(&self, path: &str) -> bool {
        let mut wanted = segments(&self.0).peekable();
        let mut given = segments(path);
        while let Some(segment) = wanted.next() {
            if segment == "*" && wanted.peek().is_none() {
                return true;
            }
            match given.next() {
                Some(given) if segment == "*" || segment.starts_with(':') || segment == given => {}
                _ => return false,
            }
        }
        given.next().is_none()
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_every_kind_are_folded_and_words_stay() {
        let cases = [
            ("/", "/"),
            ("", "/"),
            ("/api/items", "/api/items"),
            ("/api//items/", "/api/items"),
            ("/api/v1/oauth2/token", "/api/v1/oauth2/token"),
            ("/orders/17", "/orders/:id"),
            ("/reports/2026-11-22", "/reports/:id"),
            ("/u/6f9619ff-8b86-d011-b42d-00cf4fc964ff", "/u/:id"),
            ("/commit/0f3a9b1c", "/commit/:id"),
            ("/facade/decade", "/facade/decade"),
            ("/connections/conn_01E4ZCR3C56J083X43JQXF3JK5/x", "/connections/:id/x"),
            ("/users/ann@example.com", "/users/:id"),
            ("/users/ann%40example.com", "/users/:id"),
            ("/static/app.3f2a9b1c.js", "/static/app.:id.js"),
            ("/saml2/metadata.xml", "/saml2/metadata.xml"),
            ("/s/ünï", "/s/:id"),
            ("/1/2/3/4/5/6/7/8", "/:id/:id/:id/:id/:id/:id/*"),
            ("/login-with-a-very-long-name-that-nobody-would-give", "/:id"),
        ];
        for (path, want) in cases {
            assert_eq!(fold(path), want, "{path}");
        }
        assert_eq!(fold(&format!("/{}", "a".repeat(9000))), "/:id");
    }

    #[test]
    fn a_uri_has_a_path_and_sometimes_a_host() {
        let cases = [
            ("/x/y?z=http://h/", "/x/y", None),
            ("https://h.example:443/x?y", "/x", Some("h.example:443")),
            ("http://h.example", "/", Some("h.example")),
            ("http://h.example?x", "/", Some("h.example")),
            ("/x#y", "/x", None),
            ("*", "*", None),
            ("h:443", "h:443", None),
        ];
        for (uri, want, at) in cases {
            assert_eq!((path(uri), host(uri)), (want, at), "{uri}");
        }
    }

    #[test]
    fn patterns_stand_for_segments() {
        let cases = [
            ("/api/*", "/api/x/y", true),
            ("/api/*", "/api", true),
            ("/api/*", "/apix", false),
            ("/orders/:id", "/orders/17", true),
            ("/orders/:id", "/orders/17/items", false),
            ("/orders/*/items", "/orders/17/items/", true),
            ("/", "/", true),
            ("/", "/x", false),
            ("/*", "/x/y", true),
        ];
        for (pattern, path, want) in cases {
            assert_eq!(PathPattern::new(pattern).unwrap().fits(path), want, "{pattern} {path}");
        }
        assert!(PathPattern::new("api").unwrap_err().contains("no path pattern"));
    }
}
