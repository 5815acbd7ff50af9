//! The one task that owns the state: takes deliveries, makes them durable, folds them, ticks, publishes.
//!
//! While the disk syncs one batch the next one gathers in the queue, so that under load a sync serves many deliveries. Time
//! goes first: a flood of events must not delay a page. Checkpoints are written beside the appends: nobody waits for them.
//!
//! What the engine does with an entry depends on the entry and on the engine's time. A restart folds an entry at the moment
//! of its stamp, so the engine's time must not have passed that moment when the entry is first folded: stamps never go back,
//! and time waits at the stamp of a batch that is being synced, or whose failed write could not be undone: it may come back
//! with a restart. That makes a restart give the same windows, to the byte. Time on a disk that hangs or is full would say
//! nothing: no event can come, and silence would be the disk's own. So it waits at the first batch that was refused, too, until
//! the disk takes one. Receivers are told what is open all the while.
//!
//! Where time has stood, or the machine slept, it goes on with a record that says that nobody listened meanwhile.

mod commit;
mod course;
mod saved;
mod unsaved;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use self::commit::Commit;
pub(super) use self::course::Course;
pub(super) use self::saved::Saved;
pub(super) use self::unsaved::Unsaved;
use crate::clock::Clock;
use crate::event::{Record, Timestamp};
use crate::journal::nats::{Lease, NatsError};
use crate::journal::{Journal, JournalError, Parcel, Refusals};
use crate::offload::offload;
use crate::signal::Snapshot;
use crate::store::State;
use crate::store::checkpoint::Place;
use crate::telemetry;

/// Deliveries that go into one group commit. With 500 events each this is 128,000 events, 30 MB: one sync's worth.
const DELIVERIES_PER_COMMIT_MAX: usize = 256;

/// What reads the journal besides the sinks.
const ARCHIVE: &str = "the search for sign-ins";

/// How often a checkpoint is written, unless [`Unsaved`] asks for one earlier: bounds the journal that a restart reads, and costs
/// one write of the state.
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
    /// How much was written since the last checkpoint was begun.
    pub(super) unsaved: Unsaved,
    /// The checkpoint that is being written.
    pub(super) saving: Option<JoinHandle<Saved>>,
    /// A checkpoint was written, or could not be: what no longer has to be kept goes as soon as the journal is at rest.
    pub(super) saved: Option<Saved>,
    /// The stamp of the first batch that failed since the journal took one: events were refused, and a restart may find it.
    pub(super) refused: Option<Timestamp>,
    /// How the engine's time stands to the clock's.
    pub(super) course: Course,
    /// The longest tick since the last checkpoint was due.
    pub(super) longest_tick: Duration,
    /// Held by this instance when others may go on where it ends.
    pub(super) lease: Option<Lease>,
    /// A snapshot with news. Who is told of an incident must find it after a restart, so that its end is told, too: it is
    /// published when it is durable that time came this far, or with the next tick on a disk that takes longer.
    pub(super) unpublished: Option<Arc<Snapshot>>,
}

/// A batch that is being synced.
struct Syncing {
    stamp: Timestamp,
    thread: JoinHandle<Synced>,
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
            self.trim().await;
            let at_rest = self.journal.is_some();
            tokio::select! {
                // Time first: a flood of events must not delay a page.
                biased;
                _ = ticks.tick() => {
                    let begun = Instant::now();
                    self.tick(syncing.as_ref().map(|batch| batch.stamp));
                    self.longest_tick = self.longest_tick.max(begun.elapsed());
                    telemetry::ticked(self.longest_tick.as_secs_f64(), self.parcels.len());
                    if self.journal.is_some() && (!self.owed.is_empty() || self.refused.is_some()) {
                        syncing = self.commit(Vec::new());
                    }
                }
                synced = finished(syncing.as_mut().map(|batch| &mut batch.thread)) => {
                    let stamp = syncing.take().map(|batch| batch.stamp);
                    self.settled(stamp, synced);
                }
                saved = finished(self.saving.as_mut()) => {
                    self.saving = None;
                    self.saved = Some(saved);
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
        self.last_checkpoint().await;
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

    fn tick(&mut self, syncing: Option<Timestamp>) {
        let now = self.clock.now();
        let reached = engine_time(now, self.refused.or(syncing));
        if !self.is_unheard(reached) {
            self.state.advance(reached);
        } else if self.journal.is_some() {
            self.owe(Record::Resumed);
        }
        self.course.look(now, self.state.now(), self.clock.doubted_millis());
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
        if busy && self.lease.is_some() && (news || self.unpublished.is_some()) {
            self.unpublished = Some(snapshot);
        } else if !news || busy {
            self.unpublished = None;
            self.snapshots.send_replace(snapshot);
        } else {
            self.unpublished = Some(snapshot);
            self.owe(Record::Reached);
        }
        if self.saving.is_none() && (now >= self.checkpoint_due || self.unsaved.is_much()) {
            self.checkpoint_due = now.plus_millis(CHECKPOINT_MILLIS);
            self.longest_tick = Duration::ZERO;
            self.save();
        }
    }

    /// Whether nobody has listened for so long at `now` that time must not go there by itself.
    fn is_unheard(&self, now: Timestamp) -> bool {
        self.state.now() != Timestamp::default()
            && now.millis_since(self.state.now()) > self.clock.unheard_millis()
    }

    fn owe(&mut self, record: Record) {
        if !self.owed.contains(&record) {
            self.owed.push(record);
        }
    }

    /// Starts to make `parcels`, and what is owed besides, durable; answers at once when there is nothing new in them.
    fn commit(&mut self, parcels: Vec<Parcel>) -> Option<Syncing> {
        // A clock that was set back must not stamp entries with a time that the engine has passed.
        let now = self.clock.now().max(self.state.now());
        if self.is_unheard(now) {
            self.owe(Record::Resumed);
        }
        let commit = Commit::gather(&self.state, parcels, std::mem::take(&mut self.owed), now);
        if commit.entries.is_empty() && self.refused.is_none() {
            commit.answer();
            return None;
        }
        let journal = self.journal.take().expect("a commit begins with the journal at rest");
        Some(Syncing { stamp: now, thread: sync(journal, commit) })
    }

    /// The disk has taken the batch with this stamp, or not.
    fn settled(&mut self, stamp: Option<Timestamp>, synced: Synced) {
        let refused = stamp.filter(|_| synced.outcome.is_err());
        self.refused = refused.map(|stamp| self.refused.unwrap_or(stamp));
        let journal = settle(&mut self.state, synced, &mut self.owed);
        self.unsaved.reach(&journal);
        // Who shares the journal and could not write owns it no longer.
        let lost = self.lease.is_some() && journal.is_unsettled();
        self.journal = Some(journal);
        if let Some(snapshot) = self.unpublished.take_if(|_| !lost) {
            self.snapshots.send_replace(snapshot);
        }
    }

    /// Starts to write a checkpoint.
    fn save(&mut self) {
        let (place, lease) = (self.place.clone(), self.lease.clone());
        let still_ours = move || {
            if lease.as_ref().is_none_or(Lease::holds) { Ok(()) } else { Err(NatsError::NotOwner) }
        };
        let (bytes, position) = (self.state.save(), self.state.position());
        self.unsaved.begin();
        self.saving = Some(offload(move || Saved::new(position, place.write(&bytes, still_ours))));
    }

    /// Writes a checkpoint of all that there is, while nothing else appends and says that the owner is there.
    async fn last_checkpoint(&mut self) {
        if let Some(saving) = self.saving.take() {
            saving.await.expect("the checkpoint's thread does not panic");
        }
        let Some(mut journal) = self.journal.take() else { return };
        let (place, now) = (self.place.clone(), self.clock.now());
        let (bytes, position) = (self.state.save(), self.state.position());
        let thread = offload(move || {
            let saved = Saved::new(position, place.write(&bytes, || journal.keep(now)));
            (journal, saved)
        });
        let (journal, saved) = thread.await.expect("the checkpoint's thread does not panic");
        (self.journal, self.saved) = (Some(journal), Some(saved));
        self.trim().await;
    }

    /// Removes from the journal what is in the checkpoint and no sink still reads, when it is time to and nobody appends. A
    /// checkpoint that found no room is written here, into the room that is kept for it: an append would take it.
    async fn trim(&mut self) {
        let Some(mut journal) = self.journal.take_if(|_| self.saved.is_some()) else { return };
        let saved = self.saved.take().unwrap_or(Saved::Failed);
        let again = (saved == Saved::NoRoom)
            .then(|| (self.place.clone(), self.state.save(), self.state.position()));
        let sent = |sink: &&'static str| (self.state.sent(sink).unwrap_or(0), *sink);
        let archived = (self.archived.load(Ordering::Acquire), ARCHIVE);
        let (needed, by) =
            self.readers.iter().map(sent).chain([archived]).min().unwrap_or(archived);
        let now = self.clock.now();
        let trimmed = offload(move || {
            let Some((place, bytes, position)) = again else {
                let trimmed = journal.trim(saved.position(), needed, now);
                return (journal, trimmed);
            };
            let saved = Saved::at_last(position, place.write_into_room(&bytes));
            let trimmed = journal.trim(saved.position(), needed, now);
            place.keep_room(bytes.len());
            (journal, trimmed)
        });
        let (journal, trimmed) = trimmed.await.expect("the journal's thread does not panic");
        match trimmed {
            Ok(0) => {}
            Ok(entries) => telemetry::journal_gave_up(entries, by),
            Err(error) => telemetry::journal_failed(error.reason(), &error),
        }
        telemetry::journal_bytes(journal.bytes());
        self.journal = Some(journal);
    }
}

/// How far the engine may go at `now`, while a batch with the stamp `open` is being made durable or was refused.
fn engine_time(now: Timestamp, open: Option<Timestamp>) -> Timestamp {
    open.map_or(now, |stamp| now.min(stamp))
}

/// Appends on a thread of its own: a sync may take as long as the disk likes.
fn sync(mut journal: Journal, commit: Commit) -> JoinHandle<Synced> {
    offload(move || {
        let outcome = journal.append(&commit.entries);
        Synced { journal, commit, outcome }
    })
}

/// What `thread` gives back, if there is one; otherwise it never ends.
async fn finished<T>(thread: Option<&mut JoinHandle<T>>) -> T {
    match thread {
        Some(thread) => thread.await.expect("no thread of the fold panics"),
        None => std::future::pending().await,
    }
}

/// Folds what became durable and answers those who wait for it. What did not and is the fold's own is owed again.
fn settle(state: &mut State, synced: Synced, owed: &mut Vec<Record>) -> Journal {
    let Synced { journal, commit, outcome } = synced;
    match outcome {
        Ok(first) => {
            state.apply_all(first, &commit.entries);
            commit.answer();
        }
        Err(error) => {
            telemetry::journal_failed(error.reason(), &error);
            owed.splice(..0, commit.refuse(&error.to_string().into()));
        }
    }
    journal
}

#[cfg(test)]
mod tests;
