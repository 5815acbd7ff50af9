//! Lines in files, once or followed: recorded events, and access logs.
//!
//! Once a second a look at the patterns shows which files there are and which have changed; then
//! they are read, oldest change first, a chunk at a time. The position of each file goes into the
//! journal together with what its lines up to there say, so that a restart neither loses nor repeats.
//! `docs/files.md` says what happens to files that are renamed, copied, compressed or cut.

mod chunk;
mod content;
pub mod cursor;
mod follower;
mod mark;
mod memory;
mod open_files;
mod pattern;
mod place;
mod reader;
mod stat;
mod tracked;
mod tracker;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::event::Record;
use crate::journal::{Delivery, Inlet, InletError};
use crate::outbound::Backoff;
use crate::telemetry;

use self::chunk::{Chunk, NAMED_MAX};
pub use self::content::{Content, Events};
use self::follower::{CHUNK_BYTES, Follower};
use self::memory::Memory;
pub use self::pattern::{Pattern, PatternError};
use self::place::Place;
use self::tracked::Serial;
use self::tracker::Tracker;

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Shortest and longest wait when the journal does not take a chunk; the chunk is read again.
const RETRY_WAITS: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(10)];

/// Entries of `sources.files`, and of `sources.edge`: each is looked up every second.
pub(super) const PATTERNS_MAX: usize = 64;

/// One item of `sources.files`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Files")]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// A file, a glob (`*`, `?`, `[…]`, `**`) or a folder, plain, gzip or zstd, one event a line.
    /// Relative to the working directory. Required.
    pub path: String,
    /// Whether new files and new lines are read as they come; otherwise what is there at the start
    /// is read once. Default true.
    #[serde(default = "follow")]
    pub follow: bool,
}

fn follow() -> bool {
    true
}

/// The patterns of `configs`. An error names its key in backquotes.
pub fn patterns(configs: &[Config]) -> Result<Vec<(Pattern, bool)>, String> {
    if configs.len() > PATTERNS_MAX {
        let count = configs.len();
        return Err(format!(
            "`sources.files` has {count} entries; at most {PATTERNS_MAX}, use globs"
        ));
    }
    let read = |(index, config): (usize, &Config)| match Pattern::parse(&config.path) {
        Ok(pattern) => Ok((pattern, config.follow)),
        Err(error) => Err(format!("`sources.files[{index}].path`: {error}")),
    };
    configs.iter().enumerate().map(read).collect()
}

/// The source.
#[derive(Debug)]
pub struct Files<C> {
    follower: Follower,
    content: C,
    inlet: Inlet,
    clock: Clock,
}

/// What one turn of reading gives.
enum Turn<T> {
    /// Lines, and where reading stands with them.
    Chunk(Serial, Chunk<T>),
    /// Nothing until the next look.
    Idle,
    /// Nothing ever.
    Done,
}

impl<C: Content> Files<C> {
    /// Reads the `content` of what `patterns` stand for (with whether it is followed), from where
    /// `cursors` (key and value) say.
    pub fn new<'a>(
        patterns: impl IntoIterator<Item = (Pattern, bool)>,
        cursors: impl IntoIterator<Item = (&'a str, &'a str)>,
        content: C,
        inlet: Inlet,
        clock: Clock,
    ) -> Self {
        let places = patterns.into_iter().enumerate();
        let places =
            places.map(|(entry, (pattern, follow))| Place::new(entry, pattern, follow)).collect();
        let marks =
            cursors.into_iter().filter_map(|(key, value)| cursor::read(C::SOURCE, key, value));
        let tracker = Tracker::new(Memory::new(marks, clock.now()));
        let lines = (C::SOURCE, C::LINES_END_THEMSELVES);
        let follower = Follower::new(places, tracker, CHUNK_BYTES, lines);
        Self { follower, content, inlet, clock }
    }

    /// Reads until everything that is read once has been read and nothing is followed, or until
    /// `stop`.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut backoff = Backoff::new(RETRY_WAITS[0], RETRY_WAITS[1], None);
        let mut look_at = Instant::now();
        while !*stop.borrow() {
            let look = Instant::now() >= look_at;
            let turn;
            (self, turn) = self.turn(look).await;
            if look {
                look_at = Instant::now() + LOOK_EVERY;
            }
            let wait_until = match turn {
                Turn::Done => break,
                Turn::Idle => look_at,
                Turn::Chunk(serial, chunk) => match self.deliver(serial, chunk).await {
                    Ok(()) => {
                        backoff.reset();
                        continue;
                    }
                    Err(InletError::Closed) => break,
                    Err(error @ (InletError::Busy | InletError::Storage(_))) => {
                        telemetry::source_trouble(C::SOURCE.as_str(), &error);
                        Instant::now() + backoff.next_wait(None)
                    }
                },
            };
            tokio::select! {
                // An error means that the daemon is gone: stop as well.
                _ = stop.wait_for(|stop| *stop) => break,
                () = tokio::time::sleep_until(wait_until) => {}
            }
        }
    }

    /// Looks, if it is time, and reads a chunk; on a thread of its own, as disks may be slow.
    async fn turn(mut self, look: bool) -> (Self, Turn<C::Taken>) {
        let turn = move || {
            let now = self.clock.now();
            if look {
                self.follower.look(now);
            }
            let mut read = |entry: usize, line: &[u8]| self.content.read(entry, line, now);
            let turn = match self.follower.next(now, &mut read) {
                Some((serial, chunk)) => Turn::Chunk(serial, chunk),
                None if self.follower.is_done() => Turn::Done,
                None => Turn::Idle,
            };
            (self, turn)
        };
        tokio::task::spawn_blocking(turn).await.expect("reading files does not panic")
    }

    /// Hands over a chunk together with the position behind it, and goes on from there once both
    /// are durable.
    async fn deliver(&mut self, serial: Serial, chunk: Chunk<C::Taken>) -> Result<(), InletError> {
        let tracker = &mut self.follower.tracker;
        let file = tracker.get(serial);
        let path = file.path.display().to_string();
        let Delivery { events, mut records } = self.content.deliver(chunk.taken);
        if !chunk.rejected.is_empty() {
            // Not counted by the inlet: with the position, so that a restart counts none of them
            // twice.
            let rejected = chunk.rejected;
            records.push(Record::Refused { source: C::SOURCE, duplicates: 0, rejected });
        }
        records.push(cursor::record(C::SOURCE, file.key, path.clone(), &chunk.mark));
        records.extend(tracker.forgotten().iter().map(|key| cursor::end(C::SOURCE, *key)));
        self.inlet.deliver(Delivery { events, records }).await?;
        let named = chunk.named.len().min(NAMED_MAX.saturating_sub(tracker.get(serial).named));
        for (line, rejection) in &chunk.named[..named] {
            telemetry::line_rejected(&path, *line, rejection.reason.as_str(), &rejection.problem);
        }
        tracker.advance(serial, chunk.mark, named);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
