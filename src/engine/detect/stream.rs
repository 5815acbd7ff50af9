//! One 0/1 stream of one scope: its baseline, its pace, its evidence and its alarm.

use serde::{Deserialize, Serialize};

use super::grid::{Grid, Run, Strongest};
use super::table::{self, Row, SHIFTS};
use super::worse::Worse;
use super::{binomial, wander};

const DAY: u32 = 86_400;

/// How much of a day's attempts goes into the daily rate.
const RATE_SMOOTHING: f64 = 0.15;

/// A stream with fewer attempts a day counts as having this many: no threshold falls below it.
const RATE_MIN: f64 = 3.0;

/// How many times what came so far the first day is thought to bring.
const FIRST_DAY_FACTOR: f64 = 8.0;

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

/// Share of the ratio since the onset that the trouble is thought to have at least, and of the ratio up to the last bad attempt
/// that it is thought to have.
const SEEN_SHARE: f64 = 0.7;
const LAST_SHARE: f64 = 0.8;

/// Nats that a repeated failure of one person takes from the evidence that the trouble is over; after the sixth one each counts half
/// as much as the one before: a test user that fails every minute must not keep an incident open.
const REPEAT_RELIEF: f64 = -0.6;
const REPEATS: f64 = 64.0;

/// One stream.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Stream {
    pub(super) learned: Learned,
    pace: Pace,
    /// What is usual here, lifted a little: the last (a group: the average) expectation.
    pub(super) usual: f64,
    /// When the ticket was cut that is open.
    ticket: Option<u32>,
    pub(super) grid: Option<Box<Grid>>,
    pub(super) alarm: Option<Box<Alarm>>,
}

/// Attempts that made the baseline, and fresh ones that wait to enter it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Learned {
    /// Attempts (of a group: what its connections expect), decaying.
    pub(super) attempts: f64,
    /// Bad ones among them, decaying.
    pub(super) bad: f64,
    pub(super) fresh_attempts: f64,
    pub(super) fresh_bad: f64,
    entered_at: u32,
}

/// Attempts a day.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Pace {
    day: u32,
    today: u32,
    rate: f64,
}

/// Trouble that is going on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Alarm {
    /// When it was raised, in seconds.
    pub(super) raised_at: u32,
    /// When the trouble is believed to have begun.
    pub(super) since: u32,
    /// Attempts since then.
    pub(super) attempts: u32,
    /// Bad ones.
    pub(super) bad: u32,
    /// People among the bad.
    pub(super) people: u32,
    /// Attempts of people who had failed lately.
    repeats: u32,
    /// Second of the last bad one.
    last_bad: u32,
    /// What is usual.
    pub(super) usual: f64,
    /// Nats when it was raised.
    pub(super) nats: f64,
    /// By chance, one such alarm in this many days.
    pub(super) chance_days: f64,
    /// The trouble's own probability of a bad attempt, as far as it is known.
    during: f64,
    /// Nats that say it is over.
    relief: f64,
    /// Whether it gets much worse. Stands behind all else in a checkpoint.
    #[serde(skip)]
    pub(super) worse: Worse,
}

impl Alarm {
    /// Attempts of people who had not failed lately, and how many of them were hit.
    pub(super) fn people(&self) -> (u32, u32) {
        (self.attempts.saturating_sub(self.repeats), self.people)
    }
}

/// The numbers behind an alarm or a ticket.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::engine) struct Numbers {
    /// When the trouble is believed to have begun, in seconds.
    pub(in crate::engine) since: u32,
    pub(in crate::engine) attempts: u64,
    pub(in crate::engine) bad: u64,
    pub(in crate::engine) people: u64,
    /// Attempts of people who had failed lately.
    pub(in crate::engine) repeats: u64,
    /// Second of the last bad one.
    pub(in crate::engine) last_bad: u32,
    pub(in crate::engine) usual: f64,
    pub(in crate::engine) nats: f64,
    pub(in crate::engine) chance_days: f64,
    /// The error code that it is about.
    pub(in crate::engine) code: Option<Box<str>>,
}

impl Numbers {
    /// How many of those who tried for the first time in a while were hit.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(in crate::engine) fn hit_of(&self) -> (f64, f64) {
        let all = self.attempts.saturating_sub(self.repeats).max(self.people);
        (self.people as f64, all as f64)
    }

    /// The share of those who were hit.
    pub(in crate::engine) fn share(&self) -> f64 {
        let (bad, all) = self.hit_of();
        bad / all.max(1.0)
    }

    /// The share of those who were hit, without those of `part`, and not 0.
    pub(in crate::engine) fn share_without(&self, part: &Self) -> f64 {
        let ((bad, all), (less, of)) = (self.hit_of(), part.hit_of());
        (libm::fmax(0.0, bad - less) + 1.0) / (libm::fmax(0.0, all - of) + 2.0)
    }

    /// How much better its own share explains it than `share` does, in nats; 0 when its own is smaller.
    pub(in crate::engine) fn nats_against(&self, share: f64) -> f64 {
        let (bad, all) = self.hit_of();
        binomial::nats(bad, all, share)
    }
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

/// What a scope's streams are held to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bar {
    /// People who must be hit before a ticket is cut.
    pub(super) people_min: u32,
    /// Days a false alarm, over all scopes of this kind.
    pub(super) false_alarm_days: f64,
    /// Scopes of this kind.
    pub(super) scopes: f64,
    /// Below 1: each attempt counts less.
    pub(super) tempering: f64,
    /// Variance with which the log-odds wander by themselves.
    pub(super) wander: f64,
    /// The smallest shift that pages.
    pub(super) shift_min: f64,
    /// Whether the usual is that of the last attempt or an average over many connections.
    pub(super) averaged: bool,
    /// How long attempts wait before they enter the baseline.
    pub(super) wait_seconds: u32,
    /// Whether the scope is known well enough to judge it.
    pub(super) established: bool,
    /// Nats that end an alarm.
    pub(super) relief_nats: f64,
    /// How long an alarm lasts at least.
    pub(super) alarm_seconds_min: u32,
    /// Days in which half of a baseline is forgotten.
    pub(super) half_life_days: f64,
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

/// What entered the baseline with an attempt; a group keeps it by hour.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Entered {
    pub(super) attempts: f64,
    pub(super) bad: f64,
}

impl Bar {
    /// Share of a baseline that is left after `days`. Computed when a day is over, not for each attempt.
    pub(super) fn left_after(&self, days: f64) -> f64 {
        libm::pow(libm::exp2(-1.0 / self.half_life_days), days)
    }
}

impl Pace {
    fn roll(&mut self, day: u32) -> u32 {
        if self.day == 0 {
            self.day = day;
        }
        let days = day.saturating_sub(self.day);
        for _ in 0..days.min(60) {
            if self.rate == 0.0 {
                self.rate = f64::from(self.today);
            } else {
                self.rate += RATE_SMOOTHING * (f64::from(self.today) - self.rate);
            }
            self.today = 0;
        }
        self.day = self.day.max(day);
        days
    }

    fn per_day(self) -> f64 {
        // The first day is not over: what it has brought so far says little.
        let share = if self.rate == 0.0 { FIRST_DAY_FACTOR } else { 0.5 };
        self.rate.max(f64::from(self.today) * share).max(RATE_MIN)
    }
}

impl Learned {
    fn enter(&mut self, second: u32) -> Entered {
        let entered = Entered { attempts: self.fresh_attempts, bad: self.fresh_bad };
        self.attempts += entered.attempts;
        self.bad += entered.bad;
        self.forget_fresh();
        self.entered_at = second;
        entered
    }

    fn forget_fresh(&mut self) {
        self.fresh_attempts = 0.0;
        self.fresh_bad = 0.0;
    }
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

    /// Raises the alarm on `strongest`, with the run behind it.
    pub(super) fn raise(&mut self, strongest: Strongest, run: Run, second: u32, bar: &Bar) {
        let usual = self.usual;
        let shift = SHIFTS[strongest.index];
        let seen = f64::from(run.bad) / f64::from(run.attempts.max(1));
        let at_least = usual + 0.5 * shift * (1.0 - usual);
        self.raise_as(
            Alarm {
                raised_at: second,
                since: run.since,
                attempts: run.attempts,
                bad: run.bad,
                people: run.people,
                repeats: run.bad.saturating_sub(run.people),
                last_bad: second,
                usual,
                nats: strongest.nats,
                chance_days: 0.0,
                during: (0.8 * seen).max(at_least).max(1.8 * usual).min(0.97),
                relief: 0.0,
                worse: Worse::default(),
            },
            bar,
        );
    }

    /// Raises an alarm that other evidence stands behind.
    pub(super) fn raise_on(&mut self, found: Found, second: u32, bar: &Bar) {
        let usual = self.usual;
        self.raise_as(
            Alarm {
                raised_at: second,
                since: found.since,
                attempts: found.attempts,
                bad: found.bad,
                people: found.bad,
                repeats: 0,
                last_bad: second,
                usual,
                nats: found.nats,
                chance_days: 0.0,
                during: (0.6 * found.shift).max(1.8 * usual).min(0.97),
                relief: 0.0,
                worse: Worse::default(),
            },
            bar,
        );
    }

    fn raise_as(&mut self, mut alarm: Alarm, bar: &Bar) {
        alarm.chance_days = libm::exp(alarm.nats.min(60.0)) / (self.per_day() * bar.scopes);
        self.alarm = Some(Box::new(alarm));
        self.learned.forget_fresh();
        self.grid = None;
        self.ticket = None;
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

    /// The reverse test: is the usual more likely than the trouble?
    fn relieve(&mut self, attempt: &Attempt, bar: &Bar) -> Verdict {
        let alarm = self.alarm.as_mut().expect("an alarm is raised");
        alarm.attempts += 1;
        alarm.repeats += u32::from(!attempt.fresh);
        alarm.bad += u32::from(attempt.bad);
        // What was seen since the onset says more about the trouble than the first few attempts did: three bad of three are
        // followed by good ones in an outage of a third.
        let seen = f64::from(alarm.bad) / f64::from(alarm.attempts);
        if attempt.bad {
            alarm.last_bad = attempt.second;
            alarm.people += u32::from(attempt.first);
            alarm.during = (LAST_SHARE * seen).max(1.8 * self.usual);
        }
        if attempt.explained {
            return Verdict::Nothing;
        }
        let mut worse = alarm.worse;
        worse.attempt(alarm, attempt, bar.tempering);
        alarm.worse = worse;
        let during = alarm.during.max(SEEN_SHARE * seen).min(0.97);
        let usual = (self.usual * 1.1).min(during * 0.66);
        let nats = if attempt.bad && !attempt.fresh {
            REPEAT_RELIEF * libm::fmin(1.0, REPEATS * (1.0 - attempt.expected))
        } else if attempt.bad {
            bar.tempering * libm::log(usual / during)
        } else {
            bar.tempering * libm::log((1.0 - usual) / (1.0 - during))
        };
        alarm.relief = (alarm.relief + nats).max(0.0);
        let lasted = attempt.second.saturating_sub(alarm.raised_at);
        if alarm.relief >= bar.relief_nats && lasted >= bar.alarm_seconds_min {
            self.dismiss();
            return Verdict::Over;
        }
        Verdict::Nothing
    }

    /// Ends the alarm.
    pub(super) fn dismiss(&mut self) {
        self.alarm = None;
        self.learned.forget_fresh();
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

/// Evidence from elsewhere than the grid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) nats: f64,
    pub(super) since: u32,
    pub(super) attempts: u32,
    pub(super) bad: u32,
    pub(super) shift: f64,
}
