//! Deliveries that are made durable as one.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::event::{Entry, EventId, Novelties, Record, Source, Timestamp, fingerprint};
use crate::journal::{Delivery, InletError, Parcel, Receipt};
use crate::store::State;

/// A batch on its way to the disk.
pub(super) struct Commit {
    pub(super) entries: Vec<Entry>,
    /// Whether the first entry says that nobody listened until then: it holds for whatever comes with it.
    resumed: bool,
    /// How many of the last entries are the fold's own: nobody else would bring them again.
    own: usize,
    waiting: Vec<Waiting>,
}

/// A delivery in a batch, with what it will be told.
struct Waiting {
    receipt: Receipt,
    reply: oneshot::Sender<Result<Receipt, InletError>>,
}

impl Commit {
    /// Joins deliveries, and what the fold itself owes, into one batch with the stamp `now`. Events that `state` knows, or that
    /// came twice within the batch, are counted instead.
    pub(super) fn gather(
        state: &State,
        parcels: Vec<Parcel>,
        mut owed: Vec<Record>,
        now: Timestamp,
    ) -> Self {
        let (mut entries, mut waiting) = (Vec::new(), Vec::with_capacity(parcels.len()));
        let mut fresh: HashSet<EventId> = HashSet::new();
        let mut duplicates = [0u64; Source::ALL.len()];
        // What the Events API had first, and the webhook brings now.
        let mut brought = Vec::new();
        let mut novelties = Novelties::default();
        let resumed = owed.contains(&Record::Resumed);
        owed.retain(|record| *record != Record::Resumed);
        entries.extend(stamp(resumed.then_some(Record::Resumed), now));
        for Parcel { delivery: Delivery { events, records }, reply } in parcels {
            let mut receipt = Receipt::default();
            for (source, mut event) in events {
                let known = state.knows(&event.id);
                if known || !fresh.insert(event.id.clone()) {
                    receipt.duplicates += 1;
                    duplicates[source as usize] += 1;
                    let key = fingerprint(event.id.as_str());
                    // What came first in this very batch is waited for as soon as it is folded.
                    if source == Source::WorkosWebhook && (!known || state.awaits(key)) {
                        brought.push(key);
                    }
                    continue;
                }
                receipt.accepted += 1;
                novelties.take(&mut event);
                entries.push(Entry { received_at: now, record: Record::Event { source, event } });
            }
            entries.extend(stamp(records, now));
            waiting.push(Waiting { receipt, reply });
        }
        entries.extend(stamp(novelties.record(), now));
        if !brought.is_empty() {
            entries.extend(stamp([Record::Brought(brought)], now));
        }
        for source in Source::ALL {
            let duplicates = duplicates[source as usize];
            if duplicates > 0 {
                let record = Record::Refused { source, duplicates, rejected: Vec::new() };
                entries.extend(stamp([record], now));
            }
        }
        let own = owed.len();
        entries.extend(stamp(owed, now));
        Self { entries, resumed, own, waiting }
    }

    /// It is durable, or nothing in it had to be: tells those who wait.
    pub(super) fn answer(self) {
        for Waiting { receipt, reply } in self.waiting {
            // A sender that has given up needs no answer.
            drop(reply.send(Ok(receipt)));
        }
    }

    /// It is not durable: tells those who wait why, and gives back what the fold still owes.
    pub(super) fn refuse(mut self, reason: &Arc<str>) -> impl Iterator<Item = Record> {
        for Waiting { reply, .. } in self.waiting {
            // A sender that has given up needs no answer.
            drop(reply.send(Err(InletError::Storage(Arc::clone(reason)))));
        }
        let own = self.entries.split_off(self.entries.len() - self.own);
        let resumed = self.resumed.then_some(Record::Resumed);
        resumed.into_iter().chain(own.into_iter().map(|entry| entry.record))
    }
}

fn stamp(records: impl IntoIterator<Item = Record>, now: Timestamp) -> impl Iterator<Item = Entry> {
    records.into_iter().map(move |record| Entry { received_at: now, record })
}
