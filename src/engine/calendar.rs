//! When the windows of which scope lose content, so that only those are moved that change.

use std::collections::BTreeMap;

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

/// Scopes by the second at which something may fall out of their windows. Made anew from the windows when a state is loaded.
///
/// A scope whose windows have changed since is looked at for nothing, which is cheaper than to find and remove it: windows
/// move ten seconds at a time, so that few seconds hold all scopes.
#[derive(Clone, Default, Debug)]
pub(super) struct Calendar(BTreeMap<i64, Vec<Place>>);

impl Calendar {
    /// Notes that something of `place` falls out at `second`; `None` stands for empty windows.
    pub(super) fn plan(&mut self, place: Place, second: Option<i64>) {
        if let Some(second) = second {
            self.0.entry(second).or_default().push(place);
        }
    }

    /// Takes those that are due at `second`.
    pub(super) fn due(&mut self, second: i64) -> Vec<Place> {
        let mut due = Vec::new();
        while let Some(first) = self.0.first_entry().filter(|first| *first.key() <= second) {
            due.extend(first.remove());
        }
        due
    }

    /// The second at which the next one is due.
    pub(super) fn next_second(&self) -> Option<i64> {
        self.0.first_key_value().map(|(second, _)| *second)
    }
}
