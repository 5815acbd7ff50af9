//! In which order recorded entries became known.

use crate::event::{Entry, Record, Timestamp};

/// The places of `entries` in the order in which they became known; of those of one moment, events by id and then seconds of
/// access logs. Places are sorted and not entries, which are 270 bytes each; and by time first, for most recordings are in
/// that order already.
pub(super) fn order(entries: &[Entry]) -> Vec<usize> {
    let mut order: Vec<(Timestamp, usize)> =
        entries.iter().enumerate().map(|(place, entry)| (entry.received_at, place)).collect();
    order.sort_by_key(|(at, _)| *at);
    let id = |place: usize| match &entries[place].record {
        Record::Event { event, .. } => (false, Some(&event.id)),
        _ => (true, None),
    };
    for moment in order.chunk_by_mut(|(a, _), (b, _)| a == b) {
        if moment.len() > 1 {
            moment.sort_by(|(_, a), (_, b)| id(*a).cmp(&id(*b)));
        }
    }
    order.into_iter().map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::edge::EdgeTally;
    use crate::event::{AuthEvent, Body, EventId, Source};

    fn event(at: i64, id: &str) -> Entry {
        let at = Timestamp::from_millis(at);
        let event = AuthEvent {
            id: EventId::new(id),
            at,
            name: "x".into(),
            body: Body::Other,
            novel: Vec::new(),
        };
        Entry { received_at: at, record: Record::Event { source: Source::Files, event } }
    }

    fn tally(at: i64) -> Entry {
        let record = Record::Edge(EdgeTally::default());
        Entry { received_at: Timestamp::from_millis(at), record }
    }

    #[test]
    fn time_goes_first_then_ids_then_seconds_of_access_logs_as_they_were_given() {
        let entries =
            [event(2, "a"), tally(1), event(1, "c"), tally(1), event(1, "b"), event(0, "d")];
        assert_eq!(order(&entries), [5, 4, 2, 1, 3, 0]);
    }
}
