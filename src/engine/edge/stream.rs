//! One share of a tier's requests, such as that of the 5xx: what is usual, the evidence that it rose, and the alarm.

use serde::{Deserialize, Serialize};

use super::bar::Bar;
use super::burst::Burst;
use super::evidence::{BINS, Bin, CAP, GROSS_SHIFT, Scale, Strongest, Weights};
use super::hours::Hours;
use super::share::Share;
use super::trouble::Trouble;
use super::uneven::Unevenness;
use super::worse::Worse;

/// Length of a bin.
pub(super) const BIN_SECONDS: i64 = 5;

const DAY_SECONDS: i64 = 86_400;

/// Requests that the prior is worth.
const PRIOR_REQUESTS: f64 = 1_000.0;

/// How long requests wait before they enter the usual.
const WAIT_SECONDS: i64 = 3_600;

/// Time in which half of the usual is replaced.
const HALF_LIFE_SECONDS: f64 = 7.0 * 86_400.0;

/// Share of the threshold above which fresh requests do not enter; what lasts longer than this time is the new usual.
const QUIET_SHARE: f64 = 0.6;
const STUCK_SECONDS: i64 = 5 * DAY_SECONDS;

/// Bins over which requests a day are averaged.
const PACE_BINS: f64 = 17_280.0;
const _: () = assert!(DAY_SECONDS == 17_280 * BIN_SECONDS, "a day of bins");

/// The share of bad requests from which on a tier that is not known well pages.
const SHARE_GROSS: f64 = 0.1;

/// How much of the usual is added before it is compared, at least, where each request counts in full and where it is tempered.
const LIFT_FULL: f64 = 0.25;
const LIFT_TEMPERED: f64 = 0.1;
pub(super) const TEMPERING: f64 = 1.0 / 1.2;

/// Nats below the page's threshold at which a ticket is cut, and the share of the threshold below which it is over.
const TICKET_GAP: f64 = 3.4;
const TICKET_END_SHARE: f64 = 0.3;

/// Share of the smallest shift that pages by which what was seen must have risen: a lucky stretch of a smaller rise is a ticket.
const RISE_SHARE: f64 = 0.9;

/// Bins in which a rise must have shown for a ticket: what lasts less than a minute is over before anyone reads it.
const TICKET_BINS: u32 = 12;

/// What is left of a trouble, of its share, while it lasts, and what always is trouble: a peak that falls to a tenth is not over.
const LASTING_SHARE: f64 = 0.125;
const LASTING_MIN: f64 = 0.01;

/// Nats for the usual against the trouble that end an alarm, how long it lasts at least, and after what silence it is over.
const RELIEF_NATS: f64 = 7.0;
pub(super) const ALARM_SECONDS_MIN: i64 = 300;
const SILENCE_SECONDS: i64 = 900;

/// So many requests were due in a silence, on the average of the day, that it is not theirs: a tier that is down, or its log, is silent, too.
const DUE_MIN: f64 = 100.0;

/// A stream.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Stream {
    learned: Share,
    fresh: Share,
    /// When fresh requests entered last; 0: none was seen yet.
    entered_at: i64,
    unevenness: Unevenness,
    /// Requests a bin, on average.
    pace: f64,
    bins: f64,
    last_second: i64,
    /// Every request in full, and tempered by how unevenly they come.
    full: Weights,
    tempered: Weights,
    ticket: Option<Trouble>,
    alarm: Option<Alarm>,
    /// These stand behind all else in a checkpoint.
    #[serde(skip)]
    pub(super) hours: Hours,
    #[serde(skip)]
    pub(super) worse: Worse,
    #[serde(skip)]
    pub(super) burst: Burst,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Alarm {
    trouble: Trouble,
    raised_at: i64,
    /// The share while it lasts, as far as it is known.
    during: f64,
    relief: f64,
}

/// What a bin brought about.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Verdict {
    Nothing,
    Page,
    /// The trouble that pages got much worse.
    Worse,
    PageOver,
    Ticket,
    TicketOver,
}

impl Stream {
    /// The share that is usual; `None` when nothing is known and nothing thought.
    pub(super) fn usual(&self, bar: &Bar) -> Option<f64> {
        let prior = match bar.prior {
            None if !self.is_established() => return None,
            None => self.learned.bad / self.learned.requests,
            Some(prior) => prior,
        };
        let bad = PRIOR_REQUESTS * prior + self.learned.bad;
        Some(bad / (PRIOR_REQUESTS + self.learned.requests))
    }

    /// The share that is usual at this time of the day.
    fn usual_at(&self, second: i64, bar: &Bar) -> Option<f64> {
        self.usual(bar).map(|usual| self.hours.usual(second, usual))
    }

    /// Whether enough has entered the usual to find small shifts.
    pub(super) fn is_established(&self) -> bool {
        self.learned.requests >= PRIOR_REQUESTS
    }

    /// Nats that a page needs. Two ways to weigh share it.
    fn threshold(&self, bar: &Bar) -> f64 {
        let requests_a_day = (self.pace * PACE_BINS).max(100.0);
        libm::log(bar.false_alarm_days * requests_a_day * 2.0)
    }

    /// The trouble that is going on, or a ticket is cut for.
    pub(super) fn trouble(&self) -> Option<&Trouble> {
        self.alarm.as_ref().map(|alarm| &alarm.trouble).or(self.ticket.as_ref())
    }

    /// How the trouble that pages has got much worse, if it has.
    pub(super) fn rise(&self) -> Option<&Trouble> {
        self.alarm.as_ref().and_then(|_| self.worse.rise())
    }

    /// Whether the trouble pages.
    pub(super) fn is_alarmed(&self) -> bool {
        self.alarm.is_some()
    }

    /// Takes the requests of a bin.
    pub(super) fn take(&mut self, bin: Bin, bar: &Bar) -> Verdict {
        self.count(bin);
        self.hours.take(bin, self.alarm.is_some());
        if self.alarm.is_some() {
            let verdict = self.relieve(bin, bar);
            let Some(alarm) = &self.alarm else { return verdict };
            let age = bin.second - alarm.trouble.since;
            let worse = self.worse.take(bin, age, self.pace, self.threshold(bar));
            return if worse { Verdict::Worse } else { verdict };
        }
        self.fresh.add(bin, 1.0);
        let Some(usual) = self.usual_at(bin.second, bar) else {
            self.enter_when_quiet(bin.second, 0.0);
            return Verdict::Nothing;
        };
        self.unevenness.take(bin, usual);
        let threshold = self.threshold(bar);
        // The usual is an estimate, and wanders.
        let deviation = libm::sqrt(usual / (PRIOR_REQUESTS + self.learned.requests));
        let scale =
            |lift: f64, tempering: f64| Scale::new(usual * (1.0 + lift) + deviation, tempering);
        let full = scale(LIFT_FULL.max(3.0 * self.unevenness.wander()), TEMPERING);
        let tempered = scale(LIFT_TEMPERED, TEMPERING.min(1.0 / self.unevenness.factor()));
        let brought = [
            self.full.weigh(bin, &full, threshold),
            self.tempered.weigh(bin, &tempered, threshold),
        ];
        if let Some([full, tempered]) = self.burst.take(bin, usual, brought, CAP * threshold) {
            self.full.take_back(&full);
            self.tempered.take_back(&tempered);
        }
        let undecided = self.burst.undecided();
        let strongest = |shift_min: f64, bins: u32| {
            let either = [
                self.full.strongest(
                    &full,
                    shift_min,
                    bins,
                    bin.second,
                    undecided.map(|[full, _]| full),
                ),
                self.tempered.strongest(
                    &tempered,
                    shift_min,
                    bins,
                    bin.second,
                    undecided.map(|[_, tempered]| tempered),
                ),
            ];
            either.into_iter().flatten().max_by(|a, b| a.nats.total_cmp(&b.nats))
        };
        // A tier that is not known well pages only for a share that nobody mistakes, whatever shift explains it best.
        let (shift_min, share_min) = if self.is_established() {
            (bar.shift_min, bar.share_min)
        } else {
            (bar.shift_min.max(GROSS_SHIFT), bar.share_min.max(SHARE_GROSS))
        };
        let page = strongest(shift_min, BINS)
            .filter(|found| found.nats >= threshold && found.run.share() >= share_min)
            .filter(|found| bar.turned && found.rise(usual) >= RISE_SHARE * bar.shift_min);
        let any = strongest(0.0, TICKET_BINS);
        self.judge(bin, page, any, usual, bar)
    }

    fn judge(
        &mut self,
        bin: Bin,
        page: Option<Strongest>,
        any: Option<Strongest>,
        usual: f64,
        bar: &Bar,
    ) -> Verdict {
        let threshold = self.threshold(bar);
        if let Some(found) = page {
            self.raise(found, usual, bin.second);
            return Verdict::Page;
        }
        let nats = any.map_or(0.0, |found| found.nats);
        // What a tier does in the hour in which it becomes known is its way, and evidence of nothing.
        let any = any.filter(|_| self.is_established() && bar.share_min <= 0.0);
        self.enter_when_quiet(bin.second, nats / threshold);
        if let Some(ticket) = &mut self.ticket {
            if nats < TICKET_END_SHARE * threshold {
                self.ticket = None;
                return Verdict::TicketOver;
            }
            ticket.requests += bin.requests;
            ticket.bad += bin.bad;
            return Verdict::Nothing;
        }
        match any.filter(|found| found.nats >= threshold - TICKET_GAP) {
            Some(found) => {
                self.ticket = Some(Trouble::of(found, usual));
                Verdict::Ticket
            }
            None => Verdict::Nothing,
        }
    }

    fn raise(&mut self, found: Strongest, usual: f64, second: i64) {
        let trouble = Trouble::of(found, usual);
        let seen = trouble.share();
        let during = (0.7 * seen).max(2.0 * usual).min(0.95);
        self.alarm = Some(Alarm { trouble, raised_at: second, during, relief: 0.0 });
        self.worse = Worse::new(seen);
        self.ticket = None;
        self.burst = Burst::default();
        self.fresh = Share::default();
        self.full.clear();
        self.tempered.clear();
    }

    /// The reverse test: is the usual more likely than the trouble?
    fn relieve(&mut self, bin: Bin, bar: &Bar) -> Verdict {
        let usual = self.usual_at(bin.second, bar).unwrap_or_default();
        let alarm = self.alarm.as_mut().expect("an alarm is raised");
        alarm.trouble.requests += bin.requests;
        alarm.trouble.bad += bin.bad;
        let during =
            alarm.during.min((alarm.during * LASTING_SHARE).max(LASTING_MIN).max(2.0 * usual));
        let usual = (usual * (1.0 + LIFT_FULL)).clamp(1e-6, during * 0.66);
        #[expect(clippy::cast_precision_loss, reason = "requests of a few seconds")]
        let (bad, good) = (bin.bad as f64, bin.requests.saturating_sub(bin.bad) as f64);
        let nats =
            good * libm::log((1.0 - usual) / (1.0 - during)) + bad * libm::log(usual / during);
        alarm.relief = (alarm.relief + TEMPERING * nats).max(0.0);
        let lasted = bin.second - alarm.raised_at;
        self.fresh.add(bin, 1.0);
        if lasted >= STUCK_SECONDS {
            // What lasts for days is the new usual.
            self.alarm = None;
            self.enter(bin.second);
            return Verdict::PageOver;
        }
        if alarm.relief < RELIEF_NATS || lasted < ALARM_SECONDS_MIN {
            return Verdict::Nothing;
        }
        self.alarm = None;
        self.fresh = Share::default();
        Verdict::PageOver
    }

    /// Learns hours of the past, oldest first.
    pub(super) fn learn(&mut self, past: &[(i64, Share)]) {
        let [(first, _), .., (last, _)] = past else { return };
        let mut requests = 0.0;
        let mut before = *first;
        for (hour, share) in past {
            #[expect(clippy::cast_precision_loss, reason = "hours of a week")]
            let passed = (hour - before) as f64;
            self.learned.decay(passed * 3_600.0 / HALF_LIFE_SECONDS);
            self.learned.requests += share.requests;
            self.learned.bad += share.bad;
            self.hours.learn(*hour, share);
            requests += share.requests;
            before = *hour;
        }
        #[expect(clippy::cast_precision_loss, reason = "bins of a week")]
        let bins = ((last - first + 1) * 3_600 / BIN_SECONDS) as f64;
        self.pace = requests / bins;
        self.bins = bins.min(PACE_BINS);
    }

    /// Begins to follow an alarm of a state that does not say how it goes.
    pub(super) fn follow(&mut self) {
        if let Some(alarm) = &self.alarm {
            self.worse = Worse::new(alarm.trouble.share());
        }
    }

    /// Ends what is going on when nothing has been heard of the tier for long. Where requests were due, silence is no recovery.
    pub(super) fn silence(&mut self, now: i64) -> Verdict {
        #[expect(clippy::cast_precision_loss, reason = "seconds of some days")]
        let due = self.pace * (now - self.last_second) as f64 / BIN_SECONDS as f64;
        let patience = if due < DUE_MIN { SILENCE_SECONDS } else { DAY_SECONDS };
        if now - self.last_second < patience {
            return Verdict::Nothing;
        }
        if self.alarm.take().is_some() {
            // What came in an outage is not what is usual.
            self.fresh = Share::default();
            return Verdict::PageOver;
        }
        if self.ticket.take().is_some() { Verdict::TicketOver } else { Verdict::Nothing }
    }

    fn count(&mut self, bin: Bin) {
        if self.entered_at == 0 {
            self.entered_at = bin.second;
            self.last_second = bin.second - BIN_SECONDS;
        }
        #[expect(clippy::cast_precision_loss, reason = "bins and their requests")]
        let (passed, requests) =
            (((bin.second - self.last_second) / BIN_SECONDS).max(1) as f64, bin.requests as f64);
        self.bins = (self.bins + passed).min(PACE_BINS);
        // Bins without requests are not told of, and count as such.
        self.pace += (requests - passed * self.pace) / self.bins.max(passed);
        self.last_second = self.last_second.max(bin.second);
    }

    /// Fresh requests wait, and enter only while there is little evidence: trouble must not become the usual.
    fn enter_when_quiet(&mut self, second: i64, share: f64) {
        let waited = second - self.entered_at;
        if waited < WAIT_SECONDS {
            return;
        }
        if !self.is_established() {
            // What a new tier does in its first hour, short of what pages, is its way.
            self.full.clear();
            self.tempered.clear();
        } else if share >= QUIET_SHARE && waited < STUCK_SECONDS {
            return;
        }
        self.enter(second);
    }

    fn enter(&mut self, second: i64) {
        #[expect(clippy::cast_precision_loss, reason = "seconds of some days")]
        self.learned.decay((second - self.entered_at) as f64 / HALF_LIFE_SECONDS);
        self.learned.requests += self.fresh.requests;
        self.learned.bad += self.fresh.bad;
        self.fresh = Share::default();
        self.entered_at = second;
    }
}

#[cfg(test)]
mod tests;
