//! Scenarios into recorded WorkOS events with ground truth: the same seed gives the same bytes on every machine.
//!
//! A scenario is a fleet with its everyday failures, and what breaks in it. Every decision is a pure function of the seed,
//! the name of a stream of random numbers and indices ([`random`]), so that a recording may begin anywhere, and a fault more or
//! less changes nothing else.

mod attempt;
mod edge;
mod fault;
mod fleet;
pub mod library;
mod random;
mod recording;
pub mod scenario;
mod span;
mod traffic;
mod truth;
mod wire;

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

pub(crate) use recording::{Happening, Recording, Simulation};
pub use scenario::Scenario;
pub(crate) use wire::Wire;

/// `ssowatch simulate`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Another seed than the scenario's own.
    #[arg(long)]
    seed: Option<u64>,
    /// Where the events go, instead of standard output; `.gz` and `.zst` are compressed.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Where the ground truth goes: what broke, when, for whom, and which alerts are right (JSON).
    #[arg(long)]
    truth: Option<PathBuf>,
    /// Name of a built-in scenario, or a file.
    pub scenario: String,
}

/// Simulates `scenario` and writes it.
pub fn command(args: &Args, scenario: Scenario) -> anyhow::Result<()> {
    let simulation = Simulation::new(scenario, args.seed);
    let wire = Wire::new(&simulation);
    let mut recording = simulation.recording();
    let written = match &args.out {
        None => write(&mut recording, &wire, BufWriter::new(io::stdout().lock())),
        Some(path) => create(path).and_then(|out| write(&mut recording, &wire, out)),
    };
    written.with_context(|| {
        let place = args.out.as_deref().unwrap_or(Path::new("standard output"));
        format!("cannot write {}", place.display())
    })?;
    if let Some(path) = &args.truth {
        let mut text = serde_json::to_string_pretty(&simulation.truth(&wire, recording.tally()))?;
        text.push('\n');
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// A file whose end is to be written too.
enum Out {
    Plain(BufWriter<File>),
    Gzip(BufWriter<flate2::write::GzEncoder<File>>),
    Zstd(BufWriter<zstd::stream::write::Encoder<'static, File>>),
}

/// Bytes that are gathered before they are compressed or written.
const BUFFER_BYTES: usize = 1 << 18;

fn create(path: &Path) -> io::Result<Out> {
    let file = File::create(path)?;
    Ok(match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => {
            let encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
            Out::Gzip(BufWriter::with_capacity(BUFFER_BYTES, encoder))
        }
        Some("zst") => {
            let encoder = zstd::stream::write::Encoder::new(file, 1)?;
            Out::Zstd(BufWriter::with_capacity(BUFFER_BYTES, encoder))
        }
        _ => Out::Plain(BufWriter::with_capacity(BUFFER_BYTES, file)),
    })
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Gzip(out) => out.write(bytes),
            Self::Zstd(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Gzip(out) => {
                out.flush()?;
                out.get_mut().try_finish()
            }
            Self::Zstd(out) => {
                out.flush()?;
                out.get_mut().do_finish()
            }
        }
    }
}

/// Writes a line for each event.
fn write(recording: &mut Recording<'_>, wire: &Wire<'_>, mut out: impl Write) -> io::Result<()> {
    let mut progress = Progress::new();
    for happening in recording.by_ref() {
        wire.write(&happening, &mut out)?;
        out.write_all(b"\n")?;
        progress.at(happening.at);
    }
    out.flush()
}

/// Says which day is being made, when somebody looks.
struct Progress {
    shown: bool,
    day: i64,
}

impl Progress {
    fn new() -> Self {
        Self { shown: io::stderr().is_terminal(), day: 0 }
    }

    fn at(&mut self, at: crate::event::Timestamp) {
        let day = at.seconds().div_euclid(86_400);
        if self.shown && day != self.day {
            self.day = day;
            tracing::info!(day = &at.to_rfc3339_seconds()[..10], "Simulating.");
        }
    }
}

#[cfg(test)]
mod tests;
