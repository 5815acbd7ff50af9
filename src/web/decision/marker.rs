//! Markers of planned work.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::written::{OVER, end, moment, text};
use super::{Decision, fresh_id, known};
use crate::event::{ConnectionId, Covers, Marker, Planned, Record, Timestamp};
use crate::signal::{Snapshot, Vocabulary};

/// How far ahead work may be marked, how long afterwards, and how long it takes at most.
const AHEAD_MILLIS_MAX: i64 = 90 * 86_400_000;
const BEHIND_MILLIS_MAX: i64 = 7 * 86_400_000;
const LENGTH_MILLIS_MAX: i64 = 7 * 86_400_000;

/// Connections that one marker names at most; for more there is the whole fleet.
const CONNECTIONS_MAX: usize = 100;

/// What the API takes, and what a page sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    note: String,
    author: String,
    scope: Option<String>,
    from: Option<String>,
    until: Option<String>,
    duration: Option<String>,
    #[serde(default)]
    expects_trouble: bool,
}

impl Wanted {
    pub(super) fn marker(self, now: Timestamp) -> Result<Marker, String> {
        let from = self.from.as_deref().filter(|from| !from.trim().is_empty());
        let from = from.map_or(Ok(now), |from| moment("from", from))?;
        let until = end(from, self.until.as_deref(), self.duration.as_deref())?.unwrap_or(from);
        let distance = from.millis_since(now);
        if !(-BEHIND_MILLIS_MAX..=AHEAD_MILLIS_MAX).contains(&distance) {
            return Err("`from` is at most 7 days ago and 90 days ahead".into());
        }
        match until.millis_since(from) {
            ..0 if from == now => return Err(OVER.into()),
            ..0 => return Err("`until` is before `from`; work ends after it began".into()),
            0..=LENGTH_MILLIS_MAX => {}
            _ => return Err("work ends within 7 days; mark what takes longer once a week".into()),
        }
        if self.expects_trouble && until == from {
            return Err("trouble that is expected has an end; set `until` or `duration`".into());
        }
        let scope = self.scope.as_deref().map(str::trim).filter(|scope| !scope.is_empty());
        let work = Planned {
            id: fresh_id(),
            from,
            until,
            covers: covers(scope.unwrap_or("fleet"))?,
            note: text("note", &self.note)?,
        };
        let author = text("author", &self.author)?;
        Ok(Marker { work, author, expected: self.expects_trouble })
    }
}

/// `fleet`, `connection_type:TYPE`, `tier:NAME` or `connection:ID`, several ids with commas between.
fn covers(scope: &str) -> Result<Covers, String> {
    let wrong =
        || "`scope` is fleet, connection_type:TYPE, tier:NAME or connection:ID,ID".to_owned();
    match scope.split_once(':') {
        None if scope == "fleet" => Ok(Covers::All),
        Some(("connection_type", name)) if !name.is_empty() => {
            Ok(Covers::ConnectionType(name.into()))
        }
        Some(("tier", name)) if !name.is_empty() => Ok(Covers::Tier(name.into())),
        Some(("connection", ids)) => {
            let ids: Vec<_> = ids.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
            if !(1..=CONNECTIONS_MAX).contains(&ids.len()) {
                return Err(format!("`scope` names 1 to {CONNECTIONS_MAX} connections"));
            }
            Ok(Covers::Connections(ids.into_iter().map(ConnectionId::new).collect()))
        }
        _ => Err(wrong()),
    }
}

impl Decision for Marker {
    const ONE: &'static str = "marker";
    const MANY: &'static str = "markers";
    const PAGE: &'static str = "/silences#work-name";
    type Wanted = Wanted;
    type Written = Wanted;

    fn read(written: Wanted) -> Result<Wanted, String> {
        Ok(written)
    }

    fn new(wanted: Wanted, now: Timestamp) -> Result<Self, String> {
        wanted.marker(now)
    }

    fn all(snapshot: &Snapshot) -> &[Arc<Self>] {
        &snapshot.markers
    }

    fn id(&self) -> &str {
        &self.work.id
    }

    fn until(&self) -> Timestamp {
        self.work.until
    }

    fn ended(mut self, now: Timestamp) -> Self {
        // What has not begun ends where it would have begun.
        self.work.until = now.max(self.work.from);
        self
    }

    fn record(self) -> Record {
        Record::Marked(self)
    }

    fn shown(&self, _: Timestamp, snapshot: &Snapshot, _: &Vocabulary) -> Value {
        let work = &self.work;
        json!({
            "id": work.id, "note": work.note, "author": self.author, "scope": scope(&work.covers),
            "from": work.from.to_string(), "until": work.until.to_string(), "expects_trouble": self.expected,
            "warning": known::marker(self, snapshot),
        })
    }
}

/// What a marker covers, as it is written.
pub(in crate::web) fn scope(covers: &Covers) -> String {
    match covers {
        Covers::All => "fleet".into(),
        Covers::ConnectionType(name) => format!("connection_type:{name}"),
        Covers::Tier(name) => format!("tier:{name}"),
        Covers::Connections(ids) => {
            let ids: Vec<_> = ids.iter().map(ConnectionId::as_str).collect();
            format!("connection:{}", ids.join(","))
        }
    }
}
