//! The connections of a scenario: traffic, provider, region, usual rates and people. Decided by the fleet's seed alone, so
//! that scenarios with the same fleet seed are about the same customers.

use super::random::{NormalStream, Stream};
use super::scenario::{Hours, Rate, Region, Scenario, Select};

/// The three ways in which a sign-in does not succeed, in the order in which chance is divided among them.
pub(super) const RATES: [&str; 3] = ["hard_fail", "denied", "timeout"];

/// Nobody has fewer people than this.
const USERS_MIN: f64 = 3.0;

/// The connections. An index is a rank less one.
#[derive(Debug)]
pub(super) struct Fleet {
    /// Decides who is who.
    pub(super) seed: u64,
    /// Share of the traffic.
    pub(super) weights: Vec<f64>,
    /// Index into the scenario's providers.
    pub(super) idps: Vec<usize>,
    /// Index into the scenario's regions.
    pub(super) regions: Vec<usize>,
    /// How many people.
    pub(super) users: Vec<f64>,
    /// Usual rates in log-odds, by [`RATES`].
    pub(super) logits: [Vec<f64>; RATES.len()],
    /// Phase of the daily swing of each rate.
    pub(super) phases: [f64; RATES.len()],
}

impl Fleet {
    pub(super) fn new(scenario: &Scenario, seed: u64) -> Self {
        let fleet = &scenario.fleet;
        let count = fleet.connections;
        let unscaled: Vec<f64> =
            (1..=count).map(|rank| libm::pow(float(rank), fleet.zipf_s)).map(f64::recip).collect();
        let sum: f64 = unscaled.iter().sum();
        let weights: Vec<f64> = unscaled.into_iter().map(|weight| weight / sum).collect();
        // Quota by golden ratios, not by chance, so that shares hold by traffic as well.
        let quota = |shares: &mut dyn Iterator<Item = f64>, step: f64, stream: &str| {
            let bounds = cumulative(shares);
            let offset = Stream::new(seed, stream).uniform(&[0]);
            (0..count).map(|index| place(&bounds, (float(index) * step + offset) % 1.0)).collect()
        };
        let idps = quota(&mut fleet.idps.0.iter().map(|(_, share)| *share), 0.618_033_988_7, "idp");
        let regions =
            quota(&mut fleet.regions.iter().map(|region| region.share), 0.754_877_666_2, "reg");
        let rates = [
            scenario.baseline.hard_fail(),
            scenario.baseline.denied(),
            scenario.baseline.timeout(),
        ];
        let logits = [0, 1, 2].map(|which| {
            let stream = NormalStream::new(seed, &format!("p{}", RATES[which]));
            let Rate { mean, logit_sd } = rates[which];
            (0..count as u64)
                .map(|index| {
                    logit(mean) + logit_sd * stream.normal(&[index]) - 0.5 * logit_sd * logit_sd
                })
                .collect()
        });
        let people = fleet.attempts_per_day * fleet.users_per_daily_login;
        Self {
            seed,
            idps,
            regions,
            users: weights.iter().map(|weight| (weight * people).ceil().max(USERS_MIN)).collect(),
            weights,
            logits,
            phases: RATES.map(|rate| {
                Stream::new(seed, &format!("hourphase{rate}")).uniform(&[0])
                    * 2.0
                    * std::f64::consts::PI
            }),
        }
    }

    /// Which connections `select` means.
    pub(super) fn select(&self, select: &Select, scenario: &Scenario) -> Vec<bool> {
        let count = self.weights.len();
        if select.all {
            return vec![true; count];
        }
        let chance = Stream::new(self.seed, "selfrac");
        let salt = select.salt.unwrap_or(0);
        let idps = &scenario.fleet.idps.0;
        let regions = &scenario.fleet.regions;
        let fits = |index: usize| {
            select.idp.as_ref().is_none_or(|idp| idps[self.idps[index]].0 == *idp)
                && select
                    .region
                    .as_ref()
                    .is_none_or(|region| regions[self.regions[index]].name == *region)
                && select
                    .rank
                    .as_ref()
                    .is_none_or(|ranks| ranks.iter().any(|rank| rank == index + 1))
                && select.fraction.is_none_or(|part| chance.happens(part, &[index as u64, salt]))
        };
        (0..count).map(fits).collect()
    }
}

/// Traffic at `seconds` since the epoch in `region`, of the mean of a working day.
pub(super) fn shape(scenario: &Scenario, region: &Region, seconds: f64) -> f64 {
    let fleet = &scenario.fleet;
    if fleet.hours == Hours::Flat {
        return 1.0;
    }
    let local = seconds + region.utc_offset_h * 3600.0;
    let hour = (local / 3600.0).rem_euclid(24.0);
    // 1970-01-01 was a Thursday; Monday is 0.
    let weekday = ((local / 86_400.0).floor() + 3.0).rem_euclid(7.0);
    let peak = |middle: f64, width: f64| {
        let distance = (hour - middle) / width;
        libm::exp(-0.5 * distance * distance)
    };
    let level = peak(9.3, 1.1) * 1.6 + peak(13.5, 2.6) + fleet.night;
    level / 0.53 * if weekday >= 5.0 { fleet.weekend } else { 1.0 }
}

/// Sums of the shares up to each, scaled to end at 1.
pub(super) fn cumulative(shares: &mut dyn Iterator<Item = f64>) -> Vec<f64> {
    let mut sum = 0.0;
    let mut bounds: Vec<f64> = shares
        .map(|share| {
            sum += share;
            sum
        })
        .collect();
    for bound in &mut bounds {
        *bound /= sum;
    }
    bounds
}

/// Where `value` falls among cumulative `bounds`.
pub(super) fn place(bounds: &[f64], value: f64) -> usize {
    bounds.partition_point(|bound| *bound < value).min(bounds.len() - 1)
}

fn logit(p: f64) -> f64 {
    libm::log(p / (1.0 - p))
}

#[expect(clippy::cast_precision_loss, reason = "numbers of connections are small")]
fn float(count: usize) -> f64 {
    count as f64
}
