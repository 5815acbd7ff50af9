//! The families of sign-ins, connections and incidents.

use std::collections::BTreeMap;

use super::Page;
use crate::event::ConnectionInfo;
use crate::signal::catalog::{self, Metric};
use crate::signal::{ConnectionView, Counts, DURATION_BOUNDS_SECONDS, Snapshot, State, WINDOWS};

/// A ratio of the counts in a window; `None` without a denominator.
type Ratio = fn(&Counts) -> Option<f64>;

impl Page {
    pub(super) fn started(&mut self, label: &str, connection: &ConnectionView) {
        self.sample(&catalog::SESSIONS_STARTED, &[label], connection.scope.totals.started);
    }

    pub(super) fn finished(&mut self, label: &str, connection: &ConnectionView) {
        let Counts { succeeded, failed, timed_out, .. } = connection.scope.totals;
        for (outcome, count) in
            [("succeeded", succeeded), ("failed", failed), ("timed_out", timed_out)]
        {
            self.sample(&catalog::SESSIONS_FINISHED, &[label, outcome], count);
        }
    }

    pub(super) fn stalled(&mut self, label: &str, connection: &ConnectionView) {
        self.sample(&catalog::SESSIONS_STALLED, &[label], connection.scope.totals.stalled);
    }

    pub(super) fn failures(&mut self, label: &str, connection: &ConnectionView) {
        for (cause, count) in &connection.causes {
            self.sample(&catalog::SESSION_FAILURES, &[label, cause], count);
        }
    }

    pub(super) fn in_progress(&mut self, label: &str, connection: &ConnectionView) {
        self.sample(&catalog::SESSIONS_IN_PROGRESS, &[label], connection.scope.in_progress);
    }

    pub(super) fn failure_ratios(&mut self, label: &str, connection: &ConnectionView) {
        let windows = &connection.scope.windows;
        self.ratios(&catalog::FAILURE_RATIO, Some(label), windows, Counts::failure_ratio);
    }

    pub(super) fn timeout_ratios(&mut self, label: &str, connection: &ConnectionView) {
        let windows = &connection.scope.windows;
        self.ratios(&catalog::TIMEOUT_RATIO, Some(label), windows, Counts::timeout_ratio);
    }

    pub(super) fn fleet_failure_ratios(&mut self, snapshot: &Snapshot) {
        self.family(&catalog::FLEET_FAILURE_RATIO);
        let windows = &snapshot.fleet.windows;
        self.ratios(&catalog::FLEET_FAILURE_RATIO, None, windows, Counts::failure_ratio);
    }

    pub(super) fn fleet_timeout_ratios(&mut self, snapshot: &Snapshot) {
        self.family(&catalog::FLEET_TIMEOUT_RATIO);
        let windows = &snapshot.fleet.windows;
        self.ratios(&catalog::FLEET_TIMEOUT_RATIO, None, windows, Counts::timeout_ratio);
    }

    fn ratios(&mut self, metric: &Metric, label: Option<&str>, windows: &[Counts], ratio: Ratio) {
        for ((window, _), counts) in WINDOWS.iter().zip(windows) {
            if let Some(ratio) = ratio(counts) {
                match label {
                    Some(label) => self.sample(metric, &[label, window], ratio),
                    None => self.sample(metric, &[window], ratio),
                }
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a sum in seconds needs no more than 52 bits")]
    pub(super) fn durations(&mut self, snapshot: &Snapshot) {
        let name = catalog::SESSION_DURATION.name;
        self.family(&catalog::SESSION_DURATION);
        for (kind, durations) in &snapshot.durations {
            let bounds =
                DURATION_BOUNDS_SECONDS.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
            let mut total = 0;
            for (bound, count) in bounds.zip(durations.buckets) {
                total += count;
                let labels = [("connection_type", &**kind), ("le", &bound)];
                self.line(&format!("{name}_bucket"), labels.into_iter(), total);
            }
            let labels = [("connection_type", &**kind)];
            let sum = durations.sum_millis as f64 / 1000.0;
            self.line(&format!("{name}_sum"), labels.into_iter(), sum);
            self.line(&format!("{name}_count"), labels.into_iter(), total);
        }
    }

    pub(super) fn info(&mut self, label: &str, connection: &ConnectionView) {
        let Some(info) = &connection.info else { return };
        let organization = info.organization_id.as_ref().map_or("", |id| id.as_str());
        let ConnectionInfo { name, connection_type, organization_name, state, .. } = &**info;
        let [name, kind, title, state] = [name, connection_type, organization_name, state]
            .map(|text| text.as_deref().unwrap_or_default());
        let values = [label, name, kind, organization, title, state];
        self.sample(&catalog::CONNECTION_INFO, &values, 1);
    }

    pub(super) fn certificates(&mut self, label: &str, connection: &ConnectionView) {
        for (kind, certificate) in connection.certificates_in_use().into_iter().flatten() {
            let expiry = certificate.expires_at.seconds();
            self.sample(&catalog::CERTIFICATE_EXPIRY, &[label, kind], expiry);
        }
    }

    pub(super) fn events(&mut self, snapshot: &Snapshot) {
        self.family(&catalog::AUTHENTICATION_EVENTS);
        for (name, count) in &snapshot.event_types {
            self.sample(&catalog::AUTHENTICATION_EVENTS, &[name], count);
        }
        self.family(&catalog::EVENTS_NOVEL);
        for (kind, count) in &snapshot.novel {
            self.sample(&catalog::EVENTS_NOVEL, &[kind.as_str()], count);
        }
    }

    pub(super) fn incidents(&mut self, snapshot: &Snapshot) {
        let mut counts: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
        for incident in
            snapshot.incidents.iter().filter(|incident| incident.state != State::Resolved)
        {
            let key = (&*incident.alertname, incident.severity.as_str(), incident.state.as_str());
            *counts.entry(key).or_default() += 1;
        }
        self.family(&catalog::INCIDENTS);
        for ((alertname, severity, state), count) in counts {
            self.sample(&catalog::INCIDENTS, &[alertname, severity, state], count);
        }
    }
}
