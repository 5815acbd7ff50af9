//! `ssowatch demo`: a simulated WorkOS and the daemon in one process, with no credentials and no network.
//!
//! The daemon is the real one; unless a configuration says otherwise it judges connections after 10 attempts and resolves after
//! 2 quiet minutes. Its clock runs faster than the wall, so that minutes pass while somebody watches; the simulated WorkOS stamps
//! and signs with the same clock. Time goes on when all that has happened was delivered and seen: on a busy machine the demo is
//! slower, and tells the same.

mod assembly;
mod pager;
mod past;
mod provider;
mod show;
mod story;
mod webhooks;
mod world;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use self::assembly::assemble;
use self::past::Past;
use self::provider::Provider;
use self::show::Show;
use self::story::Story;
use self::webhooks::Webhooks;
use self::world::World;
use crate::app::Daemon;
use crate::clock::Clock;
use crate::config::Config;
use crate::listener::Sockets;
use crate::setting::Period;
use crate::simulate::{Scenario, Simulation, Wire};

/// The scenario that is shown unless another one is asked for.
pub const SCENARIO_DEFAULT: &str = "demo-certificate";

/// Faster, and the daemon, which looks twenty times a second at most, would see minutes at once.
const SPEED_MAX: i64 = 60;

/// How long ordinary traffic flows before the first thing happens, in simulated time: enough to fill a window.
const LEAD_IN_MILLIS: i64 = 5 * 60_000;

/// `ssowatch demo`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Name of a built-in scenario, or a file.
    #[arg(long, default_value = SCENARIO_DEFAULT)]
    pub scenario: String,
    /// How many times faster than the wall the simulated time runs, 1 to 60.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=SPEED_MAX))]
    speed: u32,
    /// Ends after this time on the wall (later when the machine is too busy for the speed), e.g. 2m. Default: Ctrl-C ends it.
    #[arg(long = "for", value_name = "DURATION")]
    length: Option<Period>,
    /// Loopback address of metrics, page and API. Default 127.0.0.1:9470, or any free port when that is taken.
    #[arg(long, value_parser = loopback)]
    admin: Option<SocketAddr>,
    /// A configuration whose receivers are really told, and whose detection and rules decide. Its data directory, listeners,
    /// sources and sinks are left alone.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How many of the scenario's ordinary days (`warmup`) the daemon learns from before the demo begins, e.g. 7d. Default: at
    /// most 2d.
    #[arg(long, value_name = "DURATION")]
    history: Option<Period>,
}

/// There is no token, so nobody from outside may come in.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| "write an address and a port, e.g. 127.0.0.1:9470".to_owned())?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err("the demo is for this machine only; use an address of 127.0.0.1 or [::1]".into())
}

/// Runs the demo and prints what happens; `own` is the operator's configuration.
pub fn command(args: &Args, scenario: Scenario, own: Option<Config>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(args, scenario, own, &mut io::stdout()))
}

async fn run(
    args: &Args,
    scenario: Scenario,
    own: Option<Config>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let simulation = Simulation::new(scenario, None);
    let wire = Wire::new(&simulation);
    let mut story = Story::new(&simulation, &wire);
    let mut past = Past::new(&simulation, story.first(), LEAD_IN_MILLIS, args.history);
    let (clock, setter) = Clock::set_by_hand(past.end, args.speed);
    let folder = Folder::new()?;
    let (pager, notifications) = pager::pager();
    let (pager, _pager_serving) = serve(pager).await?;
    let provider = Arc::new(Provider::new(wire.connections(), wire.organizations()));
    let (api, _api_serving) = serve(provider::router(Arc::clone(&provider))).await?;
    let config = assemble(own, args.admin, &folder.0, pager, api);
    let daemon = Daemon::start(&config, clock, &mut Sockets::default(), None)?;
    let begun = clock.now();
    let mut show = Show {
        clock,
        begun,
        speed: args.speed,
        story: &mut story,
        snapshots: daemon.snapshots.clone(),
        notifications,
        out,
    };
    show.introduce(&simulation, &daemon, api)?;
    let learned = past.teach(&wire, daemon.intake).await?;
    show.begin(&simulation, learned)?;
    let recording = past.recording;
    let url = format!("http://{}/webhooks/workos", daemon.intake);
    let mut webhooks = Webhooks::new(url, clock);
    let mut world = World {
        recording,
        wire: &wire,
        provider: &provider,
        webhooks: &mut webhooks,
        clock,
        setter,
        snapshots: daemon.snapshots.clone(),
    };
    let end = args.length.map(|length| begun.plus_millis(length.millis() * i64::from(args.speed)));
    tokio::select! {
        () = world.turn(args.speed, end) => {}
        told = show.tell() => told?,
        interrupted = interrupted() => interrupted?,
    }
    let now = clock.now();
    show.conclude(&webhooks)?;
    daemon.stop().await;
    let overdue = story.page_due.is_some_and(|due| now >= due) && story.pages_fired == 0;
    if overdue {
        bail!("a page was due and none fired: see the scenario's `expect`");
    }
    Ok(())
}

/// Serves on a free port of loopback for as long as the set lives.
async fn serve(router: axum::Router) -> anyhow::Result<(SocketAddr, JoinSet<io::Result<()>>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen on loopback")?;
    let address = listener.local_addr()?;
    let mut serving = JoinSet::new();
    serving.spawn(axum::serve(listener, router).into_future());
    Ok((address, serving))
}

/// Somebody ends it.
async fn interrupted() -> io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

/// A folder for the daemon's data that goes away with the demo.
struct Folder(PathBuf);

impl Folder {
    fn new() -> anyhow::Result<Self> {
        let place = std::env::temp_dir();
        // A crashed demo with the same process number may have left one.
        for number in 0..100 {
            let path = place.join(format!("ssowatch-demo-{}-{number}", std::process::id()));
            match std::fs::create_dir(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot make {}", path.display()));
                }
            }
        }
        bail!("{} is full of folders of earlier demos; remove ssowatch-demo-*", place.display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed now, the system's cleaning of temporary files removes.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[cfg(test)]
mod tests;
