//! Names that one part of the configuration has from another. One that is misspelt fits nothing, and nobody would notice.

use std::collections::BTreeSet;

use super::Config;
use super::read::choices;
use crate::engine;
use crate::event::Source;
use crate::event::edge::DEFAULT_TIER;
use crate::signal::Vocabulary;

impl Config {
    /// The labels of alerts, and their values as far as the configuration says which there can be.
    #[must_use]
    pub fn vocabulary(&self) -> Vocabulary {
        let rules = self.rules.iter();
        let sinks = self.sink_names();
        let mut vocabulary = Vocabulary::default()
            .with("alertname", engine::built_in_alerts())
            .with("alertname", rules.clone().map(|rule| &*rule.name))
            .with("source", Source::ALL.map(Source::as_str))
            .with("sink", sinks.iter().map(|name| &**name))
            .with("limit", self.edge.limits.iter().map(|limit| &*limit.name));
        for (label, value) in rules.flat_map(|rule| &rule.labels) {
            vocabulary = vocabulary.with_own(label, value);
        }
        vocabulary
    }

    /// What can be used and is likely a mistake, each with its key.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let vocabulary = self.vocabulary();
        let mut warnings = Vec::new();
        for (index, receiver) in self.receivers.iter().enumerate() {
            for (at, label, value) in receiver.matched(index) {
                let Some(possible) = vocabulary.instead_of(&label, &value) else { continue };
                let possible: Vec<_> = possible.iter().map(|name| &**name).collect();
                let choices = choices(&value, &possible);
                warnings.push(format!(
                    "`{at}`: no alert has {label}={value}, so that nothing is told there; {choices}"
                ));
            }
        }
        let known = self.known_tiers();
        for (index, limit) in self.edge.limits.iter().enumerate() {
            let Some(tier) = limit.tier.as_deref().filter(|tier| !known.contains(tier)) else {
                continue;
            };
            warnings.push(format!(
                "`edge.limits[{index}].tier`: no tier `{tier}` is declared; the limit counts only lines that are pushed as its: \
                `POST /v1/edge?tier={tier}`"
            ));
        }
        for (index, limit) in
            self.edge.limits.iter().enumerate().filter(|(_, limit)| limit.lacks_burst())
        {
            warnings.push(format!(
                "`edge.limits[{index}].burst`: {} without a burst lets one request through at a time, at a steady pace; set it to what may come at once",
                limit.quota
            ));
        }
        warnings
    }

    /// Refuses a limit on a tier that is not there, where the configuration says which there are.
    pub(super) fn check_limits(&self) -> Result<(), String> {
        let known = self.known_tiers();
        // Without any, all come from those who push lines.
        if known.len() == 1 {
            return Ok(());
        }
        let limits = self.edge.limits.iter().enumerate();
        let mut named = limits.filter_map(|(index, limit)| Some((index, limit.tier.as_deref()?)));
        match named.find(|(_, tier)| !known.contains(tier)) {
            None => Ok(()),
            Some((index, tier)) => {
                let known: Vec<_> = known.into_iter().collect();
                Err(format!(
                    "`edge.limits[{index}].tier`: there is no tier `{tier}`; known are {}. One that only pushed lines name must be in \
                    `edge.tiers`, too",
                    known.join(", ")
                ))
            }
        }
    }

    /// The tiers that something in the configuration names, and that of the requests which no other claims.
    pub(super) fn known_tiers(&self) -> BTreeSet<&str> {
        let declared = self.edge.tiers.iter().map(|tier| &*tier.name);
        let given = self.sources.edge.iter().filter_map(|log| log.tier.as_deref());
        declared.chain(given).chain([DEFAULT_TIER]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(yaml: &str) -> Config {
        Config::parse("c.yaml", yaml, |_| None).unwrap()
    }

    #[test]
    fn a_value_that_no_alert_has_is_said_with_what_was_meant() {
        let matching = |label: &str, value: &str| {
            config(&format!(
                "receivers: [ {{ webhook: {{ url: \"http://127.0.0.1:1\", match: {{ {label}: {value} }} }} }} ]\n\
                 rules: [ {{ name: Own, metric: failures, op: \">\", value: 4, window: 1m, labels: {{ team: sso }} }} ]\n\
                 edge: {{ limits: [ {{ name: api, key: client, quota: 1/s }} ] }}\n"
            ))
        };
        for (label, value) in [
            ("alertname", "SsoFleetFailing"),
            ("alertname", "EdgeBlocked"),
            ("alertname", "Own"),
            ("severity", "page"),
            ("scope", "tier"),
            ("source", "workos_api"),
            ("limit", "api"),
            ("team", "sso"),
            // Which there are is not known beforehand.
            ("tier", "web"),
            ("connection_id", "conn_1"),
        ] {
            assert_eq!(matching(label, value).warnings(), [""; 0], "{label}={value}");
        }
        for (label, value, words) in [
            ("alertname", "SsoFleetFalling", "did you mean `SsoFleetFailing`?"),
            ("severity", "critical", "possible are `none`, `page`, `ticket`"),
            ("scope", "provider", "possible are `connection`, `connection_type`,"),
            ("sink", "datadog", "nothing is possible here; remove it"),
            ("limit", "apj", "did you mean `api`?"),
            ("team", "soo", "did you mean `sso`?"),
        ] {
            let warnings = matching(label, value).warnings();
            let [warning] = &*warnings else { panic!("{label}={value}: {warnings:?}") };
            let begin = format!("`receivers[0].webhook.match`: no alert has {label}={value},");
            assert!(warning.starts_with(&begin) && warning.contains(words), "{warning}");
        }
    }

    #[test]
    fn a_limit_is_on_a_tier_that_something_names() {
        let limit = "limits: [ { name: a, key: client, quota: 1/s, tier: web } ]";
        for rest in [
            format!("edge: {{ tiers: [ {{ name: web }} ], {limit} }}"),
            format!("edge: {{ {limit} }}\nsources: {{ edge: [ {{ path: a, format: nginx_json, tier: web }} ] }}"),
            "edge: { tiers: [ { name: api } ], limits: [ { name: a, key: client, quota: 1/s, tier: default } ] }".into(),
        ] {
            assert_eq!(config(&rest).warnings(), [""; 0], "{rest}");
        }
        // Whoever pushes lines names their tier; where nothing else does, it cannot be known.
        let warnings = config(&format!("edge: {{ {limit} }}")).warnings();
        assert!(
            warnings[0].contains("`edge.limits[0].tier`: no tier `web` is declared"),
            "{warnings:?}"
        );
        let error = Config::parse(
            "c.yaml",
            &format!("edge: {{ tiers: [ {{ name: api }} ], {limit} }}"),
            |_| None,
        );
        let error = error.unwrap_err().to_string();
        assert!(error.contains("there is no tier `web`; known are api, default."), "{error}");
    }

    #[test]
    fn a_quota_of_an_hour_without_a_burst_is_likely_a_mistake() {
        for (limit, warned) in
            [("quota: 5000/h", true), ("quota: 5000/h, burst: 500", false), ("quota: 100/m", false)]
        {
            let limit = format!("edge: {{ limits: [ {{ name: a, key: client, {limit} }} ] }}");
            let warnings = config(&limit).warnings();
            let words = "`edge.limits[0].burst`: 5000/h without a burst";
            assert_eq!(warnings.iter().any(|one| one.starts_with(words)), warned, "{warnings:?}");
        }
    }

    /// Runbooks of alerts that Prometheus' rules alone raise.
    const OF_PROMETHEUS: [&str; 12] = [
        "ConfigRejected",
        "DamageFound",
        "EventsLate",
        "EventsRejected",
        "JournalFailing",
        "JournalNotOwned",
        "JournalOwnedTwice",
        "ReceiverFailing",
        "SourceLagging",
        "SsoErrorBudgetBurn",
        "SsowatchDown",
        "SsowatchNotWatching",
    ];

    #[test]
    fn every_alert_that_has_a_runbook_has_a_name_that_can_be_matched() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/runbooks");
        let files = std::fs::read_dir(folder).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let names = names.map(|name| name.strip_suffix(".md").unwrap().to_owned());
        let others = ["README"].iter().chain(&OF_PROMETHEUS);
        let others: BTreeSet<String> = others.map(|name| (*name).to_owned()).collect();
        let written: BTreeSet<String> = names.filter(|name| !others.contains(name)).collect();
        let built_in: BTreeSet<String> = engine::built_in_alerts().map(str::to_owned).collect();
        assert_eq!(written, built_in);
    }
}
