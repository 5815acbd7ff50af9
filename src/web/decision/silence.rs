//! Silences.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::written::{OVER, end, pairs, text};
use super::{Decision, fresh_id, known};
use crate::event::{Record, Silence, Timestamp};
use crate::signal::{Snapshot, Vocabulary};

/// Labels that one silence names at most, and their lengths: an alert has eight of its own.
const MATCHERS_MAX: usize = 8;
const LABEL_BYTES_MAX: usize = 64;
const VALUE_BYTES_MAX: usize = 256;

/// How long one lasts at most. What is never to be told belongs in the configuration.
const LENGTH_MILLIS_MAX: i64 = 30 * 86_400_000;

/// What the API takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    matchers: BTreeMap<String, String>,
    author: String,
    reason: String,
    until: Option<String>,
    duration: Option<String>,
}

/// What a page sends.
#[derive(Deserialize)]
pub(super) struct Written {
    matchers: String,
    author: String,
    reason: String,
    duration: String,
}

impl Wanted {
    pub(super) fn silence(self, now: Timestamp) -> Result<Silence, String> {
        let until = end(now, self.until.as_deref(), self.duration.as_deref())?;
        let until = until.ok_or("`until` or `duration` says when it ends")?;
        match until.millis_since(now) {
            ..=0 => return Err(OVER.into()),
            1..=LENGTH_MILLIS_MAX => {}
            _ => {
                return Err("a silence ends within 30 days; write a shorter `duration`, or an earlier `until`".into());
            }
        }
        if self.matchers.is_empty() || self.matchers.len() > MATCHERS_MAX {
            return Err(format!("`matchers` are 1 to {MATCHERS_MAX} labels with their values"));
        }
        for (label, value) in &self.matchers {
            let fits = (1..=LABEL_BYTES_MAX).contains(&label.len())
                && (1..=VALUE_BYTES_MAX).contains(&value.len());
            if !fits || label.contains(char::is_control) || value.contains(char::is_control) {
                return Err("`matchers`: a label or a value is empty or too long".into());
            }
        }
        let matchers = self.matchers.into_iter();
        Ok(Silence {
            id: fresh_id(),
            matchers: matchers.map(|(label, value)| (label.into(), value.into())).collect(),
            author: text("author", &self.author)?,
            reason: text("reason", &self.reason)?,
            from: now,
            until,
        })
    }
}

impl Decision for Silence {
    const ONE: &'static str = "silence";
    const MANY: &'static str = "silences";
    const PAGE: &'static str = "/silences";
    type Wanted = Wanted;
    type Written = Written;

    fn read(written: Written) -> Result<Wanted, String> {
        let Written { matchers, author, reason, duration } = written;
        let matchers = pairs(&matchers)?;
        Ok(Wanted { matchers, author, reason, until: None, duration: Some(duration) })
    }

    fn new(wanted: Wanted, now: Timestamp) -> Result<Self, String> {
        wanted.silence(now)
    }

    fn all(snapshot: &Snapshot) -> &[Arc<Self>] {
        &snapshot.silences
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn until(&self) -> Timestamp {
        self.until
    }

    fn ended(self, now: Timestamp) -> Self {
        Self { until: now, ..self }
    }

    fn record(self) -> Record {
        Record::Silenced(self)
    }

    fn check(&self, vocabulary: &Vocabulary) -> Result<(), String> {
        known::check(self, vocabulary)
    }

    fn shown(&self, now: Timestamp, snapshot: &Snapshot, vocabulary: &Vocabulary) -> Value {
        let state = if self.lasts(now) { "active" } else { "ended" };
        json!({
            "id": self.id, "state": state, "matchers": self.matchers, "author": self.author,
            "reason": self.reason, "from": self.from.to_string(), "until": self.until.to_string(),
            "warning": known::silence(self, snapshot, vocabulary),
        })
    }
}
