//! Kinds of requests by number, so that what is counted of a second is found by its place.

use std::sync::Arc;

use super::Table;
use crate::event::edge::method::Method;
use crate::event::edge::tally::Kind;

/// Kinds that are remembered at most: they are sorted whenever there are new ones. An edge has some hundreds.
pub(super) const CELLS_REMEMBERED_MAX: usize = 8_192;

/// Kinds by number.
#[derive(Debug, Default)]
pub(super) struct Cells {
    numbers: Table<u64, u32>,
    all: Vec<Cell>,
    /// The rank of each in the order of kinds; too short when there are new ones.
    ranks: Vec<u32>,
}

/// A kind, by the number of its route.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) route: u32,
    pub(super) method: Method,
    pub(super) code: u16,
    pub(super) internal: bool,
}

impl Cells {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The number of a kind.
    pub(super) fn number(&mut self, cell: Cell) -> u32 {
        *self.numbers.entry(cell.key()).or_insert_with(|| {
            self.all.push(cell);
            u32::try_from(self.all.len() - 1).expect("bounded by CELLS_REMEMBERED_MAX")
        })
    }

    /// The kind of this number.
    pub(super) fn get(&self, number: u32) -> &Cell {
        &self.all[number as usize]
    }

    /// Learns in which order the kinds are.
    pub(super) fn rank(&mut self, names: &[Arc<str>]) {
        if self.ranks.len() == self.all.len() {
            return;
        }
        let mut sorted: Vec<usize> = (0..self.all.len()).collect();
        let all = &self.all;
        sorted.sort_unstable_by(|a, b| {
            let (a, b) = (&all[*a], &all[*b]);
            let routes = names[a.route as usize].cmp(&names[b.route as usize]);
            routes.then_with(|| (a.method, a.code, a.internal).cmp(&(b.method, b.code, b.internal)))
        });
        self.ranks.clear();
        self.ranks.resize(all.len(), 0);
        for (rank, cell) in (0..).zip(sorted) {
            self.ranks[cell] = rank;
        }
    }

    /// Where a kind stands in the order of kinds, as it was learned.
    pub(super) fn rank_of(&self, number: u32) -> u32 {
        self.ranks[number as usize]
    }
}

impl Cell {
    /// All of it as a number.
    fn key(self) -> u64 {
        let Self { route, method, code, internal } = self;
        u64::from(route) << 32 | u64::from(code) << 16 | (method as u64) << 8 | u64::from(internal)
    }

    /// With its route by name.
    pub(super) fn kind(self, names: &[Arc<str>]) -> Kind {
        let Self { route, method, code, internal } = self;
        Kind { route: Arc::clone(&names[route as usize]), method, code, internal }
    }
}
