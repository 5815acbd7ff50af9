//! The edge: what tiers do, how near declared limits are, and whom they would refuse.
//!
//! Tallies of one second come from the journal in any order. Totals and windows take them at once. Limits need the order,
//! and wait `edge.wait` for the other logs of a second.

mod bar;
mod burst;
mod config;
mod evidence;
mod few;
mod gcra;
mod gross;
mod hours;
mod late;
mod limit;
pub(super) mod near;
mod past;
mod share;
pub(super) mod sign;
mod slow;
mod stream;
mod talkers;
mod tier;
mod trouble;
mod turn;
mod uneven;
mod watch;
mod words;
mod worse;
pub(super) mod worsened;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::burst::Burst;
pub use self::config::{Config, LimitConfig, QuotaConfig, Settings, TierConfig, Traffic, Wait};
use self::gross::Gross;
use self::hours::Hours;
use self::late::Late;
use self::limit::Shadow;
use self::past::Past;
use self::sign::Sign;
use self::stream::{Stream, Verdict};
use self::tier::Tier;
use self::trouble::Trouble;
use self::worse::Worse;
use crate::event::Timestamp;
use crate::event::edge::{EdgeTally, LimitUse, OTHER_ROUTE, TIERS_MAX};
use crate::signal::{LimitView, Severity, TierView};

/// Requests that are older than this when they come say nothing about the present.
const LATE_SECONDS: i64 = 600;

/// How often keys that used nothing lately are forgotten.
const HOUSEKEEPING_SECONDS: i64 = 10;

/// The name of the tier under which what is beyond the bound on tiers is counted.
const OTHER_TIER: &str = OTHER_ROUTE;

/// All that is known of the edge.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Edge {
    tiers: Vec<Tier>,
    shadows: BTreeMap<Box<str>, Shadow>,
    /// Use of limits in seconds that may not be complete.
    waiting: BTreeMap<i64, Vec<LimitUse>>,
    /// Every second before this one has been held against the limits.
    held_until: i64,
    /// When keys that used nothing lately were forgotten last.
    kept_at: i64,
    #[serde(skip)]
    views: Vec<Option<Arc<TierView>>>,
}

impl Edge {
    /// Takes a second of a tier; how many of its requests came too late to say anything about now.
    pub(super) fn take(&mut self, tally: &EdgeTally, now: Timestamp, settings: &Settings) -> u64 {
        let place = self.tier(&tally.tier, &settings.named);
        self.tiers[place].take(tally, now);
        self.stale(place);
        let late = now.seconds() - tally.second > LATE_SECONDS;
        let signs = &mut self.tiers[place].signs;
        if late {
            signs.remember(tally, now.seconds());
        } else {
            signs.take(tally, tally.second.min(now.seconds()), now.seconds());
        }
        if !late && !tally.limits.is_empty() {
            let second = tally.second.min(now.seconds());
            let waiting = self.waiting.entry(second).or_default();
            for used in &tally.limits {
                match waiting.iter_mut().find(|known| known.limit == used.limit) {
                    Some(known) => known.merge(used),
                    None => waiting.push(used.clone()),
                }
            }
        }
        if late { tally.requests() } else { 0 }
    }

    /// Whether the limit is declared, and told of.
    pub(super) fn declares(settings: &Settings, limit: &str) -> bool {
        settings.alerts && settings.limits.iter().any(|declared| &*declared.name == limit)
    }

    /// When something happens by itself, in seconds.
    pub(super) fn next_second(&self, settings: &Settings) -> Option<i64> {
        let limits = self.waiting.keys().next().map(|second| second + 1 + settings.wait_seconds);
        let tiers = self.tiers.iter();
        let bins = tiers.filter_map(|tier| tier.signs.next_second(settings.wait_seconds)).min();
        limits.into_iter().chain(bins).min()
    }

    /// Moves time.
    pub(super) fn advance(&mut self, now: Timestamp, settings: &Settings) {
        let due = now.seconds() - settings.wait_seconds;
        while let Some(entry) = self.waiting.first_entry().filter(|entry| *entry.key() < due) {
            let (second, used) = entry.remove_entry();
            let late = second < self.held_until;
            for used in &used {
                self.hold(second, used, late, now, settings);
            }
            self.held_until = self.held_until.max(second + 1);
        }
        // By the clock and not by the last time: who looks once more in between, as after a restart, comes to the same.
        let keeps = now.seconds().div_euclid(HOUSEKEEPING_SECONDS) * HOUSEKEEPING_SECONDS;
        if keeps > self.kept_at {
            self.kept_at = keeps;
            for limit in &settings.limits {
                if let Some(shadow) = self.shadows.get_mut(&limit.name) {
                    shadow.forget(limit, now.millis().saturating_mul(1_000_000));
                }
            }
        }
        for place in 0..self.tiers.len() {
            // Windows slide by the minute.
            if self.tiers[place].advance(now) || now.seconds() % 60 == 0 {
                self.stale(place);
            }
        }
    }

    fn hold(
        &mut self,
        second: i64,
        used: &LimitUse,
        late: bool,
        now: Timestamp,
        settings: &Settings,
    ) {
        // A limit that is no longer declared is held against nobody.
        if let Some(limit) = settings.limits.iter().find(|limit| limit.name == used.limit) {
            let shadow = self.shadows.entry(used.limit.clone()).or_default();
            shadow.take(limit, second, used, late);
            shadow.heard_at = now.seconds();
        }
    }

    /// Judges the bins of all tiers that are complete; `days` a false alarm of one stream.
    fn judge(&mut self, now: i64, settings: &Settings, days: f64) -> Vec<(usize, Sign, Verdict)> {
        // Those that tell only of most requests have no false alarms to speak of.
        #[expect(clippy::cast_precision_loss, reason = "some dozen streams")]
        let streams = (self.tiers.len() * sign::RISES) as f64;
        let tiers = self.tiers.iter_mut().enumerate();
        tiers
            .flat_map(|(place, tier)| {
                let verdicts = tier.signs.judge(now, settings.wait_seconds, days * streams);
                verdicts.into_iter().map(move |(sign, verdict)| (place, sign, verdict))
            })
            .collect()
    }

    /// What is usual at each hour of the day, of each stream of each tier: a part of the state that older builds did not have.
    pub(super) fn hours(&self) -> Vec<Hours> {
        let signs = self.tiers.iter().flat_map(|tier| tier.signs.streams());
        signs.map(|stream| stream.hours.clone()).collect()
    }

    /// Takes over [`Edge::hours`].
    pub(super) fn know_hours(&mut self, hours: Vec<Hours>) {
        let signs = self.tiers.iter_mut().flat_map(|tier| tier.signs.streams_mut());
        for (stream, hours) in signs.zip(hours) {
            stream.hours = hours;
        }
    }

    /// Whether what pages gets worse, by the place of its stream: a part of the state that older builds did not have.
    pub(super) fn worsening(&self) -> Vec<(usize, Worse)> {
        let streams = self.tiers.iter().flat_map(|tier| tier.signs.streams()).enumerate();
        let alarmed = streams.filter(|(_, stream)| stream.is_alarmed());
        alarmed.map(|(place, stream)| (place, stream.worse.clone())).collect()
    }

    /// Takes over [`Edge::worsening`].
    pub(super) fn know_worsening(&mut self, known: Vec<(usize, Worse)>) {
        let streams = self.tiers.iter_mut().flat_map(|tier| tier.signs.streams_mut());
        let mut streams: Vec<_> = streams.collect();
        for (place, worse) in known {
            if let Some(stream) = streams.get_mut(place) {
                stream.worse = worse;
            }
        }
    }

    /// The same of a state that has none.
    pub(super) fn begin_worsening(&mut self) {
        let signs = self.tiers.iter_mut().flat_map(|tier| tier.signs.streams_mut());
        signs.for_each(Stream::follow);
    }

    /// What goes wrong at one moment, by the place of its stream: a part of the state that older builds did not have.
    pub(super) fn bursts(&self) -> Vec<(usize, &Burst)> {
        let signs =
            self.tiers.iter().flat_map(|tier| Sign::ALL.map(|sign| tier.signs.stream(sign)));
        let bursts = signs.map(|stream| &stream.burst).enumerate();
        bursts.filter(|(_, burst)| !burst.is_none()).collect()
    }

    /// Takes over [`Edge::bursts`].
    pub(super) fn know_bursts(&mut self, known: Vec<(usize, Burst)>) {
        for (place, burst) in known {
            let (tier, sign) = (place / Sign::ALL.len(), Sign::ALL[place % Sign::ALL.len()]);
            if let Some(tier) = self.tiers.get_mut(tier) {
                tier.signs.stream_mut(sign).burst = burst;
            }
        }
    }

    /// What is told only of most requests, at each tier: a part of the state that older builds did not have.
    pub(super) fn gross(&self) -> Vec<(&Gross, [Hours; 2])> {
        let tiers = self.tiers.iter();
        tiers.map(|tier| (&tier.signs.gross, tier.signs.gross.hours())).collect()
    }

    /// Takes over [`Edge::gross`].
    pub(super) fn know_gross(&mut self, known: Vec<(Gross, [Hours; 2])>) {
        for (tier, (gross, hours)) in self.tiers.iter_mut().zip(known) {
            tier.signs.gross = gross;
            tier.signs.gross.know_hours(hours);
        }
    }

    /// What was read of the past, and is not learned yet: a part of the state that older builds did not have.
    pub(super) fn past(&self) -> Vec<&Past> {
        self.tiers.iter().map(|tier| &tier.signs.past).collect()
    }

    /// What came late, and is not judged yet: a part of the state that older builds did not have.
    pub(super) fn late(&self) -> Vec<&Late> {
        self.tiers.iter().map(|tier| &tier.signs.late).collect()
    }

    /// Takes over [`Edge::late`].
    pub(super) fn know_late(&mut self, known: Vec<Late>) {
        for (tier, late) in self.tiers.iter_mut().zip(known) {
            tier.signs.late = late;
        }
    }

    /// Takes over [`Edge::past`].
    pub(super) fn know_past(&mut self, known: Vec<Past>) {
        for (tier, past) in self.tiers.iter_mut().zip(known) {
            tier.signs.past = past;
        }
    }

    /// How what pages at which tier has got much worse; the signs that most requests show first.
    fn risen(&self) -> BTreeMap<usize, Vec<(Sign, Trouble)>> {
        let rises = |(place, tier): (usize, &Tier)| {
            let signs = Sign::ALL.into_iter().filter(|sign| sign.severity() == Severity::Page);
            let rises = signs.filter_map(|sign| Some((sign, tier.signs.rise(sign)?)));
            let mut rises: Vec<_> = rises.collect();
            rises.sort_by_key(|(_, rise)| Reverse(rise.bad));
            (!rises.is_empty()).then_some((place, rises))
        };
        self.tiers.iter().enumerate().filter_map(rises).collect()
    }

    /// Nobody judges: what waits for it is dropped.
    fn drop_unjudged(&mut self, now: i64) {
        for tier in &mut self.tiers {
            tier.signs.drop_unjudged(now);
        }
    }

    /// What goes on at which tier, and how urgent it is.
    pub(super) fn troubled(&self) -> Vec<(usize, Sign, Severity)> {
        let each = |(place, tier): (usize, &Tier)| {
            let signs = Sign::ALL.into_iter();
            let urgent: Vec<_> =
                signs.filter_map(|sign| Some((place, sign, tier.signs.severity(sign)?))).collect();
            urgent
        };
        self.tiers.iter().enumerate().flat_map(each).collect()
    }

    fn tier_at(&self, place: usize) -> &Tier {
        &self.tiers[place]
    }

    fn tier_name(&self, place: usize) -> &str {
        &self.tiers[place].name
    }

    /// The place of a tier, which is made when it is new and there is room for it, or it is `named` in the configuration.
    fn tier(&mut self, name: &str, named: &BTreeSet<Box<str>>) -> usize {
        let find = |tiers: &[Tier], name: &str| tiers.iter().position(|tier| &*tier.name == name);
        if let Some(place) = find(&self.tiers, name) {
            return place;
        }
        let unnamed = |tier: &&Tier| !named.contains(&*tier.name);
        let full = || self.tiers.iter().filter(unnamed).count() >= TIERS_MAX;
        let name = if named.contains(name) || !full() { name } else { OTHER_TIER };
        find(&self.tiers, name).unwrap_or_else(|| {
            self.tiers.push(Tier::new(name));
            self.tiers.len() - 1
        })
    }

    fn stale(&mut self, place: usize) {
        if let Some(view) = self.views.get_mut(place) {
            *view = None;
        }
    }

    /// The tiers, in order of their names.
    pub(super) fn tier_views(&mut self, now: Timestamp) -> Vec<Arc<TierView>> {
        self.views.resize(self.tiers.len(), None);
        let tiers = self.tiers.iter().zip(&mut self.views);
        let mut views: Vec<_> = tiers
            .map(|(tier, view)| Arc::clone(view.get_or_insert_with(|| Arc::new(tier.view(now)))))
            .collect();
        views.sort_by(|a, b| a.tier.cmp(&b.tier));
        views
    }

    /// The declared limits, in the order of their declaration.
    pub(super) fn limit_views(&self, now: Timestamp, settings: &Settings) -> Vec<LimitView> {
        let unused = Shadow::default();
        let limits = settings.limits.iter();
        limits
            .map(|limit| self.shadows.get(&limit.name).unwrap_or(&unused).view(limit, now))
            .collect()
    }
}

#[cfg(test)]
mod tests;
