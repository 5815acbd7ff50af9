//! Programs that are measured: processor seconds and peak memory, from /proc.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What a finished program took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took {
    pub(crate) wall: Duration,
    /// User and system time of all threads, in seconds.
    pub(crate) cpu: f64,
    /// Peak resident memory, in bytes.
    pub(crate) peak: f64,
}

/// The kernel counts processor time in hundredths of a second, whatever its own clock is.
const TICKS_A_SECOND: f64 = 100.0;

/// Runs a program to its end; its output goes to `out`.
pub(crate) fn run(command: &mut Command, out: &Path) -> Took {
    let before = cpu_of_children();
    let started = Instant::now();
    let file = fs::File::create(out).expect("a file for the output");
    let mut child = command.stdout(file).stderr(Stdio::null()).spawn().expect("the program starts");
    let mut peak: f64 = 0.0;
    let status = loop {
        peak = peak.max(peak_memory(child.id()));
        match child.try_wait().expect("a child") {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    let wall = started.elapsed();
    assert!(status.success(), "{command:?} failed: {status}");
    Took { wall, cpu: cpu_of_children() - before, peak }
}

/// Ends a program as its supervisor does, and waits for it.
pub(crate) fn terminate(child: &mut Child) {
    let pid = child.id().to_string();
    let killed = Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
    assert!(killed.success());
    child.wait().expect("a child");
}

/// Processor seconds of a program that runs.
pub(crate) fn cpu(pid: u32) -> f64 {
    ticks(&format!("/proc/{pid}/stat"), 11)
}

fn cpu_of_children() -> f64 {
    ticks("/proc/self/stat", 13)
}

/// The sum of two neighbouring fields, counted from the one behind the program's name.
fn ticks(path: &str, first: usize) -> f64 {
    let text = fs::read_to_string(path).expect("a process that runs");
    let (_, fields) = text.rsplit_once(')').expect("a name in brackets");
    let fields = fields.split_whitespace().skip(first).take(2);
    fields.map(|field| field.parse::<f64>().expect("a count")).sum::<f64>() / TICKS_A_SECOND
}

/// Peak resident memory in bytes; 0 when the program is gone.
pub(crate) fn peak_memory(pid: u32) -> f64 {
    memory(pid, "VmHWM:")
}

/// Begins to look for the peak anew.
pub(crate) fn forget_peak(pid: u32) {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("a program of ours");
}

/// Resident memory now, in bytes.
pub(crate) fn resident_memory(pid: u32) -> f64 {
    memory(pid, "VmRSS:")
}

fn memory(pid: u32, field: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kilobytes.map_or(0.0, |text| text.trim().parse::<f64>().expect("a size") * 1024.0)
}

/// The machine's load over the last minute.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("?").to_owned()
}
