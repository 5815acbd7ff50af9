//! Backtest: recorded events through the same engine, on the events' own time.
//!
//! All events are sorted by time and id before they are folded, so that the same input gives the same bytes however it is
//! split into files or read. Access logs are added up to seconds first. Memory grows with the input: about 300 bytes an
//! event, and some kilobytes a second and tier of access logs.

mod access_log;
mod connections;
mod input;
mod limits;
mod order;
mod reports;
mod truth;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use clap::ValueEnum;
use serde_json::json;

use crate::config::Config;
use crate::engine::{AHEAD, Engine};
use crate::event::decode::Decoder;
use crate::event::{Entry, Privacy, Record, Source, Timestamp};
use crate::signal::{Incident, Severity, Snapshot, State, Transition};

use self::access_log::AccessLog;
use self::input::{Input, expand};
use self::order::order;
use self::reports::Reports;
pub use self::truth::OtherRecording;
use self::truth::{Recorded, Score, Truth};

/// How long after the last second of access logs time goes on, so that it is judged: the longest wait, and a bin.
const JUDGED_MILLIS: i64 = 70_000;

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
    /// An access log, `FORMAT=PATH` or `FORMAT@TIER=PATH`, also a glob; may be given more than once. Says whom each of
    /// `edge.limits` would have refused.
    #[arg(long)]
    access_log: Vec<AccessLog>,
    /// What `ssowatch simulate --truth` wrote: adds how soon the alerts came, what was missed and what was false.
    #[arg(long)]
    truth: Option<PathBuf>,
    /// Recorded events: files, globs or folders, plain, gzip or zstd; `-` for standard input.
    #[arg(required_unless_present = "access_log")]
    paths: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Reads, folds and prints.
pub fn command(args: &Args, config: &Config) -> anyhow::Result<()> {
    let known = args.connections.as_deref().map(connections::read).transpose()?;
    let reports = args.report.as_deref().map(Reports::into).transpose()?;
    let (entries, rejected) = read(args, config)?;
    let truth = args.truth.as_deref().map(truth::read).transpose()?;
    let announced = truth.iter().flat_map(Truth::announced);
    let before: Vec<_> = known.map(Record::Directory).into_iter().chain(announced).collect();
    let mut score = truth.map(|truth| Score::new(truth, recorded(&entries))).transpose()?;
    let engine = config.engine().map_err(|error| anyhow::anyhow!(error))?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut incidents: BTreeMap<Box<str>, Arc<Incident>> = BTreeMap::new();
    let (timeline, snapshot) = fold(engine, &entries, before, |transition| {
        if let Some(score) = &mut score {
            score.take(transition);
        }
        let incident = &transition.incident;
        incidents.insert(incident.id.clone(), Arc::clone(incident));
        match args.format {
            Format::Json => writeln!(out, "{}", as_json(transition)),
            Format::Text => writeln!(out, "{}", as_text(transition)),
        }
    })?;
    if let Some(reports) = reports {
        // Of what goes on the newest state counts.
        for incident in &snapshot.incidents {
            incidents.entry(incident.id.clone()).and_modify(|known| known.clone_from(incident));
        }
        reports.write(incidents.values(), &snapshot)?;
    }
    let limits = if args.access_log.is_empty() { &[] } else { &*snapshot.limits };
    match args.format {
        Format::Json => {
            limits.iter().try_for_each(|limit| writeln!(out, "{}", limits::as_json(limit)))?;
            score.iter().try_for_each(|score| writeln!(out, "{}", score.json()))?;
            writeln!(out, "{}", timeline.json(rejected))?;
        }
        Format::Text => {
            writeln!(out, "{}", timeline.text(rejected))?;
            limits.iter().try_for_each(|limit| writeln!(out, "{}", limits::as_text(limit)))?;
            score.iter().try_for_each(|score| writeln!(out, "{}", score.text()))?;
        }
    }
    Ok(out.flush()?)
}

/// All that is to be folded, and how many lines were rejected. Fails where there is nothing: no page would look like no trouble.
fn read(args: &Args, config: &Config) -> anyhow::Result<(Vec<Entry>, u64)> {
    // Nothing personal is printed.
    let privacy = Privacy::passing();
    let mut decoder = Decoder::for_recording(&privacy);
    let (mut entries, mut rejected) = (Vec::new(), 0u64);
    for path in expand(&args.paths)? {
        Input::open(&path)?.read(&mut rejected, |line| {
            let event = decoder.decode(line)?;
            let (received_at, source) = (event.at, Source::Files);
            entries.push(Entry { received_at, record: Record::Event { source, event } });
            Ok(())
        })?;
    }
    if entries.is_empty() && rejected > 0 {
        bail!(
            "no line of {} is an event; they are JSON, one a line, as WorkOS sends them. Access logs are named by `--access-log FORMAT=PATH`",
            args.paths.join(", ")
        );
    }
    let (tallies, bad_lines) = access_log::tallies(&args.access_log, config)?;
    entries.extend(tallies.into_iter().map(|tally| Entry {
        // A second is known when it is over.
        received_at: Timestamp::from_millis((tally.second + 1) * 1000),
        record: Record::Edge(tally),
    }));
    if entries.is_empty() {
        bail!("there is nothing to replay: no line in what was named; check the paths");
    }
    Ok((entries, rejected + bad_lines))
}

/// What a replay adds up to.
struct Summary {
    events: u64,
    duplicates: u64,
    /// Of access logs.
    requests: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    counts: crate::signal::Counts,
    in_progress: u64,
}

fn fold(
    config: crate::engine::Config,
    entries: &[Entry],
    before: Vec<Record>,
    mut tell: impl FnMut(&Transition) -> io::Result<()>,
) -> anyhow::Result<(Summary, Snapshot)> {
    let mut engine = Engine::new(config);
    let requests = entries.iter().map(requests).sum();
    let order = order(entries);
    let time = |place: Option<&usize>| place.map(|place| entries[*place].received_at);
    let (first, last) = (time(order.first()), time(order.last()));
    if let Some(received_at) = first {
        for record in before {
            engine.apply(&Entry { received_at, record });
        }
    }
    let mut drain = |engine: &mut Engine| -> io::Result<()> {
        let transitions = engine.transitions();
        transitions
            .iter()
            .filter(|transition| transition.incident.severity != Severity::None)
            .try_for_each(&mut tell)
    };
    for places in order.chunks(AHEAD) {
        engine.look_ahead(places.iter().map(|place| &entries[*place]));
        for place in places {
            engine.apply(&entries[*place]);
            drain(&mut engine)?;
        }
    }
    if let Some(last) = last.filter(|_| requests > 0) {
        engine.advance(last.plus_millis(JUDGED_MILLIS));
        drain(&mut engine)?;
    }
    let snapshot = engine.snapshot();
    let source = snapshot.sources.iter().find(|source| source.source == Source::Files);
    let summary = Summary {
        events: source.map_or(0, |source| source.received),
        duplicates: source.map_or(0, |source| source.duplicates),
        requests,
        first,
        last,
        counts: snapshot.fleet.totals,
        in_progress: snapshot.fleet.in_progress,
    };
    Ok((summary, snapshot))
}

fn recorded(entries: &[Entry]) -> Recorded {
    let times = || entries.iter().map(|entry| entry.received_at);
    let ids = entries.iter().filter_map(|entry| match &entry.record {
        Record::Event { event, .. } => Some(&event.id),
        _ => None,
    });
    Recorded {
        span: times().min().zip(times().max()),
        events: ids.collect::<BTreeSet<_>>().len() as u64,
    }
}

fn requests(entry: &Entry) -> u64 {
    if let Record::Edge(tally) = &entry.record { tally.requests() } else { 0 }
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
        let mut summary = json!({
            "type": "summary", "events": self.events, "duplicates": self.duplicates, "rejected": rejected,
            "first": time(self.first), "last": time(self.last),
            "sessions": {"started": c.started, "succeeded": c.succeeded, "failed": c.failed, "timed_out": c.timed_out,
                "stalled": c.stalled, "in_progress": self.in_progress},
        });
        if self.requests > 0 {
            summary["requests"] = self.requests.into();
        }
        summary
    }

    fn text(&self, rejected: u64) -> String {
        let c = &self.counts;
        let requests = match self.requests {
            0 => String::new(),
            requests => format!("{requests} requests of access logs, "),
        };
        format!(
            "{requests}{} events ({} duplicates, {rejected} rejected): {} started, {} succeeded, {} failed, {} timed out, {} stalled, {} in progress",
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
