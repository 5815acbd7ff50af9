//! Sign-ins on disk, for search: a table of its own beside the journal, made from the journal's entries.
//!
//! One transaction takes a piece of the journal together with the position behind it, so that a crash neither loses nor doubles
//! an event. The file is derived: without it, or with one that cannot be read, it is made anew from what the journal still has.
//! `SQLite`, because a search joins any of five conditions, and its file is bounded, repaired and read by tools that people know.

mod search;
mod sign_in;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry::{Occupied, Vacant};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, Transaction};

use self::sign_in::{Heard, SignIn};
use crate::event::{Body, Entry, Record, Timestamp};

pub use self::search::{Found, FoundStep, Search, Status, search};

/// Version of the tables; a file of another is made anew.
const VERSION: i64 = 2;

/// Sign-ins that one round of forgetting removes: a tenth of a second's work.
const FORGET_AT_ONCE: i64 = 5_000;

/// How long a writer waits for a reader that copies the log: readers hold it for milliseconds.
const BUSY: Duration = Duration::from_secs(5);

/// Pages of the indexes that are kept in memory: each sign-in goes to six places, and to fetch a page takes longer than to fill it.
const CACHE_KIB: i64 = 4 * 1024;

/// Pages of 4 KiB in the log before they are copied into the file: a page that changes often is copied once for all.
const LOG_PAGES: i64 = 4_000;

/// What an index holds of each sign-in is written at a place of its own, page by page: rows have numbers in the order in which
/// they come, and long texts stand in indexes as fingerprints, a fifth of their size. Few sign-ins that are over did not succeed.
const TABLES: &str = "
CREATE TABLE sign_in (
  n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, first INTEGER NOT NULL, started INTEGER, ended INTEGER, status INTEGER NOT NULL,
  connection TEXT, connection_key INTEGER, organization TEXT, email TEXT, email_key INTEGER, user TEXT, test INTEGER NOT NULL
);
CREATE INDEX by_time ON sign_in (first);
CREATE INDEX by_connection ON sign_in (connection_key, first);
CREATE INDEX by_email ON sign_in (email_key, first) WHERE email_key IS NOT NULL;
CREATE INDEX by_status ON sign_in (status, first) WHERE status < 3;
CREATE TABLE step (
  sign_in INTEGER NOT NULL, at INTEGER NOT NULL, event TEXT NOT NULL, step INTEGER NOT NULL, source INTEGER NOT NULL,
  received INTEGER NOT NULL, code TEXT, message TEXT, PRIMARY KEY (sign_in, at, event)
) WITHOUT ROWID;
CREATE TABLE mark (position INTEGER NOT NULL);
INSERT INTO mark VALUES (0);
";

/// The archive cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The database says so.
    #[error("the archive of sign-ins {path}: {error}")]
    Database {
        /// Its file.
        path: PathBuf,
        /// Why.
        error: rusqlite::Error,
    },
    /// The file that cannot be read cannot be put aside.
    #[error("the archive of sign-ins {path} cannot be put aside: {error}")]
    Aside {
        /// Its file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// How much is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How long.
    pub retention_millis: i64,
    /// In how many bytes.
    pub bytes_max: u64,
}

/// The archive's one writer.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    database: Connection,
    limits: Limits,
    position: u64,
}

impl Archive {
    /// Opens the file at `path`, or makes it. What cannot be read is put aside as `*.broken`, and said so by `false`.
    pub fn open(path: &Path, limits: Limits) -> Result<(Self, bool), ArchiveError> {
        if let Ok(archive) = Self::try_open(path, limits) {
            return Ok((archive, true));
        }
        let broken = path.with_extension("broken");
        let aside = |error| ArchiveError::Aside { path: path.to_owned(), error };
        std::fs::rename(path, broken).map_err(aside)?;
        for end in ["-wal", "-shm"] {
            let mut beside = path.as_os_str().to_owned();
            beside.push(end);
            // They belong to the file that is gone; mostly there are none.
            drop(std::fs::remove_file(beside));
        }
        Ok((Self::try_open(path, limits)?, false))
    }

    fn try_open(path: &Path, limits: Limits) -> Result<Self, ArchiveError> {
        let fail = |error| ArchiveError::Database { path: path.to_owned(), error };
        let database = Connection::open(path).map_err(fail)?;
        let position = prepare(&database).map_err(fail)?;
        Ok(Self { path: path.to_owned(), database, limits, position })
    }

    /// The position of the next entry to take.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Takes entries, of which the last stands before `position`; those that were taken before change nothing.
    pub fn take(&mut self, entries: &[(u64, Entry)], position: u64) -> Result<(), ArchiveError> {
        if position == self.position && entries.is_empty() {
            return Ok(());
        }
        let mut sign_ins: BTreeMap<&str, SignIn<'_>> = BTreeMap::new();
        for (_, entry) in entries {
            if let Record::Event { source, event } = &entry.record
                && let Body::Sso(sso) = &event.body
            {
                let received_at = entry.received_at;
                let heard = Heard { source: *source, received_at, event, sso };
                let next = SignIn::from(heard);
                match sign_ins.entry(heard.sign_in()) {
                    Occupied(mut known) => known.get_mut().join(next),
                    Vacant(place) => drop(place.insert(next)),
                }
            }
        }
        self.attempt(|work| {
            for (id, sign_in) in sign_ins {
                sign_in.write(work, id)?;
            }
            let position = i64::try_from(position).unwrap_or(i64::MAX);
            work.execute("UPDATE mark SET position = ?1", [position]).map(drop)
        })?;
        self.position = position;
        Ok(())
    }

    /// Forgets what is too old, and the oldest of what is too much. `true` when there is more to forget.
    pub fn forget(&mut self, now: Timestamp) -> Result<bool, ArchiveError> {
        let oldest = now.plus_millis(-self.limits.retention_millis).millis();
        let over = self.bytes()? > self.limits.bytes_max;
        let bound = if over { i64::MAX } else { oldest };
        let gone = self.attempt(|work| {
            let mut chosen = work
                .prepare_cached("SELECT n FROM sign_in WHERE first < ?1 ORDER BY first LIMIT ?2")?;
            let numbers: Vec<i64> = chosen
                .query_map([bound, FORGET_AT_ONCE], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            for n in &numbers {
                work.prepare_cached("DELETE FROM step WHERE sign_in = ?1")?.execute([n])?;
                work.prepare_cached("DELETE FROM sign_in WHERE n = ?1")?.execute([n])?;
            }
            Ok(numbers.len())
        })?;
        if gone > 0 {
            let shrunk = self.database.execute_batch("PRAGMA incremental_vacuum");
            shrunk.map_err(|error| self.fail(error))?;
        }
        Ok(i64::try_from(gone).is_ok_and(|gone| gone >= FORGET_AT_ONCE))
    }

    /// Bytes of the file that hold something.
    pub fn bytes(&self) -> Result<u64, ArchiveError> {
        let ask = |what: &str| {
            self.database.query_row(&format!("PRAGMA {what}"), [], |row| row.get::<_, i64>(0))
        };
        let used = || Ok((ask("page_count")? - ask("freelist_count")?) * ask("page_size")?);
        let used: Result<i64, rusqlite::Error> = used();
        used.map(|bytes| u64::try_from(bytes).unwrap_or(0)).map_err(|error| self.fail(error))
    }

    fn attempt<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, rusqlite::Error>,
    ) -> Result<T, ArchiveError> {
        let done = self.database.transaction().and_then(|transaction| {
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        });
        done.map_err(|error| ArchiveError::Database { path: self.path.clone(), error })
    }

    fn fail(&self, error: rusqlite::Error) -> ArchiveError {
        ArchiveError::Database { path: self.path.clone(), error }
    }
}

/// Makes the tables where there are none; gives the position.
fn prepare(database: &Connection) -> Result<u64, rusqlite::Error> {
    database.busy_timeout(BUSY)?;
    // Derived data: what a crash of the machine takes is read from the journal again.
    database.execute_batch(
        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;",
    )?;
    database.pragma_update(None, "cache_size", -CACHE_KIB)?;
    database.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    let version: i64 = database.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == 0 {
        let tables = format!("BEGIN; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;");
        database.execute_batch(&tables)?;
    } else if version != VERSION {
        return Err(rusqlite::Error::InvalidQuery);
    }
    let position: i64 = database.query_row("SELECT position FROM mark", [], |row| row.get(0))?;
    Ok(u64::try_from(position).unwrap_or(0))
}
