//! A tally that lines are still added to.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Known, Place, Table};
use crate::event::edge::distinct::Distinct;
use crate::event::edge::line::EdgeLine;
use crate::event::edge::method::Method;
use crate::event::edge::moment::Moment;
use crate::event::edge::scheme::Watch;
use crate::event::edge::tally::{
    Arrivals, Caller, DURATION_BOUNDS_MICROS, EdgeTally, Histogram, Kind, LimitUse, SLOTS,
    URI_BOUNDS_BYTES, add_cell, busiest,
};

/// Milliseconds in a part of a second.
const SLOT_MILLIS: usize = 1000 / SLOTS;

/// One second of one tier, by numbers of the tallier's memory.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) second: i64,
    pub(super) tier: u32,
    cells: Table<Cell, u64>,
    durations: Buckets<{ DURATION_BOUNDS_MICROS.len() + 1 }>,
    uri_bytes: Buckets<{ URI_BOUNDS_BYTES.len() + 1 }>,
    long_uris: u64,
    limited: Distinct,
    blocked: Distinct,
    callers: Table<u32, Calls>,
    limits: Table<(usize, u32), Arrivals>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Cell {
    route: u32,
    method: Method,
    code: u16,
    internal: bool,
}

#[derive(Clone, Copy, Default, Debug)]
struct Calls {
    internal: bool,
    requests: u64,
    limited: u64,
    blocked: u64,
    too_long: u64,
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
            cells: Table::default(),
            durations: Buckets::new(),
            uri_bytes: Buckets::new(),
            long_uris: 0,
            limited: Distinct::default(),
            blocked: Distinct::default(),
            callers: Table::default(),
            limits: Table::default(),
        }
    }

    /// Counts a request by `client`, which is a number and a hash.
    pub(super) fn count(
        &mut self,
        line: &EdgeLine<'_>,
        place: Place,
        client: Option<(u32, u64)>,
        internal: bool,
    ) {
        let EdgeLine { method, status: code, .. } = *line;
        *self.cells.entry(Cell { route: place.route, method, code, internal }).or_default() += 1;
        if let Some(micros) = line.duration_micros {
            self.durations.observe(&DURATION_BOUNDS_MICROS, micros);
        }
        let mut too_long = code == 414;
        if let Some(uri) = &line.uri {
            let bytes = uri.len() as u64;
            self.uri_bytes.observe(&URI_BOUNDS_BYTES, bytes);
            let long = bytes >= u64::from(place.long_uri_bytes);
            self.long_uris += u64::from(long);
            too_long |= long;
        }
        let Some((number, hash)) = client else { return };
        let calls = self.callers.entry(number).or_default();
        calls.internal |= internal;
        calls.requests += 1;
        calls.too_long += u64::from(too_long);
        if code == 429 {
            calls.limited += 1;
            self.limited.insert(hash);
        }
        if code == 403 {
            calls.blocked += 1;
            self.blocked.insert(hash);
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

    pub(super) fn close(self, names: &[Arc<str>], known: &[Known], watches: &[Watch]) -> EdgeTally {
        let mut counted: Vec<(Kind, u64)> = self
            .cells
            .into_iter()
            .map(|(Cell { route, method, code, internal }, count)| {
                (Kind { route: Arc::clone(&names[route as usize]), method, code, internal }, count)
            })
            .collect();
        // Where there are too many kinds, the rare ones are `other`.
        counted.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
        let mut cells = BTreeMap::new();
        for (kind, count) in counted {
            add_cell(&mut cells, kind, count);
        }
        let callers = self.callers.into_iter().filter_map(|(number, calls)| {
            let Calls { internal, requests, limited, blocked, too_long } = calls;
            let name = known[number as usize].name.clone()?;
            Some(Caller { name, internal, requests, limited, blocked, too_long })
        });
        let mut keys: Vec<Vec<_>> = watches.iter().map(|_| Vec::new()).collect();
        for ((watch, key), arrivals) in self.limits {
            if let Some(name) = &known[key as usize].name {
                keys[watch].push((name.clone(), arrivals));
            }
        }
        let used = watches.iter().zip(keys).filter(|(_, keys)| !keys.is_empty());
        let mut limits: Vec<_> =
            used.map(|(watch, keys)| LimitUse::new(&watch.name, keys.into_iter(), 0)).collect();
        limits.sort_by(|a, b| a.limit.cmp(&b.limit));
        EdgeTally {
            second: self.second,
            tier: (&*names[self.tier as usize]).into(),
            cells: cells.into_iter().collect(),
            durations: self.durations.close(),
            uri_bytes: self.uri_bytes.close(),
            long_uris: self.long_uris,
            limited: self.limited,
            blocked: self.blocked,
            callers: busiest(callers.collect()),
            limits,
        }
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
