//! Everybody's sign-ins since a moment, each connection held to its own past: what is broken on one is no excuse for another, and
//! a connection without a past is held to what is usual of the others.

use super::rise::{Rise, float, nats};
use crate::event::Timestamp;
use crate::signal::{Came, ConnectionView, Minute, PEOPLE_MAX, Share, Snapshot};

/// Sign-ins that must have ended on a connection, for its past to say anything: as many as the detection waits for.
const LITTLE: f64 = 30.0;

/// Sign-ins that what is usual of all connections is worth on one.
const WORTH: f64 = 60.0;

/// Nats by which the hour before the moment must be worse than all before it, to be what is usual there now, and bad sign-ins that are
/// added to that: a few that all failed were no chance, and go on.
const WORSE_NATS: f64 = 5.0;
const WORTH_OF_WORSE: f64 = 2.0;

/// Bad sign-ins that are as many as expected, added to those of the hour before: a few say nothing.
const LATELY_WORTH: f64 = 10.0;

/// What is usual of all connections together.
#[derive(Clone, Copy)]
struct Usual {
    share: f64,
    /// How much that is worth.
    all: f64,
    /// How many times as much as each one's past went wrong in the hour before the moment; 1 where that was less. What has crept up in
    /// a year was not made since.
    lately: f64,
}

/// What went wrong, and how much of it an ordinary fleet has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trouble {
    Failed,
    TimedOut,
}

/// The sign-ins of a connection that are looked at.
struct One<'a> {
    view: &'a ConnectionView,
    since: Came,
    /// Those of `since` in the minutes that began after the moment.
    after: u64,
    before: Share,
    /// Those of `before` in the hour.
    hour: Came,
}

/// Several connections together, and the rest of them without the one that carries most of what went wrong.
pub(super) struct Group<'a> {
    pub(super) all: Rise,
    pub(super) rest: Rise,
    pub(super) worst: Option<&'a ConnectionView>,
}

/// What became of everybody, and of those on connections of which little was known before.
pub(super) struct Everybody<'a> {
    pub(super) all: Group<'a>,
    pub(super) new: Group<'a>,
}

impl<'a> Everybody<'a> {
    pub(super) fn since(snapshot: &'a Snapshot, since: Timestamp, trouble: Trouble) -> Self {
        let ones: Vec<One<'_>> =
            snapshot.connections.iter().map(|view| One::since(view, since, trouble)).collect();
        let usual = trouble.usual(&ones);
        let (of, of_new, words) = match trouble {
            Trouble::Failed => {
                ("people on all connections", "people on new connections", "could not sign in")
            }
            Trouble::TimedOut => {
                ("sign-ins on all connections", "sign-ins on new connections", "timed out")
            }
        };
        let new = |one: &&One<'_>| one.before.all < LITTLE;
        Self {
            all: Group::of(ones.iter(), (of, words), usual),
            new: Group::of(ones.iter().filter(new), (of_new, words), usual),
        }
    }
}

impl<'a> Group<'a> {
    fn of<'b>(
        ones: impl Iterator<Item = &'b One<'a>> + Clone,
        what: (&'static str, &'static str),
        usual: Usual,
    ) -> Self
    where
        'a: 'b,
    {
        let beyond = |one: &One<'_>| float(one.since.bad) - float(one.since.all) * one.mean(usual);
        let worst = ones.clone().filter(|one| one.since.bad > 0);
        let worst = worst.max_by(|a, b| beyond(a).total_cmp(&beyond(b))).map(|one| one.view);
        let others =
            ones.clone().filter(|one| !worst.is_some_and(|view| std::ptr::eq(view, one.view)));
        let rest = rise(others, what, usual);
        Self { all: rise(ones, what, usual), rest, worst }
    }
}

/// What is usual of a group is what each of its connections makes expect, by how many sign in there now, lifted by how uncertain
/// that is.
fn rise<'a: 'b, 'b>(
    ones: impl Iterator<Item = &'b One<'a>>,
    what: (&'static str, &'static str),
    usual: Usual,
) -> Rise {
    let (mut since, mut after, mut expected, mut variance) = (Came::default(), 0, 0.0, 0.0);
    for one in ones {
        let (count, mean) = (float(one.since.all), one.mean(usual));
        since.all += one.since.all;
        since.bad += one.since.bad;
        after += one.after;
        expected += count * mean;
        variance += count * count * mean * (1.0 - mean) / (one.before.all + WORTH);
    }
    let all = float(since.all.max(1));
    let common = usual.share;
    let unsure = libm::sqrt(variance) / all + libm::sqrt(common * (1.0 - common) / usual.all);
    Rise::beyond(what, since, after, expected / all + unsure)
}

impl<'a> One<'a> {
    fn since(view: &'a ConnectionView, since: Timestamp, trouble: Trouble) -> Self {
        let (mut came, mut hour, mut after) = (Came::default(), Came::default(), 0);
        for minute in view.scope.minutes.iter() {
            let part =
                if minute.start_seconds + 60 > since.seconds() { &mut came } else { &mut hour };
            part.all += u64::from(minute.ended);
            part.bad += u64::from(trouble.of(minute));
            if minute.start_seconds * 1000 >= since.millis() {
                after += u64::from(minute.ended);
            }
        }
        let totals = &view.scope.totals;
        let bad = match trouble {
            Trouble::Failed => totals.failed,
            Trouble::TimedOut => totals.timed_out,
        };
        let before = Share {
            all: float(totals.finished().saturating_sub(came.all)),
            bad: float(bad.saturating_sub(came.bad)),
        };
        // One person who tries again and again is one.
        let again = match trouble {
            Trouble::Failed => came.bad.saturating_sub(people(view, since).unwrap_or(came.bad)),
            Trouble::TimedOut => 0,
        };
        came.all -= again;
        came.bad -= again;
        Self { view, since: came, after: after.saturating_sub(again), before, hour }
    }

    /// What is usual here. What has been worse for the hour before was not made so since.
    fn mean(&self, usual: Usual) -> f64 {
        match self.worse(usual.share) {
            Some(mean) => mean,
            None => (self.past(usual.share) * usual.lately).min(0.99),
        }
    }

    /// What went wrong before, drawn towards what is usual of all.
    fn past(&self, share: f64) -> f64 {
        (self.before.bad + WORTH * share) / (self.before.all + WORTH)
    }

    /// The share of the hour before, where that was worse than the past beyond chance.
    fn worse(&self, share: f64) -> Option<f64> {
        let (bad, all, past) = (float(self.hour.bad), float(self.hour.all), self.past(share));
        let is_worse = bad > past * all && nats(self.hour.all, bad / all, past) >= WORSE_NATS;
        is_worse.then(|| (bad + WORTH_OF_WORSE) / (all + WORTH_OF_WORSE))
    }
}

/// The people whose sign-in failed since the minute of `since`; `None` where there are too many to tell them apart.
fn people(view: &ConnectionView, since: Timestamp) -> Option<u64> {
    let since = view.failers.iter().filter(|(start, _)| start + 60 > since.seconds());
    let count: u64 = since.map(|(_, people)| u64::from(*people)).sum();
    (count < PEOPLE_MAX as u64).then_some(count)
}

impl Trouble {
    fn of(self, minute: &Minute) -> u32 {
        match self {
            Self::Failed => minute.failed,
            Self::TimedOut => minute.timed_out,
        }
    }

    /// What was usual before on connections that worked, drawn towards an ordinary fleet's: one on which most went wrong is broken,
    /// and says nothing of others.
    fn usual(self, ones: &[One<'_>]) -> Usual {
        let mean = match self {
            Self::Failed => 0.02,
            Self::TimedOut => 0.12,
        };
        let (mut all, mut bad) = (WORTH, WORTH * mean);
        for one in ones.iter().filter(|one| one.before.bad * 2.0 <= one.before.all) {
            all += one.before.all;
            bad += one.before.bad;
        }
        let share = bad / all;
        let (mut came, mut due) = (LATELY_WORTH, LATELY_WORTH);
        for one in ones.iter().filter(|one| one.worse(share).is_none()) {
            came += float(one.hour.bad);
            due += float(one.hour.all) * one.past(share);
        }
        Usual { share, all, lately: (came / due).max(1.0) }
    }
}

#[cfg(test)]
mod tests;
