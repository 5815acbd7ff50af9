//! What people write into a decision: a line of words, a moment, a length of time, labels.

use std::collections::BTreeMap;

use crate::event::Timestamp;
use crate::setting::Period;

/// Longest text that people write, in characters: what a pager or a chat shows.
const TEXT_MAX: usize = 200;

/// Text that people wrote: one line, not empty.
pub(super) fn text(name: &str, given: &str) -> Result<Box<str>, String> {
    let words = given.split_whitespace().collect::<Vec<_>>().join(" ");
    let printable = !words.contains(char::is_control);
    if words.is_empty() || words.chars().count() > TEXT_MAX || !printable {
        return Err(format!("`{name}` is a line of 1 to {TEXT_MAX} characters"));
    }
    Ok(words.into())
}

/// When something ends that begins at `from`: at `until`, or after `duration`; `None` when neither is said.
pub(super) fn end(
    from: Timestamp,
    until: Option<&str>,
    duration: Option<&str>,
) -> Result<Option<Timestamp>, String> {
    let given = |value: Option<&str>| value.is_some_and(|value| !value.trim().is_empty());
    match (until.filter(|_| given(until)), duration.filter(|_| given(duration))) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err("`until` and `duration` are both set; keep one".into()),
        (Some(until), None) => moment("until", until).map(Some),
        (None, Some(duration)) => {
            let period: Period = duration
                .trim()
                .parse()
                .map_err(|_| "`duration` is a length of time, e.g. 90m".to_owned())?;
            Ok(Some(from.plus_millis(period.millis())))
        }
    }
}

/// Said of an end that is over before it begins.
pub(super) const OVER: &str =
    "the end is in the past; write a later `until`, or a `duration` of more than 0s";

pub(super) fn moment(name: &str, given: &str) -> Result<Timestamp, String> {
    Timestamp::zoned(given).map_err(|problem| format!("`{name}` {problem}"))
}

/// `label=value`, separated by commas.
pub(super) fn pairs(given: &str) -> Result<BTreeMap<String, String>, String> {
    let parts = given.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (label, value) = part.split_once('=').ok_or_else(|| {
                format!("`{part}` is not label=value, e.g. alertname=SsoFleetFailing")
            })?;
            Ok((label.trim().to_owned(), value.trim().to_owned()))
        })
        .collect()
}
