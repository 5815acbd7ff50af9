//! The events of a scenario in the order of their time, made as they are asked for.
//!
//! Sign-ins are made minute by minute; the events of those that are under way wait in a heap, so that memory follows the
//! traffic of some minutes and not the length of the scenario. One that never ends is the same with no last minute.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::attempt::{Attempt, Origin, Outcome};
use super::fault::{Fault, Moments, go_live, nuisance};
use super::fleet::Fleet;
use super::scenario::Scenario;
use super::span::millis;
use super::traffic::Traffic;
use crate::event::Timestamp;

/// A scenario with its seeds, resolved.
#[derive(Debug)]
pub(crate) struct Simulation {
    pub(super) scenario: Scenario,
    pub(super) seed: u64,
    pub(super) start: Timestamp,
    pub(super) fleet: Fleet,
}

/// What an event reports.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Step {
    /// A connection is there.
    Activated(usize),
    /// A sign-in starts.
    Started(Attempt),
    /// A sign-in ends.
    Ended(Attempt),
}

/// Something that happens at a moment.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Happening {
    pub(crate) at: Timestamp,
    pub(crate) step: Step,
}

/// The events of a [`Simulation`], oldest first.
#[derive(Debug)]
pub(crate) struct Recording<'a> {
    traffic: Traffic<'a>,
    start: Timestamp,
    begin: Timestamp,
    /// The next minute to be made.
    minute: u64,
    /// One after the last.
    minutes: u64,
    /// What happens from here on is not recorded: sign-ins that are under way then have no end, as in any recording.
    end: Timestamp,
    waiting: BinaryHeap<Reverse<Waiting>>,
    order: u64,
    tally: Tally,
}

/// What a recording held so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) events: u64,
    pub(super) activated: u64,
    pub(super) started: u64,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) timed_out: u64,
    /// Sign-ins that each fault changed.
    pub(super) harmed: Vec<u64>,
    /// When each fault first changed one.
    pub(super) first_harm: Vec<Option<Timestamp>>,
}

/// In order of time, then as they were made.
#[derive(Debug)]
struct Waiting {
    happening: Happening,
    order: u64,
}

impl Simulation {
    /// With the scenario's own seed, or another one.
    pub(crate) fn new(scenario: Scenario, seed: Option<u64>) -> Self {
        let seed = seed.unwrap_or(scenario.seed);
        let start = Timestamp::from_millis(0);
        let start = start.plus_millis(millis(scenario.start.seconds_after(start)));
        let fleet = Fleet::new(&scenario, scenario.fleet_seed.unwrap_or(seed));
        Self { scenario, seed, start, fleet }
    }

    /// All of it, from the start to the end.
    pub(crate) fn recording(&self) -> Recording<'_> {
        Recording::new(self, 0, Some(self.scenario.seconds()))
    }

    /// From this minute on, to the end.
    pub(crate) fn recording_from(&self, minute: u64) -> Recording<'_> {
        Recording::new(self, minute, Some(self.scenario.seconds()))
    }

    /// When the ordinary days end.
    pub(crate) fn warm_up_ends(&self) -> Timestamp {
        self.at(self.scenario.warmup.0)
    }

    /// So many hours after the start.
    #[cfg(test)]
    pub(crate) fn at_hours(&self, hours: i64) -> Timestamp {
        self.start.plus_millis(hours * 3_600_000)
    }

    /// When it ends.
    pub(crate) fn ends(&self) -> Timestamp {
        self.at(self.scenario.seconds())
    }

    /// From this minute on, without an end.
    pub(crate) fn endless(&self, from_minute: u64) -> Recording<'_> {
        Recording::new(self, from_minute, None)
    }

    /// Its seed.
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// The moment at which its times begin.
    pub(super) fn start(&self) -> Timestamp {
        self.start
    }

    /// The scenario.
    pub(crate) fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The minute `lead_millis` before `at`, not before the start.
    pub(crate) fn minute_of(&self, at: Option<Timestamp>, lead_millis: i64) -> u64 {
        let millis = at.map_or(0, |at| at.millis_since(self.start) - lead_millis);
        u64::try_from(millis / 60_000).unwrap_or(0)
    }

    /// Begin and end of each fault, and the connections that it hits.
    pub(crate) fn fault_times(&self) -> Vec<(Timestamp, Timestamp, Vec<usize>)> {
        let one = |fault: Fault| {
            let hit = (0..fault.hit.len()).filter(|index| fault.hit[*index]).collect();
            (self.at(fault.begin), self.at(fault.end), hit)
        };
        self.faults().into_iter().map(one).collect()
    }

    /// When each nuisance begins.
    pub(crate) fn nuisance_times(&self) -> Vec<Timestamp> {
        let moments = self.moments();
        let all = self.scenario.nuisance.iter();
        all.map(|nuisance| self.at(moments.of(nuisance.at, nuisance.jitter))).collect()
    }

    /// From when the delay to an alert counts.
    pub(crate) fn onset_scored(&self) -> Option<Timestamp> {
        self.scored_from(&self.faults()).map(|seconds| self.at(seconds))
    }

    pub(super) fn moments(&self) -> Moments {
        Moments::new(self.start, self.seed)
    }

    /// `seconds` after the start.
    pub(super) fn at(&self, seconds: f64) -> Timestamp {
        self.start.plus_millis(millis(seconds))
    }

    pub(super) fn faults(&self) -> Vec<Fault> {
        Fault::all(&self.scenario, self.seed, &self.fleet, self.moments())
    }
}

impl<'a> Recording<'a> {
    fn new(simulation: &'a Simulation, minute: u64, end: Option<f64>) -> Self {
        let Simulation { scenario, seed, start, fleet } = simulation;
        let traffic = Traffic::new(scenario, fleet, *seed, *start, end);
        let faults = scenario.faults.len();
        let mut recording = Self {
            traffic,
            start: *start,
            begin: start.plus_millis(minute_millis(minute)),
            minute,
            minutes: end.map_or(u64::MAX, |end| millis(end).unsigned_abs().div_ceil(60_000)),
            end: end.map_or(Timestamp::from_millis(i64::MAX), |end| simulation.at(end)),
            waiting: BinaryHeap::new(),
            order: 0,
            tally: Tally {
                harmed: vec![0; faults],
                first_harm: vec![None; faults],
                ..Tally::default()
            },
        };
        let begin = recording.begin;
        let live = go_live(scenario, simulation.moments());
        for connection in 0..fleet.weights.len() {
            // Connections that are being set up become active when they go live.
            let later = live.iter().rev().find(|(which, _)| *which == connection);
            let at = later.map_or(begin, |(_, seconds)| simulation.at(*seconds)).max(begin);
            recording.push(at, Step::Activated(connection));
        }
        for index in 0..scenario.nuisance.len() {
            for attempt in nuisance(scenario, index, *seed, simulation.moments()) {
                if simulation.at(attempt.begin) >= begin {
                    recording.sign_in(attempt);
                }
            }
        }
        recording
    }

    /// Its first moment.
    pub(crate) fn begin(&self) -> Timestamp {
        self.begin
    }

    /// The next happening, if it is before `limit`.
    pub(crate) fn next_before(&mut self, limit: Timestamp) -> Option<Happening> {
        loop {
            let made = self.start.plus_millis(minute_millis(self.minute));
            let next = self.waiting.peek().map(|Reverse(waiting)| waiting.happening.at);
            // What the next minutes bring comes after what waits before them.
            if self.minute < self.minutes && made < limit && next.is_none_or(|at| at >= made) {
                self.make_minute();
                continue;
            }
            if next.is_none_or(|at| at >= limit) {
                return None;
            }
            let Reverse(Waiting { happening, .. }) = self.waiting.pop()?;
            self.tally.count(&happening);
            return Some(happening);
        }
    }

    /// What sign-ins that were begun, and those who try again after them, still bring.
    pub(crate) fn under_way(self) -> Vec<Happening> {
        let of_people = |happening: &Happening| match happening.step {
            Step::Activated(_) => false,
            Step::Started(attempt) | Step::Ended(attempt) => attempt.key.origin == Origin::People,
        };
        let mut waiting = self.waiting.into_sorted_vec();
        waiting.reverse();
        waiting.into_iter().map(|Reverse(waiting)| waiting.happening).filter(of_people).collect()
    }

    /// What was given so far.
    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    fn make_minute(&mut self) {
        let mut made = Vec::new();
        self.traffic.minute(self.minute, |attempt| made.push(attempt));
        self.minute += 1;
        for attempt in made {
            self.sign_in(attempt);
        }
    }

    fn sign_in(&mut self, attempt: Attempt) {
        let at = |seconds: f64| self.start.plus_millis(millis(seconds));
        let (begin, end) = (at(attempt.begin), at(attempt.end));
        self.tally.harm(&attempt, begin);
        if attempt.dropped {
            return;
        }
        self.push(begin, Step::Started(attempt));
        if !attempt.unfinished {
            self.push(end, Step::Ended(attempt));
        }
    }

    fn push(&mut self, at: Timestamp, step: Step) {
        let waiting = Waiting { happening: Happening { at, step }, order: self.order };
        self.order += 1;
        self.waiting.push(Reverse(waiting));
    }
}

impl Iterator for Recording<'_> {
    type Item = Happening;

    fn next(&mut self) -> Option<Happening> {
        self.next_before(self.end)
    }
}

impl Tally {
    fn count(&mut self, happening: &Happening) {
        self.events += 1;
        match happening.step {
            Step::Activated(_) => self.activated += 1,
            Step::Started(_) => self.started += 1,
            Step::Ended(attempt) => match attempt.outcome {
                Outcome::Succeeded => self.succeeded += 1,
                Outcome::Failed | Outcome::Denied => self.failed += 1,
                Outcome::TimedOut => self.timed_out += 1,
            },
        }
    }

    fn harm(&mut self, attempt: &Attempt, at: Timestamp) {
        for index in 0..self.harmed.len() {
            if attempt.faults & (1 << index) != 0 {
                self.harmed[index] += 1;
                let first = &mut self.first_harm[index];
                *first = Some(first.map_or(at, |before| before.min(at)));
            }
        }
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.happening.at, self.order).cmp(&(other.happening.at, other.order))
    }
}

fn minute_millis(minute: u64) -> i64 {
    i64::try_from(minute).unwrap_or(i64::MAX).saturating_mul(60_000)
}
