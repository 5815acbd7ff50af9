//! Everything between the listeners and the network: sources, fold, sinks and receivers, over whatever clock, disk and network
//! they are given. The daemon gives them those of the machine, a simulation its own.

mod damage;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::fold::{CHECKPOINT_MILLIS, Course, Fold, Unsaved};
use super::sinks::Sinks;
use super::sources::Sources;
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::Config as EngineConfig;
use crate::event::{PLACES, Privacy, Record};
use crate::journal::{self, Disk, Inlet, Journal, JournalError, embedded};
use crate::outbound::{Limits, Transport};
use crate::receiver::dispatcher::Dispatcher;
use crate::signal::Snapshot;
use crate::sink::{datadog, otlp};
use crate::source::intake::Intake;
use crate::source::workos_api;
use crate::store::checkpoint::{Found, Place};
use crate::store::{State, ToldLog};
use crate::telemetry;

/// Deliveries that may wait for the disk: 1,000 webhooks, or two group commits of pushes.
pub(super) const QUEUE_MAX: usize = 1024;

/// What the core is given.
pub(super) struct Outside<T> {
    pub(super) clock: Clock,
    /// Where checkpoints go.
    pub(super) place: Place,
    /// Makes a client within limits.
    pub(super) network: Arc<dyn Fn(Limits) -> T + Send + Sync>,
    pub(super) privacy: Privacy,
    /// The exposition of the daemon's own telemetry.
    pub(super) own: datadog::Own,
    /// What a scrape answers.
    pub(super) scrape: otlp::Exposition,
    /// Up to where the archive has everything.
    pub(super) archived: Arc<AtomicU64>,
    /// Where snapshots are published.
    pub(super) publish: watch::Sender<Arc<Snapshot>>,
}

/// The folder of the embedded journal, in the data directory.
pub(super) const JOURNAL: &str = "journal";

/// Everything, not yet started.
pub(super) struct Core<T> {
    fold: Fold,
    sources: Sources,
    sinks: Sinks<T>,
    told: BTreeMap<Box<str>, ToldLog>,
    /// The marks of the places of receivers.
    places: BTreeMap<Box<str>, Box<str>>,
    inlet: Inlet,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    network: Arc<dyn Fn(Limits) -> T + Send + Sync>,
}

impl<T: Transport> Core<T> {
    /// Goes on from `state`, which is the fold of `journal`.
    pub(super) fn new(
        config: &Config,
        journal: Journal,
        mut state: State,
        outside: Outside<T>,
    ) -> anyhow::Result<Self> {
        let Outside { clock, place, network, privacy, own, scrape, archived, publish } = outside;
        // Whoever looks before the first tick sees what was recovered, and not an empty fleet.
        publish.send_replace(Arc::new(state.snapshot()));
        let (inlet, parcels) = journal::inlet(QUEUE_MAX);
        let snapshots = publish.subscribe();
        let told = state.told().clone();
        let places = state.cursors(PLACES);
        let places = places.filter_map(|(key, mark)| Some((key.strip_prefix(PLACES)?, mark)));
        let places = places.map(|(key, mark)| (key.into(), mark.into())).collect();
        let sources = Sources::new(config, &state, &inlet, clock, &privacy)?;
        let client = || network(Limits::default());
        let mut sinks = Sinks::new(config, &state, &journal, &inlet, clock, client, own, scrape)?;
        // Where logs begin stands in the first batch with events: a restart must not begin them behind those.
        let new = sinks.readers.iter().filter(|sink| state.sent(sink).is_none());
        let begin =
            |sink: &&str| Record::Sent { sink: (*sink).into(), mark: journal.next_position() };
        let owed = std::iter::once(Record::Resumed).chain(new.map(begin)).collect();
        let fold = Fold {
            state,
            lease: journal.lease(),
            unsaved: Unsaved::of(&journal),
            journal: Some(journal),
            readers: std::mem::take(&mut sinks.readers),
            archived,
            place,
            clock,
            parcels,
            refusals: inlet.refusals(),
            snapshots: publish,
            owed,
            checkpoint_due: clock.now().plus_millis(CHECKPOINT_MILLIS),
            saving: None,
            saved: None,
            refused: None,
            course: Course::default(),
            longest_tick: Duration::ZERO,
            unpublished: None,
        };
        Ok(Self { fold, sources, sinks, told, places, inlet, snapshots, network })
    }

    /// The routes' part of the sources.
    pub(super) fn intake(&self) -> Intake {
        self.sources.intake.clone()
    }

    /// The way into the journal, for what people decide.
    pub(super) fn inlet(&self) -> Inlet {
        self.inlet.clone()
    }

    /// Starts each part as a task of its own. `admin` is where people read more. The fold's task, which is returned, ends when
    /// nobody is left who could deliver something.
    pub(super) fn spawn(
        self,
        config: &Config,
        admin: SocketAddr,
        tasks: &mut JoinSet<()>,
        stopped: &watch::Receiver<bool>,
    ) -> anyhow::Result<JoinHandle<()>> {
        let dispatcher = Dispatcher {
            targets: config.targets().map_err(|error| anyhow!(error))?,
            links: config.links(admin).map_err(|error| anyhow!(error))?,
            transport: (self.network)(Limits::default()),
            told: self.told,
            places: self.places,
            inlet: self.inlet,
            clock: self.fold.clock,
        };
        self.sinks.start(tasks, &self.snapshots, stopped);
        self.sources.spawn(tasks, stopped, || (self.network)(workos_api::LIMITS));
        tasks.spawn(dispatcher.run(self.snapshots, stopped.clone()));
        Ok(tokio::spawn(self.fold.run()))
    }
}

/// Whether nobody else has the journal in the data directory.
pub(crate) fn vacant(config: &Config) -> Result<(), JournalError> {
    embedded::vacant(&*journal::operating_system(), &config.data_dir.0.join(JOURNAL))
}

/// What the daemon goes on from.
pub(super) fn recover(
    config: &Config,
    clock: Clock,
    disk: &Arc<dyn Disk>,
) -> anyhow::Result<(Journal, State)> {
    let (journal, mut state) = read(config, disk)?;
    resume(&mut state, clock);
    Ok((journal, state))
}

/// Last checkpoint, then the rest of the journal.
pub(super) fn read(config: &Config, disk: &Arc<dyn Disk>) -> anyhow::Result<(Journal, State)> {
    let data_dir = &config.data_dir.0;
    let folder = data_dir.join(JOURNAL);
    let (mut journal, recovery) =
        Journal::open_on(Arc::clone(disk), &folder, config.journal.embedded())?;
    damage::tail(&recovery);
    let engine = config.engine().map_err(|error| anyhow!(error))?;
    let place = Place::Folder(Arc::clone(disk), data_dir.clone());
    let mut state = load(&place, engine)?;
    place.keep_room(0);
    let checkpoint = state.position();
    let lost = journal.skip_to(checkpoint)?;
    if lost > 0 {
        let detail = format!(
            "the journal ends {lost} entries before the checkpoint; the state has them, sinks that read the journal do not"
        );
        telemetry::damage_found("journal_behind", &detail);
    }
    let mut reader = journal.reader(checkpoint);
    let mut entries = 0u64;
    loop {
        let batch = reader.next_batch()?;
        if batch.is_empty() {
            break;
        }
        for (position, entry) in batch {
            state.apply(position, &entry);
            entries += 1;
        }
    }
    damage::entries(&recovery, checkpoint, reader.take_skipped());
    tracing::info!(entries, position = state.position(), "State recovered.");
    Ok((journal, state))
}

/// The last checkpoint, or a state before the first entry.
pub(super) fn load(place: &Place, engine: EngineConfig) -> anyhow::Result<State> {
    Ok(match place.read(&engine).context("cannot read the checkpoint")? {
        Found::State(state) => *state,
        Found::Nothing => State::new(engine),
        Found::Unusable(why) => {
            let detail =
                format!("the checkpoint cannot be used ({why}); the whole journal is read instead");
            telemetry::damage_found("checkpoint", &detail);
            State::new(engine)
        }
        Found::Newer(why) => bail!(
            "a newer build wrote the checkpoint in {place} ({why}), and this one would put its own in its place; use that build, or, to \
             go on without what only the checkpoint knows, move it away"
        ),
    })
}

/// What began and ended while nobody watched is in the record; nobody is paged for it now, nor for the silence.
pub(super) fn resume(state: &mut State, clock: Clock) {
    state.resume(clock.now());
    drop(state.transitions());
}

#[cfg(test)]
mod tests;
