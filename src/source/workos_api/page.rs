//! A page of events: from the body of an answer to events, refused ones, and where the reading goes
//! on.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::event::decode::{Rejection, check_time, decode};
use crate::event::{AuthEvent, Privacy, Reason, Timestamp};

use super::place::{LIMIT, Place, is_id};

/// Longest event: what a webhook may have.
const EVENT_BYTES_MAX: usize = 256 * 1024;

/// How old the newest event of a short page may be for the page to be the end. Only asked where the
/// API gives a short page and says that there is more: then a page that is this fresh is the end
/// all the same, or a steady trickle of events would be asked for without a pause.
const FRESH_MILLIS: i64 = 60_000;

/// A list, as every list of the API is written.
#[derive(Debug, Deserialize)]
pub(super) struct List<'a> {
    /// Its items, each as it is written.
    #[serde(borrow)]
    pub(super) data: Vec<&'a RawValue>,
    #[serde(default)]
    list_metadata: Option<Metadata>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    after: Option<String>,
}

/// What is read of an item to know its place, whether or not it is an event.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Placed {
    id: Option<String>,
    created_at: Option<String>,
}

/// A page.
#[derive(Debug)]
pub(super) struct Page {
    /// Events, in the order of the page.
    pub(super) events: Vec<AuthEvent>,
    /// Items that are no events.
    pub(super) rejected: Vec<Rejection>,
    /// Behind its last item.
    pub(super) next: Place,
    /// What it says about what follows.
    pub(super) follows: Follows,
}

/// What follows a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Follows {
    /// Nothing: it is the last one.
    Nothing,
    /// Another page.
    Page,
    /// Another page, says the API; but this one gives nothing by which to ask for it.
    Unreachable,
    /// Events that lie ahead of the clock. They are not passed: it is the clock that is wrong, until something follows them
    /// that does not lie ahead.
    Ahead,
}

impl<'a> List<'a> {
    /// Reads a list; the problem is in words.
    pub(super) fn parse(text: &'a str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| {
            format!(
                "the answer is no list, or was cut off (line {} column {})",
                error.line(),
                error.column()
            )
        })
    }

    /// The id by which the next page is asked for, if the list says that there is one.
    pub(super) fn after(&self) -> Option<&str> {
        self.list_metadata.as_ref()?.after.as_deref().filter(|id| is_id(id))
    }
}

impl Page {
    /// Reads the answer to a request that went on from `from`.
    pub(super) fn read(
        text: &str,
        from: &Place,
        privacy: &Privacy,
        now: Timestamp,
    ) -> Result<Self, String> {
        let mut list = List::parse(text)?;
        let mut read: Vec<_> =
            list.data.iter().map(|item| event(item.get(), privacy, now)).collect();
        let ahead = read.iter().rev().take_while(|read| is_ahead(read)).count();
        if ahead > 0 {
            list.data.truncate(list.data.len() - ahead);
            list.list_metadata = None;
            read.truncate(list.data.len());
        }
        let (mut events, mut rejected) = (Vec::with_capacity(read.len()), Vec::new());
        for read in read {
            match read {
                Ok(event) => events.push(event),
                Err(rejection) => rejected.push(rejection),
            }
        }
        let next = next(&list, from, now);
        let follows = follows(&list, from, &next, now);
        let follows = if ahead > 0 { Follows::Ahead } else { follows };
        Ok(Self { events, rejected, next, follows })
    }
}

fn event(text: &str, privacy: &Privacy, now: Timestamp) -> Result<AuthEvent, Rejection> {
    if text.len() > EVENT_BYTES_MAX {
        let problem = format!("longer than {EVENT_BYTES_MAX} bytes, which no event is");
        return Err(Rejection::new(Reason::TooLarge, problem));
    }
    let event = decode(text.as_bytes(), privacy)?;
    check_time(&event, now)?;
    Ok(event)
}

fn is_ahead(read: &Result<AuthEvent, Rejection>) -> bool {
    read.as_ref().is_err_and(|rejection| rejection.reason == Reason::FutureTimestamp)
}

/// Behind the last item that has an id. The time never goes back, and never ahead of the clock: it
/// serves to find the place again.
fn next(list: &List<'_>, from: &Place, now: Timestamp) -> Place {
    let mut next = from.clone();
    for item in &list.data {
        let Placed { id, created_at } = serde_json::from_str(item.get()).unwrap_or_default();
        let at = created_at.and_then(|text| Timestamp::parse(&text)).filter(|at| *at <= now);
        next.at = next.at.max(at.unwrap_or(next.at));
        if let Some(id) = id.filter(|id| is_id(id)) {
            next.id = Some(id.into());
        }
    }
    // Items without ids cannot be passed but by what the list itself says.
    if next.id == from.id
        && let Some(after) = list.after()
    {
        next.id = Some(after.into());
    }
    next
}

fn follows(list: &List<'_>, from: &Place, next: &Place, now: Timestamp) -> Follows {
    let full = list.data.len() >= LIMIT;
    let more = full || list.after().is_some();
    let moved = next.id.is_some() && next.id != from.id;
    let fresh = now.millis_since(next.at) < FRESH_MILLIS;
    match (more, moved) {
        (false, _) => Follows::Nothing,
        (true, true) if !full && fresh => Follows::Nothing,
        (true, true) => Follows::Page,
        // An API that repeats the last id on an empty page says that this is the end.
        (true, false) if list.data.is_empty() => Follows::Nothing,
        (true, false) => Follows::Unreachable,
    }
}
