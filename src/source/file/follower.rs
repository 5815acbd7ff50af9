//! Looks, opens and reads; [`Tracker`] says what.

use std::collections::BTreeMap;
use std::io;

use crate::event::batch::{LINE_BYTES_MAX, Packing};
use crate::event::decode::Rejection;
use crate::event::{Reason, Source, Timestamp};
use crate::telemetry;

use super::chunk::{Chunk, Ending};
use super::mark::{EDGE_BYTES, Head, Mark};
use super::open_files::OpenFiles;
use super::place::{Place, View};
use super::reader::After;
use super::tracked::{Phase, Serial};
use super::tracker::{Identity, Owner, Tracker};

/// Content that is read in one go: room for the longest line and its end, or 1,500 events.
pub(super) const CHUNK_BYTES: usize = LINE_BYTES_MAX + 2;

/// Files that are held open without need, so that they can be read to their ends after a rotation:
/// a quarter of the usual limit of a process.
const OPEN_MAX: usize = 256;

/// Reads all files, a chunk at a time.
#[derive(Debug)]
pub(super) struct Follower {
    places: Vec<Place>,
    pub(super) tracker: Tracker,
    open: OpenFiles,
    chunk_bytes: usize,
    source: Source,
    /// Whether a line says by itself where it ends.
    lines_end_themselves: bool,
    /// The last trouble of each place, so that it is said once.
    troubles: BTreeMap<String, String>,
}

/// A new file was held against the marks of others.
enum Identified {
    /// Read on from its mark.
    Go,
    /// Its content up to this mark has been read elsewhere.
    Copy(Mark),
    /// Nobody knows yet.
    Wait,
}

impl Follower {
    /// Reads what `places` stand for, `chunk_bytes` at a time, from where `tracker` says, for `source`.
    pub(super) fn new(
        places: Vec<Place>,
        tracker: Tracker,
        chunk_bytes: usize,
        (source, lines_end_themselves): (Source, bool),
    ) -> Self {
        let (open, troubles) = (OpenFiles::default(), BTreeMap::new());
        Self { places, tracker, open, chunk_bytes, source, lines_end_themselves, troubles }
    }

    /// Looks which files there are and which have changed.
    pub(super) fn look(&mut self, now: Timestamp) {
        let mut view = View::default();
        for place in &mut self.places {
            place.look(&mut view);
        }
        view.limit(self.source);
        for (place, problem) in &view.troubles {
            if self.troubles.get(place) != Some(problem) {
                telemetry::source_trouble(self.source.as_str(), problem);
            }
        }
        self.troubles = view.troubles;
        let complete = !view.incomplete;
        self.tracker.look(view.sightings, |serial| self.open.stat(serial), complete, now);
        self.open.keep(|serial| self.tracker.has(serial));
    }

    /// Reads the next chunk; `None` when nothing can be read until the next look. `decode` reads a
    /// line of a file of the place with this number.
    pub(super) fn next<T>(
        &mut self,
        now: Timestamp,
        decode: &mut impl FnMut(usize, &[u8]) -> Result<T, Rejection>,
    ) -> Option<(Serial, Chunk<T>)> {
        while let Some(serial) = self.tracker.next() {
            match self.attend(serial, now, decode) {
                Ok(Some(chunk)) => return Some((serial, chunk)),
                Ok(None) => {}
                Err(error) => {
                    self.open.close(serial);
                    let path = self.tracker.get(serial).path.display();
                    let trouble =
                        format!("cannot read {path}: {error}; check owner and permissions");
                    if self.tracker.fail(serial, trouble.clone()) {
                        telemetry::source_trouble(self.source.as_str(), &trouble);
                    }
                }
            }
        }
        None
    }

    /// Whether nothing is left to do: every place is read once, and has been.
    pub(super) fn is_done(&self) -> bool {
        self.places.iter().all(Place::is_fixed) && self.tracker.all_read()
    }

    /// How many files are open.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.open.len()
    }

    /// Gets one file on: reads a chunk, or finds out what it waits for.
    fn attend<T>(
        &mut self,
        serial: Serial,
        now: Timestamp,
        decode: &mut impl FnMut(usize, &[u8]) -> Result<T, Rejection>,
    ) -> io::Result<Option<Chunk<T>>> {
        if !self.opened(serial)? {
            return Ok(None);
        }
        let packing = self.open.packing(serial)?;
        let file = self.tracker.get(serial);
        if packing != Packing::Plain && file.growing && !file.settled(now) {
            self.tracker.park(serial, Phase::Growing);
            return Ok(None);
        }
        if file.unverified {
            self.open.rewind(serial);
        }
        if file.mark.offset == 0 {
            match self.identify(serial, packing, now)? {
                Identified::Go => {}
                Identified::Copy(mark) => return Ok(Some(Chunk::at(mark))),
                Identified::Wait => return Ok(None),
            }
        } else if file.unverified {
            let head = self.open.piece(serial, packing, 0, EDGE_BYTES)?;
            if !self.tracker.get(serial).mark.head_fits(&mut Head::new(head.content)) {
                self.restart(serial, now);
                return Ok(None);
            }
        }
        self.tracker.verified(serial);
        self.read(serial, packing, now, decode)
    }

    /// Opens the file if it is not open. Says whether it is still the one that was seen.
    fn opened(&mut self, serial: Serial) -> io::Result<bool> {
        if self.open.has(serial) {
            return Ok(true);
        }
        if self.open.len() >= OPEN_MAX {
            let idle = self
                .tracker
                .files()
                .filter(|(other, file)| file.at_rest() && self.open.has(*other));
            let oldest = idle.min_by_key(|(_, file)| file.stat.modified).map(|(other, _)| other);
            if let Some(oldest) = oldest {
                self.open.close(oldest);
            }
        }
        let file = self.tracker.get(serial);
        let same = match self.open.open(serial, &file.path, file.stat.node) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            opened => opened?,
        };
        if !same {
            // The next look shows what it is now.
            self.tracker.park(serial, Phase::Failed);
        }
        Ok(same)
    }

    /// Finds out whether a file of which nothing was read yet is a copy of one that was read.
    fn identify(
        &mut self,
        serial: Serial,
        packing: Packing,
        now: Timestamp,
    ) -> io::Result<Identified> {
        let head = self.open.piece(serial, packing, 0, EDGE_BYTES)?.content.to_vec();
        let (mut best, mut offset, mut short): (Vec<Owner>, u64, bool) = (Vec::new(), 0, false);
        for (owner, mark) in self.tracker.candidates(serial, &head) {
            let tail = self.open.piece(serial, packing, mark.tail_from(), mark.tail_bytes())?;
            if mark.tail_fits(tail.content) {
                if mark.offset > offset {
                    best.clear();
                }
                offset = mark.offset;
                best.push(owner);
            } else if tail.content.len() < mark.tail_bytes() {
                short = true;
            }
        }
        if short && !self.tracker.get(serial).settled(now) {
            // The beginning of a file that was read: a copy under way.
            self.tracker.park(serial, Phase::Unsettled);
            return Ok(Identified::Wait);
        }
        if best.is_empty() {
            return Ok(Identified::Go);
        }
        Ok(match self.tracker.identify(serial, &best) {
            Identity::Known => Identified::Go,
            Identity::Copy(mark) => Identified::Copy(mark),
            Identity::Behind(other) => {
                self.tracker.park(serial, Phase::Behind(other));
                Identified::Wait
            }
        })
    }

    /// Reads on from the mark.
    fn read<T>(
        &mut self,
        serial: Serial,
        packing: Packing,
        now: Timestamp,
        decode: &mut impl FnMut(usize, &[u8]) -> Result<T, Rejection>,
    ) -> io::Result<Option<Chunk<T>>> {
        let file = self.tracker.get(serial);
        let mark = &file.mark;
        let most = mark.tail_bytes() + self.chunk_bytes;
        let piece = self.open.piece(serial, packing, mark.tail_from(), most)?;
        if !mark.tail_fits(piece.content) {
            self.restart(serial, now);
            return Ok(None);
        }
        let packed = packing != Packing::Plain;
        let ending = match &piece.after {
            After::More => Ending::Cut,
            After::End if file.is_final(packed, now) => Ending::Final,
            After::End | After::Damage(_) if self.lines_end_themselves => Ending::Open,
            After::End | After::Damage(_) => Ending::Growing,
        };
        let entry = file.entry;
        let mut chunk =
            Chunk::read(mark, piece.content, ending, &mut |line: &[u8]| decode(entry, line));
        let unread = piece.content.len() as u64 - (chunk.mark.offset - mark.tail_from());
        let mut left = unread > 0;
        if let After::Damage(error) = &piece.after
            && chunk.mark.offset == mark.offset
        {
            left = true;
            if file.settled(now) && !mark.damaged {
                let problem = format!("cannot be decompressed from here on: {error}");
                chunk.reject(mark.lines + 1, Rejection::new(Reason::BadEncoding, problem));
                chunk.mark.damaged = true;
            }
        }
        if packed && file.settled(now) && (chunk.mark.damaged || ending == Ending::Final) {
            chunk.mark.sealed = Some(file.stat);
        }
        if chunk.mark != *mark {
            return Ok(Some(chunk));
        }
        self.tracker.end(serial, left, packed, now);
        // A compressed file is complete; no need to hold it.
        if !self.tracker.has(serial) || (packed && self.tracker.get(serial).at_rest()) {
            self.open.close(serial);
        }
        Ok(None)
    }

    fn restart(&mut self, serial: Serial, now: Timestamp) {
        let path = self.tracker.get(serial).path.display().to_string();
        tracing::info!(path, "File is not what it was; it is read from its beginning.");
        self.open.rewind(serial);
        self.tracker.restart(serial, now);
    }
}
