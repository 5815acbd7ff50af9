//! The ground truth of a simulation: what broke, when, for whom, and which alerts are right.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::fault::Fault;
use super::recording::{Simulation, Tally};
use super::scenario::{Effect, ExpectedScope, Maintenance, Page, PageOrTicket, Select};
use super::wire::{Customer, Wire};
use crate::event::{ConnectionId, Covers, Planned};
use crate::signal::Scope;

/// An alert up to this long after the end of the trouble is about it: windows and time-outs run on.
const RIGHT_AFTER_SECONDS: f64 = 600.0;
/// Up to this long it is at least no false alarm.
const OPTIONAL_AFTER_SECONDS: f64 = 3600.0;

impl Simulation {
    /// The truth, with the totals of a recording that was read to its end.
    pub(super) fn truth(&self, wire: &Wire<'_>, tally: &Tally) -> Value {
        let scenario = &self.scenario;
        let faults = self.faults();
        let moments = self.moments();
        let list = scenario.faults.iter().zip(&faults).enumerate().map(|(index, (written, fault))| {
            let hit = hit_by(std::slice::from_ref(fault), wire.customers());
            json!({
                "id": written.id, "onset": self.at(fault.begin).to_string(), "end": self.at(fault.end).to_string(),
                "ramp_seconds": written.ramp, "on_seconds": written.on, "off_seconds": written.off,
                "per": written.per, "select": written.select, "effect": written.effect,
                "connections": hit.iter().map(|(_, customer)| &customer.connection_id).collect::<Vec<_>>(),
                "attempts_changed": tally.harmed[index],
                "first_attempt_changed_at": tally.first_harm[index].map(|at| at.to_string()),
            })
        });
        let nuisance = scenario.nuisance.iter().map(|nuisance| {
            json!({
                "kind": nuisance.kind, "at": self.at(moments.of(nuisance.at, nuisance.jitter)).to_string(),
                "connection_id": wire.customers()[nuisance.rank - 1].connection_id,
            })
        });
        let maintenance = scenario.maintenance.iter().map(|window| {
            let from = moments.of(window.at, window.jitter);
            json!({
                "from": self.at(from).to_string(), "until": self.at(from + window.duration.0).to_string(),
                "connections": self.selected(&window.select, wire),
            })
        });
        let affected = hit_by(&faults, wire.customers());
        json!({
            "format": "sso-truth/v1", "scenario": scenario.name, "title": scenario.title, "kind": scenario.kind,
            "seed": self.seed, "fleet_seed": self.fleet.seed, "start": self.start.to_string(),
            "warmup_ends": self.at(scenario.warmup.0).to_string(), "end": self.at(scenario.seconds()).to_string(),
            "onset": first(&faults).map(|at| self.at(at).to_string()),
            "fault_end": last(&faults).map(|at| self.at(at).to_string()),
            "affected_connections": affected.iter().map(|(index, customer)| json!({
                "connection_id": customer.connection_id, "rank": index + 1, "connection_type": customer.connection_type,
                "organization_id": customer.organization_id, "organization_name": customer.name, "name": customer.connection_name,
            })).collect::<Vec<_>>(),
            "faults": list.collect::<Vec<_>>(), "nuisance": nuisance.collect::<Vec<_>>(),
            "maintenance": maintenance.collect::<Vec<_>>(), "edge": self.edge(),
            "alerts": self.alerts(&faults, wire), "expect": scenario.expect,
            "counts": {"events": tally.events, "connections": tally.activated, "started": tally.started,
                "succeeded": tally.succeeded, "failed": tally.failed, "timed_out": tally.timed_out},
        })
    }

    /// From when the delay to an alert counts: the first onset, or what `expect` says. Seconds after the start.
    pub(super) fn scored_from(&self, faults: &[Fault]) -> Option<f64> {
        let other = self.scenario.expect.onset_for_scoring;
        other.map(|at| at.seconds_after(self.start)).or(first(faults))
    }

    /// The planned work, as it is announced.
    pub(crate) fn planned(&self) -> Vec<Planned> {
        let (wire, moments) = (Wire::new(self), self.moments());
        let windows = self.scenario.maintenance.iter().enumerate();
        let one = |(index, window): (usize, &Maintenance)| {
            let from = moments.of(window.at, window.jitter);
            let ids = self.selected(&window.select, &wire);
            Planned {
                id: format!("maintenance-{index}").into(),
                from: self.at(from),
                until: self.at(from + window.duration.0),
                covers: Covers::Connections(ids.iter().map(|id| ConnectionId::new(id)).collect()),
                note: "planned work".into(),
            }
        };
        windows.map(one).collect()
    }

    /// Every scope that the faults touch, as alerts name it.
    pub(crate) fn affected(&self) -> BTreeSet<Scope> {
        let wire = Wire::new(self);
        let faults = self.faults();
        let hit = hit_by(&faults, wire.customers());
        let mut scopes = BTreeSet::new();
        for (_, customer) in hit {
            scopes.insert(Scope::Connection(Some(ConnectionId::new(&customer.connection_id))));
            scopes.insert(Scope::ConnectionType(customer.connection_type.into()));
            scopes.insert(Scope::Fleet);
        }
        scopes
    }

    /// Which alerts are right, which may be, and which are wrong.
    fn alerts(&self, faults: &[Fault], wire: &Wire<'_>) -> Value {
        let expect = &self.scenario.expect;
        let wrong = "Every other alert of severity page.";
        let (Some(from), Some(end)) = (self.scored_from(faults), last(faults)) else {
            return json!({"right": null, "optional": null, "wrong": wrong});
        };
        let severities: &[&str] = match (expect.page, expect.ticket) {
            (Page::Sure(true), _) => &["page"],
            (Page::Either(PageOrTicket::PageOrTicket), _) => &["page", "ticket"],
            (Page::Sure(false), true) => &["ticket"],
            (Page::Sure(false), false) => &[],
        };
        let all = Self::scopes(faults, wire);
        let right = (!severities.is_empty()).then(|| {
            json!({
                "severity": severities, "alertnames": self.alertnames(), "scopes": self.expected_scopes(&all, wire),
                "from": self.at(from).to_string(), "until": self.at(end + RIGHT_AFTER_SECONDS).to_string(),
                "within_seconds": expect.target_delay, "at_most": expect.max_pages,
            })
        });
        // Without a page to expect, what is announced or too small to page for must not page.
        let optional_severities: &[&str] =
            if severities.contains(&"page") { &["page", "ticket"] } else { &["ticket"] };
        json!({
            "right": right,
            "optional": {
                "severity": optional_severities, "scopes": all,
                "from": self.at(from).to_string(), "until": self.at(end + OPTIONAL_AFTER_SECONDS).to_string(),
            },
            "wrong": wrong,
        })
    }

    /// Every scope that the faults touch.
    fn scopes(faults: &[Fault], wire: &Wire<'_>) -> Vec<Value> {
        let hit = hit_by(faults, wire.customers());
        let connection = |customer: &Customer| json!({"scope": "connection", "connection_id": customer.connection_id});
        let mut types: Vec<_> = hit.iter().map(|(_, customer)| customer.connection_type).collect();
        types.sort_unstable();
        types.dedup();
        let provider = |name: &&str| json!({"scope": "connection_type", "connection_type": name});
        let connections = hit.iter().map(|(_, customer)| connection(customer));
        let all = connections.chain(types.iter().map(provider));
        all.chain([json!({"scope": "fleet"})]).collect()
    }

    /// The scope that `expect` names; when it names none in particular, each that it could be.
    fn expected_scopes(&self, all: &[Value], wire: &Wire<'_>) -> Vec<Value> {
        let expect = &self.scenario.expect;
        let of =
            |scope: &str| all.iter().filter(|value| value["scope"] == scope).cloned().collect();
        match (expect.scope, expect.rank) {
            (Some(ExpectedScope::Connection), Some(rank)) => {
                let id = &wire.customers()[rank - 1].connection_id;
                vec![json!({"scope": "connection", "connection_id": id})]
            }
            (Some(ExpectedScope::Connection | ExpectedScope::ConnectionOrEdge), _) => {
                of("connection")
            }
            (Some(ExpectedScope::Idp), _) => of("connection_type"),
            (Some(ExpectedScope::Fleet), _) => of("fleet"),
            (Some(ExpectedScope::None), _) => Vec::new(),
            (None, _) => all.to_vec(),
        }
    }

    /// Names of alerts that say what the faults do, at the expected scope.
    fn alertnames(&self) -> Vec<&'static str> {
        let (failing, hanging) = match self.scenario.expect.scope {
            Some(ExpectedScope::Fleet) => ("SsoFleetFailing", "SsoFleetTimingOut"),
            Some(ExpectedScope::Idp) => ("SsoProviderFailing", "SsoProviderFailing"),
            _ => ("SsoConnectionFailing", "SsoConnectionTimingOut"),
        };
        let mut names = Vec::new();
        for Effect { hard_fail, denied, timeout, drop_start, drop_terminal, slow, .. } in
            self.scenario.faults.iter().map(|fault| &fault.effect)
        {
            let does = [
                (
                    *hard_fail > 0.0 || *denied > 0.0,
                    &[failing, "SsoOutageWorse", "SsoSlowBurn"][..],
                ),
                (
                    *timeout > 0.0 || *drop_terminal > 0.0,
                    &[hanging, "SsoOutageWorse", "SsoSuccessDrought", "SsoSlowBurn"],
                ),
                (*drop_start > 0.0, &["SsoSuccessDrought", "SourceStalled"]),
                (*slow > 1.0, &["SsoLatencyHigh"]),
            ];
            for (_, alerts) in does.iter().filter(|(does, _)| *does) {
                names.extend_from_slice(alerts);
            }
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    fn selected(&self, select: &Select, wire: &Wire<'_>) -> Vec<String> {
        let chosen = self.fleet.select(select, &self.scenario);
        let ids = chosen.iter().zip(wire.customers()).filter(|(chosen, _)| **chosen);
        ids.map(|(_, customer)| customer.connection_id.clone()).collect()
    }

    fn edge(&self) -> Value {
        let faults = self.scenario.edge.faults.iter().map(|fault| {
            let onset = fault.at.seconds_after(self.start);
            json!({
                "stream": fault.stream, "onset": self.at(onset).to_string(),
                "end": self.at(onset + fault.duration.0).to_string(),
                "ramp_seconds": fault.ramp, "add": fault.add,
            })
        });
        json!({"streams": self.scenario.edge.streams, "faults": faults.collect::<Vec<_>>()})
    }
}

/// The customers that any of the faults hits, with their index.
fn hit_by<'a>(faults: &[Fault], customers: &'a [Customer]) -> Vec<(usize, &'a Customer)> {
    let hit = |index: usize| faults.iter().any(|fault| fault.hit[index]);
    customers.iter().enumerate().filter(|(index, _)| hit(*index)).collect()
}

fn first(faults: &[Fault]) -> Option<f64> {
    faults.iter().map(|fault| fault.begin).min_by(f64::total_cmp)
}

fn last(faults: &[Fault]) -> Option<f64> {
    faults.iter().map(|fault| fault.end).max_by(f64::total_cmp)
}
