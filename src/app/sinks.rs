//! Starts the sinks that the configuration asks for.

use std::sync::Arc;

use anyhow::anyhow;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::config::Config;
use crate::journal::{Inlet, Journal};
use crate::outbound::Transport;
use crate::signal::Snapshot;
use crate::sink::{Logs, datadog, otlp};
use crate::store::State;

/// Sinks that are ready to run.
#[derive(Debug)]
pub(super) struct Sinks<T> {
    // Boxed: they are large, and wait in the future that starts the daemon.
    datadog_metrics: Option<Box<datadog::Metrics<T>>>,
    otlp_metrics: Option<Box<otlp::Metrics<T>>>,
    logs: Vec<Box<Logs<T>>>,
    /// Sinks that read the journal themselves.
    pub(super) readers: Vec<&'static str>,
}

impl<T: Transport> Sinks<T> {
    #[expect(clippy::too_many_arguments, reason = "a list of what sinks are made of")]
    /// Makes them go on from where `state` says that they have come.
    pub(super) fn new(
        config: &Config,
        state: &State,
        journal: &Journal,
        inlet: &Inlet,
        clock: Clock,
        client: impl Fn() -> T,
        own: datadog::Own,
        scrape: otlp::Exposition,
    ) -> anyhow::Result<Self> {
        let mut sinks = Self {
            datadog_metrics: None,
            otlp_metrics: None,
            logs: Vec::new(),
            readers: Vec::new(),
        };
        // Logs begin with what comes after they were switched on, whenever that was.
        let reader =
            |sink| journal.reader(state.sent(sink).unwrap_or_else(|| journal.next_position()));
        if let Some(otlp) = &config.sinks.otlp {
            // Who shares a journal has a name in common: that of its streams.
            let shared = config.journal.nats.as_ref().map(|nats| &*nats.stream);
            let identity = otlp::Identity::new(otlp, shared);
            let logs =
                otlp::logs(otlp, &identity, reader(otlp::LOGS), client(), inlet.clone(), clock);
            sinks.add_logs(otlp::LOGS, logs)?;
            let metrics =
                otlp::Metrics::new(otlp, identity, client(), inlet.clone(), clock, scrape);
            sinks.otlp_metrics = metrics.map_err(|error| anyhow!(error))?.map(Box::new);
        }
        let Some(datadog) = &config.sinks.datadog else { return Ok(sinks) };
        let mark = state.sent(datadog::METRICS);
        let metrics = datadog::Metrics::new(datadog, mark, client(), inlet.clone(), clock, own);
        sinks.datadog_metrics = metrics.map_err(|error| anyhow!(error))?.map(Box::new);
        let logs = datadog::logs(datadog, reader(datadog::LOGS), client(), inlet.clone(), clock);
        sinks.add_logs(datadog::LOGS, logs)?;
        Ok(sinks)
    }

    fn add_logs(
        &mut self,
        sink: &'static str,
        logs: Result<Option<Logs<T>>, String>,
    ) -> anyhow::Result<()> {
        if let Some(logs) = logs.map_err(|error| anyhow!(error))? {
            self.readers.push(sink);
            self.logs.push(Box::new(logs));
        }
        Ok(())
    }

    /// Starts each as a task of its own.
    pub(super) fn start(
        self,
        tasks: &mut JoinSet<()>,
        snapshots: &watch::Receiver<Arc<Snapshot>>,
        stopped: &watch::Receiver<bool>,
    ) {
        if let Some(metrics) = self.datadog_metrics {
            tasks.spawn(metrics.run(snapshots.clone(), stopped.clone()));
        }
        if let Some(metrics) = self.otlp_metrics {
            tasks.spawn(metrics.run(snapshots.clone(), stopped.clone()));
        }
        for logs in self.logs {
            tasks.spawn(logs.run(snapshots.clone(), stopped.clone()));
        }
    }
}

#[cfg(test)]
mod tests;
