//! Which connections have series of their own when there are more than `sinks.prometheus.max_connections`.

use std::cmp::Reverse;
use std::sync::{Mutex, PoisonError};

use crate::signal::Snapshot;

/// The choice, by index of the connection. A connection that has series keeps them: taking it out of `other`, or putting it
/// back, would move totals from one counter to another, and a counter must not go backwards. So the busiest are chosen when
/// the limit is first passed (the unknown bucket always among them), and nobody is moved afterwards.
#[derive(Debug)]
pub struct Series {
    max: usize,
    chosen: Mutex<Vec<bool>>,
}

impl Series {
    /// At most `max` connections with series of their own.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { max, chosen: Mutex::default() }
    }

    /// Whether each connection of `snapshot` has series of its own.
    pub fn choose(&self, snapshot: &Snapshot) -> Vec<bool> {
        // The choice is whole after each step, so a panic of another scrape does not harm it.
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        let known = chosen.len();
        chosen.resize(snapshot.connections.len().max(known), false);
        let taken = chosen.iter().filter(|chosen| **chosen).count();
        let mut newcomers: Vec<usize> = (known..snapshot.connections.len()).collect();
        newcomers.sort_by_key(|index| {
            let connection = &snapshot.connections[*index];
            let totals = &connection.scope.totals;
            (connection.id.is_some(), Reverse(totals.started.max(totals.finished())))
        });
        for index in newcomers.into_iter().take(self.max.saturating_sub(taken)) {
            chosen[index] = true;
        }
        chosen[..snapshot.connections.len()].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::event::ConnectionId;
    use crate::signal::{ConnectionView, Counts, ScopeView};

    fn snapshot(started: &[u64]) -> Snapshot {
        let connection = |(index, started): (usize, &u64)| {
            let totals = Counts { started: *started, ..Counts::default() };
            Arc::new(ConnectionView {
                id: (index != 1).then(|| ConnectionId::new("conn")),
                info: None,
                certificates: std::collections::BTreeMap::new(),
                scope: ScopeView { totals, ..ScopeView::default() },
                causes: Vec::new(),
                failers: Box::default(),
                last_event_at: None,
            })
        };
        Snapshot {
            connections: started.iter().enumerate().map(connection).collect(),
            ..Snapshot::default()
        }
    }

    #[test]
    fn the_busiest_and_the_unknown_bucket_are_chosen_and_nobody_is_moved_later() {
        let series = Series::new(3);
        assert_eq!(series.choose(&snapshot(&[1, 0, 7, 9])), [false, true, true, true]);
        assert_eq!(
            series.choose(&snapshot(&[99, 0, 7, 9, 1000])),
            [false, true, true, true, false],
            "`other` must not lose what it holds"
        );
    }

    #[test]
    fn places_that_are_left_go_to_the_busiest_newcomers() {
        let series = Series::new(4);
        assert_eq!(series.choose(&snapshot(&[1, 0])), [true, true]);
        assert_eq!(series.choose(&snapshot(&[1, 0, 2, 5, 4])), [true, true, false, true, true]);
    }
}
