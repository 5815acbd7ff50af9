//! The record of how far a sink has come, and of how it is, in the journal.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::health::Condition;
use crate::event::Record;
use crate::journal::{Delivery, Inlet};
use crate::telemetry;

/// How long the journal may take: longer than a slow disk, and no sink waits for more.
const RECORD_TIMEOUT: Duration = Duration::from_secs(5);

/// When the journal is tried again after it failed.
const RECORD_PAUSE: Duration = Duration::from_secs(30);

/// Records the marks of one sink. While the journal fails the sink goes on; a restart then sends some things once more.
#[derive(Debug)]
pub(super) struct Ledger {
    sink: &'static str,
    inlet: Inlet,
    owed: Option<u64>,
    /// How the sink is, where that has changed.
    health: Option<Condition>,
    record_at: Instant,
}

impl Ledger {
    pub(super) fn new(sink: &'static str, inlet: Inlet) -> Self {
        Self { sink, inlet, owed: None, health: None, record_at: Instant::now() }
    }

    /// Notes that the sink has come to `mark`.
    pub(super) fn note(&mut self, mark: u64) {
        self.owed = Some(mark);
    }

    /// Notes how the sink is: in trouble, or well again.
    pub(super) fn note_health(&mut self, condition: Condition) {
        self.health = Some(condition);
    }

    /// Puts the newest mark and the newest health into the journal, if they are not there yet.
    pub(super) async fn record(&mut self) {
        if Instant::now() < self.record_at {
            return;
        }
        let sent = self.owed.map(|mark| Record::Sent { sink: self.sink.into(), mark });
        let health = self.health.as_ref().map(|condition| Record::SinkHealth {
            sink: self.sink.into(),
            trouble: match condition {
                Condition::Well => None,
                Condition::Trouble(words) => Some(words.as_str().into()),
            },
        });
        let records: Vec<_> = sent.into_iter().chain(health).collect();
        if records.is_empty() {
            return;
        }
        let delivery = Delivery { events: Vec::new(), records };
        let problem = match timeout(RECORD_TIMEOUT, self.inlet.deliver(delivery)).await {
            Ok(Ok(_)) => {
                self.owed = None;
                self.health = None;
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("the journal took longer than {} s", RECORD_TIMEOUT.as_secs()),
        };
        self.record_at = Instant::now() + RECORD_PAUSE;
        telemetry::sink_unrecorded(self.sink, &problem);
    }

    /// The last try, without a pause.
    pub(super) async fn close(mut self) {
        self.record_at = Instant::now();
        self.record().await;
    }
}
