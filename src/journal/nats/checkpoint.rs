//! The checkpoint, in a stream of its own: the last one that is whole counts, and those before it are removed.

use tokio::time::Instant;

use super::error::NatsError;
use super::journal::fresh_id;
use super::lease::TERM;
use super::part::{self, Joiner, Kind};
use super::stream::{Followed, Info, Stream};
use crate::event::Timestamp;

/// Where checkpoints are. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Checkpoints(Stream);

impl Checkpoints {
    pub(super) fn new(stream: Stream) -> Self {
        Self(stream)
    }

    pub(super) fn stream(&self) -> Stream {
        self.0.clone()
    }

    /// Writes a checkpoint, as long as `between` its messages nothing is wrong. Two that are written at once do not mix: one of
    /// them is refused.
    pub fn write(
        &self,
        bytes: &[u8],
        between: impl FnMut() -> Result<(), NatsError>,
    ) -> Result<(), NatsError> {
        let stream = self.0.clone();
        let info = self.0.wait(async move { stream.info().await })?;
        self.append(&info, bytes, between)
    }

    /// Writes a checkpoint unless there is one already, or somebody else writes one; whether it is there.
    pub fn write_first(&self, bytes: &[u8]) -> Result<bool, NatsError> {
        let stream = self.0.clone();
        let (info, newest) = self.0.wait(async move {
            let info = stream.info().await?;
            let newest = newest(&stream, &info).await?;
            Ok::<_, NatsError>((info, newest))
        })?;
        if newest.is_some() {
            return Ok(false);
        }
        match self.append(&info, bytes, || Ok(())) {
            Ok(()) => Ok(true),
            Err(NatsError::NotOwner) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn append(
        &self,
        info: &Info,
        bytes: &[u8],
        mut between: impl FnMut() -> Result<(), NatsError>,
    ) -> Result<(), NatsError> {
        let (writer, begin) = (fresh_id(), info.last + 1);
        let messages = part::split(Kind::Checkpoint, writer, 0, Timestamp::default(), bytes);
        between()?;
        for (last, message) in (info.last..).zip(messages) {
            let (stream, id) = (self.0.clone(), format!("{writer:016x}-{last}"));
            let taken = self.0.wait(async move {
                stream.follow(last, &id, &message, Instant::now() + TERM).await
            })?;
            if matches!(taken, Followed::Refused) {
                return Err(NatsError::NotOwner);
            }
            between()?;
        }
        let stream = self.0.clone();
        Ok(self.0.wait(async move { stream.purge(begin).await })?)
    }

    /// The newest checkpoint that is whole.
    pub fn read(&self) -> Result<Option<Vec<u8>>, NatsError> {
        let stream = self.0.clone();
        self.0.wait(async move {
            let mut info = stream.info().await?;
            loop {
                let newest = newest(&stream, &info).await?;
                let now = stream.info().await?;
                // The owner may have written a new one and removed the one that was to be read.
                if newest.is_some() || now.last == info.last {
                    return Ok(newest);
                }
                info = now;
            }
        })
    }
}

async fn newest(stream: &Stream, info: &Info) -> Result<Option<Vec<u8>>, NatsError> {
    let (mut joiner, mut newest, mut next) = (Joiner::default(), None, info.first.max(1));
    while next <= info.last {
        let messages;
        (messages, next) = stream.read(next, info.last).await?;
        for message in messages {
            newest = joiner.take(&message).or(newest);
        }
    }
    Ok(newest.map(|whole| whole.bytes))
}
