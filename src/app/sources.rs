//! The sources that the configuration asks for, each from where an earlier run left it.

use std::sync::Arc;

use anyhow::anyhow;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::config::Config;
use crate::event::edge::{Scheme, Tallier};
use crate::event::{Privacy, Source};
use crate::journal::Inlet;
use crate::listener::unbound;
use crate::outbound::Transport;
use crate::source::edge::syslog::Syslog;
use crate::source::edge::{self as access_log, AccessLogs, Talliers};
use crate::source::file::{Events, Files, cursor};
use crate::source::intake::{Intake, Rooms};
use crate::source::nats::{self, Nats};
use crate::source::workos_api::{self, Workos};
use crate::store::State;

/// All of them, not yet started.
pub(super) struct Sources {
    pub(super) intake: Intake,
    workos: Option<Workos>,
    nats: Option<Nats>,
    files: Option<Files<Events>>,
    access_logs: Option<Files<AccessLogs>>,
    syslog: Vec<Syslog>,
}

impl Sources {
    /// Those to which others send: what a standby can take. On return the listeners for syslog listen.
    pub(super) fn listening(
        config: &Config,
        inlet: &Inlet,
        clock: Clock,
        privacy: &Privacy,
    ) -> anyhow::Result<Self> {
        let scheme = Arc::new(config.edge_scheme().map_err(|error| anyhow!(error))?);
        let logs = config.access_logs().map_err(|error| anyhow!(error))?;
        let syslog = syslog(logs, &scheme, inlet, clock, privacy)?;
        let webhook = config.sources.workos_webhook.as_ref();
        let intake = Intake {
            inlet: inlet.clone(),
            clock,
            privacy: privacy.clone(),
            webhook_secrets: config.webhook_secrets().map_err(|error| anyhow!(error))?,
            tolerance_millis: webhook.map_or(0, |webhook| webhook.tolerance.millis()),
            push_token: config.push_token().map_err(|error| anyhow!(error))?,
            rooms: Rooms::default(),
            edge: Talliers::new(scheme, privacy.clone()),
            guard: Arc::new(config.http.intake.access.guard().map_err(|error| anyhow!(error))?),
        };
        Ok(Self { intake, workos: None, nats: None, files: None, access_logs: None, syslog })
    }

    /// All of them. On return the listeners for syslog listen.
    pub(super) fn new(
        config: &Config,
        state: &State,
        inlet: &Inlet,
        clock: Clock,
        privacy: &Privacy,
    ) -> anyhow::Result<Self> {
        let mut sources = Self::listening(config, inlet, clock, privacy)?;
        sources.workos =
            config.workos_api().map_err(|error| anyhow!(error))?.map(|settings| Workos {
                settings,
                cursor: state.cursor(workos_api::CURSOR).map(str::to_owned),
                known: state.connections().collect(),
                inlet: inlet.clone(),
                clock,
                privacy: privacy.clone(),
            });
        sources.nats = config.nats().map_err(|error| anyhow!(error))?.map(|settings| Nats {
            settings,
            cursor: state.cursor(nats::CURSOR).map(str::to_owned),
            inlet: inlet.clone(),
            clock,
            privacy: privacy.clone(),
        });
        let patterns = config.files().map_err(|error| anyhow!(error))?;
        sources.files = (!patterns.is_empty()).then(|| {
            let prefix = cursor::prefix(Source::Files);
            let events = Events { privacy: privacy.clone() };
            Files::new(patterns, state.cursors(&prefix), events, inlet.clone(), clock)
        });
        let logs = config.access_logs().map_err(|error| anyhow!(error))?;
        let scheme = Arc::clone(sources.intake.edge.scheme());
        sources.access_logs = access_logs(&logs, &scheme, state, inlet, clock, privacy)?;
        Ok(sources)
    }

    /// Starts those that go and fetch; `intake` is served.
    pub(super) fn spawn<T: Transport>(
        self,
        tasks: &mut JoinSet<()>,
        stopped: &watch::Receiver<bool>,
        client: impl Fn() -> T,
    ) {
        if let Some(workos) = self.workos {
            tasks.spawn(workos.run(client(), stopped.clone()));
        }
        if let Some(nats) = self.nats {
            tasks.spawn(nats.run(stopped.clone()));
        }
        if let Some(files) = self.files {
            tasks.spawn(files.run(stopped.clone()));
        }
        if let Some(logs) = self.access_logs {
            tasks.spawn(logs.run(stopped.clone()));
        }
        for syslog in self.syslog {
            tasks.spawn(syslog.run(stopped.clone()));
        }
    }
}

/// The access logs in files, from where an earlier run left them; `None` when there are none.
fn access_logs(
    logs: &access_log::Settings,
    scheme: &Arc<Scheme>,
    state: &State,
    inlet: &Inlet,
    clock: Clock,
    privacy: &Privacy,
) -> anyhow::Result<Option<Files<AccessLogs>>> {
    if logs.files.is_empty() {
        return Ok(None);
    }
    let content = AccessLogs::new(logs.files.iter().map(|(_, _, log)| log), scheme, privacy);
    let content = content.map_err(|error| anyhow!(error))?;
    let patterns = logs.files.iter().map(|(pattern, follow, _)| (pattern.clone(), *follow));
    let prefix = cursor::prefix(Source::Edge);
    Ok(Some(Files::new(patterns, state.cursors(&prefix), content, inlet.clone(), clock)))
}

/// The listeners for syslog, which listen.
fn syslog(
    logs: access_log::Settings,
    scheme: &Arc<Scheme>,
    inlet: &Inlet,
    clock: Clock,
    privacy: &Privacy,
) -> anyhow::Result<Vec<Syslog>> {
    let mut all = Vec::new();
    for (listen, log) in logs.listeners {
        let tier = log.tier.as_deref();
        let tallier = Tallier::new(Arc::clone(scheme), &log.format, tier, privacy.clone());
        let tallier = tallier.map_err(|error| anyhow!(error))?;
        let address = listen.address;
        let bound = Syslog::bind(listen, tallier, inlet.clone(), clock);
        all.push(bound.map_err(|error| anyhow!("`sources.edge`: {}", unbound(address, &error)))?);
    }
    Ok(all)
}
