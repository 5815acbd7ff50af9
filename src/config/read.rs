//! From YAML to typed values, with errors for people: place, key, what is wrong, what to write instead.

use std::cell::{Cell, RefCell};

use serde::de::DeserializeOwned;
use serde_saphyr::Error;

use super::place::{Place, locate, name, steps};
use super::syntax::unreadable;
use super::tracked::{NO_VALUE, Step, Track, Tracked};
use super::variable::Variables;

/// Something is wrong at a place of a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Mistake {
    pub(super) place: Option<Place>,
    pub(super) problem: String,
}

/// Longest word of the file that a message repeats. Longer ones are no names, and may be secrets in the wrong place.
const ECHO_MAX: usize = 40;

/// Reads `text`; `variable` gives environment variables. No value of theirs and no line of the text is in the error. What was read
/// comes with the variables that it took, so that what is said of it later has none of their values either.
pub(super) fn read<'v, T: DeserializeOwned>(
    text: &str,
    variable: &'v dyn Fn(&str) -> Option<String>,
) -> Result<(T, Variables<'v>), Mistake> {
    let track = Track {
        path: RefCell::default(),
        variables: Variables::new(variable),
        secret: Cell::default(),
    };
    let options = serde_saphyr::options! { with_snippet: false };
    let read = serde_saphyr::with_deserializer_from_str_with_options(text, options, |inner| {
        T::deserialize(Tracked { inner, track: &track })
    });
    let Track { path, variables, .. } = track;
    match read {
        Ok(value) => Ok((value, variables)),
        Err(error) => {
            let mistake = explain(text, &error, &path.borrow());
            Err(Mistake { problem: variables.redact(&mistake.problem), ..mistake })
        }
    }
}

/// A mistake that a check of the meant form found, at the key that `problem` names first in backquotes.
pub(super) fn at_key(text: &str, problem: &str, variables: &Variables<'_>) -> Mistake {
    let key = problem.split('`').nth(1).unwrap_or_default();
    Mistake { place: locate(text, &steps(key)), problem: variables.redact(problem) }
}

fn explain(text: &str, error: &Error, path: &[Step]) -> Mistake {
    let key = name(path);
    let at = |problem: String| {
        if key.is_empty() { problem } else { format!("`{key}`: {problem}") }
    };
    let own = error.location().map(Place::from).filter(|place| place.line > 0);
    if let Some(problem) = unreadable(error.without_snippet()) {
        return Mistake { place: own, problem };
    }
    let (place, problem) = match error.without_snippet() {
        Error::SerdeUnknownField { field, expected, .. } => {
            let full = [path, &[Step::Key(field.clone())]].concat();
            let word = if field.len() <= ECHO_MAX { name(&full) } else { "…".to_owned() };
            (locate(text, &full), format!("unknown key `{word}`; {}", choices(field, expected)))
        }
        Error::SerdeUnknownVariant { variant, .. } if variant.is_empty() => {
            (locate(text, path), at(EMPTY_TEXT.to_owned()))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            let word = if is_word(variant) {
                format!("unknown value `{variant}`")
            } else {
                "unknown value".to_owned()
            };
            (locate(text, path), at(format!("{word}; {}", choices(variant, expected))))
        }
        Error::SerdeMissingField { field, .. } => {
            (locate(text, path), at(format!("the key `{field}` is missing; add it")))
        }
        Error::SerdeInvalidValue { expected, .. } if expected.starts_with("a nonzero") => {
            (locate(text, path), at("is 0; write 1 or more, or take the key out".to_owned()))
        }
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            (locate(text, path), at(format!("is {}; write {expected}", kind(unexpected))))
        }
        other => {
            let message = other.render();
            (locate(text, path).filter(|_| !path.is_empty()), at(plain(&message).to_owned()))
        }
    };
    Mistake { place: place.or(own), problem }
}

/// Said where one of several words is wanted and nothing is written that could be any.
const EMPTY_TEXT: &str = "has no text; put `>` or `|` in quotes if one is meant: without, they begin a text of several lines";

/// What the parser says, in the words of someone who writes a file and not a program.
const PLAIN: [(&str, &str); 11] = [
    (
        "expected mapping start",
        "needs keys of its own; write `key: value` pairs below it, a space after each colon, or `{}` for none",
    ),
    ("expected sequence start", "needs a list; write `[a, b]` or `- a` lines below it"),
    ("expected string scalar", "needs a text; write one value, in quotes when in doubt"),
    ("cannot deserialize null", NO_VALUE),
    (
        "end of mapping after enum variant",
        "has two keys; make two items of it, each with its own `-`",
    ),
    ("invalid floating point", "is not a number; write e.g. 0.5"),
    ("duplicate mapping key", "the key is there twice; keep one"),
    ("multiple YAML documents", "a second YAML document begins here; keep one"),
    (
        "invalid socket address",
        "is not an address and port; write e.g. 127.0.0.1:9470 or [::1]:9470",
    ),
    ("invalid bool", "is neither true nor false; write one of them, without quotes"),
    ("invalid u", "is not a whole number of 0 or more; write e.g. 1000"),
];

fn plain(message: &str) -> &str {
    let known = PLAIN.iter().find(|(theirs, _)| message.contains(theirs));
    // The parser's own words end with the place, which is named before.
    known.map_or_else(|| message.split(" at line ").next().unwrap_or(message), |(_, ours)| *ours)
}

/// What a value is, without the value: it may be a secret at the wrong place.
fn kind(unexpected: &str) -> &str {
    let end = unexpected.find(['"', '`']).unwrap_or(unexpected.len());
    unexpected[..end].trim()
}

fn is_word(text: &str) -> bool {
    text.len() <= ECHO_MAX && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}

/// What could have been meant, or all that is possible.
pub(super) fn choices(word: &str, possible: &[&str]) -> String {
    let near = possible.iter().map(|name| (distance(word, name), *name)).min();
    // A third of the letters may be wrong: `retnetion` is `retention`, `foo` is nothing.
    if let Some((_, name)) = near.filter(|(steps, name)| *steps <= name.len().max(3) / 3) {
        return format!("did you mean `{name}`?");
    }
    let names: Vec<_> = possible.iter().map(|name| format!("`{name}`")).collect();
    match &*names {
        [] => "nothing is possible here; remove it".to_owned(),
        names => format!("possible are {}", names.join(", ")),
    }
}

/// Edits that turn one word into the other: insert, remove, replace, swap neighbours.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) =
        (one.to_lowercase().chars().take(64).collect(), other.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for i in 1..=one.len() {
        let mut row = vec![i; other.len() + 1];
        for j in 1..=other.len() {
            let replaced = above[j - 1] + usize::from(one[i - 1] != other[j - 1]);
            row[j] = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_is_guessed_and_nonsense_gets_the_list() {
        let possible = ["retention", "timeout", "listen"];
        let cases = [
            ("retnetion", "did you mean `retention`?"),
            ("Timeout", "did you mean `timeout`?"),
            ("listne", "did you mean `listen`?"),
            ("zzz", "possible are `retention`, `timeout`, `listen`"),
        ];
        for (word, want) in cases {
            assert_eq!(choices(word, &possible), want, "{word}");
        }
    }

    #[test]
    fn values_of_the_wrong_type_are_not_repeated() {
        assert_eq!(kind("string \"whsec_1\""), "string");
        assert_eq!(kind("integer `7`"), "integer");
        assert_eq!(kind("sequence"), "sequence");
    }
}
