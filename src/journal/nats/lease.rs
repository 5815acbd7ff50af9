//! Who owns the journal, judged without any clock but one's own.
//!
//! The journal is the lease. Its owner appends something at least every two seconds, and each append names the message that it
//! follows, so that the server refuses it when anybody else has appended. Whoever hears nothing new for [`PATIENCE`] appends a
//! claim, and from then on nothing of the owner before is taken. The owner in its turn acts for [`TERM`] after the sending of
//! the last append that was taken, and no longer: it has stopped before anybody may claim.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often an owner with nothing to say says that it is there.
pub(super) const BEAT: Duration = Duration::from_secs(2);

/// How long an owner may act after the last append that was taken was sent: longer than NATS takes for a new leader (5.6 s).
pub(super) const TERM: Duration = Duration::from_secs(8);

/// After how long without anything new the journal is anybody's. Two seconds more than [`TERM`]: clocks need not run equally
/// fast, and what the owner began in time shall end in time.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the owner knows. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Lease(Arc<Mutex<Held>>);

#[derive(Clone, Copy, Debug, Default)]
enum Held {
    #[default]
    Never,
    /// Since when the last append that was taken was on its way.
    Since(Instant),
    Lost,
}

impl Lease {
    /// Whether its holder may act.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.holds_at(Instant::now())
    }

    fn holds_at(&self, now: Instant) -> bool {
        matches!(*self.held(), Held::Since(sent) if now.saturating_duration_since(sent) < TERM)
    }

    /// For how long its holder may still act.
    pub(super) fn left(&self) -> Duration {
        match *self.held() {
            Held::Since(sent) => TERM.saturating_sub(sent.elapsed()),
            _ => Duration::ZERO,
        }
    }

    /// Whether nothing was appended for so long that something should be.
    pub(super) fn is_quiet(&self) -> bool {
        matches!(*self.held(), Held::Since(sent) if sent.elapsed() >= BEAT)
    }

    /// An append that was sent at `sent` was taken. What was lost stays lost.
    pub(super) fn renew(&self, sent: Instant) {
        let mut held = self.held();
        // Who woke up after its term must not go on where another may have gone on.
        if !matches!(*held, Held::Lost) && sent.elapsed() < TERM {
            *held = Held::Since(sent);
        }
    }

    /// Somebody else owns the journal.
    pub(super) fn lose(&self) {
        *self.held() = Held::Lost;
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What somebody who is not the owner has heard of it.
#[derive(Debug, Default)]
pub(super) struct Patience {
    heard: Option<Instant>,
}

impl Patience {
    /// The journal was asked at `asked`, and something new was in it.
    pub(super) fn hear(&mut self, asked: Instant) {
        self.heard = Some(asked);
    }

    /// The journal was asked at `asked`, and nothing new was in it: whether it is anybody's. Only what the journal answered
    /// counts; who could not ask it knows nothing.
    pub(super) fn is_over(&mut self, asked: Instant) -> bool {
        let heard = *self.heard.get_or_insert(asked);
        asked.saturating_duration_since(heard) >= PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_owner_acts_for_its_term_and_never_again_after_it_lost() {
        let (lease, now) = (Lease::default(), Instant::now());
        assert!(!lease.holds_at(now), "nobody begins as the owner");
        lease.renew(now);
        assert!(lease.holds_at(now + TERM - SECOND));
        assert!(!lease.holds_at(now + TERM));
        lease.lose();
        lease.renew(now);
        assert!(!lease.holds_at(now));
    }

    #[test]
    fn an_append_that_took_longer_than_the_term_renews_nothing() {
        let lease = Lease::default();
        lease.renew(Instant::now().checked_sub(TERM).unwrap());
        assert!(!lease.holds() && lease.left().is_zero());
    }

    #[test]
    fn an_owner_has_stopped_before_anybody_may_claim() {
        let (lease, mut patience, sent) = (Lease::default(), Patience::default(), Instant::now());
        lease.renew(sent);
        // At the earliest heard when it was sent.
        patience.hear(sent);
        for seconds in 0..12 {
            let now = sent + seconds * SECOND;
            assert!(!(lease.holds_at(now) && patience.is_over(now)), "after {seconds} s");
            assert_eq!(patience.is_over(now), seconds >= 10, "after {seconds} s");
        }
    }

    #[test]
    fn who_comes_new_or_hears_something_waits_from_then_on() {
        let (mut patience, begin) = (Patience::default(), Instant::now());
        assert!(!patience.is_over(begin));
        assert!(patience.is_over(begin + PATIENCE));
        patience.hear(begin + PATIENCE);
        assert!(!patience.is_over(begin + 2 * PATIENCE - SECOND));
    }
}
