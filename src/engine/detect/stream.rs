//! One 0/1 stream of one scope: its baseline, its pace, its evidence and its alarm.

use serde::{Deserialize, Serialize};

use super::alarm::Alarm;
use super::bar::Bar;
use super::grid::{Grid, Run, Strongest};
use super::learned::{Entered, Learned};
use super::numbers::Numbers;
use super::pace::Pace;
use super::table::{self, Row};
use super::wander;

const DAY: u32 = 86_400;

/// A share of the threshold above which fresh attempts do not enter the baseline.
const QUIET_SHARE: f64 = 0.6;

/// Evidence or not, after this time attempts enter the baseline: what lasts for days is the new normal.
const STUCK_SECONDS: u32 = 5 * DAY;

/// Nats below the page's threshold at which a ticket is cut: thirty times as many of them by chance.
const TICKET_GAP: f64 = 3.4;

/// A shift that pages must explain what was seen nearly as well as any smaller one: a lucky stretch within a small rise is no
/// outage.
const LUCK_NATS: f64 = 3.0;

/// How often a day chance brings the evidence for which an outbreak that seems over is not believed to be.
pub(super) const UNEASY_A_DAY: f64 = 96.0;

/// A ticket is over when the evidence is below this share of the threshold.
const TICKET_END_SHARE: f64 = 0.3;

/// One stream.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Stream {
    pub(super) learned: Learned,
    pace: Pace,
    /// What is usual here, lifted a little: the last (a group: the average) expectation.
    pub(super) usual: f64,
    /// When the ticket was cut that is open.
    pub(super) ticket: Option<u32>,
    pub(super) grid: Option<Box<Grid>>,
    pub(super) alarm: Option<Box<Alarm>>,
}

/// One attempt, as a stream sees it.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each says something else of one attempt")]
pub(super) struct Attempt {
    /// Seconds.
    pub(super) second: u32,
    pub(super) bad: bool,
    /// The person's first bad one in a while, or a good one.
    pub(super) first: bool,
    /// Whether the person may be in the baseline: nobody who failed lately is.
    pub(super) fresh: bool,
    /// Probability of bad that the stream's scope gives it.
    pub(super) usual: f64,
    /// Probability of bad that this person's past gives it, if that is more.
    pub(super) expected: f64,
    /// Whether its connection's own alarm explains it: it does not say whether a wider one goes on.
    pub(super) explained: bool,
    /// What the baseline counts for it: 1, or for a group what the connection expects.
    pub(super) weight: f64,
}

/// What an attempt brought about.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Verdict {
    Nothing,
    /// Evidence for a ticket.
    Ticket,
    /// The ticket's evidence is gone.
    TicketOver,
    /// Evidence for a page, if the caller finds it broad enough.
    Page(Strongest),
    /// The alarm is over.
    Over,
}

impl Stream {
    /// Rolls the day over; baselines decay.
    fn roll(&mut self, second: u32, bar: &Bar) {
        let days = self.pace.roll(second / DAY);
        if days > 0 {
            let left = bar.left_after(f64::from(days));
            self.learned.attempts *= left;
            self.learned.bad *= left;
        }
    }

    /// Attempts a day.
    pub(super) fn per_day(&self) -> f64 {
        self.pace.per_day()
    }

    /// Attempts of an ordinary day, whatever today brings; 0 on the first one.
    pub(super) fn daily(&self) -> f64 {
        self.pace.rate
    }

    /// The same; on the first day what it has brought so far.
    pub(super) fn daily_so_far(&self) -> f64 {
        if self.pace.rate > 0.0 { self.pace.rate } else { self.pace.today.into() }
    }

    /// Nats that a page needs.
    pub(super) fn threshold(&self, bar: &Bar) -> f64 {
        libm::log(bar.false_alarm_days * self.pace.per_day() * bar.scopes)
    }

    /// Counts history: it enters the baseline without being judged.
    pub(super) fn learn(&mut self, attempts: f64, bad: f64) {
        self.learned.attempts += attempts;
        self.learned.bad += bad;
    }

    /// One attempt. `Entered` is what went into the baseline with it.
    pub(super) fn attempt(&mut self, attempt: &Attempt, bar: &Bar) -> (Verdict, Entered) {
        self.roll(attempt.second, bar);
        self.pace.today += 1;
        self.note_usual(attempt.usual, bar.averaged);
        if self.alarm.is_some() {
            return (self.relieve(attempt, bar), Entered::default());
        }
        if attempt.fresh {
            self.learned.fresh_attempts += attempt.weight;
            self.learned.fresh_bad += f64::from(u8::from(attempt.bad));
        }
        if !bar.established {
            let due = attempt.second.saturating_sub(self.learned.entered_at) > bar.wait_seconds;
            let entered = if due { self.learned.enter(attempt.second) } else { Entered::default() };
            return (Verdict::Nothing, entered);
        }
        self.weigh(attempt, bar)
    }

    /// As if every day had brought so many attempts.
    #[cfg(test)]
    pub(super) fn at_pace(&mut self, day: u32, a_day: f64) {
        self.pace = Pace { day, today: 0, rate: a_day };
    }

    fn note_usual(&mut self, usual: f64, averaged: bool) {
        if averaged && self.usual > 0.0 {
            self.usual += 0.001 * (usual - self.usual);
        } else {
            self.usual = usual;
        }
    }

    fn weigh(&mut self, attempt: &Attempt, bar: &Bar) -> (Verdict, Entered) {
        if !attempt.bad {
            if let Some(grid) = &mut self.grid
                && !grid.good(bar.tempering)
            {
                self.grid = None;
            }
            let entered = self.enter_when_quiet(attempt.second, bar);
            let over = self.grid.is_none() && self.ticket.take().is_some();
            return (if over { Verdict::TicketOver } else { Verdict::Nothing }, entered);
        }
        let usual = table::row(self.usual);
        let expected = table::row(attempt.usual.max(attempt.expected));
        let grid = self.grid.get_or_insert_default();
        grid.bad(expected, usual, bar.tempering, attempt.first, attempt.second);
        let entered = self.enter_when_quiet(attempt.second, bar);
        (self.judge(usual, attempt.second, bar), entered)
    }

    fn judge(&mut self, usual: &Row, second: u32, bar: &Bar) -> Verdict {
        let Some(grid) = &self.grid else { return Verdict::Nothing };
        let threshold = self.threshold(bar);
        let floor = TICKET_END_SHARE * threshold;
        let strongest = |shift_min| self.strongest(usual, bar, shift_min, floor);
        let any = strongest(0.0);
        let nats = any.map_or(0.0, |any| any.nats);
        if let Some(page) = strongest(bar.shift_min)
            && page.nats >= threshold.max(nats - LUCK_NATS)
        {
            return Verdict::Page(page);
        }
        let people = any.map_or(0, |any| grid.run(any.index).people);
        if nats >= threshold - TICKET_GAP && people >= bar.people_min && self.cut_ticket(second) {
            return Verdict::Ticket;
        }
        if nats < floor && self.ticket.take().is_some() {
            return Verdict::TicketOver;
        }
        Verdict::Nothing
    }

    /// Fresh attempts wait, and enter only while the evidence is low: trouble must not become the usual.
    fn enter_when_quiet(&mut self, second: u32, bar: &Bar) -> Entered {
        let waited = second.saturating_sub(self.learned.entered_at);
        if waited <= bar.wait_seconds {
            return Entered::default();
        }
        if self.learned.entered_at == 0 {
            self.learned.entered_at = second;
            return Entered::default();
        }
        let threshold = self.threshold(bar);
        let nats = self.nats(bar, threshold).unwrap_or(0.0);
        if nats < QUIET_SHARE * threshold || waited > STUCK_SECONDS {
            return self.learned.enter(second);
        }
        Entered::default()
    }

    /// Whether there is more evidence than chance brings every quarter of an hour.
    pub(super) fn is_uneasy(&self, bar: &Bar) -> bool {
        let enough = libm::log(self.pace.per_day() * bar.scopes / UNEASY_A_DAY);
        self.nats(bar, self.threshold(bar)).is_some_and(|nats| nats >= enough)
    }

    fn nats(&self, bar: &Bar, threshold: f64) -> Option<f64> {
        let (usual, floor) = (table::row(self.usual), TICKET_END_SHARE * threshold);
        self.strongest(usual, bar, 0.0, floor).map(|strongest| strongest.nats)
    }

    /// The strongest evidence for a shift of at least `shift_min`, without what wandering odds explain. What is below `floor`
    /// with that is not looked at closer.
    fn strongest(&self, usual: &Row, bar: &Bar, shift_min: f64, floor: f64) -> Option<Strongest> {
        let grid = self.grid.as_ref()?;
        grid.strongest(usual, bar.tempering, shift_min, |nats, run| {
            if nats < floor {
                return 0.0;
            }
            bar.tempering * wander::explained(run.people, run.fresh(), self.usual, bar.wander)
        })
    }

    /// The run behind evidence.
    pub(super) fn run(&self, strongest: Strongest) -> Run {
        self.grid.as_ref().map(|grid| grid.run(strongest.index)).unwrap_or_default()
    }

    /// The numbers behind the alarm, or behind the evidence.
    pub(super) fn numbers(&self) -> Option<Numbers> {
        let usual = self.usual;
        if let Some(alarm) = &self.alarm {
            return Some(Numbers {
                since: alarm.since,
                attempts: alarm.attempts.into(),
                bad: alarm.bad.into(),
                people: alarm.people.into(),
                repeats: alarm.repeats.into(),
                last_bad: alarm.last_bad,
                usual: alarm.usual,
                nats: alarm.nats,
                chance_days: alarm.chance_days,
                code: None,
            });
        }
        let strongest = self.grid.as_ref()?.strongest(table::row(usual), 1.0, 0.0, |_, _| 0.0)?;
        let run = self.run(strongest);
        Some(Numbers {
            since: run.since,
            attempts: run.attempts.into(),
            bad: run.bad.into(),
            people: run.people.into(),
            repeats: run.bad.saturating_sub(run.people).into(),
            last_bad: run.since,
            usual,
            nats: strongest.nats,
            chance_days: libm::exp(strongest.nats.min(60.0)) / self.per_day(),
            code: None,
        })
    }

    /// Drops the evidence: something else explains it.
    pub(super) fn hand_over(&mut self) {
        self.grid = None;
    }

    /// Cuts a ticket; whether it is a new one.
    fn cut_ticket(&mut self, second: u32) -> bool {
        let new = self.ticket.is_none();
        self.ticket.get_or_insert(second);
        new
    }

    /// Since when it has been known that something is wrong here.
    pub(super) fn known_since(&self) -> Option<u32> {
        self.alarm.as_ref().map(|alarm| alarm.raised_at).or(self.ticket)
    }

    /// Drops what was found since the trouble that explains it began; an alarm only if it is no more than a ticket. Whether a
    /// ticket was open.
    pub(super) fn start_afresh(&mut self, since: u32, ticket_at_most: bool) -> bool {
        let known_before = self.known_since().is_some_and(|known| known < since);
        if known_before || (self.alarm.is_some() && !ticket_at_most) {
            return false;
        }
        let open = self.known_since().is_some();
        if open {
            self.dismiss();
        }
        self.grid = None;
        self.ticket = None;
        open
    }
}
