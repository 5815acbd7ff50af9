//! Starts the sinks that the configuration asks for.

use std::sync::Arc;

use anyhow::anyhow;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::config::Config;
use crate::journal::{Inlet, Journal};
use crate::outbound::{Client, Limits};
use crate::signal::Snapshot;
use crate::sink::datadog;
use crate::sink::otlp;
use crate::store::State;

/// Sinks that are ready to run.
#[derive(Debug, Default)]
pub(super) struct Sinks {
    // Boxed: they are large, and wait in the future that starts the daemon.
    datadog_metrics: Option<Box<datadog::Metrics<Client>>>,
    datadog_logs: Option<Box<datadog::Logs<Client>>>,
    otlp_metrics: Option<Box<otlp::Metrics<Client>>>,
    /// Sinks that read the journal themselves.
    pub(super) readers: Vec<&'static str>,
}

impl Sinks {
    /// Makes them go on from where `state` says that they have come.
    pub(super) fn new(
        config: &Config,
        state: &State,
        journal: &Journal,
        inlet: &Inlet,
        clock: Clock,
        own: &PrometheusHandle,
        scrape: otlp::Exposition,
    ) -> anyhow::Result<Self> {
        let mut sinks = Self::default();
        let client = Client::new(
            Limits::default(),
            &config.outbound.route().map_err(|error| anyhow!(error))?,
        );
        if let Some(otlp) = &config.sinks.otlp {
            let metrics = otlp::Metrics::new(otlp, client.clone(), inlet.clone(), clock, scrape);
            sinks.otlp_metrics = metrics.map_err(|error| anyhow!(error))?.map(Box::new);
        }
        let Some(datadog) = &config.sinks.datadog else { return Ok(sinks) };
        let own = own.clone();
        let own: datadog::Own = Arc::new(move || own.render());
        let mark = state.sent(datadog::METRICS);
        let metrics =
            datadog::Metrics::new(datadog, mark, client.clone(), inlet.clone(), clock, own);
        // Logs begin with what comes after they were switched on, whenever that was.
        let mark = state.sent(datadog::LOGS);
        let reader = journal.reader(mark.unwrap_or(journal.next_position()));
        let logs = datadog::Logs::new(datadog, reader, client, inlet.clone(), clock);
        let logs = logs.map_err(|error| anyhow!(error))?;
        sinks.readers.extend(logs.iter().map(|_| datadog::LOGS));
        sinks.datadog_metrics = metrics.map_err(|error| anyhow!(error))?.map(Box::new);
        sinks.datadog_logs = logs.map(Box::new);
        Ok(sinks)
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
        if let Some(logs) = self.datadog_logs {
            tasks.spawn(logs.run(snapshots.clone(), stopped.clone()));
        }
    }
}

#[cfg(test)]
mod tests;
