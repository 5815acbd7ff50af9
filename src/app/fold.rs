//! The one task that owns the state: takes deliveries, makes them durable, folds them, ticks, publishes.
//!
//! While the disk syncs one batch the next one gathers in the queue, so that under load a sync serves many deliveries. Time
//! goes first: a flood of events must not delay a page.
//!
//! What the engine does with an entry depends on the entry and on the engine's time. A restart folds an entry at the moment
//! of its stamp, so the engine's time must not have passed that moment when the entry is first folded: stamps never go back,
//! and time waits at the stamp of a batch that is being synced, or whose failed write could not be undone: it may come back
//! with a restart. That makes a restart give the same windows, to the byte. Time on a disk that hangs would say nothing: no
//! event can come, and silence would be the disk's own. Receivers are told what is open all the while.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::event::{Entry, EventId, Novelties, Record, Source, Timestamp, fingerprint};
use crate::journal::{Delivery, InletError, Journal, JournalError, Parcel, Receipt, Refusals};
use crate::offload::offload;
use crate::signal::Snapshot;
use crate::store::State;
use crate::store::checkpoint::Place;
use crate::telemetry;

/// Deliveries that go into one group commit. With 500 events each this is 128,000 events, 30 MB: one sync's worth.
const DELIVERIES_PER_COMMIT_MAX: usize = 256;

/// How often a checkpoint is written: bounds the journal that a restart reads, and costs one write of the state.
pub(super) const CHECKPOINT_MILLIS: i64 = 60_000;

/// Owns journal and state.
pub(super) struct Fold {
    pub(super) state: State,
    /// `None` while it is busy with a batch.
    pub(super) journal: Option<Journal>,
    /// Sinks that read the journal themselves, from the position that they have marked as sent.
    pub(super) readers: Vec<&'static str>,
    /// Up to where the archive has everything.
    pub(super) archived: Arc<AtomicU64>,
    /// Where checkpoints go.
    pub(super) place: Place,
    pub(super) clock: Clock,
    pub(super) parcels: mpsc::Receiver<Parcel>,
    pub(super) refusals: Arc<Refusals>,
    pub(super) snapshots: watch::Sender<Arc<Snapshot>>,
    /// Records that wait for the next batch.
    pub(super) owed: Vec<Record>,
    pub(super) checkpoint_due: Timestamp,
    /// The stamp of a batch that failed and of which nobody knows whether a restart will find it.
    pub(super) unsettled: Option<Timestamp>,
    /// The longest tick since the last checkpoint was due.
    pub(super) longest_tick: Duration,
    /// Whether other instances may go on where this one ends.
    pub(super) shared: bool,
    /// A snapshot with news. Who is told of an incident must find it after a restart, so that its end is told, too: it is
    /// published when it is durable that time came this far, or with the next tick on a disk that takes longer.
    pub(super) unpublished: Option<Arc<Snapshot>>,
}

/// A batch that is being synced.
struct Syncing {
    stamp: Timestamp,
    thread: JoinHandle<Synced>,
}

/// A batch on its way to the disk.
struct Commit {
    entries: Vec<Entry>,
    /// How many of the last entries are the fold's own: nobody else would bring them again.
    own: usize,
    waiting: Vec<Waiting>,
}

/// A delivery in a batch, with what it will be told.
struct Waiting {
    receipt: Receipt,
    reply: oneshot::Sender<Result<Receipt, InletError>>,
}

/// What the blocking thread gives back.
struct Synced {
    journal: Journal,
    commit: Commit,
    outcome: Result<u64, JournalError>,
}

impl Fold {
    /// Runs until every inlet is gone and all that was taken is durable; then writes a last checkpoint.
    pub(super) async fn run(mut self) {
        // Nothing that pages depends on less than a second.
        let mut ticks = tokio::time::interval(self.clock.second());
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut syncing: Option<Syncing> = None;
        let mut gathered = Vec::with_capacity(DELIVERIES_PER_COMMIT_MAX);
        let mut open = true;
        while open || syncing.is_some() {
            let at_rest = self.journal.is_some();
            tokio::select! {
                // Time first: a flood of events must not delay a page.
                biased;
                _ = ticks.tick() => {
                    let begun = Instant::now();
                    self.tick(syncing.as_ref().map(|batch| batch.stamp)).await;
                    self.longest_tick = self.longest_tick.max(begun.elapsed());
                    telemetry::ticked(self.longest_tick.as_secs_f64(), self.parcels.len());
                    if self.journal.is_some() && (!self.owed.is_empty() || self.unsettled.is_some()) {
                        syncing = self.commit(Vec::new());
                    }
                }
                synced = finished(&mut syncing), if !at_rest => {
                    let stamp = syncing.take().map(|batch| batch.stamp);
                    self.settled(stamp, synced);
                }
                received = self.parcels.recv_many(&mut gathered, DELIVERIES_PER_COMMIT_MAX), if open && at_rest => {
                    if received == 0 {
                        open = false;
                    } else {
                        syncing = self.commit(std::mem::take(&mut gathered));
                    }
                }
            }
        }
        self.checkpoint().await;
        self.give_back().await;
    }

    /// Others need not wait to go on where this one ended.
    async fn give_back(&mut self) {
        let Some(mut journal) = self.journal.take() else { return };
        let now = self.clock.now().max(self.state.now());
        let released = offload(move || journal.release(now));
        if let Err(error) = released.await.expect("the journal's thread does not panic") {
            telemetry::journal_failed(error.reason(), &error);
        }
    }

    async fn tick(&mut self, syncing: Option<Timestamp>) {
        let now = self.clock.now();
        self.state.advance(engine_time(now, self.unsettled.or(syncing)));
        let transitions = self.state.transitions();
        for transition in &transitions {
            telemetry::transition(transition);
        }
        let snapshot = Arc::new(self.state.snapshot());
        // While the disk refuses, rejections go on counting in their table: what is owed stays small.
        if self.owed.is_empty() {
            self.owed.extend(self.refusals.drain());
        }
        // Who else reads the journal sees that the owner is there, and what time it is.
        if self.owed.is_empty() && self.journal.as_ref().is_some_and(Journal::is_quiet) {
            self.owed.push(Record::Reached);
        }
        let news = !transitions.is_empty();
        // A disk that takes longer is this machine's, and a restart reads what it has taken. In NATS another instance may be
        // the next to read, and what was not taken there is not known to it: then nobody is told, and the term runs out.
        let busy = self.journal.is_none();
        if busy && self.shared && (news || self.unpublished.is_some()) {
            self.unpublished = Some(snapshot);
        } else if !news || busy {
            self.unpublished = None;
            self.snapshots.send_replace(snapshot);
        } else {
            self.unpublished = Some(snapshot);
            if !self.owed.contains(&Record::Reached) {
                self.owed.push(Record::Reached);
            }
        }
        if self.journal.is_some() && now >= self.checkpoint_due {
            self.checkpoint_due = now.plus_millis(CHECKPOINT_MILLIS);
            self.longest_tick = Duration::ZERO;
            self.checkpoint().await;
        }
    }

    /// Starts to make `parcels`, and what is owed besides, durable; answers at once when there is nothing new in them.
    fn commit(&mut self, parcels: Vec<Parcel>) -> Option<Syncing> {
        // A clock that was set back must not stamp entries with a time that the engine has passed.
        let now = self.clock.now().max(self.state.now());
        let mut commit = gather(&self.state, parcels, now);
        commit.own = self.owed.len();
        commit.entries.extend(stamp(std::mem::take(&mut self.owed), now));
        if commit.entries.is_empty() && self.unsettled.is_none() {
            answer(commit.waiting);
            return None;
        }
        let journal = self.journal.take().expect("a commit begins with the journal at rest");
        Some(Syncing { stamp: now, thread: sync(journal, commit) })
    }

    /// The disk has taken the batch with this stamp, or not.
    fn settled(&mut self, stamp: Option<Timestamp>, synced: Synced) {
        let journal = settle(&mut self.state, synced, &mut self.owed);
        let unsettled = stamp.filter(|_| journal.is_unsettled());
        self.unsettled = unsettled.map(|stamp| self.unsettled.unwrap_or(stamp));
        self.journal = Some(journal);
        // Who shares the journal and could not write owns it no longer.
        let lost = self.shared && self.unsettled.is_some();
        if let Some(snapshot) = self.unpublished.take_if(|_| !lost) {
            self.snapshots.send_replace(snapshot);
        }
    }

    async fn checkpoint(&mut self) {
        let Some(journal) = self.journal.take() else { return };
        let needed = self.readers.iter().filter_map(|sink| self.state.sent(sink)).min();
        let needed = if self.readers.is_empty() { u64::MAX } else { needed.unwrap_or(0) };
        let needed = needed.min(self.archived.load(Ordering::Acquire));
        let now = self.clock.now();
        self.journal = Some(save(self.place.clone(), &self.state, journal, now, needed).await);
    }
}

/// How far the engine may go at `now`, while of a batch with the stamp `open` it is not known whether a restart would find it.
fn engine_time(now: Timestamp, open: Option<Timestamp>) -> Timestamp {
    open.map_or(now, |stamp| now.min(stamp))
}

/// Joins deliveries into one batch. Events that the engine knows, or that came twice within the batch, are counted instead.
fn gather(state: &State, parcels: Vec<Parcel>, now: Timestamp) -> Commit {
    let mut commit = Commit { entries: Vec::new(), own: 0, waiting: Vec::new() };
    let mut fresh: HashSet<EventId> = HashSet::new();
    let mut duplicates = [0u64; Source::ALL.len()];
    // What the Events API had first, and the webhook brings now.
    let mut brought = Vec::new();
    let mut novelties = Novelties::default();
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
            commit
                .entries
                .push(Entry { received_at: now, record: Record::Event { source, event } });
        }
        commit.entries.extend(stamp(records, now));
        commit.waiting.push(Waiting { receipt, reply });
    }
    commit.entries.extend(stamp(novelties.record(), now));
    if !brought.is_empty() {
        commit.entries.push(Entry { received_at: now, record: Record::Brought(brought) });
    }
    for source in Source::ALL {
        let count = duplicates[source as usize];
        if count > 0 {
            let record = Record::Refused { source, duplicates: count, rejected: Vec::new() };
            commit.entries.push(Entry { received_at: now, record });
        }
    }
    commit
}

fn stamp(records: impl IntoIterator<Item = Record>, now: Timestamp) -> impl Iterator<Item = Entry> {
    records.into_iter().map(move |record| Entry { received_at: now, record })
}

/// Appends on a thread of its own: a sync may take as long as the disk likes.
fn sync(mut journal: Journal, commit: Commit) -> JoinHandle<Synced> {
    offload(move || {
        let outcome = journal.append(&commit.entries);
        Synced { journal, commit, outcome }
    })
}

async fn finished(syncing: &mut Option<Syncing>) -> Synced {
    match syncing {
        Some(batch) => (&mut batch.thread).await.expect("the journal's thread does not panic"),
        None => std::future::pending().await,
    }
}

/// Folds what became durable and answers those who wait for it. What did not and is the fold's own is owed again.
fn settle(state: &mut State, synced: Synced, owed: &mut Vec<Record>) -> Journal {
    let Synced { journal, commit: Commit { mut entries, own, waiting }, outcome } = synced;
    match outcome {
        Ok(first) => {
            state.apply_all(first, &entries);
            answer(waiting);
        }
        Err(error) => {
            telemetry::journal_failed(error.reason(), &error);
            let own = entries.split_off(entries.len() - own).into_iter().map(|entry| entry.record);
            owed.splice(..0, own);
            let reason: Arc<str> = error.to_string().into();
            for Waiting { reply, .. } in waiting {
                // A sender that has given up needs no answer.
                drop(reply.send(Err(InletError::Storage(Arc::clone(&reason)))));
            }
        }
    }
    journal
}

fn answer(waiting: Vec<Waiting>) {
    for Waiting { receipt, reply } in waiting {
        // A sender that has given up needs no answer.
        drop(reply.send(Ok(receipt)));
    }
}

/// Writes a checkpoint and removes what no longer has to be kept. `needed` is the oldest position that a sink still reads.
async fn save(
    place: Place,
    state: &State,
    mut journal: Journal,
    now: Timestamp,
    needed: u64,
) -> Journal {
    let (bytes, position) = (state.save(), state.position());
    let saved = offload(move || {
        let written = place.write(&bytes, &mut journal, now);
        let keep = if written.is_ok() { position.min(needed) } else { 0 };
        let trimmed = journal.trim(keep, now);
        (journal, written, trimmed)
    });
    let (journal, written, trimmed) = saved.await.expect("the journal's thread does not panic");
    if let Err(error) = written {
        telemetry::checkpoint_failed(&error);
    }
    match trimmed {
        Ok(0) => {}
        Ok(entries) => telemetry::journal_gave_up(entries),
        Err(error) => telemetry::journal_failed(error.reason(), &error),
    }
    telemetry::journal_bytes(journal.bytes());
    journal
}

#[cfg(test)]
mod tests;
