//! A tally that lines are still added to.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::callers::Known;
use super::cells::Cells;
use super::sums::{Calls, Sums};
use super::{Place, Table};
use crate::event::edge::distinct::Distinct;
use crate::event::edge::line::EdgeLine;
use crate::event::edge::moment::Moment;
use crate::event::edge::tally::{
    Arrivals, CELLS_MAX, Caller, DURATION_BOUNDS_MICROS, EdgeTally, Histogram, Kind, LimitUse,
    SLOTS, URI_BOUNDS_BYTES, add_cell, keep_busiest,
};
use crate::event::edge::watch::Watch;

/// Milliseconds in a part of a second.
const SLOT_MILLIS: usize = 1000 / SLOTS;

/// The client of a line that names none.
pub(super) const NOBODY: u32 = u32::MAX;

/// One second of one tier, by numbers of the tallier's memory.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) second: i64,
    pub(super) tier: u32,
    /// The kind and the client of each line: what they add up to is found at once when the second is closed.
    lines: Vec<(u32, u32)>,
    /// Who sent the URIs that are too long, or nearly.
    too_long: Vec<u32>,
    durations: Buckets<{ DURATION_BOUNDS_MICROS.len() + 1 }>,
    uri_bytes: Buckets<{ URI_BOUNDS_BYTES.len() + 1 }>,
    long_uris: u64,
    limited: Distinct,
    blocked: Distinct,
    limits: Table<(usize, u32), Arrivals>,
}

/// What numbers stand for.
#[derive(Clone, Copy)]
pub(super) struct Meaning<'t> {
    pub(super) names: &'t [Arc<str>],
    pub(super) known: &'t [Known],
    /// Ranked.
    pub(super) cells: &'t Cells,
    pub(super) watches: &'t [Watch],
}

#[derive(Debug)]
struct Buckets<const N: usize> {
    counts: [u64; N],
    sum: u64,
}

impl Open {
    pub(super) fn new(second: i64, tier: u32) -> Self {
        Self {
            second,
            tier,
            lines: Vec::new(),
            too_long: Vec::new(),
            durations: Buckets::new(),
            uri_bytes: Buckets::new(),
            long_uris: 0,
            limited: Distinct::default(),
            blocked: Distinct::default(),
            limits: Table::default(),
        }
    }

    /// Counts a request of the kind `cell` by the client of this number.
    pub(super) fn count(
        &mut self,
        line: &EdgeLine<'_>,
        place: Place,
        cell: u32,
        client: Option<u32>,
        known: &[Known],
    ) {
        let code = line.status;
        if let Some(micros) = line.duration_micros {
            self.durations.observe(&DURATION_BOUNDS_MICROS, micros);
        }
        let mut too_long = code == 414;
        if let Some(uri) = &line.uri {
            let bytes = uri.len() as u64;
            self.uri_bytes.observe(&URI_BOUNDS_BYTES, bytes);
            let long = bytes >= u64::from(place.long_uri_bytes);
            // A refused one counts as such.
            self.long_uris += u64::from(long && !too_long);
            too_long |= long;
        }
        self.lines.push((cell, client.unwrap_or(NOBODY)));
        let Some(number) = client else { return };
        if too_long {
            self.too_long.push(number);
        }
        match code {
            429 => self.limited.insert(known[number as usize].hash),
            403 => self.blocked.insert(known[number as usize].hash),
            _ => {}
        }
    }

    /// Counts a request for the limit and the key of these numbers.
    pub(super) fn arrive(&mut self, watch: usize, key: u32, moment: Moment) {
        let arrivals = self.limits.entry((watch, key)).or_default();
        if moment.exact {
            let millis = usize::try_from(moment.at.millis().rem_euclid(1000)).expect("0 to 999");
            let slot = &mut arrivals.slots[millis / SLOT_MILLIS];
            *slot = slot.saturating_add(1);
        } else {
            arrivals.even = arrivals.even.saturating_add(1);
        }
    }

    pub(super) fn close(self, meaning: Meaning<'_>, sums: &mut Sums) -> EdgeTally {
        let Meaning { names, known, cells, watches } = meaning;
        sums.add(&self.lines, &self.too_long, meaning);
        let counted = sums.take_kinds(cells);
        let mut calls = sums.take_calls();
        keep_busiest(&mut calls, Calls::MEASURES, |a, b| {
            known[a.number as usize].by_name(&known[b.number as usize])
        });
        let mut keys: Vec<Vec<_>> = watches.iter().map(|_| Vec::new()).collect();
        for ((watch, key), arrivals) in self.limits {
            keys[watch].push((known[key as usize].name.clone(), arrivals));
        }
        let used = watches.iter().zip(keys).filter(|(_, keys)| !keys.is_empty());
        let mut limits: Vec<_> =
            used.map(|(watch, keys)| LimitUse::new(&watch.name, keys.into_iter(), 0)).collect();
        limits.sort_by(|a, b| a.limit.cmp(&b.limit));
        EdgeTally {
            second: self.second,
            tier: (&*names[self.tier as usize]).into(),
            cells: kinds(counted, cells, names),
            durations: self.durations.close(),
            uri_bytes: self.uri_bytes.close(),
            long_uris: self.long_uris,
            limited: self.limited,
            blocked: self.blocked,
            callers: calls.into_iter().map(|calls| caller(calls, known)).collect(),
            limits,
        }
    }
}

/// Kinds by name, from those by number in order of their kinds.
fn kinds(counted: Vec<(u32, u64)>, cells: &Cells, names: &[Arc<str>]) -> Vec<(Kind, u64)> {
    let few = counted.len() <= CELLS_MAX;
    let kind = |(cell, count)| (cells.get(cell).kind(names), count);
    let mut all: Vec<(Kind, u64)> = counted.into_iter().map(kind).collect();
    if few {
        return all;
    }
    // Where there are too many kinds, the rare ones are `other`.
    all.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
    let mut cells = BTreeMap::new();
    for (kind, count) in all {
        add_cell(&mut cells, kind, count);
    }
    cells.into_iter().collect()
}

fn caller(calls: Calls, known: &[Known]) -> Caller {
    Caller {
        name: known[calls.number as usize].name.clone(),
        internal: calls.internal,
        requests: calls.requests.into(),
        limited: calls.limited.into(),
        blocked: calls.blocked.into(),
        too_long: calls.too_long.into(),
    }
}

impl<const N: usize> Buckets<N> {
    fn new() -> Self {
        Self { counts: [0; N], sum: 0 }
    }

    fn observe(&mut self, bounds: &[u64], value: u64) {
        self.counts[Histogram::place(bounds, value)] += 1;
        self.sum += value;
    }

    fn close(self) -> Histogram {
        let buckets = (0u8..).zip(self.counts).filter(|(_, count)| *count > 0);
        Histogram { buckets: buckets.collect(), sum: self.sum }
    }
}
