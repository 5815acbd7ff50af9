//! The families of what comes in: what each source did.

use super::Page;
use crate::signal::catalog::{self, Metric};
use crate::signal::{Snapshot, SourceView};

/// A count of a source.
type Count = fn(&SourceView) -> u64;

impl Page {
    #[expect(clippy::cast_precision_loss, reason = "a lag in seconds needs no more than 52 bits")]
    pub(super) fn sources(&mut self, snapshot: &Snapshot) {
        let counters: [(&Metric, Count); 4] = [
            (&catalog::EVENTS_RECEIVED, |source| source.received),
            (&catalog::EVENTS_DUPLICATE, |source| source.duplicates),
            (&catalog::EVENTS_LATE, |source| source.late),
            (&catalog::EVENTS_MISSING, |source| source.missing),
        ];
        for (metric, count) in counters {
            self.family(metric);
            for source in &snapshot.sources {
                self.sample(metric, &[source.source.as_str()], count(source));
            }
        }
        self.family(&catalog::EVENTS_REJECTED);
        for source in &snapshot.sources {
            for (reason, count) in &source.rejected {
                self.sample(
                    &catalog::EVENTS_REJECTED,
                    &[source.source.as_str(), reason.as_str()],
                    count,
                );
            }
        }
        self.family(&catalog::SOURCE_LAG);
        for source in &snapshot.sources {
            if let Some(lag) = source.lag_millis {
                self.sample(&catalog::SOURCE_LAG, &[source.source.as_str()], lag as f64 / 1000.0);
            }
        }
        self.family(&catalog::SOURCE_LAST_EVENT);
        for source in &snapshot.sources {
            if let Some(at) = source.last_event_at {
                let seconds = at.millis() as f64 / 1000.0;
                self.sample(&catalog::SOURCE_LAST_EVENT, &[source.source.as_str()], seconds);
            }
        }
    }
}
