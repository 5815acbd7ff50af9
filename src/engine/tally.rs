//! What is counted per scope: totals since the beginning, sliding windows, sign-ins in progress.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::people::People;
use super::window::Sliding;
use crate::event::{ConnectionId, ConnectionInfo, OrganizationId, Timestamp};
use crate::signal::{Certificate, ConnectionView, Counts, ScopeView, WINDOWS};

/// Counts of one scope.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Tally {
    pub(super) totals: Counts,
    pub(super) in_progress: u64,
    /// One window for each of the engine's lengths, in their order.
    pub(super) windows: Vec<Sliding>,
    /// The second at which the calendar has it.
    #[serde(skip)]
    pub(super) planned: Option<i64>,
}

/// One connection.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Connection {
    pub(super) id: Option<ConnectionId>,
    pub(super) info: Option<Arc<ConnectionInfo>>,
    /// When the newest of it was so.
    info_at: Option<Timestamp>,
    pub(super) certificates: BTreeMap<Box<str>, Certificate>,
    pub(super) provider: u32,
    pub(super) tally: Tally,
    /// Failures by cause, in order of the cause.
    causes: Vec<(Arc<str>, u64)>,
    pub(super) last_event_at: Option<Timestamp>,
    pub(super) people: People,
    /// What each sign-in asks of `info`, so that it need not be fetched.
    #[serde(skip)]
    traits: Traits,
}

#[derive(Clone, Copy, Debug, Default)]
struct Traits {
    is_test: bool,
    has_organization: bool,
}

impl Tally {
    pub(super) fn new(lengths: &[u32]) -> Self {
        let windows = lengths.iter().map(|seconds| Sliding::new(*seconds)).collect();
        Self { totals: Counts::default(), in_progress: 0, windows, planned: None }
    }

    /// Counts what happened at `at`; `false` when every window has passed it.
    pub(super) fn record(
        &mut self,
        at: Timestamp,
        now: Timestamp,
        counts: Counts,
        cause: Option<&Arc<str>>,
    ) -> bool {
        self.totals += counts;
        let mut counted = false;
        for window in &mut self.windows {
            counted |= window.record(at, now, counts, cause);
        }
        counted
    }

    /// Moves the windows; whether something fell out of one.
    pub(super) fn advance(&mut self, now: Timestamp) -> bool {
        let mut changed = false;
        for window in &mut self.windows {
            changed |= window.advance(now);
        }
        changed
    }

    /// When something falls out of one of the windows, in seconds; `None` when they are empty.
    pub(super) fn next_second(&self) -> Option<i64> {
        self.windows.iter().filter_map(Sliding::next_second).min()
    }

    pub(super) fn view(&self) -> ScopeView {
        let mut windows = [Counts::default(); WINDOWS.len()];
        for (view, window) in windows.iter_mut().zip(&self.windows) {
            *view = window.sum();
        }
        let minutes = self.windows[windows.len() - 1].minutes().collect();
        ScopeView { totals: self.totals, in_progress: self.in_progress, windows, minutes }
    }
}

impl Connection {
    pub(super) fn new(id: Option<ConnectionId>, provider: u32, lengths: &[u32]) -> Self {
        Self {
            id,
            info: None,
            info_at: None,
            certificates: BTreeMap::new(),
            provider,
            tally: Tally::new(lengths),
            causes: Vec::new(),
            last_event_at: None,
            people: People::default(),
            traits: Traits::default(),
        }
    }

    /// Restores what is not saved.
    pub(super) fn recall(&mut self) {
        let Some(info) = &self.info else { return };
        let connection_type = info.connection_type.as_deref();
        self.traits = Traits {
            is_test: connection_type == Some("TestIdp")
                || matches!(info.state.as_deref(), Some("draft" | "validating")),
            has_organization: info.organization_id.is_some(),
        };
    }

    /// Takes over what `news` knows and keeps the rest. News from before the last ones only fill gaps: webhooks come in any
    /// order.
    pub(super) fn learn(&mut self, news: &ConnectionInfo, at: Timestamp) {
        let newer = self.info_at.is_none_or(|known| known <= at);
        let mut info = self.info.as_deref().cloned().unwrap_or_else(|| news.clone());
        let ConnectionInfo {
            id: _,
            organization_id,
            organization_name,
            connection_type,
            name,
            state,
        } = news;
        take(&mut info.organization_id, organization_id.as_ref(), newer);
        take(&mut info.organization_name, organization_name.as_ref(), newer);
        take(&mut info.connection_type, connection_type.as_ref(), newer);
        take(&mut info.name, name.as_ref(), newer);
        take(&mut info.state, state.as_ref(), newer);
        self.info_at = self.info_at.max(Some(at));
        if self.info.as_deref() != Some(&info) {
            self.info = Some(Arc::new(info));
            self.recall();
        }
    }

    /// Sign-ins name the organization even where nobody may ask WorkOS for its connections.
    pub(super) fn learn_organization(&mut self, organization: &OrganizationId) {
        if self.traits.has_organization {
            return;
        }
        let Some(id) = &self.id else { return };
        let news = ConnectionInfo {
            id: id.clone(),
            organization_id: Some(organization.clone()),
            organization_name: None,
            connection_type: None,
            name: None,
            state: None,
        };
        let info = self.info.get_or_insert_with(|| Arc::new(news));
        if info.organization_id.is_none() {
            Arc::make_mut(info).organization_id = Some(organization.clone());
        }
        self.recall();
    }

    /// Fetches it: some of each part.
    pub(super) fn look(&self) -> usize {
        let times = usize::from(self.last_event_at.is_some()) + usize::from(self.info.is_some());
        let totals = usize::from(self.tally.totals.started > 0);
        times + totals + usize::from(self.traits.is_test) + self.tally.windows.len()
    }

    /// Fetches what it leads to.
    pub(super) fn look_inside(&self) -> usize {
        self.tally.windows.iter().map(Sliding::look).sum()
    }

    /// Counts a failure.
    pub(super) fn fail(&mut self, cause: &Arc<str>) {
        match self.causes.binary_search_by(|(known, _)| known.cmp(cause)) {
            Ok(place) => self.causes[place].1 += 1,
            Err(place) => self.causes.insert(place, (Arc::clone(cause), 1)),
        }
    }

    /// Sign-ins on a connection that is being set up, or that is WorkOS's own test provider, say nothing of customers.
    pub(super) fn is_test(&self) -> bool {
        self.traits.is_test
    }

    /// Whether it is in use: a removed connection's certificate concerns nobody.
    pub(super) fn is_alive(&self) -> bool {
        self.info.as_deref().is_none_or(ConnectionInfo::is_in_use)
    }

    pub(super) fn view(&self) -> ConnectionView {
        let scope = self.tally.view();
        let oldest = scope.minutes.first().map(|minute| minute.start_seconds);
        ConnectionView {
            id: self.id.clone(),
            info: self.info.clone(),
            certificates: self.certificates.clone(),
            scope,
            causes: self.causes.clone(),
            failers: oldest.map(|oldest| self.people.failers(oldest)).unwrap_or_default(),
            last_event_at: self.last_event_at,
        }
    }
}

fn take<T: Clone>(known: &mut Option<T>, news: Option<&T>, newer: bool) {
    if news.is_some() && (newer || known.is_none()) {
        *known = news.cloned();
    }
}
