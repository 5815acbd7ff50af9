//! `SchemaDrift`: a ticket when events have types, fields or words that were never seen before.
//!
//! What WorkOS documents is known from the start, and what comes in the first day is how this installation is. What is new
//! after that is told once, all of a day in one incident: whoever reads these events elsewhere may not know it either.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Engine;
use super::alert::{Finding, Key};
use super::rule::Phase;
use super::watch::{day, labels};
use super::worst::Worst;
use crate::event::{Novel, Novelty, Timestamp};
use crate::signal::{Evidence, Reach, Scope, Severity};

pub(super) const ALERTNAME: &str = "SchemaDrift";

const DAY_MILLIS: i64 = 86_400_000;

/// So long, and for so many events, all is taken as it comes: a quiet fleet shows little of itself in a day.
const LEARN_MILLIS: i64 = DAY_MILLIS;
const LEARN_EVENTS: u64 = 200;

/// How long something is new. The ticket ends a day after the last new thing: by then it is how it is.
const NEW_MILLIS: i64 = DAY_MILLIS;

/// What is older than this when it becomes known is history, and only learned.
const LATE_MILLIS: i64 = DAY_MILLIS;

/// Things that are remembered at most, 150 bytes each; WorkOS changes a few in a year. What is beyond is counted, and not told.
const KNOWN_MAX: usize = 256;

/// Things that the ticket names.
const NAMED_MAX: usize = 5;

/// All that is known beyond what is documented.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Drift {
    /// `created_at` of the first event.
    began: Option<Timestamp>,
    /// Events, while it learns.
    heard: u64,
    known: BTreeMap<(Novel, Box<str>), Known>,
    /// How often anything came that is not documented, by kind.
    counts: BTreeMap<Novel, u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Known {
    /// `created_at` of the first.
    first_at: Timestamp,
    count: u64,
    /// A type of events that it came with.
    within: Arc<str>,
    /// When it was found to be new; `None` for what was learned.
    found_at: Option<Timestamp>,
}

impl Drift {
    /// An event came.
    pub(super) fn heard(&mut self, at: Timestamp) {
        if self.heard <= LEARN_EVENTS {
            self.heard += 1;
            self.began.get_or_insert(at);
        }
    }

    fn learns(&self, at: Timestamp) -> bool {
        let began = self.began.unwrap_or(at);
        self.heard < LEARN_EVENTS || at.millis_since(began) < LEARN_MILLIS
    }

    /// How often anything came that is not documented.
    pub(super) fn counts(&self) -> Vec<(Novel, u64)> {
        let count = |kind| self.counts.get(&kind).copied().unwrap_or(0);
        Novel::ALL.into_iter().map(|kind| (kind, count(kind))).collect()
    }

    /// Something came that is not documented; whether it is news.
    fn meet(&mut self, novelty: &Novelty, now: Timestamp) -> bool {
        *self.counts.entry(novelty.kind).or_default() += novelty.count;
        let key = (novelty.kind, novelty.what.clone());
        if let Some(known) = self.known.get_mut(&key) {
            known.count += novelty.count;
            return false;
        }
        if self.known.len() >= KNOWN_MAX {
            return false;
        }
        let late = now.millis_since(novelty.at) >= LATE_MILLIS;
        let news = !late && !self.learns(novelty.at);
        let within = Arc::clone(&novelty.within);
        let Novelty { at: first_at, count, .. } = *novelty;
        let known = Known { first_at, count, within, found_at: news.then_some(now) };
        self.known.insert(key, known);
        news
    }

    /// What is new, in the order in which it came.
    fn news(&self, now: Timestamp) -> Vec<(&(Novel, Box<str>), &Known)> {
        let oldest = now.plus_millis(-NEW_MILLIS);
        let new = |known: &Known| known.found_at.is_some_and(|at| at > oldest);
        let mut news: Vec<_> = self.known.iter().filter(|(_, known)| new(known)).collect();
        news.sort_by_key(|(key, known)| (known.first_at, *key));
        news
    }
}

impl Engine {
    /// Events had what is not documented.
    pub(super) fn novel(&mut self, novelties: &[Novelty]) {
        let now = self.memory.now;
        let drift = &mut self.memory.drift;
        let mut news = false;
        for novelty in novelties {
            news |= drift.meet(novelty, now);
        }
        if news {
            self.look_at_drift();
        }
    }

    /// Says what is new, until it no longer is.
    pub(super) fn look_at_drift(&mut self) {
        let now = self.memory.now;
        let key = Key { alertname: ALERTNAME.into(), scope: Scope::Fleet };
        let news = self.memory.drift.news(now);
        let Some((_, first)) = news.first() else {
            self.memory.alerts.end(&key, now);
            return;
        };
        let count = news.iter().map(|(_, known)| known.count).sum();
        let named = news.iter().take(NAMED_MAX);
        let finding = Finding {
            severity: Severity::Ticket,
            labels: labels(&key, Severity::Ticket, &BTreeMap::new(), None),
            started_at: self.memory.alerts.started_at(&key).unwrap_or(first.first_at),
            summary: summary(&news),
            description: "This version of ssowatch does not know it. Unknown types of events are counted, unknown fields are \
                passed over, unknown words are kept as they are: no sign-in is lost by it. What else reads these events may \
                break on it: a report, an export, an enumeration in code. Names that may be an id or somebody's are shown as ?."
                .into(),
            evidence: Evidence {
                attempts: count,
                bad: count,
                causes: named.map(|((_, what), known)| (what.clone(), known.count)).collect(),
                ..Evidence::default()
            },
            reach: Reach::default(),
            worst: Worst::Unknown,
        };
        let phase = Phase::Firing { clear_since: None };
        self.memory.alerts.move_to(key, phase, None, Some(finding), now);
    }
}

fn summary(news: &[(&(Novel, Box<str>), &Known)]) -> String {
    let mut text = String::from("Events have what was never seen before");
    for (index, ((kind, what), known)) in news.iter().take(NAMED_MAX).enumerate() {
        let gap = if index == 0 { ':' } else { ';' };
        let within = if *kind == Novel::Type { "" } else { &*format!(" of {}", known.within) };
        let times = if known.count == 1 { "once" } else { &*format!("{} times", known.count) };
        let since = day(known.first_at);
        write!(text, "{gap} the {} {what}{within}, {times} since {since}", kind.as_str())
            .expect("memory grows");
    }
    if news.len() > NAMED_MAX {
        write!(text, "; and {} more", news.len() - NAMED_MAX).expect("memory grows");
    }
    text
}

#[cfg(test)]
mod tests;
