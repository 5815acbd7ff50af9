//! What each request could cause is said once in a while.

use std::time::Duration;

use tokio::time::Instant;

/// How often something is said that each request could cause.
const SAY_EVERY: Duration = Duration::from_mins(1);

/// Something that each request could cause, and that is said once in [`SAY_EVERY`].
pub(super) struct Seldom {
    said: Option<Instant>,
    /// How often it was caused since.
    count: u64,
}

impl Seldom {
    pub(super) const NEVER: Self = Self { said: None, count: 0 };

    /// It was caused once more; how often since it was said last, when it is time to say it.
    pub(super) fn due(&mut self, now: Instant) -> Option<u64> {
        self.count += 1;
        let silent = self.said.is_none_or(|said| now.duration_since(said) >= SAY_EVERY);
        silent.then(|| {
            self.said = Some(now);
            std::mem::take(&mut self.count)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_request_could_cause_is_said_once_a_minute_with_its_number() {
        let start = Instant::now();
        let mut seldom = Seldom::NEVER;
        let mut due = |seconds| seldom.due(start + Duration::from_secs(seconds));
        let said = [0, 1, 59, 60, 61, 200].map(&mut due);
        assert_eq!(said, [Some(1), None, None, Some(3), None, Some(2)]);
    }
}
