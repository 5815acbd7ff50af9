//! The sources that the configuration asks for, each from where an earlier run left it.

use std::sync::Arc;

use anyhow::anyhow;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::config::Config;
use crate::event::Privacy;
use crate::journal::Inlet;
use crate::source::file::{self, Files};
use crate::source::intake::{Intake, Rooms};
use crate::source::workos_api::{self, Workos};
use crate::store::State;

/// All of them, not yet started.
pub(super) struct Sources {
    pub(super) intake: Intake,
    workos: Option<Workos>,
    files: Option<Files>,
}

impl Sources {
    pub(super) fn new(
        config: &Config,
        state: &State,
        inlet: &Inlet,
        clock: Clock,
        privacy: &Privacy,
    ) -> anyhow::Result<Self> {
        let route = config.outbound.route().map_err(|error| anyhow!(error))?;
        let workos = config.workos_api().map_err(|error| anyhow!(error))?.map(|settings| Workos {
            settings,
            cursor: state.cursor(workos_api::CURSOR).map(str::to_owned),
            known: state.connections().collect(),
            inlet: inlet.clone(),
            clock,
            privacy: privacy.clone(),
            route,
        });
        let patterns = config.files().map_err(|error| anyhow!(error))?;
        let files = (!patterns.is_empty()).then(|| {
            let cursors = state.cursors(file::cursor::PREFIX);
            Files::new(patterns, cursors, inlet.clone(), clock, privacy.clone())
        });
        let webhook = config.sources.workos_webhook.as_ref();
        let intake = Intake {
            inlet: inlet.clone(),
            clock,
            privacy: privacy.clone(),
            webhook_secrets: config.webhook_secrets().map_err(|error| anyhow!(error))?,
            tolerance_millis: webhook.map_or(0, |webhook| webhook.tolerance.millis()),
            push_token: config.push_token().map_err(|error| anyhow!(error))?,
            rooms: Rooms::default(),
            edge: Arc::new(config.edge_scheme().map_err(|error| anyhow!(error))?),
        };
        Ok(Self { intake, workos, files })
    }

    /// Starts those that go and fetch; `intake` is served.
    pub(super) fn spawn(self, tasks: &mut JoinSet<()>, stopped: &watch::Receiver<bool>) {
        if let Some(workos) = self.workos {
            tasks.spawn(workos.run(stopped.clone()));
        }
        if let Some(files) = self.files {
            tasks.spawn(files.run(stopped.clone()));
        }
    }
}
