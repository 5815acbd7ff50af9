//! A standby's state: what the owner has journaled, folded as a restart would fold it. So it becomes the owner's when there is
//! none, without having to be read first.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use tokio::sync::watch;
use tokio::time::sleep;

use super::core::{load, resume};
use crate::clock::Clock;
use crate::config::Config;
use crate::engine;
use crate::journal::Journal;
use crate::journal::nats::{Candidate, Cluster, NatsError};
use crate::offload::offload;
use crate::setting::machine;
use crate::signal::Snapshot;
use crate::store::State;
use crate::store::checkpoint::Place;
use crate::telemetry;

/// How often it is looked for more: a page of a standby is so much older.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// The work.
#[derive(Debug)]
pub(super) struct Follower {
    place: Place,
    engine: engine::Config,
    candidate: Candidate,
    /// `None` until the checkpoint was read.
    state: Option<State>,
    name: String,
    clock: Clock,
}

/// What a turn came to.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    /// Nothing new.
    Quiet,
    /// The state has moved.
    Moved,
    /// The journal is this instance's.
    Claimed,
}

/// What an instance begins as.
#[derive(Debug)]
pub(super) enum Seat {
    Owner(Box<Claimed>),
    Standby(Box<Follower>),
}

/// What the owner goes on from.
#[derive(Debug)]
pub(super) struct Claimed {
    pub(super) journal: Journal,
    pub(super) state: State,
}

impl Follower {
    pub(super) fn new(config: &Config, cluster: &Cluster, clock: Clock) -> anyhow::Result<Self> {
        Ok(Self {
            place: Place::Nats(cluster.checkpoints()),
            engine: config.engine().map_err(|error| anyhow!(error))?,
            candidate: cluster.candidate(),
            state: None,
            name: name(),
            clock,
        })
    }

    /// The journal, for those who read it.
    pub(super) fn journal(&self) -> Journal {
        Journal::Nats(self.candidate.journal())
    }

    /// What is known now, once the checkpoint was read.
    pub(super) fn snapshot(&mut self) -> Option<Snapshot> {
        self.state.as_mut().map(State::snapshot)
    }

    /// Reads on, and becomes the owner if there is none. Takes as long as NATS does.
    fn turn(&mut self) -> anyhow::Result<Turn> {
        self.candidate.look()?;
        let state = match &mut self.state {
            Some(state) => state,
            empty => {
                let state = load(&self.place, self.engine.clone())?;
                self.candidate.seek(state.position());
                empty.insert(state)
            }
        };
        let mut turn = Turn::Quiet;
        loop {
            let batch = self.candidate.next_batch()?;
            if batch.is_empty() {
                break;
            }
            turn = Turn::Moved;
            let gone = self.candidate.take_skipped();
            if gone > 0 {
                // Whatever an instance missed that was away for longer than the journal reaches back, the checkpoint has.
                let newest = load(&self.place, self.engine.clone()).inspect_err(|_| {
                    // The next turn finds the same hole.
                    self.candidate.seek(state.position());
                })?;
                if newest.position() > state.position() {
                    telemetry::journal_hole_passed(gone);
                    *state = newest;
                    self.candidate.seek(state.position());
                    continue;
                }
                let detail = "the journal in NATS has dropped them and no checkpoint has them; look for checkpoints that could not \
                              be written, and raise `journal.nats.max_bytes`";
                telemetry::entries_lost("journal_gap", gone, &detail);
            }
            for (position, entry) in batch {
                state.apply(position, &entry);
            }
        }
        // They are the owner's to tell.
        drop(state.transitions());
        let now = self.clock.now().max(state.now());
        if self.candidate.claim(&self.name, now, state.position())? {
            turn = Turn::Claimed;
        }
        Ok(turn)
    }

    /// One turn, at once: who finds the journal without an owner begins as such.
    pub(super) fn begin(mut self) -> anyhow::Result<Seat> {
        Ok(match self.turn()? {
            Turn::Claimed => Seat::Owner(Box::new(self.claimed())),
            Turn::Quiet | Turn::Moved => Seat::Standby(Box::new(self)),
        })
    }

    /// What the owner goes on from, after the claim.
    fn claimed(self) -> Claimed {
        let mut state = self.state.expect("it was claimed with a state");
        resume(&mut state, self.clock);
        tracing::info!(position = state.position(), name = self.name, "Owner of the journal.");
        Claimed { journal: Journal::Nats(self.candidate.into_journal()), state }
    }

    /// Publishes what is known, until this is the owner. Ends without it at `stop`, and when all must be read anew.
    pub(super) async fn run(
        self,
        publish: watch::Sender<Arc<Snapshot>>,
        mut stop: watch::Receiver<bool>,
    ) -> Option<Claimed> {
        // Away while a thread has it.
        let mut follower = Some(self);
        loop {
            let mut work = follower.take().expect("it is only away during a turn");
            let turn = offload(move || {
                let turn = work.turn();
                let moved = matches!(turn, Ok(Turn::Moved));
                let snapshot = if moved { work.snapshot() } else { None };
                (work, turn, snapshot)
            });
            let (work, turn, snapshot) = turn.await.expect("a turn does not panic");
            if let Some(snapshot) = snapshot {
                publish.send_replace(Arc::new(snapshot));
            }
            let pause = match turn {
                Ok(Turn::Claimed) => return Some(work.claimed()),
                Ok(Turn::Quiet | Turn::Moved) => LOOK_EVERY,
                Err(error) => {
                    telemetry::journal_away(&error);
                    if matches!(error.downcast_ref(), Some(NatsError::Shrunk)) {
                        return None;
                    }
                    PAUSE
                }
            };
            follower = Some(work);
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return None,
                () = sleep(pause) => {}
            }
        }
    }
}

/// What this instance is called: its machine, and something that tells it from others there.
pub(super) fn name() -> String {
    format!("{}/{}", machine().unwrap_or_default(), std::process::id())
}
