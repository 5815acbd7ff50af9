//! Keeps the archive of sign-ins up with the journal, on a thread of its own: a slow disk delays nobody.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::archive::{Archive, ArchiveError, Limits};
use crate::clock::Clock;
use crate::config::Config;
use crate::event::Entry;
use crate::journal::{Journal, JournalError, Reader};
use crate::signal::Snapshot;
use crate::telemetry;

/// Entries of one transaction: some tenths of a second.
const ENTRIES_MAX: usize = 10_000;

/// How often it is looked for sign-ins to forget.
const FORGET_EVERY: Duration = Duration::from_mins(1);

/// The pause after a failure: a full disk stays full for a while.
const PAUSE: Duration = Duration::from_secs(30);

/// Name of the file in the data directory.
pub(super) const FILE: &str = "sign-ins.db";

/// The task.
pub(super) struct Archivist {
    /// `None` while a thread has it.
    work: Option<Box<Work>>,
    clock: Clock,
    /// The position up to which the archive has everything: the journal keeps what comes after.
    pub(super) position: Arc<AtomicU64>,
}

struct Work {
    archive: Archive,
    reader: Reader,
}

/// How much is kept.
pub(super) fn limits(config: &Config) -> Limits {
    Limits {
        retention_millis: config.sessions.retention.millis(),
        bytes_max: config.sessions.max_bytes.bytes(),
    }
}

/// One turn went wrong.
#[derive(Debug, thiserror::Error)]
enum TurnError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

impl Archivist {
    /// Goes on where the archive in `data_dir` is. `end` is the position of the journal's next entry, when that is known.
    pub(super) fn new(
        data_dir: &Path,
        limits: Limits,
        journal: &Journal,
        end: Option<u64>,
        clock: Clock,
    ) -> Result<Self, ArchiveError> {
        let (archive, whole) = Archive::open(&data_dir.join(FILE), limits)?;
        if !whole {
            let detail = "the archive of sign-ins could not be read; it was put aside and is made anew from the journal";
            telemetry::damage_found("sign_ins", &detail);
        }
        // A journal that ends before belongs to another life of this directory.
        let foreign = end.is_some_and(|end| archive.position() > end);
        let position = if foreign { 0 } else { archive.position() };
        let reader = journal.reader(position);
        let work = Some(Box::new(Work { archive, reader }));
        Ok(Self { work, clock, position: Arc::new(AtomicU64::new(position)) })
    }

    /// Runs until `stop`, or until nobody publishes any more.
    pub(super) async fn run(
        mut self,
        mut snapshots: watch::Receiver<Arc<Snapshot>>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut forget_at = Instant::now();
        while !*stop.borrow() {
            let folded = snapshots.borrow_and_update().position;
            let begun = Instant::now();
            let forget = begun >= forget_at;
            let mut pause = Duration::ZERO;
            let more = match self.turn(forget).await {
                Ok(more) => more,
                Err(error) => {
                    telemetry::archive_failed(&error);
                    pause = PAUSE;
                    false
                }
            };
            telemetry::archive_waits(folded.saturating_sub(self.position.load(Ordering::Acquire)));
            if forget && !more {
                forget_at = Instant::now() + FORGET_EVERY;
            }
            tokio::select! {
                biased;
                // An error means that the daemon is gone: stop as well.
                _ = stop.wait_for(|stop| *stop) => break,
                // Who is behind works half of the time: what is being taken in needs the same disk and processor.
                () = sleep(begun.elapsed()), if more => {}
                changed = snapshots.changed(), if pause.is_zero() => if changed.is_err() { break },
                () = sleep(pause), if !pause.is_zero() => {}
            }
        }
    }

    /// Takes the next piece of the journal; `true` when there is more to do.
    async fn turn(&mut self, forget: bool) -> Result<bool, TurnError> {
        let mut work = self.work.take().expect("it is only away during a turn");
        let now = self.clock.now();
        let turn = tokio::task::spawn_blocking(move || {
            let done = work.take().and_then(|more| {
                let forgets = forget && work.archive.forget(now)?;
                Ok(more || forgets)
            });
            if done.is_err() {
                work.reader.seek(work.archive.position());
            }
            (work, done)
        });
        let (work, done) = turn.await.expect("a turn does not panic");
        self.position.store(work.archive.position(), Ordering::Release);
        self.work = Some(work);
        done
    }
}

impl Work {
    fn take(&mut self) -> Result<bool, TurnError> {
        let mut entries: Vec<(u64, Entry)> = Vec::new();
        let mut more = true;
        while more && entries.len() < ENTRIES_MAX {
            let batch = self.reader.next_batch()?;
            more = !batch.is_empty();
            entries.extend(batch);
        }
        self.archive.take(&entries, self.reader.position())?;
        Ok(more)
    }
}
