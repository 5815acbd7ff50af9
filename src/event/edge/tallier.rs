//! Adds lines of one log up to tallies.
//!
//! The busy path allocates nothing: where a path belongs and who a client is are remembered from line to line. All of that
//! memory is bounded; when it is full, the open tallies are closed and it begins anew, which costs a second record for the
//! same second and loses nothing.

mod callers;
mod cells;
mod open;
mod places;
mod sums;

use std::collections::HashMap;
use std::sync::Arc;

use self::callers::{Callers, TEXT_BYTES_MAX};
use self::cells::{CELLS_REMEMBERED_MAX, Cell, Cells};
use self::open::{Meaning, Open};
use self::places::{Place, Places};
use self::sums::Sums;
use super::Format;
use super::hasher::Seed;
use super::line::EdgeLine;
use super::scheme::Scheme;
use super::tally::EdgeTally;
use super::watch::Key;
use crate::event::decode::{FUTURE_MILLIS_MAX, Rejection};
use crate::event::{Personal, Privacy, Reason, Timestamp};

/// Places and callers that are remembered at most, each: 10 MB. An edge with more in one batch works more.
const REMEMBERED_MAX: usize = 65_536;

/// Tallies that are open at most: a log that is in order needs two seconds of each tier.
const OPEN_MAX: usize = 1_024;

/// Lines in open tallies at most, 8 MB: half of what a body may hold of the shortest.
const LINES_MAX: usize = 1_000_000;

/// What is remembered from line to line.
type Table<K, V> = HashMap<K, V, Seed>;

/// Adds up the lines of one log.
#[derive(Debug)]
pub struct Tallier {
    scheme: Arc<Scheme>,
    format: Arc<Format>,
    /// The tier that was given with the log.
    tier: Option<Box<str>>,
    privacy: Privacy,
    places: Places,
    callers: Callers,
    cells: Cells,
    /// Values of limits' keys that are not addresses, for each limit.
    values: Vec<Table<Box<str>, u32>>,
    /// The limits that count the line at hand, and for whom.
    counting: Vec<(usize, u32)>,
    open: Vec<Open>,
    /// Where in `open` the last line went.
    last: usize,
    /// Lines in `open`.
    lines: usize,
    sums: Sums,
    closed: Vec<EdgeTally>,
    remembered_max: usize,
}

impl Tallier {
    /// For lines of the format of this name, all of one `tier` if one is given. The error is a sentence.
    pub fn new(
        scheme: Arc<Scheme>,
        format: &str,
        tier: Option<&str>,
        privacy: Privacy,
    ) -> Result<Self, String> {
        let format = Arc::new(scheme.format(format)?.clone());
        tier.map(super::tier::label).transpose()?;
        Ok(Self {
            values: scheme.watches().iter().map(|_| Table::default()).collect(),
            scheme,
            format,
            tier: tier.map(Into::into),
            privacy,
            places: Places::default(),
            callers: Callers::default(),
            cells: Cells::default(),
            counting: Vec::new(),
            open: Vec::new(),
            last: 0,
            lines: 0,
            sums: Sums::default(),
            closed: Vec::new(),
            remembered_max: REMEMBERED_MAX,
        })
    }

    /// Whether it is for lines of this format and `tier`.
    #[must_use]
    pub fn reads(&self, format: &str, tier: Option<&str>) -> bool {
        self.format.name() == format && self.tier.as_deref() == tier
    }

    /// Adds one line, without its line end. What is not UTF-8 in it, which clients may send, counts as a replacement
    /// character.
    pub fn add(&mut self, line: &[u8], now: Timestamp) -> Result<(), Rejection> {
        // What is UTF-8 is known sooner so than by looking for what is not.
        match std::str::from_utf8(line) {
            Ok(text) => self.add_text(text, now),
            Err(_) => self.add_text(&String::from_utf8_lossy(line), now),
        }
    }

    /// The tallies of all lines since the last call, in order of second and tier.
    pub fn take(&mut self) -> Vec<EdgeTally> {
        self.close();
        let mut tallies = std::mem::take(&mut self.closed);
        tallies.sort_by(|a, b| (a.second, &a.tier).cmp(&(b.second, &b.tier)));
        tallies.dedup_by(|later, earlier| {
            let same = (later.second, &later.tier) == (earlier.second, &earlier.tier);
            if same {
                earlier.merge(later);
            }
            same
        });
        tallies
    }

    fn add_text(&mut self, text: &str, now: Timestamp) -> Result<(), Rejection> {
        // The format is borrowed for as long as the line, while everything else changes.
        let format = Arc::clone(&self.format);
        let line = format.read(text)?;
        self.count(&line, now)
    }

    fn count(&mut self, line: &EdgeLine<'_>, now: Timestamp) -> Result<(), Rejection> {
        let ahead = line.moment.at.millis_since(now);
        if ahead > FUTURE_MILLIS_MAX {
            let problem = format!(
                "the line is {} s ahead of this machine's clock; check the clocks and time zones",
                ahead / 1000
            );
            return Err(Rejection::new(Reason::FutureTimestamp, problem));
        }
        self.make_room();
        let place = self.places.find(&self.scheme, self.tier.as_deref(), line);
        let client = line.client.as_deref();
        let client =
            client.and_then(|text| self.callers.find(text, self.scheme.internal(), &self.privacy));
        let internal = client.is_some_and(|client| client.internal) || self.mark(line).is_some();
        let client = client.and_then(|client| client.number);
        let mut counting = std::mem::take(&mut self.counting);
        counting.clear();
        if place.watches > 0 {
            self.watched(line, place.watches, client, internal, &mut counting);
        }
        let (method, code) = (line.method, line.status);
        let cell = self.cells.number(Cell { route: place.route, method, code, internal });
        let open = opened(&mut self.open, &mut self.last, line.moment.at.seconds(), place.tier);
        open.count(line, place, cell, client, self.callers.known());
        for (watch, key) in &counting {
            open.arrive(*watch, *key, line.moment);
        }
        self.lines += 1;
        self.counting = counting;
        Ok(())
    }

    /// The header's value that marks the request as internal.
    fn mark<'l>(&self, line: &'l EdgeLine<'_>) -> Option<&'l str> {
        self.scheme.internal().headers().iter().find_map(|mark| {
            let value = line.headers[self.scheme.header(&mark.header)?].as_deref()?;
            mark.value.as_deref().is_none_or(|wanted| wanted == value).then_some(value)
        })
    }

    /// Notes the limits that count the request, and for whom.
    fn watched(
        &mut self,
        line: &EdgeLine<'_>,
        watches: u32,
        client: Option<u32>,
        internal: bool,
        counting: &mut Vec<(usize, u32)>,
    ) {
        let scheme = Arc::clone(&self.scheme);
        for (watch, settings) in scheme.watches().iter().enumerate() {
            let wanted = settings.internal.is_none_or(|wanted| wanted == internal);
            if watches & (1 << watch) == 0 || !wanted {
                continue;
            }
            let shown = settings.shown;
            let key = match &settings.key {
                Key::Client => client,
                Key::Internal if !internal => None,
                Key::Internal => match self.mark(line) {
                    Some(value) => {
                        self.named(watch, value, |privacy| of_header(privacy, value, shown))
                    }
                    None => client,
                },
                Key::Account => line.account.as_deref().and_then(|account| {
                    self.named(watch, account, |privacy| privacy.treat(account))
                }),
                Key::Header(name) => {
                    let value =
                        scheme.header(name).and_then(|place| line.headers[place].as_deref());
                    value.and_then(|value| {
                        self.named(watch, value, |privacy| of_header(privacy, value, shown))
                    })
                }
            };
            counting.extend(key.map(|key| (watch, key)));
        }
    }

    /// The number of a value that a limit counts by; `name` makes what is kept of it.
    fn named(
        &mut self,
        watch: usize,
        value: &str,
        name: impl FnOnce(&Privacy) -> Option<Personal>,
    ) -> Option<u32> {
        if let Some(number) = self.values[watch].get(value) {
            return Some(*number);
        }
        let name = name(&self.privacy)?;
        let number = self.callers.learn(name, 0);
        if value.len() <= TEXT_BYTES_MAX {
            self.values[watch].insert(value.into(), number);
        }
        Some(number)
    }

    /// Closes and forgets what is too much.
    fn make_room(&mut self) {
        if self.callers.len().max(self.places.len()) >= self.remembered_max {
            self.close();
            self.places = Places::default();
            self.callers = Callers::default();
            self.cells = Cells::default();
            self.values.iter_mut().for_each(Table::clear);
        } else if self.cells.len() >= CELLS_REMEMBERED_MAX {
            self.close();
            self.cells = Cells::default();
        } else if self.open.len() >= OPEN_MAX || self.lines >= LINES_MAX {
            self.close();
        }
    }

    fn close(&mut self) {
        self.cells.rank(self.places.names());
        let meaning = Meaning {
            names: self.places.names(),
            known: self.callers.known(),
            cells: &self.cells,
            watches: self.scheme.watches(),
        };
        let open = self.open.drain(..);
        self.closed.extend(open.map(|open| open.close(meaning, &mut self.sums)));
        self.lines = 0;
    }
}

/// The tally of a second and a tier among those that are open; `last` is where the last line went.
fn opened<'o>(open: &'o mut Vec<Open>, last: &mut usize, second: i64, tier: u32) -> &'o mut Open {
    let fits = |open: &Open| open.second == second && open.tier == tier;
    if !open.get(*last).is_some_and(fits) {
        *last = open.iter().rposition(fits).unwrap_or_else(|| {
            open.push(Open::new(second, tier));
            open.len() - 1
        });
    }
    &mut open[*last]
}

/// What is kept of a header's value. It may be a key that opens something, so only a hash unless the operator shows it.
fn of_header(privacy: &Privacy, value: &str, shown: bool) -> Option<Personal> {
    if shown { Personal::shown(value) } else { privacy.conceal(value) }
}

#[cfg(test)]
mod tests;
