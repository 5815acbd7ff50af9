//! The simulated world: people sign in, WorkOS reports it, and time goes on when that was delivered and seen.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::provider::Provider;
use super::webhooks::Webhooks;
use crate::clock::{Clock, Setter};
use crate::event::Timestamp;
use crate::signal::Snapshot;
use crate::simulate::{Recording, Wire};

/// How often due events are sent.
const BEAT_MILLIS: u32 = 100;

/// How many of the daemon's looks the world may be ahead of what it has seen.
const LEAD_LOOKS: f64 = 1.5;

/// The simulated world: people sign in, and WorkOS reports it.
pub(super) struct World<'a> {
    pub(super) recording: Recording<'a>,
    pub(super) wire: &'a Wire<'a>,
    pub(super) provider: &'a Provider,
    pub(super) webhooks: &'a mut Webhooks,
    pub(super) clock: Clock,
    pub(super) setter: Setter,
    /// What the daemon has seen.
    pub(super) snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl World<'_> {
    /// Turns until `end`, `speed` times faster than the wall and never before what happened was delivered.
    pub(super) async fn turn(&mut self, speed: u32, end: Option<Timestamp>) {
        let mut beats = tokio::time::interval(Duration::from_millis(BEAT_MILLIS.into()));
        let step = i64::from(BEAT_MILLIS * speed);
        let lead = self.clock.second().mul_f64(LEAD_LOOKS * f64::from(speed));
        let lead = i64::try_from(lead.as_millis()).unwrap_or(i64::MAX);
        // A beat that was missed is not made up for: the world was busy, and so was the machine.
        beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while end.is_none_or(|end| self.clock.now() < end) {
            beats.tick().await;
            let now = self.clock.now().plus_millis(step);
            while let Some(happening) = self.recording.next_before(now) {
                let body = self.wire.bytes(&happening);
                self.provider.keep(happening.at, &body);
                // An event may not come from the future.
                self.setter.set(happening.at);
                self.webhooks.send(body).await;
            }
            self.webhooks.settle().await;
            // The daemon cannot have seen more than its clock shows: where nothing happens for a while, only this sets it.
            let seen = now.plus_millis(-lead).min(self.clock.now());
            // An error means that the daemon is gone, which the one who tells notices.
            drop(self.snapshots.wait_for(|snapshot| snapshot.now >= seen).await);
            self.setter.set(now);
        }
    }
}
