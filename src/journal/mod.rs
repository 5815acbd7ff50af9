//! The ordered, durable log of everything that was accepted. State is a fold of it.

mod disk;
pub mod embedded;
mod error;
mod frame;
mod inlet;
pub mod nats;
mod passage;

use std::path::Path;
use std::sync::Arc;

pub use disk::{Append, Disk, Lock};
pub use embedded::{Broken, Config, Recovery};
pub use error::JournalError;
pub use inlet::{Delivery, Inlet, InletError, Parcel, Receipt, Refusals, inlet};
pub use passage::Passage;

use crate::event::{Entry, Timestamp};

/// The operating system's file system.
#[must_use]
pub fn operating_system() -> Arc<dyn Disk> {
    Arc::new(disk::OperatingSystem)
}

/// The journal's one writer, on this machine's disk or in NATS.
#[derive(Debug)]
pub enum Journal {
    /// On a disk.
    Embedded(embedded::Journal),
    /// In NATS.
    Nats(nats::Journal),
}

/// Reads entries from a position on, as far as they are durable.
#[derive(Debug)]
pub enum Reader {
    /// From a disk.
    Embedded(embedded::Reader),
    /// From NATS.
    Nats(Box<nats::Reader>),
}

impl Journal {
    /// Opens the embedded journal in `folder`, which is made when it is missing.
    pub fn open(folder: &Path, config: Config) -> Result<(Self, Recovery), JournalError> {
        Self::open_on(operating_system(), folder, config)
    }

    /// [`Journal::open`] on a disk that may not be the machine's.
    pub fn open_on(
        disk: Arc<dyn Disk>,
        folder: &Path,
        config: Config,
    ) -> Result<(Self, Recovery), JournalError> {
        let (journal, recovery) = embedded::Journal::open_on(disk, folder, config)?;
        Ok((Self::Embedded(journal), recovery))
    }

    /// Appends `entries` as one and returns the position of the first. On return they are durable. On an error none of them
    /// is there, unless the journal is [unsettled](Self::is_unsettled); with no entries that is all that it mends.
    pub fn append(&mut self, entries: &[Entry]) -> Result<u64, JournalError> {
        match self {
            Self::Embedded(journal) => journal.append(entries),
            Self::Nats(journal) => Ok(journal.append(entries)?),
        }
    }

    /// Whether the last append failed and may yet turn out to have been made: whether its entries come back with a restart,
    /// nobody knows.
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        match self {
            Self::Embedded(journal) => journal.is_unsettled(),
            Self::Nats(journal) => journal.is_unsettled(),
        }
    }

    /// The checkpoint has everything before `position`; the journal goes on there when it knows less: a position that was given away once must not
    /// be given to another entry. How many entries the journal has lost is returned.
    pub fn skip_to(&mut self, position: u64) -> Result<u64, JournalError> {
        match self {
            Self::Embedded(journal) => journal.skip_to(position),
            Self::Nats(journal) => Ok(journal.skip_to(position)),
        }
    }

    /// The position that the next entry will have.
    #[must_use]
    pub fn next_position(&self) -> u64 {
        match self {
            Self::Embedded(journal) => journal.next_position(),
            Self::Nats(journal) => journal.next_position(),
        }
    }

    /// Its size.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Embedded(journal) => journal.bytes(),
            Self::Nats(journal) => journal.bytes(),
        }
    }

    /// How many bytes were written into it since it was opened, as far as anybody has to know: see [`Self::checkpoint_bytes`].
    #[must_use]
    pub fn written(&self) -> u64 {
        match self {
            Self::Embedded(_) => 0,
            Self::Nats(journal) => journal.written(),
        }
    }

    /// After how many bytes a checkpoint is due, whatever the time: a server of NATS removes the oldest entries when the stream
    /// is full, also those that no checkpoint has. A disk waits for [`Self::trim`].
    #[must_use]
    pub fn checkpoint_bytes(&self) -> u64 {
        match self {
            Self::Embedded(_) => u64::MAX,
            Self::Nats(journal) => journal.checkpoint_bytes(),
        }
    }

    /// A reader from `position` on, which sees what is durable.
    #[must_use]
    pub fn reader(&self, position: u64) -> Reader {
        match self {
            Self::Embedded(journal) => Reader::Embedded(journal.reader(position)),
            Self::Nats(journal) => Reader::Nats(Box::new(journal.reader(position))),
        }
    }

    /// Removes what is older than the retention, or over the size, and in the newest checkpoint: it reaches to `saved` now, or
    /// could not be written. Entries from `needed` on are kept, unless the size leaves no choice; the number of needed entries
    /// that were given up is returned.
    pub fn trim(
        &mut self,
        saved: Option<u64>,
        needed: u64,
        now: Timestamp,
    ) -> Result<u64, JournalError> {
        match self {
            Self::Embedded(journal) => journal.trim(saved, needed, now),
            Self::Nats(journal) => Ok(journal.trim(needed.min(saved.unwrap_or(0)), now)?),
        }
    }

    /// Says that its owner is there, when it is time to and something else keeps the owner from appending.
    pub fn keep(&mut self, now: Timestamp) -> Result<(), nats::NatsError> {
        match self {
            Self::Embedded(_) => Ok(()),
            Self::Nats(journal) => journal.keep(now),
        }
    }

    /// What says whether its owner may act, when others could own it.
    #[must_use]
    pub fn lease(&self) -> Option<nats::Lease> {
        match self {
            Self::Embedded(_) => None,
            Self::Nats(journal) => Some(journal.lease()),
        }
    }

    /// Gives it back to those who share it.
    pub fn release(&mut self, now: Timestamp) -> Result<(), nats::NatsError> {
        match self {
            Self::Embedded(_) => Ok(()),
            Self::Nats(journal) => journal.release(now),
        }
    }

    /// Whether nothing was appended for so long that others might think that nobody is there.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        match self {
            Self::Embedded(_) => false,
            Self::Nats(journal) => journal.is_quiet(),
        }
    }
}

impl Reader {
    /// The position of the next entry.
    #[must_use]
    pub fn position(&self) -> u64 {
        match self {
            Self::Embedded(reader) => reader.position(),
            Self::Nats(reader) => reader.position(),
        }
    }

    /// Goes to `position`, forwards or back.
    pub fn seek(&mut self, position: u64) {
        match self {
            Self::Embedded(reader) => reader.seek(position),
            Self::Nats(reader) => reader.seek(position),
        }
    }

    /// Entries that were wanted and are gone, since the last call.
    pub fn take_skipped(&mut self) -> u64 {
        match self {
            Self::Embedded(reader) => reader.take_skipped(),
            Self::Nats(reader) => reader.take_skipped(),
        }
    }

    /// The entries of the next append with their positions; empty when everything that is durable has been read.
    pub fn next_batch(&mut self) -> Result<Vec<(u64, Entry)>, JournalError> {
        match self {
            Self::Embedded(reader) => reader.next_batch(),
            Self::Nats(reader) => Ok(reader.next_batch()?),
        }
    }
}
