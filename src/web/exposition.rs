//! The Prometheus text exposition (0.0.4), written from one snapshot.
//!
//! The per-connection families may be far larger than a metrics registry is made for, and vanish with their connection, so
//! they are written here; the daemon's own telemetry is appended as its recorder renders it.

mod edge;

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use crate::signal::catalog::{self, Metric};
use crate::signal::{
    ConnectionView, Counts, DURATION_BOUNDS_SECONDS, Durations, Snapshot, SourceView, State,
    WINDOWS,
};

/// The whole exposition. Connections that are not `chosen` (by index) add up under `connection_id="other"`. `own` is the
/// daemon's own telemetry, rendered.
#[must_use]
pub fn exposition(snapshot: &Snapshot, chosen: &[bool], own: &str) -> String {
    let each = || snapshot.connections.iter().map(AsRef::as_ref).zip(chosen);
    let shown: Vec<&ConnectionView> =
        each().filter(|(_, chosen)| **chosen).map(|(connection, _)| connection).collect();
    let mut page = Page(String::with_capacity(4096 + 1500 * shown.len()));
    let other = (shown.len() < snapshot.connections.len())
        .then(|| sum(each().filter(|(_, chosen)| !**chosen).map(|(connection, _)| connection)));
    let all: Vec<(&str, &ConnectionView)> = shown
        .iter()
        .map(|connection| (connection.label(), *connection))
        .chain(other.iter().map(|other| ("other", other)))
        .collect();
    page.sessions(&all);
    page.ratios(&all, &snapshot.fleet.windows);
    page.durations(&snapshot.durations);
    page.names(&shown);
    page.events(snapshot);
    page.edge(snapshot);
    page.incidents(snapshot);
    page.sources(snapshot);
    page.family(&catalog::BUILD_INFO);
    page.sample(&catalog::BUILD_INFO, &[env!("CARGO_PKG_VERSION")], 1);
    page.0.push_str(own);
    page.0
}

fn sum<'a>(connections: impl Iterator<Item = &'a ConnectionView>) -> ConnectionView {
    let mut sum = ConnectionView {
        id: None,
        info: None,
        certificates: BTreeMap::new(),
        scope: crate::signal::ScopeView::default(),
        causes: Vec::new(),
        last_event_at: None,
    };
    let mut causes = BTreeMap::new();
    for connection in connections {
        sum.scope.totals += connection.scope.totals;
        sum.scope.in_progress += connection.scope.in_progress;
        for (total, window) in sum.scope.windows.iter_mut().zip(connection.scope.windows) {
            *total += window;
        }
        for (cause, count) in &connection.causes {
            *causes.entry(std::sync::Arc::clone(cause)).or_insert(0) += count;
        }
    }
    sum.causes = causes.into_iter().collect();
    sum
}

struct Page(String);

/// A count of a source.
type Count = fn(&SourceView) -> u64;

/// A ratio of the counts in a window; `None` without a denominator.
type Ratio = fn(&Counts) -> Option<f64>;

impl Page {
    fn family(&mut self, metric: &Metric) {
        let Metric { name, help, kind, .. } = metric;
        let kind = kind.as_str();
        writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("memory grows");
    }

    fn sample(&mut self, metric: &Metric, values: &[&str], value: impl Display) {
        let labels = metric.labels.iter().copied().zip(values.iter().copied());
        self.line(metric.name, labels, value);
    }

    fn line<'a>(
        &mut self,
        name: &str,
        labels: impl Iterator<Item = (&'a str, &'a str)>,
        value: impl Display,
    ) {
        self.0.push_str(name);
        let mut open = false;
        for (label, text) in labels {
            self.0.push_str(if open { "," } else { "{" });
            open = true;
            self.0.push_str(label);
            self.0.push_str("=\"");
            escape(&mut self.0, text);
            self.0.push('"');
        }
        self.0.push_str(if open { "} " } else { " " });
        writeln!(self.0, "{value}").expect("memory grows");
    }

    fn sessions(&mut self, connections: &[(&str, &ConnectionView)]) {
        self.family(&catalog::SESSIONS_STARTED);
        for (label, connection) in connections {
            self.sample(&catalog::SESSIONS_STARTED, &[label], connection.scope.totals.started);
        }
        self.family(&catalog::SESSIONS_FINISHED);
        for (label, connection) in connections {
            let Counts { succeeded, failed, timed_out, .. } = connection.scope.totals;
            for (outcome, count) in
                [("succeeded", succeeded), ("failed", failed), ("timed_out", timed_out)]
            {
                self.sample(&catalog::SESSIONS_FINISHED, &[label, outcome], count);
            }
        }
        self.family(&catalog::SESSIONS_STALLED);
        for (label, connection) in connections {
            self.sample(&catalog::SESSIONS_STALLED, &[label], connection.scope.totals.stalled);
        }
        self.family(&catalog::SESSION_FAILURES);
        for (label, connection) in connections {
            for (cause, count) in &connection.causes {
                self.sample(&catalog::SESSION_FAILURES, &[label, cause], count);
            }
        }
        self.family(&catalog::SESSIONS_IN_PROGRESS);
        for (label, connection) in connections {
            self.sample(&catalog::SESSIONS_IN_PROGRESS, &[label], connection.scope.in_progress);
        }
    }

    fn ratios(&mut self, connections: &[(&str, &ConnectionView)], fleet: &[Counts]) {
        let each: [(&Metric, &Metric, Ratio); 2] = [
            (&catalog::FAILURE_RATIO, &catalog::FLEET_FAILURE_RATIO, Counts::failure_ratio),
            (&catalog::TIMEOUT_RATIO, &catalog::FLEET_TIMEOUT_RATIO, Counts::timeout_ratio),
        ];
        for (per_connection, of_fleet, ratio) in each {
            self.family(per_connection);
            for (label, connection) in connections {
                for ((window, _), counts) in WINDOWS.iter().zip(&connection.scope.windows) {
                    if let Some(ratio) = ratio(counts) {
                        self.sample(per_connection, &[label, window], ratio);
                    }
                }
            }
            self.family(of_fleet);
            for ((window, _), counts) in WINDOWS.iter().zip(fleet) {
                if let Some(ratio) = ratio(counts) {
                    self.sample(of_fleet, &[window], ratio);
                }
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a sum in seconds needs no more than 52 bits")]
    fn durations(&mut self, durations: &[(std::sync::Arc<str>, Durations)]) {
        let name = catalog::SESSION_DURATION.name;
        self.family(&catalog::SESSION_DURATION);
        for (kind, durations) in durations {
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

    fn names(&mut self, connections: &[&ConnectionView]) {
        self.family(&catalog::CONNECTION_INFO);
        for connection in connections {
            let Some(info) = &connection.info else { continue };
            let text = |value: &Option<Box<str>>| value.as_deref().unwrap_or_default().to_owned();
            let organization = info.organization_id.as_ref().map_or("", |id| id.as_str());
            let (name, kind) = (text(&info.name), text(&info.connection_type));
            let (title, state) = (text(&info.organization_name), text(&info.state));
            let values = [connection.label(), &name, &kind, organization, &title, &state];
            self.sample(&catalog::CONNECTION_INFO, &values, 1);
        }
        self.family(&catalog::CERTIFICATE_EXPIRY);
        for connection in connections {
            for (kind, certificate) in &connection.certificates {
                let values = [connection.label(), kind];
                self.sample(
                    &catalog::CERTIFICATE_EXPIRY,
                    &values,
                    certificate.expires_at.seconds(),
                );
            }
        }
    }

    fn events(&mut self, snapshot: &Snapshot) {
        self.family(&catalog::AUTHENTICATION_EVENTS);
        for (name, count) in &snapshot.event_types {
            self.sample(&catalog::AUTHENTICATION_EVENTS, &[name], count);
        }
    }

    fn incidents(&mut self, snapshot: &Snapshot) {
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

    #[expect(clippy::cast_precision_loss, reason = "a lag in seconds needs no more than 52 bits")]
    fn sources(&mut self, snapshot: &Snapshot) {
        let counters: [(&Metric, Count); 3] = [
            (&catalog::EVENTS_RECEIVED, |source| source.received),
            (&catalog::EVENTS_DUPLICATE, |source| source.duplicates),
            (&catalog::EVENTS_LATE, |source| source.late),
        ];
        for (metric, count) in counters {
            self.family(metric);
            for source in &snapshot.sources {
                self.sample(metric, &[source.source.as_str()], count(source));
            }
        }
        self.family(&catalog::EVENTS_REJECTED);
        for source in &snapshot.sources {
            for (reason, count) in &source.rejected {
                self.sample(
                    &catalog::EVENTS_REJECTED,
                    &[source.source.as_str(), reason.as_str()],
                    count,
                );
            }
        }
        self.family(&catalog::SOURCE_LAG);
        for source in &snapshot.sources {
            if let Some(lag) = source.lag_millis {
                self.sample(&catalog::SOURCE_LAG, &[source.source.as_str()], lag as f64 / 1000.0);
            }
        }
        self.family(&catalog::SOURCE_LAST_EVENT);
        for source in &snapshot.sources {
            if let Some(at) = source.last_event_at {
                let seconds = at.millis() as f64 / 1000.0;
                self.sample(&catalog::SOURCE_LAST_EVENT, &[source.source.as_str()], seconds);
            }
        }
    }
}

fn escape(page: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\\' => page.push_str("\\\\"),
            '"' => page.push_str("\\\""),
            '\n' => page.push_str("\\n"),
            c => page.push(c),
        }
    }
}

#[cfg(test)]
mod tests;
