//! The pure core: counts each event once, joins sign-ins, keeps totals and windows, and says what is wrong.
//!
//! No clock, no I/O, no randomness, nothing that depends on the order of a hash map: the same entries give the same state,
//! incidents and bytes. Time comes with the entries and with [`Engine::advance`], and never goes back.

mod ahead;
mod alert;
mod alertname;
mod apart;
mod calendar;
mod causes;
mod certificate;
mod checkpoint;
mod closing;
mod dedup;
mod delivery;
pub mod detect;
mod drift;
pub mod edge;
mod evidence;
mod finding;
mod fnv;
mod fold;
mod hanging;
mod identity;
mod keyed;
mod lasted;
mod marker;
mod memory;
mod page;
mod people;
mod place;
mod planned;
pub mod rule;
mod session;
mod sign_in;
mod silence;
mod sink;
mod tally;
mod ticket;
mod time;
mod watch;
mod window;
mod words;
mod worse;
mod worst;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

pub use self::ahead::AHEAD;
pub use self::alertname::built_in as built_in_alerts;
use self::calendar::Place;
pub use self::checkpoint::LoadError;
use self::memory::Memory;
use self::rule::Rule;
use crate::event::cause::Causes;
use crate::event::{ConnectionInfo, EventId, Source, Timestamp};
use crate::signal::{ConnectionView, Snapshot, Transition, WINDOWS};

/// What an engine is told once.
#[derive(Clone, Debug)]
pub struct Config {
    /// How long WorkOS lets a sign-in be in progress.
    pub session_timeout: Duration,
    /// How long a resolved incident is remembered.
    pub incident_retention: Duration,
    /// From `error.code` to its class.
    pub causes: Causes,
    /// The operator's thresholds.
    pub rules: Vec<Rule>,
    /// The built-in detection; `None` when it is off.
    pub detection: Option<detect::Config>,
    /// The sources of events that WorkOS feeds and that ought to deliver: the Events API, the webhook. Of others no alert stays
    /// open.
    pub sources: Vec<Source>,
    /// All sinks that say how they are: of others no alert stays open.
    pub sinks: Vec<Box<str>>,
    /// The sinks that take closed windows; their marks ([`crate::event::Record::Sent`]) are the seconds before which they have
    /// taken them. Without any, no windows are kept.
    pub window_sinks: Vec<Box<str>>,
    /// The edge: declared limits.
    pub edge: edge::Settings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            session_timeout: Duration::from_mins(5),
            incident_retention: Duration::from_hours(90 * 24),
            causes: Causes::default(),
            rules: Vec::new(),
            detection: Some(detect::Config::default()),
            sources: Vec::new(),
            sinks: Vec::new(),
            window_sinks: Vec::new(),
            edge: edge::Settings::default(),
        }
    }
}

/// The engine. See the module.
#[derive(Clone, Debug)]
pub struct Engine {
    config: Config,
    /// Lengths of the sliding windows in seconds: those of the gauges, then those of the rules.
    lengths: Vec<u32>,
    memory: Memory,
    /// Views of the connections as last published.
    views: Vec<Arc<ConnectionView>>,
    /// Connections whose view is out of date.
    stale: Marks,
    /// Scopes that rules must look at. Without rules none is noted.
    dirty: BTreeSet<Place>,
    /// Whether anything happened since the last look.
    stirred: bool,
    /// While time moves to a moment until which nobody listened: that moment.
    unheard_until: Option<Timestamp>,
}

/// A set of connections in order of marking.
#[derive(Clone, Debug, Default)]
struct Marks {
    marked: Vec<bool>,
    list: Vec<u32>,
}

impl Marks {
    fn mark(&mut self, index: u32) {
        let place = index as usize;
        if self.marked.len() <= place {
            self.marked.resize(place + 1, false);
        }
        if !std::mem::replace(&mut self.marked[place], true) {
            self.list.push(index);
        }
    }

    fn drain(&mut self) -> Vec<u32> {
        for index in &self.list {
            self.marked[*index as usize] = false;
        }
        std::mem::take(&mut self.list)
    }
}

impl Engine {
    /// An engine that knows nothing yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let lengths = lengths(&config.rules);
        let mut memory = Memory::new(&lengths);
        memory.closing.forget(&config.window_sinks);
        Self::with(config, lengths, memory)
    }

    fn with(config: Config, lengths: Vec<u32>, memory: Memory) -> Self {
        let mut stale = Marks::default();
        for index in 0..memory.connections.len() {
            stale.mark(u32::try_from(index).expect("connections are bounded"));
        }
        let dirty = memory.places().into_iter().collect();
        let views = Vec::new();
        Self { config, lengths, memory, views, stale, dirty, stirred: true, unheard_until: None }
    }

    /// Whether the event has been counted.
    #[must_use]
    pub fn knows(&self, id: &EventId) -> bool {
        self.memory.dedup.knows(id)
    }

    /// What is known of connections, of those of which anything is.
    pub fn connections(&self) -> impl Iterator<Item = Arc<ConnectionInfo>> {
        self.memory.connections.iter().filter_map(|connection| connection.info.clone())
    }

    /// The engine's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.memory.now
    }

    /// What began to fire, became more urgent (a ticket that is now a page) or was resolved since the last call, in order of
    /// time.
    pub fn transitions(&mut self) -> Vec<Transition> {
        self.memory.alerts.transitions()
    }

    /// Everything that is known now. Costs what has changed since the last call, and a pointer for each connection.
    pub fn snapshot(&mut self) -> Snapshot {
        for index in self.stale.drain() {
            let view = Arc::new(self.memory.connections[index as usize].view());
            match self.views.get_mut(index as usize) {
                Some(place) => *place = view,
                None => self.views.push(view),
            }
        }
        self.memory.snapshot(self.views.clone(), &self.config)
    }
}

/// The windows' lengths without repetition; those of the gauges stand first.
fn lengths(rules: &[Rule]) -> Vec<u32> {
    let mut lengths: Vec<u32> = WINDOWS.iter().map(|(_, seconds)| *seconds).collect();
    let conditions = rules.iter().flat_map(|rule| &rule.conditions);
    for seconds in conditions.flat_map(|at| [Some(at.window_seconds), at.short_seconds]).flatten() {
        if !lengths.contains(&seconds) {
            lengths.push(seconds);
        }
    }
    lengths
}

#[cfg(test)]
mod tests;
