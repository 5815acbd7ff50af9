//! The state on disk, so that a restart need not read the whole journal.
//!
//! Written beside the old one and renamed over it: there is always a whole one. A checkpoint that cannot be read costs time,
//! not data: the journal is folded from its beginning.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::State;
use crate::engine::Config;

const FILE: &str = "checkpoint";
const MAGIC: [u8; 8] = *b"ssowckpt";

/// Writes `state` (from [`State::save`]) into `folder`.
pub fn write(folder: &Path, state: &[u8]) -> io::Result<()> {
    let path = folder.join(FILE);
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(&MAGIC)?;
    file.write_all(&crc32fast::hash(state).to_le_bytes())?;
    file.write_all(state)?;
    file.sync_all()?;
    fs::rename(&beside, &path)?;
    File::open(folder)?.sync_all()
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
}

/// Reads the checkpoint of `folder`.
pub fn read(folder: &Path, config: &Config) -> io::Result<Found> {
    let bytes = match fs::read(folder.join(FILE)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error),
    };
    let body = bytes.strip_prefix(&MAGIC).and_then(|rest| rest.split_first_chunk::<4>());
    let Some((crc, state)) = body else { return Ok(Found::Unusable("not a checkpoint".into())) };
    if crc32fast::hash(state) != u32::from_le_bytes(*crc) {
        return Ok(Found::Unusable("its checksum is wrong".into()));
    }
    Ok(match State::load(config.clone(), state) {
        Ok(state) => Found::State(Box::new(state)),
        Err(error) => Found::Unusable(error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_read_back_and_damage_is_told_from_absence() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::default();
        assert!(matches!(read(dir.path(), &config).unwrap(), Found::Nothing));
        let state = State::new(config.clone());
        write(dir.path(), &state.save()).unwrap();
        assert!(matches!(read(dir.path(), &config).unwrap(), Found::State(_)));
        let path = dir.path().join(FILE);
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(
            matches!(read(dir.path(), &config).unwrap(), Found::Unusable(why) if why.contains("checksum"))
        );
    }
}
