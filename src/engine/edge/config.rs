//! `edge`: tiers, formats, internal callers and declared limits as they are written, and what is meant by them.

use std::collections::BTreeSet;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};

use super::gcra::Quota;
use super::limit::Limit;
use crate::event::Treatment;
use crate::event::edge::{
    FormatConfig, Internal, Key, LONG_URI_BYTES, PathPattern, Scheme, TIERS_MAX, Tier, Watch, label,
};
use crate::setting::{ByteSize, Period};
use crate::signal::Severity;

/// Longest wait for slower sources: what pages must not wait longer.
const WAIT_SECONDS_MAX: u64 = 60;

/// Tiers that have a place because the configuration names them, at most: those of `edge.tiers` and of logs.
const NAMED_MAX: usize = 4 * TIERS_MAX;

/// `edge`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Parts of the edge that are watched by themselves; the first that claims a request has it.
    pub tiers: Vec<TierConfig>,
    /// Rate limits that are run in shadow: who is near them, and whom they would refuse.
    pub limits: Vec<LimitConfig>,
    /// Who is internal: networks (`10.0.0.0/8`), and headers that only internal callers can send (`header:X-Caller`,
    /// `header:X-Caller=billing`).
    pub internal: Vec<Box<str>>,
    /// Formats of access logs beside the built-in ones.
    pub formats: Vec<FormatConfig>,
    /// How long requests of a second are waited for, where several logs tell of one tier. Default 2s.
    pub wait: Wait,
}

/// `edge.wait`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Wait(pub Period);

impl Default for Wait {
    fn default() -> Self {
        Self(Period::from_secs(2))
    }
}

/// A tier.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TierConfig {
    /// The label `tier`.
    pub name: Box<str>,
    /// Hosts that it serves, e.g. `app.example.com` or `*.example.com`. Default: all.
    #[serde(default)]
    pub hosts: Vec<Box<str>>,
    /// Paths that it serves, e.g. `/api/*`. Default: all.
    #[serde(default)]
    pub paths: Vec<Box<str>>,
    /// Routes by name, e.g. `/orders/:id`. Paths that fit none are folded: ids become `:id`.
    #[serde(default)]
    pub routes: Vec<Box<str>>,
    /// Longest URI that its server takes. Default 8KiB, as nginx, HAProxy and most others.
    pub uri_limit: Option<ByteSize>,
}

/// A declared limit.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitConfig {
    /// The label `limit`.
    pub name: Box<str>,
    /// By what callers are told apart: `client` (address), `account`, `internal` (callers by the header that marks them, or
    /// address) or `header:X-Api-Key`.
    pub key: Box<str>,
    /// Requests of each key in a time: `200/s`, `100/m`, `5000/h` or `30/10s`.
    pub quota: QuotaConfig,
    /// Requests above the steady pace that are let through. Default 0.
    #[serde(default)]
    pub burst: u32,
    /// Only requests of this tier.
    pub tier: Option<Box<str>>,
    /// Only requests for these paths, e.g. `/api/*`.
    #[serde(default)]
    pub paths: Vec<Box<str>>,
    /// Only `internal` or only `external` requests.
    pub traffic: Option<Traffic>,
    /// Share of the quota or of the burst that is near, 0.1 to 1. Default 0.8.
    #[serde(default = "near")]
    pub near: f64,
    /// How urgent `EdgeLimitNear` is: `page` (default) or `ticket`.
    #[serde(default = "page")]
    pub severity: Severity,
    /// Whether values of a header are shown as they are: they are neither personal nor secret. Default false.
    #[serde(default)]
    pub show: bool,
}

fn near() -> f64 {
    0.8
}

fn page() -> Severity {
    Severity::Page
}

/// Which requests a limit counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Traffic {
    /// From within.
    Internal,
    /// From outside.
    External,
}

/// Requests in a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(with = "String")]
pub struct QuotaConfig {
    requests: u64,
    seconds: u64,
}

/// What the engine is told of the edge.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) limits: Vec<Limit>,
    pub(super) wait_seconds: i64,
    /// Whether the built-in alerts are on.
    pub(super) alerts: bool,
    /// Tiers that the configuration names: each has its place, whatever names senders think of.
    pub(super) named: BTreeSet<Box<str>>,
}

impl Settings {
    /// The same where the configuration names these tiers.
    #[must_use]
    pub fn with_tiers<'a>(mut self, named: impl IntoIterator<Item = &'a str>) -> Self {
        self.named = named.into_iter().take(NAMED_MAX).map(Into::into).collect();
        self
    }
}

impl Default for Settings {
    fn default() -> Self {
        Config::default().settings(true).expect("nothing is wrong with nothing")
    }
}

impl Config {
    /// What reading lines needs. The error names the key first, in backquotes.
    pub fn scheme(&self) -> Result<Scheme, String> {
        let mut tiers = Vec::new();
        for tier in &self.tiers {
            let bytes = match tier.uri_limit {
                Some(limit) => u32::try_from(limit.bytes()).map_err(|_| {
                    format!("`edge.tiers`: `{}`: `uri_limit` is too large", tier.name)
                })?,
                None => LONG_URI_BYTES / 9 * 10,
            };
            let tier = Tier::new(&tier.name, &tier.hosts, &tier.paths, &tier.routes, bytes)
                .map_err(|error| format!("`edge.tiers`: `{}`: {error}", tier.name))?;
            tiers.push(tier);
        }
        let internal = Internal::new(self.internal.iter().map(|item| &**item))
            .map_err(|error| format!("`edge.internal`: {error}"))?;
        let watches = self.limits.iter().map(|limit| {
            limit.watch().map_err(|error| format!("`edge.limits`: `{}`: {error}", limit.name))
        });
        Scheme::new(&self.formats, tiers, internal, watches.collect::<Result<_, _>>()?)
    }

    /// What the engine is told, with or without the built-in `alerts`. The error names the key first, in backquotes.
    pub fn settings(&self, alerts: bool) -> Result<Settings, String> {
        if self.wait.0.seconds() > WAIT_SECONDS_MAX {
            return Err(format!("`edge.wait` must be at most {WAIT_SECONDS_MAX}s"));
        }
        let limits = self.limits.iter().map(|limit| {
            limit.limit().map_err(|error| format!("`edge.limits`: `{}`: {error}", limit.name))
        });
        let wait_seconds = i64::try_from(self.wait.0.seconds()).expect("at most a minute");
        let (limits, named) = (limits.collect::<Result<_, _>>()?, BTreeSet::new());
        Ok(Settings { limits, wait_seconds, alerts, named })
    }

    /// Refuses limits that cannot tell callers apart because nothing personal is kept.
    pub fn check_privacy(&self, treatment: Treatment) -> Result<(), String> {
        let personal = |limit: &&LimitConfig| !limit.key.starts_with("header:");
        match self.limits.iter().find(personal).filter(|_| treatment == Treatment::Drop) {
            Some(LimitConfig { name, key, .. }) => Err(format!(
                "`edge.limits`: `{name}` counts by {key}, and `privacy.personal` is drop; use hash or keep"
            )),
            None => Ok(()),
        }
    }
}

impl LimitConfig {
    /// Whether the quota is of an hour or more, and nothing may come at once: then a caller far below it is refused whenever two of its
    /// requests are closer than the steady pace has them.
    #[must_use]
    pub fn lacks_burst(&self) -> bool {
        self.burst == 0 && self.quota.seconds >= 3_600
    }

    fn watch(&self) -> Result<Watch, String> {
        label(&self.name)?;
        let paths = self.paths.iter().map(|path| PathPattern::new(path));
        Ok(Watch {
            name: self.name.clone(),
            key: Key::parse(&self.key)?,
            tier: self.tier.clone(),
            paths: paths.collect::<Result<_, _>>()?,
            internal: self.traffic.map(|traffic| traffic == Traffic::Internal),
            shown: self.show,
        })
    }

    fn limit(&self) -> Result<Limit, String> {
        let QuotaConfig { requests, seconds } = self.quota;
        if !(0.1..=1.0).contains(&self.near) {
            return Err("`near` must be 0.1 to 1".into());
        }
        if self.severity == Severity::None {
            return Err("`severity` must be page or ticket".into());
        }
        let quota = Quota::new(requests, seconds, self.burst)
            .ok_or("`quota` and `burst` together are out of range")?;
        let burst = if self.burst > 0 { format!(", burst {}", self.burst) } else { String::new() };
        Ok(Limit {
            name: self.name.clone(),
            quota,
            words: format!("{}{burst}", self.quota).into(),
            near: self.near,
            severity: self.severity,
            period_seconds: seconds,
        })
    }
}

impl FromStr for QuotaConfig {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem = || format!("`{text}` is no quota; write e.g. 200/s, 100/m, 5000/h or 30/10s");
        let (requests, time) = text.split_once('/').ok_or_else(problem)?;
        let requests = requests.trim().parse().ok().filter(|requests| *requests > 0);
        let time = time.trim();
        let with_number = if time.starts_with(|c: char| c.is_ascii_digit()) {
            time.to_owned()
        } else {
            format!("1{time}")
        };
        let period: Period = with_number.parse().map_err(|_| problem())?;
        let seconds = period.seconds();
        let whole = period.duration().subsec_nanos() == 0 && (1..=86_400).contains(&seconds);
        let requests = requests.filter(|_| whole).ok_or_else(problem)?;
        Ok(Self { requests, seconds })
    }
}

impl std::fmt::Display for QuotaConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let period = Period::from_secs(self.seconds).to_string();
        write!(
            f,
            "{}/{}",
            self.requests,
            period.strip_prefix('1').filter(|unit| unit.len() == 1).unwrap_or(&period)
        )
    }
}

impl<'de> Deserialize<'de> for QuotaConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(yaml: &str) -> Config {
        serde_saphyr::from_str(yaml).unwrap()
    }

    #[test]
    fn quotas_read_and_print_as_people_write_them() {
        for text in ["200/s", "100/m", "5000/h", "30/10s", "1/d"] {
            assert_eq!(text.parse::<QuotaConfig>().unwrap().to_string(), text);
        }
        for text in ["200", "0/s", "x/s", "1/500ms", "1/0s", "1/2d", "/s", "-1/s"] {
            assert!(text.parse::<QuotaConfig>().unwrap_err().contains("no quota"), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let cases = [
            ("tiers: [{name: a b}]", "`edge.tiers`: `a b`: a name has"),
            ("tiers: [{name: a, paths: [x]}]", "`edge.tiers`: `a`: `x` is no path pattern"),
            ("internal: [ten]", "`edge.internal`: `ten` is neither"),
            ("limits: [{name: a, key: ip, quota: 1/s}]", "`edge.limits`: `a`: `ip` is no key"),
            ("limits: [{name: a, key: client, quota: 1/s, near: 2}]", "`near` must be 0.1 to 1"),
            ("limits: [{name: a, key: client, quota: 1/s, severity: none}]", "page or ticket"),
            ("formats: [{name: x}]", "`edge.formats`: `x`: needs either"),
            ("wait: 2m", "`edge.wait` must be at most 60s"),
        ];
        for (yaml, want) in cases {
            let config = config(yaml);
            let error = config.scheme().map(drop).and(config.settings(true).map(drop)).unwrap_err();
            assert!(error.contains(want), "{yaml}: {error}");
        }
    }

    #[test]
    fn limits_by_person_need_a_hash_of_the_person() {
        let by = |key: &str| config(&format!("limits: [{{name: a, key: '{key}', quota: 1/s}}]"));
        assert!(
            by("client").check_privacy(Treatment::Drop).unwrap_err().contains("use hash or keep")
        );
        assert_eq!(by("client").check_privacy(Treatment::Hash), Ok(()));
        assert_eq!(by("header:X-Key").check_privacy(Treatment::Drop), Ok(()));
    }
}
