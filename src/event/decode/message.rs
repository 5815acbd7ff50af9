//! Free text made fit to keep: personal data treated, control characters gone, length bounded.
//!
//! `error.message` is written for people and may name one. A name cannot be told from other words, but what
//! identifies a person in WorkOS's own fields can: e-mail addresses, IP addresses and user ids, also where
//! they stand in a URL, in brackets or after `ip=`. Text is treated before it is cut, for half an address is
//! still personal.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::event::Privacy;
use crate::event::personal::cut;

/// Longest `error.code` that is kept; the rest is cut.
pub const CODE_BYTES_MAX: usize = 128;

/// Longest `error.message` that is kept; the rest is cut.
pub const MESSAGE_BYTES_MAX: usize = 512;

/// How much of a text is looked at. Treatment can make text shorter, so more is read than is kept; a message
/// of a megabyte must not cost a megabyte of work.
const READ_BYTES_MAX: usize = 4096;

/// What stands for a personal value that is dropped.
const REMOVED: &str = "[removed]";

/// Which words that start with `user_` are ids of users.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum UserIds {
    /// All: in a sentence nothing else starts like that.
    Any,
    /// Those with a digit next, as ids have: `user_denied` is a code.
    Numbered,
}

/// An `error.message`.
pub(super) fn treat(text: &str, privacy: &Privacy) -> String {
    printable(&without_personal(text, UserIds::Any, privacy), MESSAGE_BYTES_MAX)
}

/// An `error.code`: a free string too.
pub(super) fn treat_code(text: &str, privacy: &Privacy) -> String {
    printable(&without_personal(text, UserIds::Numbered, privacy), CODE_BYTES_MAX)
}

/// At most `bytes_max` bytes of `text` with spaces for control characters, so that it can stand in a label, a
/// log line, a terminal or a page.
pub(super) fn printable(text: &str, bytes_max: usize) -> String {
    cut(text, bytes_max).chars().map(|c| if is_control(c) { ' ' } else { c }).collect()
}

/// Whether it does something to a screen: a control character, or one that turns the order of what comes after it, so that
/// people read another text than is there.
pub(super) fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn without_personal(text: &str, user_ids: UserIds, privacy: &Privacy) -> String {
    let mut read = cut(text, READ_BYTES_MAX);
    if read.len() < text.len() {
        // The last word may be cut in two, and half an address would not be known as one.
        read = &read[..read.rfind(is_between).unwrap_or(0)];
    }
    let mut treated = String::with_capacity(read.len());
    let mut rest = read;
    while !rest.is_empty() {
        let start = rest.find(|c| !is_between(c)).unwrap_or(rest.len());
        treated.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(is_between).unwrap_or(rest.len());
        push_word(&mut treated, &rest[..end], user_ids, privacy);
        rest = &rest[end..];
    }
    treated
}

/// What separates words: white space, and punctuation that stands in no address. Not `'`, as in
/// o'brien@example.com.
fn is_between(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "()<>[]{}\"`,;=|/?&\\".contains(c)
}

/// Adds `word`. It may be several joined by `:`, as in `mailto:todd@example.com` or `192.0.2.1:443`.
fn push_word(treated: &mut String, word: &str, user_ids: UserIds, privacy: &Privacy) {
    let mut rest = word;
    while !push_personal(treated, rest, user_ids, privacy) {
        let Some((part, tail)) = rest.split_once(':') else {
            treated.push_str(rest);
            return;
        };
        if !push_personal(treated, part, user_ids, privacy) {
            treated.push_str(part);
        }
        treated.push(':');
        rest = tail;
    }
}

/// Adds `word` after its treatment, with the marks around it, if it is personal; else adds nothing.
fn push_personal(treated: &mut String, word: &str, user_ids: UserIds, privacy: &Privacy) -> bool {
    // `::1` begins with what is punctuation elsewhere.
    let core = if is_address(word) { word } else { word.trim_matches(is_mark) };
    if !is_personal(core, user_ids) {
        return false;
    }
    let (before, after) = word.split_once(core).unwrap_or_default();
    treated.push_str(before);
    match privacy.treat(&at_sign_decoded(core)) {
        Some(value) => treated.push_str(value.as_str()),
        None => treated.push_str(REMOVED),
    }
    treated.push_str(after);
    true
}

fn is_mark(c: char) -> bool {
    ".!'*:#".contains(c)
}

fn is_personal(word: &str, user_ids: UserIds) -> bool {
    if is_address(word) {
        return true;
    }
    // Of parts joined by a colon only one is personal.
    if word.contains(':') {
        return false;
    }
    word.contains('@') || word.contains("%40") || is_user_id(word, user_ids)
}

fn is_user_id(word: &str, user_ids: UserIds) -> bool {
    let Some(rest) = word.strip_prefix("user_") else { return false };
    match user_ids {
        UserIds::Any => true,
        UserIds::Numbered => rest.starts_with(|c: char| c.is_ascii_digit()),
    }
}

/// An IP address, also with a zone (`fe80::1%eth0`).
fn is_address(word: &str) -> bool {
    word.split('%').next().is_some_and(|word| word.parse::<IpAddr>().is_ok())
}

/// An address in a URL hashes to what it hashes to elsewhere.
fn at_sign_decoded(word: &str) -> Cow<'_, str> {
    if word.contains("%40") { word.replace("%40", "@").into() } else { word.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Treatment;

    fn with(treatment: Treatment, text: &str) -> String {
        treat(text, &Privacy::new(treatment, b"key"))
    }

    #[test]
    fn what_turns_the_order_of_a_text_is_not_printed() {
        assert_eq!(printable("Acme\u{202E}\u{2066}\n\u{200F}é", 64), "Acme   \u{200F}é");
    }

    #[test]
    fn what_identifies_a_person_is_found_wherever_it_stands() {
        let cases = [
            ("No profile for todd@example.com.", "No profile for [removed]."),
            ("(todd@example.com), 'o'brien@example.com'", "([removed]), '[removed]'"),
            ("user_01ABC was removed", "[removed] was removed"),
            ("sub:user_01ABC", "sub:[removed]"),
            ("email=todd@example.com\tip=192.0.2.1", "email=[removed] ip=[removed]"),
            ("from 192.0.2.1:443 and [2001:db8::1]:443", "from [removed]:443 and [[removed]]:443"),
            ("ip:2001:db8::1, ::1, fe80::1%eth0", "ip:[removed], [removed], [removed]"),
            ("mailto:todd@example.com", "mailto:[removed]"),
            ("todd@example.com:bad_login", "[removed]:bad_login"),
            ("https://idp/x?u=todd%40example.com&b=1", "https://idp/x?u=[removed]&b=1"),
            ("SAML 2.0: 12:30 status::Responder #3", "SAML 2.0: 12:30 status::Responder #3"),
            ("", ""),
        ];
        for (text, want) in cases {
            assert_eq!(with(Treatment::Drop, text), want, "{text}");
            assert_eq!(with(Treatment::Keep, text), printable(text, 512).replace("%40", "@"));
        }
    }

    #[test]
    fn a_personal_word_hashes_to_what_its_field_hashes_to() {
        let privacy = Privacy::new(Treatment::Hash, b"key");
        let hash = |value| privacy.treat(value).unwrap().as_str().to_owned();
        let text = treat("<Todd@Example.com> u=todd%40example.com 192.0.2.1:80", &privacy);
        let (email, ip) = (hash("todd@example.com"), hash("192.0.2.1"));
        assert_eq!(text, format!("<{email}> u={email} {ip}:80"));
    }

    #[test]
    fn text_is_treated_before_it_is_cut() {
        for padding in 480..520 {
            let text = with(Treatment::Drop, &format!("{} todd@example.com", "x".repeat(padding)));
            assert!(text.len() <= MESSAGE_BYTES_MAX && !text.contains("todd"), "{padding}: {text}");
        }
        for padding in 0..40 {
            let emails = format!("{}{}", "x".repeat(padding), " todd@example.com".repeat(400));
            assert!(!with(Treatment::Drop, &emails).contains("todd"), "{padding}");
        }
        assert_eq!(with(Treatment::Drop, &"x".repeat(1 << 20)), "");
        assert_eq!(with(Treatment::Drop, &"\u{e9}".repeat(400)), "\u{e9}".repeat(256));
        assert_eq!(with(Treatment::Hash, "a\nb\u{1b}[31m"), "a b [31m");
    }

    #[test]
    fn codes_keep_words_that_only_look_like_user_ids() {
        let privacy = Privacy::new(Treatment::Drop, b"key");
        let cases = [
            ("user_denied", "user_denied"),
            ("user_01E4ZCR3C5A4QZ2Z2JQXGKZJ9E", "[removed]"),
            ("no_user:todd@example.com", "no_user:[removed]"),
            ("server_error", "server_error"),
        ];
        for (code, want) in cases {
            assert_eq!(treat_code(code, &privacy), want);
        }
        assert_eq!(treat_code(&"c".repeat(200), &privacy).len(), CODE_BYTES_MAX);
    }
}
