//! The keys of the hashes by which people are told apart.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, anyhow};

use super::archivist::FILE;
use super::core::JOURNAL;
use crate::config::Config;
use crate::event::Privacy;

/// With fewer bytes, who has the hashes tries all keys, and then all addresses.
const KEY_BYTES_MIN: usize = 16;

/// What to say of a `privacy.key` that is too short. An error before anything was kept under it; later another key would make
/// other people of those who are known, so that it is for the operator to choose when.
pub(crate) fn weak_key(config: &Config) -> Result<Option<String>, String> {
    let Some(Ok(key)) = config.privacy_secret()?.map(|key| key.reveal()) else { return Ok(None) };
    if key.len() >= KEY_BYTES_MIN {
        return Ok(None);
    }
    let problem = format!(
        "`privacy.key` has {} bytes: at least {KEY_BYTES_MIN} keep the people unknown to who has the hashes; write the output of `openssl rand -hex 32`",
        key.len()
    );
    // What several instances keep is not on this disk.
    let kept = [JOURNAL, FILE].map(|name| config.data_dir.0.join(name));
    if config.journal.nats.is_none() && !kept.iter().any(|path| path.exists()) {
        return Err(problem);
    }
    Ok(Some(format!("{problem}, and keep this one as `privacy.previous_key`")))
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_key_is_refused_before_anything_was_kept_under_it_and_told_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let weak = |keys: &str| {
            let text = format!("data_dir: {}\n{keys}\n", folder.path().display());
            weak_key(&Config::parse("c.yaml", &text, |_| None).unwrap())
        };
        assert_eq!(weak("privacy: { key: 0123456789abcdef }"), Ok(None));
        assert_eq!(weak(""), Ok(None));
        let problem = weak("privacy: { key: x }").unwrap_err();
        assert!(problem.starts_with("`privacy.key` has 1 bytes: at least 16"), "{problem}");
        let several = "privacy: { key: x }\njournal: { nats: { urls: [\"nats://a:4222\"] } }";
        assert!(weak(several).unwrap().is_some());
        fs::create_dir(folder.path().join(JOURNAL)).unwrap();
        let warning = weak("privacy: { key: x }").unwrap().unwrap();
        assert!(warning.ends_with("keep this one as `privacy.previous_key`"), "{warning}");
    }
}
