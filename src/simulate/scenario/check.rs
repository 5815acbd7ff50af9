//! What a scenario may say, beyond its form. Messages begin with the key, so that its place can be found.

use super::{Effect, Fault, Nuisance, Rate, Scenario, Select, Span, When};
use crate::setting::Period;

/// Connections at most: ten times the largest customer base that publishes its number.
const CONNECTIONS_MAX: usize = 50_000;
/// Sign-ins a day at most: 5,000 a second around the clock.
const ATTEMPTS_PER_DAY_MAX: f64 = 432_000_000.0;
/// A year of warm-up and fault together.
const SECONDS_MAX: f64 = 366.0 * 86_400.0;
/// Each connection's rates wander day by day, 24 bytes each: 100 MB.
const CONNECTION_DAYS_MAX: f64 = 4_000_000.0;
/// Sign-ins of one nuisance at most; they are kept in memory.
const NUISANCE_ATTEMPTS_MAX: u32 = 100_000;
/// Faults, nuisances, windows and streams at most, each.
const LIST_MAX: usize = 64;
/// Retries of one sign-in at most.
const RETRIES_MAX: u32 = 20;

type Checked = Result<(), String>;

impl Scenario {
    /// What is wrong with it, the key first.
    pub(crate) fn check(&self) -> Checked {
        if matches!(self.start, When::After(_)) {
            return Err("`start` must be a date and time, e.g. 2026-01-15T00:00:00Z".into());
        }
        self.check_fleet()?;
        self.check_baseline()?;
        let seconds = self.warmup.0 + self.duration.0;
        within("duration", self.duration.0, 60.0, SECONDS_MAX, "1m to 366d")?;
        within("warmup", seconds, 0.0, SECONDS_MAX, "at most 366d together with `duration`")?;
        let days = seconds / 86_400.0;
        if days * as_f64(self.fleet.connections) > CONNECTION_DAYS_MAX {
            return Err("`fleet.connections` times the days must be at most 4,000,000".into());
        }
        let lists = [
            ("faults", self.faults.len()),
            ("nuisance", self.nuisance.len()),
            ("maintenance", self.maintenance.len()),
            ("edge.streams", self.edge.streams.len()),
            ("edge.faults", self.edge.faults.len()),
        ];
        for (key, length) in lists {
            if length > LIST_MAX {
                return Err(format!("`{key}` has {length} entries; at most {LIST_MAX}"));
            }
        }
        for (index, fault) in self.faults.iter().enumerate() {
            self.check_fault(&format!("faults[{index}]"), fault)?;
        }
        for (index, nuisance) in self.nuisance.iter().enumerate() {
            self.check_nuisance(&format!("nuisance[{index}]"), nuisance)?;
        }
        for (index, window) in self.maintenance.iter().enumerate() {
            self.check_select(&format!("maintenance[{index}].select"), &window.select)?;
        }
        self.check_edge()?;
        if let Some(rank) = self.expect.rank {
            self.check_rank("expect.rank", rank)?;
        }
        self.expect.idp.as_deref().map_or(Ok(()), |idp| self.check_idp("expect.idp", idp))
    }

    fn check_fleet(&self) -> Checked {
        let fleet = &self.fleet;
        within(
            "fleet.connections",
            as_f64(fleet.connections),
            1.0,
            as_f64(CONNECTIONS_MAX),
            "1 to 50000",
        )?;
        let max = ATTEMPTS_PER_DAY_MAX;
        within("fleet.attempts_per_day", fleet.attempts_per_day, 1.0, max, "1 to 432000000")?;
        within("fleet.zipf_s", fleet.zipf_s, 0.0, 5.0, "0 to 5")?;
        let users = fleet.users_per_daily_login;
        within("fleet.users_per_daily_login", users, 0.0, 1000.0, "0 to 1000")?;
        within("fleet.weekend", fleet.weekend, 0.0, 100.0, "0 to 100")?;
        within("fleet.night", fleet.night, 0.0, 100.0, "0 to 100")?;
        within("fleet.burst_sd", fleet.burst_sd, 0.0, 3.0, "0 to 3")?;
        within("fleet.region_burst_k", fleet.region_burst_k, 1.0, f64::MAX, "1 or more")?;
        within("fleet.growth", fleet.growth, 0.01, 100.0, "0.01 to 100")?;
        if fleet.regions.is_empty() || fleet.regions.len() > LIST_MAX {
            return Err(format!("`fleet.regions` needs 1 to {LIST_MAX} regions"));
        }
        for (index, region) in fleet.regions.iter().enumerate() {
            let key = |field: &str| format!("fleet.regions[{index}].{field}");
            share(&key("share"), region.share)?;
            within(&key("utc_offset_h"), region.utc_offset_h, -14.0, 14.0, "-14 to 14")?;
        }
        if fleet.idps.0.is_empty() || fleet.idps.0.len() > LIST_MAX {
            return Err(format!("`fleet.idps` needs 1 to {LIST_MAX} identity providers"));
        }
        for (name, part) in &fleet.idps.0 {
            share(&format!("fleet.idps.{name}"), *part)?;
        }
        let whole = |sum: f64, key: &str| {
            if sum > 0.0 { Ok(()) } else { Err(format!("`{key}` needs a share above 0")) }
        };
        whole(fleet.idps.0.iter().map(|(_, share)| share).sum(), "fleet.idps")?;
        whole(fleet.regions.iter().map(|region| region.share).sum(), "fleet.regions")
    }

    fn check_baseline(&self) -> Checked {
        let baseline = &self.baseline;
        let rates = [
            ("hard_fail", baseline.hard_fail()),
            ("denied", baseline.denied()),
            ("timeout", baseline.timeout()),
        ];
        for (key, Rate { mean, logit_sd }) in rates {
            let mean_key = format!("baseline.{key}.mean");
            within(&mean_key, mean, 1e-9, 1.0 - 1e-9, "above 0 and below 1")?;
            within(&format!("baseline.{key}.logit_sd"), logit_sd, 0.0, 5.0, "0 to 5")?;
        }
        let retry = &baseline.retry;
        share("baseline.retry.prob", retry.prob)?;
        share("baseline.retry.prob_timeout", retry.prob_timeout)?;
        share("baseline.retry.sticky", retry.sticky)?;
        let (median, sigma) = (retry.delay_median_s, retry.delay_sigma);
        within("baseline.retry.delay_median_s", median, 0.001, 86_400.0, "0.001 to 86400")?;
        within("baseline.retry.delay_sigma", sigma, 0.0, 5.0, "0 to 5")?;
        if retry.max > RETRIES_MAX {
            return Err(format!("`baseline.retry.max` must be at most {RETRIES_MAX}"));
        }
        share("baseline.chronic_users", baseline.chronic_users)?;
        let drift = baseline.drift_logit_sd_per_day;
        within("baseline.drift_logit_sd_per_day", drift, 0.0, 5.0, "0 to 5")?;
        within("baseline.drift", baseline.drift, 0.01, 100.0, "0.01 to 100")?;
        let bunching = baseline.bunching_logit_sd;
        within("baseline.bunching_logit_sd", bunching, 0.0, 5.0, "0 to 5")?;
        within("baseline.hour_effect", baseline.hour_effect, 0.0, 5.0, "0 to 5")?;
        within("baseline.timeout_s", baseline.timeout_s, 1.0, 3600.0, "1 to 3600")?;
        let latencies = [
            ("success_latency", baseline.success_latency()),
            ("fail_latency", baseline.fail_latency()),
        ];
        for (key, latency) in latencies {
            let median = format!("baseline.{key}.median_s");
            within(&median, latency.median_s, 0.001, 3600.0, "0.001 to 3600")?;
            within(&format!("baseline.{key}.sigma"), latency.sigma, 0.0, 5.0, "0 to 5")?;
        }
        Ok(())
    }

    /// Refuses what begins when the scenario is over: nothing would come of it, and nobody would hear of that.
    fn check_begin(&self, key: &str, name: &str, at: When, jitter: Span) -> Checked {
        let When::At(start) = self.start else { return Ok(()) };
        let (begin, end) = (at.seconds_after(start), self.seconds());
        if begin + jitter.0 < end {
            return Ok(());
        }
        let told = |seconds: f64| Period::from_secs(Span(seconds).millis().unsigned_abs() / 1000);
        let (begin, end) = (told(begin + jitter.0), told(end));
        let latest = if jitter.0 > 0.0 { "may begin as late as" } else { "begins" };
        Err(format!(
            "`{key}.at`: {name} {latest} {begin} after `start`, and the scenario ends after {end}; write an earlier `at` or a longer `duration`"
        ))
    }

    fn check_fault(&self, key: &str, fault: &Fault) -> Checked {
        self.check_begin(key, &format!("the fault `{}`", fault.id), fault.at, fault.jitter)?;
        self.check_select(&format!("{key}.select"), &fault.select)?;
        within(&format!("{key}.duration"), fault.duration.0, 1.0, SECONDS_MAX, "1s to 366d")?;
        if (fault.on.0 > 0.0) != (fault.off.0 > 0.0) {
            return Err(format!("`{key}.on` and `off` go together; write both or neither"));
        }
        let Effect {
            hard_fail,
            timeout,
            denied,
            drop_start,
            drop_terminal,
            slow,
            slow_fraction,
            ..
        } = fault.effect;
        let shares = [
            ("hard_fail", hard_fail),
            ("timeout", timeout),
            ("denied", denied),
            ("drop_start", drop_start),
            ("drop_terminal", drop_terminal),
            ("slow_fraction", slow_fraction),
        ];
        for (effect, value) in shares {
            share(&format!("{key}.effect.{effect}"), value)?;
        }
        if hard_fail + timeout + denied > 1.0 + 1e-9 {
            return Err(format!(
                "`{key}.effect`: hard_fail, timeout and denied are shares of the same attempts; together at most 1"
            ));
        }
        within(&format!("{key}.effect.slow"), slow, 0.01, 1000.0, "0.01 to 1000")
    }

    fn check_nuisance(&self, key: &str, nuisance: &Nuisance) -> Checked {
        self.check_begin(key, "the nuisance", nuisance.at, nuisance.jitter)?;
        self.check_rank(&format!("{key}.rank"), nuisance.rank)?;
        if !(1..=NUISANCE_ATTEMPTS_MAX).contains(&nuisance.attempts.unwrap_or(1)) {
            return Err(format!("`{key}.attempts` must be 1 to {NUISANCE_ATTEMPTS_MAX}"));
        }
        if nuisance.users == Some(0) {
            return Err(format!("`{key}.users` must be at least 1"));
        }
        share(&format!("{key}.fail"), nuisance.fail.unwrap_or(1.0))?;
        share(&format!("{key}.fail_until"), nuisance.fail_until.unwrap_or(1.0))
    }

    fn check_edge(&self) -> Checked {
        for (index, stream) in self.edge.streams.iter().enumerate() {
            let key = |field: &str| format!("edge.streams[{index}].{field}");
            share(&key("p0"), stream.p0)?;
            let (rate, max) = (stream.rate_per_min, 1e9);
            within(&key("rate_per_min"), rate, 0.0, max, "0 to 1000000000")?;
        }
        for (index, fault) in self.edge.faults.iter().enumerate() {
            let (key, name) =
                (format!("edge.faults[{index}]"), format!("the fault on `{}`", fault.stream));
            self.check_begin(&key, &name, fault.at, Span::default())?;
            share(&format!("edge.faults[{index}].add"), fault.add)?;
            if !self.edge.streams.iter().any(|stream| stream.name == fault.stream) {
                return Err(format!(
                    "`edge.faults[{index}].stream`: there is no stream `{}`; add it to `edge.streams`",
                    fault.stream
                ));
            }
        }
        Ok(())
    }

    fn check_select(&self, key: &str, select: &Select) -> Checked {
        if let Some(idp) = &select.idp {
            self.check_idp(&format!("{key}.idp"), idp)?;
        }
        for rank in select.rank.iter().flat_map(super::Ranks::iter) {
            self.check_rank(&format!("{key}.rank"), rank)?;
        }
        if let Some(region) = &select.region
            && !self.fleet.regions.iter().any(|known| known.name == *region)
        {
            let known = self.fleet.regions.iter().map(|region| region.name.as_str());
            return Err(unknown(&format!("{key}.region"), region, known));
        }
        share(&format!("{key}.fraction"), select.fraction.unwrap_or(0.0))
    }

    fn check_rank(&self, key: &str, rank: usize) -> Checked {
        let connections = self.fleet.connections;
        if (1..=connections).contains(&rank) {
            return Ok(());
        }
        Err(format!("`{key}` is {rank}; ranks are 1 to {connections}, the number of connections"))
    }

    fn check_idp(&self, key: &str, idp: &str) -> Checked {
        if self.fleet.idps.0.iter().any(|(name, _)| name == idp) {
            return Ok(());
        }
        Err(unknown(key, idp, self.fleet.idps.0.iter().map(|(name, _)| name.as_str())))
    }
}

fn unknown<'a>(key: &str, word: &str, known: impl Iterator<Item = &'a str>) -> String {
    format!(
        "`{key}`: `{word}` is not in this fleet; write one of {}",
        known.collect::<Vec<_>>().join(", ")
    )
}

fn share(key: &str, value: f64) -> Checked {
    within(key, value, 0.0, 1.0, "a share: 0 to 1")
}

fn within(key: &str, value: f64, min: f64, max: f64, range: &str) -> Checked {
    if (min..=max).contains(&value) { Ok(()) } else { Err(format!("`{key}` must be {range}")) }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of connections are small")]
fn as_f64(count: usize) -> f64 {
    count as f64
}
