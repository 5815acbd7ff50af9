//! How far the reading has come: the cursor, and the request that goes on from there.

use std::fmt;

use crate::event::{ID_BYTES_MAX, Timestamp};

use super::config::KEPT_DAYS;

/// Events of a page: the most that the API gives.
pub(super) const LIMIT: usize = 100;

/// Longest range of one request.
pub(super) const RANGE_MILLIS_MAX: i64 = 30 * DAY_MILLIS;

/// How far before the last event the reading goes on when its id is refused: events may have become
/// visible in another order than that of their times. What comes twice counts once.
const OVERLAP_MILLIS: i64 = 60_000;

/// How far a range stays away from the age at which events vanish: clocks differ, and a request
/// takes its time.
const KEPT_MARGIN_MILLIS: i64 = 10 * 60_000;

const DAY_MILLIS: i64 = 24 * 3600 * 1000;

/// Where the reading stands. Prints as the value of the cursor: the time and, behind a space, the
/// id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// The time of the last event, or where the range begins.
    pub(super) at: Timestamp,
    /// The id of the last event, unless the reading goes on by time alone.
    pub(super) id: Option<Box<str>>,
}

/// The parameters of one request for events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Query {
    /// Names, joined by commas.
    pub(super) events: String,
    /// Excludes `range_start`.
    pub(super) after: Option<Box<str>>,
    pub(super) range_start: Option<Timestamp>,
    /// Set where the range would be longer than the API allows.
    pub(super) range_end: Option<Timestamp>,
}

impl Place {
    /// By time alone, from `at` on.
    pub(super) fn since(at: Timestamp) -> Self {
        Self { at, id: None }
    }

    /// The oldest events that need one range alone.
    pub(super) fn recent(now: Timestamp) -> Self {
        Self::since(now.plus_millis(KEPT_MARGIN_MILLIS - RANGE_MILLIS_MAX))
    }

    /// Reads the value of a cursor.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (at, id) = match text.split_once(' ') {
            Some((at, id)) => (at, Some(is_id(id).then(|| id.into())?)),
            None => (text, None),
        };
        Some(Self { at: Timestamp::parse(at)?, id })
    }

    /// The request that goes on from here.
    pub(super) fn query(&self, events: String, now: Timestamp) -> Query {
        let oldest = now.plus_millis(KEPT_MARGIN_MILLIS - days(KEPT_DAYS));
        let begin = self.at.max(oldest);
        let range_start = self.id.is_none().then_some(begin);
        let long = now.millis_since(begin) > RANGE_MILLIS_MAX;
        let range_end = long.then(|| begin.plus_millis(RANGE_MILLIS_MAX));
        Query { events, after: self.id.clone(), range_start, range_end }
    }

    /// Where to go on when the id is refused; with `overlap` from shortly before the event.
    pub(super) fn without_id(&self, overlap: bool) -> Self {
        let before = if overlap { OVERLAP_MILLIS } else { 0 };
        Self::since(self.at.plus_millis(-before))
    }

    /// Where to go on when there is nothing more before `end`. Whether a range has its ends in it
    /// nobody says: it begins early enough for both.
    pub(super) fn from_end(end: Timestamp) -> Self {
        Self::since(end.plus_millis(-1))
    }
}

impl Query {
    /// Names and values, none that is not documented. Times end in `Z`: the API refuses other
    /// zones.
    pub(super) fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut parameters = vec![("events", self.events.clone()), ("limit", LIMIT.to_string())];
        let after = self.after.as_ref().map(|id| ("after", id.to_string()));
        let start = self.range_start.map(|at| ("range_start", at.to_string()));
        let end = self.range_end.map(|at| ("range_end", at.to_string()));
        parameters.extend([after, start, end].into_iter().flatten());
        parameters
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "{} {id}", self.at),
            None => write!(f, "{}", self.at),
        }
    }
}

/// Whether `text` can be an id: bounded, not empty, no spaces and no control characters.
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= ID_BYTES_MAX
        && !text.contains(|c: char| c.is_control() || c.is_whitespace())
}

fn days(count: u64) -> i64 {
    i64::try_from(count).expect("a small constant") * DAY_MILLIS
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_768_478_400_000; // 2026-01-15T12:00:00Z

    fn at(days_ago: i64) -> Timestamp {
        Timestamp::from_millis(NOW - days_ago * DAY_MILLIS)
    }

    fn shape(place: &Place) -> Vec<String> {
        let parameters = place.query("a,b".into(), at(0)).parameters();
        parameters.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_rubbish_is_none() {
        for place in [Place::since(at(0)), Place { at: at(1), id: Some("event_1".into()) }] {
            assert_eq!(Place::parse(&place.to_string()), Some(place));
        }
        for text in
            ["", "event_1", "2026-01-15T12:00:00.000Z ", "2026-01-15T12:00:00.000Z a b", "x y"]
        {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_request_has_after_or_a_start_and_an_end_where_the_range_is_long() {
        let event = |days| Place { at: at(days), id: Some("event_1".into()) };
        let always = ["events=a,b", "limit=100"];
        let cases = [
            (event(0), vec!["after=event_1"]),
            (event(30), vec!["after=event_1"]),
            (event(40), vec!["after=event_1", "range_end=2026-01-05T12:00:00.000Z"]),
            (Place::since(at(1)), vec!["range_start=2026-01-14T12:00:00.000Z"]),
            (
                Place::since(at(40)),
                vec!["range_start=2025-12-06T12:00:00.000Z", "range_end=2026-01-05T12:00:00.000Z"],
            ),
            // Older than what is kept: from what is, less a margin.
            (
                Place::since(at(400)),
                vec!["range_start=2025-10-17T12:10:00.000Z", "range_end=2025-11-16T12:10:00.000Z"],
            ),
        ];
        for (place, rest) in cases {
            assert_eq!(shape(&place), [&always[..], &rest[..]].concat(), "{place}");
        }
    }

    proptest::proptest! {
        #[test]
        fn property_test_every_request_keeps_to_the_documented_shape(
            age in -DAY_MILLIS..400 * DAY_MILLIS,
            id in proptest::option::of("event_[0-9A-Z]{1,26}"),
        ) {
            let place = Place { at: Timestamp::from_millis(NOW - age), id: id.map(Into::into) };
            let query = place.query("a".into(), at(0));
            proptest::prop_assert_eq!(query.after.is_some(), query.range_start.is_none());
            for (name, value) in query.parameters() {
                let known = ["events", "limit", "after", "range_start", "range_end"];
                proptest::prop_assert!(known.contains(&name), "{}", name);
                proptest::prop_assert!(!name.starts_with("range") || value.ends_with('Z'), "{}", value);
            }
            if let Some(start) = query.range_start {
                let end = query.range_end.unwrap_or(at(0));
                proptest::prop_assert!(end.millis_since(start) <= RANGE_MILLIS_MAX);
                proptest::prop_assert!(at(0).millis_since(start) < days(KEPT_DAYS));
            }
        }
    }
}
