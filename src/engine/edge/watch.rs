//! From the signs of tiers to incidents.

use std::collections::BTreeMap;

use super::few::{few, stand_for_all};
use super::sign::Sign;
use super::stream::{ALARM_SECONDS_MIN, Verdict};
use super::tier::Tier;
use super::trouble::Trouble;
use super::words;
use crate::engine::Engine;
use crate::engine::alert::{Finding, Key};
use crate::engine::page::RENEW_SECONDS;
use crate::engine::rule::Phase;
use crate::engine::watch::labels;
use crate::engine::worst::Worst;
use crate::event::Timestamp;
use crate::signal::{Evidence, Reach, Scope, Severity, Stretch};

/// Share of the accepted false alarms that the edge has.
const SHARE: f64 = 0.1;

/// Causes and callers that an alert names.
const CAUSES_MAX: usize = 5;
const CALLERS_MAX: usize = 10;

impl Engine {
    /// Judges what is complete, and turns what began or ended into incidents.
    pub(in crate::engine) fn look_at_tiers(&mut self) {
        let now = self.memory.now;
        for key in self.memory.alerts.calm_tiers(now) {
            self.memory.alerts.end(&key, now);
        }
        let Some(detection) = self.config.detection.as_ref().filter(|_| self.config.edge.alerts)
        else {
            return self.memory.edge.drop_unjudged(now.seconds());
        };
        let (days, keep) = (detection.false_alarm_days(SHARE), detection.keep_firing_for);
        let changes = self.memory.edge.judge(now.seconds(), &self.config.edge, days);
        let anything = !changes.is_empty();
        for (tier, sign, verdict) in changes {
            let key = self.sign_key(tier, sign);
            match verdict {
                Verdict::Page => self.tell_of_tier(tier, sign, sign.severity()),
                Verdict::Ticket => self.tell_of_tier(tier, sign, Severity::Ticket),
                // What got worse is told below.
                Verdict::Nothing | Verdict::Worse => {}
                Verdict::PageOver | Verdict::TicketOver => {
                    self.memory.alerts.calm(&key, keep, now);
                }
            }
        }
        let renews = now.seconds() % RENEW_SECONDS == 0;
        if renews {
            for (tier, sign, severity) in self.memory.edge.troubled() {
                self.tell_of_tier(tier, sign, severity);
            }
        }
        if renews || anything {
            self.tell_worse_tiers();
        }
    }

    pub(super) fn sign_key(&self, tier: usize, sign: Sign) -> Key {
        let name = self.memory.edge.tier_name(tier);
        Key { alertname: sign.alertname().into(), scope: Scope::Tier(name.into()) }
    }

    fn tell_of_tier(&mut self, tier: usize, sign: Sign, severity: Severity) {
        let key = self.sign_key(tier, sign);
        // What was announced pages nobody while its window lasts; it is told here again when that has ended.
        let begins = matches!(self.memory.alerts.phase(&key), Phase::Inactive);
        if begins && self.is_expected_at(self.memory.edge.tier_name(tier)) {
            return;
        }
        let Some(finding) = self.finding_of_tier(tier, sign, severity, &key) else { return };
        let phase = Phase::Firing { clear_since: None };
        self.memory.alerts.move_to(key, phase, None, Some(finding), self.memory.now);
    }

    fn finding_of_tier(
        &self,
        place: usize,
        sign: Sign,
        severity: Severity,
        key: &Key,
    ) -> Option<Finding> {
        let tier = self.memory.edge.tier_at(place);
        let trouble = tier.signs.trouble(sign)?;
        let open = self.memory.alerts.incident(key).filter(|open| open.severity >= severity);
        // What flares up within an incident has numbers of its own, which are not those since the incident began.
        let began = trouble.began();
        let flares = |open: &Timestamp| began.seconds() - open.seconds() >= ALARM_SECONDS_MIN;
        let since = open.map(|open| open.started_at).filter(|open| !flares(open)).unwrap_or(began);
        let told = self.told(tier, sign, trouble, since, key);
        // What paged stays a page.
        let paged = self.memory.alerts.incident(key);
        let paged = paged.is_some_and(|incident| incident.severity == Severity::Page);
        let severity = if told.few.is_some() && !paged { Severity::Ticket } else { severity };
        let summary = words::tier_summary(&told, since);
        Some(finding(&told, severity, key, since, summary))
    }

    /// What is told of trouble at a tier, in an incident that began at `since`.
    pub(super) fn told<'a>(
        &self,
        tier: &'a Tier,
        sign: Sign,
        trouble: Trouble,
        since: Timestamp,
        key: &Key,
    ) -> words::Told<'a> {
        let began = trouble.began();
        let seen = tier.since(began);
        // A client that was hit has a bad request, and a route no more than there are. What is counted by the minute has also
        // what came before the onset in its minute, and different clients are an estimate.
        let most = |count: u64| count.min(trouble.bad);
        let clients = match sign {
            Sign::Limited => Some(seen.limited.estimate()),
            Sign::Blocked => Some(seen.blocked.estimate()),
            _ => None,
        };
        let mut talkers = match sign {
            Sign::Limited => seen.limited_talkers.top(CALLERS_MAX),
            Sign::Blocked => seen.blocked_talkers.top(CALLERS_MAX),
            Sign::TooLong => seen.too_long_talkers.top(CALLERS_MAX),
            Sign::Internal => seen.talkers.top(usize::MAX),
            _ => seen.talkers.top(CALLERS_MAX),
        };
        if sign == Sign::Internal {
            talkers.retain(|talker| talker.internal);
            talkers.truncate(CALLERS_MAX);
        }
        let routes = seen.routes(sign, CAUSES_MAX).into_iter();
        let few = clients.and_then(|clients| few(clients, trouble, sign, &seen, &talkers));
        // Behind a proxy nobody knows how many there are.
        let proxy = few.is_some_and(|few| stand_for_all(&talkers[..few], &tier.before(began)));
        words::Told {
            tier: &tier.name,
            sign,
            trouble,
            clients: clients.map(most).filter(|clients| *clients > 0 && !proxy),
            few: few.filter(|_| !proxy),
            talkers,
            routes: routes.map(|(route, count)| (route, most(count))).collect(),
            from: Tier::first_minute(began, self.memory.now),
            counts: seen.counts,
            slow_micros: tier.signs.slow_micros(),
            together: self.together(since, key),
            beside: self.beside(since, key),
            worst: Worst::Of(Stretch::worst(tier.minutes(sign), since, self.memory.now)),
            now: self.memory.now,
        }
    }

    /// Other alerts of the same tier whose trouble began at another time.
    fn beside(&self, since: Timestamp, key: &Key) -> Vec<(Box<str>, Timestamp)> {
        let others = self.memory.alerts.open();
        let others = others.filter(|other| *other != key && other.scope == key.scope);
        let others = others.filter_map(|other| {
            let began = self.memory.alerts.started_at(other)?;
            let apart = !key.scope.began_with(since, &other.scope, began);
            apart.then_some((other.alertname.clone(), began))
        });
        others.collect()
    }

    /// Other alerts of the edge, or of it and of sign-ins, whose trouble began at about the same time.
    pub(in crate::engine) fn together(
        &self,
        since: Timestamp,
        key: &Key,
    ) -> Vec<(Box<str>, Timestamp)> {
        let others = self.memory.alerts.open().filter(|other| *other != key);
        let mut together: Vec<_> = others
            .filter_map(|other| {
                let began = self.memory.alerts.started_at(other)?;
                let named = match &other.scope {
                    Scope::Tier(tier) => format!("{} at {tier}", other.alertname).into(),
                    Scope::Limit(limit) => format!("{} of {limit}", other.alertname).into(),
                    _ => other.alertname.clone(),
                };
                key.scope.began_with(since, &other.scope, began).then_some((named, began))
            })
            .collect();
        together.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
        together.dedup_by(|a, b| a.0 == b.0);
        together.truncate(CAUSES_MAX);
        together
    }
}

/// What an incident says of it.
pub(super) fn finding(
    told: &words::Told<'_>,
    severity: Severity,
    key: &Key,
    since: Timestamp,
    summary: String,
) -> Finding {
    let trouble = told.trouble;
    Finding {
        severity,
        labels: labels(key, severity, &BTreeMap::new(), None),
        started_at: since,
        summary,
        description: words::tier_description(told),
        evidence: Evidence {
            attempts: trouble.requests,
            bad: trouble.bad,
            users: told.clients,
            value: Some(trouble.share()),
            usual: Some(trouble.usual),
            nats: Some(trouble.nats),
            causes: told.routes.clone(),
            callers: told
                .talkers
                .iter()
                .filter(|talker| talker.is_known())
                .map(|talker| (talker.name.as_str().into(), talker.requests))
                .collect(),
            ..Evidence::default()
        },
        reach: Reach::default(),
        worst: told.worst,
    }
}
