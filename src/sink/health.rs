//! Whether a sink does its work, in words: what `SinkFailing` says. Time is an argument, nothing else is read.

use crate::event::Timestamp;

/// How long nothing may be taken before people are told: twice as long as the longest wait between two tries.
const UNTAKEN_MILLIS_MAX: i64 = 300_000;

/// How long credentials may be refused, or an address be wrong: a key that is being changed is refused for seconds, and no try will mend another.
const HELD_MILLIS_MAX: i64 = 60_000;

/// For how long people are told that something was given up.
const GIVEN_UP_MILLIS: i64 = 900_000;

/// How often a change is told at most: each is a record in the journal.
const REPORT_MILLIS_MIN: i64 = 10_000;

/// How often words are told anew at most, which have other numbers each second while much is given up.
const RENEW_MILLIS_MIN: i64 = 60_000;

/// How a sink is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Condition {
    /// It does its work.
    Well,
    /// It does not, in words.
    Trouble(String),
}

/// The state of one sink.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Health {
    failing: Option<Failing>,
    given_up: Option<GivenUp>,
    reported: Option<Reported>,
}

#[derive(Clone, PartialEq, Debug)]
struct Reported {
    at: Timestamp,
    trouble: Option<String>,
}

#[derive(Clone, PartialEq, Debug)]
struct Failing {
    since: Timestamp,
    held: bool,
    detail: String,
}

#[derive(Clone, PartialEq, Debug)]
struct GivenUp {
    at: Timestamp,
    reason: &'static str,
    /// Since all was well.
    count: u64,
}

impl Health {
    /// The service answered, and not with trouble of its own.
    pub(super) fn answered(&mut self) {
        self.failing = None;
    }

    /// The service did not take something that is tried again; `held` when it refused the credentials or is not there.
    pub(super) fn failed(&mut self, now: Timestamp, held: bool, detail: String) {
        let since = self.failing.as_ref().map_or(now, |failing| failing.since);
        self.failing = Some(Failing { since, held, detail });
    }

    /// `count` items were given up.
    pub(super) fn gave_up(&mut self, now: Timestamp, reason: &'static str, count: u64) {
        let before = self.recent(now).map_or(0, |given_up| given_up.count);
        self.given_up = Some(GivenUp { at: now, reason, count: before + count });
    }

    /// What is wrong, for those who are paged; `None` when nothing is.
    pub(super) fn trouble(&self, now: Timestamp) -> Option<String> {
        let failing = self.failing.as_ref().filter(|failing| {
            let limit = if failing.held { HELD_MILLIS_MAX } else { UNTAKEN_MILLIS_MAX };
            now.millis_since(failing.since) >= limit
        });
        let failing = failing.map(|Failing { since, detail, .. }| {
            format!("Nothing was taken since {}: {detail}.", since.to_rfc3339_seconds())
        });
        let given_up = self.recent(now).map(|GivenUp { count, reason, .. }| {
            format!("Given up within the last 15 minutes: {count} ({reason}).")
        });
        let words: Vec<_> = failing.into_iter().chain(given_up).collect();
        (!words.is_empty()).then(|| words.join(" "))
    }

    /// What is to be recorded now: trouble that is not `known` yet, or is another by now, or that there is none any more.
    pub(super) fn report(&mut self, now: Timestamp, known: bool) -> Option<Condition> {
        let trouble = self.trouble(now);
        let pause = if trouble.is_some() == known { RENEW_MILLIS_MIN } else { REPORT_MILLIS_MIN };
        let told = self.reported.as_ref();
        let recently = told.is_some_and(|told| now.millis_since(told.at) < pause);
        let news = trouble.is_some() != known
            || trouble.is_some() && told.is_none_or(|told| told.trouble != trouble);
        if !news || recently {
            return None;
        }
        self.reported = Some(Reported { at: now, trouble: trouble.clone() });
        Some(trouble.map_or(Condition::Well, Condition::Trouble))
    }

    fn recent(&self, now: Timestamp) -> Option<&GivenUp> {
        self.given_up.as_ref().filter(|given_up| now.millis_since(given_up.at) < GIVEN_UP_MILLIS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    #[test]
    fn trouble_begins_when_nothing_is_taken_for_long_and_ends_with_an_answer() {
        let mut health = Health::default();
        assert_eq!(health.trouble(second(0)), None);
        health.failed(second(10), false, "HTTP 503".into());
        health.failed(second(200), false, "HTTP 500".into());
        assert_eq!(health.trouble(second(309)), None);
        let words = "Nothing was taken since 1970-01-01T00:00:10Z: HTTP 500.";
        assert_eq!(health.trouble(second(310)).as_deref(), Some(words));
        health.answered();
        assert_eq!(health.trouble(second(311)), None);
        // Refused credentials are not waited for.
        health.failed(second(400), true, "HTTP 403".into());
        assert!(health.trouble(second(459)).is_none() && health.trouble(second(460)).is_some());
    }

    #[test]
    fn what_was_given_up_is_told_for_a_while_and_added_up() {
        let mut health = Health::default();
        health.gave_up(second(0), "too_old", 3);
        health.gave_up(second(600), "refused", 4);
        let words = "Given up within the last 15 minutes: 7 (refused).";
        assert_eq!(health.trouble(second(1_499)).as_deref(), Some(words));
        assert_eq!(health.trouble(second(1_500)), None);
    }

    #[test]
    fn a_change_is_reported_until_it_is_known_but_not_all_the_time() {
        let mut health = Health::default();
        assert_eq!(health.report(second(0), false), None);
        assert_eq!(
            health.report(second(0), true),
            Some(Condition::Well),
            "an alert from before a restart"
        );
        health.gave_up(second(20), "refused", 1);
        assert!(matches!(health.report(second(20), false), Some(Condition::Trouble(_))));
        assert_eq!(health.report(second(21), false), None, "it is on its way");
        assert!(
            matches!(health.report(second(30), false), Some(Condition::Trouble(_))),
            "it was lost"
        );
        assert_eq!(health.report(second(50), true), None);
    }

    #[test]
    fn words_are_renewed_each_minute_and_only_when_they_are_others() {
        let mut health = Health::default();
        health.gave_up(second(0), "refused", 1);
        assert!(health.report(second(0), false).is_some());
        health.gave_up(second(30), "refused", 70_000);
        assert_eq!(health.report(second(59), true), None);
        let words = "Given up within the last 15 minutes: 70001 (refused).";
        assert_eq!(health.report(second(60), true), Some(Condition::Trouble(words.into())));
        assert_eq!(health.report(second(300), true), None);
    }
}
