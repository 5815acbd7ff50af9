//! How well the detection does: scenarios over many seeds, and healthy fleets over many days.
//!
//! The ordinary days before the trouble are folded once per scenario; each seed then goes on from there with a day of its own.

pub mod figures;
pub mod gate;

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::engine::{Config, Engine};
use crate::event::decode::decode;
use crate::event::{AuthEvent, Entry, Privacy, Record, Source, Timestamp, Treatment};
use crate::signal::{Scope, Severity, State};
use crate::simulate::{Happening, Scenario, Simulation, Wire};

/// Seed of the ordinary days before a scenario's trouble.
const WARM_UP_SEED: u64 = 70_001;

/// An alert up to this long after the end of the trouble is still about it.
const RIGHT_AFTER_MILLIS: i64 = 600_000;
/// Up to this long it is at least no false alarm.
const OPTIONAL_AFTER_MILLIS: i64 = 3_600_000;

/// What one seed brought.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// From the onset to the first right page, in seconds.
    pub page_delay: Option<f64>,
    /// From the onset to the first right page or ticket.
    pub ticket_delay: Option<f64>,
    /// Right pages.
    pub pages: usize,
    /// From the end of the trouble until the last incident that paged about it was resolved, in seconds; `None` when there was
    /// none, or it is open still.
    pub resolved: Option<f64>,
    /// Pages that are not about the trouble: alert name, scope, seconds after the start of the day.
    pub false_pages: Vec<String>,
    /// Tickets that are not about it.
    pub false_tickets: usize,
    /// All that is about the trouble: seconds after the onset, whether it was a page or a ticket, alert name and summary.
    pub told: Vec<(f64, Severity, String)>,
    /// Events that were folded.
    pub events: u64,
}

/// What came of a recording.
struct Folded {
    engine: Engine,
    incidents: Vec<Told>,
    events: u64,
}

/// An incident as it first fired.
struct Told {
    at: Timestamp,
    severity: Severity,
    alertname: String,
    scope: Scope,
    summary: String,
    id: String,
    resolved_at: Option<Timestamp>,
}

/// A scenario whose ordinary days have been folded.
pub struct Warm {
    scenario: Scenario,
    engine: Engine,
    /// What sign-ins that are under way when those days end still bring.
    under_way: Vec<AuthEvent>,
}

impl Warm {
    /// Folds the days before the trouble.
    #[must_use]
    pub fn new(scenario: Scenario, config: Config) -> Self {
        let simulation = Simulation::new(scenario.clone(), Some(WARM_UP_SEED));
        let end = simulation.warm_up_ends();
        let mut recording = simulation.recording();
        let before = std::iter::from_fn(|| recording.next_before(end));
        let folded = fold(Engine::new(config), events(&simulation, before));
        let under_way = events(&simulation, recording.under_way().into_iter()).collect();
        Self { scenario, engine: folded.engine, under_way }
    }

    /// The day of the trouble with this seed.
    #[must_use]
    pub fn run(&self, seed: u64) -> Run {
        self.run_as(self.scenario.clone(), seed)
    }

    /// Another day of trouble after the same ordinary days.
    fn run_as(&self, scenario: Scenario, seed: u64) -> Run {
        let simulation = Simulation::new(scenario, Some(seed));
        let from = simulation.minute_of(Some(simulation.warm_up_ends()), 0);
        let end = simulation.ends();
        let mut engine = self.engine.clone();
        for planned in simulation.planned() {
            let received_at = simulation.warm_up_ends();
            engine.apply(&Entry { received_at, record: Record::Planned(planned) });
        }
        let mut recording = simulation.recording_from(from);
        let day = events(&simulation, std::iter::from_fn(|| recording.next_before(end)));
        let folded = fold(engine, in_order(self.under_way.clone(), day));
        score(&simulation, &folded)
    }
}

/// The text of a scenario in which nothing breaks: `days` of a fleet of so many connections, with the nuisances that every fleet
/// knows (people who try again and again, bulk tests, connections that are set up). `fleet` has more fields of the fleet,
/// `more` of the scenario.
#[must_use]
pub fn healthy(connections: usize, days: u64, seed: u64, (fleet, more): (&str, &str)) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut pick = |from: u64, to: u64| random.u64(from..to);
    let attempts = connections * 100;
    let mut text = format!(
        "format: sso-scenario/v1\nname: healthy-{connections}\ntitle: nothing breaks\nkind: nuisance\nseed: {seed}\nfleet_seed: {}\n\
         start: 2025-06-02T00:00:00Z\nwarmup: 14d\nduration: {days}d\nfleet: {{ connections: {connections}, attempts_per_day: {attempts}{fleet} }}\n{more}\nnuisance:\n",
        1_000 + seed
    );
    let ranks = connections as u64;
    for day in 14..14 + days {
        let (hour, minute, rank, many) =
            (pick(0, 24), pick(0, 60), pick(1, ranks + 1), pick(8, 40));
        let _ = writeln!(
            text,
            "  - {{ kind: retry_storm, at: +{day}d{hour}h{minute}m, rank: {rank}, attempts: {many}, over: 10m, users: 1, fail: 0.95 }}"
        );
        if pick(0, 10) < 3 {
            let (hour, rank, many, users) =
                (pick(8, 20), pick(1, ranks + 1), pick(20, 120), pick(1, 3));
            let _ = writeln!(
                text,
                "  - {{ kind: test_sessions, at: +{day}d{hour}h, rank: {rank}, attempts: {many}, over: 40m, users: {users}, fail: 0.8 }}"
            );
        }
    }
    for newcomer in 0..(days / 6).min(ranks / 10) {
        let (day, hour, many, users) = (pick(14, 13 + days), pick(8, 18), pick(10, 40), pick(1, 5));
        let rank = ranks - 1 - newcomer * 3;
        let _ = writeln!(
            text,
            "  - {{ kind: onboarding, at: +{day}d{hour}h, rank: {rank}, attempts: {many}, over: 4h, users: {users}, fail_until: 0.8 }}"
        );
    }
    text + "expect: { page: false }\n"
}

/// The events of these happenings, read as they are written.
fn events<'a>(
    simulation: &'a Simulation,
    happenings: impl Iterator<Item = Happening> + 'a,
) -> impl Iterator<Item = AuthEvent> + 'a {
    let wire = Wire::new(simulation);
    let privacy = Privacy::new(Treatment::Hash, b"backtest");
    happenings.map(move |happening| {
        decode(&wire.bytes(&happening), &privacy).expect("what we write can be read")
    })
}

/// Both in the order of their time.
fn in_order(
    under_way: Vec<AuthEvent>,
    events: impl Iterator<Item = AuthEvent>,
) -> impl Iterator<Item = AuthEvent> {
    let (mut under_way, mut events) = (under_way.into_iter().peekable(), events.peekable());
    std::iter::from_fn(move || {
        let newest = events.peek().map(|event| event.at);
        let first = under_way.next_if(|event| newest.is_none_or(|at| event.at <= at));
        first.or_else(|| events.next())
    })
}

fn fold(mut engine: Engine, events: impl Iterator<Item = AuthEvent>) -> Folded {
    let (mut incidents, mut ids, mut count) = (Vec::<Told>::new(), BTreeSet::new(), 0);
    drop(engine.transitions());
    for event in events {
        let received_at = event.at;
        engine
            .apply(&Entry { received_at, record: Record::Event { source: Source::Files, event } });
        count += 1;
        for transition in engine.transitions() {
            let incident = &transition.incident;
            // A ticket that becomes a page counts again.
            let id = (incident.id.clone(), incident.severity);
            if incident.state == State::Firing && ids.insert(id) {
                incidents.push(Told {
                    at: transition.at,
                    severity: incident.severity,
                    alertname: incident.alertname.to_string(),
                    scope: incident.scope.clone(),
                    summary: incident.summary.clone(),
                    id: incident.id.to_string(),
                    resolved_at: None,
                });
            }
            if incident.state == State::Resolved {
                for told in incidents.iter_mut().filter(|told| *told.id == *incident.id) {
                    told.resolved_at = Some(transition.at);
                }
            }
        }
    }
    Folded { engine, incidents, events: count }
}

fn score(simulation: &Simulation, folded: &Folded) -> Run {
    let affected = simulation.affected();
    let onset = simulation.onset_scored();
    let end = simulation.fault_times().iter().map(|(_, end, _)| *end).max();
    let mut run = Run { events: folded.events, ..Run::default() };
    let mut ends = Vec::new();
    for told in &folded.incidents {
        let about = affected.contains(&told.scope);
        let (right, optional) = match (onset, end) {
            (Some(onset), Some(end)) => (
                about && told.at >= onset && told.at <= end.plus_millis(RIGHT_AFTER_MILLIS),
                about && told.at >= onset && told.at <= end.plus_millis(OPTIONAL_AFTER_MILLIS),
            ),
            _ => (false, false),
        };
        #[expect(clippy::cast_precision_loss, reason = "a scenario lasts some days")]
        let delay = onset.map(|onset| told.at.millis_since(onset) as f64 / 1000.0);
        let page = told.severity == Severity::Page;
        if right {
            let words = format!("{} {}", told.alertname, told.summary);
            run.told.push((delay.unwrap_or_default(), told.severity, words));
            run.ticket_delay = run.ticket_delay.or(delay);
            if page {
                run.page_delay = run.page_delay.or(delay);
                run.pages += 1;
                ends.push(told.resolved_at);
            }
        } else if page && !optional {
            run.false_pages.push(format!("{} {} {}", told.at, told.alertname, told.summary));
        } else if !optional && told.severity == Severity::Ticket {
            run.false_tickets += 1;
        }
    }
    let last = ends.into_iter().collect::<Option<Vec<_>>>().and_then(|ends| ends.into_iter().max());
    #[expect(clippy::cast_precision_loss, reason = "a scenario lasts some days")]
    let after = last.zip(end).map(|(last, end)| last.millis_since(end) as f64 / 1000.0);
    run.resolved = after;
    run
}

#[cfg(test)]
mod tests;
