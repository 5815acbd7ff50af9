//! From paths to routes: what stands for one thing among many is folded to `:id`, so that `/orders/17` and `/orders/18`
//! are one route and no label grows with the traffic.

/// Segments of a route at most; deeper paths end in `*`.
const SEGMENTS_MAX: usize = 6;

/// Longest segment that is a word.
const WORD_BYTES_MAX: usize = 32;

/// What an id is folded to.
const ID: &str = ":id";

/// Path patterns of a tier, a limit or a list of routes at most, each.
pub(super) const PATTERNS_MAX: usize = 256;

/// Stands before a segment of a shape that a pattern names: no folded segment has this byte.
const NAMED: char = '=';

/// Kinds of bytes in a segment.
const DIGIT: u8 = 1;
const HEX_LETTER: u8 = 2;
const LETTER: u8 = 4;
const DASH: u8 = 8;
const DOT_OR_LOW_LINE: u8 = 16;
const TILDE: u8 = 32;
const ODD: u8 = 64;

/// The kind of each byte.
const KINDS: [u8; 256] = {
    let mut kinds = [ODD; 256];
    let mut byte = 0;
    while byte < 128u8 {
        kinds[byte as usize] = match byte {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'f' | b'A'..=b'F' => HEX_LETTER,
            b'g'..=b'z' | b'G'..=b'Z' => LETTER,
            b'-' => DASH,
            b'.' | b'_' => DOT_OR_LOW_LINE,
            b'~' => TILDE,
            _ => ODD,
        };
        byte += 1;
    }
    kinds
};

/// The path of a URI: without scheme, host, query and fragment.
pub(super) fn path(uri: &str) -> &str {
    let from = if uri.starts_with('/') { None } else { uri.split_once("://") };
    let from =
        from.map_or(uri, |(_, behind)| behind.find('/').map_or("/", |slash| &behind[slash..]));
    &from[..memchr::memchr2(b'?', b'#', from.as_bytes()).unwrap_or(from.len())]
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
    for (place, segment) in segments(path).enumerate() {
        route.push('/');
        if place == SEGMENTS_MAX {
            route.push('*');
            return route;
        }
        fold_into(segment, &mut route);
    }
    if route.is_empty() {
        route.push('/');
    }
    route
}

/// Adds to `shape` what paths have in common that fit the same patterns and fold to the same route, where `named` says
/// whether any pattern has a segment.
pub(super) fn shape_into(path: &str, named: impl Fn(&str) -> bool, shape: &mut String) {
    for segment in segments(path) {
        shape.push('/');
        if named(segment) {
            shape.push(NAMED);
            shape.push_str(segment);
        } else {
            fold_into(segment, shape);
        }
    }
}

/// Adds the segment, with what is an id in it folded. `app.3f2a9b1c.js` keeps what stands around its hash.
fn fold_into(segment: &str, folded: &mut String) {
    if is_id(segment) {
        folded.push_str(ID);
    } else if memchr::memchr(b'.', segment.as_bytes()).is_none() {
        folded.push_str(segment);
    } else {
        for (place, part) in segment.split('.').enumerate() {
            if place > 0 {
                folded.push('.');
            }
            folded.push_str(if is_id(part) { ID } else { part });
        }
    }
}

/// Whether a segment is one of many: a number, a date, a UUID, a hash, a prefixed ULID, an address, or nothing that
/// anyone would name a route. Each line asks: the bytes are looked at once.
fn is_id(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    if bytes.len() > WORD_BYTES_MAX {
        return true;
    }
    let (mut seen, mut digits) = (0, 0);
    for byte in bytes {
        let kind = KINDS[usize::from(*byte)];
        seen |= kind;
        digits += kind & DIGIT;
    }
    let only = |kinds: u8| seen & !kinds == 0;
    if seen & ODD != 0 {
        return true;
    }
    if digits == 0 {
        return false;
    }
    if only(DIGIT | DASH | DOT_OR_LOW_LINE) {
        return true;
    }
    // Hex of at least 8 digits, with or without dashes: hashes and UUIDs.
    if bytes.len() >= 8 && only(DIGIT | HEX_LETTER | DASH) {
        return true;
    }
    if digits >= 5 {
        return true;
    }
    // `conn_01E4ZCR3C56J083X43JQXF3JK5`, or any token with many digits in it.
    let token = bytes.rsplit(|byte| *byte == b'_').next().unwrap_or_default();
    token.len() >= 16 && token.iter().filter(|byte| byte.is_ascii_digit()).count() >= 3
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
        if let Some(part) = segments(text).find(|part| part.contains('*') && *part != "*") {
            return Err(format!(
                "`{text}`: `*` stands for whole segments, and `{part}` is more than that; write `*`"
            ));
        }
        Ok(Self(text.into()))
    }

    /// Its text, which is the route's label.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its segments that stand for themselves.
    pub(super) fn named(&self) -> impl Iterator<Item = &str> {
        segments(&self.0).filter(|segment| !is_any(segment))
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
                Some(given) if is_any(segment) || segment == given => {}
                _ => return false,
            }
        }
        given.next().is_none()
    }
}

/// Whether a segment of a pattern stands for any one.
fn is_any(segment: &str) -> bool {
    segment == "*" || segment.starts_with(':')
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same as [`is_id`], rule by rule.
    fn is_id_by_rules(segment: &str) -> bool {
        let bytes = segment.as_bytes();
        let all = |is: fn(&u8) -> bool| bytes.iter().all(is);
        let digits = |bytes: &[u8]| bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
        let token = bytes.rsplit(|byte| *byte == b'_').next().unwrap();
        let plain = all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte));
        let number = all(|byte| byte.is_ascii_digit() || b"-_.".contains(byte));
        let hex = all(|byte| byte.is_ascii_hexdigit() || *byte == b'-') && bytes.len() >= 8;
        let many = digits(bytes) >= 5 || (token.len() >= 16 && digits(token) >= 3);
        bytes.len() > 32 || !plain || (digits(bytes) > 0 && (number || hex || many))
    }

    proptest! {
        #[test]
        fn property_test_ids_are_what_the_rules_say(segment in "[a-h0-3G-I_.~-]{0,34}|[0-9a-f.-]{0,12}|\\PC{0,6}") {
            prop_assert_eq!(is_id(&segment), is_id_by_rules(&segment));
        }

        /// Whatever has the same shape is treated as one: no path may differ from another of its shape.
        #[test]
        fn property_test_paths_of_one_shape_fit_the_same_patterns_and_have_one_route(
            patterns in prop::collection::vec("(/(a|17|12345|app.:id.js|=a|:x|[*])){0,3}/?", 0..4),
            paths in prop::collection::vec("(/{1,2}(a|b|17|18|12345|app.:id.js|app.12345678.js|=a|:x|[*]|:id)){0,4}/?", 2..40),
        ) {
            let patterns: Vec<_> = patterns.iter().filter_map(|text| PathPattern::new(text).ok()).collect();
            let named = |segment: &str| patterns.iter().any(|pattern| pattern.named().any(|named| named == segment));
            let mut known = std::collections::HashMap::new();
            for path in &paths {
                let mut shape = String::new();
                shape_into(path, named, &mut shape);
                let fits: Vec<bool> = patterns.iter().map(|pattern| pattern.fits(path)).collect();
                let found = (fold(path), fits);
                prop_assert_eq!(known.entry(shape).or_insert_with(|| found.clone()), &found, "{}", path);
            }
        }
    }

    #[test]
    fn a_pattern_that_could_never_fit_is_refused() {
        for (text, ok) in [
            ("/api/*", true),
            ("/*/x", true),
            ("/api/v*/x", false),
            ("api", false),
            ("/a?b", false),
        ] {
            assert_eq!(PathPattern::new(text).is_ok(), ok, "{text}");
        }
    }

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
