//! Whose attempts went wrong lately: who failed k times is expected to fail again with probability 1 − 2^−k, so that one
//! person's retries carry little evidence.

use serde::{Deserialize, Serialize};

use super::config::Kind;

/// People remembered for one kind of trouble on one connection; the ones who failed longest ago are forgotten. More of them
/// at once are an outage, where it no longer matters who.
const PEOPLE_MAX: usize = 16;

/// A failure is forgotten after this time.
const FORGET_SECONDS: u32 = 43_200;

/// Those who failed lately.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Unlucky(Vec<Failer>);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Failer {
    person: u64,
    at: u32,
    failures: u8,
    kind: Kind,
}

impl Failer {
    fn failures_left(&self, second: u32) -> u8 {
        let forgotten = second.saturating_sub(self.at) / FORGET_SECONDS;
        self.failures.saturating_sub(u8::try_from(forgotten).unwrap_or(u8::MAX))
    }
}

impl Unlucky {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Fetches them.
    pub(super) fn look(&self) -> usize {
        self.0.iter().step_by(4).map(|failer| usize::from(failer.failures)).sum()
    }

    /// How often this person failed lately.
    pub(super) fn failures(&self, kind: Kind, person: u64, second: u32) -> u8 {
        let known = self.0.iter().find(|known| known.person == person && known.kind == kind);
        known.map_or(0, |known| known.failures_left(second))
    }

    /// The person failed again.
    pub(super) fn note(&mut self, kind: Kind, person: u64, second: u32) {
        let mine = |known: &&mut Failer| known.person == person && known.kind == kind;
        if let Some(known) = self.0.iter_mut().find(mine) {
            known.failures = known.failures_left(second).saturating_add(1);
            known.at = second;
            return;
        }
        let new = Failer { person, at: second, failures: 1, kind };
        let same = self.0.iter_mut().filter(|known| known.kind == kind);
        let (count, oldest) = same.fold((0, None::<&mut Failer>), |(count, oldest), known| {
            let older = oldest.as_ref().is_none_or(|oldest| known.at < oldest.at);
            (count + 1, if older { Some(known) } else { oldest })
        });
        match oldest {
            Some(oldest) if count >= PEOPLE_MAX || oldest.failures_left(second) == 0 => {
                *oldest = new;
            }
            _ => self.0.push(new),
        }
    }
}

/// Probability that somebody who failed `failures` times fails again.
pub(super) fn expected(failures: u8) -> f64 {
    if failures == 0 { 0.0 } else { 1.0 - libm::exp2(-f64::from(failures)) }
}

/// Addresses from which people signed in lately, to tell people apart before they are known: a sign-in that has no end names
/// no user. Where many share an address, as behind a company's gateway, it tells nothing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Addresses {
    lately: Vec<(u64, u64)>,
    next: u8,
    /// Sign-ins, and those that came from a remembered address of somebody else.
    all: u16,
    shared: u16,
}

/// Addresses that are remembered.
const ADDRESSES_MAX: usize = 16;
const REMEMBERED: f64 = 16.0;

/// Sign-ins after which older ones count half.
const ALL_MAX: u16 = 512;

/// Two people share an address with at most this probability if it stands for a person.
const SHARED_MAX: f64 = 0.01;

impl Addresses {
    pub(super) fn len(&self) -> usize {
        self.lately.len()
    }

    /// Fetches them.
    pub(super) fn look(&self) -> usize {
        self.lately.iter().step_by(4).map(|(address, _)| usize::from(*address > 0)).sum()
    }

    /// `person` signed in from `address`.
    pub(super) fn note(&mut self, address: u64, person: u64) {
        if self.all >= ALL_MAX {
            self.all /= 2;
            self.shared /= 2;
        }
        self.all += 1;
        if let Some((_, last)) = self.lately.iter_mut().find(|(known, _)| *known == address) {
            self.shared += u16::from(*last != person);
            *last = person;
        } else if self.lately.len() < ADDRESSES_MAX {
            self.lately.push((address, person));
        } else {
            self.lately[usize::from(self.next)] = (address, person);
            self.next = (self.next + 1) % 16;
        }
    }

    /// Whether an address stands for a person.
    pub(super) fn tell_people_apart(&self) -> bool {
        f64::from(self.shared) <= SHARED_MAX * f64::from(self.all) * REMEMBERED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_add_up_and_are_forgotten_one_by_one() {
        let mut unlucky = Unlucky::default();
        for _ in 0..3 {
            unlucky.note(Kind::Failing, 7, 1_000);
        }
        assert_eq!(unlucky.failures(Kind::Failing, 7, 1_000), 3);
        assert_eq!(unlucky.failures(Kind::Denied, 7, 1_000), 0);
        assert_eq!(unlucky.failures(Kind::Failing, 7, 1_000 + FORGET_SECONDS), 2);
        assert_eq!(unlucky.failures(Kind::Failing, 7, 1_000 + 3 * FORGET_SECONDS), 0);
        assert!(expected(0) < 1e-9 && (expected(2) - 0.75).abs() < 1e-9);
    }

    #[test]
    fn addresses_tell_people_apart_until_they_are_shared() {
        let mut addresses = Addresses::default();
        for visit in 0..40u64 {
            addresses.note(visit % 10, visit % 10);
        }
        assert!(addresses.tell_people_apart());
        for person in 0..40u64 {
            addresses.note(7, person);
        }
        assert!(!addresses.tell_people_apart());
    }

    #[test]
    fn the_one_who_failed_longest_ago_is_forgotten_first() {
        let mut unlucky = Unlucky::default();
        for person in 0..20u32 {
            unlucky.note(Kind::Failing, u64::from(person), 1_000 + person);
        }
        assert_eq!(unlucky.failures(Kind::Failing, 3, 1_100), 0);
        assert_eq!(unlucky.failures(Kind::Failing, 4, 1_100), 1);
        assert_eq!(unlucky.0.len(), PEOPLE_MAX);
    }
}
