//! Imports flow one way. The table is that of `docs/architecture.md`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// Module, and what it may import. `app`, `cli`, `config`, `replay` assemble and may import anything.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("setting", &[]),
    ("event", &[]),
    ("signal", &["event"]),
    // The engine's rules are configuration, hence the field types.
    ("engine", &["event", "signal", "setting"]),
    ("bus", &["setting"]),
    ("journal", &["event", "setting", "bus"]),
    // The checkpoint lies on the journal's disk.
    ("store", &["event", "signal", "engine", "journal"]),
    ("archive", &["event"]),
    ("outbound", &["setting"]),
    ("listener", &["telemetry"]),
    ("offload", &[]),
    ("clock", &["event"]),
    ("telemetry", &["event", "signal"]),
    (
        "source",
        &["event", "journal", "bus", "listener", "setting", "outbound", "telemetry", "clock"],
    ),
    // What was sent and told is a record in the journal.
    (
        "sink",
        &["event", "signal", "journal", "setting", "outbound", "offload", "telemetry", "clock"],
    ),
    ("receiver", &["event", "signal", "journal", "setting", "outbound", "telemetry", "clock"]),
    // What people decide is a record in the journal.
    (
        "web",
        &["event", "signal", "journal", "archive", "setting", "listener", "telemetry", "clock"],
    ),
    ("generate", &["event", "signal"]),
    ("simulate", &["event", "signal", "setting"]),
];

const ASSEMBLY: [&str; 8] = ["app", "backtest", "cli", "config", "demo", "fuzz", "lib", "replay"];

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// `src/web/mod.rs` and `src/web.rs` belong to `web`.
fn module(path: &Path, src: &Path) -> String {
    let inside = path.strip_prefix(src).unwrap();
    let first = Path::new(inside.components().next().unwrap().as_os_str());
    first.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// The modules that `line` names after `crate::`, several in braces included.
fn targets(line: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut found = Vec::new();
    for (_, rest) in line.match_indices("crate::").map(|(at, word)| line.split_at(at + word.len()))
    {
        match rest.strip_prefix('{') {
            Some(list) => {
                found.extend(list.split(['}', ';']).next().unwrap_or("").split(',').map(name));
            }
            None => found.push(name(rest)),
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

#[test]
fn modules_import_only_what_the_layering_allows() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut broken = Vec::new();
    for path in rust_files(&src) {
        let module = module(&path, &src);
        if ASSEMBLY.contains(&&*module) || module == "main" {
            continue;
        }
        let place = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display();
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) else {
            broken.push(format!(
                "{place}:1: `{module}` has no place in the layering; add it to tests/layering.rs"
            ));
            continue;
        };
        for (number, line) in (1..).zip(fs::read_to_string(&path).unwrap().lines()) {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for target in targets(line) {
                if target != module && !allowed.contains(&&*target) {
                    broken.push(format!("{place}:{number}: `{module}` may not import `{target}`; move the type left or pass it in"));
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn targets_are_read_from_every_form_of_import() {
    let cases = [
        ("use crate::event::Timestamp;", vec!["event"]),
        ("use crate::{engine, signal::Snapshot};", vec!["engine", "signal"]),
        ("    crate::web::router(crate::setting::same(a, b))", vec!["web", "setting"]),
        ("use super::x;", vec![]),
    ];
    for (line, want) in cases {
        assert_eq!(targets(line), want, "{line}");
    }
}
