//! Access logs: lines of every built-in format, and formats of the operator's own.

use std::sync::Arc;

use super::event::privacy;
use crate::event::edge::{
    Distinct, EdgeTally, Format, FormatConfig, Histogram, Internal, Key, Scheme, Tallier, Watch,
};
use crate::event::{Entry, Record, Timestamp};

/// When the lines of the corpus were received.
const NOW: Timestamp = Timestamp::from_millis(1_763_774_000_000);

/// The format, then lines: what was accepted is what the tallies add up to, however the lines are cut into two logs, and a
/// tally is read back as it was written.
pub(super) fn access_log(bytes: &[u8]) {
    let (which, log) = bytes.split_first().unwrap_or((&0, &[]));
    let names: Vec<_> = Format::names().collect();
    let name = names[usize::from(*which) % names.len()];
    let whole = tallied(name, log.split(|byte| *byte == b'\n'));
    let lines: Vec<_> = log.split(|byte| *byte == b'\n').collect();
    let (first, second) = lines.split_at(lines.len() / 2);
    let (first, second) =
        (tallied(name, first.iter().copied()), tallied(name, second.iter().copied()));
    let mut merged = first.1;
    for tally in second.1 {
        let same =
            |other: &&mut EdgeTally| (other.second, &other.tier) == (tally.second, &tally.tier);
        match merged.iter_mut().find(same) {
            Some(other) => other.merge(&tally),
            None => merged.push(tally),
        }
    }
    assert_eq!(first.0 + second.0, whole.0);
    assert_eq!(sums(&merged), sums(&whole.1), "{name}");
    for tally in whole.1 {
        let entry = Entry { received_at: NOW, record: Record::Edge(tally) };
        let bytes = postcard::to_stdvec(&entry).expect("every entry can be encoded");
        assert_eq!(postcard::from_bytes::<Entry>(&bytes).expect("it was written so"), entry);
    }
}

/// How many lines were taken, and what they add up to.
fn tallied<'a>(name: &str, lines: impl Iterator<Item = &'a [u8]>) -> (u64, Vec<EdgeTally>) {
    let watch = |name: &str, key| Watch {
        name: name.into(),
        key,
        tier: None,
        paths: Vec::new(),
        internal: None,
        shown: false,
    };
    let watches = vec![watch("client", Key::Client), watch("account", Key::Account)];
    let scheme = Scheme::new(&[], Vec::new(), Internal::default(), watches);
    let scheme = Arc::new(scheme.expect("nothing is wrong with it"));
    let tallier = Tallier::new(scheme, name, Some("web"), privacy());
    let mut tallier = tallier.expect("the format is built in");
    let taken = lines.filter(|line| tallier.add(line.trim_ascii(), NOW).is_ok()).count() as u64;
    let seconds = tallier.take();
    let counted: u64 = seconds.iter().map(EdgeTally::requests).sum();
    assert_eq!(counted, taken, "{name}: a line is counted once");
    for tally in &seconds {
        assert!(tally.durations.count() <= tally.requests());
    }
    (taken, seconds)
}

/// What a second adds up to. Routes may differ: which paths are remembered depends on what came before.
#[derive(PartialEq, Debug)]
struct Sum<'a> {
    second: i64,
    requests: u64,
    durations: &'a Histogram,
    uri_bytes: &'a Histogram,
    long_uris: u64,
    limited: &'a Distinct,
    blocked: &'a Distinct,
}

fn sums(tallies: &[EdgeTally]) -> Vec<Sum<'_>> {
    let mut sums: Vec<_> = tallies
        .iter()
        .map(|tally| Sum {
            second: tally.second,
            requests: tally.requests(),
            durations: &tally.durations,
            uri_bytes: &tally.uri_bytes,
            long_uris: tally.long_uris,
            limited: &tally.limited,
            blocked: &tally.blocked,
        })
        .collect();
    sums.sort_unstable_by_key(|sum| sum.second);
    sums
}

/// A pattern of the operator's own up to the first line feed, then lines. Whatever is accepted as a pattern reads any line
/// without a panic.
pub(super) fn log_format(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (pattern, lines) = text.split_once('\n').unwrap_or((&text, ""));
    let Ok(config) = serde_json::from_value::<FormatConfig>(format_of(pattern)) else { return };
    let Ok(format) = Format::own(&config, &[]) else { return };
    for line in lines.lines() {
        if let Ok(read) = format.read(line) {
            assert!(read.status == 0 || (100..1000).contains(&read.status));
        }
    }
}

/// A pattern, or where it begins with `{` the keys of a JSON format.
fn format_of(text: &str) -> serde_json::Value {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(keys) if keys.is_object() => serde_json::json!({"name": "own", "json": keys}),
        _ => serde_json::json!({"name": "own", "pattern": text}),
    }
}
