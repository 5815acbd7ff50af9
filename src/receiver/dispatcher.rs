//! Tells each receiver what it is owed. Every place that is told has a task of its own: a slow one delays
//! nobody, and nothing is queued for it, because what it is owed follows from the newest snapshot whenever it
//! is ready to hear it.
//!
//! A notification counts as told when the service has accepted it; then this is recorded in the journal. A
//! crash between the two tells it once more after the restart: the dedup keys make that harmless everywhere
//! but in Slack.

mod courier;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use self::courier::Courier;
use super::log::Log;
use super::{Links, Target};
use crate::clock::Clock;
use crate::event::Timestamp;
use crate::journal::Inlet;
use crate::outbound::Transport;
use crate::signal::Snapshot;
use crate::telemetry;

/// By fingerprint: whether it was told as open, and when.
pub type ToldLog = BTreeMap<Box<str>, (bool, Timestamp)>;

/// Tells all receivers.
#[derive(Debug)]
pub struct Dispatcher<T> {
    /// Who is told.
    pub targets: Vec<Target>,
    /// Where people read more.
    pub links: Links,
    /// How it is sent.
    pub transport: T,
    /// What was told before, by [`Target::key`].
    pub told: BTreeMap<Box<str>, ToldLog>,
    /// The mark of the place where that was, by [`Target::key`].
    pub places: BTreeMap<Box<str>, Box<str>>,
    /// Where what was told is recorded.
    pub inlet: Inlet,
    /// The time.
    pub clock: Clock,
}

impl<T: Transport> Dispatcher<T> {
    /// Tells every receiver what it is owed on each new snapshot, until `stop`, or until nobody publishes any
    /// more.
    pub async fn run(
        mut self,
        snapshots: watch::Receiver<Arc<Snapshot>>,
        stop: watch::Receiver<bool>,
    ) {
        let links = Arc::new(self.links);
        let mut couriers = JoinSet::new();
        for target in self.targets {
            telemetry::receiver_begins(&target.name);
            let told = self.told.remove(&target.key).unwrap_or_default();
            let place = self.places.remove(&target.key);
            let (links, transport) = (Arc::clone(&links), self.transport.clone());
            let (inlet, clock) = (self.inlet.clone(), self.clock);
            let courier = Courier::new(target, &told, place, links, transport, inlet, clock);
            couriers.spawn(courier.run(snapshots.clone(), stop.clone()));
        }
        for (receiver, open) in abandoned(&self.told) {
            telemetry::receiver_gone(receiver, open);
        }
        // The couriers have inlets of their own; this one would keep the journal open.
        drop(self.inlet);
        while let Some(ended) = couriers.join_next().await {
            ended.expect("a courier does not panic");
        }
    }
}

/// Of receivers that nobody configures any more: how many incidents they were told are open, and will never hear the end of.
fn abandoned(told: &BTreeMap<Box<str>, ToldLog>) -> impl Iterator<Item = (&str, usize)> {
    let open = told.iter().map(|(receiver, log)| (&**receiver, Log::new(log).open()));
    open.filter(|(_, open)| *open > 0)
}

#[cfg(test)]
mod tests;
