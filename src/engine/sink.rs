//! `SinkFailing`: a sink says that it does not do its work, or that it does again.

use std::collections::BTreeMap;

use super::Engine;
use super::alert::{Finding, Key};
use super::rule::Phase;
use super::watch::labels;
use super::worst::Worst;
use crate::signal::{Evidence, Reach, SINK_FAILING, Scope, Severity};

impl Engine {
    /// Fires while there is `trouble`. The sink itself decides when trouble is worth a page.
    pub(super) fn sink_health(&mut self, sink: &str, trouble: Option<&str>) {
        let now = self.memory.now;
        let key = Key { alertname: SINK_FAILING.into(), scope: Scope::Sink(sink.into()) };
        let Some(trouble) = trouble else {
            self.memory.alerts.end(&key, now);
            return;
        };
        let finding = Finding {
            severity: Severity::Page,
            labels: labels(&key, Severity::Page, &BTreeMap::new(), None),
            started_at: self.memory.alerts.started_at(&key).unwrap_or(now),
            summary: format!("The sink {sink} does not do its work. {trouble}"),
            description: "What it has not sent is kept until it is too old for the service; \
                ssowatch_sink_backlog_seconds and ssowatch_sink_dropped_total say how much that is. \
                The other sinks, the receivers and the alerts go on."
                .into(),
            evidence: Evidence::default(),
            reach: Reach::default(),
            worst: Worst::Unknown,
        };
        let phase = Phase::Firing { clear_since: None };
        self.memory.alerts.move_to(key, phase, None, Some(finding), now);
    }
}
