//! The journal as its owner writes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use super::error::NatsError;
use super::lease::Lease;
use super::part::{self, Head, Kind};
use super::reader::Reader;
use super::search::find;
use super::stream::{Followed, Stream};
use crate::event::{Entry, Timestamp};
use crate::journal::frame;
use crate::setting::Period;

/// The journal's writer, when it holds the lease. An append becomes known as made, or the lease is lost with it: there is
/// nothing between, because whoever owns the journal next finds out.
#[derive(Debug)]
pub struct Journal {
    stream: Stream,
    keep: Keep,
    /// Tells this writer from all others.
    writer: u64,
    lease: Lease,
    /// The sequence of the last message that is known.
    end: Arc<AtomicU64>,
    /// The position that the next entry will have.
    next: u64,
    /// The oldest position that is kept, as far as known.
    first: Option<u64>,
    bytes: u64,
    /// How much this one has written, with what the server keeps beside each message.
    written: u64,
}

/// How much of the journal is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keep {
    /// For how long.
    pub(super) retention: Period,
    /// Beyond it the server removes the oldest messages, whatever still needs them.
    pub(super) max_bytes: u64,
}

/// What a message takes beside its content: its subject, its id, the one that it follows, and the server's own.
const BESIDE_BYTES: u64 = 200;

/// Of how many parts of the journal's size one may be written from checkpoint to checkpoint. What the owner before has written
/// since its last, and what comes while one is being written, have to stay as well.
const CHECKPOINTS_PER_JOURNAL: u64 = 4;

impl Journal {
    pub(super) fn new(stream: Stream, keep: Keep) -> Self {
        Self {
            stream,
            keep,
            writer: fresh_id(),
            lease: Lease::default(),
            end: Arc::default(),
            next: 0,
            first: None,
            bytes: 0,
            written: 0,
        }
    }

    /// The same stream as far as this one knows it, without the lease.
    pub(super) fn read_only(&self) -> Self {
        Self { end: Arc::clone(&self.end), ..Self::new(self.stream.clone(), self.keep) }
    }

    /// See [`crate::journal::Journal::append`]. An error means that the lease is lost.
    pub fn append(&mut self, entries: &[Entry]) -> Result<u64, NatsError> {
        if !self.lease.holds() {
            self.lease.lose();
            return Err(NatsError::NotOwner);
        }
        let first = self.next;
        let Some(last) = entries.last() else { return Ok(first) };
        self.write(Kind::Batch, last.received_at, &frame::encode(first, entries))?;
        self.next += entries.len() as u64;
        Ok(first)
    }

    /// See [`crate::journal::Journal::keep`].
    pub fn keep(&mut self, now: Timestamp) -> Result<(), NatsError> {
        if self.is_quiet() {
            return self.write(Kind::Beat, now, &[]);
        }
        if self.lease.holds() { Ok(()) } else { Err(NatsError::NotOwner) }
    }

    /// Tries to become the owner, called `name`, behind all that is known; whether that worked. On return nothing of the owner
    /// before is taken any more.
    pub(super) fn claim(
        &mut self,
        name: &str,
        now: Timestamp,
        next: u64,
    ) -> Result<bool, NatsError> {
        self.next = next;
        self.lease = Lease::default();
        self.writer = fresh_id();
        self.lease.renew(Instant::now());
        // A server that was parted from the others may answer for what it then has to take back. What has been followed stays.
        let claimed = self.write(Kind::Claim, now, name.as_bytes());
        match claimed.and_then(|()| self.write(Kind::Beat, now, &[])) {
            Ok(()) => Ok(true),
            Err(NatsError::NotOwner) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Gives the journal back, so that nobody need wait to become the owner.
    pub fn release(&mut self, now: Timestamp) -> Result<(), NatsError> {
        let released = self.write(Kind::Release, now, &[]);
        self.lease.lose();
        released
    }

    /// Sends the messages of one append, each behind the one before.
    fn write(&mut self, kind: Kind, newest: Timestamp, bytes: &[u8]) -> Result<(), NatsError> {
        let messages = part::split(kind, self.writer, self.next, newest, bytes);
        let mut last = self.end.load(Ordering::Acquire);
        for message in messages {
            let (stream, left) = (self.stream.clone(), self.lease.left());
            let id = format!("{:016x}-{last}", self.writer);
            let sent = Instant::now();
            self.written += message.len() as u64 + BESIDE_BYTES;
            let taken = self.stream.wait(async move {
                let end = Instant::now() + left;
                stream.follow(last, &id, &message, end).await
            });
            match taken {
                Ok(Followed::Taken) => self.lease.renew(sent),
                Ok(Followed::Refused) => {
                    self.lease.lose();
                    return Err(NatsError::NotOwner);
                }
                Err(error) => {
                    self.lease.lose();
                    return Err(error.into());
                }
            }
            last += 1;
        }
        self.end.store(last, Ordering::Release);
        Ok(())
    }

    /// See [`crate::journal::Journal::is_unsettled`].
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        !self.lease.holds()
    }

    /// See [`crate::journal::Journal::skip_to`].
    pub fn skip_to(&mut self, position: u64) -> u64 {
        let lost = position.saturating_sub(self.next);
        self.next = self.next.max(position);
        lost
    }

    /// See [`crate::journal::Journal::next_position`].
    #[must_use]
    pub fn next_position(&self) -> u64 {
        self.next
    }

    /// See [`crate::journal::Journal::bytes`].
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// See [`crate::journal::Journal::written`].
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// See [`crate::journal::Journal::checkpoint_bytes`].
    #[must_use]
    pub fn checkpoint_bytes(&self) -> u64 {
        self.keep.max_bytes / CHECKPOINTS_PER_JOURNAL
    }

    /// See [`crate::journal::Journal::reader`].
    #[must_use]
    pub fn reader(&self, position: u64) -> Reader {
        Reader::new(self.stream.clone(), Arc::clone(&self.end), position)
    }

    /// See [`crate::journal::Journal::is_quiet`].
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.lease.is_quiet()
    }

    /// What says whether the owner may act.
    #[must_use]
    pub fn lease(&self) -> Lease {
        self.lease.clone()
    }

    /// Whether nothing was ever written.
    pub(super) fn is_empty(&self) -> bool {
        self.end.load(Ordering::Acquire) == 0
    }

    /// Asks how far the stream goes: further than is known, as far, or less far.
    pub(super) fn look(&mut self) -> Result<std::cmp::Ordering, NatsError> {
        let stream = self.stream.clone();
        let info = self.stream.wait(async move { stream.info().await })?;
        self.bytes = info.bytes;
        let known = self.end.load(Ordering::Acquire);
        self.end.store(info.last.max(known), Ordering::Release);
        Ok(info.last.cmp(&known))
    }

    /// See [`crate::journal::Journal::trim`]. The size is kept by the server, which removes the oldest messages.
    pub fn trim(&mut self, needed: u64, now: Timestamp) -> Result<u64, NatsError> {
        let oldest = now.plus_millis(-self.keep.retention.millis());
        let (stream, end) = (self.stream.clone(), self.end.load(Ordering::Acquire));
        let (bytes, first) = self.stream.wait(async move {
            let info = stream.info().await?;
            let old = |head: Head| head.newest < oldest && head.first <= needed;
            let keep = find(&stream, info.first.max(1), end + 1, old).await?;
            if keep > info.first {
                stream.purge(keep).await?;
            }
            let message = stream.get(keep).await?;
            let first = message.as_deref().and_then(part::read).map_or(0, |(head, _)| head.first);
            Ok::<_, NatsError>((info.bytes, first))
        })?;
        self.bytes = bytes;
        let given_up = self.first.map_or(0, |known| first.saturating_sub(needed.max(known)));
        self.first = Some(first);
        Ok(given_up)
    }
}

/// A number that no other writer has.
pub(super) fn fresh_id() -> u64 {
    fastrand::u64(..)
}
