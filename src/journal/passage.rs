//! Whether what a standby takes gets to the owner's journal. The owner itself shows it by its time, which stands meanwhile.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Who has passed nothing on for so long is of no use to a load balancer: longer than NATS takes for a new leader, and the same
/// as for an owner.
const PATIENCE: Duration = Duration::from_secs(30);

/// Since when nothing was passed on of what came.
#[derive(Debug, Default)]
pub struct Passage(Mutex<Option<Instant>>);

impl Passage {
    /// Something was passed on.
    pub fn took(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Something could not be passed on.
    pub fn refused(&self) {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.get_or_insert_with(Instant::now);
    }

    /// Whether the last that came could not be passed on.
    #[must_use]
    pub fn is_doubted(&self) -> bool {
        self.since().is_some()
    }

    /// Whether nothing could be passed on for so long that nothing more should come.
    #[must_use]
    pub fn is_shut(&self) -> bool {
        self.since().is_some_and(|since| since.elapsed() >= PATIENCE)
    }

    fn since(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
