//! The same input cut, packed and ordered in different ways gives the same output.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::component::Place;
use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::{bytes, http, wait};

/// The lines of `text` in an order that has nothing to do with theirs, the same on every call.
fn shuffled(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().enumerate().collect();
    lines.sort_by_key(|(n, _)| (n * 7919) % 1009);
    lines.into_iter().map(|(_, line)| line).collect()
}

fn joined(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}

/// What `ssowatch replay` prints about `paths`; `-` is `stdin`.
fn replay(place: &Path, paths: &[&str], stdin: Option<&Path>) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ssowatch"));
    command.args(["replay", "--format", "json"]).args(paths).current_dir(place);
    command.stdin(stdin.map_or_else(Stdio::null, |file| File::open(file).unwrap().into()));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn replay_gives_the_same_bytes_however_the_input_is_cut_packed_and_ordered() {
    let place = Place::new();
    let file = |name: &str| place.path().join(name);
    let mut simulate = Command::new(env!("CARGO_BIN_EXE_ssowatch"));
    simulate.args(["simulate", "--out"]).arg(file("whole.ndjson")).arg("demo-certificate");
    assert!(simulate.status().unwrap().success());
    let text = fs::read_to_string(file("whole.ndjson")).unwrap();
    let whole = replay(place.path(), &["whole.ndjson"], None);
    let states: Vec<Value> =
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for state in ["firing", "resolved"] {
        assert!(states.iter().any(|line| line["state"] == state), "{state}: {whole}");
    }

    let lines: Vec<_> = text.lines().collect();
    fs::create_dir(file("parts")).unwrap();
    // Names that sort in another order than the times in them.
    for (n, part) in lines.chunks(lines.len() / 6).enumerate() {
        let (part, name) = (joined(part), format!("parts/{}.ndjson", 9 - n));
        match n % 3 {
            0 => place.write(&name, &part),
            1 => place.write(&format!("{name}.gz"), bytes::gzip(part.as_bytes())),
            _ => place.write(&format!("{name}.zst"), bytes::zstd(part.as_bytes())),
        };
    }
    assert_eq!(replay(place.path(), &["parts"], None), whole, "a folder of packed parts");
    let packed = place.write("shuffled.gz", bytes::gzip(joined(&shuffled(&text)).as_bytes()));
    assert_eq!(replay(place.path(), &["-"], Some(&packed)), whole, "shuffled, from standard input");

    // Everything twice, from two files: the timeline is the same, and the summary says so.
    let twice = replay(place.path(), &["whole.ndjson", "shuffled.gz"], None);
    let (timeline, summary) = whole.trim_end().rsplit_once('\n').unwrap();
    let (timeline_twice, summary_twice) = twice.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(timeline_twice, timeline);
    let mut summary_twice: Value = serde_json::from_str(summary_twice).unwrap();
    assert_eq!(summary_twice["duplicates"], lines.len());
    summary_twice["duplicates"] = 0.into();
    summary_twice["events"] = lines.len().into();
    assert_eq!(summary_twice, serde_json::from_str::<Value>(summary).unwrap());
}

/// Sign-ins of ten connections over the last two minutes, in the order of their events.
fn recent() -> String {
    let start = now_millis() - 120_000;
    let mut events = Vec::new();
    for n in 0..200 {
        let connection = format!("conn_{}", n % 10);
        let connection = (n % 17 != 0).then_some(connection.as_str());
        let (session, at) = (format!("session_{n}"), start + n * 300);
        events.push((at, event("sso_started", connection, &session, at)));
        let end = match n % 7 {
            0 | 1 => "sso_failed",
            2 => "sso_timed_out",
            3 => continue,
            _ => "sso_succeeded",
        };
        let took = 1000 + n * 137 % 40_000;
        events.push((at + took, event(end, connection, &session, at + took)));
    }
    events.sort();
    events.into_iter().map(|(_, line)| line).collect()
}

/// Every line about sign-ins on the `/metrics` of a daemon that was sent `bodies`, once `all` is there as well. Connections
/// come there in the order in which they were first seen, hence a set.
fn exposition(bodies: &[Body], all: &str) -> BTreeSet<String> {
    let daemon = Daemon::start("");
    for Body { path, encoding, bytes } in bodies {
        let mut request = http::client().post(format!("{}{path}", daemon.intake));
        if let Some(encoding) = encoding {
            request = request.header("content-encoding", *encoding);
        }
        let answer = http::try_send(request.body(bytes.clone())).unwrap();
        assert!([200, 202].contains(&answer.status), "{answer:?}");
    }
    let text = wait::until(all, || {
        Some(daemon.metrics()).filter(|text| text.lines().any(|line| line == all))
    });
    let about = |line: &&str| line.split(' ').any(|word| word.starts_with("sso_"));
    text.lines().filter(about).map(str::to_owned).collect()
}

/// One request.
struct Body {
    path: &'static str,
    encoding: Option<&'static str>,
    bytes: Vec<u8>,
}

fn body(path: &'static str, encoding: Option<&'static str>, bytes: impl Into<Vec<u8>>) -> Body {
    Body { path, encoding, bytes: bytes.into() }
}

#[test]
fn pushes_give_the_same_metrics_however_they_are_cut_packed_ordered_and_repeated() {
    let text = recent();
    let lines: Vec<_> = text.lines().collect();
    let mixed = shuffled(&text);
    let all = format!("ssowatch_events_received_total{{source=\"push\"}} {}", lines.len());
    let repeated = format!("ssowatch_events_duplicate_total{{source=\"push\"}} {}", lines.len());
    let whole = exposition(&[body("/v1/events", None, text.as_bytes())], &all);
    for family in
        ["sso_sessions_started_total{", "sso_failure_ratio{", "sso_session_duration_seconds_sum{"]
    {
        assert!(whole.iter().any(|line| line.starts_with(family)), "{family}: {whole:#?}");
    }

    let array = |lines: &[&str]| format!("[{}]", lines.join(","));
    let arrays: Vec<_> =
        lines.chunks(23).map(|part| body("/v1/events", None, array(part))).collect();
    let packed: Vec<_> = mixed
        .chunks(50)
        .map(|part| body("/v1/events", Some("zstd"), bytes::zstd(joined(part).as_bytes())))
        .collect();
    let reversed: Vec<_> = lines.iter().rev().copied().collect();
    let reversed = body("/v1/events", Some("gzip"), bytes::gzip(joined(&reversed).as_bytes()));
    let logs: Vec<_> = mixed
        .iter()
        .map(|line| serde_json::json!({"ddsource": "workos", "message": line}).to_string())
        .collect();
    let logs: Vec<_> = logs.iter().map(String::as_str).collect();
    let logs: Vec<_> =
        logs.chunks(40).map(|part| body("/api/v2/logs", None, array(part))).collect();
    let again =
        [body("/v1/events", None, joined(&mixed)), body("/v1/events", None, text.as_bytes())];
    let cases = [
        ("in arrays", arrays, &all),
        ("shuffled and packed", packed, &all),
        ("the newest first", vec![reversed], &all),
        ("as Datadog logs", logs, &all),
        ("twice", again.into(), &repeated),
    ];
    thread::scope(|scope| {
        for (name, bodies, all) in &cases {
            let whole = &whole;
            scope.spawn(move || {
                let lines = exposition(bodies, all);
                let differences: Vec<_> = lines.symmetric_difference(whole).collect();
                assert!(differences.is_empty(), "{name}: {differences:#?}");
            });
        }
    });
}
