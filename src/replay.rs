//! Backtest: recorded events through the same engine, on the events' own time.
//!
//! All events are sorted by time and id before they are folded, so that the same input gives the same bytes however it is
//! split into files or read. Memory grows with the input: about 400 bytes an event.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde::Deserialize;
use serde_json::json;

use crate::config::Config;
use crate::engine::Engine;
use crate::event::batch::{LineReader, Packing};
use crate::event::decode::Decoder;
use crate::event::{
    AuthEvent, ConnectionId, ConnectionInfo, Entry, OrganizationId, Privacy, Record, Source,
    Timestamp,
};
use crate::signal::{Incident, Severity, Snapshot, State, Transition};
use crate::source::file::Pattern;
use crate::web::report::markdown;

/// Bytes that are read at a time.
const BUFFER_BYTES: usize = 1 << 18;

/// `ssowatch replay`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Configuration file (YAML).
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Connections as `GET /api/v1/connections` gives them, or a list of them.
    #[arg(long)]
    connections: Option<PathBuf>,
    /// Lines for people, or one JSON object a line.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Writes a report in Markdown for each incident into this folder, ready to edit.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Files, globs or folders, plain, gzip or zstd; `-` for standard input.
    #[arg(required = true)]
    paths: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// A connection in the file of `--connections`.
#[derive(Deserialize)]
struct Known {
    connection_id: String,
    organization_id: Option<String>,
    organization_name: Option<String>,
    connection_type: Option<String>,
    name: Option<String>,
    state: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum KnownFile {
    Answer { connections: Vec<Known> },
    List(Vec<Known>),
}

/// Reads, folds and prints.
pub fn command(args: &Args, config: &Config) -> anyhow::Result<()> {
    // Nothing personal is printed.
    let privacy = Privacy::passing();
    let mut decoder = Decoder::new(&privacy);
    let (mut events, mut rejected) = (Vec::new(), 0u64);
    for path in expand(&args.paths)? {
        read(&path, &mut decoder, &mut events, &mut rejected)?;
    }
    events.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    let known = args.connections.as_deref().map(directory).transpose()?;
    let engine = config.engine().map_err(|error| anyhow::anyhow!(error))?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut incidents: BTreeMap<Box<str>, Arc<Incident>> = BTreeMap::new();
    let (timeline, snapshot) = fold(engine, events, known, |transition| {
        let incident = &transition.incident;
        incidents.insert(incident.id.clone(), Arc::clone(incident));
        match args.format {
            Format::Json => writeln!(out, "{}", as_json(transition)),
            Format::Text => writeln!(out, "{}", as_text(transition)),
        }
    })?;
    if let Some(folder) = &args.report {
        // Of what goes on the newest state counts.
        for incident in &snapshot.incidents {
            incidents.entry(incident.id.clone()).and_modify(|known| known.clone_from(incident));
        }
        report(folder, incidents.values(), &snapshot)?;
    }
    match args.format {
        Format::Json => writeln!(out, "{}", timeline.json(rejected))?,
        Format::Text => writeln!(out, "{}", timeline.text(rejected))?,
    }
    Ok(out.flush()?)
}

/// What a replay adds up to.
struct Summary {
    events: u64,
    duplicates: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    counts: crate::signal::Counts,
    in_progress: u64,
}

fn fold(
    config: crate::engine::Config,
    events: Vec<AuthEvent>,
    known: Option<Vec<ConnectionInfo>>,
    mut tell: impl FnMut(&Transition) -> io::Result<()>,
) -> anyhow::Result<(Summary, Snapshot)> {
    let mut engine = Engine::new(config);
    let first = events.first().map(|event| event.at);
    let last = events.last().map(|event| event.at);
    if let (Some(at), Some(known)) = (first, known) {
        engine.apply(&Entry { received_at: at, record: Record::Directory(known) });
    }
    let mut drain = |engine: &mut Engine| -> io::Result<()> {
        let transitions = engine.transitions();
        transitions
            .iter()
            .filter(|transition| transition.incident.severity != Severity::None)
            .try_for_each(&mut tell)
    };
    for event in events {
        let record = Record::Event { source: Source::Files, event };
        let Record::Event { event: AuthEvent { at, .. }, .. } = &record else {
            unreachable!("just made")
        };
        engine.apply(&Entry { received_at: *at, record });
        drain(&mut engine)?;
    }
    let snapshot = engine.snapshot();
    let source = snapshot.sources.first();
    let summary = Summary {
        events: source.map_or(0, |source| source.received),
        duplicates: source.map_or(0, |source| source.duplicates),
        first,
        last,
        counts: snapshot.fleet.totals,
        in_progress: snapshot.fleet.in_progress,
    };
    Ok((summary, snapshot))
}

/// Writes one file for each incident, named after it.
fn report<'a>(
    folder: &Path,
    incidents: impl Iterator<Item = &'a Arc<Incident>>,
    snapshot: &Snapshot,
) -> anyhow::Result<()> {
    let place = folder.display();
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {place}"))?;
    for incident in incidents {
        let path = folder.join(format!("{}.md", incident.id));
        std::fs::write(&path, markdown(incident, snapshot))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn as_json(transition: &Transition) -> serde_json::Value {
    let incident = &transition.incident;
    json!({
        "at": transition.at.to_rfc3339_seconds(), "state": incident.state.as_str(), "alertname": incident.alertname,
        "severity": incident.severity.as_str(), "scope": incident.scope.as_str(), "labels": incident.labels,
        "started_at": incident.started_at.to_rfc3339_seconds(), "summary": incident.summary, "evidence": incident.evidence,
    })
}

fn as_text(transition: &Transition) -> String {
    let incident = &transition.incident;
    let word =
        if incident.state == State::Resolved { "resolved" } else { incident.severity.as_str() };
    format!(
        "{}  {word:8}  {}  {}",
        transition.at.to_rfc3339_seconds(),
        incident.alertname,
        incident.summary
    )
}

impl Summary {
    fn json(&self, rejected: u64) -> serde_json::Value {
        let time = |at: Option<Timestamp>| at.map(Timestamp::to_rfc3339_seconds);
        let c = &self.counts;
        json!({
            "type": "summary", "events": self.events, "duplicates": self.duplicates, "rejected": rejected,
            "first": time(self.first), "last": time(self.last),
            "sessions": {"started": c.started, "succeeded": c.succeeded, "failed": c.failed, "timed_out": c.timed_out,
                "stalled": c.stalled, "in_progress": self.in_progress},
        })
    }

    fn text(&self, rejected: u64) -> String {
        let c = &self.counts;
        format!(
            "{} events ({} duplicates, {rejected} rejected): {} started, {} succeeded, {} failed, {} timed out, {} stalled, {} in progress",
            self.events,
            self.duplicates,
            c.started,
            c.succeeded,
            c.failed,
            c.timed_out,
            c.stalled,
            self.in_progress
        )
    }
}

/// The files that the arguments stand for, in order of their names.
fn expand(patterns: &[String]) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for pattern in patterns {
        let found =
            if pattern == "-" { vec![pattern.into()] } else { Pattern::parse(pattern)?.files()? };
        if found.is_empty() {
            bail!("`{pattern}` matches no file");
        }
        paths.extend(found);
    }
    Ok(paths)
}

fn read(
    path: &Path,
    decoder: &mut Decoder<'_>,
    events: &mut Vec<AuthEvent>,
    rejected: &mut u64,
) -> anyhow::Result<()> {
    let place = path.display().to_string();
    let input: Box<dyn BufRead> = if place == "-" {
        open(Box::new(io::stdin().lock()))?
    } else {
        let file = File::open(path).with_context(|| format!("cannot open {place}"))?;
        open(Box::new(BufReader::with_capacity(BUFFER_BYTES, file)))?
    };
    let mut lines = LineReader::new(input, 0);
    while let Some(line) = lines.next_line().with_context(|| format!("cannot read {place}"))? {
        let number = line.number;
        let event = match line.content {
            Ok([]) => continue,
            Ok(bytes) => decoder.decode(bytes),
            Err(rejection) => Err(rejection),
        };
        match event {
            Ok(event) => events.push(event),
            Err(rejection) => {
                *rejected += 1;
                // The first few say enough; a file of another kind would fill the terminal.
                if *rejected <= 10 {
                    tracing::warn!("{place}:{number}: {rejection}");
                }
            }
        }
    }
    Ok(())
}

/// Plain, gzip or zstd, told apart by the first bytes.
fn open(mut input: Box<dyn BufRead>) -> io::Result<Box<dyn BufRead>> {
    Ok(match Packing::of(input.fill_buf()?) {
        Packing::Plain => input,
        packing => Box::new(BufReader::with_capacity(BUFFER_BYTES, packing.unpack(input)?)),
    })
}

fn directory(path: &Path) -> anyhow::Result<Vec<ConnectionInfo>> {
    let place = path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {place}"))?;
    let file: KnownFile = serde_json::from_str(&text).with_context(|| {
        format!("{place}: expected connections as GET /api/v1/connections gives them, or a list")
    })?;
    let (KnownFile::Answer { connections } | KnownFile::List(connections)) = file;
    let info = |known: Known| ConnectionInfo {
        id: ConnectionId::new(&known.connection_id),
        organization_id: known.organization_id.as_deref().map(OrganizationId::new),
        organization_name: known.organization_name.map(Into::into),
        connection_type: known.connection_type.map(Into::into),
        name: known.name.map(Into::into),
        state: known.state.map(Into::into),
    };
    // The API lists sign-ins without a connection under this name; there is nothing to know of them.
    let named = connections.into_iter().filter(|known| known.connection_id != "unknown");
    Ok(named.map(info).collect())
}
