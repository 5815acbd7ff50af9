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
mod story;
mod webhooks;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use self::assembly::assemble;
use self::pager::Notification;
use self::past::Past;
use self::provider::{API_KEY, Provider};
use self::story::Story;
use self::webhooks::Webhooks;
use crate::app::Daemon;
use crate::clock::{Clock, Setter};
use crate::config::Config;
use crate::event::Timestamp;
use crate::listener::Sockets;
use crate::setting::Period;
use crate::signal::Snapshot;
use crate::simulate::{Recording, Scenario, Simulation, Wire};

/// The scenario that is shown unless another one is asked for.
pub const SCENARIO_DEFAULT: &str = "demo-certificate";

/// Faster, and the daemon, which looks twenty times a second at most, would see minutes at once.
const SPEED_MAX: i64 = 60;

/// How long ordinary traffic flows before the first thing happens, in simulated time: enough to fill a window.
const LEAD_IN_MILLIS: i64 = 5 * 60_000;

/// How often due events are sent.
const BEAT_MILLIS: u32 = 100;

/// How many of the daemon's looks the world may be ahead of what it has seen.
const LEAD_LOOKS: f64 = 1.5;

/// How often the state of things is printed.
const WEATHER: Duration = Duration::from_secs(10);

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

/// The simulated world: people sign in, and WorkOS reports it.
struct World<'a> {
    recording: Recording<'a>,
    wire: &'a Wire<'a>,
    provider: &'a Provider,
    webhooks: &'a mut Webhooks,
    clock: Clock,
    setter: Setter,
    /// What the daemon has seen.
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl World<'_> {
    /// Turns until `end`, `speed` times faster than the wall and never before what happened was delivered.
    async fn turn(&mut self, speed: u32, end: Option<Timestamp>) {
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

/// Prints what happens.
struct Show<'a, W> {
    clock: Clock,
    begun: Timestamp,
    speed: u32,
    story: &'a mut Story,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    notifications: mpsc::Receiver<Notification>,
    out: &'a mut W,
}

impl<W: Write> Show<'_, W> {
    fn introduce(
        &mut self,
        simulation: &Simulation,
        daemon: &Daemon,
        api: SocketAddr,
    ) -> io::Result<()> {
        let scenario = simulation.scenario();
        let (admin, speed) = (daemon.admin, self.speed);
        let begun = self.begun.to_rfc3339_seconds();
        let mut text =
            format!("ssowatch demo, scenario {}: {}.\n\n", scenario.name, scenario.title);
        let lines = [
            (
                "Simulated time",
                format!(
                    "begins at {begun} and runs {speed} times faster than yours, so that the default rules apply"
                ),
            ),
            (
                "Simulated WorkOS",
                format!(
                    "http://{api} (Events API, key {API_KEY}) and signed webhooks, both of which the daemon takes; nothing leaves this machine"
                ),
            ),
            (
                "Try it",
                format!(
                    "curl -H 'Authorization: Bearer {API_KEY}' 'http://{api}/events?events=authentication.sso_failed'"
                ),
            ),
            ("Metrics", format!("http://{admin}/metrics")),
            (
                "API",
                format!("http://{admin}/api/v1/status  /api/v1/connections  /api/v1/incidents"),
            ),
        ];
        for (name, value) in lines {
            writeln!(text, "  {name:17} {value}").expect("memory grows");
        }
        text.push('\n');
        self.out.write_all(text.as_bytes())
    }

    fn begin(&mut self, simulation: &Simulation, learned: u64) -> io::Result<()> {
        let scenario = simulation.scenario();
        if learned > 0 {
            writeln!(self.out, "The daemon has learned from {learned} events of ordinary days.\n")?;
        }
        self.out.write_all(b"simulated, after\n")?;
        let fleet =
            format!("{} connections are healthy and people sign in", scenario.fleet.connections);
        self.line(self.begun, &fleet)
    }

    /// What happened, and what the daemon knows of it.
    fn tell_known(&mut self) -> io::Result<()> {
        let snapshot = Arc::clone(&self.snapshots.borrow_and_update());
        let mut lines = self.story.happened(self.clock.now());
        lines.extend(self.story.incidents(&snapshot));
        for (at, text) in lines {
            self.line(at, &text)?;
        }
        Ok(())
    }

    /// Tells until it cannot be printed any more.
    async fn tell(&mut self) -> anyhow::Result<()> {
        let mut weather = tokio::time::interval(WEATHER);
        weather.tick().await;
        loop {
            tokio::select! {
                // What the daemon knows comes before what it told the pager.
                biased;
                changed = self.snapshots.changed() => {
                    if changed.is_err() {
                        bail!("the daemon has stopped; see its log");
                    }
                    self.tell_known()?;
                }
                Some(notification) = self.notifications.recv() => {
                    // It may have come since it was looked whether there is a new snapshot.
                    self.tell_known()?;
                    self.line(self.clock.now(), &notification.display())?;
                }
                _ = weather.tick() => {
                    let text = story::weather(&self.snapshots.borrow());
                    if let Some(text) = text {
                        self.line(self.clock.now(), &text)?;
                    }
                }
            }
        }
    }

    fn conclude(&mut self, webhooks: &Webhooks) -> io::Result<()> {
        let (sent, given_up) = (webhooks.sent(), webhooks.given_up());
        let (counted, again) = self
            .snapshots
            .borrow()
            .sources
            .iter()
            .fold((0, 0), |(new, known), one| (new + one.received, known + one.duplicates));
        let Story { pages_fired, pages_resolved, .. } = *self.story;
        writeln!(
            self.out,
            "\n{sent} events by webhook, {given_up} given up, and by the Events API; {counted} counted, {again} that came again were not. Pages: {pages_fired} fired, {pages_resolved} resolved."
        )
    }

    /// A line with the simulated time, and how long the demo has been running on the wall.
    fn line(&mut self, at: Timestamp, text: &str) -> io::Result<()> {
        let time = at.to_rfc3339_seconds();
        let time = time.get(11..19).unwrap_or(&time);
        let wall = at.since(self.begun).as_secs() / u64::from(self.speed);
        writeln!(self.out, "{time}  {wall:>4} s  {text}")?;
        self.out.flush()
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
