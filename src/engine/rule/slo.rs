//! Rules of the kind `slo`: how fast an error budget is used up.
//!
//! Each condition looks at two windows: the long one says that it matters, the short one that it goes on. Factors and windows are
//! those of Google's SRE workbook, for budgets of 30 days.

use super::raw::{Kinded, RawRule};
use super::{Condition, Metric, Op, ScopeKind};
use crate::signal::Severity;

/// Objectives that can be burned through: below, no ratio is so many times the budget.
const OBJECTIVE: std::ops::RangeInclusive<f64> = 0.9..=0.9999;

/// The ratio that a condition asks for at most: a budget of a tenth cannot be used up 14.4 times too fast.
const RATIO_MAX: f64 = 0.95;

/// Sign-ins in the long window below which a ratio says nothing.
const MIN_ATTEMPTS: u64 = 100;

/// How many times too fast, in how many seconds, and in how many at the end of them.
type Burn = (f64, u32, u32);

/// 2 % of the budget in an hour, 5 % in six.
const FAST: [Burn; 2] = [(14.4, 3_600, 300), (6.0, 21_600, 1_800)];

/// 10 % in a day, and in three.
const SLOW: [Burn; 2] = [(3.0, 86_400, 7_200), (1.0, 259_200, 21_600)];

/// Without what binary fractions add: people read it.
fn rounded(ratio: f64) -> f64 {
    libm::round(ratio * 1e6) / 1e6
}

pub(super) fn conditions(raw: &RawRule) -> Result<Kinded, String> {
    let own = [
        ("op", raw.op.is_some()),
        ("value", raw.value.is_some()),
        ("window", raw.window.is_some()),
    ];
    if let Some((key, _)) = own.into_iter().find(|(_, there)| *there) {
        return Err(format!("`{key}` follows from the `objective` of an slo; remove it"));
    }
    let objective = raw.objective.ok_or("the key `objective` is missing; add it, e.g. 0.97")?;
    if !OBJECTIVE.contains(&objective) {
        return Err("`objective` must be 0.9 to 0.9999".into());
    }
    let metric = raw.metric.unwrap_or(Metric::FailureRatio);
    if !metric.is_ratio() {
        return Err("`metric` must be a ratio for an slo".into());
    }
    let burns = if raw.severity == Severity::Ticket { SLOW } else { FAST };
    let conditions = burns.map(|(factor, window_seconds, short_seconds)| Condition {
        value: (rounded(factor * (1.0 - objective))).min(RATIO_MAX),
        window_seconds,
        short_seconds: Some(short_seconds),
    });
    Ok(Kinded {
        metric,
        op: Op::Above,
        conditions: conditions.to_vec(),
        min_attempts: raw.min_attempts.unwrap_or(MIN_ATTEMPTS),
        scope: raw.scope.unwrap_or(ScopeKind::Fleet),
    })
}

#[cfg(test)]
mod tests {
    use super::super::Rule;
    use crate::engine::{Config, Engine};
    use crate::event::{
        AuthEvent, Body, ConnectionId, Entry, EventId, Person, Record, Source, Sso, Step,
        Timestamp, UserKey,
    };
    use crate::signal::State;

    const START: i64 = 1_760_000_000;

    fn rule(more: &str) -> Result<Rule, String> {
        let text = format!(r#"{{"kind":"slo","name":"Budget"{more}}}"#);
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_millis((START + second) * 1000)
    }

    /// An engine with this rule, told of sign-ins at `from` and every 30 seconds until `until`, of which one in `of` fails.
    struct Fleet(Engine);

    impl Fleet {
        fn new(more: &str) -> Self {
            let rules = vec![rule(more).unwrap()];
            Self(Engine::new(Config { rules, detection: None, ..Config::default() }))
        }

        fn sign_ins(&mut self, from: i64, until: i64, of: i64) {
            for at in (from..until).step_by(30) {
                let failed = of > 0 && (at / 30) % of == 0;
                let sso = Sso {
                    step: if failed { Step::Failed } else { Step::Succeeded },
                    connection_id: Some(ConnectionId::new(&format!("conn_{}", at % 7))),
                    organization_id: None,
                    session_id: None,
                    error: None,
                    person: Person { key: Some(UserKey(at.unsigned_abs())), ..Person::default() },
                    test: false,
                };
                let event = AuthEvent {
                    id: EventId::new(&format!("event_{at}")),
                    at: second(at),
                    name: "authentication.sso".into(),
                    body: Body::Sso(sso),
                    novel: Vec::new(),
                };
                let record = Record::Event { source: Source::Push, event };
                self.0.apply(&Entry { received_at: second(at), record });
            }
            self.0.advance(second(until));
        }

        /// What was said of the rule last.
        fn says(&mut self) -> Option<(State, String, String)> {
            let incidents = self.0.snapshot().incidents;
            let incident = incidents.iter().rev().find(|one| &*one.alertname == "Budget")?;
            let words = |text: &str| text.to_owned();
            Some((incident.state, words(&incident.summary), words(&incident.description)))
        }
    }

    #[test]
    fn a_budget_that_burns_pages_while_it_does_and_not_for_what_is_over() {
        let mut fleet = Fleet::new(r#","objective":0.99"#);
        fleet.sign_ins(0, 3_600, 0);
        assert_eq!(fleet.says(), None);
        // Three in ten fail: in half an hour that is more than 14.4 % of an hour, and it goes on.
        fleet.sign_ins(3_600, 5_400, 3);
        let (state, summary, description) = fleet.says().unwrap();
        assert_eq!(state, State::Firing);
        assert!(
            summary.starts_with("All connections: 20 of 118 sign-ins failed in 1h"),
            "{summary}"
        );
        assert!(description.starts_with("Threshold: 14 % in 1h and in 5m."), "{description}");
        // It is mended: of six hours more than 6 % failed for a long time yet, of the last half hour they did not.
        fleet.sign_ins(5_400, 8_400, 0);
        assert_eq!(fleet.says().unwrap().0, State::Resolved);
    }

    #[test]
    fn a_slow_burn_is_a_ticket_after_a_day_and_a_few_sign_ins_say_nothing() {
        let day = 86_400;
        let mut fast = Fleet::new(r#","objective":0.99"#);
        let mut slow = Fleet::new(r#","objective":0.99,"severity":"ticket""#);
        let mut sparse = Fleet::new(r#","objective":0.99,"severity":"ticket","min_attempts":9000"#);
        for fleet in [&mut fast, &mut slow, &mut sparse] {
            // One in twenty-five: four times too fast.
            fleet.sign_ins(0, day, 25);
        }
        assert_eq!((fast.says(), sparse.says()), (None, None));
        let (state, _, description) = slow.says().unwrap();
        assert_eq!(state, State::Firing);
        assert!(description.starts_with("Threshold: 3.0 % in "), "{description}");
    }

    #[test]
    fn what_does_not_belong_into_an_slo_is_named() {
        let cases = [
            ("", "the key `objective` is missing"),
            (r#","objective":99"#, "`objective` must be 0.9 to 0.9999"),
            (r#","objective":0.99,"value":0.1"#, "`value` follows from the `objective`"),
            (r#","objective":0.99,"metric":"failures""#, "`metric` must be a ratio"),
        ];
        for (more, want) in cases {
            let error = rule(more).unwrap_err();
            assert!(error.contains(want), "{error}");
        }
    }
}
