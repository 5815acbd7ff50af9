//! NATS itself is away: nobody owns the journal and nobody pages. What is left must say so to whoever asks, without NATS.

use serde_json::Value;

use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::nats::Server;
use crate::recorder::Recorder;
use crate::{http, wait};

/// Status and words of a route that needs no token.
fn says(daemon: &Daemon, path: &str) -> Option<(u16, String)> {
    http::try_get(&format!("{}{path}", daemon.admin)).map(|answer| (answer.status, answer.body))
}

fn has(daemon: &Daemon, line: &str) -> Option<()> {
    daemon.try_metrics()?.lines().any(|other| other == line).then_some(())
}

fn sign_in(session: &str) -> String {
    event("sso_started", Some("conn_1"), session, now_millis() - 500)
}

#[test]
fn without_nats_metrics_and_readiness_say_that_nobody_watches_and_it_goes_on_by_itself() {
    let mut server = Server::alone();
    let datadog = Recorder::answering(202);
    let config = format!(
        "privacy: {{ key: the-same-for-all }}\n\
         journal: {{ nats: {{ urls: [\"nats://127.0.0.1:{}\"], user: sso, password: s3cret, replicas: 1 }} }}\n\
         sinks: {{ datadog: {{ api_key: k, metrics_url: \"{url}\", logs_url: \"{url}\" }} }}\n",
        server.client,
        url = datadog.url(),
    );
    let daemons = [Daemon::start(&config), Daemon::start(&config)];
    daemons[0].push(&sign_in("before"));
    wait::until("the owner watches", || {
        has(&daemons[0], "ssowatch_journal_owner 1")?;
        says(&daemons[0], "/-/ready").filter(|(status, _)| *status == 200)
    });
    wait::until("so does the standby", || {
        has(&daemons[1], "ssowatch_journal_owner 0")?;
        says(&daemons[1], "/-/ready").filter(|(status, _)| *status == 200)
    });

    server.kill();
    wait::until("nobody owns the journal", || {
        has(&daemons[0], "ssowatch_journal_owner 0")?;
        has(&daemons[1], "ssowatch_journal_owner 0")
    });
    for daemon in &daemons {
        let ready = || says(daemon, "/-/ready").filter(|(status, _)| *status == 503);
        let (_, words) = wait::until("it is not ready", ready);
        assert!(words.contains("journal"), "{words}");
        // What Prometheus needs to page: that it answers, and what is missing.
        let text = daemon.metrics();
        assert!(text.contains("\nssowatch_build_info{"), "{text}");
        assert!(!text.contains("\nssowatch_incidents{"), "no Watchdog: {text}");
        assert!(!text.contains("\nsso_"), "{text}");
        assert_eq!(says(daemon, "/-/healthy").unwrap().0, 200, "a restart would not help");
        assert_eq!(says(daemon, "/-/owner").unwrap().0, 503);
        // Senders keep what cannot be made durable.
        let answer = http::post(&format!("{}/v1/events", daemon.intake), sign_in("meanwhile"));
        assert_eq!(answer.status, 503, "{answer:?}");
        let error: Value = answer.json();
        assert!(error["error"].as_str().is_some_and(|error| !error.is_empty()), "{error}");
    }

    server.start_again();
    let owner = wait::until("one owns the journal again", || {
        daemons.iter().find(|daemon| has(daemon, "ssowatch_journal_owner 1").is_some())
    });
    for daemon in &daemons {
        wait::until("it is ready again", || {
            says(daemon, "/-/ready").filter(|(status, _)| *status == 200)
        });
    }
    owner.push(&sign_in("after"));
    wait::until("what came before counts, and what comes now", || {
        (owner.count("sso_sessions_started_total{connection_id=\"conn_1\"}") >= 2).then_some(())
    });
    // What got no answer in time may have been taken by NATS: then it counts, once.
    let received = owner.count("ssowatch_events_received_total{source=\"push\"}");
    assert!((2..=3).contains(&received), "{}", owner.metrics());
}
