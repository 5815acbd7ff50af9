//! Reads the entries of the journal's stream in order, and notices who owns it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::NatsError;
use super::part::{Joiner, Kind, Whole};
use super::search::find;
use super::stream::Stream;
use crate::event::Entry;
use crate::journal::frame;

/// Who owns the journal, as far as it was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Holder {
    /// Nothing was read that says so.
    #[default]
    Unknown,
    /// Its owner gave it back.
    Nobody,
    /// An instance has claimed it.
    Somebody,
}

/// A reader. Independent of the writer but for what it may see.
#[derive(Debug)]
pub struct Reader {
    stream: Stream,
    /// The sequence of the last message that may be read.
    end: Arc<AtomicU64>,
    position: u64,
    /// The sequence of the next message; `None` until it has been looked for.
    sequence: Option<u64>,
    joiner: Joiner,
    ready: VecDeque<Whole>,
    /// Entries that were wanted and are gone: trimmed, or damaged.
    skipped: u64,
    pub(super) holder: Holder,
}

impl Reader {
    pub(super) fn new(stream: Stream, end: Arc<AtomicU64>, position: u64) -> Self {
        Self {
            stream,
            end,
            position,
            sequence: None,
            joiner: Joiner::default(),
            ready: VecDeque::new(),
            skipped: 0,
            holder: Holder::default(),
        }
    }

    /// The position of the next entry.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Goes to `position`, forwards or back.
    pub fn seek(&mut self, position: u64) {
        self.position = position;
        self.sequence = None;
        self.joiner = Joiner::default();
        self.ready.clear();
    }

    /// Entries that were wanted and are gone, since the last call.
    pub fn take_skipped(&mut self) -> u64 {
        std::mem::take(&mut self.skipped)
    }

    /// The entries of the next append with their positions; empty when everything that is durable has been read.
    pub fn next_batch(&mut self) -> Result<Vec<(u64, Entry)>, NatsError> {
        while let Some(whole) = self.next_whole()? {
            match whole.head.kind {
                Kind::Batch => {}
                Kind::Claim => {
                    self.holder = Holder::Somebody;
                    continue;
                }
                Kind::Release => {
                    self.holder = Holder::Nobody;
                    continue;
                }
                Kind::Beat | Kind::Checkpoint => continue,
            }
            // What cannot be read is missed by the one that comes next.
            let Some(entries) = entries(&whole) else { continue };
            let end = whole.head.first + entries.len() as u64;
            if end <= self.position {
                continue;
            }
            self.skipped += whole.head.first.saturating_sub(self.position);
            let from = self.position;
            self.position = end;
            let positioned = (whole.head.first..).zip(entries);
            return Ok(positioned.filter(|(position, _)| *position >= from).collect());
        }
        Ok(Vec::new())
    }

    fn next_whole(&mut self) -> Result<Option<Whole>, NatsError> {
        loop {
            if let Some(whole) = self.ready.pop_front() {
                return Ok(Some(whole));
            }
            let end = self.end.load(Ordering::Acquire);
            let next = match self.sequence {
                Some(next) => next,
                None => self.find(end)?,
            };
            if next > end {
                return Ok(None);
            }
            let stream = self.stream.clone();
            let (messages, next) = self.stream.wait(async move { stream.read(next, end).await })?;
            self.sequence = Some(next);
            for message in messages {
                self.ready.extend(self.joiner.take(&message));
            }
        }
    }

    /// Looks for the message with the position; with the oldest that is kept when that one is gone.
    fn find(&mut self, end: u64) -> Result<u64, NatsError> {
        let (stream, position) = (self.stream.clone(), self.position);
        let found = self.stream.wait(async move {
            let first = stream.info().await?.first.max(1);
            find(&stream, first, end + 1, |head| head.first <= position).await
        })?;
        self.sequence = Some(found);
        Ok(found)
    }
}

pub(super) fn entries(whole: &Whole) -> Option<Vec<Entry>> {
    let frame = frame::check(whole.bytes.clone()).ok()?;
    (frame.first == whole.head.first).then(|| frame.entries()).flatten()
}
