//! The binary from outside: exit codes, what goes to stdout and what to stderr.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{TcpListener, UdpSocket};
use std::process::{Command, Output};

use tempfile::TempDir;

fn ssowatch(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ssowatch"));
    command.args(arguments).env("RUST_LOG", "off").env("WEBHOOK", "whsec_hidden");
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn write(dir: &TempDir, name: &str, content: &str) -> String {
    let path = dir.path().join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn exit_codes_tell_usage_configuration_and_run_time_apart() {
    let dir = tempfile::tempdir().unwrap();
    let typo = write(&dir, "typo.yaml", "htp: {}\n");
    let cases: [(&[&str], i32, &str); 7] = [
        (&["check"], 0, ""),
        (&["generate", "schema"], 0, ""),
        (&["--help"], 0, ""),
        (&["frobnicate"], 2, "unrecognized subcommand"),
        (
            &["check", "--config", &typo],
            2,
            "typo.yaml:1:1: unknown key `htp`; did you mean `http`?",
        ),
        (&["run", "--config", "/nonexistent/x.yaml"], 2, "/nonexistent/x.yaml: cannot be read"),
        (&["replay", "/nonexistent/*.ndjson"], 1, "matches no file"),
    ];
    for (arguments, code, words) in cases {
        let output = ssowatch(arguments);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains(words), "{arguments:?}: {stderr}");
        assert_eq!(output.stdout.is_empty(), code != 0, "{arguments:?}: results only, on stdout");
    }
}

#[test]
fn errors_are_json_when_logs_are() {
    let output = ssowatch(&["--log-format", "json", "check", "--config", "/nonexistent/x.yaml"]);
    let line: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert!(line["fields"]["error"].as_str().unwrap().contains("cannot be read"));
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in ["run", "replay", "check", "generate"] {
        let help = text(&ssowatch(&[command, "--help"]).stdout);
        assert!(help.contains("Example: ssowatch "), "{command}: {help}");
    }
}

#[test]
fn check_says_what_would_run_and_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let yaml = "sources:\n  workos_webhook: { secret: \"${WEBHOOK}\" }\n  push: { token: inline_hidden }\n";
    let output = ssowatch(&["check", "--config", &write(&dir, "c.yaml", yaml)]);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(stdout.contains("sources.workos_webhook  on, 1 secret(s), tolerance 3m"), "{stdout}");
    assert!(stdout.contains("pushed events with a token"), "{stdout}");
    assert!(!format!("{stdout}{stderr}").contains("hidden"), "{stdout}{stderr}");
}

#[test]
fn check_says_that_nobody_is_paged_and_that_a_key_is_weak() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let config = |receivers: &str, key: &str| {
        let yaml = format!(
            "data_dir: {}\nprivacy: {{ key: {key} }}\nreceivers: [{receivers}]\n",
            data.display()
        );
        let output = ssowatch(&["check", "--config", &write(&dir, "c.yaml", &yaml)]);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let nobody = "\nwarning: `receivers` is empty: ssowatch pages nobody.";
    let (code, stdout, _) = config("", "0123456789abcdef");
    assert!(code == Some(0) && stdout.contains(nobody), "{stdout}");
    let (_, stdout, _) = config("{ pagerduty: { routing_key: k } }", "0123456789abcdef");
    assert!(!stdout.contains("warning"), "{stdout}");
    let (_, stdout, _) = config(
        "{ pagerduty: { routing_key: k } }]\nbuilt_in_alerts: false\nrules: [",
        "0123456789abcdef",
    );
    assert!(stdout.contains("\nwarning: `built_in_alerts` is false"), "{stdout}");
    assert!(stdout.contains("\nbuilt_in_alerts         off\n"), "{stdout}");
    let (code, _, stderr) = config("", "x");
    let weak = "`privacy.key` has 1 bytes: at least 16";
    assert!(code == Some(2) && stderr.contains(weak), "{stderr}");
    std::fs::create_dir_all(data.join("journal")).unwrap();
    let (code, stdout, _) = config("", "x");
    assert!(code == Some(0) && stdout.contains(&format!("\nwarning: {weak}")), "{stdout}");
}

#[test]
fn check_warns_of_what_could_have_no_effect_and_passes() {
    let dir = tempfile::tempdir().unwrap();
    let yaml = "receivers: [ { webhook: { url: \"http://127.0.0.1:1\", match: { severity: critical } } } ]\n";
    let output = ssowatch(&["check", "--config", &write(&dir, "c.yaml", yaml)]);
    assert_eq!(output.status.code(), Some(0));
    let warning = "\nwarning: `receivers[0].webhook.match`: no alert has severity=critical, so that nothing is told there; possible are";
    assert!(text(&output.stdout).contains(warning), "{}", text(&output.stdout));
}

#[test]
fn check_online_names_what_fails_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (data, busy) = (dir.path().join("a/b"), taken.local_addr().unwrap());
    let yaml = format!(
        "data_dir: {}\nhttp: {{ admin: {{ listen: \"{busy}\" }}, intake: {{ listen: \"127.0.0.1:0\" }} }}\nsources: {{ push: {{ token_file: /nonexistent/token }} }}\n",
        data.display()
    );
    let config = write(&dir, "c.yaml", &yaml);
    let output = ssowatch(&["check", "--config", &config, "--online"]);
    let stdout = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    for words in [
        "failed  http.admin.listen: cannot listen on",
        "stop it or choose another port",
        "failed  sources.push.token: cannot read the secret file /nonexistent/token",
        "ok      http.intake.listen: 127.0.0.1:0 is free",
        "can be created",
    ] {
        assert!(stdout.contains(words), "{words}: {stdout}");
    }
    assert!(!data.exists(), "check leaves no data directory behind");
    assert!(text(&output.stderr).contains("2 of 4 checks failed"));
}

#[test]
fn check_online_tries_every_listener_and_what_stands_in_the_way_of_the_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let file = write(&dir, "file", "");
    let yaml = format!(
        "data_dir: {file}/data\nhttp: {{ admin: {{ listen: \"127.0.0.1:0\" }}, intake: {{ listen: \"127.0.0.1:0\" }} }}\n\
         sources: {{ edge: [ {{ syslog: \"udp://{busy}\", format: nginx_json }}, {{ syslog: \"tcp://127.0.0.1:0\", format: nginx_json }} ] }}\n",
        busy = taken.local_addr().unwrap()
    );
    let output = ssowatch(&["check", "--config", &write(&dir, "c.yaml", &yaml), "--online"]);
    let stdout = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    for words in [
        &*format!("failed  data_dir: {file} is not a folder; choose another `data_dir`"),
        "failed  sources.edge[0].syslog: cannot listen on",
        "ok      sources.edge[1].syslog: 127.0.0.1:0 is free",
    ] {
        assert!(stdout.contains(words), "{words}: {stdout}");
    }
}

#[test]
fn check_online_says_who_has_the_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("data/journal");
    std::fs::create_dir_all(&journal).unwrap();
    let lock = std::fs::File::create(journal.join("lock")).unwrap();
    let yaml = format!(
        "data_dir: {}\nhttp: {{ admin: {{ listen: \"127.0.0.1:0\" }}, intake: {{ listen: \"127.0.0.1:0\" }} }}\n",
        dir.path().join("data").display()
    );
    let config = write(&dir, "c.yaml", &yaml);
    let said = || text(&ssowatch(&["check", "--config", &config, "--online"]).stdout);
    assert!(said().contains("ok      data_dir: "), "{}", said());
    lock.lock().unwrap();
    let in_use = format!("failed  data_dir: {} is in use by another ssowatch", journal.display());
    assert!(said().contains(&in_use), "{}", said());
}

#[test]
fn generated_files_go_to_the_folder_that_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("out");
    let output = ssowatch(&["generate", "metrics", "--dir", folder.to_str().unwrap()]);
    assert!(output.status.success());
    assert_eq!(
        std::fs::read_to_string(folder.join("metrics.md")).unwrap(),
        text(&ssowatch(&["generate", "metrics"]).stdout)
    );
}

#[test]
fn whoever_has_read_enough_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ssowatch"))
        .args(["simulate", "demo-certificate"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Closed before a line is read: the first write that the pipe cannot hold fails.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn a_replay_is_scored_against_the_truth_of_its_simulation() {
    let dir = tempfile::tempdir().unwrap();
    let scenario = "format: sso-scenario/v1\nname: small\ntitle: small\nkind: synthetic\nseed: 1\nfleet_seed: 4\n\
        start: 2025-06-03T00:00:00Z\nwarmup: 2d\nduration: 8h\n\
        fleet: { connections: 20, attempts_per_day: 4000, zipf_s: 0.5, hours: flat }\n\
        faults: [ { id: f, at: +2d4h, duration: 1h, select: { all: true }, effect: { hard_fail: 0.9, code: server_error } } ]\n\
        expect: { page: true, scope: fleet, target_delay: 20m }\n";
    let scenario = write(&dir, "s.yaml", scenario);
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (events, truth) = (path("events.ndjson"), path("truth.json"));
    let simulated = ssowatch(&["simulate", "--out", &events, "--truth", &truth, &scenario]);
    assert!(simulated.status.success(), "{}", text(&simulated.stderr));
    let output = ssowatch(&["replay", "--format", "json", "--truth", &truth, &events]);
    let told = text(&output.stdout);
    let [.., score, summary] = &*told.lines().collect::<Vec<_>>() else { panic!("{told}") };
    assert!(summary.contains("\"type\":\"summary\""), "{told}");
    for want in [
        "\"type\":\"score\"",
        "\"due\":true",
        "\"missed\":false",
        "\"late\":false",
        "\"right\":1",
        "\"false_pages\":[]",
    ] {
        assert!(score.contains(want), "{want}: {told}");
    }
    let output = ssowatch(&["replay", "--truth", &truth, &events]);
    let last = text(&output.stdout);
    assert!(
        last.lines().last().unwrap().starts_with("score of small, seed 1: found after "),
        "{last}"
    );
    assert!(!last.contains("warning"), "{last}");
    let written = std::fs::read_to_string(&truth).unwrap();
    let other = write(&dir, "other.json", &written.replace("2025-06-0", "2024-06-0"));
    let refused = ssowatch(&["replay", "--truth", &other, &events]);
    assert_eq!((refused.status.code(), &*refused.stdout), (Some(2), &b""[..]));
    assert!(text(&refused.stderr).contains("is not of these events"), "{}", text(&refused.stderr));
    let other = ssowatch(&["replay", "--truth", &scenario, &events]);
    assert!(text(&other.stderr).contains("simulate --truth"), "{}", text(&other.stderr));
}

#[test]
fn a_replay_of_access_logs_says_whom_a_declared_limit_would_hurt() {
    let dir = tempfile::tempdir().unwrap();
    let config = write(
        &dir,
        "c.yaml",
        "privacy: { personal: keep }\n\
         edge: { limits: [ { name: per_client, key: client, quota: 5/s, burst: 2 }, { name: roomy, key: client, quota: 90/s, burst: 30 } ] }\n",
    );
    let line = |client: &str, second: u32| {
        format!(
            r#"{{"msec":17953098{second}.25,"remote_addr":"{client}","request_method":"GET","request_uri":"/x","status":200}}"#
        ) + "\n"
    };
    let log: String = (10..20)
        .map(|second| line("192.0.2.7", second))
        .chain((0..20).map(|_| line("192.0.2.1", 15)))
        .chain(["rubbish\n".to_owned()])
        .collect();
    let log = write(&dir, "access.log", &log);
    let access_log = format!("nginx_json@web={log}");
    let arguments = ["replay", "--config", &config, "--access-log", &access_log];
    let output = ssowatch(&arguments);
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told} {}", text(&output.stderr));
    let end = "\
30 requests of access logs, 0 events (0 duplicates, 1 rejected): 0 started, 0 succeeded, 0 failed, 0 timed out, 0 stalled, 0 in progress

Limit per_client (5/s, burst 2): would have refused 17 of 30 requests, of 1 caller, the first at 2026-11-22T01:10:15Z
  caller      refused  highest use  first refused         last refused
  192.0.2.1        17        100 %  2026-11-22T01:10:15Z  2026-11-22T01:10:15Z
";
    assert!(told.contains(end), "{told}");
    assert!(
        told.contains("Limit roomy (90/s, burst 30): would have refused none of 30 requests"),
        "{told}"
    );
    let output = ssowatch(&[&arguments[..], &["--format", "json"]].concat());
    let lines: Vec<serde_json::Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [.., limit, _, summary] = &*lines else { panic!("{lines:?}") };
    assert_eq!((&limit["type"], &limit["limit"]), (&"limit".into(), &"per_client".into()));
    assert_eq!(
        (&limit["keys"][0]["key"], &limit["keys"][0]["refused"]),
        (&"192.0.2.1".into(), &17.into())
    );
    assert_eq!((&summary["requests"], &summary["rejected"]), (&30.into(), &1.into()));
    let unknown = ssowatch(&["replay", "--access-log", &format!("nginx={log}")]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(
        text(&unknown.stderr).contains("known are nginx_combined"),
        "{}",
        text(&unknown.stderr)
    );
}

#[test]
fn a_replay_of_nothing_fails_and_is_not_all_quiet() {
    let dir = tempfile::tempdir().unwrap();
    let (empty, other) = (write(&dir, "empty.ndjson", "\n\n"), write(&dir, "passwd", "root:x:0\n"));
    let connections = write(&dir, "incidents.json", "{\"incidents\": []}");
    let event = r#"{"id":"e1","event":"authentication.sso_started","created_at":"2026-01-15T12:00:00.000Z","data":{"sso":{"connection_id":"c","session_id":"s"}}}"#;
    let good = write(&dir, "good.ndjson", &format!("{event}\n"));
    let inside = format!("{other}/reports");
    let cases: [(&[&str], &str); 6] = [
        (&["replay", &empty], "there is nothing to replay"),
        (&["replay", "--access-log", &format!("nginx_json={empty}")], "there is nothing to replay"),
        (&["replay", &other], "passwd is an event; they are JSON, one a line"),
        (&["replay", "--report", &inside, &good], "choose another folder for `--report`"),
        // Before the replay: its events are not even read.
        (&["replay", "--report", &inside, "/nonexistent"], "choose another folder for `--report`"),
        (
            &["replay", "--connections", &connections, &good],
            "incidents.json: has no list of connections; write {",
        ),
    ];
    for (arguments, words) in cases {
        let output = ssowatch(arguments);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {stderr}");
        assert!(stderr.contains(words) && output.stdout.is_empty(), "{arguments:?}: {stderr}");
    }
    let output = ssowatch(&["replay", &good, &empty]);
    assert!(output.status.success(), "{}", text(&output.stderr));
}
