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
use super::{Links, Target};
use crate::clock::Clock;
use crate::event::Timestamp;
use crate::journal::Inlet;
use crate::outbound::Transport;
use crate::signal::{Incident, Severity, Snapshot, State};
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
        couriers.spawn(name_abandoned(self.told, snapshots, stop));
        // The couriers have inlets of their own; this one would keep the journal open.
        drop(self.inlet);
        while let Some(ended) = couriers.join_next().await {
            ended.expect("a courier does not panic");
        }
    }
}

/// Says once of which receivers that nobody configures any more something is open that they were told, and will not hear the end of.
async fn name_abandoned(
    told: BTreeMap<Box<str>, ToldLog>,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    mut stop: watch::Receiver<bool>,
) {
    let known = |snapshot: &Arc<Snapshot>| snapshot.now != Timestamp::default();
    let first = tokio::select! {
        _ = stop.wait_for(|stop| *stop) => return,
        first = snapshots.wait_for(known) => match first {
            Ok(first) => Arc::clone(&first),
            Err(_) => return,
        },
    };
    for (receiver, open) in abandoned(&told, &first.incidents) {
        telemetry::receiver_gone(receiver, open);
    }
}

/// Those receivers, and how many of the incidents that fire they were told.
fn abandoned<'a>(
    told: &'a BTreeMap<Box<str>, ToldLog>,
    incidents: &[Arc<Incident>],
) -> Vec<(&'a str, usize)> {
    let fires = |fingerprint: &str| {
        incidents.iter().any(|one| {
            let watchdog = one.severity == Severity::None;
            one.state == State::Firing && !watchdog && *one.fingerprint == *fingerprint
        })
    };
    let open = |log: &ToldLog| log.iter().filter(|(name, (open, _))| *open && fires(name)).count();
    let all = told.iter().map(|(receiver, log)| (&**receiver, open(log)));
    all.filter(|(_, open)| *open > 0).collect()
}

#[cfg(test)]
mod tests;
