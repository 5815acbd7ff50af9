//! Several instances over real NATS: each event counts once and each incident is told once, whoever is killed, stopped or away.

use std::fmt::Write;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use reqwest::blocking::Client;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tokio::time::Instant;

use crate::component::{Component, Place, free_port};
use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::recorder::Recorder;
use crate::{http, installed, wait};

/// What `docs/scaling.md` promises of the time in which nobody judges.
const TAKEOVER_MAX: Duration = Duration::from_secs(15);

/// A server of NATS with JetStream.
pub(crate) struct Server {
    component: Component,
    /// Its port.
    pub(crate) client: u16,
}

impl Server {
    /// One alone.
    pub(crate) fn alone() -> Self {
        let port = free_port();
        Self::start(port, &[port])
    }

    /// Each server of a cluster that listens for the others on `routes`.
    fn cluster(routes: &[u16]) -> Vec<Self> {
        routes.iter().map(|own| Self::start(*own, routes)).collect()
    }

    fn start(own: u16, routes: &[u16]) -> Self {
        let plan = |place: &Place| {
            let client = free_port();
            let mut config = format!(
                "listen: 127.0.0.1:{client}\nserver_name: n{own}\njetstream {{ store_dir: \"js\", max_file_store: 64GB }}\n\
                 authorization {{ user: sso, password: \"s3cret\" }}\n"
            );
            if routes.len() > 1 {
                let others: Vec<_> =
                    routes.iter().map(|port| format!("nats-route://127.0.0.1:{port}")).collect();
                let others = others.join(", ");
                writeln!(
                    config,
                    "cluster {{ name: c, listen: 127.0.0.1:{own}, routes: [{others}] }}"
                )
                .unwrap();
            }
            place.write("nats.conf", config);
            (command(place), client)
        };
        let (component, client, ()) =
            Component::start("nats-server", plan, |place, _| ready(place));
        Self { component, client }
    }

    pub(crate) fn kill(&mut self) {
        self.component.kill();
    }

    pub(crate) fn start_again(&mut self) {
        self.component.start_again(command, ready);
    }
}

pub(crate) fn command(_: &Place) -> Command {
    let mut command = installed::server("nats-server");
    command.args(["-c", "nats.conf"]);
    command
}

pub(crate) fn ready(place: &Place) -> Option<()> {
    let log = std::fs::read_to_string(place.path().join("log")).unwrap_or_default();
    log.contains("Server is ready").then_some(())
}

/// An instance's configuration: a rule that a handful of failures reaches, and who is told.
pub(crate) fn config(servers: &[Server], pager: &Recorder) -> String {
    let urls: Vec<_> =
        servers.iter().map(|server| format!("\"nats://127.0.0.1:{}\"", server.client)).collect();
    format!(
        r#"
privacy: {{ key: the-same-for-all }}
journal: {{ nats: {{ urls: [{}], user: sso, password: s3cret, replicas: {} }} }}
built_in_alerts: false
rules:
  - {{ name: ManyFailures, metric: failure_ratio, op: ">", value: 0.5, window: 5m, min_attempts: 4, keep_firing_for: 0s }}
receivers:
  - pagerduty: {{ routing_key: R0123456789, url: "{}" }}
"#,
        urls.join(", "),
        if servers.len() == 1 { 1 } else { 3 },
        pager.url(),
    )
}

/// What PagerDuty was told: `trigger` or `resolve`, and the key.
pub(crate) fn told(pager: &Recorder) -> Vec<(String, String)> {
    let bodies = pager.bodies("/v2/enqueue").into_iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    bodies.map(|body| (text(&body["event_action"]), text(&body["dedup_key"]))).collect()
}

/// The index of the one instance that says it owns the journal.
fn owner(daemons: &[&Daemon]) -> Option<usize> {
    let owns = |daemon: &&Daemon| {
        let request = impatient().get(format!("{}/-/owner", daemon.admin));
        http::try_send(request).is_some_and(|answer| answer.status == 200)
    };
    daemons.iter().position(owns)
}

/// A client for instances that may have been stopped.
fn impatient() -> &'static Client {
    static CLIENT: std::sync::LazyLock<Client> = std::sync::LazyLock::new(|| {
        Client::builder().no_proxy().timeout(Duration::from_secs(3)).build().unwrap()
    });
    &CLIENT
}

/// Waits for an owner other than `before`, no longer than is promised.
pub(crate) fn takeover(daemons: &[&Daemon], before: usize) -> usize {
    let begun = Instant::now();
    let next = wait::until("another instance takes over", || {
        owner(daemons).filter(|owner| *owner != before)
    });
    let took = begun.elapsed();
    eprintln!("taken over after {:.1} s", took.as_secs_f64());
    assert!(took <= TAKEOVER_MAX, "{took:?}");
    next
}

pub(crate) fn signal(daemon: &Daemon, signal: Signal) {
    let id = Pid::from_raw(i32::try_from(daemon.id()).unwrap()).unwrap();
    kill_process_group(id, signal).unwrap();
}

/// `count` ends of sign-ins on one connection, in one body.
fn ends(name: &str, count: usize) -> String {
    let at = now_millis() - 1000;
    (0..count).map(|n| event(name, Some("conn_1"), &format!("{name}_{n}"), at)).collect()
}

/// Sign-ins that started on `conn_2`, as the owner counts them.
pub(crate) fn started(daemon: &Daemon) -> u64 {
    daemon.count("sso_sessions_started_total{connection_id=\"conn_2\"}")
}

/// Sends the `n`th body of sign-ins to one instance after the other, until one takes it. As a sender does who was not answered.
fn send(daemons: &[&str], n: u64) -> u64 {
    const EACH: u64 = 20;
    let at = now_millis() - 500;
    let session = |m| format!("{n}_{m}");
    let body: String =
        (0..EACH).map(|m| event("sso_started", Some("conn_2"), &session(m), at)).collect();
    for try_number in 0..60 {
        let place = (usize::try_from(n).unwrap() + try_number) % daemons.len();
        let request = impatient().post(format!("{}/v1/events", daemons[place])).body(body.clone());
        if http::try_send(request).is_some_and(|answer| answer.status == 200) {
            return EACH;
        }
    }
    panic!("no instance takes body {n}");
}

#[test]
fn a_standby_takes_over_and_everything_counts_and_is_told_once() {
    let servers = [Server::alone()];
    let pager = Recorder::answering(202);
    let config = config(&servers, &pager);
    let mut first = Daemon::start(&config);
    let second = Daemon::start(&config);
    assert_eq!(owner(&[&first, &second]), Some(0), "who comes first owns the journal");

    // The same event by both ways counts once, and the page of either shows it.
    let failures = ends("sso_failed", 6);
    first.push(&failures);
    second.push(&failures);
    wait::until("the standby's are there", || {
        (first.count("ssowatch_events_duplicate_total{source=\"push\"}") == 6).then_some(())
    });
    wait::until("PagerDuty is told", || told(&pager).pop());
    let incidents = |daemon: &Daemon| {
        let all = http::get(&format!("{}/api/v1/incidents", daemon.admin)).json();
        let all = all["incidents"].as_array().unwrap().clone().into_iter();
        let own = all.filter(|incident| incident["alertname"] == "ManyFailures");
        own.map(|incident| {
            ["id", "state", "started_at", "fired_at", "summary"]
                .map(|key| incident[key].to_string())
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(incidents(&first).len(), 1);
    let alike = wait::briefly(|| (incidents(&first) == incidents(&second)).then_some(()));
    assert!(alike.is_some(), "{:#?}\n{:#?}", incidents(&first), incidents(&second));
    let text = second.metrics();
    assert!(!text.contains("\nsso_"), "Prometheus has each series from the owner alone");
    assert!(text.contains("\nssowatch_journal_owner 0\n"), "{text}");

    first.kill();
    let addresses = [second.intake.as_str()];
    let mut sent = send(&addresses, 0);
    takeover(&[&second], 1);
    sent += send(&addresses, 1);
    wait::until("what came meanwhile is there", || (started(&second) == sent).then_some(()));
    assert_eq!(second.count("ssowatch_events_received_total{source=\"push\"}"), 6 + sent);

    // Back as a standby, and, after an orderly stop of the owner, as the owner.
    first.start_again();
    first.push(&ends("sso_succeeded", 20));
    wait::until("PagerDuty is told the end", || (told(&pager).len() == 2).then_some(()));
    let told = told(&pager);
    assert_eq!([&*told[0].0, &*told[1].0], ["trigger", "resolve"]);
    assert_eq!(told[0].1, told[1].1, "the same key, though two told it");
    signal(&second, Signal::TERM);
    let begun = Instant::now();
    wait::until("it is given the journal", || owner(&[&first]));
    assert!(begun.elapsed() < Duration::from_secs(8), "a stop is no silence: nobody waits for it");
    wait::until("it counts as the one before", || (started(&first) == sent).then_some(()));
}

#[test]
fn a_cluster_loses_a_server_an_owner_and_an_owner_who_comes_back() {
    let mut servers = Server::cluster(&[free_port(), free_port(), free_port()]);
    let pager = Recorder::answering(202);
    let config = config(&servers, &pager);
    let mut daemons: Vec<_> = (0..3).map(|_| Daemon::start(&config)).collect();
    let (sent, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    daemons[1].push(&ends("sso_failed", 6));
    wait::until("PagerDuty is told", || told(&pager).pop());

    let run = |daemons: &[Daemon], what: &dyn Fn(&[&Daemon])| {
        let all: Vec<_> = daemons.iter().collect();
        let addresses: Vec<_> = daemons.iter().map(|daemon| daemon.intake.as_str()).collect();
        stop.store(false, Ordering::Relaxed);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let n = sent.load(Ordering::Relaxed) / 20;
                    sent.fetch_add(send(&addresses, n), Ordering::Relaxed);
                }
            });
            what(&all);
            stop.store(true, Ordering::Relaxed);
        });
    };
    let more = || {
        let target = sent.load(Ordering::Relaxed) + 400;
        wait::until("events are taken", || (sent.load(Ordering::Relaxed) >= target).then_some(()));
    };

    // A server goes and comes back, under load; two are enough.
    run(&daemons, &|_| more());
    servers[0].kill();
    run(&daemons, &|_| more());
    servers[0].start_again();
    run(&daemons, &|_| more());

    // The owner dies, under load at the others.
    let before = wait::until("there is an owner", || owner(&daemons.iter().collect::<Vec<_>>()));
    daemons[before].kill();
    run(&daemons, &|all| {
        takeover(all, before);
    });
    daemons[before].start_again();

    // The owner is stopped for longer than anybody waits for it, and goes on as if nothing had been.
    let before = wait::until("there is an owner", || owner(&daemons.iter().collect::<Vec<_>>()));
    signal(&daemons[before], Signal::STOP);
    run(&daemons, &|all| {
        takeover(all, before);
    });
    signal(&daemons[before], Signal::CONT);
    run(&daemons, &|all| {
        more();
        wait::until("who was stopped is a standby", || {
            let answer = http::try_get(&format!("{}/-/owner", all[before].admin))?;
            (answer.status == 503).then_some(())
        });
    });

    daemons[0].push(&ends("sso_succeeded", 20));
    wait::until("PagerDuty is told the end", || (told(&pager).len() >= 2).then_some(()));
    let told = told(&pager);
    let actions: Vec<_> = told.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(actions, ["trigger", "resolve"], "each once, of whomever");
    assert_eq!(told[0].1, told[1].1);
    let all: Vec<_> = daemons.iter().collect();
    let sent = sent.load(Ordering::Relaxed);
    wait::until("all that was acknowledged is counted", || {
        (started(all[owner(&all)?]) == sent).then_some(())
    });
    let owner = all[owner(&all).unwrap()];
    let received = owner.count("ssowatch_events_received_total{source=\"push\"}");
    assert_eq!(received, sent + 26, "and nothing twice");
    eprintln!("{sent} events counted once");
}
