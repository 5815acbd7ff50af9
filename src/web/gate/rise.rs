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
    /// Since the beginning of the moment's minute, and in all before that.
    since: Came,
    before: Share,
    /// Those of the minutes that began after the moment: what was going on before it lets nothing pass.
    after: u64,
    /// What is usual where nothing is known, and how much that is worth.
    prior: (f64, f64),
    /// The rise that must have been visible; `None` where nobody waits for that.
    seen: Option<f64>,
}

/// What is known of a share: its minutes, and everything since the beginning, which has the minutes in it.
struct Known<M> {
    what: (&'static str, &'static str),
    minutes: M,
    total: Share,
    prior: (f64, f64),
    seen: Option<f64>,
}

impl<M: Iterator<Item = (i64, Came)>> Known<M> {
    fn since(self, since: Timestamp) -> Rise {
        let Self { what, minutes, total, prior, seen } = self;
        let (mut counted, mut after) = (Came::default(), 0);
        for (start, came) in minutes.filter(|(start, _)| start + 60 > since.seconds()) {
            counted.all += came.all;
            counted.bad += came.bad;
            after += if start * 1000 >= since.millis() { came.all } else { 0 };
        }
        let before =
            Share { all: total.all - float(counted.all), bad: total.bad - float(counted.bad) };
        Rise { what, since: counted, before, after, prior, seen }
    }
}

impl Rise {
    /// Failures and time-outs of everybody since then.
    pub(super) fn fleet(snapshot: &Snapshot, since: Timestamp) -> Vec<Self> {
        let Some(crowd) = &snapshot.crowd else {
            return Self::scope(&snapshot.fleet, since, SEEN);
        };
        let rise = |what, part: fn(&CrowdMinute) -> Came, total, prior, seen| {
            let minutes = crowd.minutes.iter().map(|minute| (minute.start_seconds, part(minute)));
            let prior = (prior, PRIOR_SIGN_INS);
            Known { what: ("people", what), minutes, total, prior, seen }.since(since)
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
            Known { what: ("sign-ins", what), minutes, total, prior, seen }.since(since)
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
            Known { what: ("requests", what), minutes, total, prior, seen: Some(SEEN) }.since(since)
        };
        vec![
            rise("got 5xx", |counts| counts.errors, |code| (500..600).contains(&code), 0.002),
            rise("got 429", |counts| counts.limited, |code| code == 429, 0.002),
            rise("got 403", |counts| counts.blocked, |code| code == 403, 0.005),
        ]
    }

    /// Whether enough is known of what was before.
    pub(super) fn is_known(&self) -> bool {
        self.what.0 != "requests" || self.before.all >= KNOWN_REQUESTS
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
            let (after, what, seen) = (self.after, self.what.0, percent(seen));
            format!("{after} {what} in the minutes since then: too few to see a rise by {seen}")
        })
    }

    fn share(&self) -> f64 {
        float(self.since.bad) / float(self.since.all.max(1))
    }

    /// What was counted before, drawn towards an ordinary past while that is little, and lifted by how uncertain it is.
    fn usual(&self) -> f64 {
        let (prior, worth) = self.prior;
        let all = self.before.all.max(0.0) + worth;
        let mean = ((self.before.bad.max(0.0) + worth * prior) / all).min(1.0);
        (mean + libm::sqrt(mean * (1.0 - mean) / all)).clamp(0.001, 0.99)
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
fn nats(all: u64, share: f64, usual: f64) -> f64 {
    let term = |p: f64, q: f64| if p > 0.0 { p * libm::log(p / q) } else { 0.0 };
    float(all) * (term(share, usual) + term(1.0 - share, 1.0 - usual))
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}
