//! The Prometheus text exposition (0.0.4), written from one snapshot.
//!
//! The per-connection families may be far larger than a metrics registry is made for, and vanish with their connection, so
//! they are written here; the daemon's own telemetry is appended as its recorder renders it.

mod edge;
mod page;
mod passage;
mod sign_in;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use self::page::Page;
use crate::signal::catalog::{self, Metric};
use crate::signal::{ConnectionView, ScopeView, Snapshot};

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

#[cfg(test)]
mod tests;
