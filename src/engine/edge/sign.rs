//! What a tier may suffer from: the streams that are watched on each, and the bins that feed them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bar::Bar;
use super::evidence::Bin;
use super::gross::Gross;
use super::late::Late;
use super::past::Past;
use super::slow::SlowMark;
use super::stream::{BIN_SECONDS, Stream, Verdict};
use super::tier::counts;
use super::trouble::Trouble;
use crate::event::edge::EdgeTally;
use crate::signal::{EDGE_ERRORS, EDGE_RATE_LIMITED, Severity, TierCounts};

/// The shift, and the share of a tier's requests, from which on codes that healthy tiers have at any share tell of trouble.
const MOST_SHIFT: f64 = 0.8;
const SHARE_MOST: f64 = 0.5;

/// What comes later than this behind the bins that have been judged comes from a log that is late, or in batches.
const LATE_SECONDS: i64 = 15;

/// Signs of which any rise tells; the others are in [`Gross`].
pub(super) const RISES: usize = 6;

/// A sign of trouble.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(in crate::engine) enum Sign {
    /// 5xx.
    Errors,
    /// Slower than usual.
    Slow,
    /// 429.
    Limited,
    /// 403.
    Blocked,
    /// 414, and URIs that are nearly too long.
    TooLong,
    /// From within.
    Internal,
    /// Clients that left before there was an answer: 499, 460, none.
    Abandoned,
    /// Any other 4xx.
    Refused,
}

/// All signs of one tier.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Signs {
    streams: [Stream; RISES],
    /// Bins that may not be complete, by their beginnings.
    open: BTreeMap<i64, Counted>,
    /// Every bin before this second has been judged.
    judged_until: i64,
    slow: SlowMark,
    /// These stand behind all else in a checkpoint.
    #[serde(skip)]
    pub(super) gross: Gross,
    #[serde(skip)]
    pub(super) past: Past,
    #[serde(skip)]
    pub(super) late: Late,
}

/// What is counted in a bin.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Counted {
    counts: TierCounts,
    durations: BTreeMap<u8, u64>,
}

impl Counted {
    fn add(&mut self, tally: &EdgeTally) {
        self.counts += counts(tally);
        for (place, count) in &tally.durations.buckets {
            *self.durations.entry(*place).or_default() += count;
        }
    }
}

impl Sign {
    pub(in crate::engine) const ALL: [Self; 8] = [
        Self::Errors,
        Self::Slow,
        Self::Limited,
        Self::Blocked,
        Self::TooLong,
        Self::Internal,
        Self::Abandoned,
        Self::Refused,
    ];

    /// What an answer with this code shows.
    pub(super) fn of_code(code: u16) -> Option<Self> {
        match code {
            500..=599 => Some(Self::Errors),
            429 => Some(Self::Limited),
            403 => Some(Self::Blocked),
            414 => Some(Self::TooLong),
            0 | 460 | 499 => Some(Self::Abandoned),
            400..=498 => Some(Self::Refused),
            _ => None,
        }
    }

    pub(in crate::engine) fn alertname(self) -> &'static str {
        match self {
            Self::Errors => EDGE_ERRORS,
            Self::Slow => "EdgeLatencyHigh",
            Self::Limited => EDGE_RATE_LIMITED,
            Self::Blocked => "EdgeBlocked",
            Self::TooLong => "EdgeUriTooLong",
            Self::Internal => "EdgeInternalTraffic",
            Self::Abandoned => "EdgeAbandoned",
            Self::Refused => "EdgeClientErrors",
        }
    }

    /// How many of the counted requests show it; `None` for what is not among these counts.
    pub(super) fn among(self, counts: &TierCounts) -> Option<u64> {
        match self {
            Self::Errors => Some(counts.errors),
            Self::Limited => Some(counts.limited),
            Self::Blocked => Some(counts.blocked),
            Self::TooLong => Some((counts.too_long + counts.long_uris).min(counts.requests)),
            Self::Internal => Some(counts.internal),
            Self::Slow | Self::Abandoned | Self::Refused => None,
        }
    }

    /// How urgent it is at most.
    pub(super) fn severity(self) -> Severity {
        match self {
            Self::Errors | Self::Limited | Self::Blocked | Self::Abandoned | Self::Refused => {
                Severity::Page
            }
            Self::Slow | Self::TooLong | Self::Internal => Severity::Ticket,
        }
    }

    /// What its stream is held to: `days` a false alarm.
    fn bar(self, days: f64) -> Bar {
        let (prior, shift_min) = match self {
            Self::Errors | Self::Limited => (Some(0.002), 0.015),
            // Bots and expired sessions are refused everywhere.
            Self::Blocked => (Some(0.005), 0.015),
            Self::TooLong => (Some(0.000_5), 0.005),
            // What is slow, and whether anyone is internal, must be learned first.
            Self::Slow => (None, 0.015),
            Self::Internal => (None, 0.05),
            Self::Abandoned | Self::Refused => (None, MOST_SHIFT),
        };
        let share_min = if shift_min < MOST_SHIFT { 0.0 } else { SHARE_MOST };
        Bar { prior, shift_min, share_min, turned: true, false_alarm_days: days }
    }
}

impl Signs {
    /// Counts a second that comes at `now`. One that is a little late counts in the oldest bin that has not been judged: the evidence is
    /// the same. What is later has bins of its own, so that a log that comes in batches is judged by its own time.
    pub(super) fn take(&mut self, tally: &EdgeTally, second: i64, now: i64) {
        let begin = second.div_euclid(BIN_SECONDS) * BIN_SECONDS;
        if self.judged_until - begin > LATE_SECONDS {
            self.gross.count(tally, begin);
            self.late.bin(begin, now).add(tally);
            return;
        }
        let begin = begin.max(self.judged_until);
        self.gross.count(tally, begin);
        self.open.entry(begin).or_default().add(tally);
    }

    pub(super) fn stream(&self, sign: Sign) -> &Stream {
        self.gross.stream(sign).unwrap_or_else(|| &self.streams[sign as usize])
    }

    pub(super) fn stream_mut(&mut self, sign: Sign) -> &mut Stream {
        self.gross.stream_mut(sign).unwrap_or_else(|| &mut self.streams[sign as usize])
    }

    pub(super) fn streams(&self) -> &[Stream] {
        &self.streams
    }

    pub(super) fn streams_mut(&mut self) -> &mut [Stream] {
        &mut self.streams
    }

    /// When the next bin is judged, in seconds.
    pub(super) fn next_second(&self, wait_seconds: i64) -> Option<i64> {
        let wait = BIN_SECONDS + wait_seconds;
        let begins = self.open.keys().next().copied().into_iter().chain(self.late.first_came());
        begins.map(|begin| begin + wait).chain(self.past.read_until()).min()
    }

    /// Counts a second of the past that is read at `now`: it teaches what is usual at a tier of which nothing is known.
    pub(super) fn remember(&mut self, tally: &EdgeTally, now: i64) {
        if !self.stream(Sign::Errors).is_established() {
            self.past.take(tally, now);
        }
    }

    fn learn_past(&mut self) {
        let past = std::mem::take(&mut self.past);
        self.slow.learn_past(past.durations());
        for sign in Sign::ALL {
            let usual = past.usual(sign, self.slow.place());
            let stream = self.stream_mut(sign);
            if !stream.is_established() {
                stream.learn(&usual);
            }
        }
    }

    /// Drops what is not judged: it would grow for ever, and be told days later.
    pub(super) fn drop_unjudged(&mut self, now: i64) {
        self.open.clear();
        self.gross.drop_unjudged();
        (self.late, self.past) = Default::default();
        self.judged_until = self.judged_until.max(now.div_euclid(BIN_SECONDS) * BIN_SECONDS);
    }

    /// Judges what is complete at `now`: what began or ended.
    pub(super) fn judge(&mut self, now: i64, wait_seconds: i64, days: f64) -> Vec<(Sign, Verdict)> {
        if self.past.read_until().is_some_and(|read| read <= now) {
            self.learn_past();
        }
        let mut verdicts = Vec::new();
        let due = now - wait_seconds - BIN_SECONDS;
        let mut complete = self.late.complete(due);
        while let Some(entry) = self.open.first_entry().filter(|entry| *entry.key() <= due) {
            complete.push(entry.remove_entry());
        }
        for (begin, counted) in complete {
            for sign in Sign::ALL {
                let Some(bin) = self.bin(sign, begin, &counted) else { continue };
                let bar = sign.bar(days);
                let gross = self.gross.judge(sign, bin, &bar);
                let judge = || self.streams[sign as usize].take(bin, &bar);
                verdicts.push((sign, gross.unwrap_or_else(judge)));
            }
            self.gross.close(begin);
            self.learn_slow(begin, &counted);
        }
        self.judged_until =
            self.judged_until.max((due + BIN_SECONDS).div_euclid(BIN_SECONDS) * BIN_SECONDS);
        for sign in Sign::ALL {
            let gross = self.gross.silence(sign, now);
            verdicts
                .push((sign, gross.unwrap_or_else(|| self.streams[sign as usize].silence(now))));
        }
        verdicts.retain(|(_, verdict)| *verdict != Verdict::Nothing);
        verdicts
    }

    fn bin(&self, sign: Sign, second: i64, counted: &Counted) -> Option<Bin> {
        let gross = || self.gross.among(sign, second);
        if let Some(bad) = sign.among(&counted.counts).or_else(gross) {
            return Some(Bin { second, requests: counted.counts.requests, bad });
        }
        let mark = self.slow.place()?;
        let requests = counted.durations.values().sum();
        let bad = counted.durations.range(mark..).map(|(_, count)| count).sum();
        (requests > 0).then_some(Bin { second, requests, bad })
    }

    fn learn_slow(&mut self, second: i64, counted: &Counted) {
        let stream = &mut self.streams[Sign::Slow as usize];
        if stream.trouble().is_none() && self.slow.learn(second, &counted.durations) {
            *stream = Stream::default();
        }
    }

    /// The trouble of a sign, counted up to now.
    pub(super) fn trouble(&self, sign: Sign) -> Option<Trouble> {
        let trouble = *self.stream(sign).trouble()?;
        Some(self.up_to_now(sign, trouble))
    }

    /// How the trouble of a sign that pages has got much worse, if it has.
    pub(super) fn rise(&self, sign: Sign) -> Option<Trouble> {
        let stream = self.stream(sign);
        let rise = *stream.rise()?;
        Some(if stream.worse.goes_on() { self.up_to_now(sign, rise) } else { rise })
    }

    /// What is not judged yet is in the numbers that stand beside those of the trouble.
    fn up_to_now(&self, sign: Sign, mut trouble: Trouble) -> Trouble {
        for (begin, counted) in self.late.bins().chain(&self.open) {
            if let Some(bin) = self.bin(sign, *begin, counted) {
                trouble.requests += bin.requests;
                trouble.bad += bin.bad;
            }
        }
        trouble
    }

    /// How urgent the trouble of a sign is; `None` when there is none.
    pub(super) fn severity(&self, sign: Sign) -> Option<Severity> {
        let stream = self.stream(sign);
        stream.trouble()?;
        Some(if stream.is_alarmed() { sign.severity() } else { Severity::Ticket })
    }

    /// From how many microseconds on a request is slow.
    pub(super) fn slow_micros(&self) -> Option<u64> {
        self.slow.micros()
    }
}

#[cfg(test)]
mod tests;
