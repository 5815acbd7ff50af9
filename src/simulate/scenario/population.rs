//! Who signs in, and what is usual.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

/// `fleet`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fleet {
    /// How many connections. Rank 1 is the busiest.
    pub connections: usize,
    /// Sign-ins on a working day.
    pub attempts_per_day: f64,
    /// Exponent of Zipf's law: the share of rank r is proportional to r^-s.
    pub zipf_s: f64,
    /// People per daily sign-in of a connection.
    pub users_per_daily_login: f64,
    /// Traffic on a Saturday or Sunday, of a working day's.
    pub weekend: f64,
    /// Traffic at night; the morning peak is 1.6.
    pub night: f64,
    /// Spread of each connection's share from hour to hour (logarithmic).
    pub burst_sd: f64,
    /// Common bursts of a region: as if this many made one.
    pub region_burst_k: f64,
    /// Traffic at the end of the scenario, of that at the end of the warm-up; it grows (or shrinks) evenly.
    pub growth: f64,
    /// When people work.
    pub hours: Hours,
    /// Where they are.
    pub regions: Vec<Region>,
    /// Shares of the identity providers.
    pub idps: Shares,
    /// Names of the busiest customers; the rest get made-up ones.
    pub names: Vec<String>,
}

/// The shape of a day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hours {
    /// A morning peak, an afternoon, quiet nights and weekends, in local time.
    Office,
    /// The same at all hours.
    Flat,
}

/// A part of the world.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// For selectors.
    pub name: String,
    /// Of all connections.
    pub share: f64,
    /// Local time minus UTC.
    pub utc_offset_h: f64,
}

/// Names with shares, in the order of the file: the order decides who gets which.
#[derive(Clone, PartialEq, Debug)]
pub struct Shares(pub Vec<(String, f64)>);

/// `baseline`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Baseline {
    /// Sign-ins that fail.
    pub hard_fail: RateChange,
    /// Sign-ins that the user or the provider's policy denies.
    pub denied: RateChange,
    /// Sign-ins that nobody finishes.
    pub timeout: RateChange,
    /// How far a connection's rates wander in a day.
    pub drift_logit_sd_per_day: f64,
    /// Odds of what goes wrong at the end of the scenario, of those at the end of the warm-up; they drift evenly.
    pub drift: f64,
    /// How far rates wander from ten minutes to ten minutes: each connection's by itself, and the fleet's all together.
    pub bunching_logit_sd: f64,
    /// How far rates swing with the hour of the day.
    pub hour_effect: f64,
    /// People who nearly always fail.
    pub chronic_users: f64,
    /// What people do after a failure.
    pub retry: Retry,
    /// How long a success takes.
    pub success_latency: LatencyChange,
    /// How long a failure takes.
    pub fail_latency: LatencyChange,
    /// After how many seconds the provider gives up.
    pub timeout_s: f64,
}

/// A rate, spread over connections; absent keys keep their default.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateChange {
    mean: Option<f64>,
    logit_sd: Option<f64>,
}

/// A log-normal duration; absent keys keep their default.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LatencyChange {
    median_s: Option<f64>,
    sigma: Option<f64>,
}

/// `baseline.retry`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// After a failure.
    pub prob: f64,
    /// After a time-out.
    pub prob_timeout: f64,
    /// Median of the pause.
    pub delay_median_s: f64,
    /// Spread of the pause.
    pub delay_sigma: f64,
    /// How often at most.
    pub max: u32,
    /// How often the retry ends as the attempt before did.
    pub sticky: f64,
}

/// How often something happens: its mean over connections and their spread in log-odds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(in crate::simulate) struct Rate {
    pub(in crate::simulate) mean: f64,
    pub(in crate::simulate) logit_sd: f64,
}

/// A log-normal duration.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(in crate::simulate) struct Latency {
    pub(in crate::simulate) median_s: f64,
    pub(in crate::simulate) sigma: f64,
}

impl Baseline {
    pub(in crate::simulate) fn hard_fail(&self) -> Rate {
        self.hard_fail.over(0.010, 0.7)
    }

    pub(in crate::simulate) fn denied(&self) -> Rate {
        self.denied.over(0.008, 0.7)
    }

    pub(in crate::simulate) fn timeout(&self) -> Rate {
        self.timeout.over(0.09, 0.35)
    }

    pub(in crate::simulate) fn success_latency(&self) -> Latency {
        self.success_latency.over(14.0, 0.8)
    }

    pub(in crate::simulate) fn fail_latency(&self) -> Latency {
        self.fail_latency.over(7.0, 0.9)
    }
}

impl RateChange {
    fn over(self, mean: f64, logit_sd: f64) -> Rate {
        Rate { mean: self.mean.unwrap_or(mean), logit_sd: self.logit_sd.unwrap_or(logit_sd) }
    }
}

impl LatencyChange {
    fn over(self, median_s: f64, sigma: f64) -> Latency {
        Latency { median_s: self.median_s.unwrap_or(median_s), sigma: self.sigma.unwrap_or(sigma) }
    }
}

impl Default for Fleet {
    fn default() -> Self {
        let region =
            |name: &str, share, utc_offset_h| Region { name: name.into(), share, utc_offset_h };
        let idps = [
            ("okta", 0.34),
            ("entra", 0.30),
            ("google", 0.14),
            ("adfs", 0.07),
            ("ping", 0.05),
            ("onelogin", 0.04),
            ("oidc", 0.06),
        ];
        Self {
            connections: 500,
            attempts_per_day: 50_000.0,
            zipf_s: 1.0,
            users_per_daily_login: 1.2,
            weekend: 0.12,
            night: 0.04,
            burst_sd: 0.5,
            region_burst_k: 60.0,
            growth: 1.0,
            hours: Hours::Office,
            regions: vec![
                region("us", 0.5, -6.0),
                region("eu", 0.35, 1.0),
                region("apac", 0.15, 9.0),
            ],
            idps: Shares(idps.map(|(name, share)| (name.to_owned(), share)).to_vec()),
            names: Vec::new(),
        }
    }
}

impl Default for Baseline {
    fn default() -> Self {
        Self {
            hard_fail: RateChange::default(),
            denied: RateChange::default(),
            timeout: RateChange::default(),
            drift_logit_sd_per_day: 0.03,
            drift: 1.0,
            bunching_logit_sd: 0.0,
            hour_effect: 0.15,
            chronic_users: 0.003,
            retry: Retry::default(),
            success_latency: LatencyChange::default(),
            fail_latency: LatencyChange::default(),
            timeout_s: 300.0,
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            prob: 0.7,
            prob_timeout: 0.5,
            delay_median_s: 20.0,
            delay_sigma: 0.8,
            max: 5,
            sticky: 0.5,
        }
    }
}

impl<'de> Deserialize<'de> for Shares {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Shares;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names with shares, e.g. {okta: 0.6, entra: 0.4}")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shares, A::Error> {
                let mut shares = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    shares.push(entry);
                }
                Ok(Shares(shares))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
