//! The recipes of `docs/gate.md`: the shell loop, run as it stands there, and what Argo Rollouts would make of the answers.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

use serde_json::Value;
use ssowatch::event::Timestamp;

use crate::component::Place;
use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::{http, wait};

/// The first block of `language` in the guide.
fn recipe(language: &str) -> String {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/gate.md");
    let guide = fs::read_to_string(guide).unwrap();
    let (_, block) = guide.split_once(&format!("```{language}\n")).unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

/// Sign-ins of people who are never the same, on six connections: `count` that ended within the last `seconds`, of which every
/// `bad`th failed.
fn sign_ins(daemon: &Daemon, of: &str, count: i64, seconds: i64, bad: Option<i64>) {
    let mut lines = String::new();
    for n in 0..count {
        let (session, connection) = (format!("{of}_{n}"), format!("conn_{}", n % 6));
        let at = now_millis() - seconds * 1000 * n / count;
        let failed = bad.is_some_and(|bad| n % bad == 0);
        let ended = if failed { "sso_failed" } else { "sso_succeeded" };
        lines.push_str(&event("sso_started", Some(&connection), &session, at - 14_000));
        lines.push_str(&event(ended, Some(&connection), &session, at));
    }
    daemon.push(&lines);
}

/// The loop of the guide, with a `migrate` that notes whom it moved, while people sign in: `during` says how many of them fail.
fn run(daemon: &Daemon, place: &Place, during: impl Fn(usize) -> Option<i64>) -> Output {
    let script = recipe("sh").replace("http://127.0.0.1:9470", &daemon.admin);
    assert!(script.contains(&daemon.admin), "{script}");
    place.write("loop.sh", &script);
    place.write("connections.txt", "conn_0\nconn_1\nconn_2\n");
    let migrate = place.write("migrate", "#!/bin/sh\necho \"$1\" >> moved\n");
    fs::set_permissions(migrate, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", place.path().display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.arg("loop.sh").current_dir(place.path()).env("PATH", path).env("no_proxy", "127.0.0.1");
    let running = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let script = thread::spawn(move || running.wait_with_output().unwrap());
    let mut round = 0;
    while !script.is_finished() {
        sign_ins(daemon, &format!("round{round}"), 60, 1, during(moved(place).len()));
        round += 1;
        wait::briefly(|| (round > 100_000 || script.is_finished()).then_some(()));
    }
    script.join().unwrap()
}

/// Whom `migrate` moved.
fn moved(place: &Place) -> Vec<String> {
    let moved = fs::read_to_string(place.path().join("moved")).unwrap_or_default();
    moved.lines().map(str::to_owned).collect()
}

#[test]
fn the_loop_of_the_guide_moves_on_while_all_is_well_and_stops_where_it_breaks() {
    let daemon = Daemon::start("");
    sign_ins(&daemon, "past", 3_000, 3_000, Some(60));
    let place = Place::new();
    // The second connection's move breaks a quarter of all sign-ins.
    let output = run(&daemon, &place, |moved| if moved < 2 { Some(60) } else { Some(4) });
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(moved(&place), ["conn_0", "conn_1"], "{said}");
    assert!(!output.status.success() && said.contains("stopped at conn_1"), "{said}");
}

#[test]
fn the_loop_of_the_guide_stops_when_nobody_answers() {
    let mut daemon = Daemon::start("");
    daemon.kill();
    let place = Place::new();
    let script = recipe("sh").replace("http://127.0.0.1:9470", &daemon.admin);
    place.write("loop.sh", script.replace("migrate \"$connection\"", ":"));
    place.write("connections.txt", "conn_0\nconn_1\n");
    let output = Command::new("sh").arg("loop.sh").current_dir(place.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("stopped at conn_0"), "{said}");
}

/// What Argo Rollouts makes of measurements one after the other, as its controller assesses a metric: failures and inconclusive
/// ones beyond their limits end it, and so does the count of all, as a success.
fn assessed(metric: &Value, answers: &[Value]) -> &'static str {
    let limit = |name: &str| usize::try_from(metric[name].as_u64().unwrap()).unwrap();
    let path = metric["provider"]["web"]["jsonPath"].as_str().unwrap();
    let field = path.strip_prefix("{$.").unwrap().strip_suffix('}').unwrap();
    let holds = |condition: &str, result: &Value| {
        let wanted = metric[condition].as_str().unwrap().strip_prefix("result == ").unwrap();
        serde_json::from_str::<Value>(wanted).unwrap() == *result
    };
    let (mut failed, mut inconclusive) = (0, 0);
    for (n, answer) in answers.iter().enumerate() {
        let result = &answer[field];
        match (holds("successCondition", result), holds("failureCondition", result)) {
            (_, true) => failed += 1,
            (true, false) => {}
            (false, false) => inconclusive += 1,
        }
        if failed > limit("failureLimit") {
            return "Failed";
        }
        if inconclusive > limit("inconclusiveLimit") {
            return "Inconclusive";
        }
        if n + 1 >= limit("count") {
            return "Successful";
        }
    }
    "Running"
}

#[test]
fn argo_rollouts_goes_on_takes_back_or_waits_as_the_gate_says() {
    let recipe: Value = serde_saphyr::from_str(&recipe("yaml")).unwrap();
    let metric = &recipe["spec"]["metrics"][0];
    let daemon = Daemon::start_with_admin("token: secret-of-the-tests", "");
    sign_ins(&daemon, "past", 3_000, 3_000, Some(60));
    let ask = |since: i64| {
        let url = metric["provider"]["web"]["url"].as_str().unwrap();
        let url = url.replace("http://ssowatch:9470", &daemon.admin);
        let url = url.replace("{{args.since}}", &Timestamp::from_millis(since).to_string());
        let header = &metric["provider"]["web"]["headers"][0];
        let value =
            header["value"].as_str().unwrap().replace("{{args.token}}", "secret-of-the-tests");
        let request = http::client().get(url).header(header["key"].as_str().unwrap(), value);
        let answer = http::try_send(request).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    let now = now_millis();
    let until = |since: i64, verdict: &str| {
        wait::until(verdict, || Some(ask(since)).filter(|answer| answer["verdict"] == verdict))
    };
    let pass = until(now - 1_800_000, "pass");
    let hold = until(now, "hold");
    let twenty = |answer: &Value| vec![answer.clone(); 20];
    assert_eq!(assessed(metric, &twenty(&pass)), "Successful");
    assert_eq!(assessed(metric, &twenty(&hold)), "Inconclusive");
    let mut late = twenty(&hold);
    late[19] = pass.clone();
    assert_eq!(assessed(metric, &late), "Successful");
    sign_ins(&daemon, "broken", 600, 30, Some(2));
    let fail = until(now, "fail");
    assert_eq!(assessed(metric, &[hold, pass, fail]), "Failed");
}
