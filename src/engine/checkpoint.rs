//! The state as bytes, and back: what each version of the encoding has more than the one before.

use super::memory::Memory;
use super::{Config, Engine, lengths};

/// Version of the encoding of a checkpoint's engine. A checkpoint of another version is not read: the journal is folded anew.
pub(super) const STATE_VERSION: u8 = 28;

/// The oldest version that is read. Each one since has a part more at its end, which begins anew where it is missing: what is known
/// of the schema, how the odds of providers, of the fleet and of busy connections wander, why sign-ins failed since an alert's
/// trouble began, which wide alarms an outbreak had, whom those have hit and which alarms get worse, what an outbreak has counted
/// and how strong evidence was, what is usual at each hour at the edge, whether what pages there gets worse,
/// codes there of which most tell, the past of its tiers, what came late to them, when the sign-ins of connections begin, and what goes wrong at one moment at the edge. Version
/// 26 has no part more, but a step of an incident's course that the ones before do not know; so has 27 besides.
pub(super) const OLDEST_VERSION: u8 = 13;
pub(super) const SINCE_DRIFT: u8 = 14;
pub(super) const SINCE_WANDER: u8 = 15;
pub(super) const SINCE_BUSY: u8 = 16;
pub(super) const SINCE_CAUSES: u8 = 17;
pub(super) const SINCE_WIDE: u8 = 18;
pub(super) const SINCE_TOLLS: u8 = 19;
pub(super) const SINCE_COUNTED: u8 = 20;
pub(super) const SINCE_HOURS: u8 = 21;
pub(super) const SINCE_WORSE: u8 = 22;
pub(super) const SINCE_GROSS: u8 = 23;
pub(super) const SINCE_PAST: u8 = 24;
pub(super) const SINCE_LATE: u8 = 25;
pub(super) const SINCE_RHYTHMS: u8 = 27;
pub(super) const SINCE_BURSTS: u8 = 28;

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

impl Engine {
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
        let bytes = bytes.and_then(|bytes| postcard::to_extend(detection.rhythms(), bytes));
        let bursts = self.memory.edge.bursts();
        let bytes = bytes.and_then(|bytes| postcard::to_extend(&bursts, bytes));
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
            let late;
            (late, rest) = postcard::take_from_bytes(rest)?;
            memory.edge.know_late(late);
        }
        if *version >= SINCE_RHYTHMS {
            let rhythms;
            (rhythms, rest) = postcard::take_from_bytes(rest)?;
            memory.detection.know_rhythms(rhythms);
        }
        if *version >= SINCE_BURSTS {
            memory.edge.know_bursts(postcard::from_bytes(rest)?);
        }
        memory.adapt(&lengths);
        memory.closing.forget(&config.window_sinks);
        let mut engine = Self::with(config, lengths, memory);
        engine.drop_unknown_alerts();
        Ok(engine)
    }
}
