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
use self::memory::Memory;
use self::rule::Rule;
use crate::event::cause::Causes;
use crate::event::{ConnectionInfo, EventId, Source, Timestamp};
use crate::signal::{ConnectionView, Snapshot, Transition, WINDOWS};

/// Version of the encoding of a checkpoint's engine. A checkpoint of another version is not read: the journal is folded anew.
const STATE_VERSION: u8 = 25;

/// The oldest version that is read. Each one since has a part more at its end, which begins anew where it is missing: what is known
/// of the schema, how the odds of providers, of the fleet and of busy connections wander, why sign-ins failed since an alert's
/// trouble began, which wide alarms an outbreak had, whom those have hit and which alarms get worse, what an outbreak has counted
/// and how strong evidence was, what is usual at each hour at the edge, whether what pages there gets worse,
/// codes there of which most tell, the past of its tiers, and what came late to them.
const OLDEST_VERSION: u8 = 13;
const SINCE_DRIFT: u8 = 14;
const SINCE_WANDER: u8 = 15;
const SINCE_BUSY: u8 = 16;
const SINCE_CAUSES: u8 = 17;
const SINCE_WIDE: u8 = 18;
const SINCE_TOLLS: u8 = 19;
const SINCE_COUNTED: u8 = 20;
const SINCE_HOURS: u8 = 21;
const SINCE_WORSE: u8 = 22;
const SINCE_GROSS: u8 = 23;
const SINCE_PAST: u8 = 24;
const SINCE_LATE: u8 = 25;

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

/// A saved state cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Of another version.
    #[error("the state has version {0}, this build reads {STATE_VERSION}")]
    Version(u8),
    /// Damaged.
    #[error("the state is damaged: {0}")]
    Damaged(#[from] postcard::Error),
    /// Nothing there.
    #[error("the state is empty")]
    Empty,
}

impl LoadError {
    /// Whether a newer build wrote the state: that one can read it, this one must not put another in its place.
    #[must_use]
    pub fn is_newer(&self) -> bool {
        matches!(self, Self::Version(version) if *version > STATE_VERSION)
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

    /// The state as bytes, for a checkpoint.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        self.save_behind(Vec::new())
    }

    /// [`Engine::save`] behind `bytes`: a large state need not be there twice.
    #[must_use]
    pub fn save_behind(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.push(STATE_VERSION);
        let bytes = postcard::to_extend(&self.memory, bytes);
        let bytes = bytes.and_then(|bytes| postcard::to_extend(&self.memory.drift, bytes));
        let detection = &self.memory.detection;
        let bytes = bytes.and_then(|bytes| postcard::to_extend(&detection.wandering(), bytes));
        let bytes = bytes.and_then(|bytes| postcard::to_extend(&detection.busy_wandering(), bytes));
        let causes = self.memory.alerts.causes_of_all();
        let bytes = bytes.and_then(|bytes| postcard::to_extend(&causes, bytes));
        let wide = self.memory.outbreaks.wide();
        let bytes = bytes.and_then(|bytes| postcard::to_extend(&wide, bytes));
        let parts = (detection.tolls(), detection.worsening());
        let bytes = bytes.and_then(|bytes| postcard::to_extend(&parts, bytes));
        let parts = (self.memory.outbreaks.counted(), detection.peaks());
        let bytes = bytes.and_then(|bytes| postcard::to_extend(&parts, bytes));
        let hours = self.memory.edge.hours();
        let bytes = bytes.and_then(|bytes| postcard::to_extend(&hours, bytes));
        let worsening = self.memory.edge.worsening();
        let bytes = bytes.and_then(|bytes| postcard::to_extend(&worsening, bytes));
        let gross = self.memory.edge.gross();
        let bytes = bytes.and_then(|bytes| postcard::to_extend(&gross, bytes));
        let past = self.memory.edge.past();
        let bytes = bytes.and_then(|bytes| postcard::to_extend(&past, bytes));
        let late = self.memory.edge.late();
        let bytes = bytes.and_then(|bytes| postcard::to_extend(&late, bytes));
        bytes.expect("memory grows as needed, and every part of the state can be encoded")
    }

    /// An engine that goes on from [`Engine::save`]. The configuration may be another: alerts of rules that are gone are
    /// resolved, windows of new lengths begin empty.
    pub fn load(config: Config, bytes: &[u8]) -> Result<Self, LoadError> {
        let (version, rest) = bytes.split_first().ok_or(LoadError::Empty)?;
        if !(OLDEST_VERSION..=STATE_VERSION).contains(version) {
            return Err(LoadError::Version(*version));
        }
        let lengths = lengths(&config.rules);
        let (mut memory, mut rest): (Memory, _) = postcard::take_from_bytes(rest)?;
        if *version >= SINCE_DRIFT {
            (memory.drift, rest) = postcard::take_from_bytes(rest)?;
        }
        if *version >= SINCE_WANDER {
            let wandering;
            (wandering, rest) = postcard::take_from_bytes(rest)?;
            memory.detection.wander_as(wandering);
        }
        if *version >= SINCE_BUSY {
            let wandering;
            (wandering, rest) = postcard::take_from_bytes(rest)?;
            memory.detection.busy_wander_as(wandering);
        }
        if *version >= SINCE_CAUSES {
            let causes;
            (causes, rest) = postcard::take_from_bytes(rest)?;
            memory.alerts.know_causes(causes);
        }
        if *version >= SINCE_WIDE {
            let wide;
            (wide, rest) = postcard::take_from_bytes(rest)?;
            memory.outbreaks.know_wide(wide);
        }
        if *version >= SINCE_TOLLS {
            let (tolls, worsening);
            ((tolls, worsening), rest) = postcard::take_from_bytes(rest)?;
            memory.detection.know_tolls(tolls);
            memory.detection.know_worsening(worsening);
        } else {
            memory.detection.begin_tolls();
        }
        if *version >= SINCE_COUNTED {
            let (counted, peaks);
            ((counted, peaks), rest) = postcard::take_from_bytes(rest)?;
            memory.outbreaks.know_counted(counted);
            memory.detection.know_peaks(peaks);
        }
        if *version >= SINCE_HOURS {
            let hours;
            (hours, rest) = postcard::take_from_bytes(rest)?;
            memory.edge.know_hours(hours);
        }
        if *version >= SINCE_WORSE {
            let worsening;
            (worsening, rest) = postcard::take_from_bytes(rest)?;
            memory.edge.know_worsening(worsening);
        } else {
            memory.edge.begin_worsening();
        }
        if *version >= SINCE_GROSS {
            let gross;
            (gross, rest) = postcard::take_from_bytes(rest)?;
            memory.edge.know_gross(gross);
        }
        if *version >= SINCE_PAST {
            let past;
            (past, rest) = postcard::take_from_bytes(rest)?;
            memory.edge.know_past(past);
        }
        if *version >= SINCE_LATE {
            memory.edge.know_late(postcard::from_bytes(rest)?);
        }
        memory.adapt(&lengths);
        memory.closing.forget(&config.window_sinks);
        let mut engine = Self::with(config, lengths, memory);
        engine.drop_unknown_alerts();
        Ok(engine)
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
