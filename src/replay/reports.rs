//! Where `--report` writes: tried before the replay, which may take long.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use crate::signal::{Incident, Snapshot};
use crate::web::report::markdown;

/// A folder that can be written into.
pub(super) struct Reports(PathBuf);

impl Reports {
    /// Makes `folder`, unless it is there, and tries it.
    pub(super) fn into(folder: &Path) -> anyhow::Result<Self> {
        let (place, probe) = (folder.display(), folder.join(".ssowatch-report"));
        let remedy = "check its owner and permissions, or choose another folder for `--report`";
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {place}; {remedy}"))?;
        std::fs::write(&probe, b"")
            .and_then(|()| std::fs::remove_file(&probe))
            .with_context(|| format!("cannot write into {place}; {remedy}"))?;
        Ok(Self(folder.to_owned()))
    }

    /// Writes one file for each incident, named after it.
    pub(super) fn write<'a>(
        &self,
        incidents: impl Iterator<Item = &'a Arc<Incident>>,
        snapshot: &Snapshot,
    ) -> anyhow::Result<()> {
        for incident in incidents {
            let path = self.0.join(format!("{}.md", incident.id));
            std::fs::write(&path, markdown(incident, snapshot))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}
