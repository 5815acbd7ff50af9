//! Assembly: opens the journal, recovers the state, and starts what the configuration asks for.

mod archivist;
mod core;
mod fold;
#[cfg(test)]
mod simulation;
mod sinks;
mod sources;

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, anyhow};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::archive;
use crate::clock::Clock;
use crate::config::Config;
use crate::event::Privacy;
use crate::journal;
use crate::listener::{Listener, Sockets};
use crate::outbound::Client;
use crate::signal::Snapshot;
use crate::sink::otlp;
use crate::source::intake;
use crate::telemetry;
use crate::web::exposition::Exposition;
use crate::web::series::Series;
use crate::web::{self, Admin, Reload};

use self::archivist::Archivist;
use self::core::{Core, Outside, recover};

/// How long sources, sinks, receivers and listeners may take to stop: an answer that is due within the time limit of most
/// requests still arrives, and a supervisor that kills after 10 s does not get to.
const STOP_MAX: Duration = Duration::from_secs(7);

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
    fold: JoinHandle<()>,
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
        sockets.open(&wanted(config))?;
        let data_dir = &config.data_dir.0;
        fs::create_dir_all(data_dir)
            .with_context(|| format!("cannot create `data_dir` {}", data_dir.display()))?;
        // Before anything can be found broken, which is counted.
        let own = recorder()?;
        let disk = journal::operating_system();
        let (journal, state) = recover(config, clock, &disk)?;
        let mut privacy = Privacy::new(config.privacy.personal, &privacy_key(config)?);
        if let Some(previous) = config.previous_privacy_secret().map_err(|error| anyhow!(error))? {
            let key = previous.reveal().context("`privacy.previous_key`")?;
            privacy = privacy.with_previous(key.as_bytes());
        }
        // Known from the first scrape on; later each checkpoint says it.
        telemetry::journal_bytes(journal.bytes());
        let (publish, snapshots) = watch::channel(Arc::default());
        let (stop, stopped) = watch::channel(false);
        let series = Arc::new(Series::new(config.sinks.prometheus.max_connections));
        let scrape = scrape(snapshots.clone(), Arc::clone(&series), own.clone());
        let limits = archive::Limits {
            retention_millis: config.sessions.retention.millis(),
            bytes_max: config.sessions.max_bytes.bytes(),
        };
        let archivist = Archivist::new(data_dir, limits, &journal, clock)?;
        let sessions = web::sessions::Sessions::new(
            data_dir.join(archivist::FILE),
            privacy.clone(),
            config.sessions.timeout.millis() + STALL_GRACE_MILLIS,
        );
        let samples = own.clone();
        let route = config.outbound.route().map_err(|error| anyhow!(error))?;
        let outside = Outside {
            archived: Arc::clone(&archivist.position),
            clock,
            disk,
            network: Arc::new(move |limits| Client::new(limits, &route)),
            privacy,
            own: Arc::new(move || samples.render()),
            scrape,
            publish,
        };
        // Where people come in stands in the configuration, or follows from the address.
        let external_url =
            config.links(config.http.admin.listen).map_err(|error| anyhow!(error))?.external_url;
        let core = Core::new(config, journal, state, outside)?;
        let admin = Admin {
            snapshots: snapshots.clone(),
            own,
            token: config.admin_token().map_err(|error| anyhow!(error))?,
            series,
            inlet: core.inlet(),
            clock,
            external_url,
            reload,
            guard: web::Guard::default(),
            sessions,
        };
        let mut tasks = JoinSet::new();
        let [admin_tls, intake_tls] = config.acceptors().map_err(|error| anyhow!(error))?;
        let (address, routes) = (config.http.admin.listen, web::router(admin));
        let admin_http = Listener::new(ADMIN, sockets.get(ADMIN, address)?, admin_tls, routes)?;
        let (address, routes) = (config.http.intake.listen, intake::router(core.intake()));
        let intake_http = Listener::new(INTAKE, sockets.get(INTAKE, address)?, intake_tls, routes)?;
        let (admin, intake) = (admin_http.address()?, intake_http.address()?);
        tasks.spawn(admin_http.run(stopped.clone()));
        tasks.spawn(intake_http.run(stopped.clone()));
        tasks.spawn(measure(stopped.clone()));
        tasks.spawn(archivist.run(snapshots.clone(), stopped.clone()));
        let fold = core.spawn(config, admin, &mut tasks, &stopped)?;
        tracing::info!(%admin, %intake, "Ready.");
        Ok(Self { admin, intake, snapshots, stop, tasks, fold })
    }

    /// Stops within [`STOP_MAX`] and the time of a checkpoint: answers what is under way, makes it durable, writes a checkpoint.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_MAX, ended).await.is_err() {
            tracing::warn!(
                "Requests to others took too long for the stop; they are sent again after the start."
            );
            self.tasks.shutdown().await;
        }
        // It ends when nobody is left who could deliver something.
        if let Err(error) = self.fold.await {
            tracing::error!(%error, "The state's task failed.");
        }
    }
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

/// The operator's key, or one that is made once and kept beside the journal.
fn privacy_key(config: &Config) -> anyhow::Result<Vec<u8>> {
    let own = config.privacy_secret().map_err(|error| anyhow!(error))?;
    if let Some(own) = own {
        return Ok(own.reveal().context("`privacy.key`")?.into_bytes());
    }
    let path = config.data_dir.0.join("privacy.key");
    match fs::read(&path) {
        Ok(key) if !key.is_empty() => Ok(key),
        _ => make_key(&path).with_context(|| format!("cannot make {}", path.display())),
    }
}

fn make_key(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    use std::os::unix::fs::OpenOptionsExt;
    let mut key = vec![0; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(&key)?;
    file.sync_all()?;
    Ok(key)
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
        Exposition::new(snapshot, &chosen, own.render()).collect()
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
