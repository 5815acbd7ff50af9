//! `EdgeOutageWorse`: what pages at a tier has got much worse. Whoever was paged for a small share is paged again, as
//! [`crate::engine::worse`] does for sign-ins.

use super::sign::Sign;
use super::trouble::Trouble;
use super::watch::finding;
use super::words;
use crate::engine::Engine;
use crate::engine::alert::Key;
use crate::engine::rule::Phase;
use crate::signal::{Scope, Severity};

pub(in crate::engine) const ALERTNAME: &str = "EdgeOutageWorse";

impl Engine {
    /// Tells at which tiers trouble has got much worse, and where it is as before, or over.
    pub(super) fn tell_worse_tiers(&mut self) {
        let mut told = Vec::new();
        for (place, rises) in self.memory.edge.risen() {
            let tier = self.memory.edge.tier_at(place);
            let key = Key { alertname: ALERTNAME.into(), scope: Scope::Tier((&*tier.name).into()) };
            let known = self.memory.alerts.incident(&key);
            if known.is_none() && self.is_expected_at(&tier.name) {
                continue;
            }
            let words = |(sign, rise): &(Sign, Trouble)| {
                let since = known.map_or(rise.began(), |known| known.started_at);
                (self.told(tier, *sign, *rise, since, &key), since, rise.usual)
            };
            let pages = |one: &&(Sign, Trouble)| {
                let whole = self.memory.alerts.incident(&self.sign_key(place, one.0));
                whole.is_some_and(|whole| whole.severity == Severity::Page)
                    && words(one).0.few.is_none()
            };
            // What one caller does hides nothing, and what was told goes on with any of them.
            let told_of = rises.iter().find(pages);
            let Some(one) = told_of.or(rises.first().filter(|_| known.is_some())) else { continue };
            let (words, since, usual) = words(one);
            // What the incident had when it got worse, also when another sign shows it now.
            let before = known.and_then(|known| known.evidence.usual).unwrap_or(usual);
            let summary = words::worse_summary(&words, since, before);
            let mut finding = finding(&words, Severity::Page, &key, since, summary);
            finding.evidence.usual = Some(before);
            let phase = Phase::Firing { clear_since: None };
            self.memory.alerts.move_to(key.clone(), phase, None, Some(finding), self.memory.now);
            told.push(key);
        }
        let open = self.memory.alerts.open().filter(|key| &*key.alertname == ALERTNAME);
        let over: Vec<Key> = open.filter(|key| !told.contains(*key)).cloned().collect();
        for key in over {
            self.memory.alerts.end(&key, self.memory.now);
        }
    }
}
