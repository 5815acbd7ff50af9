//! A provider or the fleet: the streams of all its connections together, calibrated by the hour of the day, with bunching
//! measured and the culprits remembered.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::config::Kind;
use super::learned::Entered;
use super::stream::Stream;
use super::toll::{self, Toll, worst_first};
use super::wander::Wander;

/// Failures that are remembered for the question who carries it.
const HITS_MAX: usize = 64;

/// Attempts' worth of "as expected" in each hour's calibration.
const PRIOR: f64 = 30.0;

/// Bins in which bunching is measured.
const BIN_SECONDS: u32 = 600;

/// How much a bin moves the measure of bunching, and the most that one bin may say.
const BUNCHING_SMOOTHING: f64 = 0.01;
const BIN_CHI2_MAX: f64 = 9.0;

/// Bunching before any is measured: variance by mean.
const BUNCHING_START: f64 = 1.2;

/// How far the usual may lie from the connections' expectations.
const CALIBRATION: std::ops::RangeInclusive<f64> = 0.3..=3.0;

/// The usual is lifted by this share: what drifts is no outage.
const LIFT: f64 = 1.1;

const USUAL_MIN: f64 = 0.0005;
const USUAL_MAX: f64 = 0.6;

/// A group.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Group {
    streams: [GroupStream; Kind::ALL.len()],
}

/// One stream of a group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct GroupStream {
    pub(super) stream: Stream,
    /// By hour of the day (UTC): what came into the baseline, bad and expected.
    hours: [(f64, f64); 24],
    bunching: f64,
    bin: Bin,
    #[serde(skip)]
    wander: Wander,
    hits: VecDeque<Hit>,
    /// While an alarm is up. Stands behind all else in a checkpoint.
    #[serde(skip)]
    toll: Toll,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Bin {
    since: u32,
    bad: f64,
    expected: f64,
    variance: f64,
}

/// A bad attempt.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Hit {
    pub(super) at: u32,
    pub(super) connection: u32,
    pub(super) first: bool,
}

impl Default for GroupStream {
    fn default() -> Self {
        Self {
            stream: Stream::default(),
            hours: [(0.0, 0.0); 24],
            bunching: BUNCHING_START,
            bin: Bin::default(),
            wander: Wander::default(),
            hits: VecDeque::new(),
            toll: Toll::default(),
        }
    }
}

impl Group {
    pub(super) fn stream(&self, kind: Kind) -> &GroupStream {
        &self.streams[kind as usize]
    }

    pub(super) fn stream_mut(&mut self, kind: Kind) -> &mut GroupStream {
        &mut self.streams[kind as usize]
    }

    /// How the odds of each stream wander: a part of the state that older builds did not have.
    pub(super) fn wander_mut(&mut self) -> [&mut Wander; Kind::ALL.len()] {
        self.streams.each_mut().map(|stream| &mut stream.wander)
    }

    pub(super) fn wanders(&self) -> [Wander; Kind::ALL.len()] {
        self.streams.each_ref().map(|stream| stream.wander)
    }

    /// Whom its alarms have hit: a part of the state that older builds did not have.
    pub(super) fn tolls(&self) -> [Toll; Kind::ALL.len()] {
        self.streams.each_ref().map(|stream| stream.toll.clone())
    }

    /// Counts on from what is remembered, for a state without tolls.
    pub(super) fn begin_tolls(&mut self) {
        for stream in &mut self.streams {
            if let Some(since) = stream.stream.alarm.as_ref().map(|alarm| alarm.since) {
                stream.begin_toll(since);
            }
        }
    }

    /// Takes over [`Group::tolls`].
    pub(super) fn know_tolls(&mut self, tolls: [Toll; Kind::ALL.len()]) {
        for (stream, toll) in self.streams.iter_mut().zip(tolls) {
            stream.toll = toll;
        }
    }

    /// Decays with the baseline, once a day.
    pub(super) fn decay(&mut self, left: f64) {
        for stream in &mut self.streams {
            stream.wander.decay(left);
            for (bad, expected) in &mut stream.hours {
                *bad *= left;
                *expected *= left;
            }
        }
    }
}

fn hour(second: u32) -> usize {
    (second / 3600 % 24) as usize
}

impl GroupStream {
    /// Expectation by this hour's calibration of an attempt of which its connection expects `mean`, and what is usual for
    /// evidence: lifted, and by the uncertainty of the calibration.
    pub(super) fn expect(&self, mean: f64, second: u32) -> (f64, f64) {
        let learned = self.stream.learned;
        let overall = (learned.bad + PRIOR) / (learned.attempts + PRIOR);
        let (bad, expected) = self.hours[hour(second)];
        let calibration = (bad + PRIOR * overall) / (expected + PRIOR);
        let calibration = calibration.clamp(*CALIBRATION.start(), *CALIBRATION.end());
        let uncertainty = calibration / libm::sqrt(bad + PRIOR);
        let usual = mean * calibration * LIFT + mean * uncertainty;
        (mean * calibration, usual.clamp(USUAL_MIN, USUAL_MAX))
    }

    /// Whether enough was seen to have expectations: at least one bad attempt was due.
    pub(super) fn is_established(&self) -> bool {
        let learned = &self.stream.learned;
        learned.attempts + learned.fresh_attempts >= 1.0
    }

    /// Measures how the odds wander, and bunching: how far the failures of ten minutes vary beyond chance and that. Trouble is
    /// neither.
    pub(super) fn measure(&mut self, bad: bool, expected: f64, second: u32) {
        if self.stream.alarm.is_some() {
            self.wander.pause();
            return;
        }
        self.wander.measure(bad, expected, second);
        if second.saturating_sub(self.bin.since) > BIN_SECONDS {
            let Bin { bad, expected, variance, .. } = self.bin;
            if expected > 0.5 {
                let variance = variance * (1.0 + variance * self.wander.variance());
                let chi2 = ((bad - expected) * (bad - expected) / variance).min(BIN_CHI2_MAX);
                self.bunching += BUNCHING_SMOOTHING * (chi2 - self.bunching);
                self.bunching = self.bunching.max(1.0);
            }
            self.bin = Bin { since: second, ..Bin::default() };
        }
        self.bin.bad += f64::from(u8::from(bad));
        self.bin.expected += expected;
        self.bin.variance += expected * (1.0 - expected);
    }

    /// How much an attempt counts: less where failures come in bunches.
    pub(super) fn tempering(&self) -> f64 {
        1.0 / self.bunching
    }

    /// Variance of the log-odds of a bad attempt, from some minutes to the next.
    pub(super) fn wander(&self) -> f64 {
        self.wander.variance()
    }

    pub(super) fn hit(&mut self, hit: Hit) {
        if self.stream.alarm.is_none() {
            self.toll = Toll::default();
        } else if hit.first {
            self.toll.hit(hit.connection);
        }
        if self.hits.len() >= HITS_MAX {
            self.hits.pop_front();
        }
        self.hits.push_back(hit);
    }

    /// Whether one connection has most of the last hits.
    pub(super) fn is_mostly(&self, connection: u32) -> bool {
        toll::is_mostly(self.hits.iter().map(|hit| hit.connection), connection)
    }

    /// The connections hit since then, most hit first, with how often.
    pub(super) fn carriers(&self, since: u32) -> Vec<(u32, u32)> {
        let mut carriers: Vec<(u32, u32)> = Vec::new();
        for hit in self.hits.iter().filter(|hit| hit.at >= since && hit.first) {
            match carriers.iter_mut().find(|(connection, _)| *connection == hit.connection) {
                Some((_, count)) => *count += 1,
                None => carriers.push((hit.connection, 1)),
            }
        }
        worst_first(&mut carriers);
        carriers
    }

    /// Counts on, from who was hit since then: an alarm was raised.
    pub(super) fn begin_toll(&mut self, since: u32) {
        self.toll = Toll::begin(self.carriers(since));
    }

    /// The connections that the alarm has hit, or without one those hit since then; most hit first, with how often.
    pub(super) fn hit_since(&self, since: u32) -> Vec<(u32, u32)> {
        if self.stream.alarm.is_some() { self.toll.carriers() } else { self.carriers(since) }
    }

    /// What entered the baseline belongs to this hour.
    pub(super) fn entered(&mut self, entered: Entered, second: u32) {
        let (bad, expected) = &mut self.hours[hour(second)];
        *bad += entered.bad;
        *expected += entered.attempts;
    }
}
