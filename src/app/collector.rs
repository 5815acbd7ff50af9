//! The owner's way to what standbys took: a pulled source, whose cursor is in the same append as what came before it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::event::Record;
use crate::journal::nats::{Intake, NatsError};
use crate::journal::{Inlet, InletError};
use crate::telemetry;

/// The cursor's key.
pub(super) const CURSOR: &str = "nats_intake";

/// How often it is looked for more: what a standby takes is judged so much later.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// How often what the journal has is removed.
const REMOVE_EVERY: Duration = Duration::from_secs(2);

/// The task.
#[derive(Debug)]
pub(super) struct Collector {
    pub(super) intake: Intake,
    pub(super) cursor: Option<String>,
    pub(super) inlet: Inlet,
}

/// One turn went wrong.
#[derive(Debug, thiserror::Error)]
enum TurnError {
    #[error(transparent)]
    Nats(#[from] NatsError),
    #[error(transparent)]
    Inlet(#[from] InletError),
}

impl Collector {
    /// Runs until `stop`.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let (mut done, mut removed, mut remove_at) = (0, 0, Instant::now());
        loop {
            let pause = match self.turn().await {
                Ok(Some(next)) => {
                    done = next;
                    Duration::ZERO
                }
                Ok(None) => LOOK_EVERY,
                Err(TurnError::Inlet(InletError::Closed)) => break,
                Err(error) => {
                    tracing::warn!(%error, "What standbys took cannot be collected; it is tried again.");
                    PAUSE
                }
            };
            if done > removed && Instant::now() >= remove_at {
                remove_at = Instant::now() + REMOVE_EVERY;
                match self.intake.remove(done).await {
                    Ok(()) => removed = done,
                    // It is read over until it is gone.
                    Err(error) => {
                        tracing::warn!(%error, "What was collected cannot be removed yet.");
                    }
                }
            }
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                () = sleep(pause) => {}
            }
        }
    }

    /// Takes what is there and makes it durable; what may then be removed.
    async fn turn(&mut self) -> Result<Option<u64>, TurnError> {
        let Some(mut taken) = self.intake.take(self.cursor.as_deref()).await? else {
            telemetry::intake_waits(0);
            return Ok(None);
        };
        telemetry::intake_waits(taken.waiting);
        if taken.bad > 0 {
            let detail = format!(
                "{} message(s) of the intake could not be read and were put aside, into the stream `…_aside`",
                taken.bad
            );
            telemetry::damage_found("intake", &detail);
        }
        let cursor = Record::Cursor { key: CURSOR.into(), value: taken.cursor.as_str().into() };
        taken.delivery.records.push(cursor);
        self.inlet.deliver(taken.delivery).await?;
        self.cursor = Some(taken.cursor);
        Ok(Some(taken.next))
    }
}
