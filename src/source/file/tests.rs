//! The source against a real folder and a naive model: every line that was ever written counts
//! exactly once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use tempfile::TempDir;

use super::mark::Mark;
use super::tracked::QUIET_MILLIS;
use super::*;
use crate::event::decode::Rejection;
use crate::event::{Reason, Source, Timestamp};

mod cases;
mod property;
mod run;

/// Small, so that most files take several chunks; longer lines are over the limit.
const CHUNK: usize = 256;

/// A folder with a log that is written, rotated and read, and what came of it.
struct World {
    dir: TempDir,
    follower: Follower,
    /// What the journal has: marks by key, lines taken, lines rejected.
    marks: BTreeMap<u64, Mark>,
    taken: Vec<String>,
    rejected: u64,
    /// What was written.
    lines: Vec<String>,
    bad: u64,
    /// The end of a line of which the beginning was written.
    pending: Option<String>,
    now: Timestamp,
    ticks: u64,
    rotated: u32,
}

/// How a rotated file is compressed.
#[derive(Clone, Copy, Debug)]
enum Tool {
    Gzip,
    Zstd,
}

#[derive(Clone, Debug)]
enum Step {
    /// Lines of these lengths: over [`CHUNK`] they are too long, and every seventh is rubbish.
    Append(Vec<usize>),
    /// A line without its end: a part, or all but the line feed.
    Begin {
        whole: bool,
    },
    /// Rename and create.
    Rotate,
    /// Copy and truncate, and the log goes on.
    CopyTruncate(Vec<usize>),
    /// The rotated file with this number, if it is plain.
    Compress(u32, Tool),
    /// Renamed to where no pattern looks, right after it was written to.
    RotateAway(Vec<usize>),
    Look,
    /// At most so many chunks.
    Read(usize),
    /// Killed after it has read a chunk and before the chunk is durable; started again.
    Kill,
    Quiet,
}

fn decode(line: &[u8]) -> Result<String, Rejection> {
    let text = std::str::from_utf8(line).map_err(|_| Rejection::new(Reason::NotUtf8, ""))?;
    let whole = text.starts_with('{') && text.ends_with('}');
    whole.then(|| text.to_owned()).ok_or(Rejection::new(Reason::NotJson, ""))
}

fn follower(dir: &TempDir, marks: &BTreeMap<u64, Mark>, now: Timestamp) -> Follower {
    let pattern = Pattern::parse(&format!("{}/log*", dir.path().display())).unwrap();
    let marks: Vec<_> = marks.iter().map(|(key, mark)| (*key, mark.clone())).collect();
    let places = vec![Place::new(0, pattern, true)];
    let tracker = Tracker::new(Memory::new(marks, now));
    Follower::new(places, tracker, CHUNK, (Source::Files, true))
}

impl World {
    fn new() -> Self {
        let (dir, now) = (tempfile::tempdir().unwrap(), Timestamp::from_millis(1_000_000));
        let marks = BTreeMap::new();
        let follower = follower(&dir, &marks, now);
        let (taken, lines) = (Vec::new(), Vec::new());
        Self {
            dir,
            follower,
            marks,
            taken,
            rejected: 0,
            lines,
            bad: 0,
            pending: None,
            now,
            ticks: 0,
            rotated: 0,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Gives the file a time of change that no other has.
    fn touch(&mut self, file: &File) {
        self.ticks += 1;
        let nanos = u64::try_from(self.now.millis()).unwrap() * 1_000_000 + self.ticks;
        file.set_modified(UNIX_EPOCH + Duration::from_nanos(nanos)).unwrap();
    }

    fn write(&mut self, text: &str) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        self.touch(&file);
    }

    /// A line that no other is like, of about this length.
    fn line(&mut self, length: usize) -> String {
        let number = self.lines.len() as u64 + self.bad;
        let text = format!("{number}{}", "x".repeat(length));
        if number % 7 == 6 || length >= CHUNK {
            self.bad += 1;
            return text;
        }
        let line = format!("{{{text}}}");
        self.lines.push(line.clone());
        line
    }

    fn append(&mut self, lengths: &[usize]) {
        self.complete();
        for length in lengths {
            let line = self.line(*length);
            self.write(&format!("{line}\n"));
        }
    }

    fn complete(&mut self) {
        if let Some(rest) = self.pending.take() {
            self.write(&rest);
        }
    }

    fn look(&mut self, millis: i64) {
        self.now = self.now.plus_millis(millis);
        self.follower.look(self.now);
    }

    fn read(&mut self, chunks_max: usize) {
        for _ in 0..chunks_max {
            let Some((serial, chunk)) =
                self.follower.next(self.now, &mut |_, line: &[u8]| decode(line))
            else {
                return;
            };
            self.rejected += chunk.rejected.iter().map(|(_, count)| count).sum::<u64>();
            self.taken.extend(chunk.taken);
            self.marks.insert(self.follower.tracker.get(serial).key, chunk.mark.clone());
            for key in self.follower.tracker.forgotten() {
                self.marks.remove(key);
            }
            self.follower.tracker.advance(serial, chunk.mark, 0);
        }
    }

    fn drain(&mut self) {
        self.read(usize::MAX);
    }

    fn restart(&mut self) {
        drop(self.follower.next(self.now, &mut |_, line: &[u8]| decode(line)));
        self.follower = follower(&self.dir, &self.marks, self.now);
    }

    fn compress(&mut self, number: u32, tool: Tool) {
        let path = self.path(&format!("log.{number}"));
        let Ok(content) = fs::read(&path) else { return };
        let (end, bytes) = match tool {
            Tool::Gzip => {
                let encoder =
                    flate2::bufread::GzEncoder::new(&content[..], flate2::Compression::fast());
                let mut bytes = Vec::new();
                { encoder }.read_to_end(&mut bytes).unwrap();
                ("gz", bytes)
            }
            Tool::Zstd => ("zst", zstd::encode_all(&content[..], 0).unwrap()),
        };
        let modified = path.metadata().unwrap().modified().unwrap();
        let mut file = File::create(self.path(&format!("log.{number}.{end}"))).unwrap();
        file.write_all(&bytes).unwrap();
        file.set_modified(modified).unwrap();
        fs::remove_file(path).unwrap();
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Append(lengths) => self.append(lengths),
            Step::Begin { whole } => {
                self.complete();
                let line = self.line(20);
                let at = if *whole { line.len() } else { line.len() / 2 };
                self.write(&line[..at]);
                self.pending = Some(format!("{}\n", &line[at..]));
            }
            Step::Rotate => {
                self.complete();
                self.rotated += 1;
                // Nothing was written yet.
                drop(fs::rename(self.path("log"), self.path(&format!("log.{}", self.rotated))));
            }
            Step::CopyTruncate(lengths) => {
                self.complete();
                let Ok(content) = fs::read(self.path("log")) else { return };
                self.rotated += 1;
                let copy = self.path(&format!("log.{}", self.rotated));
                fs::write(&copy, content).unwrap();
                self.touch(&File::options().append(true).open(copy).unwrap());
                let log = File::options().append(true).open(self.path("log")).unwrap();
                log.set_len(0).unwrap();
                self.touch(&log);
                self.append(lengths);
            }
            Step::Compress(number, tool) => self.compress(*number, *tool),
            Step::RotateAway(lengths) => {
                self.append(&[10]);
                self.look(1000);
                self.drain();
                self.append(lengths);
                fs::rename(self.path("log"), self.path("away")).unwrap();
                self.append(lengths);
                self.look(1000);
                self.drain();
            }
            Step::Look => self.look(1000),
            Step::Read(chunks_max) => self.read(*chunks_max),
            Step::Kill => self.restart(),
            Step::Quiet => self.look(QUIET_MILLIS),
        }
    }

    /// Lets everything come to rest.
    fn finish(&mut self) {
        self.complete();
        for _ in 0..4 {
            self.look(QUIET_MILLIS);
            self.drain();
        }
    }

    fn check(&self) -> Result<(), String> {
        let taken: BTreeSet<_> = self.taken.iter().collect();
        let missing: Vec<_> = self.lines.iter().filter(|line| !taken.contains(line)).collect();
        let twice = self.taken.len() - taken.len();
        let fine = missing.is_empty() && twice == 0 && self.rejected == self.bad;
        let names: Vec<_> =
            fs::read_dir(&self.dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        fine.then_some(()).ok_or(format!(
            "missing {missing:?}, {twice} twice, {} rejected instead of {}; {names:?}",
            self.rejected, self.bad
        ))
    }
}
