//! Whether a share rose since a moment beyond chance, and whether a rise would have been seen.

use std::fmt::{self, Display};

use crate::event::Timestamp;
use crate::signal::{
    Came, ConnectionView, CrowdMinute, Minute, ScopeView, Share, Snapshot, TierCounts, TierView,
};
use crate::web::page::words::percent;

/// Nats against chance at which a rise counts. `docs/gate.md` has what that means for how often a healthy change is stopped.
const NATS: f64 = 11.0;

/// The smallest rise that counts.
const RISE_MIN: f64 = 0.02;

/// The rise that must have been visible before anything passes: a fleet and a tier feel less than a customer.
const SEEN: f64 = 0.05;
const SEEN_CONNECTION: f64 = 0.2;

/// People of the hour before, without which that says nothing of the long past.
const HOUR_PEOPLE: f64 = 60.0;

/// Standard errors by which the long past may exceed the hour before.
const HOUR_ERRORS: f64 = 3.0;

/// Sign-ins and requests that an ordinary past is worth.
const PRIOR_SIGN_INS: f64 = 60.0;
const PRIOR_REQUESTS: f64 = 1_000.0;

/// Requests of a tier from before, without which nobody knows what is usual there.
const KNOWN_REQUESTS: f64 = 1_000.0;

/// A share of something that may have risen.
#[derive(Clone, Debug)]
pub(super) struct Rise {
    /// What is counted, and what became of the bad: `sign-ins`, `failed`.
    what: (&'static str, &'static str),
    /// Since the beginning of the moment's minute.
    since: Came,
    /// Those of the minutes that began after the moment: what was going on before it lets nothing pass.
    after: u64,
    usual: f64,
    /// Whether enough is known of what was before.
    known: bool,
    /// The rise that must have been visible; `None` where nobody waits for that.
    seen: Option<f64>,
}

/// What is known of a share: its minutes, and everything since the beginning, which has the minutes in it.
struct Known<M> {
    what: (&'static str, &'static str),
    minutes: M,
    total: Share,
    /// What is usual where nothing is known, and how much that is worth.
    prior: (f64, f64),
    seen: Option<f64>,
    /// Whether `total` counts more than the minutes do: then the minutes before the moment bound what is usual.
    bounded: bool,
}

impl<M: Iterator<Item = (i64, Came)>> Known<M> {
    fn since(self, since: Timestamp) -> Rise {
        let Self { what, minutes, total, prior, seen, bounded } = self;
        let (mut counted, mut hour, mut after) = (Came::default(), Came::default(), 0);
        for (start, came) in minutes {
            let part = if start + 60 > since.seconds() { &mut counted } else { &mut hour };
            part.all += came.all;
            part.bad += came.bad;
            after += if start * 1000 >= since.millis() { came.all } else { 0 };
        }
        let before =
            Share { all: total.all - float(counted.all), bad: total.bad - float(counted.bad) };
        let mut usual = Estimate::of(before, prior).lifted(1.0);
        let hour = Share { all: float(hour.all), bad: float(hour.bad) };
        if bounded && hour.all >= HOUR_PEOPLE {
            usual = usual.min(Estimate::of(hour, prior).lifted(HOUR_ERRORS));
        }
        let known = what.0 != "requests" || before.all >= KNOWN_REQUESTS;
        Rise { what, since: counted, after, usual, known, seen }
    }
}

/// What was counted before, drawn towards an ordinary past while that is little.
struct Estimate {
    mean: f64,
    all: f64,
}

impl Estimate {
    fn of(before: Share, (prior, worth): (f64, f64)) -> Self {
        let all = before.all.max(0.0) + worth;
        Self { mean: ((before.bad.max(0.0) + worth * prior) / all).min(1.0), all }
    }

    /// Lifted by how uncertain it is, in standard errors.
    fn lifted(&self, errors: f64) -> f64 {
        self.mean + errors * libm::sqrt(self.mean * (1.0 - self.mean) / self.all)
    }
}

impl Rise {
    /// What came, beyond what is usual: to be seen by at least as much as of a fleet.
    pub(super) fn beyond(
        what: (&'static str, &'static str),
        since: Came,
        after: u64,
        usual: f64,
    ) -> Self {
        Self { what, since, after, usual, known: true, seen: Some(SEEN) }
    }

    /// Failures and time-outs of those whom the detection judges, since then; where there is none, of all sign-ins. The long past is
    /// that of connections on which sign-ins work, also of those that are not judged yet, while there was no alarm, before the moment and
    /// after it.
    pub(super) fn fleet(snapshot: &Snapshot, since: Timestamp) -> Vec<Self> {
        let Some(crowd) = &snapshot.crowd else {
            return Self::scope(&snapshot.fleet, since, SEEN);
        };
        let rise = |what, part: fn(&CrowdMinute) -> Came, total, prior, seen| {
            let minutes = crowd.minutes.iter().map(|minute| (minute.start_seconds, part(minute)));
            let prior = (prior, PRIOR_SIGN_INS);
            let what = ("people", what);
            Known { what, minutes, total, prior, seen, bounded: true }.since(since)
        };
        vec![
            rise("could not sign in", |minute| minute.failing, crowd.failing, 0.012, Some(SEEN)),
            rise("got no answer in time", |minute| minute.hanging, crowd.hanging, 0.12, None),
        ]
    }

    /// The same of a connection, counted as sign-ins.
    pub(super) fn connection(view: &ConnectionView, since: Timestamp) -> Vec<Self> {
        Self::scope(&view.scope, since, SEEN_CONNECTION)
    }

    fn scope(scope: &ScopeView, since: Timestamp, seen: f64) -> Vec<Self> {
        let rise = |what, part: fn(&Minute) -> u32, bad, prior, seen| {
            let minutes = scope.minutes.iter().map(|minute| {
                let came = Came { all: minute.ended.into(), bad: part(minute).into() };
                (minute.start_seconds, came)
            });
            let total = Share { all: float(scope.totals.finished()), bad: float(bad) };
            let prior = (prior, PRIOR_SIGN_INS);
            let what = ("sign-ins", what);
            Known { what, minutes, total, prior, seen, bounded: false }.since(since)
        };
        let (failed, timed_out) = (scope.totals.failed, scope.totals.timed_out);
        vec![
            rise("failed", |minute| minute.failed, failed, 0.02, Some(seen)),
            rise("timed out", |minute| minute.timed_out, timed_out, 0.12, None),
        ]
    }

    /// What a tier answers badly: 5xx, 429 and 403.
    pub(super) fn tier(tier: &TierView, since: Timestamp) -> Vec<Self> {
        let total = |of: fn(u16) -> bool| {
            let kinds = tier.requests.iter().filter(|(kind, _)| of(kind.code));
            float(kinds.map(|(_, count)| count).sum())
        };
        let rise = |what, part: fn(&TierCounts) -> u64, of: fn(u16) -> bool, prior| {
            let minutes = tier.minutes.iter().map(|minute| {
                let came = Came { all: minute.counts.requests, bad: part(&minute.counts) };
                (minute.start_seconds, came)
            });
            let total = Share { all: total(|_| true), bad: total(of) };
            let prior = (prior, PRIOR_REQUESTS);
            let (what, seen) = (("requests", what), Some(SEEN));
            Known { what, minutes, total, prior, seen, bounded: false }.since(since)
        };
        vec![
            rise("got 5xx", |counts| counts.errors, |code| (500..600).contains(&code), 0.002),
            rise("got 429", |counts| counts.limited, |code| code == 429, 0.002),
            rise("got 403", |counts| counts.blocked, |code| code == 403, 0.005),
        ]
    }

    /// Whether enough is known of what was before.
    pub(super) fn is_known(&self) -> bool {
        self.known
    }

    /// Whether the share is higher than usual beyond chance, and by so much that it matters.
    pub(super) fn is_real(&self) -> bool {
        let (share, usual) = (self.share(), self.usual());
        share - usual >= RISE_MIN && nats(self.since.all, share, usual) >= NATS
    }

    /// A rise that would not have been seen yet, in words.
    pub(super) fn unseen(&self) -> Option<String> {
        let (seen, usual) = (self.seen?, self.usual());
        (nats(self.after, (usual + seen).min(1.0), usual) < NATS).then(|| {
            let (after, what, seen) = (self.after, self.what.0, seen * 100.0);
            format!("{after} {what} in the minutes since then: too few to see a rise by {seen:.0} percentage points")
        })
    }

    fn share(&self) -> f64 {
        float(self.since.bad) / float(self.since.all.max(1))
    }

    fn usual(&self) -> f64 {
        self.usual.clamp(0.001, 0.99)
    }
}

impl Display for Rise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Came { all, bad }, (of, what)) = (self.since, self.what);
        let (share, usual) = (percent(self.share()), percent(self.usual()));
        write!(f, "{bad} of {all} {of} {what} ({share}); {usual} is usual")
    }
}

/// How strongly `share` among `all` speaks against `usual`: the logarithm of Chernoff's bound on the chance of it.
pub(super) fn nats(all: u64, share: f64, usual: f64) -> f64 {
    let term = |p: f64, q: f64| if p > 0.0 { p * libm::log(p / q) } else { 0.0 };
    float(all) * (term(share, usual) + term(1.0 - share, 1.0 - usual))
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}
