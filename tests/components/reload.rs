//! The configuration is loaded again while events come in: nothing is lost, nothing twice, and a mistake changes nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Pid, Signal, kill_process};

use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::{http, wait};

const RULE: &str = "rules: [ { name: TooManyFailures, metric: failures, op: \">\", value: 20, window: 10m, scope: connection } ]";

fn hang_up(daemon: &Daemon) {
    let id = Pid::from_raw(i32::try_from(daemon.id()).unwrap()).unwrap();
    kill_process(id, Signal::HUP).unwrap();
}

/// Until it has become ready `times` times.
fn ready(daemon: &Daemon, times: usize) {
    wait::until("the change-over", || (daemon.said("\"Ready.\"") == times).then_some(()));
}

/// Sends one event after the other until `over`, each until it is taken; gives how many.
fn push(daemon: &Daemon, over: &AtomicBool) -> u64 {
    let mut count = 0;
    while !over.load(Ordering::Relaxed) {
        let line = event("sso_started", Some("conn_1"), &format!("session_{count}"), now_millis());
        let url = format!("{}/v1/events", daemon.intake);
        wait::until("an event to be taken", || {
            // A connection that was closed between two requests gives no answer: the sender sends again.
            let answer = http::try_send(http::client().post(&url).body(line.clone()))?;
            assert!(matches!(answer.status, 200 | 503), "{answer:?}");
            (answer.status == 200).then_some(())
        });
        count += 1;
    }
    count
}

#[test]
fn events_that_come_during_a_reload_count_once() {
    let daemon = Daemon::start("");
    let reload = format!("{}/-/reload", daemon.admin);
    let over = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        let pushing = scope.spawn(|| push(&daemon, &over));
        for round in 0..5 {
            let before = daemon.said("\"Ready.\"");
            if round % 2 == 0 {
                hang_up(&daemon);
            } else {
                assert_eq!(http::post(&reload, "").status, 200);
            }
            // What answers meanwhile, before or after, never claims that there is nothing.
            for _ in 0..20 {
                let status = http::try_get(&format!("{}/api/v1/status", daemon.admin));
                assert!(status.is_none_or(|status| !status.body.contains("1970")));
            }
            ready(&daemon, before + 1);
        }
        over.store(true, Ordering::Relaxed);
        pushing.join().unwrap()
    });
    assert!(sent > 0);
    let started = "sso_sessions_started_total{connection_id=\"conn_1\"}";
    wait::until("the last event", || (daemon.count(started) == sent).then_some(()));
}

#[test]
fn a_new_configuration_takes_over_and_a_wrong_one_stays_out() {
    let daemon = Daemon::start("");
    let reload = format!("{}/-/reload", daemon.admin);
    let good = "ssowatch_config_last_reload_successful";
    assert_eq!(daemon.count(good), 1);

    daemon.configure(&RULE.replace("value", "vlaue"));
    let answer = http::post(&reload, "");
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("did you mean `value`?"), "{answer:?}");
    assert_eq!(daemon.count(good), 0);

    daemon.configure(RULE);
    assert_eq!(http::post(&reload, "").status, 200);
    ready(&daemon, 2);
    assert_eq!(daemon.count(good), 1);
    for number in 0..40 {
        daemon.push(&event("sso_failed", Some("conn_1"), &number.to_string(), now_millis()));
    }
    let incidents = format!("{}/api/v1/incidents", daemon.admin);
    wait::until("the new rule to fire", || {
        http::get(&incidents).body.contains("TooManyFailures").then_some(())
    });
}

#[test]
fn a_hashed_address_is_found_after_the_key_was_rotated() {
    let key = |keys: &str| format!("privacy: {{ {keys} }}\n");
    let daemon = Daemon::start(&key("key: the-first-of-two-keys"));
    let found = |wanted: usize| {
        let url = format!("{}/api/v1/sessions?email=Ada@example.com", daemon.admin);
        wait::until(&format!("{wanted} sign-ins of one person"), || {
            let answer = http::get(&url).json();
            (answer["sessions"].as_array()?.len() == wanted).then_some(answer)
        })
    };
    let sign_in = |number: u32| {
        let line = event("sso_succeeded", Some("conn_1"), &format!("s{number}"), now_millis());
        daemon.push(&line.replace(&format!("s{number}@"), "ada@"));
    };
    sign_in(1);
    let before = found(1);
    assert!(before["sessions"][0]["email"].as_str().unwrap().starts_with("h:"), "{before}");

    daemon.configure(&key("key: the-second-of-two-keys, previous_key: the-first-of-two-keys"));
    hang_up(&daemon);
    ready(&daemon, 2);
    sign_in(2);
    let both = found(2);
    assert_ne!(both["sessions"][0]["email"], both["sessions"][1]["email"], "{both}");

    // Whoever leaves the key before out finds what came since.
    daemon.configure(&key("key: the-second-of-two-keys"));
    hang_up(&daemon);
    ready(&daemon, 3);
    assert_eq!(found(1)["sessions"][0]["id"], "s2");
}

#[test]
fn a_secret_in_a_file_counts_as_soon_as_the_file_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    for name in ["secret", "before", "push"] {
        std::fs::write(file(name), format!("{name}_1\n")).unwrap();
    }
    let daemon = Daemon::start(&format!(
        "sources:\n  workos_webhook: {{ secret_file: {}, previous_secret_file: {} }}\n  push: {{ token_file: {} }}\n",
        file("secret").display(),
        file("before").display(),
        file("push").display()
    ));
    let webhook = |secret: &str| {
        let body = event("sso_started", Some("conn_1"), secret, now_millis());
        let at = ssowatch::event::Timestamp::from_millis(now_millis());
        let header = ssowatch::source::signature::sign(secret, body.as_bytes(), at);
        let request = http::client().post(format!("{}/webhooks/workos", daemon.intake));
        http::try_send(request.header("workos-signature", header).body(body)).unwrap().status
    };
    let push = |token: &str| {
        let request = http::client().post(format!("{}/v1/events", daemon.intake));
        http::try_send(request.bearer_auth(token).body("")).unwrap().status
    };
    let statuses = |number: u32| {
        ["secret", "before"]
            .map(|name| webhook(&format!("{name}_{number}")))
            .into_iter()
            .chain([push(&format!("push_{number}"))])
            .collect::<Vec<_>>()
    };
    assert_eq!((statuses(1), statuses(2)), (vec![200; 3], vec![401; 3]));
    for name in ["secret", "before", "push"] {
        std::fs::write(file(name), format!("{name}_2\n")).unwrap();
    }
    assert_eq!((statuses(1), statuses(2)), (vec![401; 3], vec![200; 3]));
    assert_eq!(daemon.said("\"Ready.\""), 1, "nothing was loaded again");
}
