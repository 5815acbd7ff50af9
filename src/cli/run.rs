//! `run`: the daemon, and its configuration loaded again by SIGHUP and `POST /-/reload`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::check;
use crate::app::{Daemon, wanted, weak_key};
use crate::clock::Clock;
use crate::config::Config;
use crate::journal::nats::Cluster;
use crate::listener::Sockets;
use crate::telemetry;
use crate::web::Reload;

/// Where the configuration comes from.
pub(super) struct Origin {
    pub(super) file: Option<PathBuf>,
    /// Instead of the configuration's own.
    pub(super) data_dir: Option<PathBuf>,
}

impl Origin {
    fn load(&self) -> anyhow::Result<Config> {
        Ok(self.complete(Config::load(self.file.as_deref())?))
    }

    pub(super) fn complete(&self, mut config: Config) -> Config {
        if let Some(data_dir) = &self.data_dir {
            config.data_dir.0.clone_from(data_dir);
        }
        config
    }
}

/// Runs the daemon with `config`, which came from `origin` and is complete, until it is told to stop.
pub(super) fn command(config: Config, origin: &Origin) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(supervise(config, origin))
}

async fn supervise(mut config: Config, origin: &Origin) -> anyhow::Result<()> {
    let mut sockets = Sockets::default();
    let (reload, mut asked) = mpsc::channel(1);
    let mut daemon = start(&config, &mut sockets, &reload)?;
    telemetry::reloaded(&Ok(()), Clock::system().now());
    let (mut terminate, mut hang_up) =
        (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    loop {
        let reply = tokio::select! {
            interrupted = tokio::signal::ctrl_c() => { interrupted?; break }
            _ = terminate.recv() => break,
            _ = hang_up.recv() => None,
            turn = daemon.turn() => {
                let (clock, reload) = (Clock::system(), Some(reload.clone()));
                daemon = daemon.turn_over(turn, &config, clock, &mut sockets, reload).await?;
                continue;
            }
            reply = asked.recv() => reply,
        };
        let loaded = prepare(origin, &config, &mut sockets);
        let verdict = loaded.as_ref().map(drop).map_err(|error| format!("{error:#}"));
        telemetry::reloaded(&verdict, Clock::system().now());
        if let Some(reply) = reply {
            // Whoever asked and went away needs no answer.
            drop(reply.send(verdict));
        }
        if let Ok(new) = loaded {
            daemon.stop().await;
            (daemon, config) = change_over(new, config, &mut sockets, &reload)?;
        }
        sockets.keep(&wanted(&config));
    }
    tracing::info!("Stopping.");
    daemon.stop().await;
    Ok(())
}

fn start(config: &Config, sockets: &mut Sockets, reload: &Reload) -> anyhow::Result<Daemon> {
    for warning in config.warnings() {
        tracing::warn!(warning, "The configuration names what is not there.");
    }
    if let Some(warning) = config.nobody_is_paged() {
        tracing::warn!(warning, "Nobody is paged.");
    }
    if let Some(warning) = weak_key(config).map_err(anyhow::Error::msg)? {
        tracing::warn!(warning, "The key of the hashes is weak.");
    }
    // It may still come, and what needs it waits for it; but nobody should find out by a page that is missing.
    for finding in check::secrets(config).map_err(anyhow::Error::msg)? {
        if let Some((key, problem)) = finding.problem() {
            tracing::error!(
                key,
                problem,
                "A secret cannot be read. What needs it waits until it can."
            );
        }
    }
    Daemon::start(config, Clock::system(), sockets, Some(reload.clone()))
}

/// Tries all of the new configuration that can be tried while the old one is in force.
fn prepare(origin: &Origin, old: &Config, sockets: &mut Sockets) -> anyhow::Result<Config> {
    let config = origin.load()?;
    config.acceptors().map_err(anyhow::Error::msg)?;
    config.outbound.route().map_err(anyhow::Error::msg)?;
    // What every start needs: a secret that is read later, whenever it is used, may still come.
    let keys = [config.privacy_secret(), config.previous_privacy_secret()];
    for key in keys {
        if let Some(key) = key.map_err(anyhow::Error::msg)? {
            key.reveal().context("`privacy`")?;
        }
    }
    feasible(&config, old)?;
    sockets.open(&wanted(&config))?;
    Ok(config)
}

/// What keeps `config` from being carried out in place of `old`, which is in force and holds what is its own.
fn feasible(config: &Config, old: &Config) -> anyhow::Result<()> {
    let folder = &config.data_dir.0;
    check::writable(folder).map_err(|problem| anyhow!("`data_dir`: {problem}"))?;
    if fs::canonicalize(folder).ok() != fs::canonicalize(&old.data_dir.0).ok() {
        bail!(
            "`data_dir` cannot change while ssowatch runs: it would begin anew, without a word of what is open. Stop it, move what \
             is in {} there, and start it",
            old.data_dir.0.display()
        );
    }
    let held = old.doors().map_err(anyhow::Error::msg)?;
    for door in config.doors().map_err(anyhow::Error::msg)? {
        // What the old one listens on is free as soon as it stops.
        if !held.iter().any(|own| own.excludes(&door)) {
            check::bindable(&door).map_err(|problem| anyhow!("`{}`: {problem}", door.key))?;
        }
    }
    if let Some(nats) = &config.journal.nats {
        Cluster::open(nats).context("`journal.nats`")?;
    }
    Ok(())
}

/// Starts with `new`; when that fails for what nobody could know before, with `old` again.
fn change_over(
    new: Config,
    old: Config,
    sockets: &mut Sockets,
    reload: &Reload,
) -> anyhow::Result<(Daemon, Config)> {
    match start(&new, sockets, reload) {
        Ok(daemon) => Ok((daemon, new)),
        Err(error) => {
            telemetry::reloaded(&Err(format!("{error:#}")), Clock::system().now());
            let daemon = start(&old, sockets, reload);
            Ok((daemon.context("the configuration before cannot be started either")?, old))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::path::Path;

    use super::*;
    use crate::journal::{self, Journal};

    fn config(folder: &Path, rest: &str) -> Config {
        let mut config = Config::parse("new.yaml", rest, |_| None).unwrap();
        config.data_dir.0 = folder.to_owned();
        config
    }

    fn why(new: &Config, old: &Config) -> String {
        feasible(new, old).map_or_else(|error| format!("{error:#}"), |()| "nothing".into())
    }

    #[test]
    fn a_data_directory_that_cannot_be_written_or_is_another_is_known_before() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let old = config(folder.path(), "");
        let hold = |folder: &Path| {
            Journal::open_on(
                journal::operating_system(),
                &folder.join("journal"),
                old.journal.embedded(),
            )
        };
        // Its own is held by the daemon itself.
        let _own = hold(folder.path()).unwrap();
        assert_eq!(why(&old, &old), "nothing");
        assert_eq!(why(&config(&folder.path().join("."), ""), &old), "nothing");
        for elsewhere in [other.path().to_owned(), folder.path().join("fresh")] {
            let text = why(&config(&elsewhere, ""), &old);
            assert!(text.starts_with("`data_dir` cannot change while ssowatch runs"), "{text}");
        }
        let file = other.path().join("file");
        fs::write(&file, "").unwrap();
        let text = why(&config(&file.join("below"), ""), &old);
        assert!(text.starts_with("`data_dir`: "), "{text}");
    }

    #[test]
    fn an_address_that_another_has_is_known_before_and_ones_own_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
        let syslog = format!(
            "sources: {{ edge: [ {{ syslog: \"udp://{}\", tier: web, format: nginx_combined }} ] }}",
            taken.local_addr().unwrap()
        );
        let new = config(folder.path(), &syslog);
        let text = why(&new, &config(folder.path(), ""));
        assert!(
            text.starts_with("`sources.edge[0].syslog`: cannot listen on 127.0.0.1:"),
            "{text}"
        );
        assert_eq!(why(&new, &new), "nothing");
    }
}
