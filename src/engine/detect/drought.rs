//! Silence as evidence: arrivals that stop, against what this hour of the week usually brings.
//!
//! Arrivals are counted in bins of ten seconds. The week's profile says how many are due, the level of the last hour how
//! today compares. A CUSUM weighs "hardly any come" against "as many as due", tempered by how much bins vary beyond chance.

use serde::{Deserialize, Serialize};

use super::numbers::Numbers;

/// Length of a bin, in seconds.
pub(super) const BIN_SECONDS: u32 = 10;

/// Slots of ten minutes in a week, beginning on Thursday, as the epoch did.
const SLOT_SECONDS: u32 = 600;
const SLOTS: usize = 1_008;

/// How much a week moves a slot once it is known.
const SLOT_SMOOTHING: f32 = 0.4;

/// After a silence of a week counting begins anew.
const SILENT_BINS_MAX: u32 = 7 * 86_400 / BIN_SECONDS;

/// Slots to each side over which the profile is smoothed: arrivals shift by minutes from week to week.
const SMOOTH: usize = 2;
const SMOOTHED: f32 = 5.0;

/// How many times what is usual a slot teaches at most: a customer who tests for half an hour is not due again a week later.
/// Traffic that stays higher is learned within some weeks.
const BURST_MOST: f32 = 1.5;

/// What is left of the arrivals when they stop.
const LEFT: [f64; 2] = [0.02, 0.15];

/// Arrivals are due at this share of the profile and level: nobody is paged because a morning starts late.
const CAUTION: f64 = 0.8;

/// Time in which the level moves most of the way, in bins, and its bounds.
const LEVEL_BINS: f64 = 180.0;
const LEVEL: std::ops::RangeInclusive<f64> = 0.05..=1.2;

/// How much a bin moves the measure of variation, the most it may say, and where it begins.
const VARIATION_SMOOTHING: f64 = 0.002;
const CHI2_MAX: f64 = 12.0;
const VARIATION_START: f64 = 2.0;

/// The reverse test: nats for what is due, with [`CAUTION`], against what came meanwhile that end a drought, in how many bins at
/// least, and the share of what is due that must come. What came meanwhile counts as a share within these bounds.
const RETURN_NATS: f64 = 7.0;
const RETURN_BINS: u32 = 12;
const RETURN_SHARE: f64 = 0.5;
const MEANWHILE: std::ops::RangeInclusive<f64> = 0.1..=0.5;

/// What a flow that is not silent brings for so long is its new level.
const STUCK_SECONDS: u32 = 86_400;

/// One flow of arrivals.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Flow {
    /// Arrivals in each slot; below zero: never seen whole.
    profile: Vec<f32>,
    slot: u32,
    in_slot: u32,
    bin: u32,
    in_bin: u32,
    level: f64,
    variation: f64,
    runs: [Run; LEFT.len()],
    alarm: Option<Dry>,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Run {
    weight: f64,
    since: u32,
    due: f64,
    came: u32,
}

/// A drought that is going on.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Dry {
    since: u32,
    /// Arrivals that were due since then.
    due: f64,
    /// Arrivals that came.
    came: u32,
    nats: f64,
    back_bins: u32,
    back_due: f64,
    back_came: u32,
}

/// What a bin brought about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Weather {
    Same,
    Drought,
    Rain,
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            profile: vec![-1.0; SLOTS],
            slot: 0,
            in_slot: 0,
            bin: 0,
            in_bin: 0,
            level: 1.0,
            variation: VARIATION_START,
            runs: Default::default(),
            alarm: None,
        }
    }
}

impl Flow {
    /// Something arrived.
    pub(super) fn arrival(&mut self) {
        self.in_bin += 1;
        self.in_slot += 1;
    }

    /// The numbers behind the drought that is going on: `attempts` came, `usual` were due.
    pub(super) fn numbers(&self) -> Option<Numbers> {
        let dry = self.alarm.as_ref()?;
        Some(Numbers {
            since: dry.since,
            attempts: dry.came.into(),
            bad: 0,
            people: 0,
            repeats: 0,
            // It goes on for as long as it is up.
            last_bad: u32::MAX,
            usual: dry.due,
            nats: dry.nats,
            chance_days: libm::exp(dry.nats.min(60.0)) / f64::from(86_400 / BIN_SECONDS),
            code: None,
        })
    }

    /// When the current bin ends, once there is one.
    pub(super) fn bin_ends(&self) -> Option<u32> {
        (self.bin > 0).then(|| (self.bin + 1) * BIN_SECONDS)
    }

    /// Moves time to `second`, at most one bin further: the caller comes back until nothing is left.
    pub(super) fn advance(&mut self, second: u32, threshold: f64) -> Option<Weather> {
        let bin = second / BIN_SECONDS;
        if self.bin == 0 || bin > self.bin + SILENT_BINS_MAX {
            // The first bin, or a silence that no week explains.
            self.restart(bin);
            return None;
        }
        if bin <= self.bin {
            return None;
        }
        let weather = self.close_bin(threshold);
        self.bin += 1;
        self.in_bin = 0;
        let slot = self.bin * BIN_SECONDS / SLOT_SECONDS;
        if slot != self.slot {
            self.close_slot();
            self.slot = slot;
        }
        Some(weather)
    }

    /// Nobody listened until `second`; a flow that was never counted stays so.
    pub(super) fn resume(&mut self, second: u32) {
        if self.bin > 0 {
            self.restart((second / BIN_SECONDS).max(self.bin));
        }
    }

    /// Something else explains the silence until now.
    pub(super) fn dismiss(&mut self) {
        self.alarm = None;
        self.runs = Default::default();
    }

    fn restart(&mut self, bin: u32) {
        self.bin = bin;
        self.in_bin = 0;
        // This slot was not counted from its beginning.
        self.slot = 0;
        self.in_slot = 0;
        self.runs = Default::default();
    }

    fn close_slot(&mut self) {
        #[expect(clippy::cast_precision_loss, reason = "arrivals of ten minutes, for an average")]
        let (came, slot) = (self.in_slot as f32, self.slot);
        self.in_slot = 0;
        // A slot with a drought is not what is usual.
        if slot == 0 || self.alarm.is_some() {
            return;
        }
        // What the neighbours know as well: a slot of a quiet hour holds hardly any by itself.
        let around = self.around(slot as usize % SLOTS);
        let place = &mut self.profile[slot as usize % SLOTS];
        if *place < 0.0 {
            *place = came;
            return;
        }
        let most = BURST_MOST * around.unwrap_or(*place).max(*place) + 1.0;
        *place += SLOT_SMOOTHING * (came.min(most) - *place);
    }

    /// Arrivals that the profile gives for a bin in this slot; `None` when the week is not known here.
    fn usual(&self) -> Option<f64> {
        self.usual_of(self.bin)
    }

    fn usual_of(&self, bin: u32) -> Option<f64> {
        let slot = (bin * BIN_SECONDS / SLOT_SECONDS) as usize % SLOTS;
        let around = f64::from(self.around(slot)?);
        Some(around * f64::from(BIN_SECONDS) / f64::from(SLOT_SECONDS))
    }

    /// Arrivals of a slot by the profile around it; `None` when the week is not known there.
    fn around(&self, slot: usize) -> Option<f32> {
        let mut sum = 0.0;
        for offset in 0..=2 * SMOOTH {
            let place = self.profile[(slot + SLOTS + offset - SMOOTH) % SLOTS];
            if place < 0.0 {
                return None;
            }
            sum += place;
        }
        Some(sum / SMOOTHED)
    }

    fn close_bin(&mut self, threshold: f64) -> Weather {
        let Some(usual) = self.usual() else { return Weather::Same };
        let came = self.in_bin;
        let due = usual * self.level;
        if self.alarm.is_some() {
            return self.watch_return(due, came);
        }
        self.measure(usual, due, came);
        let due = due * CAUTION;
        let mut strongest = Run::default();
        for (run, left) in self.runs.iter_mut().zip(LEFT) {
            if run.weight <= 0.0 {
                *run = Run { since: self.bin * BIN_SECONDS, ..Run::default() };
            }
            let nats = f64::from(came) * libm::log(left) + (1.0 - left) * due;
            run.weight += nats / self.variation;
            run.due += due;
            run.came += came;
            if run.weight > strongest.weight {
                strongest = *run;
            }
        }
        if strongest.weight < threshold {
            return Weather::Same;
        }
        // The level has followed the trouble since its onset.
        self.level = self.level_before(&strongest);
        self.alarm = Some(Dry {
            since: strongest.since,
            due: strongest.due,
            came: strongest.came,
            nats: strongest.weight,
            back_bins: 0,
            back_due: 0.0,
            back_came: 0,
        });
        self.runs = Default::default();
        Weather::Drought
    }

    fn measure(&mut self, usual: f64, due: f64, came: u32) {
        let came = f64::from(came);
        if due > 0.05 {
            let chi2 = ((came - due) * (came - due) / due).min(CHI2_MAX);
            self.variation += VARIATION_SMOOTHING * (chi2 - self.variation);
            self.variation = self.variation.max(1.0);
        }
        if usual > 0.0 {
            self.level += level_step(usual) * (came / usual - self.level);
            self.level = self.level.clamp(*LEVEL.start(), *LEVEL.end());
        }
    }

    /// The level when a run of evidence began: in it the level went from there towards the share of the usual that came, by known
    /// steps, and what was due is its sum.
    fn level_before(&self, run: &Run) -> f64 {
        let (mut usual_sum, mut kept_sum, mut kept) = (0.0, 0.0, 1.0);
        for bin in run.since / BIN_SECONDS..=self.bin {
            let usual = self.usual_of(bin).unwrap_or_default();
            usual_sum += usual;
            kept_sum += usual * kept;
            kept *= 1.0 - level_step(usual);
        }
        if kept_sum <= 0.0 {
            return self.level;
        }
        let (came, mean) = (f64::from(run.came) / usual_sum, run.due / CAUTION / usual_sum);
        let before = came + (mean - came) * usual_sum / kept_sum;
        before.clamp(self.level, *LEVEL.end())
    }

    /// The reverse test: is what is due more likely again than what came meanwhile?
    fn watch_return(&mut self, due: f64, came: u32) -> Weather {
        let second = self.bin * BIN_SECONDS;
        let dry = self.alarm.as_mut().expect("a drought is going on");
        dry.due += due;
        dry.came += came;
        dry.back_bins += 1;
        dry.back_due += due;
        dry.back_came += came;
        let share = |came: u32, due: f64| f64::from(came) / due.max(f64::MIN_POSITIVE);
        let share_since = share(dry.came, dry.due);
        if second.saturating_sub(dry.since) >= STUCK_SECONDS && share_since >= *LEVEL.start() {
            self.level = (self.level * share_since).clamp(*LEVEL.start(), *LEVEL.end());
            self.alarm = None;
            return Weather::Rain;
        }
        let before = share(dry.came - dry.back_came, dry.due - dry.back_due);
        let meanwhile = before.clamp(*MEANWHILE.start(), *MEANWHILE.end());
        let nats = f64::from(dry.back_came) * libm::log(CAUTION / meanwhile)
            - (CAUTION - meanwhile) * dry.back_due;
        let nats = nats / self.variation;
        if nats <= 0.0 {
            (dry.back_bins, dry.back_due, dry.back_came) = (0, 0.0, 0);
            return Weather::Same;
        }
        let comes = share(dry.back_came, dry.back_due) >= RETURN_SHARE;
        if nats < RETURN_NATS || dry.back_bins < RETURN_BINS || !comes {
            return Weather::Same;
        }
        self.alarm = None;
        Weather::Rain
    }
}

/// How far a bin moves the level towards what came: few arrivals say little about it.
fn level_step(usual: f64) -> f64 {
    usual / (usual + 1.0) / LEVEL_BINS
}

#[cfg(test)]
mod tests;
