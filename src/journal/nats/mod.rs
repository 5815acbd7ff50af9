//! The journal in NATS JetStream, for several instances of which one at a time owns it.
//!
//! Three streams: the journal, whose messages are the owner's appends; the intake, where the others put what they took; and
//! the checkpoint. Each append names the message that it follows, so that of two who think that they are the owner one is
//! refused (`lease`).

mod candidate;
mod checkpoint;
mod config;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod intake;
mod journal;
mod lease;

mod part;
mod reader;
mod search;
mod stream;

pub use candidate::Candidate;
pub use checkpoint::Checkpoints;
pub use config::Config;
pub use error::NatsError;
pub use intake::{Intake, Taken};
pub use journal::Journal;
pub use lease::Lease;
pub use reader::Reader;

use journal::Keep;
use stream::{Full, Shape, Stream};

use crate::bus::{BusError, Link};

/// What checkpoints may take: an old and a new one of the largest size. Servers set aside what a stream may take.
const CHECKPOINT_BYTES_MAX: u64 = 2 << 30;

/// What messages that could not be read may take; the oldest go first.
const ASIDE_BYTES_MAX: u64 = 64 << 20;

/// The streams. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cluster {
    journal: Stream,
    keep: Keep,
    intake: Intake,
    checkpoints: Checkpoints,
}

impl Cluster {
    /// Connects; makes what is missing, and checks what is there.
    pub fn open(config: &Config) -> Result<Self, NatsError> {
        let settings = |error| BusError::Settings { place: "journal.nats", error };
        let link = Link::connect(&config.access().map_err(settings)?)?;
        let Config { stream, replicas, retention, max_bytes, .. } = config.clone();
        let keep = Keep { retention, max_bytes: max_bytes.bytes() };
        let shape = |max_bytes, full| Shape { replicas, max_bytes, full };
        let journal = shape(keep.max_bytes, Full::OldestGo);
        let intake = shape(config.intake_max_bytes.bytes(), Full::Refuse);
        let checkpoint = shape(CHECKPOINT_BYTES_MAX, Full::Refuse);
        let aside = shape(ASIDE_BYTES_MAX, Full::OldestGo);
        let on = link.clone();
        link.wait(async move {
            let journal = Stream::open(&on, &stream, "journal", journal).await?;
            let intake = Stream::open(&on, &stream, "intake", intake).await?;
            let aside = Stream::open(&on, &stream, "aside", aside).await?;
            let checkpoint = Stream::open(&on, &stream, "checkpoint", checkpoint).await?;
            let (intake, checkpoints) = (Intake::new(intake, aside), Checkpoints::new(checkpoint));
            Ok(Self { journal, keep, intake, checkpoints })
        })
    }

    /// Tries whether the login may write all that it may have to.
    pub fn may_write(&self) -> Result<(), NatsError> {
        let [intake, aside] = self.intake.streams();
        let streams = [self.journal.clone(), intake, aside, self.checkpoints.stream()];
        self.journal.wait(async move {
            for stream in streams {
                stream.may_publish().await?;
            }
            Ok(())
        })
    }

    /// Reads along.
    #[must_use]
    pub fn candidate(&self) -> Candidate {
        Candidate::new(Journal::new(self.journal.clone(), self.keep))
    }

    /// Where standbys put what they take.
    #[must_use]
    pub fn intake(&self) -> Intake {
        self.intake.clone()
    }

    /// Where checkpoints are.
    #[must_use]
    pub fn checkpoints(&self) -> Checkpoints {
        self.checkpoints.clone()
    }
}
