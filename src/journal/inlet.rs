//! The way into the journal: what sources hand over, and what they are told once it is durable.
//!
//! A delivery is answered after its records are on disk and folded, so that the answer can say what was new. Deliveries
//! that arrive while the disk is busy go into the next group commit together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::passage::Passage;
use crate::event::{AuthEvent, Reason, Record, Source};

/// What a source hands over in one go: all of it becomes durable together, or nothing.
#[derive(Debug, Default)]
pub struct Delivery {
    /// Events, in the order of the input, with the way they came.
    pub events: Vec<(Source, AuthEvent)>,
    /// Other records, appended after the events: cursors, directory entries, what a receiver was told.
    pub records: Vec<Record>,
}

/// What became of a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Receipt {
    /// Events that were new.
    pub accepted: u64,
    /// Events that had been seen before.
    pub duplicates: u64,
}

/// A delivery was not taken; none of it is in the journal.
#[derive(Debug, Clone, thiserror::Error)]
pub enum InletError {
    /// The queue is full: answer 503 with `Retry-After`, or wait.
    #[error("the intake queue is full")]
    Busy,
    /// The daemon is stopping.
    #[error("the daemon is stopping")]
    Closed,
    /// The disk refused.
    #[error("the journal cannot be written: {0}")]
    Storage(Arc<str>),
}

/// A delivery on its way, with the place for its answer.
#[derive(Debug)]
pub struct Parcel {
    /// What is delivered.
    pub delivery: Delivery,
    /// Where the answer goes; the sender may have given up waiting.
    pub reply: oneshot::Sender<Result<Receipt, InletError>>,
}

/// The handle that sources hold. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Inlet {
    parcels: mpsc::Sender<Parcel>,
    refusals: Arc<Refusals>,
    passage: Arc<Passage>,
}

/// Input rejected since the last drain. A fixed table, so that a flood of rubbish costs no memory and no disk.
#[derive(Debug, Default)]
pub struct Refusals([[AtomicU64; Reason::ALL.len()]; Source::ALL.len()]);

/// The way in and its end, with room for `deliveries_max` deliveries.
#[must_use]
pub fn inlet(deliveries_max: usize) -> (Inlet, mpsc::Receiver<Parcel>) {
    let (parcels, receiver) = mpsc::channel(deliveries_max);
    (Inlet { parcels, refusals: Arc::default(), passage: Arc::default() }, receiver)
}

impl Inlet {
    /// Hands over `delivery`, waiting for room, and waits until it is durable. For sources that can wait.
    pub async fn deliver(&self, delivery: Delivery) -> Result<Receipt, InletError> {
        let (reply, answer) = oneshot::channel();
        self.parcels.send(Parcel { delivery, reply }).await.map_err(|_| InletError::Closed)?;
        answer.await.unwrap_or(Err(InletError::Closed))
    }

    /// Hands over `delivery` if there is room now, and waits until it is durable. For requests, which must not pile up.
    pub async fn try_deliver(&self, delivery: Delivery) -> Result<Receipt, InletError> {
        let (reply, answer) = oneshot::channel();
        self.parcels.try_send(Parcel { delivery, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => InletError::Busy,
            mpsc::error::TrySendError::Closed(_) => InletError::Closed,
        })?;
        answer.await.unwrap_or(Err(InletError::Closed))
    }

    /// Counts input that was rejected. The count reaches the journal with the next tick.
    pub fn refuse(&self, source: Source, reason: Reason, count: u64) {
        self.refusals.0[source as usize][reason as usize].fetch_add(count, Ordering::Relaxed);
    }

    /// Where a standby notes what became of what it took.
    #[must_use]
    pub fn passage(&self) -> Arc<Passage> {
        Arc::clone(&self.passage)
    }

    /// The table that the owner of the journal drains.
    #[must_use]
    pub fn refusals(&self) -> Arc<Refusals> {
        Arc::clone(&self.refusals)
    }
}

impl Refusals {
    /// What was rejected since the last drain, as records; empty when nothing was.
    #[must_use]
    pub fn drain(&self) -> Vec<Record> {
        let mut sources = Source::ALL;
        sources.sort_unstable();
        sources.into_iter().filter_map(|source| self.drain_source(source)).collect()
    }

    fn drain_source(&self, source: Source) -> Option<Record> {
        let rejected: Vec<_> = Reason::ALL
            .into_iter()
            .map(|reason| {
                (reason, self.0[source as usize][reason as usize].swap(0, Ordering::Relaxed))
            })
            .filter(|(_, count)| *count > 0)
            .collect();
        (!rejected.is_empty()).then_some(Record::Refused { source, duplicates: 0, rejected })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_counted_by_source_and_reason_and_drained_once() {
        let (inlet, _end) = inlet(1);
        inlet.refuse(Source::Push, Reason::NotJson, 2);
        inlet.refuse(Source::Push, Reason::NotJson, 1);
        inlet.refuse(Source::WorkosWebhook, Reason::SignatureStale, 1);
        let refused = |source, reason, count| Record::Refused {
            source,
            duplicates: 0,
            rejected: vec![(reason, count)],
        };
        assert_eq!(
            inlet.refusals().drain(),
            [
                refused(Source::WorkosWebhook, Reason::SignatureStale, 1),
                refused(Source::Push, Reason::NotJson, 3)
            ]
        );
        assert_eq!(inlet.refusals().drain(), []);
    }

    #[tokio::test]
    async fn a_full_queue_is_busy_and_a_closed_one_says_so() {
        let (way_in, end) = inlet(1);
        let waiting = tokio::spawn({
            let way_in = way_in.clone();
            async move { way_in.try_deliver(Delivery::default()).await }
        });
        tokio::task::yield_now().await;
        assert!(matches!(way_in.try_deliver(Delivery::default()).await, Err(InletError::Busy)));
        drop(end);
        assert!(matches!(waiting.await.unwrap(), Err(InletError::Closed)));
        assert!(matches!(way_in.deliver(Delivery::default()).await, Err(InletError::Closed)));
    }
}
