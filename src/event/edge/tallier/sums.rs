//! What the lines of one second add up to, counted by number.
//!
//! One table serves all seconds, one after the other: to add up a thousand lines in a table that has its place for each
//! kind and each caller takes a tenth of what they take in a hash table that grows.

use super::cells::Cells;
use super::open::{Meaning, NOBODY};

/// Sums by number; empty between two seconds.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// Requests of each kind.
    counts: Vec<u64>,
    /// The kinds that have any.
    kinds: Vec<u32>,
    /// Where in `calls` a caller is, from 1; 0: nowhere.
    slots: Vec<u32>,
    calls: Vec<Calls>,
}

/// What a caller did in one second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calls {
    pub(super) number: u32,
    pub(super) internal: bool,
    pub(super) requests: u32,
    pub(super) limited: u32,
    pub(super) blocked: u32,
    pub(super) too_long: u32,
}

impl Sums {
    /// Adds lines, each by the numbers of its kind and its client.
    pub(super) fn add(&mut self, lines: &[(u32, u32)], too_long: &[u32], meaning: Meaning<'_>) {
        let Meaning { cells, known, .. } = meaning;
        self.counts.resize(cells.len(), 0);
        self.slots.resize(known.len(), 0);
        for (cell, client) in lines {
            let count = &mut self.counts[*cell as usize];
            if *count == 0 {
                self.kinds.push(*cell);
            }
            *count += 1;
            if *client != NOBODY {
                let cell = cells.get(*cell);
                let calls = self.calls(*client);
                calls.internal |= cell.internal;
                calls.requests += 1;
                calls.limited += u32::from(cell.code == 429);
                calls.blocked += u32::from(cell.code == 403);
            }
        }
        for client in too_long {
            self.calls(*client).too_long += 1;
        }
    }

    /// The kinds and how many requests they have, in the order of kinds.
    pub(super) fn take_kinds(&mut self, cells: &Cells) -> Vec<(u32, u64)> {
        self.kinds.sort_unstable_by_key(|kind| cells.rank_of(*kind));
        let counts = &mut self.counts;
        let take = |kind: u32| (kind, std::mem::take(&mut counts[kind as usize]));
        self.kinds.drain(..).map(take).collect()
    }

    /// The callers, in no order.
    pub(super) fn take_calls(&mut self) -> Vec<Calls> {
        for calls in &self.calls {
            self.slots[calls.number as usize] = 0;
        }
        std::mem::take(&mut self.calls)
    }

    fn calls(&mut self, number: u32) -> &mut Calls {
        let slot = &mut self.slots[number as usize];
        if *slot == 0 {
            self.calls.push(Calls::none(number));
            *slot = u32::try_from(self.calls.len()).expect("as many as numbers at most");
        }
        &mut self.calls[*slot as usize - 1]
    }
}

impl Calls {
    /// By what the busiest are chosen.
    pub(super) const MEASURES: [fn(&Self) -> u64; 4] = [
        |calls| calls.requests.into(),
        |calls| calls.limited.into(),
        |calls| calls.blocked.into(),
        |calls| calls.too_long.into(),
    ];

    fn none(number: u32) -> Self {
        Self { number, internal: false, requests: 0, limited: 0, blocked: 0, too_long: 0 }
    }
}
