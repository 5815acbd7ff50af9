//! The demo on the terminal: what happens in the simulated world, and what the daemon makes of it.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use tokio::sync::{mpsc, watch};

use super::pager::Notification;
use super::provider::API_KEY;
use super::story::{self, Story};
use super::webhooks::Webhooks;
use crate::app::Daemon;
use crate::clock::Clock;
use crate::event::Timestamp;
use crate::signal::Snapshot;
use crate::simulate::Simulation;

/// How often the state of things is printed.
const WEATHER: Duration = Duration::from_secs(10);

/// Prints what happens.
pub(super) struct Show<'a, W> {
    pub(super) clock: Clock,
    pub(super) begun: Timestamp,
    pub(super) speed: u32,
    pub(super) story: &'a mut Story,
    pub(super) snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(super) notifications: mpsc::Receiver<Notification>,
    pub(super) out: &'a mut W,
}

impl<W: Write> Show<'_, W> {
    pub(super) fn introduce(
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

    pub(super) fn begin(&mut self, simulation: &Simulation, learned: u64) -> io::Result<()> {
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
    pub(super) async fn tell(&mut self) -> anyhow::Result<()> {
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

    pub(super) fn conclude(&mut self, webhooks: &Webhooks) -> io::Result<()> {
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
