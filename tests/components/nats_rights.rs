//! A login that may not publish to everything: `check --online` names it, and so does whoever is concerned.

use std::fmt::Write;

use crate::component::{Component, Place, free_port};
use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::nats::{command, ready};
use crate::nats_settings::said;
use crate::{http, wait};

/// A server's configuration: `all` may everything, and for each part of the streams `no-PART` all but that.
fn server(port: u16, parts: &[&str]) -> String {
    let mut users = "{ user: all, password: p }".to_owned();
    for part in parts {
        write!(
            users,
            ", {{ user: no-{part}, password: p, permissions: {{ publish: {{ deny: [\"ssowatch.{part}\"] }} }} }}"
        )
        .unwrap();
    }
    format!(
        "listen: 127.0.0.1:{port}\njetstream {{ store_dir: \"js\", max_file_store: 64GB }}\n\
         authorization {{ users: [{users}] }}\n"
    )
}

fn settings(port: u16, user: &str) -> String {
    format!("urls: [\"nats://127.0.0.1:{port}\"], user: {user}, password: p, replicas: 1")
}

fn instance(port: u16, user: &str) -> Daemon {
    let nats = settings(port, user);
    Daemon::start(&format!("privacy: {{ key: k }}\njournal: {{ nats: {{ {nats} }} }}\n"))
}

#[test]
fn a_right_that_is_missing_is_named_and_a_standby_that_takes_nothing_is_not_ready() {
    let parts = ["journal", "intake", "aside", "checkpoint"];
    let plan = |place: &Place| {
        let port = free_port();
        place.write("nats.conf", server(port, &parts));
        (command(place), port)
    };
    let (mut nats, port, ()) = Component::start("nats-server", plan, |place, _| ready(place));
    let good = "ok      journal.nats: the streams are there and as they should be";
    assert_eq!(said(&settings(port, "all")), good);
    for part in parts {
        let said = said(&settings(port, &format!("no-{part}")));
        let words = format!("not publish to `ssowatch.{part}`");
        assert!(said.starts_with("failed") && said.contains(&words), "{said}");
    }

    let owner = instance(port, "all");
    let standby = instance(port, "no-intake");
    let is_ready = |daemon: &Daemon, want: u16| {
        http::try_get(&format!("{}/-/ready", daemon.admin)).filter(|answer| answer.status == want)
    };
    wait::until("the standby is ready", || is_ready(&standby, 200));
    let sign_in = || event("sso_started", Some("conn_1"), "one", now_millis() - 500);
    let push = || http::post(&format!("{}/v1/events", standby.intake), sign_in());
    let refused = push();
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(standby.said("not publish to `ssowatch.intake`") > 0, "its log says why");
    let answer = wait::until("it is not ready", || is_ready(&standby, 503));
    assert!(answer.body.contains("NATS has taken nothing"), "{answer:?}");
    assert!(is_ready(&owner, 200).is_some());

    // Nothing more is sent to it, and yet it finds out that it may again.
    nats.kill();
    let allowed =
        server(port, &[]).replace("user: all", "user: no-intake, password: p }, { user: all");
    std::fs::write(nats.path().join("nats.conf"), allowed).unwrap();
    nats.start_again(command, ready);
    wait::until("it is ready again", || is_ready(&standby, 200));
    wait::until("it takes what comes", || (push().status == 200).then_some(()));
}
