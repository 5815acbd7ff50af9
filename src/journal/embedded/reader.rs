//! Reads entries from a position on, as far as they are durable.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::segment::{self, Frames};
use crate::event::Entry;
use crate::journal::JournalError;
use crate::journal::disk::Disk;

/// A reader. Independent of the writer but for what it may see.
#[derive(Debug)]
pub struct Reader {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    position: u64,
    durable: Arc<AtomicU64>,
    open: Option<(u64, Frames)>,
    /// Entries that were wanted and are gone: trimmed, or damaged.
    skipped: u64,
}

impl Reader {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        folder: PathBuf,
        position: u64,
        durable: Arc<AtomicU64>,
    ) -> Self {
        Self { disk, folder, position, durable, open: None, skipped: 0 }
    }

    /// The position of the next entry.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Goes to `position`, forwards or back.
    pub fn seek(&mut self, position: u64) {
        self.position = position;
        self.open = None;
    }

    /// Entries that were wanted and are gone, since the last call.
    pub fn take_skipped(&mut self) -> u64 {
        std::mem::take(&mut self.skipped)
    }

    /// The entries of the next append with their positions; empty when everything that is durable has been read.
    pub fn next_batch(&mut self) -> Result<Vec<(u64, Entry)>, JournalError> {
        while self.position < self.durable.load(Ordering::Acquire) {
            if self.open.is_none() && !self.find()? {
                return Ok(Vec::new());
            }
            let (first, frames) = self.open.as_mut().expect("just found");
            let path = self.folder.join(format!("{first:020}.journal"));
            let frame =
                frames.next_frame().map_err(|error| JournalError::io("read", &path, error))?;
            let Some(frame) = frame else {
                // The segment ends here, or holds nothing good from here on: go on with the next one.
                let first = *first;
                self.open = None;
                if !self.step_over(first)? {
                    return Ok(Vec::new());
                }
                continue;
            };
            let end = frame.first + u64::from(frame.count);
            if end > self.durable.load(Ordering::Acquire) {
                // Found behind damage, and still being written.
                self.open = None;
                return Ok(Vec::new());
            }
            if end <= self.position {
                continue;
            }
            self.skipped += frame.first.saturating_sub(self.position);
            self.position = self.position.max(frame.first);
            let Some(entries) = frame.entries() else {
                self.skipped += end - self.position;
                self.position = end;
                continue;
            };
            let from = self.position;
            self.position = end;
            let positioned = (frame.first..).zip(entries);
            return Ok(positioned.filter(|(position, _)| *position >= from).collect());
        }
        Ok(Vec::new())
    }

    /// Opens the segment that holds the position, or the oldest one when the position has been trimmed.
    fn find(&mut self) -> Result<bool, JournalError> {
        let firsts = segment::firsts(&*self.disk, &self.folder)?;
        let Some(first) =
            firsts.iter().rev().find(|first| **first <= self.position).or(firsts.first())
        else {
            return Ok(false);
        };
        if *first > self.position {
            self.skipped += first - self.position;
            self.position = *first;
        }
        let path = self.folder.join(format!("{first:020}.journal"));
        self.open = Some((*first, Frames::open(&*self.disk, &path, *first)?));
        Ok(true)
    }

    fn step_over(&mut self, first: u64) -> Result<bool, JournalError> {
        let firsts = segment::firsts(&*self.disk, &self.folder)?;
        let Some(next) = firsts.into_iter().find(|next| *next > first) else { return Ok(false) };
        if next > self.position {
            self.skipped += next - self.position;
            self.position = next;
        }
        Ok(true)
    }
}
