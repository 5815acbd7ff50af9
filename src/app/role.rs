//! The two roles of an instance: the owner of the journal, which judges and tells, and a standby, which takes what comes and
//! reads along.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::anyhow;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::collector::{self, Collector};
use super::core::{Core, Outside, QUEUE_MAX};
use super::follower::{Claimed, Follower, Seat};
use super::forwarder::Forwarder;
use super::leased::Leased;
use super::sources::Sources;
use crate::clock::Clock;
use crate::config::Config;
use crate::event::Privacy;
use crate::journal::nats::{Cluster, Lease};
use crate::journal::{self, Inlet};
use crate::outbound::{Client, Limits};
use crate::signal::Snapshot;
use crate::sink::{datadog, otlp};
use crate::source::intake::Intake;
use crate::store::checkpoint::Place;

/// How often an owner looks whether it still is: a small part of what others wait for.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What both roles are given.
pub(super) struct Around {
    pub(super) place: Place,
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

/// A role, not yet begun.
pub(super) enum Part {
    Owner { core: Box<Core<Leased<Client>>>, shared: Option<Box<Shared>> },
    Standby(Box<Waiting>),
}

/// What an owner shares with others.
pub(super) struct Shared {
    cluster: Cluster,
    lease: Lease,
    collector: Collector,
}

/// What a standby is made of.
pub(super) struct Waiting {
    cluster: Cluster,
    sources: Sources,
    inlet: Inlet,
    follower: Follower,
    forwarder: Forwarder,
    publish: watch::Sender<Arc<Snapshot>>,
}

/// A role in which a daemon is.
#[derive(Debug)]
pub(super) enum Role {
    Owner { fold: JoinHandle<()>, shared: Option<(Cluster, Lease)> },
    Standby { cluster: Cluster, follower: JoinHandle<Option<Claimed>>, forwarder: JoinHandle<()> },
}

/// An instance changes its role: it owns the journal now, and goes on from this; or it may not own it any more.
#[derive(Debug)]
pub struct Turn(pub(super) Option<Box<Claimed>>);

impl Part {
    pub(super) fn new(
        config: &Config,
        clock: Clock,
        seat: Seat,
        cluster: Option<Cluster>,
        around: Around,
    ) -> anyhow::Result<Self> {
        match (seat, cluster) {
            (Seat::Owner(claimed), cluster) => {
                Self::owner(config, clock, *claimed, cluster, around)
            }
            (Seat::Standby(follower), Some(cluster)) => {
                let (inlet, parcels) = journal::inlet(QUEUE_MAX);
                let sources = Sources::listening(config, &inlet, clock, &around.privacy)?;
                let (refusals, passage) = (inlet.refusals(), inlet.passage());
                let intake = cluster.intake();
                let forwarder = Forwarder { parcels, refusals, passage, intake };
                let publish = around.publish;
                let mut follower = *follower;
                if let Some(snapshot) = follower.snapshot() {
                    publish.send_replace(Arc::new(snapshot));
                }
                let waiting = Waiting { cluster, sources, inlet, follower, forwarder, publish };
                Ok(Self::Standby(Box::new(waiting)))
            }
            (Seat::Standby(_), None) => unreachable!("one alone owns its journal"),
        }
    }

    fn owner(
        config: &Config,
        clock: Clock,
        claimed: Claimed,
        cluster: Option<Cluster>,
        around: Around,
    ) -> anyhow::Result<Self> {
        let Claimed { journal, state } = claimed;
        let Around { place, privacy, own, scrape, archived, publish } = around;
        let lease = journal.lease();
        let cursor = state.cursor(collector::CURSOR).map(str::to_owned);
        let route = config.outbound.route().map_err(|error| anyhow!(error))?;
        let term = lease.clone();
        let network = move |limits: Limits| Leased {
            transport: Client::new(limits, &route),
            lease: term.clone(),
        };
        let outside = Outside {
            clock,
            place,
            network: Arc::new(network),
            privacy,
            own,
            scrape,
            archived,
            publish,
        };
        let core = Core::new(config, journal, state, outside)?;
        let shared = cluster.zip(lease).map(|(cluster, lease)| {
            let (intake, inlet) = (cluster.intake(), core.inlet());
            Box::new(Shared { cluster, lease, collector: Collector { intake, cursor, inlet } })
        });
        Ok(Self::Owner { core: Box::new(core), shared })
    }

    /// The routes' part of the sources.
    pub(super) fn intake(&self) -> Intake {
        match self {
            Self::Owner { core, .. } => core.intake(),
            Self::Standby(waiting) => waiting.sources.intake.clone(),
        }
    }

    /// The way into the journal, for what people decide.
    pub(super) fn inlet(&self) -> Inlet {
        match self {
            Self::Owner { core, .. } => core.inlet(),
            Self::Standby(waiting) => waiting.inlet.clone(),
        }
    }

    /// Whether it is that of the owner.
    pub(super) fn owns(&self) -> bool {
        matches!(self, Self::Owner { .. })
    }

    /// Begins. `admin` is where people read more.
    pub(super) fn spawn(
        self,
        config: &Config,
        admin: SocketAddr,
        tasks: &mut JoinSet<()>,
        stopped: &watch::Receiver<bool>,
    ) -> anyhow::Result<Role> {
        match self {
            Self::Owner { core, shared } => {
                let shared = shared.map(|shared| {
                    let Shared { cluster, lease, collector } = *shared;
                    tasks.spawn(collector.run(stopped.clone()));
                    (cluster, lease)
                });
                let fold = core.spawn(config, admin, tasks, stopped)?;
                Ok(Role::Owner { fold, shared })
            }
            Self::Standby(waiting) => {
                let Waiting { cluster, sources, follower, forwarder, publish, .. } = *waiting;
                sources.spawn::<Client>(tasks, stopped, || unreachable!("a standby asks nobody"));
                let follower = tokio::spawn(follower.run(publish, stopped.clone()));
                let forwarder = tokio::spawn(forwarder.run());
                Ok(Role::Standby { cluster, follower, forwarder })
            }
        }
    }
}

impl Role {
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Owner { .. } => "owner",
            Self::Standby { .. } => "standby",
        }
    }

    pub(super) fn cluster(&self) -> Option<Cluster> {
        match self {
            Self::Owner { shared, .. } => shared.as_ref().map(|(cluster, _)| cluster.clone()),
            Self::Standby { cluster, .. } => Some(cluster.clone()),
        }
    }

    /// Waits for its end.
    pub(super) async fn turn(&mut self) -> Turn {
        match self {
            Self::Owner { shared: None, .. } => pending().await,
            Self::Owner { shared: Some((_, lease)), .. } => {
                while lease.holds() {
                    sleep(LOOK_EVERY).await;
                }
                Turn(None)
            }
            Self::Standby { follower, .. } => match follower.await {
                Ok(claimed) => Turn(claimed.map(Box::new)),
                Err(error) => {
                    tracing::error!(%error, "The standby's task failed.");
                    Turn(None)
                }
            },
        }
    }

    /// Ends when everybody has gone who could deliver something, and gives back what it owns.
    pub(super) async fn end(self) {
        let ended = match self {
            Self::Owner { fold, .. } => fold.await,
            Self::Standby { follower, forwarder, .. } => {
                // It may have become the owner in this very moment: then others wait until they hear nothing of it.
                follower.abort();
                forwarder.await
            }
        };
        if let Err(error) = ended {
            tracing::error!(%error, "The state's task failed.");
        }
    }

    /// Ends at once, whatever is under way.
    pub(super) fn abort(self) {
        match self {
            Self::Owner { fold, .. } => fold.abort(),
            Self::Standby { follower, forwarder, .. } => {
                follower.abort();
                forwarder.abort();
            }
        }
    }
}
