//! Changes that ask the gate every ten seconds while a scenario goes on.

use super::{Treatment, WARM_UP_SEED};
use crate::engine::{Config, Engine};
use crate::event::decode::decode;
use crate::event::{Entry, Privacy, Record, Source, Timestamp};
use crate::simulate::{Scenario, Simulation, Wire};
use crate::web::gate::{About, Verdict, judge};

/// How often a script asks, and for how long.
const EVERY_MILLIS: i64 = 10_000;
const ASKS: i64 = 360;

/// What a change was told, seconds after it began.
#[derive(Clone, Debug)]
pub struct Told {
    /// When it began.
    pub start: Timestamp,
    /// About whom it asked: `fleet` or `all`.
    pub scope: &'static str,
    /// When it was first told to go on.
    pub pass: Option<i64>,
    /// When it was first told to stop.
    pub fail: Option<i64>,
    /// Why.
    pub reason: String,
}

/// What changes are told that begin at `starts` on a day of `scenario`, of which the hours from `from` on are heard, the edge's
/// streams too. Each asks for an hour.
#[must_use]
pub fn ask(
    scenario: Scenario,
    seed: Option<u64>,
    from: Timestamp,
    starts: &[(Timestamp, &'static str)],
) -> Vec<Told> {
    let simulation = Simulation::new(scenario, seed.or(Some(WARM_UP_SEED)));
    let (wire, privacy) = (Wire::new(&simulation), Privacy::new(Treatment::Hash, b"gate"));
    let mut recording = simulation.recording_from(simulation.minute_of(Some(from), 0));
    let mut engine = Engine::new(Config::default());
    let told = |(start, scope): &(Timestamp, &'static str)| Told {
        start: *start,
        scope,
        pass: None,
        fail: None,
        reason: String::new(),
    };
    let mut all: Vec<Told> = starts.iter().map(told).collect();
    let last = starts.iter().map(|(start, _)| *start).max().unwrap_or(from);
    let end = last.plus_millis(ASKS * EVERY_MILLIS).min(simulation.ends());
    let mut now = from;
    while now < end {
        for _ in 0..EVERY_MILLIS / 1000 {
            let next = now.plus_millis(1000);
            while let Some(happening) = recording.next_before(next) {
                let event = decode(&wire.bytes(&happening), &privacy).expect("what we write");
                let record = Record::Event { source: Source::Files, event };
                engine.apply(&Entry { received_at: happening.at, record });
            }
            for tally in simulation.edge_second(now) {
                engine.apply(&Entry { received_at: next, record: Record::Edge(tally) });
            }
            now = next;
        }
        engine.advance(now);
        let asks =
            |told: &Told| told.start < now && now <= told.start.plus_millis(ASKS * EVERY_MILLIS);
        if !all.iter().any(asks) {
            continue;
        }
        let snapshot = engine.snapshot();
        for told in all.iter_mut().filter(|told| asks(told) && told.fail.is_none()) {
            let about = About::parse(told.scope).expect("a scope");
            let answer = judge(&snapshot, &about, told.start);
            let after = now.millis_since(told.start) / 1000;
            match answer.verdict {
                Verdict::Pass => told.pass = told.pass.or(Some(after)),
                Verdict::Fail => {
                    told.fail = Some(after);
                    told.reason = answer.reasons.join("; ");
                }
                Verdict::Hold => {}
            }
        }
    }
    all
}
