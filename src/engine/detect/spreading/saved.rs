//! The part of the codes' state that stands behind all else in a checkpoint.

use super::super::toll::Toll;
use super::Spreading;

impl Spreading {
    /// Whom the alarms on codes have hit: a part of the state that older builds did not have.
    pub(in crate::engine::detect) fn tolls(&self) -> Vec<Toll> {
        self.codes.iter().map(|code| code.toll.clone()).collect()
    }

    /// Counts on from what is remembered, for a state without tolls.
    pub(in crate::engine::detect) fn begin_tolls(&mut self) {
        for code in &mut self.codes {
            if let Some(since) = code.alarm.map(|alarm| alarm.since) {
                code.toll = Toll::begin(code.counts(since));
            }
        }
    }

    /// Takes over [`Spreading::tolls`].
    pub(in crate::engine::detect) fn know_tolls(&mut self, tolls: Vec<Toll>) {
        for (code, toll) in self.codes.iter_mut().zip(tolls) {
            code.toll = toll;
        }
    }
}
