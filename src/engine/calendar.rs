//! When the windows of which scope lose content, so that only those are moved that change.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// A scope by its place in memory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) enum Place {
    /// One connection.
    Connection(u32),
    /// All connections of one type.
    Provider(u32),
    /// All.
    Fleet,
}

/// Every scope whose windows hold anything, by the second at which the first of it falls out. Made anew from the windows
/// when a state is loaded.
#[derive(Clone, Default, Debug)]
pub(super) struct Calendar(BTreeSet<(i64, Place)>);

impl Calendar {
    /// Moves `place` from `before` to `after`; `None` stands for empty windows.
    pub(super) fn plan(&mut self, place: Place, before: Option<i64>, after: Option<i64>) {
        if before == after {
            return;
        }
        if let Some(second) = before {
            self.0.remove(&(second, place));
        }
        if let Some(second) = after {
            self.0.insert((second, place));
        }
    }

    /// The next one that is due at `second`, which it leaves in place.
    pub(super) fn due(&self, second: i64) -> Option<Place> {
        self.0.first().filter(|(due, _)| *due <= second).map(|(_, place)| *place)
    }

    /// The second at which the next one is due.
    pub(super) fn next_second(&self) -> Option<i64> {
        self.0.first().map(|(second, _)| *second)
    }

    /// The connections whose windows hold anything.
    pub(super) fn connections(&self) -> impl Iterator<Item = u32> {
        self.0.iter().filter_map(|(_, place)| match place {
            Place::Connection(index) => Some(*index),
            Place::Provider(_) | Place::Fleet => None,
        })
    }
}
