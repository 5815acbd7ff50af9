//! From a data directory to NATS: the first instance that finds its streams empty brings along what it has counted and knows.
//!
//! The checkpoint goes first: whoever finds it goes on from it, so that an end in the middle loses no counter and no incident.
//! Behind the claim come the entries that a sink has not sent yet. Then the old files are put aside, so that a stream that is
//! made anew one day does not begin with them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

use super::archivist;
use super::core::{JOURNAL, read, resume};
use super::follower::{Claimed, name};
use crate::archive;
use crate::clock::Clock;
use crate::config::Config;
use crate::event::Entry;
use crate::journal::nats::{Cluster, Journal as NatsJournal};
use crate::journal::{self, Journal};
use crate::sink::{datadog, otlp};
use crate::store::State;
use crate::store::checkpoint;

/// What an embedded journal leaves in `data_dir`.
const FILES: [&str; 2] = [checkpoint::FILE, JOURNAL];

/// Added to the names of files whose content is in NATS.
const ASIDE: &str = "in-nats";

/// Brings what `data_dir` holds into streams that hold nothing. `None` when there is nothing to bring, or somebody else was there
/// before; the latter is said.
pub(super) fn bring(
    config: &Config,
    clock: Clock,
    cluster: &Cluster,
) -> anyhow::Result<Option<Claimed>> {
    let data_dir = &config.data_dir.0;
    if !FILES.iter().any(|file| data_dir.join(file).exists()) {
        return Ok(None);
    }
    let mut candidate = cluster.candidate();
    candidate.look()?;
    if !candidate.is_first() {
        return Ok(left(data_dir));
    }
    let disk = journal::operating_system();
    let (old, mut state) = read(config, &disk)?;
    if !cluster.checkpoints().write_first(&checkpoint::whole(&state.save()))? {
        return Ok(left(data_dir));
    }
    let (from, until) = (unsent(config, &state)?, state.position());
    if !candidate.claim(&name(), clock.now().max(state.now()), from)? {
        return Ok(left(data_dir));
    }
    let mut journal = candidate.into_journal();
    let carried = carry(&old, &mut journal, from, until)?;
    // Free for the renaming, and for nobody else.
    drop(old);
    put_aside(data_dir).context("what is in NATS now cannot be put aside")?;
    resume(&mut state, clock);
    tracing::info!(
        position = until,
        carried,
        "What `data_dir` held is in NATS now; the old files were renamed to `*.{ASIDE}`."
    );
    Ok(Some(Claimed { journal: Journal::Nats(journal), state }))
}

/// Says that something is not used.
fn left<T>(data_dir: &Path) -> Option<T> {
    let folder = data_dir.display();
    tracing::warn!(
        "{folder} holds the journal of one daemon alone, and the streams in NATS are in use already: it is not read. \
         To bring it along, begin with empty streams (docs/scaling.md); else remove its `checkpoint` and `journal`."
    );
    None
}

/// The first position that a sink or the archive of sign-ins has yet to read.
fn unsent(config: &Config, state: &State) -> anyhow::Result<u64> {
    let mut from = state.position();
    let sinks = config.engine().map_err(|error| anyhow!(error))?.sinks;
    for sink in [datadog::LOGS, otlp::LOGS] {
        if sinks.iter().any(|on| &**on == sink) {
            from = from.min(state.sent(sink).unwrap_or(from));
        }
    }
    let file = config.data_dir.0.join(archivist::FILE);
    if file.exists() {
        let (archive, _) = archive::Archive::open(&file, archivist::limits(config))?;
        from = from.min(archive.position());
    }
    Ok(from)
}

/// Appends the entries from `from` to before `until`; how many are there.
fn carry(old: &Journal, new: &mut NatsJournal, from: u64, until: u64) -> anyhow::Result<u64> {
    let mut reader = old.reader(from);
    let mut carried = 0;
    while reader.position() < until {
        let batch = reader.next_batch()?;
        let Some((first, _)) = batch.first() else { break };
        // Some may be gone.
        new.skip_to(*first);
        let entries: Vec<Entry> = batch.into_iter().map(|(_, entry)| entry).collect();
        new.append(&entries)?;
        carried += entries.len() as u64;
    }
    new.skip_to(until);
    Ok(carried)
}

/// The checkpoint last: while it is there, so is a history.
fn put_aside(data_dir: &Path) -> io::Result<()> {
    for file in FILES.iter().rev() {
        let path = data_dir.join(file);
        if path.exists() {
            fs::rename(&path, free(&path))?;
        }
    }
    Ok(())
}

/// A name beside `path` that nothing has yet.
fn free(path: &Path) -> PathBuf {
    let named = |n: u32| {
        let n = if n == 0 { String::new() } else { format!(".{n}") };
        path.with_extension(format!("{ASIDE}{n}"))
    };
    (0..u32::MAX)
        .map(named)
        .find(|name| !name.exists())
        .expect("a folder has fewer files than numbers")
}
