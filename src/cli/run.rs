//! `run`: the daemon, and its configuration loaded again by SIGHUP and `POST /-/reload`.

use std::path::PathBuf;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::app::{Daemon, wanted};
use crate::clock::Clock;
use crate::config::Config;
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

    fn complete(&self, mut config: Config) -> Config {
        if let Some(data_dir) = &self.data_dir {
            config.data_dir.0.clone_from(data_dir);
        }
        config
    }
}

/// Runs the daemon with `config`, which came from `origin`, until it is told to stop.
pub(super) fn command(config: Config, origin: &Origin) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(supervise(origin.complete(config), origin))
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
        let loaded = prepare(origin, &mut sockets);
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
    Daemon::start(config, Clock::system(), sockets, Some(reload.clone()))
}

/// Tries all of the new configuration that can be tried while the old one is in force.
fn prepare(origin: &Origin, sockets: &mut Sockets) -> anyhow::Result<Config> {
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
    sockets.open(&wanted(&config))?;
    Ok(config)
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
