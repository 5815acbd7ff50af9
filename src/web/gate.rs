//! `GET /api/v1/gate`: may a migration or a roll-out go on? Judged by what was counted since it began.

use std::fmt::{self, Display};

use serde::Serialize;

use super::page::words::percent;
use crate::event::Timestamp;
use crate::signal::{
    ConnectionView, Counts, Incident, Minute, Scope, ScopeView, Severity, Snapshot, State,
};

/// Nats against chance at which a rise counts: asked every ten seconds for a day, a scope in its usual state fails once in
/// about a month of such days.
const NATS: f64 = 11.0;

/// Smallest rise that fails, and the rise that must have been visible before it passes: a fleet feels less than a customer.
const RISE_MIN: f64 = 0.02;
const RISE_SEEN_FLEET: f64 = 0.05;
const RISE_SEEN_CONNECTION: f64 = 0.2;

/// What is usual before anything was counted: attempts that it is worth, and shares that fail and time out in an ordinary
/// fleet.
const PRIOR: f64 = 60.0;
const PRIOR_FAILED: f64 = 0.02;
const PRIOR_TIMED_OUT: f64 = 0.12;

/// The answer.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Answer {
    pub(super) verdict: Verdict,
    pub(super) reasons: Vec<String>,
}

/// Whether to go on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Pass,
    /// Too little is known yet, or a look is worth while.
    Hold,
    Fail,
}

/// About whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum About {
    Fleet,
    Connection(String),
    Tier(String),
}

impl About {
    /// `fleet`, `connection:ID` or `tier:NAME`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None => (text == "fleet").then_some(Self::Fleet),
            Some((_, "")) => None,
            Some(("connection", id)) => Some(Self::Connection(id.to_owned())),
            Some(("tier", name)) => Some(Self::Tier(name.to_owned())),
            Some(_) => None,
        }
    }
}

/// Judges what happened since then.
pub(super) fn judge(snapshot: &Snapshot, about: &About, since: Timestamp) -> Answer {
    let mut found = Findings::default();
    let view = match about {
        About::Fleet => None,
        About::Connection(id) => {
            let view = snapshot.connections.iter().find(|view| *view.label() == **id);
            let Some(view) = view else {
                return hold(format!("nothing is known of the connection {id}"));
            };
            Some(&**view)
        }
        About::Tier(name) => return tier(snapshot, name),
    };
    if since > snapshot.now {
        return hold(format!("{since} is still to come; it is {}", snapshot.now));
    }
    found.incidents(snapshot, view, since);
    let scope = view.map_or(&snapshot.fleet, |view| &view.scope);
    let seen = if view.is_some() { RISE_SEEN_CONNECTION } else { RISE_SEEN_FLEET };
    found.counts(scope, since, seen);
    found.answer()
}

/// A tier is judged by its pages alone: no verdict without one is better than one without evidence.
fn tier(snapshot: &Snapshot, name: &str) -> Answer {
    let mut pages = pages(snapshot);
    let own = pages.find(|page| matches!(&page.scope, Scope::Tier(tier) if **tier == *name));
    match own {
        Some(page) => Answer { verdict: Verdict::Fail, reasons: vec![open(page)] },
        None if snapshot.tiers.iter().any(|tier| *tier.tier == *name) => {
            hold(format!("the tier {name} has no open page; its counts are not judged"))
        }
        None => hold(format!("nothing is known of the tier {name}")),
    }
}

/// Open pages.
fn pages(snapshot: &Snapshot) -> impl Iterator<Item = &Incident> {
    let open = |incident: &&Incident| {
        incident.state == State::Firing && incident.severity == Severity::Page
    };
    snapshot.incidents.iter().map(AsRef::as_ref).filter(open)
}

fn open(page: &Incident) -> String {
    format!("open incident {}: {}", page.id, page.summary)
}

fn hold(reason: String) -> Answer {
    Answer { verdict: Verdict::Hold, reasons: vec![reason] }
}

#[derive(Default)]
struct Findings(Vec<(Verdict, String)>);

impl Findings {
    fn add(&mut self, verdict: Verdict, reason: String) {
        self.0.push((verdict, reason));
    }

    /// Open pages about the scope, or about all that it is part of; for the fleet also new ones about a single connection.
    fn incidents(&mut self, snapshot: &Snapshot, view: Option<&ConnectionView>, since: Timestamp) {
        for incident in pages(snapshot) {
            let verdict = match (&incident.scope, view) {
                (Scope::Fleet, _) | (Scope::ConnectionType(_), None) => Verdict::Fail,
                (Scope::Connection(id), Some(view)) if *id == view.id => Verdict::Fail,
                (Scope::ConnectionType(kind), Some(view)) if **kind == *view.connection_type() => {
                    Verdict::Fail
                }
                (Scope::Connection(_), None) if incident.started_at >= since => Verdict::Hold,
                _ => continue,
            };
            self.add(verdict, open(incident));
        }
    }

    /// Whether failures or time-outs rose since then beyond chance, and whether a rise would have been seen.
    fn counts(&mut self, scope: &ScopeView, since: Timestamp, seen: f64) {
        let first = since.seconds().div_euclid(60) * 60;
        let counted: Vec<&Minute> =
            scope.minutes.iter().filter(|minute| minute.start_seconds >= first).collect();
        let sum = |part: fn(&Minute) -> u32| {
            counted.iter().map(|minute| u64::from(part(minute))).sum::<u64>()
        };
        let ended = sum(|minute| minute.ended);
        let before = scope.totals.finished().saturating_sub(ended);
        let Counts { failed, timed_out, .. } = scope.totals;
        let parts = [
            ("failed", sum(|minute| minute.failed), failed, PRIOR_FAILED),
            ("timed out", sum(|minute| minute.timed_out), timed_out, PRIOR_TIMED_OUT),
        ];
        for (words, bad, total, prior) in parts {
            let usual = Usual::of(total.saturating_sub(bad), before, prior);
            let share = ratio(bad, ended);
            if share - usual.0 >= RISE_MIN && nats(ended, share, usual.0) >= NATS {
                self.add(
                    Verdict::Fail,
                    format!(
                        "{bad} of {ended} sign-ins {words} ({}); {usual} is usual",
                        percent(share)
                    ),
                );
            }
        }
        let usual = Usual::of(failed.saturating_sub(parts[0].1), before, PRIOR_FAILED);
        if nats(ended, (usual.0 + seen).min(1.0), usual.0) < NATS {
            self.add(
                Verdict::Hold,
                format!(
                    "{ended} sign-ins have ended since then: too few to see a rise by {}",
                    percent(seen)
                ),
            );
        } else {
            let (share, bad) = (percent(ratio(parts[0].1, ended)), parts[0].1);
            self.add(
                Verdict::Pass,
                format!("{bad} of {ended} sign-ins failed ({share}); {usual} is usual"),
            );
        }
    }

    /// The worst that was found, and why.
    fn answer(self) -> Answer {
        let verdict = self.0.iter().map(|(verdict, _)| *verdict).max().unwrap_or(Verdict::Pass);
        let reasons = self.0.into_iter().filter(|(one, _)| *one == verdict);
        Answer { verdict, reasons: reasons.map(|(_, reason)| reason).collect() }
    }
}

/// A usual share: what was counted before, drawn towards an ordinary fleet while that is little, and lifted by how uncertain
/// it is.
struct Usual(f64);

impl Usual {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn of(bad: u64, all: u64, prior: f64) -> Self {
        let all = all as f64 + PRIOR;
        let mean = ((bad as f64 + PRIOR * prior) / all).min(1.0);
        Self((mean + libm::sqrt(mean * (1.0 - mean) / all)).clamp(0.001, 0.99))
    }
}

impl Display for Usual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&percent(self.0))
    }
}

/// How strongly `share` among `all` speaks against `usual`: the logarithm of Chernoff's bound on the chance of it.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn nats(all: u64, share: f64, usual: f64) -> f64 {
    let term = |p: f64, q: f64| if p > 0.0 { p * libm::log(p / q) } else { 0.0 };
    all as f64 * (term(share, usual) + term(1.0 - share, 1.0 - usual))
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::web::sample;

    const MINUTE: i64 = 1_760_112_300;

    /// A fleet with a quiet past, and `ended` of which `failed` and `timed_out` in the last minute.
    fn snapshot(ended: u32, failed: u32, timed_out: u32) -> Snapshot {
        let last = Minute { start_seconds: MINUTE, ended, failed, timed_out };
        let past = Minute { start_seconds: MINUTE - 600, ended: 500, failed: 400, timed_out: 0 };
        let all = 10_000 + u64::from(ended);
        let (failed, timed_out) = (100 + u64::from(failed), 1_000 + u64::from(timed_out));
        let totals = Counts {
            started: all,
            succeeded: all - failed - timed_out,
            failed,
            timed_out,
            stalled: 0,
        };
        let fleet = ScopeView { totals, minutes: [past, last].into(), ..ScopeView::default() };
        let mut view = sample::connection(Some("conn_1"), 2);
        view.scope = fleet.clone();
        let now = Timestamp::from_millis((MINUTE + 59) * 1000);
        Snapshot { now, fleet, connections: vec![Arc::new(view)], ..Snapshot::default() }
    }

    fn since() -> Timestamp {
        Timestamp::from_millis((MINUTE + 5) * 1000)
    }

    #[test]
    fn a_rise_beyond_chance_fails_and_too_little_holds() {
        let connection = About::Connection("conn_1".into());
        let cases = [
            (About::Fleet, 1_000, 10, 100, Verdict::Pass),
            (About::Fleet, 1_000, 60, 100, Verdict::Fail),
            (About::Fleet, 1_000, 10, 200, Verdict::Fail),
            (About::Fleet, 50, 1, 5, Verdict::Hold),
            (About::Fleet, 50, 14, 5, Verdict::Fail),
            (About::Fleet, 0, 0, 0, Verdict::Hold),
            (connection.clone(), 50, 1, 5, Verdict::Pass),
            (connection.clone(), 10, 1, 1, Verdict::Hold),
            (connection, 10, 8, 1, Verdict::Fail),
            (About::Connection("none".into()), 50, 1, 5, Verdict::Hold),
            (About::Tier("web".into()), 50, 1, 5, Verdict::Hold),
        ];
        for (about, ended, failed, timed_out, want) in cases {
            let answer = judge(&snapshot(ended, failed, timed_out), &about, since());
            assert_eq!(answer.verdict, want, "{about:?} {ended} {failed} {timed_out}: {answer:?}");
            assert!(!answer.reasons.is_empty());
        }
    }

    #[test]
    fn a_moment_to_come_holds() {
        let answer = judge(&snapshot(1_000, 10, 100), &About::Fleet, since().plus_millis(60_000));
        assert_eq!(answer.verdict, Verdict::Hold);
    }

    #[test]
    fn an_open_page_on_the_scope_fails_it_and_a_new_one_on_a_connection_holds_the_fleet() {
        let connection = About::Connection("conn_1".into());
        let one = sample::incident(State::Firing).scope;
        let kind = Scope::ConnectionType("OktaSAML".into());
        let other = Scope::ConnectionType("EntraIdSAML".into());
        let cases = [
            (&About::Fleet, Scope::Fleet, 0, Verdict::Fail),
            (&About::Fleet, kind.clone(), -9_000_000, Verdict::Fail),
            (&About::Fleet, one.clone(), 10_000, Verdict::Hold),
            (&About::Fleet, one.clone(), -9_000_000, Verdict::Pass),
            (&connection, one, -9_000_000, Verdict::Fail),
            (&connection, kind, 0, Verdict::Fail),
            (&connection, other, 0, Verdict::Pass),
        ];
        for (about, scope, after, want) in cases {
            let mut incident = sample::incident(State::Firing);
            incident.scope = scope;
            incident.started_at = since().plus_millis(after);
            let incidents = vec![Arc::new(incident)];
            let snapshot = Snapshot { incidents, ..snapshot(1_000, 10, 100) };
            assert_eq!(judge(&snapshot, about, since()).verdict, want, "{about:?} {after}");
        }
    }

    #[test]
    fn a_tier_fails_by_its_own_page_and_holds_otherwise() {
        let web = About::Tier("web".into());
        for (tier, want) in [("web", Verdict::Fail), ("api", Verdict::Hold)] {
            let mut incident = sample::incident(State::Firing);
            incident.scope = Scope::Tier(tier.into());
            let snapshot = Snapshot { incidents: vec![Arc::new(incident)], ..snapshot(9, 0, 0) };
            assert_eq!(judge(&snapshot, &web, since()).verdict, want, "{tier}");
        }
    }

    #[test]
    fn scopes_are_read_and_others_refused() {
        assert_eq!(About::parse("fleet"), Some(About::Fleet));
        assert_eq!(About::parse("connection:a:b"), Some(About::Connection("a:b".into())));
        assert_eq!(About::parse("tier:web"), Some(About::Tier("web".into())));
        for wrong in ["", "Fleet", "connection:", "provider:okta"] {
            assert_eq!(About::parse(wrong), None, "{wrong}");
        }
    }
}
