//! Whether a source that is pulled can be read, as the engine is told: `SourceStalled`, and that silence says nothing meanwhile.

use crate::event::{SourceTrouble, Timestamp};

/// Failures that last less than this are nobody's business: a request that fails is tried again after seconds.
const BLIP_MILLIS: i64 = 15_000;

/// How long requests may fail before people are told: deploys and short outages of others are over by then.
const FAILING_MILLIS: i64 = 300_000;

/// How long the key may be refused: a key that is being changed is refused for seconds, and no try will mend another.
const REFUSED_MILLIS: i64 = 60_000;

/// How it goes.
#[derive(Debug)]
pub(super) struct Health {
    failing: Option<Failing>,
    /// What the engine knows.
    told: Told,
}

#[derive(Debug)]
struct Failing {
    since: Timestamp,
    refused: bool,
    words: Box<str>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Told {
    /// Nobody knows: the process has just begun, and the one before may have told of trouble.
    Unknown,
    Well,
    Trouble {
        page: bool,
    },
}

impl Health {
    pub(super) fn new() -> Self {
        Self { failing: None, told: Told::Unknown }
    }

    /// A request was answered as it should be.
    pub(super) fn works(&mut self) {
        self.failing = None;
    }

    /// A request failed at `now`; `refused` when it was for the key.
    pub(super) fn failed(&mut self, now: Timestamp, refused: bool, words: &str) {
        let since = self.failing.as_ref().map_or(now, |failing| failing.since);
        self.failing = Some(Failing { since, refused, words: words.into() });
    }

    /// What is to be recorded at `now`: the trouble, or `None` that all is well. Nothing, where the engine knows.
    #[expect(clippy::option_option, reason = "no news, and the news that all is well")]
    pub(super) fn news(&self, now: Timestamp) -> Option<Option<SourceTrouble>> {
        let trouble = self.failing.as_ref().map(|failing| {
            let limit = if failing.refused { REFUSED_MILLIS } else { FAILING_MILLIS };
            let page = now.millis_since(failing.since) >= limit;
            SourceTrouble { since: failing.since, page, words: failing.words.clone() }
        });
        let is_blip = trouble.as_ref().is_some_and(|one| now.millis_since(one.since) < BLIP_MILLIS);
        (!is_blip && told(trouble.as_ref()) != self.told).then_some(trouble)
    }

    /// The news is recorded.
    pub(super) fn recorded(&mut self, trouble: Option<&SourceTrouble>) {
        self.told = told(trouble);
    }
}

fn told(trouble: Option<&SourceTrouble>) -> Told {
    trouble.map_or(Told::Well, |trouble| Told::Trouble { page: trouble.page })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    /// The news at `at` in words, recorded.
    fn news(health: &mut Health, at: i64) -> String {
        let Some(trouble) = health.news(second(at)) else { return "none".into() };
        health.recorded(trouble.as_ref());
        trouble.map_or("well".into(), |SourceTrouble { since, page, words }| {
            format!("{words} since {}, page: {page}", since.seconds())
        })
    }

    #[test]
    fn trouble_is_told_once_when_it_lasts_and_again_when_it_is_time_to_page() {
        let mut health = Health::new();
        assert_eq!(news(&mut health, 0), "well", "what a process before this one told is over");
        health.failed(second(10), false, "HTTP 503");
        health.failed(second(24), false, "HTTP 500");
        for (at, want) in [
            (24, "none"),
            (25, "HTTP 500 since 10, page: false"),
            (309, "none"),
            (310, "HTTP 500 since 10, page: true"),
            (400, "none"),
        ] {
            assert_eq!(news(&mut health, at), want, "{at}");
        }
        health.works();
        assert_eq!(news(&mut health, 500), "well");
        assert_eq!(news(&mut health, 501), "none");
        health.failed(second(600), true, "HTTP 401");
        assert_eq!(news(&mut health, 660), "HTTP 401 since 600, page: true");
    }

    #[test]
    fn a_blip_is_not_told() {
        let mut health = Health::new();
        health.works();
        assert_eq!(news(&mut health, 0), "well");
        health.failed(second(10), false, "HTTP 503");
        assert_eq!(news(&mut health, 12), "none");
        health.works();
        assert_eq!(news(&mut health, 30), "none");
    }
}
