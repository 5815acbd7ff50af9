//! The Prometheus text exposition (0.0.4), written from one snapshot.
//!
//! The per-connection families may be far larger than a metrics registry is made for, and vanish with their connection, so
//! they are written here; the daemon's own telemetry is appended as its recorder renders it.

mod edge;

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::hint::black_box;
use std::sync::Arc;

use crate::event::ConnectionInfo;
use crate::signal::catalog::{self, Metric};
use crate::signal::{
    ConnectionView, Counts, DURATION_BOUNDS_SECONDS, ScopeView, Snapshot, SourceView, State,
    WINDOWS,
};

/// Connections of which one family is written at a time: about 50 kB of text.
const PART_CONNECTIONS: usize = 500;

/// Connections that are looked at before they are written: each family comes back to all of them, and memory is waited for once for
/// so many, and not for one after the other.
const AHEAD: usize = 16;

/// The exposition of one snapshot, made part by part as it is read: of 100,000 connections it has more than 100 MB, of which
/// one part is in memory at a time.
#[derive(Debug)]
pub struct Exposition {
    snapshot: Arc<Snapshot>,
    /// Indices of the connections with series of their own.
    shown: Vec<u32>,
    /// All others together.
    other: Option<Box<ConnectionView>>,
    own: String,
    section: usize,
    /// Connections of the section that are written.
    written: usize,
}

/// A part of the exposition that is made at once, or connection by connection.
enum Section {
    Each(&'static Metric, fn(&mut Page, &str, &ConnectionView)),
    Whole(fn(&mut Page, &Snapshot)),
}

/// In order.
const SECTIONS: [Section; 16] = [
    Section::Each(&catalog::SESSIONS_STARTED, Page::started),
    Section::Each(&catalog::SESSIONS_FINISHED, Page::finished),
    Section::Each(&catalog::SESSIONS_STALLED, Page::stalled),
    Section::Each(&catalog::SESSION_FAILURES, Page::failures),
    Section::Each(&catalog::SESSIONS_IN_PROGRESS, Page::in_progress),
    Section::Each(&catalog::FAILURE_RATIO, Page::failure_ratios),
    Section::Whole(Page::fleet_failure_ratios),
    Section::Each(&catalog::TIMEOUT_RATIO, Page::timeout_ratios),
    Section::Whole(Page::fleet_timeout_ratios),
    Section::Whole(Page::durations),
    Section::Each(&catalog::CONNECTION_INFO, Page::info),
    Section::Each(&catalog::CERTIFICATE_EXPIRY, Page::certificates),
    Section::Whole(Page::events),
    Section::Whole(Page::edge),
    Section::Whole(Page::incidents),
    Section::Whole(Page::sources),
];

impl Exposition {
    /// Connections that are not `chosen` (by index) add up under `connection_id="other"`. `own` is the daemon's own
    /// telemetry, rendered.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>, chosen: &[bool], own: String) -> Self {
        let all = snapshot.connections.len().min(chosen.len());
        let all = 0..u32::try_from(all).expect("connections are bounded");
        let (shown, others): (Vec<u32>, Vec<u32>) = all.partition(|index| chosen[*index as usize]);
        let other = (!others.is_empty()).then(|| {
            let others = others.iter().map(|index| &*snapshot.connections[*index as usize]);
            Box::new(sum(others))
        });
        Self { snapshot, shown, other, own, section: 0, written: 0 }
    }

    /// The daemon's own telemetry alone.
    #[must_use]
    pub fn own(own: String) -> Self {
        Self { section: SECTIONS.len(), ..Self::new(Arc::default(), &[], own) }
    }

    /// Some connections of a section; whether these were the last.
    fn each(
        &mut self,
        page: &mut Page,
        metric: &Metric,
        write: fn(&mut Page, &str, &ConnectionView),
    ) -> bool {
        if self.written == 0 {
            page.family(metric);
        }
        let rest = &self.shown[self.written..];
        let part = &rest[..rest.len().min(PART_CONNECTIONS)];
        for some in part.chunks(AHEAD) {
            let some = || some.iter().map(|index| &*self.snapshot.connections[*index as usize]);
            black_box(some().map(look).sum::<u64>());
            for connection in some() {
                write(page, connection.label(), connection);
            }
        }
        self.written += part.len();
        let last = self.written == self.shown.len();
        if let Some(other) = self.other.as_deref().filter(|_| last) {
            write(page, "other", other);
        }
        last
    }
}

impl Iterator for Exposition {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut page = Page(String::with_capacity(PART_CONNECTIONS * 100));
        let done = match SECTIONS.get(self.section) {
            Some(Section::Each(metric, write)) => self.each(&mut page, metric, *write),
            Some(Section::Whole(write)) => {
                write(&mut page, &self.snapshot);
                true
            }
            None if self.section == SECTIONS.len() => {
                page.family(&catalog::BUILD_INFO);
                page.sample(&catalog::BUILD_INFO, &[env!("CARGO_PKG_VERSION")], 1);
                page.0.push_str(&self.own);
                true
            }
            None => return None,
        };
        if done {
            self.section += 1;
            self.written = 0;
        }
        Some(page.0)
    }
}

/// Fetches what nearly every family is made of: the label, the totals and the windows.
fn look(connection: &ConnectionView) -> u64 {
    let label = connection.label().bytes().next().unwrap_or_default();
    let ScopeView { totals, windows, .. } = &connection.scope;
    windows.iter().map(|window| window.succeeded).sum::<u64>() + totals.started + u64::from(label)
}

fn sum<'a>(connections: impl Iterator<Item = &'a ConnectionView>) -> ConnectionView {
    let mut sum = ConnectionView {
        id: None,
        info: None,
        certificates: BTreeMap::new(),
        scope: ScopeView::default(),
        causes: Vec::new(),
        failers: Box::default(),
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
            *causes.entry(Arc::clone(cause)).or_insert(0) += count;
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

    fn started(&mut self, label: &str, connection: &ConnectionView) {
        self.sample(&catalog::SESSIONS_STARTED, &[label], connection.scope.totals.started);
    }

    fn finished(&mut self, label: &str, connection: &ConnectionView) {
        let Counts { succeeded, failed, timed_out, .. } = connection.scope.totals;
        for (outcome, count) in
            [("succeeded", succeeded), ("failed", failed), ("timed_out", timed_out)]
        {
            self.sample(&catalog::SESSIONS_FINISHED, &[label, outcome], count);
        }
    }

    fn stalled(&mut self, label: &str, connection: &ConnectionView) {
        self.sample(&catalog::SESSIONS_STALLED, &[label], connection.scope.totals.stalled);
    }

    fn failures(&mut self, label: &str, connection: &ConnectionView) {
        for (cause, count) in &connection.causes {
            self.sample(&catalog::SESSION_FAILURES, &[label, cause], count);
        }
    }

    fn in_progress(&mut self, label: &str, connection: &ConnectionView) {
        self.sample(&catalog::SESSIONS_IN_PROGRESS, &[label], connection.scope.in_progress);
    }

    fn failure_ratios(&mut self, label: &str, connection: &ConnectionView) {
        let windows = &connection.scope.windows;
        self.ratios(&catalog::FAILURE_RATIO, Some(label), windows, Counts::failure_ratio);
    }

    fn timeout_ratios(&mut self, label: &str, connection: &ConnectionView) {
        let windows = &connection.scope.windows;
        self.ratios(&catalog::TIMEOUT_RATIO, Some(label), windows, Counts::timeout_ratio);
    }

    fn fleet_failure_ratios(&mut self, snapshot: &Snapshot) {
        self.family(&catalog::FLEET_FAILURE_RATIO);
        let windows = &snapshot.fleet.windows;
        self.ratios(&catalog::FLEET_FAILURE_RATIO, None, windows, Counts::failure_ratio);
    }

    fn fleet_timeout_ratios(&mut self, snapshot: &Snapshot) {
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
    fn durations(&mut self, snapshot: &Snapshot) {
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

    fn info(&mut self, label: &str, connection: &ConnectionView) {
        let Some(info) = &connection.info else { return };
        let organization = info.organization_id.as_ref().map_or("", |id| id.as_str());
        let ConnectionInfo { name, connection_type, organization_name, state, .. } = &**info;
        let [name, kind, title, state] = [name, connection_type, organization_name, state]
            .map(|text| text.as_deref().unwrap_or_default());
        let values = [label, name, kind, organization, title, state];
        self.sample(&catalog::CONNECTION_INFO, &values, 1);
    }

    fn certificates(&mut self, label: &str, connection: &ConnectionView) {
        for (kind, certificate) in connection.certificates_in_use().into_iter().flatten() {
            let expiry = certificate.expires_at.seconds();
            self.sample(&catalog::CERTIFICATE_EXPIRY, &[label, kind], expiry);
        }
    }

    fn events(&mut self, snapshot: &Snapshot) {
        self.family(&catalog::AUTHENTICATION_EVENTS);
        for (name, count) in &snapshot.event_types {
            self.sample(&catalog::AUTHENTICATION_EVENTS, &[name], count);
        }
        self.family(&catalog::EVENTS_NOVEL);
        for (kind, count) in &snapshot.novel {
            self.sample(&catalog::EVENTS_NOVEL, &[kind.as_str()], count);
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
        let counters: [(&Metric, Count); 4] = [
            (&catalog::EVENTS_RECEIVED, |source| source.received),
            (&catalog::EVENTS_DUPLICATE, |source| source.duplicates),
            (&catalog::EVENTS_LATE, |source| source.late),
            (&catalog::EVENTS_MISSING, |source| source.missing),
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
    // A label is looked at for each of its series: byte by byte this took half of a scrape.
    if memchr::memchr3(b'\\', b'"', b'\n', text.as_bytes()).is_none() {
        return page.push_str(text);
    }
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
