//! The whole state of the daemon as one fold of the journal: the engine, how far sources and sinks have come, and what
//! receivers were told.

pub mod checkpoint;
mod room;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::engine::{AHEAD, Config, Engine, LoadError};
use crate::event::{ConnectionInfo, Entry, EventId, PLACES, Record, Timestamp};
use crate::signal::{Snapshot, Transition};

/// What a receiver was told about an incident that ended is remembered for this long: longer than any repeat.
const TOLD_AGE_MILLIS: i64 = 24 * 3600 * 1000;

/// Cursors at most: one for each file of events and of access logs that is read or was lately, one for the Events API, one
/// for NATS and one for each PagerDuty.
const CURSORS_MAX: usize = 20_000;

/// What one receiver was told: by fingerprint, whether it is open, and when.
pub type ToldLog = BTreeMap<Box<str>, (bool, Timestamp)>;

/// The state.
#[derive(Debug)]
pub struct State {
    engine: Engine,
    marks: Marks,
}

/// What is not the engine's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Marks {
    /// Position of the next entry to fold.
    position: u64,
    cursors: BTreeMap<Box<str>, Box<str>>,
    sent: BTreeMap<Box<str>, u64>,
    told: BTreeMap<Box<str>, ToldLog>,
}

impl Marks {
    /// The place with this cursor is another one from now on. If a receiver is told there, that one knows of nothing.
    fn leave(&mut self, key: &str, at: Timestamp) {
        let log = key.strip_prefix(PLACES).and_then(|receiver| self.told.get_mut(receiver));
        for one in log.into_iter().flat_map(BTreeMap::values_mut).filter(|(open, _)| *open) {
            *one = (false, at);
        }
    }
}

impl State {
    /// A state before the first entry.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { engine: Engine::new(config), marks: Marks::default() }
    }

    /// Folds the entry at `position`. An entry that has been folded changes nothing.
    pub fn apply(&mut self, position: u64, entry: &Entry) {
        if position < self.marks.position {
            return;
        }
        self.marks.position = position + 1;
        match &entry.record {
            Record::Cursor { key, value } if value.is_empty() => {
                self.marks.cursors.remove(key);
            }
            Record::Cursor { key, value } => {
                if self.marks.cursors.len() < CURSORS_MAX || self.marks.cursors.contains_key(key) {
                    let before = self.marks.cursors.insert(key.clone(), value.clone());
                    if before.is_some_and(|before| before != *value) {
                        self.marks.leave(key, entry.received_at);
                    }
                }
            }
            Record::Sent { sink, mark } => {
                let sent = self.marks.sent.entry(sink.clone()).or_default();
                *sent = (*sent).max(*mark);
            }
            Record::Told(told) => {
                let log = self.marks.told.entry(told.receiver.clone()).or_default();
                let oldest = told.at.plus_millis(-TOLD_AGE_MILLIS);
                log.retain(|_, (open, at)| *open || *at >= oldest);
                log.insert(told.fingerprint.clone(), (told.open, told.at));
            }
            Record::Event { .. }
            | Record::Refused { .. }
            | Record::Directory(_)
            | Record::CaughtUp { .. }
            | Record::Planned(_)
            | Record::SinkHealth { .. }
            | Record::Edge(_)
            | Record::Resumed
            | Record::Silenced(_)
            | Record::Marked(_)
            | Record::SourceHealth { .. }
            | Record::Brought(_)
            | Record::Reached
            | Record::Novel(_) => {}
        }
        self.engine.apply(entry);
    }

    /// Folds `entries`, the first of which is at `position`.
    pub fn apply_all(&mut self, position: u64, entries: &[Entry]) {
        let mut position = position;
        for some in entries.chunks(AHEAD) {
            self.engine.look_ahead(some.iter());
            for entry in some {
                self.apply(position, entry);
                position += 1;
            }
        }
    }

    /// Nobody listened until now: silence before it says nothing.
    pub fn resume(&mut self, now: Timestamp) {
        self.engine.resume(now);
    }

    /// Moves time.
    pub fn advance(&mut self, now: Timestamp) {
        self.engine.advance(now);
    }

    /// The engine's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.engine.now()
    }

    /// Whether the event has been counted.
    #[must_use]
    pub fn knows(&self, id: &EventId) -> bool {
        self.engine.knows(id)
    }

    /// Whether it matters that the webhook brings the event with this fingerprint, too.
    #[must_use]
    pub fn awaits(&self, key: u64) -> bool {
        self.engine.awaits(key)
    }

    /// What is known now.
    pub fn snapshot(&mut self) -> Snapshot {
        self.engine.snapshot()
    }

    /// What began to fire or was resolved since the last call.
    pub fn transitions(&mut self) -> Vec<Transition> {
        self.engine.transitions()
    }

    /// What is known of connections.
    pub fn connections(&self) -> impl Iterator<Item = Arc<ConnectionInfo>> {
        self.engine.connections()
    }

    /// Position of the next entry to fold.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.marks.position
    }

    /// How far a source has come.
    #[must_use]
    pub fn cursor(&self, key: &str) -> Option<&str> {
        self.marks.cursors.get(key).map(|value| &**value)
    }

    /// All cursors whose key begins with `prefix`.
    pub fn cursors(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let all = self.marks.cursors.iter().map(|(key, value)| (&**key, &**value));
        all.filter(move |(key, _)| key.starts_with(prefix))
    }

    /// How far a sink has come.
    #[must_use]
    pub fn sent(&self, sink: &str) -> Option<u64> {
        self.marks.sent.get(sink).copied()
    }

    /// What each receiver was told.
    #[must_use]
    pub fn told(&self) -> &BTreeMap<Box<str>, ToldLog> {
        &self.marks.told
    }

    /// The state as bytes.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let marks =
            postcard::to_stdvec(&self.marks).expect("every part of the state can be encoded");
        let mut bytes = u64::try_from(marks.len()).expect("a length").to_le_bytes().to_vec();
        bytes.extend_from_slice(&marks);
        self.engine.save_behind(bytes)
    }

    /// A state that goes on from [`State::save`].
    pub fn load(config: Config, bytes: &[u8]) -> Result<Self, LoadError> {
        let (length, rest) = bytes.split_first_chunk::<8>().ok_or(LoadError::Empty)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (marks, engine) = rest.split_at_checked(length).ok_or(LoadError::Empty)?;
        // The engine's version comes first: it says whether any of this can be read.
        let engine = Engine::load(config, engine)?;
        Ok(Self { marks: postcard::from_bytes(marks)?, engine })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::decode::decode;
    use crate::event::{Privacy, Source, Told};

    fn entry(millis: i64, record: Record) -> Entry {
        Entry { received_at: Timestamp::from_millis(millis), record }
    }

    #[test]
    fn marks_are_folded_once_and_survive_a_save() {
        let mut state = State::new(Config::default());
        let cursor = |value: &str| Record::Cursor { key: "workos_api".into(), value: value.into() };
        state.apply(0, &entry(1_000, cursor("event_1")));
        state.apply(1, &entry(1_000, cursor("event_2")));
        // Folded before: a second reading of the journal changes nothing.
        state.apply(0, &entry(1_000, cursor("event_1")));
        for (position, value) in [(3, "1"), (4, "")] {
            let gone = Record::Cursor { key: "files:1".into(), value: value.into() };
            state.apply(position, &entry(1_000, gone));
        }
        state.apply(5, &entry(1_000, Record::Sent { sink: "datadog_metrics".into(), mark: 7 }));
        let told = |open, millis| {
            let at = Timestamp::from_millis(millis);
            Record::Told(Told { receiver: "slack".into(), fingerprint: "f".into(), open, at })
        };
        state.apply(6, &entry(1_000, told(true, 1_000)));
        let state = State::load(Config::default(), &state.save()).unwrap();
        assert_eq!(state.cursor("workos_api"), Some("event_2"));
        assert_eq!((state.sent("datadog_metrics"), state.position()), (Some(7), 7));
        assert_eq!(state.cursor("files:1"), None, "an empty value ends a cursor");
        assert_eq!(state.told()["slack"]["f"], (true, Timestamp::from_millis(1_000)));
    }

    #[test]
    fn at_another_place_a_receiver_was_told_nothing() {
        let told = |receiver: &str, fingerprint: &str, open, millis| {
            let (receiver, fingerprint) = (receiver.into(), fingerprint.into());
            let at = Timestamp::from_millis(millis);
            Record::Told(Told { receiver, fingerprint, open, at })
        };
        let place = |value: &str| Record::Cursor {
            key: format!("{PLACES}pager").into(),
            value: value.into(),
        };
        let records = [
            told("slack", "f", true, 1),
            told("pager", "over", false, 2),
            told("pager", "f", true, 3),
            // Nobody knows where it was told before: there, as far as anybody can say.
            place("here"),
            place("here"),
            told("pager", "g", true, 6),
            place("there"),
            told("pager", "g", true, 8),
        ];
        let mut state = State::new(Config::default());
        let mut open = Vec::new();
        for (position, record) in (0..).zip(records) {
            state.apply(position, &entry(10 + i64::try_from(position).unwrap(), record));
            let all = state.told().values().flatten().filter(|(_, (open, _))| *open);
            open.push(all.map(|(fingerprint, _)| &**fingerprint).collect::<Vec<_>>().join(" "));
        }
        assert_eq!(open, ["f", "f", "f f", "f f", "f f", "f g f", "f", "g f"]);
        let at = |millis| Timestamp::from_millis(millis);
        assert_eq!(state.told()["pager"]["f"], (false, at(16)), "when the place changed");
        assert_eq!(state.told()["pager"]["over"], (false, at(2)));
    }

    #[test]
    fn many_at_once_are_folded_as_one_by_one() {
        let event = |n: i64| {
            let text = format!(
                r#"{{"id":"event_{}","event":"authentication.sso_failed","created_at":"1970-01-01T00:00:0{}.000Z","data":{{"sso":{{"connection_id":"conn_{}","session_id":"s{n}"}}}}}}"#,
                n % 30,
                n / 10,
                n % 7
            );
            let event = decode(text.as_bytes(), &Privacy::passing()).unwrap();
            entry(n * 100, Record::Event { source: Source::Push, event })
        };
        let entries: Vec<Entry> = (0..40).map(event).collect();
        let mut one_by_one = State::new(Config::default());
        for (position, entry) in (3..).zip(&entries) {
            one_by_one.apply(position, entry);
        }
        let mut at_once = State::new(Config::default());
        at_once.apply_all(3, &entries);
        assert_eq!(at_once.save(), one_by_one.save());
        assert_eq!(at_once.position(), 43);
    }

    #[test]
    fn what_receivers_were_told_of_long_gone_incidents_is_forgotten() {
        let mut state = State::new(Config::default());
        for (place, (name, open)) in [("old", false), ("open", true)].into_iter().enumerate() {
            let told = Told {
                receiver: "r".into(),
                fingerprint: name.into(),
                open,
                at: Timestamp::from_millis(1),
            };
            state.apply(place as u64, &entry(1, Record::Told(told)));
        }
        let at = Timestamp::from_millis(2 + TOLD_AGE_MILLIS);
        let told = Told { receiver: "r".into(), fingerprint: "new".into(), open: true, at };
        state.apply(2, &entry(at.millis(), Record::Told(told)));
        let names: Vec<_> = state.told()["r"].keys().map(|name| &**name).collect();
        assert_eq!(names, ["new", "open"]);
    }
}
