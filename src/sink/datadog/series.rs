//! Counts of closed windows as series: one point for each series and window, with the window's own time.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Number;

use super::{ConnectionTag, Identity, tag::Tags};
use crate::event::ConnectionInfo;
use crate::signal::catalog::{self, Metric};
use crate::signal::{
    ClosedWindow, ConnectionDelta, Counts, DURATION_BOUNDS_SECONDS, Durations, SourceDelta,
};
use crate::sink::batch::{Envelope, whole};

/// `POST /api/v2/series`, with Datadog's numbers.
pub(super) const ENVELOPE: Envelope = Envelope {
    before: "{\"series\":[",
    between: ",",
    after: "]}",
    gzip: true,
    items_max: usize::MAX,
    bytes_max: 5_242_880,
    wire_bytes_max: 512_000,
    halve: whole,
};

/// How series are told apart, and what they all carry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Style {
    pub(crate) identity: Identity,
    pub(crate) connection_tags: Vec<ConnectionTag>,
    pub(crate) connection_gauges: bool,
}

/// Datadog's numbers for the kinds of series.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// What happened in this many seconds.
    Count { interval: i64 },
    /// How things stand.
    Gauge,
}

/// A series of one point, as it goes over the wire.
#[derive(Serialize)]
struct Series<'a> {
    metric: &'a str,
    #[serde(rename = "type")]
    kind: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<i64>,
    points: [Point; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<[Resource<'a>; 1]>,
}

#[derive(Serialize)]
struct Point {
    timestamp: i64,
    value: Number,
}

#[derive(Serialize)]
struct Resource<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
}

impl Style {
    /// A series of one point at the second `at`.
    pub(super) fn series(
        &self,
        name: &str,
        kind: Kind,
        tags: &Tags,
        at: i64,
        value: Number,
    ) -> Box<str> {
        let (kind, interval) = match kind {
            Kind::Count { interval } => (1, Some(interval)),
            Kind::Gauge => (3, None),
        };
        let host = self.identity.host.as_deref();
        let series = Series {
            metric: name,
            kind,
            interval,
            points: [Point { timestamp: at, value }],
            tags: tags.iter().collect(),
            resources: host.map(|name| [Resource { kind: "host", name }]),
        };
        serde_json::to_string(&series).expect("names and numbers can be encoded").into()
    }

    /// The tags of every series.
    pub(super) fn tags(&self) -> Tags {
        self.identity.tags.clone()
    }

    /// The tags of a connection's series.
    pub(super) fn connection(
        &self,
        label: &str,
        connection_type: &str,
        info: Option<&ConnectionInfo>,
    ) -> Tags {
        let text = |value: fn(&ConnectionInfo) -> Option<&str>| info.and_then(value).unwrap_or("");
        let value = |tag: &ConnectionTag| match tag {
            ConnectionTag::ConnectionId => label,
            ConnectionTag::ConnectionType => connection_type,
            ConnectionTag::OrganizationId => {
                text(|info| Some(info.organization_id.as_ref()?.as_str()))
            }
            ConnectionTag::ConnectionName => text(|info| info.name.as_deref()),
            ConnectionTag::OrganizationName => text(|info| info.organization_name.as_deref()),
        };
        let tags = self.connection_tags.iter();
        tags.fold(self.tags(), |tags, tag| tags.with(tag.as_str(), value(tag)))
    }
}

/// The series of `windows`, which are added up: what happened in the `interval` seconds from `at` on. The same windows give
/// the same series in the same order.
pub(super) fn counts(
    windows: &[Arc<ClosedWindow>],
    at: i64,
    interval: i64,
    style: &Style,
) -> Vec<Box<str>> {
    let mut sums = Sums { style, units: BTreeMap::new() };
    for window in windows {
        for connection in &window.connections {
            sums.connection(connection);
        }
        for delta in &window.durations {
            sums.durations(&delta.connection_type, &delta.durations);
        }
        for (name, count) in &window.event_types {
            sums.add(&catalog::AUTHENTICATION_EVENTS, style.tags().with("type", name), *count);
        }
        for source in &window.sources {
            sums.source(source);
        }
    }
    let kind = Kind::Count { interval };
    let series = sums.units.iter();
    series
        .map(|((name, tags), units)| style.series(name, kind, tags, at, value(name, *units)))
        .collect()
}

/// Sums of durations are kept in milliseconds: whole numbers add up exactly.
fn value(name: &str, units: u64) -> Number {
    if !name.ends_with(SUM) {
        return Number::from(units);
    }
    #[expect(clippy::cast_precision_loss, reason = "a sum of durations is far below 2^52 ms")]
    let seconds = units as f64 / 1000.0;
    Number::from_f64(seconds).expect("a quotient of whole numbers is finite")
}

const BUCKET: &str = ".bucket";
const COUNT: &str = ".count";
const SUM: &str = ".sum";

/// Counts by name and tags. Connections that share their tags are one series: two points of one series at one second would
/// overwrite each other.
struct Sums<'a> {
    style: &'a Style,
    units: BTreeMap<(String, Tags), u64>,
}

impl Sums<'_> {
    fn add(&mut self, metric: &Metric, tags: Tags, units: u64) {
        self.add_part(metric, "", tags, units);
    }

    fn add_part(&mut self, metric: &Metric, part: &str, tags: Tags, units: u64) {
        if units > 0 {
            let name = format!("{}{part}", metric.dotted());
            *self.units.entry((name, tags)).or_default() += units;
        }
    }

    fn connection(&mut self, delta: &ConnectionDelta) {
        let info = delta.info.as_deref();
        let tags = self.style.connection(delta.label(), delta.connection_type(), info);
        let Counts { started, succeeded, failed, timed_out, stalled } = delta.counts;
        self.add(&catalog::SESSIONS_STARTED, tags.clone(), started);
        let outcomes = [("succeeded", succeeded), ("failed", failed), ("timed_out", timed_out)];
        for (outcome, count) in outcomes {
            let tags = tags.clone().with("outcome", outcome);
            self.add(&catalog::SESSIONS_FINISHED, tags, count);
        }
        self.add(&catalog::SESSIONS_STALLED, tags.clone(), stalled);
        for (cause, count) in &delta.causes {
            let tags = tags.clone().with("cause", cause);
            self.add(&catalog::SESSION_FAILURES, tags, *count);
        }
    }

    /// As Datadog's own readers of Prometheus histograms do it: cumulative buckets, a count and a sum.
    fn durations(&mut self, connection_type: &str, durations: &Durations) {
        let metric = &catalog::SESSION_DURATION;
        let tags = self.style.tags().with("connection_type", connection_type);
        let mut up_to = 0;
        for (bound, count) in DURATION_BOUNDS_SECONDS.iter().zip(durations.buckets) {
            up_to += count;
            let tags = tags.clone().with("upper_bound", &bound.to_string());
            self.add_part(metric, BUCKET, tags, up_to);
        }
        self.add_part(metric, COUNT, tags.clone(), durations.count());
        self.add_part(metric, SUM, tags, durations.sum_millis);
    }

    fn source(&mut self, did: &SourceDelta) {
        let tags = self.style.tags().with("source", did.source.as_str());
        self.add(&catalog::EVENTS_RECEIVED, tags.clone(), did.received);
        self.add(&catalog::EVENTS_DUPLICATE, tags.clone(), did.duplicates);
        self.add(&catalog::EVENTS_LATE, tags.clone(), did.late);
        self.add(&catalog::EVENTS_MISSING, tags.clone(), did.missing);
        for (reason, count) in &did.rejected {
            let tags = tags.clone().with("reason", reason.as_str());
            self.add(&catalog::EVENTS_REJECTED, tags, *count);
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
