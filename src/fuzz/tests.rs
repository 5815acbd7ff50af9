//! The smoke run: each target on its corpus, and on variants of it that are the same each time.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use super::{TARGETS, Target};

/// Variants of each target: a few seconds of an unoptimised build on one core.
const VARIANTS: usize = 2_000;

/// The same of the engine, whose stories last weeks.
const VARIANTS_OF_STORIES: usize = 1_000;

/// Longest variant.
const BYTES_MAX: usize = 4096;

/// Pieces that formats give a meaning to, put in as they are.
const PIECES: [&[u8]; 24] = [
    b"\0",
    b"\xff\xff\xff\xff",
    b"\n",
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b"<190>",
    b"${",
    b"%00",
    b"&since=",
    b"=",
    b":",
    b", ",
    b"\\u0000",
    b"\xf0\x9f\x92\xa9",
    b"\x1f\x8b\x08\x00",
    b"\x28\xb5\x2f\xfd",
    b"9223372036854775807",
    b"-1",
    b"1e999",
    b"9999-12-31T23:59:59Z",
    b"null",
];

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// A variant: one input changed in a few places, with pieces of another.
fn variant(random: &mut fastrand::Rng, corpus: &[(PathBuf, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = random.choice(corpus).unwrap().1.clone();
    for _ in 0..random.usize(1..6) {
        let place = random.usize(0..=bytes.len());
        match random.u8(0..6) {
            0 if place < bytes.len() => bytes[place] ^= 1 << random.u8(0..8),
            1 if place < bytes.len() => bytes[place] = random.u8(..),
            2 => {
                let end = (place + random.usize(0..16)).min(bytes.len());
                bytes.drain(place..end);
            }
            3 => {
                let piece = random.choice(PIECES).unwrap();
                bytes.splice(place..place, piece.iter().copied());
            }
            4 => {
                let other = &random.choice(corpus).unwrap().1;
                let begin = random.usize(0..=other.len());
                let end = (begin + random.usize(0..64)).min(other.len());
                bytes.splice(place..place, other[begin..end].iter().copied());
            }
            _ => bytes.truncate(place.max(1)),
        }
    }
    bytes.truncate(BYTES_MAX);
    bytes
}

/// Runs `target`; an input that breaks a promise is kept, and named with what to do.
fn run(target: &Target, name: &str, bytes: &[u8]) {
    if let Err(panic) = catch_unwind(|| (target.run)(bytes)) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fuzz");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{}.input", target.name));
        fs::write(&file, bytes).unwrap();
        eprintln!(
            "{}: {name} breaks a promise; the input is in {}. Mend what broke, add the input to fuzz/corpus/{} and a test named \
             after what broke.",
            target.name,
            file.display(),
            target.name
        );
        std::panic::resume_unwind(panic);
    }
}

fn smoke(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let corpus = corpus(name);
    assert!(!corpus.is_empty(), "{name} has no corpus");
    run(target, "nothing at all", b"");
    for (path, bytes) in &corpus {
        run(target, &path.display().to_string(), bytes);
    }
    let mut random = fastrand::Rng::with_seed(9);
    for number in 0..if name == "engine" { VARIANTS_OF_STORIES } else { VARIANTS } {
        let bytes = variant(&mut random, &corpus);
        run(target, &format!("variant {number}"), &bytes);
    }
}

#[test]
fn access_log() {
    smoke("access_log");
}

#[test]
fn checkpoint() {
    smoke("checkpoint");
}

#[test]
fn config() {
    smoke("config");
}

#[test]
fn datadog_logs() {
    smoke("datadog_logs");
}

#[test]
fn decompress() {
    smoke("decompress");
}

#[test]
fn engine() {
    smoke("engine");
}

#[test]
fn events() {
    smoke("events");
}

#[test]
fn events_api() {
    smoke("events_api");
}

#[test]
fn journal() {
    smoke("journal");
}

#[test]
fn lines() {
    smoke("lines");
}

#[test]
fn log_format() {
    smoke("log_format");
}

#[test]
fn nats_intake() {
    smoke("nats_intake");
}

#[test]
fn nats_parts() {
    smoke("nats_parts");
}

#[test]
fn query() {
    smoke("query");
}

#[test]
fn scenario() {
    smoke("scenario");
}

#[test]
fn syslog() {
    smoke("syslog");
}

#[test]
fn webhook() {
    smoke("webhook");
}

#[test]
fn every_target_has_its_smoke_run() {
    let tests = include_str!("tests.rs");
    for target in TARGETS {
        let name = target.name;
        let test = format!("fn {name}() {{\n    smoke(\"{name}\");\n}}");
        assert!(tests.contains(&test), "`{name}` has no test here");
    }
}

#[test]
fn words_are_renewed_at_the_same_time_after_a_restart() {
    for name in ["engine", "checkpoint"] {
        let place = format!("{}/fuzz/corpus/{name}/words_renewed", env!("CARGO_MANIFEST_DIR"));
        let input = std::fs::read(place).unwrap();
        super::target(name).unwrap()(&input);
    }
}
