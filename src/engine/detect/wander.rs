//! How far the odds of a bad attempt wander by themselves: what they did often is no outage.
//!
//! A wandering of the log-odds with variance σ² that lasts for some minutes makes neighbouring bins of two minutes err to the same
//! side: the product of their errors is σ²·V·V′ on average, where V is the variance that chance gives the count of a bin. Failures
//! that merely come in clusters of seconds do not do that. Evidence is then held against the best of all wanderings, each of which
//! costs δ²/2σ² nats: it explains a small rise away, and no outage.

use serde::{Deserialize, Serialize};

/// Two bins must lie within a wandering; shorter ones would hold too few attempts.
const BIN_SECONDS: u32 = 120;

/// What is thought before any is measured, and the sum of V·V′ that this is worth.
const PRIOR_VARIANCE: f64 = 0.0025;
const PRIOR_WORTH: f64 = 2_000.0;

/// A bin says no more than that it is so many standard deviations off: trouble is no wandering.
const DEVIATIONS_MAX: f64 = 3.0;

/// Steps to the likeliest wandering, and the longest: the function is concave and smooth.
const STEPS: usize = 12;
const STEP_MAX: f64 = 2.0;

/// What was measured of one stream.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Wander {
    gauge: Gauge,
    sums: Sums,
}

/// The bins of one stream.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Gauge {
    bin: Bin,
    /// The bin before this one.
    before: Option<Off>,
}

/// Error and variance of a bin; of two neighbours their products.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Off {
    error: f64,
    variance: f64,
}

/// Sums over neighbours, decaying.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Sums(Off);

#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
struct Bin {
    number: u32,
    bad: f64,
    expected: f64,
    variance: f64,
}

impl Gauge {
    /// An attempt of which `expected` is the probability of bad, on a stream that is known to wander as `known`. Gives the products
    /// of two neighbours when the second of them is full.
    pub(super) fn measure(
        &mut self,
        bad: bool,
        expected: f64,
        second: u32,
        known: &Sums,
    ) -> Option<Off> {
        let number = second / BIN_SECONDS;
        let neighbours = if number == self.bin.number { None } else { self.close(number, known) };
        self.bin.bad += f64::from(u8::from(bad));
        self.bin.expected += expected;
        self.bin.variance += expected * (1.0 - expected);
        neighbours
    }

    fn close(&mut self, number: u32, known: &Sums) -> Option<Off> {
        let Bin { number: last, bad, expected, variance } = self.bin;
        self.bin = Bin { number, ..Bin::default() };
        if variance <= 0.0 {
            return None;
        }
        let spread = libm::sqrt(variance * (1.0 + variance * known.variance()));
        let error = (bad - expected).clamp(-DEVIATIONS_MAX * spread, DEVIATIONS_MAX * spread);
        let off = Off { error, variance };
        // The next bin is a neighbour only if none was left out.
        let next = (number == last.wrapping_add(1)).then_some(off);
        let before = std::mem::replace(&mut self.before, next)?;
        Some(Off { error: error * before.error, variance: variance * before.variance })
    }

    /// While there is trouble, nothing is measured.
    pub(super) fn pause(&mut self) {
        *self = Self::default();
    }
}

impl Sums {
    pub(super) fn add(&mut self, neighbours: Off) {
        self.0.error += neighbours.error;
        self.0.variance += neighbours.variance;
    }

    /// Decays with the baseline.
    pub(super) fn decay(&mut self, left: f64) {
        self.0.error *= left;
        self.0.variance *= left;
    }

    /// Variance of the log-odds.
    pub(super) fn variance(&self) -> f64 {
        let error = self.0.error + PRIOR_WORTH * PRIOR_VARIANCE;
        (error / (self.0.variance + PRIOR_WORTH)).max(0.0)
    }
}

impl Wander {
    /// An attempt of which `expected` is the probability of bad.
    pub(super) fn measure(&mut self, bad: bool, expected: f64, second: u32) {
        if let Some(neighbours) = self.gauge.measure(bad, expected, second, &self.sums) {
            self.sums.add(neighbours);
        }
    }

    /// While there is trouble, nothing is measured.
    pub(super) fn pause(&mut self) {
        self.gauge.pause();
    }

    /// Decays with the baseline.
    pub(super) fn decay(&mut self, left: f64) {
        self.sums.decay(left);
    }

    /// Variance of the log-odds.
    pub(super) fn variance(&self) -> f64 {
        self.sums.variance()
    }
}

/// Nats with which a wandering of this `variance` explains `bad` of `attempts` better than `usual` does.
pub(super) fn explained(bad: u32, attempts: u32, usual: f64, variance: f64) -> f64 {
    let (bad, attempts) = (f64::from(bad), f64::from(attempts));
    if variance <= 0.0 || bad <= attempts * usual {
        return 0.0;
    }
    let wandered = |away: f64| {
        let odds = usual / (1.0 - usual) * libm::exp(away);
        odds / (1.0 + odds)
    };
    let mut away = 0.0;
    for _ in 0..STEPS {
        let p = wandered(away);
        let slope = bad - attempts * p - away / variance;
        let step = slope / (attempts * p * (1.0 - p) + 1.0 / variance);
        away += step.clamp(-STEP_MAX, STEP_MAX);
    }
    let likelier = bad * away - attempts * libm::log1p(usual * libm::expm1(away));
    (likelier - away * away / (2.0 * variance)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::{Detection, Kind};
    use super::*;

    /// What is measured over some days of so many attempts a minute, of which `usual` are bad, while the log-odds wander by
    /// `deviation` from ten minutes to ten minutes.
    fn measured(per_minute: u32, usual: f64, deviation: f64, days: u32) -> Wander {
        let mut random = fastrand::Rng::with_seed(5);
        let mut wander = Wander::default();
        let mut p = usual;
        for minute in 0..days * 1_440 {
            if minute % 10 == 0 {
                // Twelve uniform numbers make a normal one.
                let normal = (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
                let odds = usual / (1.0 - usual) * (deviation * normal).exp();
                p = odds / (1.0 + odds);
            }
            for _ in 0..per_minute {
                wander.measure(random.f64() < p, usual, minute * 60);
            }
        }
        wander
    }

    #[test]
    fn wandering_is_measured_and_what_does_not_wander_is_not() {
        for (per_minute, usual, deviation) in
            [(60, 0.12, 0.0), (60, 0.12, 0.3), (60, 0.012, 0.0), (60, 0.012, 0.3), (5, 0.012, 0.0)]
        {
            let found = measured(per_minute, usual, deviation, 14).variance().sqrt();
            let right = if deviation > 0.0 { 0.2..0.4 } else { 0.0..0.14 };
            assert!(right.contains(&found), "{per_minute} {usual} {deviation}: {found}");
        }
    }

    #[test]
    fn failures_in_clusters_of_seconds_are_no_wandering() {
        let mut random = fastrand::Rng::with_seed(6);
        let mut wander = Wander::default();
        for second in 0..14 * 86_400 {
            // Three at once, one time in three: as many bad ones, in clusters.
            let bad = random.f64() < 0.004;
            for _ in 0..3 {
                wander.measure(bad, 0.004, second);
            }
        }
        assert!(wander.variance() < 0.04, "{}", wander.variance());
    }

    #[test]
    fn trouble_is_measured_only_as_far_as_wandering_goes() {
        let mut wander = measured(60, 0.12, 0.0, 14);
        let before = wander.variance();
        let from = 14 * 86_400;
        for second in from..from + 1_200 {
            wander.measure(true, 0.12, second);
        }
        wander.pause();
        assert!(wander.variance() < before + 0.01, "{before} {}", wander.variance());
    }

    #[test]
    fn what_is_known_of_groups_and_busy_connections_is_taken_over() {
        let mut known = Detection::default();
        known.providers.resize_with(2, Default::default);
        for second in 0..3_600 {
            known.fleet.stream_mut(Kind::Failing).measure(second % 600 < 60, 0.1, second);
            known.providers[1].stream_mut(Kind::Slow).measure(second % 900 < 60, 0.1, second);
        }
        let mut other = Detection::default();
        other.providers.resize_with(2, Default::default);
        let bytes = postcard::to_stdvec(&known.wandering()).unwrap();
        other.wander_as(postcard::from_bytes(&bytes).unwrap());
        assert_eq!(other.wandering(), known.wandering());
        known.connections.resize_with(3, Default::default);
        known.connections[2].gauges.get_or_insert_default()[1] = known.fleet.wanders()[0].gauge;
        other.connections.resize_with(3, Default::default);
        let bytes = postcard::to_stdvec(&known.busy_wandering()).unwrap();
        other.busy_wander_as(postcard::from_bytes(&bytes).unwrap());
        assert_eq!(other.busy_wandering(), known.busy_wandering());
        assert_ne!(other.wandering(), Detection::default().wandering());
    }

    #[test]
    fn wandering_explains_a_small_rise_and_no_outage() {
        let nats = |bad: f64, attempts: f64, usual: f64| {
            bad * (bad / attempts / usual).ln()
                + (attempts - bad) * ((1.0 - bad / attempts) / (1.0 - usual)).ln()
        };
        // 2.2 % where 1.2 % are usual, over 1,000 attempts: 3.6 nats; two standard deviations of 0.3 explain most of it.
        let all = nats(22.0, 1_000.0, 0.012);
        let explained_of = |deviation: f64| explained(22, 1_000, 0.012, deviation * deviation);
        assert!(explained_of(0.3) > 0.45 * all && explained_of(0.3) < 0.8 * all);
        assert!(explained_of(0.05) < 0.1 * all && explained_of(0.0) < 1e-9);
        // 28 % fail of 100: even a fleet that wanders so far does so for less than half of it.
        let all = nats(28.0, 100.0, 0.012);
        assert!(
            explained(28, 100, 0.012, 0.09) < 0.45 * all,
            "{} {all}",
            explained(28, 100, 0.012, 0.09)
        );
        // Better than usual is nothing to explain.
        assert!(explained(1, 1_000, 0.012, 0.09) < 1e-9);
    }
}
