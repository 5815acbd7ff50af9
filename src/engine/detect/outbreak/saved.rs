//! Parts of the state of outbreaks that stand behind all else in a checkpoint.

use std::collections::BTreeMap;

use super::super::wide::{self, Wide};
use super::{Alarm, Flares, Outbreaks};

/// What outbreaks have counted.
pub(in crate::engine) type Counted = Vec<(Flares, Vec<f64>)>;

impl Outbreaks {
    /// For each of them, which alarms of providers and the fleet it ever had.
    pub(in crate::engine) fn wide(&self) -> Vec<BTreeMap<Alarm, Option<u32>>> {
        self.0.iter().map(|outbreak| wide::over(&outbreak.wide)).collect()
    }

    /// Takes over [`Outbreaks::wide`].
    pub(in crate::engine) fn know_wide(&mut self, over: Vec<BTreeMap<Alarm, Option<u32>>>) {
        for (outbreak, over) in self.0.iter_mut().zip(over) {
            outbreak.wide = wide::known(over);
        }
    }

    /// For each of them, what its lead's alarms have counted, and the shares that its wide alarms said.
    pub(in crate::engine) fn counted(&self) -> Counted {
        let shares = |wide: &Wide| wide.values().map(|seen| seen.share).collect();
        self.0.iter().map(|one| (one.flares.clone(), shares(&one.wide))).collect()
    }

    /// Takes over [`Outbreaks::counted`].
    pub(in crate::engine) fn know_counted(&mut self, counted: Counted) {
        for (outbreak, (flares, shares)) in self.0.iter_mut().zip(counted) {
            outbreak.flares = flares;
            for (seen, share) in outbreak.wide.values_mut().zip(shares) {
                seen.share = share;
            }
        }
    }
}
