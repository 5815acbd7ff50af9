//! What the daemon takes of the machine: memory, open files, processor time, as Linux tells it under `/proc/self`. Elsewhere
//! there is nothing to read, and the metrics are not there.

use std::fs;

use crate::signal::catalog::{CPU, MEMORY, OPEN_FILES};

/// Linux counts processor time in hundredths of a second, whatever its own clock is.
const TICKS_A_SECOND: u64 = 100;

/// Measures now.
#[expect(clippy::cast_precision_loss, reason = "sizes and counts far below 2^52")]
pub fn measure() {
    if let Some(bytes) = fs::read_to_string("/proc/self/status").ok().and_then(|text| memory(&text))
    {
        metrics::gauge!(MEMORY.name).set(bytes as f64);
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        // One of them is the look itself.
        metrics::gauge!(OPEN_FILES.name).set(files.count().saturating_sub(1) as f64);
    }
    if let Some(seconds) = fs::read_to_string("/proc/self/stat").ok().and_then(|text| cpu(&text)) {
        metrics::counter!(CPU.name).absolute(seconds);
    }
}

/// Bytes, of `/proc/self/status`.
fn memory(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Whole seconds, user and system, of `/proc/self/stat`.
fn cpu(stat: &str) -> Option<u64> {
    // The program's name may hold anything, brackets too; the fields begin behind its end.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS_A_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_tells_is_read_whatever_the_program_is_called() {
        assert_eq!(memory("Name:\tx\nVmHWM:\t  9 kB\nVmRSS:\t   2 kB\n"), Some(2048));
        assert_eq!(memory("Name:\tx\n"), None);
        let stat = "7 (odd) name) S 1 7 7 0 -1 4194304 9 0 0 0 250 151 0 0 20 0 9 0 1";
        assert_eq!(cpu(stat), Some(4));
        assert_eq!(cpu("7 (x) S 1"), None);
    }
}
