//! `SourceStalled`: a source says that it cannot do its work, or the Events API has what the webhook should have brought.
//!
//! That nobody signs in and that nobody tells of it look alike from one source. From two they do not: what the Events API has
//! is what happened. So each event that it has first is waited for by webhook, and one that never comes is counted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Engine;
use super::alert::{Finding, Key};
use super::memory::Memory;
use super::page::second_of;
use super::rule::Phase;
use super::watch::labels;
use super::words::clock;
use super::worst::Worst;
use crate::event::{AuthEvent, Source, SourceTrouble, Timestamp, fingerprint};
use crate::signal::{Evidence, Reach, Scope, Severity};

/// The alert.
pub(super) const SOURCE_STALLED: &str = "SourceStalled";

/// Sources that go and fetch, and say when they cannot.
const PULLED: [Source; 2] = [Source::WorkosApi, Source::Nats];

/// How long an event that the Events API had may be under way by webhook. WorkOS repeats for three days what was not answered,
/// but what comes later than this warned nobody.
const OVERDUE_MILLIS: i64 = 600_000;

/// What was older than this when the Events API brought it is history: its webhooks came, or did not, before.
const RECENT_MILLIS: i64 = 300_000;

/// Events that are waited for at most, 48 bytes each: ten minutes at 100 events a second. Beyond that none is missed.
const AWAITED_MAX: usize = 60_000;

/// Names of events that the webhook is known to bring, at most; WorkOS has about 110.
const NAMES_MAX: usize = 256;

/// So many events in a row, over so long a time, that the Events API had and the webhook did not, are no chance: webhooks come
/// within seconds, or a single one late.
const UNHEARD_MIN: u64 = 10;
/// See [`UNHEARD_MIN`].
const UNHEARD_MILLIS: i64 = 300_000;

/// What is known of the ways in.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Delivery {
    /// Sources that say that they are in trouble.
    troubles: BTreeMap<Source, SourceTrouble>,
    /// Fingerprints of events that the webhook has not brought yet, with their names.
    awaited: BTreeMap<u64, Arc<str>>,
    /// In order of their coming, and when each is overdue.
    due: VecDeque<(Timestamp, u64)>,
    /// Names of events that the webhook brings. It may be told of a few only.
    heard: BTreeSet<Arc<str>>,
    /// Events since the webhook last brought anything.
    unheard: u64,
    /// When the Events API brought the first of them.
    unheard_since: Timestamp,
    /// Requests of the webhook that were refused meanwhile.
    refused: u64,
    /// When a source other than the Events API last brought anything.
    heard_at: Timestamp,
}

impl Delivery {
    /// An event came from `source` for the first time.
    fn came(&mut self, source: Source, event: &AuthEvent, now: Timestamp) {
        match source {
            Source::WorkosApi => self.wait_for(event, now),
            Source::WorkosWebhook => {
                self.hear(&event.name);
                self.webhook_works(now);
            }
            Source::Push | Source::Files | Source::Nats => self.heard_at = now,
            Source::Edge => {}
        }
    }

    /// The webhook brings events of this name.
    fn hear(&mut self, name: &Arc<str>) {
        if self.heard.len() < NAMES_MAX && !self.heard.contains(name) {
            self.heard.insert(Arc::clone(name));
        }
    }

    fn wait_for(&mut self, event: &AuthEvent, now: Timestamp) {
        // Until the webhook has brought something, it may be meant to bring anything.
        let expected = self.heard.is_empty() || self.heard.contains(&event.name);
        let recent = now.millis_since(event.at) <= RECENT_MILLIS;
        if !expected || !recent || self.awaited.len() >= AWAITED_MAX {
            return;
        }
        let key = fingerprint(event.id.as_str());
        self.awaited.insert(key, Arc::clone(&event.name));
        self.due.push_back((now.plus_millis(OVERDUE_MILLIS), key));
        if self.unheard == 0 {
            self.unheard_since = now;
        }
        self.unheard += 1;
    }

    fn webhook_works(&mut self, now: Timestamp) {
        self.unheard = 0;
        self.refused = 0;
        self.heard_at = now;
    }

    /// How many events were waited for in vain until `now`.
    fn overdue(&mut self, now: Timestamp) -> u64 {
        let mut count = 0;
        while let Some((_, key)) = self.due.pop_front_if(|(due, _)| *due <= now) {
            count += u64::from(self.awaited.remove(&key).is_some());
        }
        count
    }

    /// Whether the webhook is broken, by all that is known.
    fn is_webhook_silent(&self, now: Timestamp) -> bool {
        self.unheard >= UNHEARD_MIN && now.millis_since(self.unheard_since) >= UNHEARD_MILLIS
    }

    /// When the next event is overdue.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.due.front().map(|(due, _)| *due)
    }

    /// Nobody listened until now.
    pub(super) fn resume(&mut self) {
        self.awaited.clear();
        self.due.clear();
        self.unheard = 0;
        self.refused = 0;
    }
}

impl Engine {
    /// Whether it matters that the webhook brings this event, too.
    pub(crate) fn awaits(&self, key: u64) -> bool {
        self.memory.delivery.awaited.contains_key(&key)
    }

    /// Whether nothing can be heard: each source that is pulled is in trouble, and no other has brought anything since. Then
    /// silence is not that of the people.
    pub(super) fn is_deaf(&self) -> bool {
        let Delivery { troubles, heard_at, .. } = &self.memory.delivery;
        let pulled = PULLED.iter().filter(|source| self.config.sources.contains(source));
        let since = pulled.map(|source| troubles.get(source).map(|trouble| trouble.since));
        let since: Option<Vec<_>> = since.collect();
        since.and_then(|since| since.into_iter().max()).is_some_and(|since| *heard_at < since)
    }

    /// A source brought an event that is new. That an event comes, and not that time passes, shows that the webhook is broken:
    /// who is told of it must find the same after a restart.
    pub(super) fn came(&mut self, source: Source, event: &AuthEvent) {
        let waits = self.config.sources.contains(&Source::WorkosWebhook);
        if source == Source::WorkosApi && !waits {
            return;
        }
        let deaf = self.is_deaf();
        let (now, delivery) = (self.memory.now, &mut self.memory.delivery);
        delivery.came(source, event, now);
        match source {
            Source::WorkosApi if delivery.is_webhook_silent(now) => {
                let Delivery { unheard, unheard_since, refused, .. } = *delivery;
                let words = silent((unheard_since, now), unheard, refused);
                self.stall(Source::WorkosWebhook, unheard_since, words, unheard);
            }
            Source::WorkosWebhook => self.memory.alerts.end(&stalled(source), now),
            _ => {}
        }
        self.hear_again(deaf);
    }

    /// Something can be heard, where nothing could be while it was `deaf`: nobody heard what arrived meanwhile, or did not, nor
    /// what ended.
    fn hear_again(&mut self, deaf: bool) {
        if deaf && !self.is_deaf() {
            self.memory.hanging.clear();
            self.memory.detection.resume(second_of(self.memory.now));
        }
    }

    /// The webhook brought events that were known: those that were waited for are named.
    pub(super) fn webhook_brought(&mut self, keys: &[u64]) {
        let deaf = self.is_deaf();
        let Memory { delivery, alerts, now, .. } = &mut self.memory;
        delivery.webhook_works(*now);
        for key in keys {
            if let Some(name) = delivery.awaited.remove(key) {
                delivery.hear(&name);
            }
        }
        alerts.end(&stalled(Source::WorkosWebhook), *now);
        self.hear_again(deaf);
    }

    /// Requests of the webhook were refused.
    pub(super) fn webhook_refused(&mut self, count: u64) {
        self.memory.delivery.refused += count;
    }

    /// A source says how it is.
    pub(super) fn source_health(&mut self, source: Source, trouble: Option<&SourceTrouble>) {
        let deaf = self.is_deaf();
        let delivery = &mut self.memory.delivery;
        let Some(trouble) = trouble else {
            delivery.troubles.remove(&source);
            self.memory.alerts.end(&stalled(source), self.memory.now);
            return self.hear_again(deaf);
        };
        delivery.troubles.insert(source, trouble.clone());
        if trouble.page {
            self.stall(source, trouble.since, fails(source, trouble, self.memory.now), 0);
        }
    }

    /// Counts what the webhook did not bring.
    pub(super) fn look_at_sources(&mut self) {
        let now = self.memory.now;
        let missing = self.memory.delivery.overdue(now);
        if missing == 0 {
            return;
        }
        self.memory.sources.entry(Source::WorkosWebhook).or_default().missing += missing;
        if let Some(window) = self.memory.closing.now(now) {
            window.source(Source::WorkosWebhook).missing += missing;
        }
    }

    fn stall(&mut self, source: Source, since: Timestamp, words: Words, count: u64) {
        let key = stalled(source);
        let fires = !matches!(self.memory.alerts.phase(&key), Phase::Inactive);
        if fires || !self.config.sources.contains(&source) {
            return;
        }
        let finding = Finding {
            severity: Severity::Page,
            labels: labels(&key, Severity::Page, &BTreeMap::new(), None),
            started_at: since,
            summary: words.summary,
            description: words.description.into(),
            evidence: Evidence { attempts: count, bad: count, ..Evidence::default() },
            reach: Reach::default(),
            worst: Worst::Unknown,
        };
        let phase = Phase::Firing { clear_since: None };
        self.memory.alerts.move_to(key, phase, None, Some(finding), self.memory.now);
    }

    /// Whether what is not heard did not happen, as far as the sources can tell.
    pub(super) fn witness(&self) -> &'static str {
        let sources = &self.config.sources;
        let troubles = &self.memory.delivery.troubles;
        if troubles.contains_key(&Source::WorkosApi) {
            " The Events API cannot be read either: whether the sign-ins stop or their delivery cannot be told."
        } else if troubles.contains_key(&Source::Nats) {
            " The stream of NATS cannot be read either: whether the sign-ins stop or their delivery cannot be told."
        } else if sources.contains(&Source::WorkosApi) {
            " The Events API answers and has no more: it is the sign-ins that stop, not their delivery."
        } else if sources.contains(&Source::Nats) {
            " The stream of NATS can be read and has no more: whether the sign-ins stop or what feeds it cannot be told. \
             `sources.workos_api` would tell."
        } else if sources.contains(&Source::WorkosWebhook) {
            " Webhooks are the only source: whether the sign-ins stop or their delivery cannot be told. \
             `sources.workos_api` would tell."
        } else {
            ""
        }
    }
}

fn stalled(source: Source) -> Key {
    Key { alertname: SOURCE_STALLED.into(), scope: Scope::Source(source.as_str().into()) }
}

struct Words {
    summary: String,
    description: &'static str,
}

fn fails(source: Source, trouble: &SourceTrouble, now: Timestamp) -> Words {
    let since = clock(trouble.since, now);
    let what = if source == Source::Nats { "The stream of NATS" } else { "The Events API" };
    Words {
        summary: format!("{what} cannot be read since {since}: {}", trouble.words),
        description: "What only it brings is not seen until it can be read again; then all of it is, from where it \
            stopped. If no other source delivers, no silence is judged meanwhile.",
    }
}

fn silent((since, now): (Timestamp, Timestamp), count: u64, refused: u64) -> Words {
    let refused = match refused {
        0 => String::new(),
        refused => format!("; {refused} of its requests were refused"),
    };
    Words {
        summary: format!(
            "Webhooks do not come: since {} the Events API had {count} events, and the webhook brought none{refused}",
            clock(since, now)
        ),
        description: "Sign-ins are seen through the Events API meanwhile, some seconds later. In WorkOS's dashboard: is the \
            endpoint enabled, what did its last deliveries answer, is its secret the one that is configured? Refused requests \
            are in ssowatch_events_rejected_total by reason.",
    }
}

#[cfg(test)]
mod tests;
