//! `GET /api/v1/gate`: may a migration or a roll-out go on? Judged by what was counted since it began.

mod everybody;
mod findings;
mod rise;

use serde::Serialize;

use self::findings::Findings;
use self::rise::Rise;
use crate::clock::Standing;
use crate::event::Timestamp;
use crate::signal::Snapshot;

/// How long ago a change may have begun: as long as minutes are kept, and one more for clocks that differ.
pub(crate) const BACK_MILLIS_MAX: i64 = 61 * 60_000;

/// The answer.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct Answer {
    pub(crate) verdict: Verdict,
    pub(crate) reasons: Vec<String>,
}

/// Whether to go on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Pass,
    /// Too little is known yet, or a look is worth while.
    Hold,
    Fail,
}

/// About whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum About {
    /// Sign-ins, and every tier of the edge.
    All,
    Fleet,
    Connection(String),
    Tier(String),
}

impl About {
    /// `all`, `fleet`, `connection:ID` or `tier:NAME`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "all" => Some(Self::All),
            None => (text == "fleet").then_some(Self::Fleet),
            Some((_, "")) => None,
            Some(("connection", id)) => Some(Self::Connection(id.to_owned())),
            Some(("tier", name)) => Some(Self::Tier(name.to_owned())),
            Some(_) => None,
        }
    }
}

/// Judges what happened since then.
pub(crate) fn judge(snapshot: &Snapshot, about: &About, since: Timestamp) -> Answer {
    if since > snapshot.now {
        return hold(format!("{since} is still to come; it is {}", snapshot.now));
    }
    let mut found = Findings::default();
    match about {
        About::All => {
            found.sign_ins(snapshot, None, since);
            found.fleet(snapshot, since);
            for tier in &snapshot.tiers {
                found.tier(snapshot, tier, since, false);
            }
        }
        About::Fleet => {
            found.sign_ins(snapshot, None, since);
            found.fleet(snapshot, since);
        }
        About::Connection(id) => {
            let Some(view) = snapshot.connections.iter().find(|view| *view.label() == **id) else {
                return hold(format!("nothing is known of the connection {id}"));
            };
            found.sign_ins(snapshot, Some(view), since);
            found.rises(&Rise::connection(view, since));
        }
        About::Tier(name) => {
            let Some(tier) = snapshot.tiers.iter().find(|tier| *tier.tier == **name) else {
                return hold(format!("nothing is known of the tier {name}"));
            };
            found.tier(snapshot, tier, since, true);
        }
    }
    found.answer()
}

impl Answer {
    /// The same, given while the engine's time stands so to the clock: what was judged before cannot let anything pass.
    pub(crate) fn while_time(mut self, standing: Standing) -> Self {
        let reason = match standing {
            Standing::Even => return self,
            Standing::Held(since) => format!(
                "nothing has been judged since {}: ssowatch waits for its journal, or for the instance that owns it",
                since.to_rfc3339_seconds()
            ),
            Standing::Ahead(until) => {
                format!(
                    "nothing is judged until {}: the clock was set back",
                    until.to_rfc3339_seconds()
                )
            }
        };
        if self.verdict < Verdict::Fail {
            return hold(reason);
        }
        self.reasons.push(reason);
        self
    }
}

fn hold(reason: String) -> Answer {
    Answer { verdict: Verdict::Hold, reasons: vec![reason] }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::event::edge::{Kind, Method};
    use crate::signal::{
        Came, Counts, CrowdMinute, CrowdView, Minute, Scope, ScopeView, Share, State, TierCounts,
        TierMinute, TierView,
    };
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
        Timestamp::from_millis(MINUTE * 1000)
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
            (About::Tier("none".into()), 50, 1, 5, Verdict::Hold),
        ];
        for (about, ended, failed, timed_out, want) in cases {
            let answer = judge(&snapshot(ended, failed, timed_out), &about, since());
            assert_eq!(answer.verdict, want, "{about:?} {ended} {failed} {timed_out}: {answer:?}");
            assert!(!answer.reasons.is_empty());
        }
    }

    #[test]
    fn what_ended_in_the_minute_before_stops_and_lets_nothing_pass() {
        let later = since().plus_millis(20_000);
        for (failed, want) in [(10, Verdict::Hold), (60, Verdict::Fail)] {
            let answer = judge(&snapshot(1_000, failed, 100), &About::Fleet, later);
            assert_eq!(answer.verdict, want, "{answer:?}");
        }
    }

    #[test]
    fn a_moment_to_come_holds() {
        let answer = judge(&snapshot(1_000, 10, 100), &About::Fleet, since().plus_millis(60_000));
        assert_eq!(answer.verdict, Verdict::Hold);
    }

    #[test]
    fn what_was_judged_before_time_stood_lets_nothing_pass() {
        for (failed, standing, want, says) in [
            (10, Standing::Even, Verdict::Pass, ""),
            (
                10,
                Standing::Held(since()),
                Verdict::Hold,
                "nothing has been judged since 2025-10-10T16:05:00Z",
            ),
            (
                10,
                Standing::Ahead(since()),
                Verdict::Hold,
                "nothing is judged until 2025-10-10T16:05:00Z",
            ),
            (60, Standing::Even, Verdict::Fail, ""),
            (60, Standing::Held(since()), Verdict::Fail, "nothing has been judged since"),
        ] {
            let answer =
                judge(&snapshot(1_000, failed, 100), &About::Fleet, since()).while_time(standing);
            assert_eq!(answer.verdict, want, "{answer:?}");
            assert!(answer.reasons.last().unwrap().contains(says), "{answer:?}");
        }
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

    /// The tier `web` with a long past, and requests in the last minute.
    fn with_tier(mut snapshot: Snapshot, past: u64, counts: TierCounts) -> Snapshot {
        let mut tier = TierView::clone(&snapshot_tier());
        let kind = |code| Kind { route: "/".into(), method: Method::Get, code, internal: false };
        let good = past + counts.requests - counts.errors - counts.limited;
        tier.requests =
            vec![(kind(200), good), (kind(503), counts.errors), (kind(429), counts.limited)];
        tier.minutes = vec![TierMinute { start_seconds: MINUTE, counts }];
        snapshot.tiers = vec![Arc::new(tier)];
        snapshot
    }

    fn snapshot_tier() -> Arc<TierView> {
        Arc::clone(&sample::snapshot().tiers[0])
    }

    #[test]
    fn a_tier_is_judged_by_its_pages_and_by_its_answers() {
        let web = About::Tier("web".into());
        let counts = |requests, errors, limited| TierCounts {
            requests,
            errors,
            limited,
            ..TierCounts::default()
        };
        let cases = [
            (&web, 50_000, counts(2_000, 2, 2), Verdict::Pass),
            (&web, 50_000, counts(1_000, 40, 0), Verdict::Fail),
            (&web, 50_000, counts(1_000, 0, 40), Verdict::Fail),
            (&web, 50_000, counts(20, 0, 0), Verdict::Hold),
            (&web, 100, counts(2_000, 600, 0), Verdict::Hold),
            // Whoever asks about everything waits for sign-ins, and not for a tier that has little to do.
            (&About::All, 50_000, counts(20, 0, 0), Verdict::Pass),
            (&About::All, 50_000, counts(1_000, 0, 40), Verdict::Fail),
            (&About::All, 100, counts(2_000, 600, 0), Verdict::Pass),
            (&About::Fleet, 50_000, counts(1_000, 0, 40), Verdict::Pass),
        ];
        for (about, past, counts, want) in cases {
            let snapshot = with_tier(snapshot(1_000, 10, 100), past, counts);
            let answer = judge(&snapshot, about, since());
            assert_eq!(answer.verdict, want, "{about:?} {past} {counts:?}: {answer:?}");
        }
        let mut page = sample::incident(State::Firing);
        page.scope = Scope::Tier("web".into());
        let mut paged = with_tier(snapshot(1_000, 10, 100), 50_000, counts(2_000, 0, 0));
        paged.incidents = vec![Arc::new(page)];
        for (about, want) in
            [(web, Verdict::Fail), (About::All, Verdict::Fail), (About::Fleet, Verdict::Pass)]
        {
            assert_eq!(judge(&paged, &about, since()).verdict, want, "{about:?}");
        }
    }

    #[test]
    fn one_person_who_tries_again_and_again_stops_nobody() {
        // Sixty more failures than usual, all of one person: among people it is one.
        let mut snapshot = snapshot(1_000, 70, 100);
        assert_eq!(judge(&snapshot, &About::Fleet, since()).verdict, Verdict::Fail);
        let came = |all, bad| Came { all, bad };
        let minute = |bad| CrowdMinute {
            start_seconds: MINUTE,
            failing: came(900, bad),
            hanging: came(900, 90),
        };
        let past = |bad| Share { all: 10_900.0, bad };
        let mut judged = |bad: u64| {
            snapshot.crowd = Some(CrowdView {
                minutes: vec![minute(bad)],
                failing: past(110.0),
                hanging: past(1_100.0),
            });
            judge(&snapshot, &About::Fleet, since())
        };
        assert_eq!(judged(11).verdict, Verdict::Pass);
        let answer = judged(60);
        assert_eq!(answer.verdict, Verdict::Fail);
        insta::assert_snapshot!(answer.reasons[0], @"60 of 900 people could not sign in (6.7 %); 0.6 % is usual");
    }

    #[test]
    fn scopes_are_read_and_others_refused() {
        assert_eq!(About::parse("fleet"), Some(About::Fleet));
        assert_eq!(About::parse("all"), Some(About::All));
        assert_eq!(About::parse("connection:a:b"), Some(About::Connection("a:b".into())));
        assert_eq!(About::parse("tier:web"), Some(About::Tier("web".into())));
        for wrong in ["", "Fleet", "connection:", "provider:okta"] {
            assert_eq!(About::parse(wrong), None, "{wrong}");
        }
    }
}
