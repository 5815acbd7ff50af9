//! From a data directory to NATS: counters, ids, incidents and what was not sent yet come along, once.

use std::collections::BTreeSet;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::nats::{Server, told};
use crate::recorder::Recorder;
use crate::{http, wait};

/// One daemon alone, or several instances over `journal`; logs go to `logs`.
fn config(journal: &str, pager: &Recorder, logs: &Recorder) -> String {
    format!(
        r#"
privacy: {{ key: the-same-for-all }}
{journal}
built_in_alerts: false
rules:
  - {{ name: ManyFailures, metric: failure_ratio, op: ">", value: 0.5, window: 5m, min_attempts: 4, keep_firing_for: 0s }}
sinks: {{ datadog: {{ api_key: k, metrics: false, logs_interval: 1s, logs_url: "{}" }} }}
receivers:
  - pagerduty: {{ routing_key: R0123456789, url: "{}" }}
"#,
        logs.url(),
        pager.url()
    )
}

fn nats(server: &Server) -> String {
    format!(
        "journal: {{ nats: {{ urls: [\"nats://127.0.0.1:{}\"], user: sso, password: s3cret, replicas: 1 }} }}",
        server.client
    )
}

fn ends(name: &str, sessions: std::ops::Range<u32>) -> String {
    let at = now_millis() - 1000;
    sessions.map(|n| event(name, Some("conn_1"), &n.to_string(), at)).collect()
}

/// An orderly end, which leaves a checkpoint.
fn stop(daemon: &mut Daemon) {
    let id = Pid::from_raw(i32::try_from(daemon.id()).unwrap()).unwrap();
    kill_process_group(id, Signal::TERM).unwrap();
    wait::until("it has stopped", || {
        http::try_get(&format!("{}/-/healthy", daemon.admin)).is_none().then_some(())
    });
    wait::until("it left a checkpoint", || {
        daemon.path().join("data/checkpoint").exists().then_some(())
    });
    daemon.kill();
}

fn failed(daemon: &Daemon) -> u64 {
    daemon.count("sso_sessions_finished_total{connection_id=\"conn_1\",outcome=\"failed\"}")
}

/// The files of the data directory that are about the journal.
fn files(daemon: &Daemon) -> Vec<String> {
    let names = std::fs::read_dir(daemon.path().join("data")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names
        .filter(|name| name.starts_with("checkpoint") || name.starts_with("journal"))
        .collect();
    names.sort();
    names
}

#[test]
fn what_a_daemon_alone_has_counted_and_told_goes_on_over_nats() {
    let (pager, away, logs) =
        (Recorder::answering(202), Recorder::answering(503), Recorder::answering(202));
    let alone = config("", &pager, &away);
    let mut first = Daemon::start(&alone);
    first.push(&ends("sso_failed", 0..6));
    wait::until("PagerDuty is told", || told(&pager).pop());
    stop(&mut first);
    first.start_again();
    first.push(&ends("sso_failed", 6..9));
    wait::until("it counts on", || (failed(&first) == 9).then_some(()));
    // What came since the checkpoint is in its journal alone.
    first.kill();

    let server = Server::alone();
    let several = config(&nats(&server), &pager, &logs);
    first.configure(&several);
    first.start_again();
    let second = Daemon::start(&several);
    assert_eq!(failed(&first), 9, "{}", first.metrics());
    let again = first.push(&ends("sso_failed", 3..10));
    assert_eq!((&again["accepted"], &again["duplicates"]), (&1.into(), &6.into()), "{again}");
    let sent = || {
        let all = logs.bodies("/").into_iter();
        let all = all.flat_map(|body| body.as_array().unwrap().clone());
        all.map(|log| log["evt"]["id"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    wait::until("logs that Datadog did not take before are sent", || {
        (sent().len() == 10).then_some(())
    });
    assert_eq!(files(&first), ["checkpoint.in-nats", "journal.in-nats"]);

    // A standby that never saw the directory has it all.
    first.kill();
    wait::until("the second goes on", || (failed(&second) == 10).then_some(()));
    second.push(&ends("sso_succeeded", 100..130));
    wait::until("PagerDuty is told the end", || (told(&pager).len() >= 2).then_some(()));
    let told = told(&pager);
    let actions: Vec<_> = told.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(actions, ["trigger", "resolve"], "{told:?}");
    assert_eq!(told[0].1, told[1].1);

    // Back again it brings nothing a second time.
    first.start_again();
    wait::until("it is a standby", || {
        let answer = http::try_get(&format!("{}/-/owner", first.admin))?;
        (answer.status == 503).then_some(())
    });
    assert_eq!((failed(&second), first.said("is not read")), (10, 0));
}

#[test]
fn a_directory_that_comes_too_late_is_left_alone_and_that_is_said() {
    let (pager, logs) = (Recorder::answering(202), Recorder::answering(202));
    let server = Server::alone();
    let mut late = Daemon::start(&config("", &pager, &logs));
    late.push(&ends("sso_failed", 0..2));
    stop(&mut late);
    let before = files(&late);
    let several = config(&nats(&server), &pager, &logs);
    let owner = Daemon::start(&several);
    owner.push(&ends("sso_failed", 50..51));
    late.configure(&several);
    late.start_again();
    assert_eq!(late.said("is not read"), 1);
    assert_eq!(files(&late), before);
    wait::until("the owner counts its own alone", || (failed(&owner) == 1).then_some(()));
}
