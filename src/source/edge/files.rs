//! Access logs in files, followed or read once.

use std::sync::Arc;

use super::config::Log;
use crate::event::decode::Rejection;
use crate::event::edge::{Scheme, Tallier};
use crate::event::{Privacy, Record, Source, Timestamp};
use crate::journal::Delivery;
use crate::source::file::Content;

/// The lines of access logs, which are added up chunk by chunk.
#[derive(Debug)]
pub struct AccessLogs {
    /// One for each entry of the configuration.
    talliers: Vec<Tallier>,
}

impl AccessLogs {
    /// For the files of `logs`, in the order of the configuration. The error is a sentence.
    pub fn new<'a>(
        logs: impl Iterator<Item = &'a Log>,
        scheme: &Arc<Scheme>,
        privacy: &Privacy,
    ) -> Result<Self, String> {
        let tallier = |log: &Log| {
            Tallier::new(Arc::clone(scheme), &log.format, log.tier.as_deref(), privacy.clone())
        };
        Ok(Self { talliers: logs.map(tallier).collect::<Result<_, _>>()? })
    }
}

impl Content for AccessLogs {
    /// A line is in its tally already.
    type Taken = ();

    const SOURCE: Source = Source::Edge;
    /// The beginning of a line may look like a whole one.
    const LINES_END_THEMSELVES: bool = false;

    fn read(&mut self, entry: usize, line: &[u8], now: Timestamp) -> Result<(), Rejection> {
        self.talliers[entry].add(line.trim_ascii(), now)
    }

    fn deliver(&mut self, _: Vec<()>) -> Delivery {
        let tallies = self.talliers.iter_mut().flat_map(Tallier::take);
        Delivery { records: tallies.map(Record::Edge).collect(), ..Delivery::default() }
    }
}

#[cfg(test)]
mod tests;
