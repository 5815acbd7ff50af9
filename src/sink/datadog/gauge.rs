//! Gauges of a snapshot as series, and the daemon's own telemetry beside them.

use std::collections::BTreeMap;

use serde_json::Number;

use super::series::{Kind, Style};
use super::tag::Tags;
use crate::signal::catalog::{self, Metric};
use crate::signal::{ConnectionView, Counts, ScopeView, Snapshot, State, WINDOWS};
use crate::telemetry::Sample;

/// The lag of a delivery that is longer ago says nothing of now; as long as the monitor and the rule look back.
const QUIET_MILLIS: i64 = 600_000;

/// A ratio of the counts in a window; `None` without a denominator.
type Ratio = fn(&Counts) -> Option<f64>;

/// What the daemon's own counters were when they were last told: Datadog wants what happened since.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<(&'static str, Vec<String>), f64>);

impl Told {
    /// `samples` with counters as what happened since the last telling; those that stood still are left out.
    pub(super) fn news(&self, samples: &[Sample]) -> Vec<Sample> {
        let news = samples.iter().filter_map(|sample| match sample.metric.kind {
            catalog::Kind::Counter => {
                let key = (sample.metric.name, sample.values.clone());
                let value = sample.value - self.0.get(&key).copied().unwrap_or_default();
                (value > 0.0).then(|| Sample { value, ..sample.clone() })
            }
            catalog::Kind::Gauge | catalog::Kind::Histogram => Some(sample.clone()),
        });
        news.collect()
    }

    /// They were told.
    pub(super) fn note(&mut self, samples: Vec<Sample>) {
        let told = samples.into_iter();
        self.0 = told.map(|sample| ((sample.metric.name, sample.values), sample.value)).collect();
    }
}

/// The gauges of `snapshot`, and `own` with counters as what happened in the `interval` seconds before, at the second `at`.
pub(super) fn gauges(
    snapshot: &Snapshot,
    own: &[Sample],
    at: i64,
    interval: i64,
    style: &Style,
) -> Vec<Box<str>> {
    let mut page = Page { style, at, series: Vec::new() };
    page.fleet(&snapshot.fleet);
    if style.connection_gauges {
        page.connections(snapshot);
    } else {
        for provider in &snapshot.providers {
            let tags = style.tags().with("connection_type", &provider.connection_type);
            page.whole(&catalog::SESSIONS_IN_PROGRESS, &tags, provider.scope.in_progress);
        }
    }
    page.certificates(snapshot);
    page.incidents(snapshot);
    page.sources(snapshot);
    let version = style.tags().with("version", env!("CARGO_PKG_VERSION"));
    page.whole(&catalog::BUILD_INFO, &version, 1);
    page.own(own, interval);
    page.series
}

struct Page<'a> {
    style: &'a Style,
    at: i64,
    series: Vec<Box<str>>,
}

impl Page<'_> {
    fn whole(&mut self, metric: &Metric, tags: &Tags, value: impl Into<Number>) {
        self.point(metric, Kind::Gauge, tags, value.into());
    }

    fn real(&mut self, metric: &Metric, kind: Kind, tags: &Tags, value: f64) {
        // Not a number is no value.
        if let Some(value) = Number::from_f64(value) {
            self.point(metric, kind, tags, value);
        }
    }

    fn point(&mut self, metric: &Metric, kind: Kind, tags: &Tags, value: Number) {
        self.series.push(self.style.series(&metric.dotted(), kind, tags, self.at, value));
    }

    fn ratios(&mut self, metrics: [&Metric; 2], tags: &Tags, windows: &[Counts]) {
        let ratios: [Ratio; 2] = [Counts::failure_ratio, Counts::timeout_ratio];
        for (metric, ratio) in metrics.into_iter().zip(ratios) {
            for ((window, _), counts) in WINDOWS.iter().zip(windows) {
                if let Some(value) = ratio(counts) {
                    let tags = tags.clone().with("window", window);
                    self.real(metric, Kind::Gauge, &tags, value);
                }
            }
        }
    }

    fn fleet(&mut self, fleet: &ScopeView) {
        let metrics = [&catalog::FLEET_FAILURE_RATIO, &catalog::FLEET_TIMEOUT_RATIO];
        self.ratios(metrics, &self.style.tags(), &fleet.windows);
    }

    /// Connections that share their tags are one series, as in the counts.
    fn connections(&mut self, snapshot: &Snapshot) {
        let mut scopes: BTreeMap<Tags, ScopeView> = BTreeMap::new();
        for connection in &snapshot.connections {
            let sum = scopes.entry(self.connection(connection)).or_default();
            sum.in_progress += connection.scope.in_progress;
            for (sum, counts) in sum.windows.iter_mut().zip(connection.scope.windows) {
                *sum += counts;
            }
        }
        for (tags, scope) in scopes {
            self.whole(&catalog::SESSIONS_IN_PROGRESS, &tags, scope.in_progress);
            let metrics = [&catalog::FAILURE_RATIO, &catalog::TIMEOUT_RATIO];
            self.ratios(metrics, &tags, &scope.windows);
        }
    }

    /// The first that expires, where connections share their tags.
    fn certificates(&mut self, snapshot: &Snapshot) {
        let mut first: BTreeMap<Tags, i64> = BTreeMap::new();
        for connection in &snapshot.connections {
            for (kind, certificate) in connection.certificates_in_use().into_iter().flatten() {
                let tags = self.connection(connection).with("certificate_type", kind);
                let expires = certificate.expires_at.seconds();
                let known = first.entry(tags).or_insert(expires);
                *known = expires.min(*known);
            }
        }
        for (tags, expires) in first {
            self.whole(&catalog::CERTIFICATE_EXPIRY, &tags, expires);
        }
    }

    /// What was and is no more is 0 for as long as it is remembered: a series that just ends keeps its last value on a board.
    fn incidents(&mut self, snapshot: &Snapshot) {
        let mut counts: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
        for incident in &snapshot.incidents {
            for state in [State::Pending, State::Firing] {
                let severity = incident.severity.as_str();
                let count = counts.entry((&incident.alertname, severity, state.as_str()));
                *count.or_default() += u64::from(incident.state == state);
            }
        }
        for ((alertname, severity, state), count) in counts {
            let tags = self.style.tags().with("alertname", alertname);
            let tags = tags.with("severity", severity).with("state", state);
            self.whole(&catalog::INCIDENTS, &tags, count);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds need no more than 52 bits")]
    fn sources(&mut self, snapshot: &Snapshot) {
        for source in &snapshot.sources {
            let tags = self.style.tags().with("source", source.source.as_str());
            // A gauge that stays would keep a monitor of the last delivery's lag alight for as long as nothing comes.
            if let Some(lag) = source
                .lag_millis
                .filter(|_| snapshot.now.millis_since(source.delivered_at()) < QUIET_MILLIS)
            {
                self.real(&catalog::SOURCE_LAG, Kind::Gauge, &tags, lag as f64 / 1000.0);
            }
            if let Some(at) = source.last_event_at {
                let seconds = at.millis() as f64 / 1000.0;
                self.real(&catalog::SOURCE_LAST_EVENT, Kind::Gauge, &tags, seconds);
            }
        }
    }

    fn own(&mut self, samples: &[Sample], interval: i64) {
        for Sample { metric, values, value } in samples {
            let labels = metric.labels.iter().zip(values);
            let tags = labels.fold(self.style.tags(), |tags, (key, value)| tags.with(key, value));
            let kind = match metric.kind {
                catalog::Kind::Counter => Kind::Count { interval },
                catalog::Kind::Gauge | catalog::Kind::Histogram => Kind::Gauge,
            };
            self.real(metric, kind, &tags, *value);
        }
    }

    fn connection(&self, connection: &ConnectionView) -> Tags {
        let info = connection.info.as_deref();
        self.style.connection(connection.label(), connection.connection_type(), info)
    }
}

#[cfg(test)]
mod tests;
