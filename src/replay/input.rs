//! What a replay reads, line by line.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::event::batch::{LineReader, Packing};
use crate::event::decode::Rejection;
use crate::source::file::Pattern;

/// Bytes that are read at a time.
const BUFFER_BYTES: usize = 1 << 18;

/// Rejected lines that are named; a file of another kind would fill the terminal.
const NAMED_MAX: u64 = 10;

/// One file, or standard input.
pub(super) struct Input {
    place: String,
    lines: LineReader<Box<dyn BufRead>>,
}

impl Input {
    /// Opens `path`, plain, gzip or zstd; `-` is standard input.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let place = path.display().to_string();
        let input: Box<dyn BufRead> = if place == "-" {
            unpacked(Box::new(io::stdin().lock()))?
        } else {
            let file = File::open(path).with_context(|| format!("cannot open {place}"))?;
            unpacked(Box::new(BufReader::with_capacity(BUFFER_BYTES, file)))?
        };
        Ok(Self { place, lines: LineReader::new(input, 0) })
    }

    /// Gives every line to `take`, counts those that it rejects, and names the first of all.
    pub(super) fn read(
        &mut self,
        rejected: &mut u64,
        mut take: impl FnMut(&[u8]) -> Result<(), Rejection>,
    ) -> anyhow::Result<()> {
        let place = &self.place;
        while let Some(line) =
            self.lines.next_line().with_context(|| format!("cannot read {place}"))?
        {
            let number = line.number;
            let taken = match line.content {
                Ok([]) => continue,
                Ok(bytes) => take(bytes),
                Err(rejection) => Err(rejection),
            };
            if let Err(rejection) = taken {
                *rejected += 1;
                if *rejected <= NAMED_MAX {
                    tracing::warn!("{place}:{number}: {rejection}");
                }
            }
        }
        Ok(())
    }
}

/// The files that `patterns` stand for, in order of their names.
pub(super) fn expand(patterns: &[String]) -> anyhow::Result<Vec<PathBuf>> {
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

/// Plain, gzip or zstd, told apart by the first bytes.
fn unpacked(mut input: Box<dyn BufRead>) -> io::Result<Box<dyn BufRead>> {
    Ok(match Packing::of(input.fill_buf()?) {
        Packing::Plain => input,
        packing => Box::new(BufReader::with_capacity(BUFFER_BYTES, packing.unpack(input)?)),
    })
}
