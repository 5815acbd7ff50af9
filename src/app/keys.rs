//! The keys of the hashes by which people are told apart.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, anyhow};

use crate::config::Config;
use crate::event::Privacy;

/// What happens to personal data, with the keys that it needs.
pub(super) fn privacy(config: &Config) -> anyhow::Result<Privacy> {
    let privacy = Privacy::new(config.privacy.personal, &own(config)?);
    let previous = config.previous_privacy_secret().map_err(|error| anyhow!(error))?;
    let Some(previous) = previous else { return Ok(privacy) };
    let key = previous.reveal().context("`privacy.previous_key`")?;
    Ok(privacy.with_previous(key.as_bytes()))
}

/// The operator's key, or one that is made once and kept beside the journal.
fn own(config: &Config) -> anyhow::Result<Vec<u8>> {
    let own = config.privacy_secret().map_err(|error| anyhow!(error))?;
    if let Some(own) = own {
        return Ok(own.reveal().context("`privacy.key`")?.into_bytes());
    }
    let path = config.data_dir.0.join("privacy.key");
    match fs::read(&path) {
        Ok(key) if !key.is_empty() => Ok(key),
        _ => make_key(&path).with_context(|| format!("cannot make {}", path.display())),
    }
}

fn make_key(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    use std::os::unix::fs::OpenOptionsExt;
    let mut key = vec![0; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(&key)?;
    file.sync_all()?;
    Ok(key)
}
