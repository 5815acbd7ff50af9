//! The other end of a standby's inlet: what was taken goes to the owner, by the stream of the intake.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use crate::event::Record;
use crate::journal::nats::{Intake, NatsError};
use crate::journal::{Delivery, InletError, Parcel, Passage, Receipt, Refusals};
use crate::telemetry;

/// Deliveries that are sent together: what gathers while NATS takes those before.
const DELIVERIES_MAX: usize = 256;

/// How often rejected input is counted.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// The task.
#[derive(Debug)]
pub(super) struct Forwarder {
    pub(super) parcels: mpsc::Receiver<Parcel>,
    pub(super) refusals: Arc<Refusals>,
    /// How it goes.
    pub(super) passage: Arc<Passage>,
    pub(super) intake: Intake,
}

impl Forwarder {
    /// Runs until every inlet is gone.
    pub(super) async fn run(mut self) {
        let mut counts = tokio::time::interval(COUNT_EVERY);
        counts.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut gathered = Vec::new();
        // Counts that could not be sent are sent with the next ones.
        let mut owed: Vec<Record> = Vec::new();
        loop {
            tokio::select! {
                received = self.parcels.recv_many(&mut gathered, DELIVERIES_MAX) => {
                    if received == 0 {
                        break;
                    }
                    self.forward(std::mem::take(&mut gathered)).await;
                }
                _ = counts.tick() => {
                    self.count(&mut owed).await;
                    self.knock().await;
                }
            }
        }
        self.count(&mut owed).await;
    }

    async fn count(&self, owed: &mut Vec<Record>) {
        if owed.is_empty() {
            owed.extend(self.refusals.drain());
        }
        if !owed.is_empty() {
            let delivery = Delivery { records: owed.clone(), events: Vec::new() };
            if self.send(vec![delivery]).await.is_ok() {
                owed.clear();
            }
        }
    }

    async fn send(&self, deliveries: Vec<Delivery>) -> Result<(), NatsError> {
        let sent = self.intake.send(deliveries).await;
        match &sent {
            Ok(()) => self.passage.took(),
            Err(error) => {
                self.passage.refused();
                telemetry::journal_failed(error.reason(), error);
            }
        }
        sent
    }

    /// Tries whether what failed goes again: to one that is not ready nothing more comes that would show it.
    async fn knock(&self) {
        if self.passage.is_doubted() && self.intake.knock().await.is_ok() {
            self.passage.took();
        }
    }

    /// Sends all deliveries, and answers those who wait.
    async fn forward(&self, parcels: Vec<Parcel>) {
        let (mut deliveries, mut waiting) = (Vec::new(), Vec::new());
        for Parcel { delivery, reply } in parcels {
            // Which of them are known, the owner will find out.
            let accepted = delivery.events.len() as u64;
            waiting.push((Receipt { accepted, duplicates: 0 }, reply));
            deliveries.push(delivery);
        }
        let sent = self.send(deliveries).await;
        let failure = sent.err().map(|error| InletError::Storage(error.to_string().into()));
        for (receipt, reply) in waiting {
            answer(reply, failure.clone().map_or(Ok(receipt), Err));
        }
    }
}

fn answer(
    reply: oneshot::Sender<Result<Receipt, InletError>>,
    outcome: Result<Receipt, InletError>,
) {
    // A sender that has given up needs no answer.
    drop(reply.send(outcome));
}
