//! Marks as records of the journal.

use serde::{Deserialize, Serialize};

use crate::event::{Record, Source};

use super::mark::Mark;

/// What the keys of a source's cursors begin with, e.g. `files:`.
#[must_use]
pub fn prefix(source: Source) -> String {
    format!("{}:", source.as_str())
}

/// The value of a cursor.
#[derive(Serialize, Deserialize)]
struct Saved<M> {
    /// Where the file was; for people who look for trouble.
    path: String,
    #[serde(flatten)]
    mark: M,
}

/// The record that the file with the cursor `key`, now at `path`, has been read up to `mark`.
pub(super) fn record(source: Source, key: u64, path: String, mark: &Mark) -> Record {
    let value = serde_json::to_string(&Saved { path, mark }).expect("a mark is plain data");
    Record::Cursor { key: name(source, key), value: value.into() }
}

/// The record that the cursor `key` is no longer needed.
pub(super) fn end(source: Source, key: u64) -> Record {
    Record::Cursor { key: name(source, key), value: "".into() }
}

fn name(source: Source, key: u64) -> Box<str> {
    format!("{}{key}", prefix(source)).into()
}

/// The key and mark of a stored cursor; `None` for one that another version wrote.
pub(super) fn read(source: Source, key: &str, value: &str) -> Option<(u64, Mark)> {
    let key = key.strip_prefix(&*prefix(source))?.parse().ok()?;
    let saved: Saved<Mark> = serde_json::from_str(value).ok()?;
    Some((key, saved.mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let mark = Mark::default().advance(b"{}\n{}\n", 2, true);
        let Record::Cursor { key, value } =
            record(Source::Files, 7, "/var/log/events.ndjson".into(), &mark)
        else {
            panic!("a cursor")
        };
        insta::assert_snapshot!(format!("{key} {value}"), @r#"files:7 {"path":"/var/log/events.ndjson","offset":6,"lines":2,"inside":true,"damaged":false,"sealed":null,"head":{"bytes":6,"hash":4251602915516967434},"tail":{"bytes":6,"hash":4251602915516967434}}"#);
        assert_eq!(read(Source::Files, &key, &value), Some((7, mark)));
        for (key, value) in [
            ("files:x", &*value),
            ("workos_api", &*value),
            ("files:7", "{}"),
            ("files:7", "event_1"),
            ("edge:7", &*value),
        ] {
            assert_eq!(read(Source::Files, key, value), None, "{key} {value}");
        }
    }
}
