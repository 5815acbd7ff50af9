//! The state on disk or in NATS, so that a restart need not read the whole journal.
//!
//! Written beside the old one and renamed over it: there is always a whole one. A checkpoint that cannot be read costs time,
//! not data: the journal is folded from its beginning. One that a newer build wrote is no such: that build goes on from it, and
//! the journal may hold less than it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{State, room};
use crate::engine::Config;
use crate::journal::nats::{Checkpoints, NatsError};
use crate::journal::{Disk, JournalError};

/// Its name in a folder.
pub const FILE: &str = "checkpoint";
const MAGIC: [u8; 8] = *b"ssowckpt";

/// Where the checkpoint is.
#[derive(Clone, Debug)]
pub enum Place {
    /// In a folder.
    Folder(Arc<dyn Disk>, PathBuf),
    /// In NATS.
    Nats(Checkpoints),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(_, folder) => write!(f, "{}", folder.join(FILE).display()),
            Self::Nats(_) => f.write_str("NATS"),
        }
    }
}

impl Place {
    /// Writes `state` (from [`State::save`]), in NATS as long as `between` messages the journal is its writer's.
    pub fn write(
        &self,
        state: &[u8],
        between: impl FnMut() -> Result<(), NatsError>,
    ) -> Result<(), JournalError> {
        match self {
            Self::Folder(disk, folder) => {
                write(&**disk, folder, state)
                    .map_err(|error| JournalError::io("write", &folder.join(FILE), error))?;
                self.keep_room(state.len());
                Ok(())
            }
            Self::Nats(checkpoints) => Ok(checkpoints.write(&whole(state), between)?),
        }
    }

    /// Writes `state` (from [`State::save`]) on a full disk, into the room that was kept for it. Who appends meanwhile would take
    /// it. The room is to be kept again.
    pub fn write_into_room(&self, state: &[u8]) -> Result<(), JournalError> {
        let Self::Folder(disk, folder) = self else { unreachable!("NATS has no full disk here") };
        room::give(&**disk, folder);
        write(&**disk, folder, state)
            .map_err(|error| JournalError::io("write", &folder.join(FILE), error))
    }

    /// Keeps room for a checkpoint of a state of so many bytes, if there is any.
    pub fn keep_room(&self, bytes: usize) {
        if let Self::Folder(disk, folder) = self {
            room::keep(&**disk, folder, bytes as u64);
        }
    }

    /// Reads the checkpoint.
    pub fn read(&self, config: &Config) -> Result<Found, JournalError> {
        match self {
            Self::Folder(disk, folder) => read(&**disk, folder, config)
                .map_err(|error| JournalError::io("read", &folder.join(FILE), error)),
            Self::Nats(checkpoints) => Ok(match checkpoints.read()? {
                Some(bytes) => open(&bytes, config),
                None => Found::Nothing,
            }),
        }
    }
}

/// `state` (from [`State::save`]) as a checkpoint.
#[must_use]
pub fn whole(state: &[u8]) -> Vec<u8> {
    [&head(state)[..], state].concat()
}

/// What stands before the state.
fn head(state: &[u8]) -> [u8; 12] {
    let mut head = [0; 12];
    head[..8].copy_from_slice(&MAGIC);
    head[8..].copy_from_slice(&crc32fast::hash(state).to_le_bytes());
    head
}

/// Writes `state` (from [`State::save`]) into `folder`.
pub fn write(disk: &dyn Disk, folder: &Path, state: &[u8]) -> io::Result<()> {
    let path = folder.join(FILE);
    let beside = path.with_extension("new");
    let written = || -> io::Result<()> {
        let mut file = disk.create(&beside)?;
        file.write(&head(state))?;
        file.write(state)?;
        file.sync()
    };
    if let Err(error) = written() {
        // A part of one helps nobody, and on a full disk it would be missing elsewhere.
        drop(disk.remove(&beside));
        return Err(error);
    }
    disk.rename(&beside, &path)?;
    disk.sync_folder(folder)
}

/// What was found.
#[derive(Debug)]
pub enum Found {
    /// A state to go on from.
    State(Box<State>),
    /// Nothing: a first start.
    Nothing,
    /// A checkpoint that cannot be used, and why.
    Unusable(String),
    /// A checkpoint that a newer build wrote, and how that shows.
    Newer(String),
}

/// Reads the checkpoint of `folder`.
pub fn read(disk: &dyn Disk, folder: &Path, config: &Config) -> io::Result<Found> {
    let mut bytes = Vec::new();
    match disk.read(&folder.join(FILE), 0) {
        Ok(mut file) => file.read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error),
    };
    Ok(open(&bytes, config))
}

fn open(bytes: &[u8], config: &Config) -> Found {
    let body = bytes.strip_prefix(&MAGIC).and_then(|rest| rest.split_first_chunk::<4>());
    let Some((crc, state)) = body else { return Found::Unusable("not a checkpoint".into()) };
    if crc32fast::hash(state) != u32::from_le_bytes(*crc) {
        return Found::Unusable("its checksum is wrong".into());
    }
    match State::load(config.clone(), state) {
        Ok(state) => Found::State(Box::new(state)),
        Err(error) if error.is_newer() => Found::Newer(error.to_string()),
        Err(error) => Found::Unusable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::journal::operating_system;

    #[test]
    fn a_checkpoint_is_read_back_and_damage_is_told_from_absence() {
        let disk = &*operating_system();
        let dir = tempfile::tempdir().unwrap();
        let config = Config::default();
        assert!(matches!(read(disk, dir.path(), &config).unwrap(), Found::Nothing));
        let state = State::new(config.clone());
        write(disk, dir.path(), &state.save()).unwrap();
        assert!(matches!(read(disk, dir.path(), &config).unwrap(), Found::State(_)));
        // The engine's version stands behind what is known of the sinks.
        let mut newer = state.save();
        let marks = u64::from_le_bytes(*newer.first_chunk::<8>().unwrap());
        newer[8 + usize::try_from(marks).unwrap()] = u8::MAX;
        assert!(
            matches!(open(&whole(&newer), &config), Found::Newer(why) if why.contains("version 255"))
        );
        let path = dir.path().join(FILE);
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(
            matches!(read(disk, dir.path(), &config).unwrap(), Found::Unusable(why) if why.contains("checksum"))
        );
    }
}
