//! Tags as Datadog keeps them. It would change others by itself, and two series that it makes one overwrite each other: so
//! they are made valid before anything is added up.

use std::collections::BTreeSet;

/// Datadog cuts longer tags.
const CHARS_MAX: usize = 200;

/// A value of which nothing is left.
const NOTHING_LEFT: &str = "other";

/// Valid tags in order, each once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Tags(BTreeSet<Box<str>>);

impl Tags {
    /// The operator's tags; the error is the place of the one that is none.
    pub(super) fn parse(texts: &[String]) -> Result<Self, usize> {
        let tags: BTreeSet<Box<str>> = texts.iter().map(|text| valid(text).into()).collect();
        let is_tag = |text: &String| valid(text).starts_with(char::is_alphabetic);
        texts.iter().position(|text| !is_tag(text)).map_or(Ok(Self(tags)), Err)
    }

    /// These and `key:value`; without a value nothing is added.
    #[must_use]
    pub(super) fn with(mut self, key: &str, value: &str) -> Self {
        if !value.is_empty() {
            let left = valid(value);
            let left = if left.is_empty() { NOTHING_LEFT } else { &left };
            self.0.insert(valid(&format!("{key}:{left}")).into());
        }
        self
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// As logs want them.
    pub(super) fn joined(&self) -> String {
        self.iter().collect::<Vec<_>>().join(",")
    }
}

/// `text` in lower case, with `_` for what may not be in a tag (one for several), without `_` or `:` at its end, cut.
fn valid(text: &str) -> String {
    let mut tag = String::with_capacity(text.len());
    let lower = text.chars().flat_map(char::to_lowercase);
    for c in lower.map(|c| if c.is_alphanumeric() || "-:./".contains(c) { c } else { '_' }) {
        if c != '_' || !tag.ends_with('_') {
            tag.push(c);
        }
    }
    if let Some((end, _)) = tag.char_indices().nth(CHARS_MAX) {
        tag.truncate(end);
    }
    tag.truncate(tag.trim_end_matches(['_', ':']).len());
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_what_datadog_would_make_of_them() {
        let long = "x".repeat(300);
        let cut = format!("key:{}", "x".repeat(196));
        let cases = [
            ("conn_01EHW", Some("key:conn_01ehw")),
            ("a b  c", Some("key:a_b_c")),
            ("a__b_", Some("key:a_b")),
            ("Müller & Söhne", Some("key:müller_söhne")),
            ("a,b|c\"d\n", Some("key:a_b_c_d")),
            ("v1.2/x-y:z", Some("key:v1.2/x-y:z")),
            ("ends:", Some("key:ends")),
            ("***", Some("key:other")),
            ("", None),
            (&long, Some(&cut)),
        ];
        for (value, want) in cases {
            let tags = Tags::default().with("key", value);
            assert_eq!(tags.iter().next(), want, "{value}");
        }
    }

    #[test]
    fn the_operators_tags_begin_with_a_letter_and_stand_once() {
        let texts =
            |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let tags = texts(&["team:SSO", "env:prod", "team:sso"]);
        assert_eq!(Tags::parse(&tags).unwrap().joined(), "env:prod,team:sso");
        for bad in ["", "1:x", ":x", "_x"] {
            assert_eq!(Tags::parse(&texts(&["env:prod", bad])), Err(1), "{bad}");
        }
    }
}
