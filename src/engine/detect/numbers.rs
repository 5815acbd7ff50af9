//! The numbers behind an alarm or a ticket.

use super::binomial;

/// The numbers behind an alarm or a ticket.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::engine) struct Numbers {
    /// When the trouble is believed to have begun, in seconds.
    pub(in crate::engine) since: u32,
    pub(in crate::engine) attempts: u64,
    pub(in crate::engine) bad: u64,
    pub(in crate::engine) people: u64,
    /// Attempts of people who had failed lately.
    pub(in crate::engine) repeats: u64,
    /// Second of the last bad one.
    pub(in crate::engine) last_bad: u32,
    pub(in crate::engine) usual: f64,
    pub(in crate::engine) nats: f64,
    pub(in crate::engine) chance_days: f64,
    /// The error code that it is about.
    pub(in crate::engine) code: Option<Box<str>>,
}

impl Numbers {
    /// How many of those who tried for the first time in a while were hit.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(in crate::engine) fn hit_of(&self) -> (f64, f64) {
        let all = self.attempts.saturating_sub(self.repeats).max(self.people);
        (self.people as f64, all as f64)
    }

    /// The share of those who were hit.
    pub(in crate::engine) fn share(&self) -> f64 {
        let (bad, all) = self.hit_of();
        bad / all.max(1.0)
    }

    /// The share of those who were hit, without those of `part`, and not 0.
    pub(in crate::engine) fn share_without(&self, part: &Self) -> f64 {
        let ((bad, all), (less, of)) = (self.hit_of(), part.hit_of());
        (libm::fmax(0.0, bad - less) + 1.0) / (libm::fmax(0.0, all - of) + 2.0)
    }

    /// How much better its own share explains it than `share` does, in nats; 0 when its own is smaller.
    pub(in crate::engine) fn nats_against(&self, share: f64) -> f64 {
        let (bad, all) = self.hit_of();
        binomial::nats(bad, all, share)
    }
}
