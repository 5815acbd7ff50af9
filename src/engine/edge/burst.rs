//! What goes wrong at one moment, as a restart does: however many requests fail in it, it says no more than one bin.
//!
//! Five bins of a restart bring nearly all that a page needs. Without this the next ordinary error would bring the rest, and be the sixth
//! bin in which the rise shows.

use serde::{Deserialize, Serialize};

use super::evidence::{BINS, Bin, Brought};
use super::stream::BIN_SECONDS;

/// It is over when bins of this length had no more than chance brings.
const CALM_SECONDS: i64 = 2 * BIN_SECONDS;

/// What goes wrong again within this time is no moment: a backend that is restarted again and again is down for a third of the time.
const AGAIN_SECONDS: i64 = 600;

/// What a restart of one of many machines hits at least: less is no moment.
const SHARE_MIN: f64 = 0.05;

/// So many standard deviations beyond the usual, and one request, are chance.
const DEVIATIONS: f64 = 2.0;

/// The moment that is going on, or was lately: a part of the state that older builds did not have.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Burst(Option<Moment>);

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Moment {
    /// The beginnings of its first and its last bin.
    since: i64,
    last: i64,
    /// What it brought to the evidence of each shift, in both ways to weigh.
    brought: [Brought; 2],
    /// It was over, and what it brought was taken back.
    forgiven: bool,
}

impl Moment {
    /// Whether it is shorter than a rise must be.
    fn is_short(&self) -> bool {
        self.last.saturating_sub(self.since) / BIN_SECONDS + 1 < i64::from(BINS)
    }
}

impl Burst {
    /// Takes a bin and what it `brought` to the evidence, of which a bin brings `cap` at most. What a moment that is over brought, if it
    /// is to be taken back but for one bin's worth.
    pub(super) fn take(
        &mut self,
        bin: Bin,
        usual: f64,
        brought: [Brought; 2],
        cap: f64,
    ) -> Option<[Brought; 2]> {
        self.0.take_if(|moment| bin.second.saturating_sub(moment.last) > AGAIN_SECONDS);
        let calm = is_calm(bin, usual);
        let Some(moment) = &mut self.0 else {
            let full =
                brought.iter().flatten().any(|nats| *nats >= cap) && bin.share() >= SHARE_MIN;
            let (since, last) = (bin.second, bin.second);
            let begins = Moment { since, last, brought, forgiven: false };
            self.0 = (!calm && full).then_some(begins);
            return None;
        };
        if !calm {
            moment.since = moment.since.min(bin.second);
            moment.last = moment.last.max(bin.second);
            for (sum, more) in moment.brought.iter_mut().flatten().zip(brought.iter().flatten()) {
                *sum += more;
            }
            return None;
        }
        let over = bin.second.saturating_sub(moment.last) >= CALM_SECONDS;
        if !over || moment.forgiven || !moment.is_short() {
            return None;
        }
        let back = moment.brought.map(|way| way.map(|nats| (nats - cap).max(0.0)));
        if back.iter().flatten().all(|nats| *nats <= 0.0) {
            // An ordinary error among few requests is not remembered.
            self.0 = None;
            return None;
        }
        moment.forgiven = true;
        Some(back)
    }

    /// What was brought while it is not known whether what goes wrong lasts.
    pub(super) fn undecided(&self) -> Option<&[Brought; 2]> {
        let moment = self.0.as_ref().filter(|moment| moment.is_short() && !moment.forgiven);
        moment.map(|moment| &moment.brought)
    }

    /// Whether there is none.
    pub(super) fn is_none(&self) -> bool {
        self.0.is_none()
    }
}

/// Whether chance explains what went wrong in a bin: never most of its requests.
fn is_calm(bin: Bin, usual: f64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "requests of a few seconds")]
    let (requests, bad) = (bin.requests as f64, bin.bad as f64);
    let due = usual * requests;
    bad <= due + DEVIATIONS * libm::sqrt(due) + 1.0 && 2.0 * bad < requests.max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: f64 = 4.0;

    fn bins(burst: &mut Burst, from: i64, count: i64, bad: u64) -> Option<f64> {
        let nats = if bad > 2 { CAP } else { -0.5 };
        let bin = |n| Bin { second: (from + n) * BIN_SECONDS, requests: 50, bad };
        let back = (0..count).filter_map(|n| burst.take(bin(n), 0.005, [[nats; 8]; 2], CAP));
        back.last().map(|back| back[1][3])
    }

    #[test]
    fn what_a_restart_brought_is_taken_back_but_for_one_bins_worth() {
        let mut burst = Burst::default();
        assert_eq!(bins(&mut burst, 0, 5, 50), None);
        assert!(burst.undecided().is_some());
        assert_eq!(bins(&mut burst, 5, 1, 1), None, "it may go on");
        assert_eq!(bins(&mut burst, 6, 4, 1), Some(4.0 * CAP));
        assert!(burst.undecided().is_none() && !burst.is_none());
        assert_eq!(bins(&mut burst, 120, 1, 1), None);
        assert!(!burst.is_none());
        assert_eq!(bins(&mut burst, 125, 1, 1), None);
        assert!(burst.is_none(), "forgotten after ten minutes");
        assert_eq!(bins(&mut burst, 200, 1, 50), None);
        assert_eq!(bins(&mut burst, 201, 3, 1), None);
        assert!(burst.is_none(), "one bin says no more than one bin");
    }

    #[test]
    fn what_lasts_or_comes_again_within_ten_minutes_is_no_moment() {
        let mut burst = Burst::default();
        bins(&mut burst, 0, 5, 50);
        bins(&mut burst, 5, 1, 1);
        bins(&mut burst, 6, 1, 10);
        assert!(burst.undecided().is_none(), "thirty seconds and more");
        assert_eq!(bins(&mut burst, 7, 5, 0), None);
        let mut burst = Burst::default();
        bins(&mut burst, 0, 3, 50);
        assert_eq!(bins(&mut burst, 3, 4, 0), Some(2.0 * CAP));
        bins(&mut burst, 7, 3, 50);
        assert_eq!(
            (burst.undecided().is_some(), bins(&mut burst, 10, 4, 0)),
            (false, None),
            "flapping"
        );
    }

    #[test]
    fn chance_begins_nothing_and_most_of_few_requests_is_no_chance() {
        let bin = |requests, bad| Bin { second: 0, requests, bad };
        assert!(is_calm(bin(25, 1), 0.007) && is_calm(bin(25, 2), 0.007));
        assert!(!is_calm(bin(25, 3), 0.007) && !is_calm(bin(1, 1), 0.007));
        assert!(is_calm(bin(2_500, 10), 0.002) && !is_calm(bin(2_500, 11), 0.002));
        let mut burst = Burst::default();
        burst.take(bin(2_500, 11), 0.002, [[CAP; 8]; 2], CAP);
        burst.take(bin(50, 10), 0.005, [[1.0; 8]; 2], CAP);
        assert!(burst.is_none(), "a small rise is evidence in full");
    }
}
