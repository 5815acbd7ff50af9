//! What the machine itself can do, measured beside each figure: the ratio means something on another machine too.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde::Deserialize;

use super::process;

#[derive(Deserialize)]
struct Event<'a> {
    event: &'a str,
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    sso: Sso<'a>,
}

#[derive(Deserialize)]
struct Sso<'a> {
    connection_id: &'a str,
}

/// Lines a processor second when each is only parsed by `serde_json` and counted by connection and event.
pub(crate) fn parse_and_count(file: &Path) -> f64 {
    let before = process::cpu(std::process::id());
    let mut input = BufReader::with_capacity(1 << 18, File::open(file).expect("a recording"));
    let mut counts: HashMap<String, [u32; 4]> = HashMap::new();
    let (mut line, mut lines) = (String::new(), 0.0);
    while input.read_line(&mut line).expect("a recording") > 0 {
        let event: Event<'_> = serde_json::from_str(&line).expect("an event");
        let step = match event.event {
            "authentication.sso_started" => 0,
            "authentication.sso_succeeded" => 1,
            "authentication.sso_failed" => 2,
            _ => 3,
        };
        if let Some(counts) = counts.get_mut(event.data.sso.connection_id) {
            counts[step] += 1;
        } else {
            let mut first = [0; 4];
            first[step] = 1;
            counts.insert(event.data.sso.connection_id.to_owned(), first);
        }
        line.clear();
        lines += 1.0;
    }
    lines / (process::cpu(std::process::id()) - before)
}

/// Seconds of `wc -l`.
pub(crate) fn count_lines(file: &Path) -> f64 {
    let started = Instant::now();
    let output = Command::new("wc").arg("-l").arg(file).output().expect("wc runs");
    assert!(output.status.success());
    started.elapsed().as_secs_f64()
}

/// Bodies a second when each is appended to a file and synced.
pub(crate) fn synced_writes(bodies: &[Vec<u8>], folder: &Path) -> f64 {
    let path = folder.join("synced");
    let mut file = File::create(&path).expect("a file");
    let started = Instant::now();
    for body in bodies {
        file.write_all(body).expect("the disk takes it");
        file.sync_data().expect("the disk takes it");
    }
    let took = started.elapsed().as_secs_f64();
    std::fs::remove_file(path).expect("the file goes");
    #[expect(clippy::cast_precision_loss, reason = "a count of bodies")]
    let count = bodies.len() as f64;
    count / took
}
