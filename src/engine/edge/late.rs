//! Bins of logs that come late or in batches, by their own time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sign::Counted;

/// Bins behind those that have been judged, by their beginnings, with the time at which something of them came first: a part of the state
/// that older builds did not have.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Late(BTreeMap<i64, (i64, Counted)>);

impl Late {
    /// The bin that begins there, something of which comes at `now`.
    pub(super) fn bin(&mut self, begin: i64, now: i64) -> &mut Counted {
        &mut self.0.entry(begin).or_insert_with(|| (now, Counted::default())).1
    }

    /// When something came first of that which waits longest.
    pub(super) fn first_came(&self) -> Option<i64> {
        self.0.values().map(|(came, _)| *came).min()
    }

    /// Takes out what came first at `due` or before: all of it is there.
    pub(super) fn complete(&mut self, due: i64) -> Vec<(i64, Counted)> {
        let all = self.0.extract_if(.., |_, (came, _)| *came <= due);
        all.map(|(begin, (_, counted))| (begin, counted)).collect()
    }

    pub(super) fn bins(&self) -> impl Iterator<Item = (&i64, &Counted)> {
        self.0.iter().map(|(begin, (_, counted))| (begin, counted))
    }
}
