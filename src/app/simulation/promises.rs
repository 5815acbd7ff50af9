//! What the daemon promises, held against what happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::network::Network;
use super::plan::Happening;
use super::senders::Promised;
use crate::event::{EventId, Step};
use crate::signal::{Counts, Severity, Snapshot, State as Standing};
use crate::store::State;

/// A promise that was broken, in words.
pub(super) type Broken = Vec<String>;

/// Every event that was acknowledged is known.
pub(super) fn nothing_is_lost(state: &State, promised: &Promised, broken: &mut Broken) {
    for (id, life) in &*promised.lock().unwrap() {
        if !state.knows(&EventId::new(id)) {
            broken.push(format!("{id}, acknowledged in life {life}, is lost"));
        }
    }
}

/// Every event counts once: the totals are those of the events that are known.
pub(super) fn nothing_counts_twice(
    state: &State,
    snapshot: &Snapshot,
    happenings: &[Happening],
    broken: &mut Broken,
) {
    let known = happenings.iter().filter(|one| state.knows(&EventId::new(&one.id)));
    let mut want: BTreeMap<String, Counts> = BTreeMap::new();
    let mut count = 0;
    for happening in known {
        count += 1;
        let counts = want.entry(format!("conn_{}", happening.connection)).or_default();
        match happening.step {
            Step::Started => counts.started += 1,
            Step::Succeeded => counts.succeeded += 1,
            Step::Failed => counts.failed += 1,
            Step::TimedOut => counts.timed_out += 1,
        }
    }
    let received: u64 = snapshot.sources.iter().map(|source| source.received).sum();
    if received != count {
        broken.push(format!("{received} events were received, {count} are known"));
    }
    for connection in &snapshot.connections {
        let got = Counts { stalled: 0, ..connection.scope.totals };
        let want = want.remove(connection.label()).unwrap_or_default();
        if got != want {
            broken.push(format!("{} counts {got:?}, it had {want:?}", connection.label()));
        }
    }
    want.retain(|_, counts| !counts.is_zero());
    if !want.is_empty() {
        broken.push(format!("not counted at all: {want:?}"));
    }
}

/// Everything that could be read or was sent until it was taken has come.
pub(super) fn everything_came(state: &State, happenings: &[Happening], broken: &mut Broken) {
    for happening in happenings.iter().filter(|one| !state.knows(&EventId::new(&one.id))) {
        broken.push(format!("{} never came, by {:?}", happening.id, happening.ways));
    }
}

/// Datadog's points add up to the totals, and none was changed.
pub(super) fn points_add_up(
    network: &Network,
    snapshot: &Snapshot,
    exact: bool,
    broken: &mut Broken,
) {
    let network = network.state();
    for changed in &network.datadog.changed {
        broken.push(format!("a point was sent with two values: {changed}"));
    }
    let mut sums = network.datadog.sums();
    sums.retain(|name, _| {
        name.starts_with("sso.sessions") || name.starts_with("ssowatch.events_received")
    });
    let totals = totals(snapshot);
    let names: BTreeSet<_> = sums.keys().chain(totals.keys()).collect();
    for name in names {
        let (sum, total) = (sums.get(name).copied(), totals.get(name).copied());
        let (sum, total) = (sum.unwrap_or_default(), total.unwrap_or_default());
        // What came after a clock had jumped may be too old for any window.
        if sum > total || (exact && sum < total) {
            broken.push(format!("{name}: Datadog has {sum}, the total is {total}"));
        }
    }
}

/// The engine's totals under the names of the points.
pub(super) fn totals(snapshot: &Snapshot) -> BTreeMap<String, f64> {
    let mut totals = BTreeMap::new();
    #[expect(clippy::cast_precision_loss, reason = "a test counts little")]
    let mut add = |name: String, count: u64| {
        if count > 0 {
            *totals.entry(name).or_default() += count as f64;
        }
    };
    for connection in &snapshot.connections {
        let id = format!("connection_id:{}", connection.label());
        let Counts { started, succeeded, failed, timed_out, stalled } = connection.scope.totals;
        add(format!("sso.sessions_started {id}"), started);
        add(format!("sso.sessions_stalled {id}"), stalled);
        let finished = [("succeeded", succeeded), ("failed", failed), ("timed_out", timed_out)];
        for (outcome, count) in finished {
            add(format!("sso.sessions_finished {id} outcome:{outcome}"), count);
        }
    }
    for source in &snapshot.sources {
        let name = source.source.as_str();
        add(format!("ssowatch.events_received source:{name}"), source.received);
    }
    totals
}

/// Every event went to Datadog's logs.
pub(super) fn every_log_was_sent(network: &Network, happenings: &[Happening], broken: &mut Broken) {
    let network = network.state();
    for happening in happenings {
        if !network.datadog.logs.contains_key(&happening.id) {
            broken.push(format!("{} is not among Datadog's logs", happening.id));
        }
    }
}

/// Incidents by fingerprint that have fired and are for PagerDuty, by id, over all lives.
#[derive(Default)]
pub(super) struct Fired(BTreeMap<String, BTreeSet<String>>);

impl Fired {
    pub(super) fn see(&mut self, snapshot: &Snapshot) {
        for incident in &snapshot.incidents {
            if incident.fired_at.is_some() && incident.severity == Severity::Page {
                let ids = self.0.entry(incident.fingerprint.to_string()).or_default();
                ids.insert(incident.id.to_string());
            }
        }
    }

    /// Each change of an incident was told, once in effect.
    pub(super) fn were_told(&self, network: &Network, last: &Arc<Snapshot>, broken: &mut Broken) {
        let network = network.state();
        for (key, (opened, resolved)) in &network.pager.changes {
            let fired = self.0.get(key).map_or(0, BTreeSet::len);
            if *opened as usize > fired {
                broken.push(format!("{key} was opened {opened} times, and fired {fired} times"));
            }
            let open = last.incidents.iter().any(|incident| {
                *incident.fingerprint == **key && incident.state == Standing::Firing
            });
            if open != network.pager.is_open(key) {
                broken
                    .push(format!("{key} fires: {open}, but {opened} opened, {resolved} resolved"));
            }
        }
        let recorded: BTreeSet<_> = last.incidents.iter().map(|incident| &*incident.id).collect();
        for id in self.0.values().flatten().filter(|id| !recorded.contains(&***id)) {
            broken.push(format!("the incident {id} is not in the record any more"));
        }
    }
}

/// Totals only grow while a process lives.
pub(super) fn nothing_shrinks(before: &Snapshot, after: &Snapshot, broken: &mut Broken) {
    let after = totals(after);
    for (name, count) in totals(before) {
        if after.get(&name).is_none_or(|now| *now < count) {
            broken.push(format!("{name} went from {count} to {:?}", after.get(&name)));
        }
    }
}
