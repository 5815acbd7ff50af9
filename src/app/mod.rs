//! Assembly: opens the journal, recovers the state, and starts what the configuration asks for.

mod archivist;
mod collector;
mod core;
mod fold;
mod follower;
mod forwarder;
mod keys;
mod leased;
mod migration;
mod role;
#[cfg(test)]
mod simulation;
mod sinks;
mod sources;

use std::fs;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, anyhow};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::config::Config;
use crate::journal;
use crate::journal::nats::Cluster;
use crate::listener::{Listener, Sockets};
use crate::signal::Snapshot;
use crate::sink::otlp;
use crate::source::intake;
use crate::store::checkpoint::Place;
use crate::telemetry;
use crate::web::exposition::Exposition;
use crate::web::series::Series;
use crate::web::{self, Admin, Reload};

use self::archivist::Archivist;
use self::core::recover;
pub(crate) use self::core::vacant;
use self::follower::{Claimed, Follower, Seat};
pub(crate) use self::keys::weak_key;
pub use self::role::Turn;
use self::role::{Around, Part, Role};

/// How long sources, sinks, receivers and listeners may take to stop: an answer that is due within the time limit of most
/// requests still arrives, and a supervisor that kills after 10 s does not get to.
const STOP_MAX: Duration = Duration::from_secs(7);

/// How long a standby that becomes the owner may take to end what it does: the others wait for its first sign of life.
const TURN_MAX: Duration = Duration::from_secs(2);

/// How often memory, open files and processor time are measured: more often than anybody scrapes.
const MEASURE_EVERY: Duration = Duration::from_secs(5);

/// The listeners' names, as in the configuration.
const ADMIN: &str = "admin";
/// See [`ADMIN`].
const INTAKE: &str = "intake";

/// The sockets that `config` asks for.
#[must_use]
pub fn wanted(config: &Config) -> [(&'static str, SocketAddr); 2] {
    [(ADMIN, config.http.admin.listen), (INTAKE, config.http.intake.listen)]
}

/// A sign-in without an end so long after the time-out is expected to have none: as the engine counts it.
const STALL_GRACE_MILLIS: i64 = 60_000;

/// A running daemon.
#[derive(Debug)]
pub struct Daemon {
    /// Where the admin listener is.
    pub admin: SocketAddr,
    /// Where the intake listener is.
    pub intake: SocketAddr,
    /// The newest snapshot.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    role: Role,
}

/// The same for as long as the process and its configuration live.
struct Setting<'a> {
    config: &'a Config,
    clock: Clock,
    sockets: &'a mut Sockets,
    reload: Option<Reload>,
}

impl Daemon {
    /// Recovers the state and starts everything, on `sockets` or new ones. On return the listeners accept. Whoever wants the
    /// configuration to be loaded again is heard by `reload`, when there is one.
    pub fn start(
        config: &Config,
        clock: Clock,
        sockets: &mut Sockets,
        reload: Option<Reload>,
    ) -> anyhow::Result<Self> {
        let setting = Setting { config, clock, sockets, reload };
        setting.sockets.open(&wanted(config))?;
        let data_dir = &config.data_dir.0;
        fs::create_dir_all(data_dir)
            .with_context(|| format!("cannot create `data_dir` {}", data_dir.display()))?;
        // Before anything can be found broken, which is counted.
        recorder()?;
        let Some(nats) = &config.journal.nats else {
            let disk = journal::operating_system();
            let (journal, state) = recover(config, clock, &disk)?;
            let place = Place::Folder(disk, data_dir.clone());
            return Self::begin(
                setting,
                place,
                None,
                Seat::Owner(Box::new(Claimed { journal, state })),
            );
        };
        let cluster = Cluster::open(nats)?;
        let seat = match migration::bring(config, clock, &cluster)? {
            Some(claimed) => Seat::Owner(Box::new(claimed)),
            None => Follower::new(config, &cluster, clock)?.begin()?,
        };
        Self::begin(setting, Place::Nats(cluster.checkpoints()), Some(cluster), seat)
    }

    fn begin(
        setting: Setting<'_>,
        place: Place,
        cluster: Option<Cluster>,
        seat: Seat,
    ) -> anyhow::Result<Self> {
        let Setting { config, clock, sockets, reload } = setting;
        sockets.open(&wanted(config))?;
        let (own, privacy) = (recorder()?, keys::privacy(config)?);
        let (publish, snapshots) = watch::channel(Arc::default());
        let (stop, stopped) = watch::channel(false);
        let series = Arc::new(Series::new(config.sinks.prometheus.max_connections));
        let archivist = archivist(config, &seat, clock)?;
        let sessions = web::sessions::Sessions::new(
            config.data_dir.0.join(archivist::FILE),
            privacy.clone(),
            config.sessions.timeout.millis() + STALL_GRACE_MILLIS,
        );
        let samples = own.clone();
        let scrape = scrape(snapshots.clone(), Arc::clone(&series), own.clone());
        let outside = Around {
            archived: Arc::clone(&archivist.position),
            place,
            privacy,
            own: Arc::new(move || samples.render()),
            scrape,
            publish,
        };
        let part = Part::new(config, clock, seat, cluster, outside)?;
        // Where people come in stands in the configuration, or follows from the address.
        let external_url =
            config.links(config.http.admin.listen).map_err(|error| anyhow!(error))?.external_url;
        let admin = Admin {
            snapshots: snapshots.clone(),
            own,
            token: config.admin_token().map_err(|error| anyhow!(error))?,
            series,
            inlet: part.inlet(),
            clock,
            external_url,
            reload,
            guard: web::Guard::default(),
            vocabulary: config.vocabulary(),
            sessions,
            owner: part.owns(),
            receivers: config.receivers.len(),
        };
        let mut tasks = JoinSet::new();
        let [admin_tls, intake_tls] = config.acceptors().map_err(|error| anyhow!(error))?;
        let (address, routes) = (config.http.admin.listen, web::router(admin));
        let admin_http = Listener::new(ADMIN, sockets.get(ADMIN, address)?, admin_tls, routes)?;
        let (address, routes) = (config.http.intake.listen, intake::router(part.intake()));
        let intake_http = Listener::new(INTAKE, sockets.get(INTAKE, address)?, intake_tls, routes)?;
        let (admin, intake) = (admin_http.address()?, intake_http.address()?);
        tasks.spawn(admin_http.run(stopped.clone()));
        tasks.spawn(intake_http.run(stopped.clone()));
        tasks.spawn(measure(stopped.clone()));
        tasks.spawn(archivist.run(snapshots.clone(), stopped.clone()));
        telemetry::owns(part.owns());
        let role = part.spawn(config, admin, &mut tasks, &stopped)?;
        tracing::info!(%admin, %intake, role = role.as_str(), "Ready.");
        Ok(Self { admin, intake, snapshots, stop, tasks, role })
    }

    /// Waits until this instance becomes the owner of the journal or ceases to be; forever where there is only one.
    pub async fn turn(&mut self) -> Turn {
        self.role.turn().await
    }

    /// Goes on in its other role, on the same sockets; the rest as for [`Daemon::start`].
    pub async fn turn_over(
        self,
        turn: Turn,
        config: &Config,
        clock: Clock,
        sockets: &mut Sockets,
        reload: Option<Reload>,
    ) -> anyhow::Result<Self> {
        let Self { stop, mut tasks, role, .. } = self;
        let Some(cluster) = role.cluster() else { unreachable!("one alone has one role") };
        let seat = if let Turn(Some(claimed)) = turn {
            // What is under way has a moment to end; the lease runs already.
            stop.send_replace(true);
            let ended = async { while tasks.join_next().await.is_some() {} };
            drop(tokio::time::timeout(TURN_MAX, ended).await);
            tasks.shutdown().await;
            // What is on its way to NATS by then goes on beside the new role.
            drop(tokio::time::timeout(TURN_MAX, role.end()).await);
            Seat::Owner(claimed)
        } else {
            tracing::warn!("Another instance may own the journal; this one begins as a standby.");
            // At once: nothing is to be told or written any more.
            role.abort();
            tasks.shutdown().await;
            for sink in config.engine().map_err(|error| anyhow!(error))?.sinks {
                telemetry::sink_ends(&sink);
            }
            Seat::Standby(Box::new(Follower::new(config, &cluster, clock)?))
        };
        let setting = Setting { config, clock, sockets, reload };
        Self::begin(setting, Place::Nats(cluster.checkpoints()), Some(cluster), seat)
    }

    /// Stops within [`STOP_MAX`] and the time of two checkpoints: answers what is under way, makes it durable, writes a checkpoint.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_MAX, ended).await.is_err() {
            tracing::warn!(
                "Requests to others took too long for the stop; they are sent again after the start."
            );
            self.tasks.shutdown().await;
        }
        self.role.end().await;
    }
}

fn archivist(config: &Config, seat: &Seat, clock: Clock) -> anyhow::Result<Archivist> {
    let limits = archivist::limits(config);
    let data_dir = &config.data_dir.0;
    Ok(match seat {
        Seat::Owner(claimed) => {
            // Known from the first scrape on; later each checkpoint says it.
            telemetry::journal_bytes(claimed.journal.bytes());
            let end = Some(claimed.journal.next_position());
            Archivist::new(data_dir, limits, &claimed.journal, end, clock)?
        }
        Seat::Standby(follower) => {
            Archivist::new(data_dir, limits, &follower.journal(), None, clock)?
        }
    })
}

/// Measures what the daemon takes of the machine, until it stops.
async fn measure(mut stopped: watch::Receiver<bool>) {
    let mut every = tokio::time::interval(MEASURE_EVERY);
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => break,
            _ = every.tick() => telemetry::measure(),
        }
    }
}

/// What a scrape answers now, for those who push the same.
fn scrape(
    snapshots: watch::Receiver<Arc<Snapshot>>,
    series: Arc<Series>,
    own: PrometheusHandle,
) -> otlp::Exposition {
    Arc::new(move || {
        let snapshot = Arc::clone(&snapshots.borrow());
        own.run_upkeep();
        let chosen = series.choose(&snapshot);
        Box::new(Exposition::new(snapshot, &chosen, own.render()))
    })
}

/// The recorder of the daemon's own telemetry: one for each process.
fn recorder() -> anyhow::Result<PrometheusHandle> {
    // A lock, not a cell: two daemons that start at once in one process must not both install it.
    static HANDLE: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
    let mut known = HANDLE.lock().expect("nobody panics while installing");
    if let Some(handle) = &*known {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new()
        .install_recorder()
        .context("cannot install the metrics recorder")?;
    telemetry::describe();
    Ok(known.insert(handle).clone())
}
