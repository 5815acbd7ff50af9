//! What a scenario does, in words, and what ssowatch makes of it.

use std::collections::BTreeMap;

use crate::event::Timestamp;
use crate::signal::{Incident, Severity, Snapshot, State};
use crate::simulate::scenario::{Fault, NuisanceKind, Page, Per, Span};
use crate::simulate::{Simulation, Wire};

/// How long after its onset a page is due when the scenario does not say.
const DELAY_DEFAULT: Span = Span(1800.0);

/// The lines of a scenario, and the incidents that were told.
#[derive(Debug)]
pub(super) struct Story {
    /// What happens in the simulated world, oldest last.
    to_come: Vec<(Timestamp, String)>,
    told: BTreeMap<Box<str>, State>,
    pub(super) pages_fired: u64,
    pub(super) pages_resolved: u64,
    /// By when a page must have fired; `None`: none is due.
    pub(super) page_due: Option<Timestamp>,
}

impl Story {
    pub(super) fn new(simulation: &Simulation, wire: &Wire<'_>) -> Self {
        let scenario = simulation.scenario();
        let mut to_come = Vec::new();
        for (fault, (begin, end, hit)) in scenario.faults.iter().zip(simulation.fault_times()) {
            let who = who(fault, &hit, wire);
            let (breaks, works) = what(fault, &who);
            to_come.push((begin, format!("{breaks} (simulated)")));
            to_come.push((end, format!("{works} (simulated)")));
        }
        for (nuisance, at) in scenario.nuisance.iter().zip(simulation.nuisance_times()) {
            let name = wire.customer_name(nuisance.rank - 1);
            let what = match nuisance.kind {
                NuisanceKind::RetryStorm => "a few people try again and again",
                NuisanceKind::TestSessions => "somebody tests sign-ins",
                NuisanceKind::Onboarding => "the connection is being set up",
            };
            to_come.push((at, format!("{name}: {what}; nothing to page for (simulated)")));
        }
        to_come.sort_by(|a, b| b.cmp(a));
        let delay = scenario.expect.target_delay.unwrap_or(DELAY_DEFAULT).millis();
        let expected = scenario.expect.page == Page::Sure(true);
        Self {
            to_come,
            told: BTreeMap::new(),
            pages_fired: 0,
            pages_resolved: 0,
            page_due: simulation
                .onset_scored()
                .filter(|_| expected)
                .map(|at| at.plus_millis(delay)),
        }
    }

    /// When the first thing happens.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.to_come.last().map(|(at, _)| *at)
    }

    /// What has happened by `now`.
    pub(super) fn happened(&mut self, now: Timestamp) -> Vec<(Timestamp, String)> {
        let left = self.to_come.partition_point(|(at, _)| *at > now);
        let mut lines = self.to_come.split_off(left);
        lines.reverse();
        lines
    }

    /// What is new among the incidents.
    pub(super) fn incidents(&mut self, snapshot: &Snapshot) -> Vec<(Timestamp, String)> {
        let mut lines = Vec::new();
        for incident in &snapshot.incidents {
            let before = self.told.get(&incident.id).copied();
            if incident.severity == Severity::None || before == Some(incident.state) {
                continue;
            }
            self.told.insert(incident.id.clone(), incident.state);
            let page = u64::from(incident.severity == Severity::Page);
            // A ticket that gave way to a page before anybody saw it is nobody's news.
            if before.is_none() && incident.state == State::Resolved && page == 0 {
                continue;
            }
            match (incident.state, incident.fired_at, incident.resolved_at) {
                (State::Firing, Some(at), _) => {
                    self.pages_fired += page;
                    lines.push((at, fired(incident)));
                }
                (State::Resolved, Some(fired), Some(at)) => {
                    if before.is_none() {
                        self.pages_fired += page;
                    }
                    self.pages_resolved += page;
                    let minutes = at.since(fired).as_secs() / 60;
                    let name = &incident.alertname;
                    lines.push((at, format!("RESOLVED  {name}, {minutes} min after it fired")));
                }
                (State::Pending | State::Firing | State::Resolved, ..) => {}
            }
        }
        lines
    }
}

/// How the last five minutes were.
pub(super) fn weather(snapshot: &Snapshot) -> Option<String> {
    let counts = &snapshot.fleet.windows[0];
    let (failed, timed_out) = (counts.failure_ratio()?, counts.timeout_ratio()?);
    Some(format!(
        "last 5 minutes: {} sign-ins finished, {:.1} % failed, {:.1} % timed out",
        counts.finished(),
        failed * 100.0,
        timed_out * 100.0
    ))
}

fn fired(incident: &Incident) -> String {
    let word = if incident.severity == Severity::Page { "PAGE" } else { "TICKET" };
    format!("{word}      {}: {}", incident.alertname, incident.summary)
}

/// Whom a fault hits, in words.
fn who(fault: &Fault, hit: &[usize], wire: &Wire<'_>) -> String {
    match (hit, &fault.select.idp) {
        ([one], _) => wire.customer_name(*one).to_owned(),
        (several, Some(idp)) => format!("every {idp} connection ({})", several.len()),
        (several, None) if fault.select.all => format!("everybody ({} connections)", several.len()),
        (several, None) => format!("{} connections", several.len()),
    }
}

/// What a fault does to `who`, and that it is over.
fn what(fault: &Fault, who: &str) -> (String, String) {
    let effect = &fault.effect;
    let code = effect.code.as_deref().unwrap_or("idp_error");
    if effect.hard_fail >= 1.0 && code == "saml_certificate_expired" {
        return (
            format!("{who}'s signing certificate expires; every sign-in fails with {code}"),
            format!("{who}'s certificate is renewed; sign-ins work again"),
        );
    }
    let percent = |share: f64| {
        format!("{:.3}", share * 100.0).trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let parts = [
        (
            effect.hard_fail > 0.0,
            format!("{} % of the sign-ins fail with {code}", percent(effect.hard_fail)),
        ),
        (effect.timeout > 0.0, format!("{} % hang", percent(effect.timeout))),
        (effect.denied > 0.0, format!("{} % are denied", percent(effect.denied))),
        (effect.drop_start > 0.0, format!("{} % leave no event", percent(effect.drop_start))),
        (
            effect.drop_terminal > 0.0,
            format!("{} % leave no event of their end", percent(effect.drop_terminal)),
        ),
        (effect.slow > 1.0, format!("sign-ins take {} times longer", effect.slow)),
    ];
    let said: Vec<_> = parts.into_iter().filter(|(does, _)| *does).map(|(_, text)| text).collect();
    let people = if fault.per == Per::User { ", always the same people" } else { "" };
    let minutes = |seconds: f64| seconds / 60.0;
    let flaps = if fault.on.0 > 0.0 {
        format!(", for {} of every {} min", minutes(fault.on.0), minutes(fault.on.0 + fault.off.0))
    } else {
        String::new()
    };
    let breaks = format!("{who}: {}{people}{flaps}", said.join(", "));
    (breaks, format!("{who}: `{}` is over", fault.id))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::simulate::library;

    #[test]
    fn every_built_in_scenario_is_told_in_plain_words() {
        let mut text = String::new();
        for name in library::names() {
            let scenario = crate::config::scenario(name).unwrap();
            let simulation = Simulation::new(scenario, None);
            let mut story = Story::new(&simulation, &Wire::new(&simulation));
            let due = story.page_due.map(Timestamp::to_rfc3339_seconds);
            writeln!(text, "{name}, page due {}", due.as_deref().unwrap_or("never")).unwrap();
            for (at, line) in story.happened(Timestamp::from_millis(i64::MAX)) {
                writeln!(text, "  {}  {line}", at.to_rfc3339_seconds()).unwrap();
            }
        }
        insta::assert_snapshot!(text);
    }
}
