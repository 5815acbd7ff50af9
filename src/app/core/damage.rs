//! What a start finds broken in the journal, in words.

use crate::journal::{Broken, Recovery};
use crate::telemetry;

/// Tells what was cut off the journal's end, if anything was.
pub(super) fn tail(recovery: &Recovery) {
    let bytes = recovery.cut_bytes;
    if bytes > 0 {
        let detail = format!(
            "the journal ended in a broken frame of {bytes} bytes with nothing good behind it, as a crash leaves it of what was never \
             acknowledged; it was cut off and kept aside"
        );
        telemetry::damage_found("journal_tail", &detail);
    }
}

/// Tells which entries are missing behind the checkpoint, which has everything before `end`; `skipped` were not found.
pub(super) fn entries(recovery: &Recovery, end: u64, skipped: u64) {
    let mut told = 0;
    if let Some((missing, detail)) = gap(end, recovery.first) {
        telemetry::entries_lost("journal_gap", missing, &detail);
        told += missing;
    }
    for broken in &recovery.broken {
        let (lost, detail) = frame(broken, end);
        if lost > 0 {
            telemetry::entries_lost("journal_frame", lost, &detail);
            told += lost;
        } else {
            telemetry::damage_found("journal_frame", &detail);
        }
    }
    let lost = skipped.saturating_sub(told);
    if lost > 0 {
        let detail = "frames of the journal behind the checkpoint are broken; all others are read";
        telemetry::entries_lost("journal_frame", lost, &detail);
    }
}

/// How many entries are missing, and where, when the journal begins with entry `begin`.
pub(super) fn gap(end: u64, begin: u64) -> Option<(u64, String)> {
    let missing = begin.checked_sub(end).filter(|missing| *missing > 0)?;
    let detail = format!(
        "the checkpoint ends before entry {end} and the journal begins with entry {begin}: the oldest files of the journal are gone, or \
         the checkpoint is, or is an old one; whoever has the events of that time can send them again, and none counts twice"
    );
    Some((missing, detail))
}

/// How many of the entries that were broken the checkpoint does not have, and what is said of them.
pub(super) fn frame(broken: &Broken, end: u64) -> (u64, String) {
    let (entries, bytes, path) = (&broken.entries, &broken.bytes, broken.path.display());
    let lost = entries.end - end.clamp(entries.start, entries.end);
    let kept =
        broken.aside.as_ref().map_or(String::new(), |aside| format!(" in {}", aside.display()));
    let has = match lost {
        0 => "the checkpoint has them".to_owned(),
        _ => format!(
            "the checkpoint does not have {lost} of them: whoever has the events of that time can send them again, and none counts twice"
        ),
    };
    let detail = format!(
        "the disk damaged bytes {} to {} of {path}, in which entries {} to {} were; {has}; all before and behind them are read, and the \
         broken bytes are kept{kept}",
        bytes.start,
        bytes.end - 1,
        entries.start,
        entries.end - 1,
    );
    (lost, detail)
}
