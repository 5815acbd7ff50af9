//! Adds lines of one log up to tallies.
//!
//! The busy path allocates nothing: where a path belongs and who a client is are remembered from line to line. All of that
//! memory is bounded; when it is full, the open tallies are closed and it begins anew, which costs a second record for the
//! same second and loses nothing.

mod open;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use self::open::Open;
use super::Format;
use super::address::address;
use super::hasher::Seed;
use super::line::EdgeLine;
use super::route;
use super::scheme::{Key, Scheme};
use super::tally::EdgeTally;
use crate::event::decode::{FUTURE_MILLIS_MAX, Rejection};
use crate::event::{Personal, Privacy, Reason, Timestamp};

/// Places and callers that are remembered at most, each: 10 MB. An edge with more in one batch works more.
const REMEMBERED_MAX: usize = 65_536;

/// Longest path that is remembered; longer ones are attacks, or cut anyway.
const PATH_BYTES_MAX: usize = 512;

/// Tallies that are open at most: a log that is in order needs two seconds of each tier.
const OPEN_MAX: usize = 1_024;

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
    needs_host: bool,
    places: Table<Box<[u8]>, Place>,
    names: Names,
    callers: Table<Box<str>, u32>,
    /// The same by what is kept of them: one caller may be written in several ways.
    named: Table<Personal, u32>,
    known: Vec<Known>,
    /// Values of limits' keys that are not addresses, for each limit.
    values: Vec<Table<Box<str>, u32>>,
    /// The limits that count the line at hand, and for whom.
    counting: Vec<(usize, u32)>,
    open: Vec<Open>,
    /// Where in `open` the last line went.
    last: usize,
    closed: Vec<EdgeTally>,
    buffer: Vec<u8>,
    remembered_max: usize,
}

/// Texts by number.
#[derive(Debug, Default)]
struct Names {
    numbers: Table<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
}

/// Where a path belongs.
#[derive(Clone, Copy, Debug)]
struct Place {
    tier: u32,
    route: u32,
    long_uri_bytes: u32,
    watches: u32,
}

/// A caller, or another value that limits count by.
#[derive(Clone, Debug)]
struct Known {
    name: Option<Personal>,
    hash: u64,
    internal: bool,
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
        tier.map(super::scheme::label).transpose()?;
        Ok(Self {
            needs_host: tier.is_none() && scheme.needs_host(),
            values: scheme.watches().iter().map(|_| Table::default()).collect(),
            scheme,
            format,
            tier: tier.map(Into::into),
            privacy,
            places: Table::default(),
            names: Names::default(),
            callers: Table::default(),
            named: Table::default(),
            known: Vec::new(),
            counting: Vec::new(),
            open: Vec::new(),
            last: 0,
            closed: Vec::new(),
            buffer: Vec::new(),
            remembered_max: REMEMBERED_MAX,
        })
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
        let full = [self.known.len(), self.places.len(), self.names.texts.len()];
        if full.into_iter().any(|count| count >= self.remembered_max) {
            self.forget();
        } else if self.open.len() >= OPEN_MAX {
            self.close();
        }
        let place = self.place(line);
        let caller = line.client.as_deref().and_then(|client| self.caller(client));
        let internal = caller.is_some_and(|caller| self.known[caller as usize].internal)
            || self.mark(line).is_some();
        let client = caller.filter(|number| self.known[*number as usize].name.is_some());
        let mut counting = std::mem::take(&mut self.counting);
        counting.clear();
        if place.watches > 0 {
            self.watched(line, place.watches, client, internal, &mut counting);
        }
        let client = client.map(|number| (number, self.known[number as usize].hash));
        let open = self.open(line.moment.at.seconds(), place.tier);
        open.count(line, place, client, internal);
        for (watch, key) in &counting {
            open.arrive(*watch, *key, line.moment);
        }
        self.counting = counting;
        Ok(())
    }

    /// Where the request belongs.
    fn place(&mut self, line: &EdgeLine<'_>) -> Place {
        let uri = line.uri.as_deref();
        let host = line.host.as_deref().or_else(|| route::host(uri?)).unwrap_or_default();
        let path = uri.map(route::path);
        self.buffer.clear();
        if self.needs_host {
            self.buffer.extend_from_slice(host.as_bytes());
        }
        // No path has this byte: a request without one is told from one for nothing.
        self.buffer.push(u8::from(path.is_none()));
        self.buffer.extend_from_slice(path.unwrap_or_default().as_bytes());
        if let Some(place) = self.places.get(&*self.buffer) {
            return *place;
        }
        let located = self.scheme.locate(self.tier.as_deref(), host, path);
        let place = Place {
            tier: self.names.number(located.tier),
            route: self.names.number(&located.route),
            long_uri_bytes: located.long_uri_bytes,
            watches: located.watches,
        };
        if self.buffer.len() <= PATH_BYTES_MAX {
            self.places.insert(self.buffer.as_slice().into(), place);
        }
        place
    }

    /// The caller's number; `None` when nothing names it.
    fn caller(&mut self, text: &str) -> Option<u32> {
        if let Some(number) = self.callers.get(text) {
            return Some(*number);
        }
        let client = self.scheme.internal().client(text);
        if client.is_empty() {
            return None;
        }
        let parsed = address(client);
        let internal = parsed.is_some_and(|address| self.scheme.internal().holds(address));
        // However an address is written, and whatever its port: one name.
        let written =
            parsed.map_or(Cow::Borrowed(client), |address| Cow::Owned(address.to_string()));
        let treated = self.privacy.caller(&written);
        let (name, hash) = treated.map_or((None, 0), |(name, hash)| (Some(name), hash));
        let known = name.as_ref().and_then(|name| self.named.get(name)).copied();
        let number = known.unwrap_or_else(|| {
            let number = self.learn(Known { name: name.clone(), hash, internal });
            if let Some(name) = name {
                self.named.insert(name, number);
            }
            number
        });
        if text.len() <= PATH_BYTES_MAX {
            self.callers.insert(text.into(), number);
        }
        Some(number)
    }

    fn learn(&mut self, known: Known) -> u32 {
        self.known.push(known);
        u32::try_from(self.known.len() - 1).expect("bounded by REMEMBERED_MAX")
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
        let number = self.learn(Known { name: Some(name), hash: 0, internal: false });
        if value.len() <= PATH_BYTES_MAX {
            self.values[watch].insert(value.into(), number);
        }
        Some(number)
    }

    fn open(&mut self, second: i64, tier: u32) -> &mut Open {
        let fits = |open: &Open| open.second == second && open.tier == tier;
        if !self.open.get(self.last).is_some_and(fits) {
            self.last = self.open.iter().rposition(fits).unwrap_or_else(|| {
                self.open.push(Open::new(second, tier));
                self.open.len() - 1
            });
        }
        &mut self.open[self.last]
    }

    fn close(&mut self) {
        for open in std::mem::take(&mut self.open) {
            self.closed.push(open.close(&self.names.texts, &self.known, self.scheme.watches()));
        }
    }

    fn forget(&mut self) {
        self.close();
        self.places.clear();
        self.names = Names::default();
        self.callers.clear();
        self.named.clear();
        self.known.clear();
        self.values.iter_mut().for_each(Table::clear);
    }
}

/// What is kept of a header's value. It may be a key that opens something, so only a hash unless the operator shows it.
fn of_header(privacy: &Privacy, value: &str, shown: bool) -> Option<Personal> {
    if shown { Personal::shown(value) } else { privacy.conceal(value) }
}

impl Names {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let text: Arc<str> = text.into();
        let number = u32::try_from(self.texts.len()).expect("bounded by REMEMBERED_MAX");
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }
}

#[cfg(test)]
mod tests;
