//! Codes that healthy tiers have at any share, so that only most of the requests with them tell of trouble.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bar::Bar;
use super::evidence::Bin;
use super::hours::Hours;
use super::sign::Sign;
use super::stream::{Stream, Verdict};
use super::turn::Turn;
use crate::event::edge::EdgeTally;

/// Signs that are watched so.
const SIGNS: [Sign; 2] = [Sign::Abandoned, Sign::Refused];

/// Their streams at one tier: a part of the state that older builds did not have.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Gross {
    /// Requests with those codes in bins that may not be complete.
    open: BTreeMap<i64, Counted>,
    watched: [Watched; SIGNS.len()],
}

type Counted = [u64; SIGNS.len()];

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Watched {
    stream: Stream,
    turn: Turn,
}

fn place(sign: Sign) -> Option<usize> {
    SIGNS.into_iter().position(|own| own == sign)
}

impl Gross {
    /// Whether a sign is watched so.
    pub(super) fn has(sign: Sign) -> bool {
        place(sign).is_some()
    }

    /// Counts a second in the bin that begins there.
    pub(super) fn count(&mut self, tally: &EdgeTally, begin: i64) {
        for (kind, count) in &tally.cells {
            if let Some(place) = Sign::of_code(kind.code).and_then(place) {
                self.open.entry(begin).or_default()[place] += count;
            }
        }
    }

    /// How many requests of a bin show the sign; `None` for signs of other streams.
    pub(super) fn among(&self, sign: Sign, begin: i64) -> Option<u64> {
        let place = place(sign)?;
        Some(self.open.get(&begin).map_or(0, |counted| counted[place]))
    }

    pub(super) fn stream_mut(&mut self, sign: Sign) -> Option<&mut Stream> {
        place(sign).map(|place| &mut self.watched[place].stream)
    }

    pub(super) fn stream(&self, sign: Sign) -> Option<&Stream> {
        place(sign).map(|place| &self.watched[place].stream)
    }

    /// Judges a bin of a sign, or nothing where other streams have it.
    pub(super) fn judge(&mut self, sign: Sign, bin: Bin, bar: &Bar) -> Option<Verdict> {
        let Watched { stream, turn } = &mut self.watched[place(sign)?];
        turn.take(bin, stream.is_alarmed());
        Some(stream.take(bin, &Bar { turned: turn.is_turned(), ..*bar }))
    }

    pub(super) fn silence(&mut self, sign: Sign, now: i64) -> Option<Verdict> {
        place(sign).map(|place| self.watched[place].stream.silence(now))
    }

    /// Nothing of what is counted will be judged.
    pub(super) fn drop_unjudged(&mut self) {
        self.open.clear();
    }

    /// Everything of the bin is judged.
    pub(super) fn close(&mut self, begin: i64) {
        self.open.remove(&begin);
    }

    /// What is usual at each hour of the day.
    pub(super) fn hours(&self) -> [Hours; 2] {
        [0, 1].map(|place: usize| self.watched[place].stream.hours.clone())
    }

    /// Takes over [`Gross::hours`].
    pub(super) fn know_hours(&mut self, hours: [Hours; 2]) {
        for (watched, hours) in self.watched.iter_mut().zip(hours) {
            watched.stream.hours = hours;
            watched.stream.follow();
        }
    }
}

#[cfg(test)]
mod tests;
